//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"parley/chaos/process"
)

// What pages say of who writes and who is there, and whom they want to hear of.
const (
	saysTyping = `{"type":"typing"}`
	saysHidden = `{"type":"activity","state":"hidden"}`
	saysActive = `{"type":"activity","state":"active"}`
)

func saysWatch(people []string) string {
	return `{"type":"watch","people":["` + strings.Join(people, `","`) + `"]}`
}

// The states of somebody who has pages open.
const (
	stateOnline = "online"
	stateAway   = "away"
)

// writes says whether a typing frame says that somebody writes: without anything to show it says that nobody does any more.
func writes(text []byte) bool {
	_, content, there := bytes.Cut(text, []byte(`"html":"`))
	return there && len(content) > 0 && content[0] != '"'
}

// states calls found for each person whose presence a frame brings.
func states(text []byte, found func(person, state []byte)) {
	person, state, quote := []byte(`data-presence=\"`), []byte(`data-state=\"`), []byte(`\"`)
	for {
		_, rest, there := bytes.Cut(text, person)
		if !there {
			return
		}
		text = rest
		of, own, _ := bytes.Cut(rest, quote)
		if next := bytes.Index(own, person); next >= 0 {
			own = own[:next]
		}
		if _, own, there = bytes.Cut(own, state); there {
			is, _, _ := bytes.Cut(own, quote)
			found(of, is)
		}
	}
}

// heardOf says whether a frame brings this state of this person.
func heardOf(text []byte, person, state string) (yes bool) {
	states(text, func(of, is []byte) { yes = yes || string(of) == person && string(is) == state })
	return yes
}

// What signals are of.
const (
	whatTyping   = "typing"
	whatPresence = "presence"
)

// signals is one kind of what E1 measures: a page says it by its socket, and the page of somebody else is brought it.
type signals struct {
	what  string
	rate  float64
	say   func(n int) (from, to int, text string) // who says the one with the number n to whom, by their seats
	heard func(n int, text []byte) bool           // whether a frame brings it
}

// signal measures a window of signals. They bear no number: what a seat is brought is taken for the last one that was due to
// it, so that one that was left out is late for nobody. How many were brought is told.
func (r *run) signal(ctx context.Context, h *hall, k signals, parts []part, w *window) error {
	w.Scenario, w.Case = "E1", fmt.Sprintf("%s, %.0f/s", k.what, k.rate)
	b := newBoard(0, schedule{rate: k.rate, warm: r.sizes.warm, length: r.sizes.length}, 1)
	b.grace = 2 * time.Second
	awaited := make([]atomic.Int64, len(h.seats)) // by seat: the number of the signal, and one; 0: none
	hears := ear(func(s *seat, text []byte, at time.Time) {
		n := awaited[s.number].Load()
		if n > 0 && k.heard(int(n-1), text) && awaited[s.number].CompareAndSwap(n, 0) {
			b.receive(int(n-1), true, at)
			h.frames.Add(1)
			h.bytes.Add(int64(len(text)))
		}
	})
	h.ear.Store(&hears)
	defer h.ear.Store(nil)
	err := r.traffic(ctx, h, b, parts, w, func(_ context.Context, _ *caller, n int) error {
		from, to, text := k.say(n)
		awaited[to].Store(int64(n) + 1)
		return h.seats[from].say(text)
	})
	w.Lost = 0 // a signal is no message: whoever says it again before it is over need not be heard again
	w.set(valueBrought, float64(w.Deliveries)/float64(max(1, w.Due)))
	w.set(valueFrame, float64(h.frame()))
	return err
}

// typing is everybody of the pairs writing, the two of each at different times.
func typing(pairs int, rate float64) signals {
	return signals{
		what: whatTyping, rate: rate * float64(2*pairs),
		say: func(n int) (from, to int, text string) {
			from = n%pairs*2 + side(n, pairs)
			return from, from ^ 1, saysTyping
		},
		heard: func(_ int, text []byte) bool { return is(text, isTyping) && writes(text) },
	}
}

// edges is the first of each pair, by the number of the pair, hiding the page and showing it again; the other one watches.
func edges(pairs []int, people []string, rate float64) signals {
	state := func(n int) (says, state string) {
		if side(n, len(pairs)) == 0 {
			return saysHidden, stateAway
		}
		return saysActive, stateOnline
	}
	return signals{
		what: whatPresence, rate: rate,
		say: func(n int) (from, to int, text string) {
			from = 2 * pairs[n%len(pairs)]
			text, _ = state(n)
			return from, from + 1, text
		},
		heard: func(n int, text []byte) bool {
			_, is := state(n)
			return heardOf(text, people[pairs[n%len(pairs)]], is)
		},
	}
}

