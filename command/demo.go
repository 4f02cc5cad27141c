package command

import (
	"fmt"
	"io"
	"strconv"
	"time"
)

type makeDemo struct {
	People        int       `default:"60" placeholder:"N" help:"How many people (default: 60)."`
	Conversations int       `placeholder:"N" help:"How many conversations (default: 5 for 2 people)."`
	Messages      int       `placeholder:"N" help:"How many messages (default: 50 for each conversation)."`
	Seed          uint64    `default:"1" placeholder:"N" help:"Another number makes another world (default: 1)."`
	Now           time.Time `placeholder:"TIME" help:"When the world ends, such as 2026-03-01T12:00:00Z (default: now)."`
	IfEmpty       bool      `help:"Do nothing, and succeed, where there are people already."`
	Sessions      string    `placeholder:"FILE" help:"Log everybody in, and write each person's id and cookie into a new file: for load tests, only where nobody but this machine reaches the server."`
}

func (m makeDemo) Run(r *request) error {
	if m.Conversations == 0 {
		m.Conversations = m.People * 5 / 2
	}
	if m.Messages == 0 {
		m.Messages = m.Conversations * 50
	}
	started := time.Now()
	drawn := io.Discard
	if isTerminal(r.stderr) {
		drawn = r.stderr
	}
	progress := progressLine{w: drawn, all: m.Messages}
	made, err := r.app.Demo(r.ctx, r.cfg, r.log, NewDemo(m), progress.draw)
	progress.wipe()
	if err != nil {
		return err
	}
	if made.There {
		fmt.Fprintln(r.stdout, "There are people already; nothing was made.")
	} else {
		fmt.Fprintf(r.stdout, "Made %s people, %s conversations (%s of them groups) and %s messages in %.1f s.\n",
			grouped(m.People), grouped(m.Conversations), grouped(made.Groups), grouped(m.Messages), time.Since(started).Seconds())
	}
	if made.Password == "" {
		return nil
	}
	fmt.Fprintf(r.stdout, "Log in at %s as %s, an administrator, with the password %s; everybody has the same.\n",
		r.cfg.BaseURL, made.Username, made.Password)
	return nil
}

// progressEvery is how often the progress is drawn.
const progressEvery = 100 * time.Millisecond

// progressLine shows on a terminal how far a long piece of work has come.
type progressLine struct {
	w     io.Writer
	all   int
	drawn time.Time
}

func (p *progressLine) draw(n int) {
	if time.Since(p.drawn) > progressEvery {
		p.drawn = time.Now()
		fmt.Fprintf(p.w, "\r%s of %s messages", grouped(n), grouped(p.all))
	}
}

// wipe leaves nothing of the line.
func (p *progressLine) wipe() {
	if !p.drawn.IsZero() {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

// grouped writes a number with its thousands apart.
func grouped(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
