package realtime

import (
	"context"
	"math"
	"sync"
	"time"

	"parley/chat"
)

// positionQueue keeps the furthest position of each person in each conversation until the next write.
type positionQueue struct {
	mu     sync.Mutex
	latest map[[2]chat.ID]chat.Position
}

func newPositionQueue() *positionQueue {
	return &positionQueue{latest: map[[2]chat.ID]chat.Position{}}
}

func (q *positionQueue) put(p chat.Position) {
	q.mu.Lock()
	defer q.mu.Unlock()
	key := [2]chat.ID{p.PersonID, p.ConversationID}
	if known, ok := q.latest[key]; ok {
		p.Delivered = max(p.Delivered, known.Delivered)
		// Of what was seen before and after the conversation was marked unread the latter holds.
		if of, before := marksOf(p), marksOf(known); of == before {
			p.Read = max(p.Read, known.Read)
		} else if of < before {
			p.Read, p.Marks = known.Read, known.Marks
		}
	}
	q.latest[key] = p
}

// marksOf is the number of the mark that a position knows of; what is never behind knows of them all.
func marksOf(p chat.Position) int64 {
	if p.Marks == nil {
		return math.MaxInt64
	}
	return *p.Marks
}

func (q *positionQueue) take() []chat.Position {
	q.mu.Lock()
	defer q.mu.Unlock()
	positions := make([]chat.Position, 0, len(q.latest))
	for _, p := range q.latest {
		positions = append(positions, p)
	}
	clear(q.latest)
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

// flushPositions writes what pages acknowledged; what could not be written waits for the next time.
func (h *Hub) flushPositions(ctx context.Context) {
	positions := h.positions.take()
	if len(positions) == 0 || h.chat == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, h.timing.Query)
	defer cancel()
	if err := h.chat.SavePositions(ctx, positions); err != nil {
		h.log.Warn("positions not written", "error", err)
		for _, p := range positions {
			h.positions.put(p)
		}
	}
}
