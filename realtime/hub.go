// Package realtime keeps open pages right: it holds their sockets, follows the changes of open conversations and of
// connected people, and pushes rendered fragments to those entitled.
//
// What happened is said by hints alone; a hint makes a feed read what came after the last change it delivered. A lost
// hint is repaired by a sweep, a lost connection by the page's cursor, both through the same reading. So nothing here
// has to be reliable for messages to be.
package realtime

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/olahol/melody"

	"parley/chat"
)

// Timing of the room, and its bounds. The zero value of each field stands for the default in the comment.
type Timing struct {
	Sweep    time.Duration // 1.5 s: how often lost hints are looked for; with it and the reading what a lost hint delays stays below 3 s
	Ack      time.Duration // 1 s: how often positions are written
	Beat     time.Duration // 20 s: how often a page hears that the server lives; it reconnects after 45 s of silence
	Ping     time.Duration // 20 s: between pings
	Pong     time.Duration // 45 s: silence after which a connection is given up
	Query    time.Duration // 5 s: the longest a reading for a feed may take
	Restart  time.Duration // 5 s: over which closing for a restart is spread, at 10 ms a socket
	Activity time.Duration // 1 min: how often use of the page counts as use of its session
	Rows     time.Duration // 1 s: how often all of more than 50 members are sent the row of their conversation
	Receipts time.Duration // 1 s: how often authors in a large group are told how many have read
	Away     time.Duration // chat.AwayAfter
	Gone     time.Duration // 10 s: how long somebody who has left the last page is seen to be there, unless another one comes
	Return   time.Duration // 30 s: so long after the start of the only node people are on their way back, and nobody is seen to be gone
	Lease    time.Duration // 30 s: how long a node that says nothing more of a page is taken to have it
	Renew    time.Duration // 6 s: how often it says so, and looks anew for whom its pages show
	Gather   time.Duration // 1 s: how often a page is told of others' coming and going
	Seen     time.Duration // 1 min: how often it is written down when people were there

	Clock func() time.Time // time.Now: what those who write are gone by

	Sockets  int // 20,000: how many sockets this node holds
	Arrivals int // 100 for each core: how many may come in a second
}

func (t Timing) withDefaults() Timing {
	set := func(d *time.Duration, value time.Duration) {
		if *d == 0 {
			*d = value
		}
	}
	set(&t.Sweep, 1500*time.Millisecond)
	set(&t.Ack, time.Second)
	set(&t.Beat, 20*time.Second)
	set(&t.Ping, 20*time.Second)
	set(&t.Pong, 45*time.Second)
	set(&t.Query, 5*time.Second)
	set(&t.Restart, 5*time.Second)
	set(&t.Activity, time.Minute)
	set(&t.Rows, time.Second)
	set(&t.Receipts, time.Second)
	if t.Clock == nil {
		t.Clock = time.Now
	}
	set(&t.Away, chat.AwayAfter)
	set(&t.Gone, 10*time.Second)
	set(&t.Return, 30*time.Second)
	set(&t.Lease, 30*time.Second)
	set(&t.Renew, 6*time.Second)
	set(&t.Gather, time.Second)
	set(&t.Seen, time.Minute)
	t.Sockets = cmp.Or(t.Sockets, nodeSockets)
	t.Arrivals = cmp.Or(t.Arrivals, arrivalsPerCore*runtime.GOMAXPROCS(0))
	return t
}

// Hub is one node's sockets and feeds. It implements chat.Publisher for hints of this node.
type Hub struct {
	chat      *chat.Chat
	log       *slog.Logger
	meter     Meter
	timing    Timing
	melody    *melody.Melody
	link      Link
	admission *admission
	// Whether how many may arrive was said; otherwise it does not hold without limits, see Start.
	arrivalsGiven bool

	// Lock order: Hub.mu, then feed.mu, then the lock of what watches. Socket.mu is taken inside any and holds nothing else.
	mu       sync.RWMutex
	sockets  map[*Socket]struct{}
	people   map[chat.ID]*person
	sessions map[chat.ID]map[*Socket]struct{}
	feeds    map[chat.ID]*feed
	epoch    string
	draining bool

	rows       *rowQueue
	positions  *positionQueue
	receipts   *receiptQueue
	typing     *typing
	moves      heardMoves
	allowances *allowances
	flushed    sync.Map // conversation → the change counter its rows were last sent with
	cards      sync.Map // person → the version of the card that was last sent
	unheard    unheard

	node        string // names this node among others
	connections connections
	roster      *roster
	watching    *watching
	parting     *partingQueue

	stop context.CancelFunc

	spawning sync.Mutex // guards ended against the waiting in Close
	ended    bool
	running  sync.WaitGroup
}

