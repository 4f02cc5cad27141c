package realtime

import (
	"context"
	"maps"
	"sync"
	"time"

	"parley/chat"
)

// sweepMoves sends the rows of which this node was not told that they moved.
func (h *Hub) sweepMoves(ctx context.Context, since time.Time) error {
	moves, err := h.chat.Moved(ctx, since)
	for _, m := range h.moves.unheard(moves, time.Now()) {
		if len(h.socketsOf(m.PersonID)) > 0 {
			h.rows.ofPerson(m.PersonID, []chat.ID{m.ConversationID})
		}
	}
	return err
}

// movesKept is how long a node knows which moves it has heard of: longer than a sweep looks back for them.
const movesKept = 30 * time.Second

// heardMoves are the moves that a node has heard of, by hint or by a sweep.
type heardMoves struct {
	mu sync.Mutex
	at map[int64]time.Time
}

func (m *heardMoves) heard(numbers []int64, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, n := range numbers {
		m.at[n] = now
	}
}

// unheard returns those of which nobody has told, and forgets what is old.
func (m *heardMoves) unheard(moves []chat.Move, now time.Time) (unheard []chat.Move) {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.at, func(_ int64, at time.Time) bool { return now.Sub(at) > movesKept })
	for _, move := range moves {
		if _, heard := m.at[move.Number]; !heard {
			unheard = append(unheard, move)
			m.at[move.Number] = now
		}
	}
	return unheard
}