// answered lets seats watch people, and returns what is heard of them once all are there, or the time is over; of whom nothing
// is heard there is nothing.
func answered(ctx context.Context, h *hall, watch map[int]string, patience time.Duration) (map[int]string, error) {
	var mu sync.Mutex
	known, there, all := map[int]string{}, map[int]bool{}, make(chan struct{})
	hears := ear(func(s *seat, text []byte, _ time.Time) {
		states(text, func(of, is []byte) {
			mu.Lock()
			defer mu.Unlock()
			if string(of) != watch[s.number] {
				return
			}
			known[s.number] = string(is)
			if string(is) == stateOnline && !there[s.number] {
				if there[s.number] = true; len(there) == len(watch) {
					close(all)
				}
			}
		})
	})
	h.ear.Store(&hears)
	defer h.ear.Store(nil)
	for n, person := range watch {
		if err := h.seats[n].say(saysWatch([]string{person})); err != nil {
			return nil, err
		}
	}
	select {
	case <-all:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(patience):
	}
	mu.Lock()
	defer mu.Unlock()
	return maps.Clone(known), nil
}

// errNoPresence says that a server does not answer a watch.
var errNoPresence = errors.New("the server does not answer who watches: it is from before presence")

// presence is scenario E. Each part but the first has a server that has just started.
func (r *run) presence(ctx context.Context) error {
	if r.sizes.crowd == 0 {
		r.say("  skipped: the short run has none")
		return nil
	}
	anew := func(part func(context.Context) error) func(context.Context) error {
		return func(ctx context.Context) error {
			if err := r.system.stop(); err != nil {
				return err
			}
			if _, err := r.system.start(ctx); err != nil {
				return err
			}
			return part(ctx)
		}
	}
	return r.unlessOlder(ctx, r.signs, anew(r.comings), anew(r.storms))
}