// spawn runs work beside, unless the hub has ended; Close waits for it.
func (h *Hub) spawn(work func()) {
	h.spawning.Lock()
	defer h.spawning.Unlock()
	if !h.ended {
		h.running.Go(work)
	}
}

// person is somebody with at least one socket on this node.
type person struct {
	sockets map[*Socket]struct{}
	viewSeq int64

	// The totals of the list that were sent last, and until when nothing but a row that changes them lets them be counted
	// anew. Only the goroutine that writes rows touches them.
	totals      chat.ListTotals
	totalsUntil time.Time
}

// New makes a hub, joined to other nodes by link where there is one. It does nothing until Start; events published before
// are lost, which is harmless.
func New(log *slog.Logger, timing Timing, link ...Link) *Hub {
	h := &Hub{
		log: log, meter: unmetered{}, timing: timing.withDefaults(), link: alone{},
		sockets:  map[*Socket]struct{}{},
		people:   map[chat.ID]*person{},
		sessions: map[chat.ID]map[*Socket]struct{}{},
		feeds:    map[chat.ID]*feed{},
	}
	if len(link) > 0 {
		h.link = link[0]
	}
	h.arrivalsGiven = timing.Arrivals != 0
	h.admission = newAdmission(h.timing.Sockets, h.timing.Arrivals, time.Now)
	h.melody = newMelody(h)
	h.rows = newRowQueue()
	h.positions = newPositionQueue()
	h.receipts = newReceiptQueue()
	h.typing = newTyping()
	h.moves.at = map[int64]time.Time{}
	h.allowances = newAllowances()
	h.beginPresence()
	return h
}

// Measure lets meter count; without it nothing is counted. It must be called before Start.
func (h *Hub) Measure(meter Meter) { h.meter = meter }

// Start begins to work over c, which publishes to this hub. It fails when the database does not answer.
func (h *Hub) Start(ctx context.Context, c *chat.Chat) error {
	epoch, err := c.Epoch(ctx)
	if err != nil {
		return err
	}
	h.chat, h.epoch = c, epoch
	if !c.Limited() && !h.arrivalsGiven { // a load test finds out by itself how many may come at once
		h.admission.open()
	}
	ctx, h.stop = context.WithCancel(context.WithoutCancel(ctx))
	listen := func(ctx context.Context) { h.link.Listen(ctx, h.hear) }
	for _, work := range []func(context.Context){
		listen, h.sweepLoop, h.rowsLoop, h.positionsLoop, h.receiptsLoop, h.typingLoop, h.beatLoop,
		h.presenceLoop, h.partingLoop, h.askLoop, h.watching.lookLoop,
	} {
		h.spawn(func() { work(ctx) })
	}
	return nil
}

// Close lets pages go to another node or to this one's successor: new sockets are refused, those there are told to come
// back, spread over Timing.Restart, and what they acknowledged is written. ctx bounds the wait.
func (h *Hub) Close(ctx context.Context) {
	h.mu.Lock()
	h.draining = true
	h.roster.close()
	sockets := make([]*Socket, 0, len(h.sockets))
	for s := range h.sockets {
		sockets = append(sockets, s)
	}
	h.mu.Unlock()

	pause := min(10*time.Millisecond, h.timing.Restart/time.Duration(len(sockets)+1))
	tick := time.NewTicker(max(pause, time.Microsecond))
	defer tick.Stop()
	for _, s := range sockets {
		s.close(ClosedRestart)
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	h.awaitEmpty(ctx)
	h.flushPositions(context.WithoutCancel(ctx))
	h.noteAllSeen(context.WithoutCancel(ctx))
	if h.stop != nil {
		h.stop()
	}
	h.spawning.Lock()
	h.ended = true
	h.spawning.Unlock()
	h.running.Wait()
}

// awaitEmpty waits until every socket is gone; those that do not answer the closing are cut off.
func (h *Hub) awaitEmpty(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		h.mu.RLock()
		left := len(h.sockets)
		h.mu.RUnlock()
		if left == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			h.eachSocket(func(s *Socket) { s.cut(ClosedRestart) })
			return
		}
	}
}

