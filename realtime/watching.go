package realtime

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"parley/chat"
	"parley/views"
)

// What a page shows of people: it says whose it shows, and is brought what its person may see of them, as it changes. A move of
// somebody is only a hint; whoever is watched is looked for anew, by one goroutine, so that no older answer comes behind a newer
// one. Another one asks what is stored: of each pair, what the one may see of the other, and of each person the rest.

const (
	// A page says whom it shows when it has connected, and when that changes. Whoever says it more often is answered later.
	watchRate  = 1
	watchBurst = 10

	movedAtOnce = 1000 // people who are looked for in one go
	factsAtOnce = 500  // people in one statement
	pairsAtOnce = 1000 // the same for pairs
)

// watching is who is watched by pages of this node.
type watching struct {
	asks   asks
	gather time.Duration // so long after a frame what is to be brought is gathered for the next
	send   func(*Socket, []byte)

	mu     sync.Mutex
	people [presenceShares]map[chat.ID]*watched
	moved  map[chat.ID]struct{} // who is to be looked for
	facts  map[chat.ID]struct{} // of whom is to be asked what is stored
	pairs  []sightOf            // of whom is to be asked what may be seen
	ends   *agenda[chat.ID]     // when a status ends
	later  *agenda[*Socket]     // pages that say too often whom they show
	pauses []pause              // after frames; the oldest first
	signal chan struct{}        // for the one that looks
	asking chan struct{}        // for the one that asks
}

// asks are whom watching asks.
type asks struct {
	where    func(context.Context, []chat.ID) map[chat.ID]chat.Where
	viewSeqs func(context.Context, []chat.ID) (map[chat.ID]int64, error)
	facts    func(context.Context, []chat.ID) (map[chat.ID]chat.PresenceFacts, error)
	sights   func(context.Context, []chat.Pair) (map[chat.Pair]chat.Sight, error)
}

// watched is somebody whom pages show.
type watched struct {
	id       chat.ID
	by       map[*Socket]int // where in what the page shows
	where    chat.Where
	found    bool // where is known
	counted  bool // viewSeq is known
	viewSeq  int64
	facts    chat.PresenceFacts
	known    bool // facts are
	waits    bool // for facts that are newer
	elements map[elementKind]*element
}

// shown is what a page shows, guarded by watching.mu.
type shown struct {
	looks   []look // in the order of the ids
	changed []int  // of which something is to be brought
	noted   bool   // a pass is to look at it
	paused  bool
	ended   bool
	limit   *rate.Limiter
	wanted  []chat.ID // whom it wants to show later
}

// look is what a page shows of one person.
type look struct {
	at      *watched
	sight   chat.Sight
	asked   question
	changed bool
	sent    *element // nil: nothing yet
}

// question says how far it is known what may be seen.
type question int8

const (
	unasked question = iota
	asked
	answered
)

// sightOf is a question: what a page's person may see of somebody.
type sightOf struct {
	socket *Socket
	at     *watched
}

// pause is a page that was brought something, and until when it is brought nothing more.
type pause struct {
	socket *Socket
	until  time.Time
}

// elementKind is for whom somebody looks the same.
type elementKind struct {
	language, zone string
	sight          chat.Sight
}

// element is what is shown of somebody, as it stands in a frame.
type element struct {
	text    []byte
	nothing bool
	alone   []byte // the frame with nothing else in it, once it was made
}

func newWatching(a asks, gather time.Duration, send func(*Socket, []byte)) *watching {
	w := &watching{
		asks: a, gather: gather, send: send, moved: map[chat.ID]struct{}{}, facts: map[chat.ID]struct{}{},
		ends: newAgenda[chat.ID](), later: newAgenda[*Socket](), signal: make(chan struct{}, 1), asking: make(chan struct{}, 1),
	}
	for share := range w.people {
		w.people[share] = map[chat.ID]*watched{}
	}
	return w
}

func (w *watching) ofLocked(person chat.ID) *watched { return w.people[presenceShare(person)][person] }

func kick(signal chan struct{}) {
	select {
	case signal <- struct{}{}:
	default:
	}
}