// unlessOlder runs one part after the other, and says so where the server knows no presence: that is no failure.
func (r *run) unlessOlder(ctx context.Context, parts ...func(context.Context) error) error {
	for _, part := range parts {
		err := part(ctx)
		if errors.Is(err, errNoPresence) {
			r.say("  skipped: %v", err)
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// plain are the pairs whose first is seen to be there by the second: others have asked not to be disturbed, say.
func (r *run) plain(known map[int]string, pairs int) (plain []int, err error) {
	for i := range pairs {
		if known[2*i+1] == stateOnline {
			plain = append(plain, i)
		}
	}
	switch {
	case len(known) == 0:
		return nil, errNoPresence
	case len(plain) == 0:
		return nil, fmt.Errorf("of %d people that are watched nobody is seen to be there", len(known))
	case len(plain) < pairs:
		r.say("  %d of %d people are seen to be there; the others stay as they are", len(plain), pairs)
	}
	return plain, nil
}

// signs is E1: pairs who write, and others who come and go, at the same time.
func (r *run) signs(ctx context.Context) error {
	pairs, err := r.directs(ctx, r.sizes.pairs+r.sizes.edgers)
	if err != nil {
		return err
	}
	restless, err := r.couplesOf(ctx, pairs[r.sizes.pairs:])
	if err != nil {
		return err
	}
	defer restless.leave()
	people := make([]string, len(restless.pairs))
	watch := map[int]string{}
	for i, p := range restless.pairs {
		people[i], watch[2*i+1] = p.A, p.A
		if err := restless.seats[2*i].say(saysActive); err != nil {
			return err
		}
	}
	known, err := answered(ctx, restless.hall, watch, 5*time.Second)
	if err != nil {
		return err
	}
	plain, err := r.plain(known, len(people))
	if err != nil {
		return err
	}
	writers, err := r.couplesOf(ctx, pairs[:r.sizes.pairs])
	if err != nil {
		return err
	}
	defer writers.leave()
	kinds := []signals{typing(len(writers.pairs), r.sizes.typing), edges(plain, people, r.sizes.edges)}
	halls := []*hall{writers.hall, restless.hall}
	if err := r.together(ctx, halls, kinds, subjectParley, r.system.parts()); err != nil {
		return err
	}
	lengths := []int{writers.frame(), restless.frame()}
	writers.leave()
	restless.leave()

	bare, err := startBare(ctx, r.folder)
	if err != nil {
		return err
	}
	defer bare.stop()
	for i, name := range []string{"writers", "restless"} {
		h := &hall{addr: bare.addr}
		defer h.leave()
		halls[i] = h
		sockets := 2 * []int{len(writers.pairs), len(people)}[i]
		nothing := newTimes()
		failed, err := h.fill(ctx, sockets, func(n int) (string, guest) {
			ask := url.Values{"hello": {"0"}, "seat": {name + strconv.Itoa(n)}, "to": {name + strconv.Itoa(n^1)}, "frame": {strconv.Itoa(lengths[i])}}
			if i == 1 {
				ask.Set("of", people[n/2])
			}
			return "/ws?" + ask.Encode(), guest{}
		}, nothing, nothing, func(int) {})
		if err == nil && failed > 0 {
			err = fmt.Errorf("%d of %d sockets of the bare server do not stand", failed, sockets)
		}
		if err != nil {
			return err
		}
		h.sort()
	}
	return r.together(ctx, halls, kinds, subjectFloor, bare.parts())
}

// sort puts each seat at the place of its number.
func (h *hall) sort() { slices.SortFunc(h.seats, func(a, b *seat) int { return a.number - b.number }) }

// together measures kinds of signals at the same time, each in a hall of its own. What the parts take they take for all.
func (r *run) together(ctx context.Context, halls []*hall, kinds []signals, subject string, parts []part) error {
	windows := make([]*window, len(kinds))
	group, ctx := errgroup.WithContext(ctx)
	for i, k := range kinds {
		windows[i] = &window{Subject: subject}
		group.Go(func() error { return r.signal(ctx, halls[i], k, parts, windows[i]) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, w := range windows {
		if err := r.done(w); err != nil {
			return err
		}
	}
	return nil
}

// watched are the people whom the page n watches: those behind it, all around.
func watched(people []guest, n, many int) (ids []string) {
	for i := range min(many, len(people)-1) {
		ids = append(ids, people[(n+1+i)%len(people)].id)
	}
	return ids
}

// tally counts what pages are brought of presence.
type tally struct {
	frames, people atomic.Int64
	last           atomic.Int64 // when, in nanoseconds since 1970
}

func (t *tally) hears(_ *seat, text []byte, at time.Time) {
	if !is(text, isPresence) {
		return
	}
	t.frames.Add(1)
	t.last.Store(at.UnixNano())
	states(text, func(_, _ []byte) { t.people.Add(1) })
}

// into writes it down.
func (t *tally) into(w *window) {
	w.set(valueSignFrames, float64(t.frames.Load()))
	w.set(valueSignPeople, float64(t.people.Load()))
	w.set(valueSignSocket, float64(t.frames.Load())/float64(max(1, w.Sockets)))
}

// comings is E2: of many sockets some go, and come back after a while; first nobody watches anybody, then everybody does.
func (r *run) comings(ctx context.Context) error {
	people := r.system.people[:min(r.sizes.churned, len(r.system.people), int(r.about.Files)-spared)]
	h := &hall{addr: r.system.addr}
	defer h.leave()
	upgrade, establish := newTimes(), newTimes()
	progress, stop := r.counts(len(people), "sockets")
	failed, err := h.fill(ctx, len(people), func(n int) (string, guest) { return "/ws", people[n] }, upgrade, establish, progress)
	if stop(); err == nil && failed > 0 {
		err = fmt.Errorf("%d of %d sockets do not stand", failed, len(people))
	}
	if err != nil {
		return err
	}
	h.sort()
	var alone float64
	for i, many := range []int{0, r.sizes.few} {
		w := &window{At: time.Now(), Scenario: "E2", Case: fmt.Sprintf("each watches %d", many), Subject: subjectParley, Asked: r.sizes.churned, Machine: calibrate(r.folder)}
		if err := r.churn(ctx, h, people, many, i, r.system.parts(), w); err != nil {
			return err
		}
		cores := w.Processor[partServer] / w.Seconds
		if w.set(valueCores, cores); many == 0 {
			alone = cores
		} else {
			w.set(valuePresence, cores-alone)
		}
		if err := r.done(w); err != nil {
			return err
		}
	}
	return nil
}

// churn measures a window in which sockets go and come back, each once; turn is 0 or 1 and says which, so that no window has those
// of the other.
func (r *run) churn(ctx context.Context, h *hall, people []guest, many, turn int, parts []part, w *window) error {
	counts := &tally{}
	hears := ear(counts.hears)
	h.ear.Store(&hears)
	defer h.ear.Store(nil)
	if many > 0 {
		for n, s := range h.seats {
			_ = s.say(saysWatch(watched(people, n, many))) // whoever did not come back has been counted
		}
		r.waits(ctx, min(5*time.Second, r.sizes.away), "everybody hears of whom they watch")
	}
	counts.frames.Store(0)
	counts.people.Store(0)
	plan := schedule{rate: r.sizes.gone, warm: r.sizes.away + r.sizes.warm, length: r.sizes.length}
	all, warm := plan.sends()
	if 2*all > len(h.seats) {
		return fmt.Errorf("%d sockets are too few for %d to go", len(h.seats), all)
	}
	w.Rate = plan.rate
	began := time.Now()
	stop := r.during(func() string {
		return fmt.Sprintf("they come and go, %.0f of %.0f s", time.Since(began).Seconds(), (plan.warm + plan.length).Seconds())
	})
	defer stop()
	var back sync.WaitGroup
	var failed atomic.Int64
	var before reading
	plan.run(ctx, began, func(n int, _ time.Time) {
		if n == warm {
			before = read(parts)
		}
		back.Go(func() {
			i := 2*n + turn
			h.seats[i].close()
			<-h.seats[i].ended
			process.Sleep(ctx, r.sizes.away)
			if ctx.Err() != nil {
				return
			}
			s, _, _, err := h.sit(ctx, i, "/ws", people[i])
			if err == nil && many > 0 {
				err = s.say(saysWatch(watched(people, i, many)))
			}
			if err != nil {
				failed.Add(1)
				return
			}
			h.seats[i] = s
		})
	})
	process.Sleep(ctx, time.Until(began.Add(plan.warm+plan.length)))
	w.used(before, read(parts))
	w.Sockets, w.Sends = len(h.seats), all-warm
	counts.into(w)
	back.Wait()
	w.Failed = int(failed.Load())
	return ctx.Err()
}

// storms is E3: all of a large group go at once, and come back at once, with the server and without.
func (r *run) storms(ctx context.Context) error {
	people := r.system.people[:min(r.sizes.crowd, len(r.system.people))]
	if _, err := r.gather(ctx, people); err != nil {
		return err
	}
	h := &hall{addr: r.system.addr}
	defer h.leave()
	if err := r.arrive(ctx, h, people); err != nil {
		return err
	}
	for _, c := range []struct {
		name string
		drop func() error
	}{
		{"the sockets cut", func() error { return nil }},
		{"the server restarted", func() error {
			if err := r.system.stop(); err != nil {
				return err
			}
			_, err := r.system.start(ctx)
			return err
		}},
	} {
		w := &window{At: time.Now(), Scenario: "E3", Case: c.name, Subject: subjectParley, Machine: calibrate(r.folder)}
		if err := r.storm(ctx, h, people, c.drop, r.system.parts, w); err != nil {
			return err
		}
		if err := r.done(w); err != nil {
			return err
		}
	}
	return nil
}

// arrive lets everybody come, and watch as soon as they stand, and waits until all is quiet.
func (r *run) arrive(ctx context.Context, h *hall, people []guest) error {
	counts := &tally{}
	hears := ear(counts.hears)
	h.ear.Store(&hears)
	defer h.ear.Store(nil)
	if err := r.come(ctx, h, people); err != nil {
		return err
	}
	r.quiet(ctx, counts)
	return ctx.Err()
}

func (r *run) come(ctx context.Context, h *hall, people []guest) error {
	h.stood = func(s *seat) { _ = s.say(saysWatch(watched(people, s.number, r.sizes.watched))) } // its end is noticed elsewhere
	nothing := newTimes()
	progress, stop := r.counts(len(people), "sockets")
	failed, err := h.fill(ctx, len(people), func(n int) (string, guest) { return "/ws", people[n] }, nothing, nothing, progress)
	if stop(); err == nil && failed > 0 {
		err = fmt.Errorf("%d of %d sockets do not stand", failed, len(people))
	}
	return err
}

// quiet waits until nothing has been heard of presence for a while: longer than somebody counts as there who is not.
func (r *run) quiet(ctx context.Context, counts *tally) {
	stop := r.during(func() string { return whole(counts.frames.Load()) + " frames of presence so far" })
	defer stop()
	calm, begun := r.sizes.away, time.Now()
	for ctx.Err() == nil && time.Since(begun) < 6*calm {
		last := time.Unix(0, counts.last.Load())
		if time.Since(begun) > calm && time.Since(last) > calm/2 {
			return
		}
		process.Sleep(ctx, calm/50)
	}
}

// storm cuts everybody off and lets them come back, and counts what they are brought of each other until all is quiet.
func (r *run) storm(ctx context.Context, h *hall, people []guest, drop func() error, parts func() []part, w *window) error {
	counts := &tally{}
	hears := ear(counts.hears)
	began := time.Now()
	h.leave()
	if err := drop(); err != nil {
		return err
	}
	before := read(parts())
	h.ear.Store(&hears)
	defer h.ear.Store(nil)
	if err := r.come(ctx, h, people); err != nil {
		return err
	}
	w.set(valueBack, time.Since(began).Seconds())
	r.quiet(ctx, counts)
	w.used(before, read(parts()))
	w.Sockets = len(h.seats)
	counts.into(w)
	return ctx.Err()
}
