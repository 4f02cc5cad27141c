package realtime

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"parley/chat"
)

// connection is one open page of somebody, or one that was just left, at a node.
type connection struct {
	number int64      // of the socket; each of a node has another one
	state  chat.Where // WhereHere or WhereAway
}

// holding is all that a node has of somebody.
type holding struct {
	person      chat.ID
	connections []connection
}

// connections are the pages of all people at all nodes. What a node has is said whole each time, so saying it twice, or late,
// harms nothing, and it runs out unless it is said again: what a node had that is no more goes away by itself.
type connections interface {
	// put says what a node has of these people, in place of all that it said of them before. It returns those who are elsewhere by
	// that than they were, all nodes taken together.
	put(ctx context.Context, node string, held []holding) (moved []chat.ID, err error)
	// renew is put for all of whom a node has anything in a share of the people, also where that is nobody.
	renew(ctx context.Context, node string, share int, held []holding) error
	// where says where people are. Of whom it has nothing it says that they are gone, unless it may have been told nothing yet.
	where(ctx context.Context, people []chat.ID) (map[chat.ID]chat.Where, error)
}

// presenceNames is how many people one hint names.
const presenceNames = 200

// everyShare are all parts into which people are divided.
var everyShare = func() (all []int) {
	for share := range presenceShares {
		all = append(all, share)
	}
	return all
}()

func (h *Hub) beginPresence() {
	h.node = chat.NewID().String()
	h.connections = newMemoryConnections(h.timing.Lease, h.timing.Return, time.Now)
	h.roster = newRoster(h.timing.Away, h.timing.Gone)
	h.parting = &partingQueue{seen: map[chat.ID]time.Time{}, signal: make(chan struct{}, 1)}
	h.watching = newWatching(asks{
		where:    h.Where,
		viewSeqs: askBounded(h, func() func(context.Context, []chat.ID) (map[chat.ID]int64, error) { return h.chat.ViewSeqs }),
		facts: askBounded(h, func() func(context.Context, []chat.ID) (map[chat.ID]chat.PresenceFacts, error) {
			return h.chat.PresenceFacts
		}),
		sights: askBounded(h, func() func(context.Context, []chat.Pair) (map[chat.Pair]chat.Sight, error) { return h.chat.Sights }),
	}, h.timing.Gather, func(s *Socket, frame []byte) {
		h.meter.PresenceSent()
		s.write(frame)
	})
}

// askBounded is what a method of the domain, which is not there yet, is asked by, with the time that a statement may take.
func askBounded[A, T any](h *Hub, method func() func(context.Context, A) (T, error)) func(context.Context, A) (T, error) {
	return func(ctx context.Context, about A) (T, error) {
		return bounded(ctx, h, func(ctx context.Context) (T, error) { return method()(ctx, about) })
	}
}

// ShareRedis lets people's pages at all nodes that share a Redis be known of together. It must be called before Start; the
// client stays the caller's and has to outlive the hub.
func (h *Hub) ShareRedis(client redis.UniversalClient) {
	// Everybody has been spoken of again after Timing.Renew, and a little for the way.
	h.connections = newRedisConnections(client, h.log, h.timing.Lease, h.timing.Renew*5/4)
}

// Where implements [chat.Whereabouts]. Whoever uses a page of this node is there, whatever else is known; of others nothing is
// known where Redis does not answer.
func (h *Hub) Where(ctx context.Context, people []chat.ID) map[chat.ID]chat.Where {
	now, here := time.Now(), make(map[chat.ID]chat.Where, len(people))
	others := make([]chat.ID, 0, len(people))
	for _, id := range people {
		if where := h.roster.where(id, now); where != chat.WhereUnknown {
			here[id] = where
		}
		if here[id] != chat.WhereHere {
			others = append(others, id)
		}
	}
	if len(others) == 0 {
		return here
	}
	where, err := h.connections.where(ctx, others)
	for _, id := range others {
		switch {
		case err != nil:
			delete(here, id)
		case where[id] > here[id]:
			here[id] = where[id]
		}
	}
	return here
}

// arrive notes that a page has come.
func (h *Hub) arrive(s *Socket) {
	now := time.Now()
	used := now
	if s.arrived == "idle" {
		used = now.Add(-h.timing.Away)
	}
	s.use = h.roster.enter(s.viewer.ID, s.arrived == "hidden", used, now)
}

// depart notes that a page is no more.
func (h *Hub) depart(s *Socket) {
	if s.use != nil {
		h.roster.leave(s.viewer.ID, s.use, time.Now())
	}
	h.watching.forget(s)
}

// act notes that the page is used, or is not to be seen any more.
func (s *Socket) act(state string) {
	hidden := state == "hidden"
	if s.use != nil {
		s.hub.roster.touch(s.viewer.ID, s.use, hidden, time.Now())
	}
	if !hidden {
		s.used()
	}
}

