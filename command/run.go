package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/mattn/go-isatty"

	"parley/config"
)

// Exit codes.
const (
	exitOK          = 0
	exitError       = 1
	exitUsage       = 2
	exitInterrupted = 130 // 128 + SIGINT, as shells have it
)

// Process is the world around the command line. Tests make one of their own.
type Process struct {
	Args           []string // without the program's name
	Environ        []string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Signals delivers SIGINT and SIGTERM.
	Signals <-chan os.Signal
	// Exit ends the process at once; it is called for a second Ctrl+C only.
	Exit func(code int)
}

// Main runs the command that this process was started with and returns its exit code.
func Main(app App) int {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	return Run(app, Process{
		Args: os.Args[1:], Environ: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Signals: signals, Exit: os.Exit,
	})
}

const description = `Parley, a messaging server.

Settings come from environment variables; "parley config" lists them all. Without any, Parley listens on 127.0.0.1:8080
and keeps everything in the folder .data.`

// Run runs one command and returns its exit code: 0, 1 after an error, 2 where the arguments make no sense.
func Run(app App, p Process) int {
	exited := -1
	parser, err := kong.New(&grammar{},
		kong.Name("parley"), kong.Description(description), kong.Writers(p.Stdout, p.Stderr),
		kong.Exit(func(code int) { exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true, WrapUpperBound: 100}),
	)
	if err != nil {
		return report(p.Stderr, exitError, err.Error())
	}
	command, err := parser.Parse(p.Args)
	if exited >= 0 { // --help was answered
		return exited
	}
	if err != nil {
		return report(p.Stderr, exitUsage, err.Error()+" (see parley --help)")
	}
	r := &request{app: app, stdin: p.Stdin, stdout: p.Stdout, stderr: p.Stderr}
	if command.Command() != "version" { // which must work in any environment
		if r.cfg, err = config.Load(p.Environ); err != nil {
			return report(p.Stderr, exitError, strings.Split(err.Error(), "\n")...)
		}
	}
	r.log = newLog(p.Stderr, r.cfg)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	r.ctx = ctx
	done := make(chan struct{})
	defer close(done)
	go watch(done, p, stop)

	switch err := command.Run(r); {
	case err == nil:
		return exitOK
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return report(p.Stderr, exitInterrupted, "interrupted")
	default:
		return report(p.Stderr, exitError, explain(err, r.cfg))
	}
}

// watch stops the command on the first SIGINT or SIGTERM, and ends the process on the second SIGINT. A SIGTERM beside a
// SIGINT does not count as a second one: some supervisors send both, and the stop must stay graceful.
func watch(done <-chan struct{}, p Process, stop context.CancelFunc) {
	for interrupts := 0; ; {
		select {
		case <-done:
			return
		case s := <-p.Signals:
			stop()
			if s == os.Interrupt {
				interrupts++
			}
			if interrupts > 1 {
				p.Exit(exitInterrupted)
				return
			}
		}
	}
}

// report writes each line to w under the program's name and returns code.
func report(w io.Writer, code int, lines ...string) int {
	for _, line := range lines {
		fmt.Fprintf(w, "parley: %s\n", line)
	}
	return code
}

// newLog returns the log: for people in development and on a terminal, otherwise JSON, one object a line.
func newLog(w io.Writer, cfg config.Config) *slog.Logger {
	if !cfg.Dev && !isTerminal(w) {
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: cfg.LogLevel}))
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: cfg.LogLevel, ReplaceAttr: shortTime}))
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && isatty.IsTerminal(file.Fd())
}

// shortTime keeps of a line's time what a person reads: hours to milliseconds.
func shortTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.String(slog.TimeKey, a.Value.Time().Format("15:04:05.000"))
	}
	return a
}