// Publish implements chat.Publisher. It only notes what to look at, here and on other nodes.
func (h *Hub) Publish(_ context.Context, event chat.Event) {
	if e, ok := event.(chat.ConversationChanged); ok {
		h.committed(e, time.Now())
	}
	h.hear(event)
	h.link.Send(event)
}

// hear notes what to look at, whichever node it happened on.
func (h *Hub) hear(event chat.Event) {
	switch e := event.(type) {
	case chat.ConversationChanged:
		if f := h.feedOf(e.ConversationID); f != nil {
			f.hint(e.ChangeSeq, e.Message)
		}
		h.unheard.heard(HintConversation, e.ConversationID, e.ChangeSeq)
		if f := h.feedOf(e.ConversationID); f != nil && h.betweenTwo(f) {
			h.rows.shown(e.ConversationID, time.Now(), h.timing.Rows)
		} else {
			h.rows.conversation(e.ConversationID)
		}
	case chat.PersonChanged:
		h.typingChanged(e.PersonID)
		h.hintPerson(e.PersonID, e.ViewSeq)
		h.watching.changed(e.PersonID, e.ViewSeq, func(known int64) bool { return e.ViewSeq > known })
		h.unheard.heard(HintPerson, e.PersonID, e.ViewSeq)
	case chat.PositionsMoved:
		if h.anybody() { // who comes later is sent the whole list
			h.moves.heard(e.Moves, time.Now())
		}
		h.rows.ofPerson(e.PersonID, e.Conversations)
	case chat.ReceiptsMoved:
		for i, id := range e.Conversations {
			if f := h.feedOf(id); f != nil {
				var by chat.ID
				if i < len(e.By) {
					by = e.By[i]
				}
				if authors := f.unsettled(by); len(authors) > 0 {
					h.receipts.note(id, authors...)
				}
			}
		}
	case chat.ReceiptsChosen:
		h.spawn(func() { h.receiptsChosen(e.PersonID) })
	case chat.CardChanged:
		h.spawn(func() { h.cardChanged(e.PersonID, e.Seq) })
	case chat.PresenceMoved:
		h.watching.move(e.PersonIDs...)
	case chat.DraftSaved:
		h.rows.ofPerson(e.PersonID, []chat.ID{e.ConversationID})
		h.spawn(func() { h.draftSaved(e.PersonID, e.ConversationID) })
	case chat.Typed:
		h.heardTyping(e)
	case chat.SessionsEnded:
		for _, session := range e.Sessions {
			h.endSession(session)
			h.unheard.heard(HintSession, session, 0)
		}
	}
}

// committed notes when a change was committed through this node.
func (h *Hub) committed(e chat.ConversationChanged, at time.Time) {
	if f := h.feedOf(e.ConversationID); f != nil {
		f.mu.Lock()
		f.pending.note(e.ChangeSeq, at)
		f.mu.Unlock()
	}
}

// hintPerson notes that what a person may see has changed, if this node did not know. Hints may overtake each other, and
// the counter only grows.
func (h *Hub) hintPerson(id chat.ID, viewSeq int64) {
	h.moveView(id, viewSeq, func(known int64) bool { return viewSeq > known })
}

// readPerson notes what the person's row says, which was read after this node knew the counter as before. Where that is
// what is still known, the row is right also with a lower number: then the history is another one.
func (h *Hub) readPerson(id chat.ID, before, viewSeq int64) {
	h.moveView(id, viewSeq, func(known int64) bool { return otherView(known, before, viewSeq) })
}

func otherView(known, before, viewSeq int64) bool {
	return viewSeq > known || viewSeq < known && known == before
}

func (h *Hub) moveView(id chat.ID, viewSeq int64, isNews func(known int64) bool) {
	h.mu.Lock()
	p := h.people[id]
	news := p != nil && isNews(p.viewSeq)
	var sockets []*Socket
	if news {
		p.viewSeq = viewSeq
		sockets = slices.Collect(maps.Keys(p.sockets))
	}
	h.mu.Unlock()
	if !news {
		return
	}
	h.typingChanged(id)
	h.rows.whole(id)
	h.watching.viewers(sockets)
	h.spawn(func() { h.tellPreferences(id, viewSeq) })
	for _, s := range sockets {
		h.spawn(func() { h.reenter(s, viewSeq) })
	}
}

