package realtime

import (
	"slices"
	"sync"
	"time"

	"parley/chat"
)

// roster is who has pages at this node, and whether the pages are used. A page that was left counts as it was for a while, so
// that nobody is seen to go who only loads a page anew. All moments are given to it; nothing in it waits.
type roster struct {
	away time.Duration // so long without use a page counts as unused
	gone time.Duration // so long a page that was left counts

	mu     sync.Mutex
	people [presenceShares]map[chat.ID]*present
	turns  *agenda[chat.ID]      // when somebody's pages become something else by themselves
	news   map[chat.ID]struct{}  // of whom something else is to be said than was
	unsaid map[chat.ID]struct{}  // of whom it could not be said
	parted map[chat.ID]time.Time // who has gone, and when they were last there
	number int64                 // of the last page
	stays  bool                  // the node ends: its people are on their way to another
	signal chan struct{}
}

// present is somebody who has pages here.
type present struct {
	pages []*use
	noted time.Time // the last use that was written down
	moves time.Time // when all of their moves so far have had their pause
	held  time.Time // when what has moved too often is said; zero where nothing waits
}

// Whoever shows and hides a page all the time would keep every page busy that shows them, on all nodes.
const (
	movesAtOnce = 10
	movesPause  = 2 * time.Second // one more then
)

// use is how a page is used.
type use struct {
	number int64
	hidden bool
	used   time.Time // when it was last
	left   time.Time // since when the page is no more; zero while it is
}

func newRoster(away, gone time.Duration) *roster {
	r := &roster{
		away: away, gone: gone, turns: newAgenda[chat.ID](), news: map[chat.ID]struct{}{}, unsaid: map[chat.ID]struct{}{},
		parted: map[chat.ID]time.Time{}, signal: make(chan struct{}, 1),
	}
	for share := range r.people {
		r.people[share] = map[chat.ID]*present{}
	}
	return r
}

func (r *roster) ofLocked(person chat.ID) *present { return r.people[presenceShare(person)][person] }

func (r *roster) stateOf(u *use, now time.Time) chat.Where {
	if u.hidden || now.Sub(u.used) >= r.away {
		return chat.WhereAway
	}
	return chat.WhereHere
}

// enter notes a page that has come. It takes the place of those that were left and counted no more than it does.
func (r *roster) enter(person chat.ID, hidden bool, used, now time.Time) *use {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.number++
	u := &use{number: r.number, hidden: hidden, used: used}
	p := r.ofLocked(person)
	if p == nil {
		p = &present{}
		r.people[presenceShare(person)][person] = p
	}
	p.pages = slices.DeleteFunc(p.pages, func(old *use) bool {
		return !old.left.IsZero() && r.stateOf(old, now) <= r.stateOf(u, now)
	})
	p.pages = append(p.pages, u)
	r.newsLocked(person, p, now)
	return u
}

// touch notes that a page was used, or hidden: until then it was in use, if it was before.
func (r *roster) touch(person chat.ID, u *use, hidden bool, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.ofLocked(person)
	if p == nil || !u.left.IsZero() {
		return
	}
	before := r.stateOf(u, now)
	if !hidden || before == chat.WhereHere {
		u.used = now
	}
	u.hidden = hidden
	if r.stateOf(u, now) != before && p.move(now) {
		r.newsLocked(person, p, now)
	} else {
		r.turnLocked(person, p, now)
	}
}

// move says whether it may be said now that the person's pages are used otherwise; if not, it is said when held is over, as it is
// then.
func (p *present) move(now time.Time) bool {
	if !p.held.IsZero() {
		return false
	}
	moves := later(p.moves, now).Add(movesPause)
	if wait := moves.Sub(now) - movesAtOnce*movesPause; wait > 0 {
		p.held = now.Add(wait)
	}
	p.moves = moves
	return p.held.IsZero()
}

// leave notes that a page is no more. Where the node ends that says nothing.
func (r *roster) leave(person chat.ID, u *use, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.ofLocked(person)
	if p == nil || r.stays {
		return
	}
	if r.stateOf(u, now) == chat.WhereHere {
		u.used = now
	}
	u.left = now
	r.turnLocked(person, p, now)
	r.kick() // it may be due before anything else is
}

