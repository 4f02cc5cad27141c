//go:build linux

package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"parley/chaos/process"
)

// callers is how many posts may be under way at once. The schedule does not wait for them: what finds none free waits, and
// the time counts.
const callers = 256

// grace is how long what was sent may take to arrive before it counts as lost.
const grace = 20 * time.Second

// sender posts the send n.
type sender func(ctx context.Context, c *caller, n int) error

// traffic sends by the board's schedule into a hall, and measures.
func (r *run) traffic(ctx context.Context, h *hall, b *board, parts []part, w *window, send sender) error {
	w.At, w.Machine, w.Rate, w.Sockets = time.Now(), calibrate(r.folder), b.plan.rate, len(h.seats)
	jobs := make(chan int, len(b.sends))
	var work sync.WaitGroup
	working, cancel := context.WithCancel(ctx)
	var saying sync.WaitGroup
	defer func() {
		cancel()
		saying.Wait()
	}()
	if r.acks {
		saying.Go(func() { h.acknowledge(working) })
	}
	defer r.during(b.far)()
	var gaveUp atomic.Bool
	b.begin = time.Now().Add(50 * time.Millisecond)
	h.now.Store(b)
	for range callers {
		work.Go(func() {
			c := &caller{addr: h.addr}
			defer c.close()
			for n := range jobs {
				if working.Err() != nil || gaveUp.Load() {
					continue
				}
				if err := send(working, c, n); err != nil {
					if b.errors.Add(1) == 1 && ctx.Err() == nil {
						r.say("    a send failed: %v", err)
					}
					continue
				}
				b.acknowledged(n, time.Now())
			}
		})
	}
	var before reading
	warmed := make(chan struct{})
	go func() {
		defer close(warmed)
		process.Sleep(ctx, time.Until(b.begin.Add(b.plan.warm)))
		before = read(parts)
		r.profile(ctx, w, b.plan.length)
	}()
	scheduled, giveUp := context.WithCancel(ctx)
	defer giveUp()
	go func() {
		for scheduled.Err() == nil {
			if b.hopeless() {
				gaveUp.Store(true)
				giveUp()
			}
			process.Sleep(scheduled, 20*time.Millisecond)
		}
	}()
	b.plan.run(scheduled, b.begin, func(n int, due time.Time) {
		b.fired(n, due)
		jobs <- n // there is room for all
	})
	close(jobs)
	process.Sleep(scheduled, time.Until(b.begin.Add(b.plan.warm+b.plan.length)))
	<-warmed
	after := read(parts)
	giveUp()
	posted := make(chan struct{})
	go func() { work.Wait(); close(posted) }()
	select {
	case <-posted:
	case <-time.After(grace):
		cancel()
		<-posted
	}
	for end := time.Now().Add(cmp.Or(b.grace, grace)); b.missing() > 0 && time.Now().Before(end) && ctx.Err() == nil; {
		process.Sleep(ctx, 20*time.Millisecond)
	}
	// What comes twice comes soon.
	process.Sleep(ctx, 300*time.Millisecond)
	w.used(before, after)
	b.into(w)
	w.GaveUp = gaveUp.Load()
	return ctx.Err()
}

// into writes down what became of the sends.
func (b *board) into(w *window) {
	w.Sends = len(b.sends) - b.warm
	w.Due = w.Sends * b.want
	w.Lost, w.Doubled, w.Failed = b.missing(), int(b.doubled.Load()), b.unsent()
	w.Times = map[string]spread{timeDelivered: b.delivered.spread(), timeAnswered: b.answered.spread(), timeLate: b.late.spread()}
	w.Deliveries = int(w.Times[timeDelivered].N)
	for i, name := range []string{time50, time95, time100} {
		if i < len(b.order) {
			w.Times[name] = b.reached[b.order[i]].spread()
		}
	}
}

// fragmentSender posts as the page's script does.
func fragmentSender(number int, who func(n int) (conversation, cookie string)) sender {
	return func(ctx context.Context, c *caller, n int) error {
		conversation, cookie := who(n)
		a, err := c.do(ctx, request{
			method: http.MethodPost, path: "/conversations/" + conversation + "/messages", cookie: cookie, fragment: true,
			form: "body=" + form(bodyOf(number, n)) + "&client_id=" + uuid.NewString(),
		})
		if err == nil && a.status != http.StatusOK {
			err = fmt.Errorf("a send is answered with %d", a.status)
		}
		return err
	}
}

// form escapes what stands in a body of ours.
func form(body string) string {
	b := make([]byte, 0, len(body)+16)
	for i := range len(body) {
		switch c := body[i]; c {
		case ' ':
			b = append(b, '+')
		case '?', ',':
			b = append(b, '%', "0123456789ABCDEF"[c>>4], "0123456789ABCDEF"[c&15])
		default:
			b = append(b, c)
		}
	}
	return string(b)
}

// profile fetches a CPU profile of the server while a window of Parley's is measured, where that is wanted. It returns at
// once.
func (r *run) profile(ctx context.Context, w *window, length time.Duration) {
	if w.Subject == subjectParley {
		r.profiling.Go(func() {
			r.fetchProfile(ctx, "cpu-"+w.Scenario+"-"+w.Case, "profile?seconds="+strconv.Itoa(max(1, int(length.Seconds()))))
		})
	}
}

// fetchProfile writes down one of the profiles that the server makes for those who look after it (PARLEY_ADMIN_ADDR).
func (r *run) fetchProfile(ctx context.Context, name, which string) {
	if r.system == nil || r.system.admin == "" {
		return
	}
	path := filepath.Join(r.out, safe(name)+".pprof")
	c := &caller{addr: r.system.admin}
	defer c.close()
	a, err := c.do(ctx, request{method: http.MethodGet, path: "/debug/pprof/" + which, keep: true})
	if err == nil && a.status != http.StatusOK {
		err = fmt.Errorf("answered with %d", a.status)
	}
	if err == nil {
		err = os.WriteFile(path, []byte(a.body), 0o600)
	}
	if err != nil {
		r.say("    no profile: %v", err)
		return
	}
	r.say("    profile: go tool pprof -top %s", path)
}

// safe is a name for a file.
func safe(name string) string {
	b := []byte(name)
	for i, c := range b {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			b[i] = '-'
		}
	}
	return string(b)
}
