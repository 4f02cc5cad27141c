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
	// positionShares is into how many parts people are divided. The positions of each part are written once per [Timing.Ack],
	// one part after the other: all at once, with the rows and receipts that follow, would be a burst that makes sends wait.
	positionShares = 10
)

// positionQueue keeps the furthest position of each person in each conversation until the next write. What was seen by pages
// that know of different marks of unread stays apart: which of it counts is found out when it is written.
type positionQueue struct {
	mu     sync.Mutex
	latest [positionShares]map[chat.ID]map[seenIn]chat.Position // by person
}

// seenIn is where something was seen, and after which mark.
type seenIn struct {
	conversation chat.ID
	marks        int64
}

func newPositionQueue() *positionQueue {
	q := &positionQueue{}
	for share := range q.latest {
		q.latest[share] = map[chat.ID]map[seenIn]chat.Position{}
	}
	return q
}

// shareOf is the part of the people that somebody is in, by the last byte of the id, which is random.
func shareOf(person chat.ID) int { return int(person[len(person)-1]) % positionShares }

// put notes positions. Those of a person for whom enough are waiting are dropped.
func (q *positionQueue) put(positions ...chat.Position) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, p := range positions {
		latest := q.latest[shareOf(p.PersonID)]
		mine := latest[p.PersonID]
		if mine == nil {
			mine = map[seenIn]chat.Position{}
			latest[p.PersonID] = mine
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

// take takes the positions of a part of the people, or of all. Those of people who have said little come first: nobody waits
// for somebody who says much.
func (q *positionQueue) take(shares ...int) []chat.Position {
	if len(shares) == 0 {
		for share := range q.latest {
			shares = append(shares, share)
		}
	}
	var people []map[seenIn]chat.Position
	q.mu.Lock()
	for _, share := range shares {
		if len(q.latest[share]) > 0 {
			people = slices.AppendSeq(people, maps.Values(q.latest[share]))
			q.latest[share] = map[chat.ID]map[seenIn]chat.Position{}
		}
	}
	q.mu.Unlock()
	slices.SortFunc(people, func(a, b map[seenIn]chat.Position) int { return cmp.Compare(len(a), len(b)) })
	var positions []chat.Position
	for _, mine := range people {
		positions = slices.AppendSeq(positions, maps.Values(mine))
	}
	return positions
}

// takeOf takes the positions of these people.
func (q *positionQueue) takeOf(people []chat.ID) (positions []chat.Position) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, person := range people {
		latest := q.latest[shareOf(person)]
		positions = slices.AppendSeq(positions, maps.Values(latest[person]))
		delete(latest, person)
	}
	return positions
}

func (h *Hub) positionsLoop(ctx context.Context) {
	tick := time.NewTicker(h.timing.Ack / positionShares)
	defer tick.Stop()
	share, rest := 0, 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if rest > 0 {
				rest--
				continue
			}
			if !h.flushPositions(ctx, share) {
				rest = positionShares - 1 // a database that is not well is asked once per round
			}
			share = (share + 1) % positionShares
		}
	}
}

// flushPositions writes what pages of a part of the people, or of all, acknowledged, piece by piece, and says whether all was
// written; what could not be waits for the next time. Where two pieces in a row fail it is the database, and the others are
// not tried.
func (h *Hub) flushPositions(ctx context.Context, shares ...int) (written bool) {
	if h.chat == nil {
		return true
	}
	return h.writePositions(ctx, h.positions.take(shares...))
}

func (h *Hub) writePositions(ctx context.Context, positions []chat.Position) (written bool) {
	failed := 0
	written = true
	for piece := range slices.Chunk(positions, positionsAtOnce) {
		if failed < 2 {
			err := h.savePositions(ctx, piece)
			if err == nil {
				failed = 0
				continue
			}
			failed++
			h.log.Warn("positions not written", "error", err)
		}
		written = false
		h.positions.put(piece...)
	}
	return written
}

func (h *Hub) savePositions(ctx context.Context, positions []chat.Position) error {
	ctx, cancel := context.WithTimeout(ctx, h.timing.Query)
	defer cancel()
	return h.chat.SavePositions(ctx, positions)
}
