//go:build linux

package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// otherClock is laid over time.Now, in a binary that is built for this alone: the time of day is another one by as many
// seconds as CHAOS_CLOCK says. Timers and measured stretches go by the monotonic clock, which stays as it is, as on a
// machine whose clock is wrong.
const otherClock = `
func Now() Time {
	t := trueNow()
	if t.wall&hasMonotonic == 0 {
		t.ext += chaosClock
	} else {
		t.wall += uint64(chaosClock) << nsecShift
	}
	return t
}

var chaosClock = func() int64 {
	said, _ := syscall.Getenv("CHAOS_CLOCK")
	seconds, _ := atoi(said)
	return int64(seconds)
}()

func trueNow() Time {
`

// shifted is Go's own source of time.Now with otherClock laid over it, by its path.
func shifted(ctx context.Context) (map[string]string, error) {
	root, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("where Go is: %w", err)
	}
	path := filepath.Join(strings.TrimSpace(string(root)), "src", "time", "time.go")
	source, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	text := string(source)
	for from, to := range map[string]string{"\nfunc Now() Time {\n": otherClock, "\nimport (\n": "\nimport (\n\t\"syscall\"\n"} {
		if strings.Count(text, from) != 1 {
			return nil, fmt.Errorf("%s is not as expected: %q stands there %d times", path, from, strings.Count(text, from))
		}
		text = strings.Replace(text, from, to, 1)
	}
	return map[string]string{path: text}, nil
}

// clockOff lets the clock of one of two nodes go wrong, while sends go on through both. Everybody changes nodes, so that
// sessions and pages made by one clock are used by the other.
func (p plan) clockOff(ctx context.Context, name string) (ok bool, err error) {
	over, err := shifted(ctx)
	if err != nil {
		return false, err
	}
	began := time.Now()
	binary, err := build(ctx, p.root, "parley-shifted", "", over)
	if err != nil { // Go lets nothing be laid over a toolchain that it has loaded by itself
		p.report.note("Not tried: %s. The clock cannot be replaced: %v.", name, err)
		return true, nil
	}
	p.report.say("\nParley with another clock was built in %s", short(time.Since(began)))
	start := time.Now()
	w, err := p.system(ctx, options{nodes: 2, binary: binary, clocks: []time.Duration{0, time.Hour}}, name)
	if err != nil {
		return false, err
	}
	defer w.end()
	p.report.happened(name)
	if err := w.wrong(ctx, time.Hour); err != nil {
		return false, err
	}
	before, err := w.sessions(ctx)
	if err != nil {
		return false, err
	}
	w.talk()
	live := func() {
		sleep(ctx, 6*time.Second)
		w.change()
		w.healed(ctx, name, back, whole)
		sleep(ctx, 6*time.Second)
	}
	if err := repeatedBy(ctx, w, w.people[0], name); err != nil { // who is at the node whose clock is right
		return false, err
	}
	live()
	if err := w.repeatAgain(ctx); err != nil { // an hour later, as the node sees it
		return false, err
	}
	late := w.nodes[1]
	late.ahead = -time.Hour
	if err := late.process.End(syscall.SIGTERM, 40*time.Second); err != nil {
		return false, err
	}
	if err := w.returns(ctx, late, name); err != nil {
		return false, err
	}
	if err := w.wrong(ctx, -time.Hour); err != nil {
		return false, err
	}
	live()
	found, err := w.judged(ctx, name)
	if err != nil {
		return false, err
	}
	// What pages were told by one node equals what the other one says.
	w.change()
	w.healed(ctx, name, back, whole)
	again, err := w.judged(ctx, name+", asked at the other node")
	if err != nil {
		return false, err
	}
	if err := w.timely(ctx, name, start); err != nil {
		return false, err
	}
	after, err := w.sessions(ctx)
	if err != nil {
		return false, err
	}
	for id, session := range before {
		if after[id] != session {
			w.problem("%s: session %s was %+v, and is %+v", name, id, session, after[id])
		}
	}
	return w.said(merge(found, again)), nil
}

// wrong holds the premise: the second node tells another time.
func (w *world) wrong(ctx context.Context, want time.Duration) error {
	for i, want := range []time.Duration{0, want} {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.nodes[i].addr+"/healthz", nil)
		if err != nil {
			return err
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		_ = answer.Body.Close()
		says, err := http.ParseTime(answer.Header.Get("Date"))
		if err != nil {
			return err
		}
		if off := time.Until(says) - want; off.Abs() > time.Minute {
			return fmt.Errorf("the clock of node %s is not as wrong as it should be, by %s", w.nodes[i].name, off)
		}
	}
	return nil
}

// change sends everybody to another node than before.
func (w *world) change() {
	for _, p := range w.people {
		p.line.turn()
	}
}

type session struct {
	Began, Expires time.Time
	Revoked        bool
}

func (w *world) sessions(ctx context.Context) (map[string]session, error) {
	rows, err := w.database.Query(ctx, `SELECT id::text, created_at, expires_at, revoked_at IS NOT NULL FROM sessions`)
	if err != nil {
		return nil, err
	}
	sessions := map[string]session{}
	var id string
	var s session
	_, err = pgx.ForEachRow(rows, []any{&id, &s.Began, &s.Expires, &s.Revoked}, func() error {
		sessions[id] = s
		return nil
	})
	return sessions, err
}

// timely holds that what is stored bears the right time, which is the database's: nothing is of before the start or of a
// time to come, but what is meant to be; and messages are of the times in whose order they stand.
func (w *world) timely(ctx context.Context, name string, start time.Time) error {
	rows, err := w.database.Query(ctx, `
		SELECT table_name::text, column_name::text FROM information_schema.columns
		WHERE table_schema = 'public' AND data_type = 'timestamp with time zone' AND table_name NOT LIKE 'river%'
			AND table_name NOT LIKE '%version%' AND column_name NOT IN ('expires_at', 'quiet_until')`)
	if err != nil {
		return err
	}
	var columns [][2]string
	var column [2]string
	if _, err := pgx.ForEachRow(rows, []any{&column[0], &column[1]}, func() error {
		columns = append(columns, column)
		return nil
	}); err != nil {
		return err
	}
	looked := 0
	for _, column := range columns {
		table, column := pgx.Identifier{column[0]}.Sanitize(), pgx.Identifier{column[1]}.Sanitize()
		var all, wrong int
		err := w.database.QueryRow(ctx, `
			SELECT count(*), count(*) FILTER (WHERE t < $1 OR t > now() + interval '1 minute')
			FROM (SELECT `+column+` AS t FROM `+table+`) x WHERE t IS NOT NULL`, start.Add(-time.Minute)).Scan(&all, &wrong)
		if err != nil {
			return err
		}
		if looked += all; wrong > 0 {
			w.problem("%s: of %d values of %s.%s %d are of another time", name, all, table, column, wrong)
		}
	}
	var back int
	err = w.database.QueryRow(ctx, `
		SELECT count(*) FROM (
			SELECT created_at, max(created_at) OVER (PARTITION BY conversation_id ORDER BY seq) AS latest FROM messages
		) x WHERE created_at < latest - interval '6 seconds'`).Scan(&back) // as long as a send may wait for its place
	if err != nil {
		return err
	}
	if back > 0 || looked == 0 {
		w.problem("%s: of %d times that were looked at, %d go back", name, looked, back)
	}
	return nil
}