// presenceLoop says what this node has of people: what changes at once, and all of it again and again, a share of the people at
// a time.
func (h *Hub) presenceLoop(ctx context.Context) {
	pace := h.timing.Renew / presenceShares
	rounds := max(1, int(h.timing.Seen/h.timing.Renew)) // in each of which a part of the shares is written down
	timer := time.NewTimer(0)
	defer timer.Stop()
	for turn, due, retry := 0, time.Now(), time.Now(); ctx.Err() == nil; {
		now := time.Now()
		if !now.Before(retry) {
			h.roster.again()
			retry = now.Add(presenceRest)
		}
		if due = later(due, now.Add(-h.timing.Renew)); !due.After(now) { // after a pause no share is said twice
			h.renew(ctx, turn, rounds)
			turn, due = turn+1, due.Add(pace)
		}
		h.sayMoved(ctx)
		next := due
		if at := h.roster.next(retry); !at.IsZero() && at.Before(next) {
			next = at
		}
		timer.Reset(time.Until(next))
		select {
		case <-ctx.Done():
		case <-h.roster.signal:
		case <-timer.C:
		}
	}
}

// sayMoved says what has changed. Of whom nothing can be said the pages of this node hear nevertheless.
func (h *Hub) sayMoved(ctx context.Context) {
	held, parted := h.roster.take(time.Now())
	if len(held) == 0 {
		return
	}
	moved, err := h.connections.put(ctx, h.node, held)
	if err != nil {
		h.roster.putBack(held)
		for _, one := range held {
			h.watching.move(one.person)
		}
	}
	var gone []chat.ID
	moved = slices.DeleteFunc(moved, func(id chat.ID) bool {
		_, left := parted[id]
		if left {
			gone = append(gone, id)
		}
		return left
	})
	h.tellMoved(moved)
	h.parting.note(parted, gone)
}

// renew says again what this node has of a share of the people, looks for those of them whom its pages show, and in one of some
// rounds writes down when they were there.
func (h *Hub) renew(ctx context.Context, turn, rounds int) {
	share, now := turn%presenceShares, time.Now()
	_ = h.connections.renew(ctx, h.node, share, h.roster.share(share, now)) // the next time, otherwise
	h.watching.reconcile(share)
	if turn/presenceShares%rounds == share%rounds {
		h.parting.note(h.roster.seen(now, share), nil)
	}
}

// tellMoved says who is elsewhere than before, here and to other nodes.
func (h *Hub) tellMoved(people []chat.ID) {
	if len(people) == 0 {
		return
	}
	h.meter.PresenceMoved(len(people))
	h.watching.move(people...)
	for names := range slices.Chunk(people, presenceNames) {
		h.link.Send(chat.PresenceMoved{PersonIDs: names})
	}
}

// partingQueue is what is to be written down of when people were there, and of whom it is to be said afterwards that they have
// gone: so whoever hears it reads that, too.
type partingQueue struct {
	mu     sync.Mutex
	seen   map[chat.ID]time.Time
	gone   []chat.ID
	signal chan struct{}
}

func (q *partingQueue) note(seen map[chat.ID]time.Time, gone []chat.ID) {
	if len(seen)+len(gone) == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	maps.Copy(q.seen, seen)
	q.gone = append(q.gone, gone...)
	kick(q.signal)
}

func (q *partingQueue) take() (seen map[chat.ID]time.Time, gone []chat.ID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	seen, gone = q.seen, q.gone
	q.seen, q.gone = map[chat.ID]time.Time{}, nil
	return seen, gone
}

func (h *Hub) partingLoop(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.parting.signal:
		}
		seen, gone := h.parting.take()
		h.noteSeen(ctx, seen)
		h.tellMoved(gone)
	}
}

// seenAtOnce is of how many people one statement writes down when they were there.
const seenAtOnce = 1000

// noteSeen writes down when people were last there. What cannot be written is not missed: a minute later it is again.
func (h *Hub) noteSeen(ctx context.Context, seen map[chat.ID]time.Time) {
	if h.chat == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, h.timing.Query)
	defer cancel()
	for people := range slices.Chunk(slices.Collect(maps.Keys(seen)), seenAtOnce) {
		now, ago := time.Now(), make(map[chat.ID]time.Duration, len(people))
		for _, id := range people {
			ago[id] = max(0, now.Sub(seen[id]))
		}
		if err := h.chat.NoteSeen(ctx, ago); err != nil {
			if ctx.Err() == nil {
				h.log.Warn("when people were there was not written down", "error", err)
			}
			return
		}
	}
}

// noteAllSeen writes down when all people of this node were last there.
func (h *Hub) noteAllSeen(ctx context.Context) {
	seen, _ := h.parting.take()
	maps.Copy(seen, h.roster.seen(time.Now(), everyShare...))
	h.noteSeen(ctx, seen)
}

// askLoop asks what may be seen of people whom pages show. What could not be read waits for the next sweep.
func (h *Hub) askLoop(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.watching.asking:
		}
		for more := true; more && ctx.Err() == nil; {
			var err error
			if more, err = h.watching.ask(ctx); err != nil && ctx.Err() == nil {
				h.log.Warn("what may be seen of people was not read", "error", err)
			}
		}
	}
}
