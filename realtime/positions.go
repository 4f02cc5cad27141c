package realtime

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"parley/chat"
)

const (
	// positionsAtOnce is how many positions one statement writes: some 10 ms of work, so that none comes near the time
	// that a statement may take, however many wait.
	positionsAtOnce = 1000
	// positionsWaiting is how many positions of one person wait for the next write. A page says 200 a second at most;
	// more would be of somebody who wants to keep others waiting.
	positionsWaiting = 1000
)

// positionQueue keeps the furthest position of each person in each conversation until the next write. What was seen by pages
// that know of different marks of unread stays apart: which of it counts is found out when it is written.
type positionQueue struct {
	mu     sync.Mutex
	latest map[chat.ID]map[seenIn]chat.Position // by person
}

// seenIn is where something was seen, and after which mark.
type seenIn struct {
	conversation chat.ID
	marks        int64
}

func newPositionQueue() *positionQueue {
	return &positionQueue{latest: map[chat.ID]map[seenIn]chat.Position{}}
}

// put notes positions. Those of a person for whom enough are waiting are dropped.
func (q *positionQueue) put(positions ...chat.Position) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, p := range positions {
		mine := q.latest[p.PersonID]
		if mine == nil {
			mine = map[seenIn]chat.Position{}
			q.latest[p.PersonID] = mine
		}
		in := seenIn{p.ConversationID, math.MaxInt64} // what is never behind knows of them all
		if p.Marks != nil {
			in.marks = *p.Marks
		}
		known, ok := mine[in]
		if !ok && len(mine) >= positionsWaiting {
			continue
		}
		p.Delivered, p.Read = max(p.Delivered, known.Delivered), max(p.Read, known.Read)
		mine[in] = p
	}
}

// take takes all positions. Those of people who have said little come first: nobody waits for somebody who says much.
func (q *positionQueue) take() []chat.Position {
	q.mu.Lock()
	latest := q.latest
	q.latest = map[chat.ID]map[seenIn]chat.Position{}
	q.mu.Unlock()
	people := slices.Collect(maps.Values(latest))
	slices.SortFunc(people, func(a, b map[seenIn]chat.Position) int { return cmp.Compare(len(a), len(b)) })
	var positions []chat.Position
	for _, mine := range people {
		positions = slices.AppendSeq(positions, maps.Values(mine))
	}
	return positions
}

func (h *Hub) positionsLoop(ctx context.Context) {
	tick := time.NewTicker(h.timing.Ack)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			h.flushPositions(ctx)
		}
	}
}

// flushPositions writes what pages acknowledged, piece by piece; what could not be written waits for the next time. Where
// two pieces in a row fail it is the database, and the others are not tried.
func (h *Hub) flushPositions(ctx context.Context) {
	if h.chat == nil {
		return
	}
	failed := 0
	for piece := range slices.Chunk(h.positions.take(), positionsAtOnce) {
		if failed < 2 {
			err := h.savePositions(ctx, piece)
			if err == nil {
				failed = 0
				continue
			}
			failed++
			h.log.Warn("positions not written", "error", err)
		}
		h.positions.put(piece...)
	}
}

func (h *Hub) savePositions(ctx context.Context, positions []chat.Position) error {
	ctx, cancel := context.WithTimeout(ctx, h.timing.Query)
	defer cancel()
	return h.chat.SavePositions(ctx, positions)
}
