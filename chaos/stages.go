//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/google/uuid"

	"parley/chaos/history"
)

// apart are faults that have a system of their own: because what was acknowledged before is not there any more, because
// they need limits, a small disk, another clock, or a browser.
var apart = []struct {
	name string
	run  func(p plan, ctx context.Context, name string) (ok bool, err error)
}{
	{"a send repeated when a limit was reached", plan.limited},
	{"an older copy of the database restored", plan.restored},
	{"disk full under the data, then room again", plan.diskFull},
	{"disk full under the write-ahead log, then room again", plan.logFull},
	{"the clock of one node an hour ahead, then an hour behind", plan.clockOff},
	{"two nodes upgraded one after the other", plan.upgraded},
	{"two real pages meanwhile", plan.realPages},
}

// limited repeats a send when its sender has reached the limit: the answer is the first message, not a refusal.
func (p plan) limited(ctx context.Context, name string) (ok bool, err error) {
	p.people = 3
	w, err := p.system(ctx, options{nodes: 1, limits: "on"}, name)
	if err != nil {
		return false, err
	}
	defer w.end()
	p.report.happened(name)
	who := w.people[0]
	path := "/conversations/" + who.open()[0].conversation + "/messages"
	say := func(client string) (answer, error) {
		return who.ask(ctx, http.MethodPost, path, url.Values{"body": {"a text"}, "client_id": {client}}, true)
	}
	known := uuid.NewString()
	first, err := say(known)
	if err != nil || len(first.content.Messages) != 1 {
		return false, fmt.Errorf("the first send: %d, %w", first.status, err)
	}
	again := make(chan answer, 200)
	var all sync.WaitGroup
	for range cap(again) { // at once, or the limit would not be reached
		all.Go(func() {
			if a, err := say(uuid.NewString()); err == nil {
				again <- a
			}
		})
	}
	all.Wait()
	close(again)
	refused := 0
	for a := range again {
		if a.status == http.StatusTooManyRequests {
			refused++
		}
	}
	second, err := say(known)
	switch {
	case err != nil:
		return false, err
	case refused == 0:
		w.problem("%s: the limit was not reached", name)
	case len(second.content.Messages) != 1 || second.content.Messages[0].ID != first.content.Messages[0].ID:
		w.problem("%s: it was answered with %d", name, second.status)
	}
	return w.said(nil), nil
}

// restored puts an older copy of the database in place of the present one while the node lives, by the steps of
// docs/self-hosting.md, which begin a new timeline. Then every page must show what is there now, and nothing else.
func (p plan) restored(ctx context.Context, name string) (ok bool, err error) {
	w, err := p.system(ctx, options{nodes: 1, still: true}, name) // who is in a group is restored, too
	if err != nil {
		return false, err
	}
	defer w.end()
	p.report.happened(name)
	speak := func(d time.Duration) error {
		w.talk()
		sleep(ctx, d)
		if err := w.hush(ctx, time.Minute); err != nil {
			return err
		}
		return w.complete(ctx, time.Minute)
	}
	if err := speak(3 * time.Second); err != nil {
		return false, err
	}
	for _, step := range []func() error{
		func() error { return w.postgres.server.End(syscall.SIGINT, 20*time.Second) },
		func() error { return w.postgres.copyData(ctx, "older") },
		func() error { return w.postgres.start(ctx) },
		func() error { return speak(4 * time.Second) },
		func() error { return w.postgres.server.End(syscall.SIGINT, 20*time.Second) },
		func() error { return w.postgres.restore(ctx, "older") },
		func() error { return w.postgres.start(ctx) },
	} {
		if err := step(); err != nil {
			return false, err
		}
	}
	began := time.Now()
	same := func(ctx context.Context) error {
		finals, err := w.finals(ctx)
		if err != nil {
			return err
		}
		if wrong := history.Judge(history.Evidence{Finals: finals}); len(wrong) > 0 {
			return fmt.Errorf("%s", wrong[0].What)
		}
		return nil
	}
	w.took(name, "no page shows what is not there any more", 0, 15*time.Second, until(ctx, time.Minute, same), &began)
	// And life goes on: what is said now takes the numbers of what is gone.
	if err := speak(3 * time.Second); err != nil {
		return false, err
	}
	e, err := w.look(ctx)
	if err != nil {
		return false, err
	}
	// What people had been acknowledged and were shown before is gone with the copy: that is what a restore means.
	found := history.Judge(history.Evidence{Rows: e.Rows, Heads: e.Heads, Stays: e.Stays, Finals: e.Finals, Lists: e.Lists})
	return w.said(append(found, history.Judge(history.Evidence{Convergences: e.Convergences})...)), nil
}

// smallDisk makes a disk of so many MiB that is full soon. Where the machine does not let one be made the report says so, and
// remove is nil.
func (p plan) smallDisk(name string, size int) (folder string, remove func() error, err error) {
	if folder, err = os.MkdirTemp(p.root, "small-"); err != nil {
		return "", nil, err
	}
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, fmt.Sprintf("size=%dm,mode=711", size)); err != nil { // PostgreSQL runs as another user, who must pass here
		p.report.note("Not tried: %s. It needs a small disk, and this machine does not let one be made: %v.", name, err)
		return "", nil, nil
	}
	return folder, func() error { return syscall.Unmount(folder, syscall.MNT_DETACH) }, nil
}

