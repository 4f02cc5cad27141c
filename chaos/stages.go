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

// Faults that have a system of their own: because what was acknowledged before is not there any more, because they need
// limits, or a small disk.

// limited repeats a send when its sender has reached the limit: the answer is the first message, not a refusal.
func (p plan) limited(ctx context.Context, r *report, root, binary string) (ok bool, err error) {
	const name = "a send repeated when a limit was reached"
	p.people = 3
	w, err := p.system(ctx, r, root, binary, options{nodes: 1, limits: "on"}, name)
	if err != nil {
		return false, err
	}
	defer w.end()
	r.happened(name)
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
func (p plan) restored(ctx context.Context, r *report, root, binary string) (ok bool, err error) {
	const name = "an older copy of the database restored"
	w, err := p.system(ctx, r, root, binary, options{nodes: 1, still: true}, name) // who is in a group is restored, too
	if err != nil {
		return false, err
	}
	defer w.end()
	r.happened(name)
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
		func() error { return w.postgres.server.end(syscall.SIGINT, 20*time.Second) },
		func() error { return w.postgres.copyData(ctx, "older") },
		func() error { return w.postgres.start(ctx) },
		func() error { return speak(4 * time.Second) },
		func() error { return w.postgres.server.end(syscall.SIGINT, 20*time.Second) },
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

// diskFull fills the disk that the data is on, while the write-ahead log is elsewhere, and gives room again.
func (p plan) diskFull(ctx context.Context, r *report, root, binary string) (ok bool, err error) {
	const name = "disk full under the data, then room again"
	small := filepath.Join(root, "small")
	if err := os.MkdirAll(small, 0o711); err != nil { // PostgreSQL runs as another user, who must pass here
		return false, err
	}
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size=112m,mode=711"); err != nil {
		r.note("Not tried: %s. It needs a small disk, and this machine does not let one be made: %v.", name, err)
		return true, nil
	}
	defer func() { err = errors.Join(err, syscall.Unmount(small, syscall.MNT_DETACH)) }()
	w, err := p.system(ctx, r, root, binary, options{nodes: 1, data: small}, name)
	if err != nil {
		return false, err
	}
	defer w.end()
	r.happened(name)
	w.talk()
	sleep(ctx, 2*time.Second)
	since := w.rec.Now()
	ballast := filepath.Join(small, "ballast")
	fill := func(context.Context) error { // as long as something can be written
		f, err := os.OpenFile(ballast, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		defer f.Close()
		for chunk := make([]byte, 4<<10); err == nil; {
			_, err = f.Write(chunk)
		}
		for _, post := range w.postsSince(since) {
			if post.status == http.StatusServiceUnavailable {
				return nil
			}
		}
		return errors.New("no send has been refused yet")
	}
	if err := until(ctx, 90*time.Second, fill); err != nil {
		return false, err
	}
	until5 := time.Now().Add(5 * time.Second)
	for time.Now().Before(until5) && ctx.Err() == nil {
		_ = fill(ctx)
		for _, who := range w.people[:2] {
			for _, t := range who.open()[:1] { // who can write can read
				if a, err := who.get(ctx, "/conversations/"+t.conversation, true); err != nil || a.status != http.StatusOK {
					w.problem("%s: a conversation cannot be read: %d, %v", name, a.status, err)
				}
			}
		}
		sleep(ctx, 200*time.Millisecond)
	}
	if err := os.Remove(ballast); err != nil {
		return false, err
	}
	w.sendAgain(ctx, name, 5*time.Second)
	w.clear(name, since, 5500*time.Millisecond)
	w.healed(ctx, name, back, whole)
	found, err := w.judged(ctx, name)
	if err != nil {
		return false, err
	}
	return w.said(found), nil
}
