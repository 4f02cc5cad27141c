package realtime

import (
	"context"
	"sync"
	"time"

	"parley/chat"
)

// memoryConnections are the connections of a single node.
type memoryConnections struct {
	lease  time.Duration
	absent time.Duration // so long after the start nobody is taken for absent who has not been here: people are on their way back
	clock  func() time.Time
	began  time.Time

	mu     sync.Mutex
	people map[chat.ID]map[nodeConnection]time.Time // until when
	left   map[chat.ID]struct{}                     // who has been here and gone, while others are not taken for absent
}

// nodeConnection is a connection and the node that says it has it.
type nodeConnection struct {
	node string
	connection
}

func newMemoryConnections(lease, absent time.Duration, clock func() time.Time) *memoryConnections {
	return &memoryConnections{
		lease: lease, absent: absent, clock: clock, began: clock(),
		people: map[chat.ID]map[nodeConnection]time.Time{}, left: map[chat.ID]struct{}{},
	}
}

// put implements [connections].
func (m *memoryConnections) put(_ context.Context, node string, held []holding) (moved []chat.ID, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.clock()
	for _, h := range held {
		before := m.bestLocked(h.person, now)
		mine := m.people[h.person]
		for c := range mine {
			if c.node == node {
				delete(mine, c)
			}
		}
		if mine == nil && len(h.connections) > 0 {
			mine = make(map[nodeConnection]time.Time, len(h.connections))
			m.people[h.person] = mine
		}
		for _, c := range h.connections {
			mine[nodeConnection{node, c}] = now.Add(m.lease)
		}
		after := m.bestLocked(h.person, now)
		if after != before {
			moved = append(moved, h.person)
		}
		if after == chat.WhereGone && before != chat.WhereGone && !m.wholeLocked(now) {
			m.left[h.person] = struct{}{}
		}
	}
	return moved, nil
}

// renew implements [connections].
func (m *memoryConnections) renew(ctx context.Context, node string, _ int, held []holding) error {
	_, err := m.put(ctx, node, held)
	return err
}

// where implements [connections].
func (m *memoryConnections) where(_ context.Context, people []chat.ID) (map[chat.ID]chat.Where, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.clock()
	where := make(map[chat.ID]chat.Where, len(people))
	whole := m.wholeLocked(now)
	for _, id := range people {
		_, left := m.left[id]
		if best := m.bestLocked(id, now); best != chat.WhereGone || whole || left {
			where[id] = best
		}
	}
	return where, nil
}

// wholeLocked says whether everybody who is here has had time to say so.
func (m *memoryConnections) wholeLocked(now time.Time) bool {
	whole := now.Sub(m.began) >= m.absent
	if whole {
		m.left = nil
	}
	return whole
}

// bestLocked is where somebody is, and forgets what has run out.
func (m *memoryConnections) bestLocked(person chat.ID, now time.Time) chat.Where {
	best := chat.WhereGone
	mine := m.people[person]
	for c, until := range mine {
		if !now.Before(until) {
			delete(mine, c)
			continue
		}
		best = max(best, c.state)
	}
	if len(mine) == 0 {
		delete(m.people, person)
	}
	return best
}