// tellPreferences says to a person's pages what the person has chosen, unless more has changed meanwhile and will be said.
func (h *Hub) tellPreferences(id chat.ID, viewSeq int64) {
	ctx, cancel := h.queryContext()
	defer cancel()
	chosen, err := h.chat.Preferences(ctx, id)
	if err != nil {
		h.log.Warn("preferences were not sent", "person", id, "error", err)
		return // a page hears them when it connects
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	if p := h.people[id]; p != nil && p.viewSeq == viewSeq {
		for s := range p.sockets {
			s.send(frame{Type: framePreferences, Zone: chosen.TimeZone, Theme: string(chosen.Theme)})
		}
	}
}

// endSession closes the sockets of a session; it says whether there was one that was not ending already.
func (h *Hub) endSession(id chat.ID) (news bool) {
	h.mu.RLock()
	var sockets []*Socket
	for s := range h.sessions[id] {
		sockets = append(sockets, s)
	}
	h.mu.RUnlock()
	for _, s := range sockets {
		news = news || s.ended.Load() == nil
		s.close(ClosedRevoked)
	}
	return news
}

// register makes a socket known; false while the hub is closing.
func (h *Hub) register(s *Socket) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.draining {
		return false
	}
	// First, before anything else can be pushed.
	viewSeq := s.viewer.ViewSeq
	p := h.people[s.viewer.ID]
	if p == nil {
		p = &person{sockets: map[*Socket]struct{}{}, viewSeq: viewSeq}
		h.people[s.viewer.ID] = p
	}
	s.send(frame{
		Type: frameHello, Epoch: h.epoch, View: max(p.viewSeq, viewSeq), Beat: int(h.timing.Beat.Seconds()),
		Zone: s.viewer.TimeZone, Theme: string(s.viewer.Theme),
	})
	h.sockets[s] = struct{}{}
	p.sockets[s] = struct{}{}
	if h.sessions[s.viewer.SessionID] == nil {
		h.sessions[s.viewer.SessionID] = map[*Socket]struct{}{}
	}
	h.sessions[s.viewer.SessionID][s] = struct{}{}
	return true
}

func (h *Hub) unregister(s *Socket) {
	h.leave(s, s.nextVisit()) // and what is still opening notices
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.sockets, s)
	if p := h.people[s.viewer.ID]; p != nil {
		if delete(p.sockets, s); len(p.sockets) == 0 {
			delete(h.people, s.viewer.ID)
		}
	}
	if set := h.sessions[s.viewer.SessionID]; set != nil {
		if delete(set, s); len(set) == 0 {
			delete(h.sessions, s.viewer.SessionID)
		}
	}
}

// currentEpoch names the history that the database had when this node looked last.
func (h *Hub) currentEpoch() string {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.epoch
}

// personOf returns somebody with a socket on this node, or nil.
func (h *Hub) personOf(id chat.ID) *person {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.people[id]
}

// socketsOf returns a person's sockets on this node.
func (h *Hub) socketsOf(id chat.ID) []*Socket {
	h.mu.RLock()
	defer h.mu.RUnlock()
	p := h.people[id]
	if p == nil {
		return nil
	}
	sockets := make([]*Socket, 0, len(p.sockets))
	for s := range p.sockets {
		sockets = append(sockets, s)
	}
	return sockets
}

func (h *Hub) eachSocket(do func(*Socket)) {
	h.mu.RLock()
	sockets := make([]*Socket, 0, len(h.sockets))
	for s := range h.sockets {
		sockets = append(sockets, s)
	}
	h.mu.RUnlock()
	for _, s := range sockets {
		do(s)
	}
}

func (h *Hub) beatLoop(ctx context.Context) {
	tick := time.NewTicker(h.timing.Beat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			h.eachSocket(func(s *Socket) { s.write(beatFrame) })
		}
	}
}

// Sockets is how many sockets stand on this node.
func (h *Hub) Sockets() int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return len(h.sockets)
}
