//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// group is a group with the one who made it, and those who come and go.
type group struct {
	id     string
	owner  *person
	people []*person // without the owner
	out    map[*person]func()
}

// acquaint makes the conversations: each with the next one in the row, and groups of five. What who joins sees of the past
// differs from group to group.
func (w *world) acquaint(ctx context.Context) error {
	n := len(w.people)
	for i, p := range w.people {
		other := w.people[(i+1)%n]
		a, err := p.post(ctx, "/conversations", url.Values{"person": {other.id}})
		if err != nil || a.status != http.StatusSeeOther {
			return fmt.Errorf("%s and %s: %d, %w", p.name, other.name, a.status, err)
		}
		id := strings.TrimPrefix(a.header.Get("Location"), "/conversations/")
		for _, who := range []*person{p, other} {
			if err := who.visit(ctx, id); err != nil {
				return err
			}
		}
	}
	for i := range max(1, n/3) {
		g := &group{owner: w.people[i], out: map[*person]func(){}}
		form := url.Values{"name": {fmt.Sprintf("group %d", i)}, "about": {""}}
		for j := 1; j <= min(4, n-1); j++ {
			p := w.people[(i+j*2)%n]
			if p != g.owner && !slices.Contains(g.people, p) {
				g.people = append(g.people, p)
				form.Add("people", p.id)
			}
		}
		a, err := g.owner.post(ctx, "/conversations", form)
		if err != nil || a.status != http.StatusSeeOther {
			return fmt.Errorf("group %d: %d, %w", i, a.status, err)
		}
		g.id = strings.TrimPrefix(a.header.Get("Location"), "/conversations/")
		if i%2 == 1 {
			a, err := g.owner.post(ctx, "/conversations/"+g.id+"/settings", url.Values{
				"name": form["name"], "about": {""}, "who_adds": {"members"}, "who_writes": {"members"}, "history": {"joined"},
			})
			if err != nil || a.status != http.StatusSeeOther {
				return fmt.Errorf("settings of group %d: %d, %w", i, a.status, err)
			}
		}
		w.groups = append(w.groups, g)
		for _, p := range append([]*person{g.owner}, g.people...) {
			if err := p.visit(ctx, g.id); err != nil {
				return err
			}
		}
	}
	return nil
}

// talk lets people write, and come and go, until hush.
func (w *world) talk() {
	ctx, cancel := context.WithCancel(w.ctx)
	w.crowd = cancel
	writing := rand.New(rand.NewPCG(w.options.seed, 2)) //nolint:gosec // a run can be repeated
	moving := rand.New(rand.NewPCG(w.options.seed, 3))  //nolint:gosec // a run can be repeated
	w.crowding.Go(func() {
		tick := time.NewTicker(time.Second / time.Duration(w.options.rate))
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				w.writes(writing)
			}
		}
	})
	if w.options.still {
		return
	}
	w.crowding.Go(func() {
		for {
			sleep(ctx, time.Duration(500+moving.IntN(1000))*time.Millisecond)
			if ctx.Err() != nil {
				return
			}
			if moving.IntN(3) == 0 {
				w.blocks(w.ctx, moving)
				continue
			}
			w.moves(w.ctx, w.groups[moving.IntN(len(w.groups))], moving)
		}
	})
}

// hush lets people stop writing, and waits until each send has an answer.
func (w *world) hush(ctx context.Context, patience time.Duration) error {
	w.crowd()
	w.crowding.Wait()
	return until(ctx, patience, func(context.Context) error {
		if n := w.rec.Open(); n > 0 {
			return fmt.Errorf("%d sends have no answer", n)
		}
		return nil
	})
}

// mostWaiting is how many messages that were not sent yet people leave waiting in one conversation.
const mostWaiting = 20

// writes lets one person write in one of that person's conversations.
func (w *world) writes(random *rand.Rand) {
	p := w.people[random.IntN(len(w.people))]
	pick := random.Float64()
	if open := p.open(); len(open) > 0 {
		if t := open[int(pick*float64(len(open)))]; t.state().queued < mostWaiting {
			t.write()
		}
	}
}

// moves takes one person out of a group, or lets one leave, or takes one in again.
func (w *world) moves(ctx context.Context, g *group, random *rand.Rand) {
	p := g.people[random.IntN(len(g.people))]
	leaves := random.IntN(2) == 0
	if back, out := g.out[p]; out {
		back() // from here on p may be in it again
		a, _, err := g.owner.insist(ctx, "/conversations/"+g.id+"/members", url.Values{"people": {p.id}})
		if err != nil {
			return // the run ends
		}
		delete(g.out, p)
		if a.status != http.StatusSeeOther {
			w.problem("%s takes %s into %s: %d", g.owner.name, p.name, g.id, a.status)
			return
		}
		w.rec.Note("added", []string{p.id, g.id})
		if err := p.visit(ctx, g.id); err != nil && !errors.Is(err, context.Canceled) {
			w.problem("%v", err)
		}
		return
	}
	if len(g.out) >= len(g.people)-1 {
		return // somebody has to be there
	}
	who, path := g.owner, "/conversations/"+g.id+"/members/"+p.id+"/removal"
	if leaves {
		who, path = p, "/conversations/"+g.id+"/leave"
	}
	a, again, err := who.insist(ctx, path, url.Values{})
	if err != nil {
		return
	}
	// The second time there is nobody to remove any more, and nothing to leave.
	if done := a.status == http.StatusSeeOther || again && (a.status == http.StatusNotFound || a.status == http.StatusForbidden); !done {
		w.problem("%s out of %s: %d", p.name, g.id, a.status)
		return
	}
	g.out[p] = w.rec.Absent(p.id, g.id)
}

// fold is a block that stands.
type fold struct {
	by, whom *person
	back     func()
}

// blocks lets somebody block another one of a group, or end that. One block stands at a time, between two who have no
// conversation of their own, which would be closed, and who own no group, into which they could not take each other.
func (w *world) blocks(ctx context.Context, random *rand.Rand) {
	if f := w.fold; f != nil {
		f.back() // from here on what was said is to be seen
		a, _, err := f.by.insist(ctx, "/settings/blocks/"+f.whom.id+"/end", url.Values{})
		if err != nil {
			return // the run ends
		}
		w.fold = nil
		if a.status != http.StatusSeeOther {
			w.problem("%s unblocks %s: %d", f.by.name, f.whom.name, a.status)
		}
		return
	}
	g := w.groups[random.IntN(len(w.groups))]
	by, whom := g.people[random.IntN(len(g.people))], g.people[random.IntN(len(g.people))]
	n, i, j := len(w.people), slices.Index(w.people, by), slices.Index(w.people, whom)
	if apart := (j - i + n) % n; min(i, j) < max(1, n/3) || apart < 2 || apart > n-2 {
		return
	}
	a, _, err := by.insist(ctx, "/settings/blocks", url.Values{"person": {whom.id}})
	if err != nil {
		return
	}
	if a.status != http.StatusSeeOther {
		w.problem("%s blocks %s: %d", by.name, whom.name, a.status)
		return
	}
	w.fold = &fold{by: by, whom: whom, back: w.rec.Folded(by.id, whom.id)}
	w.rec.Note("blocked", []string{by.id, whom.id})
}