// watch notes whom a page shows from now on, of these at most [chat.MaxWatched].
func (w *watching) watch(s *Socket, people []chat.ID, now time.Time) {
	people = slices.Clone(people[:min(len(people), chat.MaxWatched)])
	slices.SortFunc(people, func(a, b chat.ID) int { return bytes.Compare(a[:], b[:]) })
	people = slices.Compact(people)
	w.mu.Lock()
	defer w.mu.Unlock()
	if s.shown.ended {
		return
	}
	if s.shown.limit == nil {
		s.shown.limit = rate.NewLimiter(watchRate, watchBurst)
	}
	if s.shown.wanted == nil {
		if delay := s.shown.limit.ReserveN(now, 1).DelayFrom(now); delay > 0 {
			w.later.set(s, now.Add(delay))
			w.wantLocked(s, people)
			kick(w.signal)
			return
		}
		w.watchLocked(s, people)
		return
	}
	w.wantLocked(s, people)
}

// wantLocked notes whom a page wants to show later. Who is not among them is brought again, should the page show them once more
// before: it has forgotten them.
func (w *watching) wantLocked(s *Socket, people []chat.ID) {
	s.shown.wanted = people
	for i := range s.shown.looks {
		l := &s.shown.looks[i]
		if _, wanted := slices.BinarySearchFunc(people, l.at.id, compareIDs); !wanted {
			l.sent = nil
		}
	}
}

func (w *watching) watchLocked(s *Socket, people []chat.ID) {
	before := s.shown.looks
	s.shown.looks, s.shown.changed = make([]look, len(people)), nil
	for i, id := range people {
		p := w.ofLocked(id)
		if p == nil {
			p = &watched{id: id, by: map[*Socket]int{}}
			w.people[presenceShare(id)][id] = p
			w.moved[id], w.facts[id] = struct{}{}, struct{}{}
		}
		if place, shows := p.by[s]; shows {
			s.shown.looks[i] = before[place]
			before[place].at = nil
			if s.shown.looks[i].changed {
				s.shown.changed = append(s.shown.changed, i)
			}
		} else {
			s.shown.looks[i] = look{at: p}
			w.pairs = append(w.pairs, sightOf{s, p})
		}
		p.by[s] = i
	}
	w.dropLocked(s, before)
	kick(w.signal)
	kick(w.asking)
}

// dropLocked forgets what a page showed, as far as it has somebody in it.
func (w *watching) dropLocked(s *Socket, looks []look) {
	for i := range looks {
		p := looks[i].at
		if p == nil {
			continue
		}
		if delete(p.by, s); len(p.by) == 0 {
			delete(w.people[presenceShare(p.id)], p.id)
			delete(w.moved, p.id)
			delete(w.facts, p.id)
			w.ends.drop(p.id)
		}
	}
}

// forget forgets a page that has ended.
func (w *watching) forget(s *Socket) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dropLocked(s, s.shown.looks)
	w.later.drop(s)
	s.shown = shown{ended: true}
}

// move notes people who may be elsewhere than they were.
func (w *watching) move(people ...chat.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	news := false
	for _, id := range people {
		if w.ofLocked(id) != nil {
			w.moved[id], news = struct{}{}, true
		}
	}
	if news {
		kick(w.signal)
	}
}

// reconcile looks anew for a share of the people: what nobody says is found by that.
func (w *watching) reconcile(share int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id := range w.people[share] {
		w.moved[id] = struct{}{}
	}
	if len(w.people[share]) > 0 {
		kick(w.signal)
	}
}

// known are the people who are watched, and their counters of view as far as they are known.
func (w *watching) known() map[chat.ID]int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	known := map[chat.ID]int64{}
	for _, people := range w.people {
		for id, p := range people {
			if p.counted {
				known[id] = p.viewSeq
			}
		}
	}
	return known
}

// changed notes that something else may be seen of somebody than before, if that is news.
func (w *watching) changed(person chat.ID, viewSeq int64, isNews func(known int64) bool) (news bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.ofLocked(person)
	if p == nil || p.counted && !isNews(p.viewSeq) {
		return false
	}
	p.viewSeq = viewSeq
	w.renewLocked(p)
	return true
}

