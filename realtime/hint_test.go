package realtime_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"parley/chat"
)

// slowStore lets a test act between a feed's reading and its delivering.
type slowStore struct {
	chat.Store
	once sync.Once
	act  func()
}

func (s *slowStore) ChangesSince(ctx context.Context, id chat.ID, after int64, limit int) (chat.Changes, error) {
	changes, err := s.Store.ChangesSince(ctx, id, after, limit)
	if len(changes.Messages) > 0 {
		s.once.Do(s.act)
	}
	return changes, err
}

func TestHintWhileReading(t *testing.T) {
	t.Parallel()
	n := newNode(t, withoutSweep)
	ana, ben, conversation := n.pair(t)
	p := n.connect(t, ben)
	p.follow(n.page(t, ben, conversation))
	// The second message commits and is hinted after the feed has read the first, and before it has delivered it.
	n.store.Store = &slowStore{Store: n.store.Store, act: func() { n.say(t, ana, conversation, "second") }}
	n.say(t, ana, conversation, "first")
	p.until("changes", func(g got) bool { return strings.Contains(g.HTML, "first") })
	p.until("changes", func(g got) bool { return strings.Contains(g.HTML, "second") })
}
