package realtime_test

import (
	"bytes"
	"context"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/chat"
	"parley/nodes"
	"parley/nodes/nodestest"
	"parley/realtime"
)

// link is that of another node.
func link(t *testing.T, server *nodestest.Server, log *slog.Logger) *realtime.RedisLink {
	t.Helper()
	client := nodes.Open(server.Config(), slog.New(slog.DiscardHandler), nodes.Timing{})
	l := realtime.NewRedisLink(client.Client(), log)
	t.Cleanup(func() {
		_ = l.Close()
		_ = client.Close()
	})
	return l
}

// collector keeps what a link hears.
type collector struct {
	mu     sync.Mutex
	events []chat.Event
}

func (c *collector) hear(event chat.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, event)
}

func (c *collector) has(is func(chat.Event) bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.events, is)
}

// listen lets a link listen until the test ends.
func listen(t *testing.T, l realtime.Link) *collector {
	t.Helper()
	c := &collector{}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.Listen(ctx, c.hear)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return c
}

// until calls again and again until it holds.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick, patience := time.NewTicker(5*time.Millisecond), time.After(patience)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-patience:
			t.Fatalf("in vain: %s", what)
		}
	}
}

func TestRedisLink(t *testing.T) {
	t.Parallel()
	quiet := slog.New(slog.DiscardHandler)
	a, b := chat.NewID(), chat.NewID()

	t.Run("every event reaches the other nodes as it was, and not its own", func(t *testing.T) {
		t.Parallel()
		r := nodestest.Start(t)
		here, there := link(t, r, quiet), link(t, r, quiet)
		mine, theirs := listen(t, here), listen(t, there)
		for _, event := range []chat.Event{
			chat.ConversationChanged{ConversationID: a, ChangeSeq: 7}, chat.PersonChanged{PersonID: a, ViewSeq: 3},
			chat.PositionsMoved{PersonID: a, Conversations: []chat.ID{b, a}}, chat.CardChanged{PersonID: b, Seq: 2},
			chat.ReceiptsMoved{Conversations: []chat.ID{a, b}, By: []chat.ID{b, {}}}, chat.ReceiptsMoved{Conversations: []chat.ID{b}}, chat.ReceiptsChosen{PersonID: b},
			chat.DraftSaved{PersonID: a, ConversationID: b}, chat.SessionsEnded{Sessions: []chat.ID{a, b}},
			chat.Typed{
				ConversationID: a, PersonID: b, Readers: []chat.ID{a, b}, Left: 1500 * time.Millisecond,
				Card: chat.Card{ID: b, Username: "ben", DisplayName: "Ben", Seq: 3},
			},
			chat.PresenceMoved{PersonIDs: []chat.ID{b, a}},
		} {
			until(t, "it arrives", func() bool {
				here.Send(event) // again: the other may not have subscribed yet, and doubles harm nothing
				return theirs.has(func(e chat.Event) bool { return equal(e, event) })
			})
		}
		if len(mine.events) != 0 {
			t.Errorf("a node hears itself: %v", mine.events)
		}
	})

	t.Run("what makes no sense is passed over", func(t *testing.T) {
		t.Parallel()
		r := nodestest.Start(t)
		heard := listen(t, link(t, r, quiet))
		client := r.Client()
		until(t, "a good one arrives behind bad ones", func() bool {
			for _, text := range []string{"", "{", `{"kind":"of later"}`, `{"kind":"draft"}`, `{"kind":"typing"}`, `{"kind":"card","id":"x"}`, `[]`, `{"kind":"card","id":"` + a.String() + `","seq":1}`} {
				client.Publish(t.Context(), "parley:hints:1", text)
			}
			return heard.has(func(e chat.Event) bool { return equal(e, chat.CardChanged{PersonID: a, Seq: 1}) })
		})
		if heard.has(func(e chat.Event) bool { return !equal(e, chat.CardChanged{PersonID: a, Seq: 1}) }) {
			t.Errorf("heard %v", heard.events)
		}
	})

	t.Run("without Redis nothing waits, and with it again it goes on", func(t *testing.T) {
		t.Parallel()
		r := nodestest.Start(t)
		var log bytes.Buffer
		here, there := link(t, r, slog.New(slog.NewTextHandler(&log, nil))), link(t, r, quiet)
		theirs := listen(t, there)
		r.Kill()
		for range 3000 { // more than the queue holds
			here.Send(chat.CardChanged{PersonID: a, Seq: 1})
		}
		r.Restart()
		until(t, "it arrives again", func() bool {
			here.Send(chat.CardChanged{PersonID: b, Seq: 9})
			return theirs.has(func(e chat.Event) bool { return equal(e, chat.CardChanged{PersonID: b, Seq: 9}) })
		})
		if err := here.Close(); err != nil {
			t.Error(err)
		}
		if n := strings.Count(log.String(), "Redis does not answer"); n != 1 {
			t.Errorf("told %d times", n)
		}
	})
}

func equal(a, b chat.Event) bool {
	switch a := a.(type) {
	case chat.PositionsMoved:
		b, ok := b.(chat.PositionsMoved)
		return ok && a.PersonID == b.PersonID && slices.Equal(a.Conversations, b.Conversations)
	case chat.SessionsEnded:
		b, ok := b.(chat.SessionsEnded)
		return ok && slices.Equal(a.Sessions, b.Sessions)
	case chat.Typed:
		b, ok := b.(chat.Typed)
		return ok && reflect.DeepEqual(a, b)
	case chat.ReceiptsMoved:
		b, ok := b.(chat.ReceiptsMoved)
		return ok && slices.Equal(a.Conversations, b.Conversations) && slices.Equal(a.By, b.By)
	case chat.PresenceMoved:
		b, ok := b.(chat.PresenceMoved)
		return ok && slices.Equal(a.PersonIDs, b.PersonIDs)
	}
	switch b.(type) {
	case chat.PositionsMoved, chat.SessionsEnded, chat.ReceiptsMoved, chat.Typed, chat.PresenceMoved:
		return false
	}
	return a == b
}

func TestTwoNodes(t *testing.T) {
	t.Parallel()
	r := nodestest.Start(t)
	quiet := slog.New(slog.DiscardHandler)
	n := newNode(t, withoutSweep, link(t, r, quiet))
	second := realtime.New(quiet, withoutSweep, link(t, r, quiet))
	other := chat.New(n.store, second, chat.Settings{BcryptCost: 4})
	if err := second.Start(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { second.Close(context.Background()) })
	ana, ben, conversation := n.pair(t)
	p := n.connect(t, ben)
	p.follow(n.page(t, ben, conversation))
	// No sweep here: what arrives came by Redis. The first may be said before the nodes have subscribed.
	until(t, "a message said on the other node arrives", func() bool {
		n.sayThrough(t, other, ana, conversation, "from the other node")
		select {
		case g := <-p.frames:
			return g.Type == "changes"
		default:
			return false
		}
	})
	if err := other.LogOut(t.Context(), ben); err != nil {
		t.Fatal(err)
	}
	if code := p.end(); code != realtime.ClosedRevoked.Code {
		t.Errorf("logged out on the other node, the socket ends with %d", code)
	}
}