// fill writes into a file as long as there is room.
func fill(ballast string) error {
	f, err := os.OpenFile(ballast, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	for chunk := make([]byte, 4<<10); err == nil; {
		_, err = f.Write(chunk)
	}
	return nil
}

// refusals are how many sends were refused clearly since a moment.
func (w *world) refusals(since time.Duration) (n int) {
	for _, post := range w.postsSince(since) {
		if post.status == http.StatusServiceUnavailable {
			n++
		}
	}
	return n
}

// diskFull fills the disk that the data is on, while the write-ahead log is elsewhere, and gives room again.
func (p plan) diskFull(ctx context.Context, name string) (ok bool, err error) {
	small, remove, err := p.smallDisk(name, 112)
	if err != nil || remove == nil {
		return err == nil, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	w, err := p.system(ctx, options{nodes: 1, data: small}, name)
	if err != nil {
		return false, err
	}
	defer w.end()
	p.report.happened(name)
	w.talk()
	sleep(ctx, 2*time.Second)
	since, rises := w.rec.Now(), w.rises()
	ballast := filepath.Join(small, "ballast")
	err = until(ctx, 90*time.Second, func(context.Context) error {
		if err := fill(ballast); err != nil {
			return err
		}
		if w.refusals(since) == 0 {
			return errors.New("no send has been refused yet")
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end) && ctx.Err() == nil; sleep(ctx, 200*time.Millisecond) {
		if err := fill(ballast); err != nil {
			return false, err
		}
		for _, who := range w.people[:2] {
			for _, t := range who.open()[:1] { // who can write can read
				if a, err := who.get(ctx, "/conversations/"+t.conversation, true); err != nil || a.status != http.StatusOK {
					w.problem("%s: a conversation cannot be read: %d, %v", name, a.status, err)
				}
			}
		}
	}
	if err := os.Remove(ballast); err != nil {
		return false, err
	}
	return w.roomAgain(ctx, name, since, rises, 5*time.Second)
}

// roomAgain judges what a full disk has left behind. Bound is for the first success.
func (w *world) roomAgain(ctx context.Context, name string, since time.Duration, rises int, bound time.Duration) (ok bool, err error) {
	w.sendAgain(ctx, name, bound)
	w.clear(name, since)
	w.healed(ctx, name, back, whole)
	w.stood(name, rises)
	found, err := w.judged(ctx, name)
	if err != nil {
		return false, err
	}
	return w.said(found), nil
}

// logFull fills the disk that the write-ahead log of Parley's private PostgreSQL is on. Nobody can store anything then:
// PostgreSQL ends, and does not come back before there is room. Parley must say so clearly as long as that lasts, and bring
// it back by itself.
func (p plan) logFull(ctx context.Context, name string) (ok bool, err error) {
	small, remove, err := p.smallDisk(name, 80)
	if err != nil || remove == nil {
		return err == nil, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	w, err := p.system(ctx, options{nodes: 1, log: small}, name)
	if err != nil {
		return false, err
	}
	defer w.end()
	p.report.happened(name)
	w.talk()
	sleep(ctx, 2*time.Second)
	since, rises := w.rec.Now(), w.rises()
	ballast := filepath.Join(small, "ballast")
	began := time.Now()
	err = until(ctx, 90*time.Second, func(ctx context.Context) error {
		if err := fill(ballast); err != nil {
			return err
		}
		if w.refusals(since) > 0 {
			return nil
		}
		// What has been made of the log before is used up soon; until then there is no need for room.
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, err := w.database.Exec(ctx, `SELECT pg_switch_wal()`)
		return errors.Join(errors.New("no send has been refused yet"), err)
	})
	if err != nil {
		return false, err
	}
	p.report.say("  the log was full after %s", short(time.Since(began)))
	reads := 0
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end) && ctx.Err() == nil; sleep(ctx, 200*time.Millisecond) {
		if err := fill(ballast); err != nil {
			return false, err
		}
		if status, err := w.nodes[0].get(ctx, "/healthz"); err != nil || status != http.StatusOK {
			w.problem("%s: the node does not live: %d, %v", name, status, err)
		}
		who := w.people[0]
		asked := time.Now()
		a, err := who.get(ctx, "/conversations/"+who.open()[0].conversation, true)
		said := err == nil && (a.status == http.StatusOK || a.status == http.StatusServiceUnavailable)
		if took := time.Since(asked); !said || took > patience*time.Duration(w.options.slack) {
			w.problem("%s: a page was answered with %d, %v after %s", name, a.status, err, took)
		}
		reads++
	}
	if n := w.refusals(since); n == 0 || reads == 0 {
		w.problem("%s: %d sends were refused, and %d pages asked for", name, n, reads)
	}
	if err := os.Remove(ballast); err != nil {
		return false, err
	}
	return w.roomAgain(ctx, name, since, rises, privateBack)
}