func (r *roster) newsLocked(person chat.ID, p *present, now time.Time) {
	r.news[person] = struct{}{}
	r.turnLocked(person, p, now)
	r.kick()
}

func (r *roster) kick() {
	select {
	case r.signal <- struct{}{}:
	default:
	}
}

// turnLocked notes when somebody's pages become something else by themselves.
func (r *roster) turnLocked(person chat.ID, p *present, now time.Time) {
	var next time.Time
	sooner := func(at time.Time) {
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	for _, u := range p.pages {
		if !u.left.IsZero() {
			sooner(u.left.Add(r.gone))
		}
		if r.stateOf(u, now) == chat.WhereHere {
			sooner(u.used.Add(r.away))
		}
	}
	if !p.held.IsZero() {
		sooner(p.held)
	}
	if next.IsZero() {
		r.turns.drop(person)
	} else {
		r.turns.set(person, next)
	}
}

// next is when something is due; what could not be said is at retry.
func (r *roster) next(retry time.Time) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := r.turns.next()
	if len(r.unsaid) > 0 && (next.IsZero() || retry.Before(next)) {
		return retry
	}
	return next
}

// take takes what is to be said of people now, and who has gone meanwhile.
func (r *roster) take(now time.Time) (held []holding, parted map[chat.ID]time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, person := range r.turns.take(now) {
		p := r.ofLocked(person)
		if p == nil || r.stays {
			continue
		}
		if !p.held.After(now) {
			p.held = time.Time{}
		}
		var last time.Time
		p.pages = slices.DeleteFunc(p.pages, func(u *use) bool {
			last = later(last, u.used)
			return !u.left.IsZero() && now.Sub(u.left) >= r.gone
		})
		if len(p.pages) == 0 {
			delete(r.people[presenceShare(person)], person)
			r.parted[person] = last
		}
		r.news[person] = struct{}{}
		r.turnLocked(person, p, now)
	}
	for person := range r.news {
		held = append(held, r.holdingLocked(person, now))
	}
	parted = r.parted
	r.news, r.parted = map[chat.ID]struct{}{}, map[chat.ID]time.Time{}
	return held, parted
}

// holdingLocked is all that there is of somebody.
func (r *roster) holdingLocked(person chat.ID, now time.Time) holding {
	h := holding{person: person}
	if p := r.ofLocked(person); p != nil {
		h.connections = make([]connection, len(p.pages))
		for i, u := range p.pages {
			h.connections[i] = connection{u.number, r.stateOf(u, now)}
		}
	}
	return h
}

// putBack keeps what could not be said until again.
func (r *roster) putBack(held []holding) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range held {
		r.unsaid[h.person] = struct{}{}
	}
}

// again lets be said what could not be.
func (r *roster) again() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.unsaid) == 0 {
		return
	}
	for person := range r.unsaid {
		r.news[person] = struct{}{}
	}
	r.unsaid = map[chat.ID]struct{}{}
	r.kick()
}

// share is all that there is of a share of the people.
func (r *roster) share(share int, now time.Time) []holding {
	r.mu.Lock()
	defer r.mu.Unlock()
	held := make([]holding, 0, len(r.people[share]))
	for person := range r.people[share] {
		held = append(held, r.holdingLocked(person, now))
	}
	return held
}

// where is where somebody is as far as this node has to do with it.
func (r *roster) where(person chat.ID, now time.Time) chat.Where {
	r.mu.Lock()
	defer r.mu.Unlock()
	best := chat.WhereUnknown
	if p := r.ofLocked(person); p != nil {
		for _, u := range p.pages {
			best = max(best, r.stateOf(u, now))
		}
	}
	return best
}

// seen returns when those of a share of the people, or of all, were last there who are, as far as that was not returned before.
func (r *roster) seen(now time.Time, shares ...int) map[chat.ID]time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := map[chat.ID]time.Time{}
	for _, share := range shares {
		for person, p := range r.people[share] {
			var last time.Time
			here := false
			for _, u := range p.pages {
				last = later(last, u.used)
				here = here || r.stateOf(u, now) == chat.WhereHere
			}
			if here && last.After(p.noted) {
				seen[person], p.noted = last, last
			}
		}
	}
	return seen
}

// close lets everybody stay as they are.
func (r *roster) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stays = true
}