// renewLocked lets everything be asked anew of somebody. Until what each page may see is known, which is asked last, nothing is
// brought.
func (w *watching) renewLocked(p *watched) {
	w.facts[p.id] = struct{}{}
	for s, i := range p.by {
		w.unaskLocked(s, i)
	}
	kick(w.asking)
}

func (w *watching) unaskLocked(s *Socket, place int) {
	if l := &s.shown.looks[place]; l.asked != unasked {
		l.asked = unasked
		w.pairs = append(w.pairs, sightOf{s, l.at})
	}
}

// viewers notes that the person of these pages may see something else than before.
func (w *watching) viewers(sockets []*Socket) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range sockets {
		for i := range s.shown.looks {
			w.unaskLocked(s, i)
		}
	}
	kick(w.asking)
}

// anew lets everything be asked anew: the history is another one.
func (w *watching) anew() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, people := range w.people {
		for _, p := range people {
			p.counted = false
			w.renewLocked(p)
		}
	}
}

// waiting says whether there is something to ask.
func (w *watching) waiting() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.facts)+len(w.pairs) > 0
}

// next is when something is due for the one that looks; the zero time for never.
func (w *watching) next() (next time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	due := []time.Time{w.ends.next(), w.later.next()}
	if len(w.pauses) > 0 {
		due = append(due, w.pauses[0].until)
	}
	for _, at := range due {
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

// look looks for some of those who may have moved, and does what is due. It says whether there is more to do.
func (w *watching) look(ctx context.Context) (more bool) {
	w.mu.Lock()
	people := some(w.moved, movedAtOnce, func(chat.ID) bool { return true })
	sought := make(map[chat.ID]chat.ID, len(people))
	for id := range people {
		if p := w.ofLocked(id); p != nil {
			sought[id] = p.sought()
		}
	}
	w.mu.Unlock()
	var where map[chat.ID]chat.Where
	if len(sought) > 0 {
		where = w.asks.where(ctx, slices.Collect(maps.Values(sought)))
	}
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	pass := newPass(w, now)
	for id, whom := range sought {
		if p := w.ofLocked(id); p != nil && p.sought() == whom { // otherwise they are looked for once more
			pass.foundLocked(p, where[whom])
		}
	}
	for _, id := range w.ends.take(now) {
		if p := w.ofLocked(id); p != nil {
			pass.drawLocked(p)
		}
	}
	for _, s := range w.later.take(now) {
		people := s.shown.wanted
		s.shown.wanted = nil
		w.watchLocked(s, people)
		for place := range s.shown.looks {
			pass.lookLocked(s, place)
		}
	}
	for len(w.pauses) > 0 && !now.Before(w.pauses[0].until) {
		s := w.pauses[0].socket
		w.pauses[0] = pause{}
		w.pauses = w.pauses[1:]
		s.shown.paused = false
		pass.noteLocked(s)
	}
	if len(w.pauses) == 0 {
		w.pauses = nil
	}
	pass.endLocked()
	return len(w.moved) > 0
}

// ask asks some of what is to be asked; it says whether there is more. What is stored of people comes first, and with it their
// counters: so a pair is only asked for once a later change of its person is noticed.
func (w *watching) ask(ctx context.Context) (more bool, err error) {
	w.mu.Lock()
	people := slices.Collect(maps.Keys(some(w.facts, factsAtOnce, func(chat.ID) bool { return true })))
	w.mu.Unlock()
	if len(people) > 0 {
		err = w.askFacts(ctx, people)
	} else {
		err = w.askSights(ctx)
	}
	return err == nil && w.waiting(), err
}

func (w *watching) askFacts(ctx context.Context, people []chat.ID) error {
	var uncounted []chat.ID
	w.mu.Lock()
	for _, id := range people {
		if p := w.ofLocked(id); p != nil && !p.counted {
			uncounted = append(uncounted, id)
		}
	}
	w.mu.Unlock()
	var seqs map[chat.ID]int64
	var facts map[chat.ID]chat.PresenceFacts
	var err error
	if len(uncounted) > 0 {
		seqs, err = w.asks.viewSeqs(ctx, uncounted)
	}
	if err == nil {
		facts, err = w.asks.facts(ctx, people)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	pass := newPass(w, time.Now())
	for _, id := range people {
		p := w.ofLocked(id)
		if _, again := w.facts[id]; p == nil || again {
			continue
		}
		p.waits = false
		if err != nil {
			w.facts[id] = struct{}{}
		} else {
			if seq, read := seqs[id]; read && (!p.counted || seq > p.viewSeq) {
				p.viewSeq = seq
			}
			before := p.sought()
			p.counted, p.facts, p.known = true, facts[id], true
			if p.sought() != before {
				p.found = false
				w.moved[id] = struct{}{}
				kick(w.signal)
			}
		}
		pass.drawLocked(p)
	}
	pass.endLocked()
	return err
}

func (w *watching) askSights(ctx context.Context) error {
	w.mu.Lock()
	var taken []sightOf
	pairs := map[chat.Pair]struct{}{}
	var early []sightOf // their person's counter is to be read first
	n := 0
	for ; n < len(w.pairs) && len(pairs) < pairsAtOnce; n++ {
		one := w.pairs[n]
		place, shows := one.at.by[one.socket]
		switch {
		case !shows || one.socket.shown.looks[place].asked != unasked:
		case !one.at.counted:
			early = append(early, one)
		default:
			one.socket.shown.looks[place].asked = asked
			taken = append(taken, one)
			pairs[one.pair()] = struct{}{}
		}
	}
	if w.pairs = w.pairs[n:]; len(early) > 0 {
		w.pairs = append(early, w.pairs...)
	}
	if len(w.pairs) == 0 {
		w.pairs = nil
	}
	w.mu.Unlock()
	if len(taken) == 0 {
		return nil
	}
	sights, err := w.asks.sights(ctx, slices.Collect(maps.Keys(pairs)))
	w.mu.Lock()
	defer w.mu.Unlock()
	pass := newPass(w, time.Now())
	for _, one := range taken {
		place, shows := one.at.by[one.socket]
		if !shows {
			continue
		}
		l := &one.socket.shown.looks[place]
		switch {
		case l.asked != asked: // it is to be asked anew already
		case err != nil:
			w.unaskLocked(one.socket, place)
		default:
			l.sight, l.asked = sights[one.pair()], answered
			pass.lookLocked(one.socket, place)
		}
	}
	pass.endLocked()
	return err
}

func (o sightOf) pair() chat.Pair { return chat.Pair{Viewer: o.socket.viewer.ID, Person: o.at.id} }

// pass gathers what pages are to be brought, so that what comes together is brought together.
type pass struct {
	w       *watching
	now     time.Time
	sockets []*Socket
}

func newPass(w *watching, now time.Time) *pass { return &pass{w: w, now: now} }

// foundLocked notes where somebody is. Of whoever has gone it is asked first when they were last there.
func (p *pass) foundLocked(at *watched, where chat.Where) {
	before, known := at.where, at.found
	at.where, at.found = where, true
	switch {
	case known && where == before:
	case known && where == chat.WhereGone:
		at.waits = true
		p.w.facts[at.id] = struct{}{}
		kick(p.w.asking)
	default:
		p.drawLocked(at)
	}
}

// drawLocked notes that somebody may look otherwise.
func (p *pass) drawLocked(at *watched) {
	at.elements = nil
	if !at.ready() {
		return
	}
	if until := at.facts.Status.Until; until != nil && until.After(p.now) {
		p.w.ends.set(at.id, *until)
	} else {
		p.w.ends.drop(at.id)
	}
	for s, place := range at.by {
		p.lookLocked(s, place)
	}
}

// sought is whom to look for to find out where somebody is, as far as it is known what is stored of them.
func (at *watched) sought() chat.ID {
	if at.facts.PersonID == at.id {
		return at.facts.Sought()
	}
	return at.id
}

// ready says whether everything is known of somebody that may be shown.
func (at *watched) ready() bool { return at.found && at.known && !at.waits }

// lookLocked notes what a page is to be brought of somebody.
func (p *pass) lookLocked(s *Socket, place int) {
	l := &s.shown.looks[place]
	if l.changed || l.asked != answered || !l.at.ready() || p.elementLocked(s, l).like(l.sent) {
		return
	}
	l.changed = true
	s.shown.changed = append(s.shown.changed, place)
	p.noteLocked(s)
}

func (p *pass) noteLocked(s *Socket) {
	if !s.shown.noted && len(s.shown.changed) > 0 {
		s.shown.noted = true
		p.sockets = append(p.sockets, s)
	}
}

// endLocked brings pages what is to be brought to them, unless they were just brought something.
func (p *pass) endLocked() {
	for _, s := range p.sockets {
		s.shown.noted = false
		if s.shown.paused {
			continue
		}
		var elements []*element
		changed := s.shown.changed
		s.shown.changed = nil
		for _, place := range changed {
			l := &s.shown.looks[place]
			l.changed = false
			if l.asked != answered || !l.at.ready() {
				continue // it is noted again when that is known
			}
			if e := p.elementLocked(s, l); !e.like(l.sent) {
				l.sent = e
				elements = append(elements, e)
			}
		}
		if len(elements) > 0 {
			s.shown.paused = true
			p.w.pauses = append(p.w.pauses, pause{s, p.now.Add(p.w.gather)})
			kick(p.w.signal)
			p.w.send(s, presenceFrame(elements))
		}
	}
}

// elementLocked is what a page's person sees of somebody, made once for all to whom that looks the same.
func (p *pass) elementLocked(s *Socket, l *look) *element {
	kind := elementKind{s.viewer.Language, s.viewer.TimeZone, l.sight}
	if e := l.at.elements[kind]; e != nil {
		return e
	}
	seen := chat.Presence{PersonID: l.at.id}
	if l.at.facts.PersonID == l.at.id { // otherwise there is no such account
		seen = l.at.facts.Seen(l.at.where, l.sight, p.now)
	}
	e := newElement(s.viewer, seen, p.now)
	if l.at.elements == nil {
		l.at.elements = map[elementKind]*element{}
	}
	l.at.elements[kind] = e
	return e
}

func newElement(viewer chat.Viewer, seen chat.Presence, now time.Time) *element {
	var html strings.Builder
	// A builder takes everything.
	_ = views.Presence(views.NewPresence(seen, views.Zone(viewer.TimeZone), now)).Render(views.WithLanguage(context.Background(), viewer.Language), &html)
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(html.String()) // a string: cannot fail
	return &element{
		text:    bytes.Trim(text.Bytes(), "\"\n"),
		nothing: seen.State == chat.PresenceNone && seen.Status.Empty() && seen.LastSeen == nil,
	}
}

// like says whether a page that was brought the other needs not be brought this one.
func (e *element) like(sent *element) bool {
	if sent == nil || sent.nothing {
		return e.nothing
	}
	return e == sent || !e.nothing && bytes.Equal(e.text, sent.text)
}

const (
	presenceHead = `{"type":"` + string(framePresence) + `","html":"`
	presenceTail = `"}`
)

// presenceFrame is a frame of elements. One alone is shared by all who are brought it.
func presenceFrame(elements []*element) []byte {
	if len(elements) == 1 {
		if e := elements[0]; e.alone == nil {
			e.alone = slices.Concat([]byte(presenceHead), e.text, []byte(presenceTail))
		}
		return elements[0].alone
	}
	size := len(presenceHead) + len(presenceTail)
	for _, e := range elements {
		size += len(e.text)
	}
	frame := append(make([]byte, 0, size), presenceHead...)
	for _, e := range elements {
		frame = append(frame, e.text...)
	}
	return append(frame, presenceTail...)
}

// lookLoop looks for people who may have moved.
func (w *watching) lookLoop(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		for w.look(ctx) {
			if ctx.Err() != nil {
				return
			}
		}
		wait := time.Hour
		if next := w.next(); !next.IsZero() {
			wait = time.Until(next)
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return
		case <-w.signal:
		case <-timer.C:
		}
	}
}
