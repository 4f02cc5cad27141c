package realtime_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"parley/chat"
	"parley/realtime"
)

// foreign is an ack of as many positions as one may hold, none of them the person's.
func foreign() map[string]any {
	positions := map[string]any{}
	for range 200 {
		positions[chat.NewID().String()] = map[string]any{"read": 1}
	}
	return map[string]any{"type": "ack", "positions": positions}
}

func ackOf(conversations ...chat.ID) map[string]any {
	positions := map[string]any{}
	for _, id := range conversations {
		positions[id.String()] = map[string]any{"delivered": 1, "read": 1}
	}
	return map[string]any{"type": "ack", "positions": positions}
}

func TestPositionFlood(t *testing.T) {
	t.Parallel()

	t.Run("whoever says foreign positions without end holds up nobody's own", func(t *testing.T) {
		t.Parallel()
		const sockets, each = 40, 60
		timing := withoutSweep
		timing.Ack, timing.Query = time.Second, 500*time.Millisecond // in one statement they would take longer
		n := newLimitedNode(t, timing)
		ana, ben, conversation := n.pair(t)
		eve := n.Person(t, "Eve")
		n.say(t, ana, conversation, "read me")
		p := n.connect(t, ben)
		flood := foreign()
		for range sockets {
			q := n.connect(t, eve)
			for range each {
				if q.conn.WriteJSON(flood) != nil {
					break // cut for it
				}
				flood = foreign()
			}
		}
		p.write(ackOf(conversation))
		began := time.Now()
		n.await(t, func() bool { return n.readOf(t, ben, conversation) == 1 })
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("stored after %v", took)
		}
	})

	t.Run("of many acks that a line held back all count, of a flood not", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ben := n.Person(t, "Ben")
		var conversations []chat.ID
		for i := range 50 {
			by := n.Person(t, fmt.Sprint("Ana ", i))
			id := n.Direct(t, by, ben)
			n.say(t, by, id, "read me")
			conversations = append(conversations, id)
		}
		p := n.connect(t, ben)
		for _, id := range conversations {
			p.write(ackOf(id))
		}
		n.await(t, func() bool { return n.readOf(t, ben, conversations[len(conversations)-1]) == 1 })
		for i, id := range conversations {
			if n.readOf(t, ben, id) != 1 {
				t.Errorf("number %d does not count", i)
			}
		}
	})
}

func TestAllowance(t *testing.T) {
	t.Parallel()

	t.Run("a person has 50 sockets and no more, and somebody else has others", func(t *testing.T) {
		t.Parallel()
		n := newLimitedNode(t, quick)
		ben, ana := n.Person(t, "Ben"), n.Person(t, "Ana")
		var pages []*page
		for range 50 {
			pages = append(pages, n.connect(t, ben))
		}
		refused := func() bool {
			header := http.Header{"X-Session": {ben.SessionID.String()}}
			conn, response, err := websocket.DefaultDialer.DialContext(t.Context(), n.address(), header)
			if err == nil {
				_ = conn.Close()
				return false
			}
			defer func() { _ = response.Body.Close() }()
			after, _ := strconv.Atoi(response.Header.Get("Retry-After"))
			if response.StatusCode != http.StatusTooManyRequests || after < 1 {
				t.Errorf("status %d, Retry-After %q", response.StatusCode, response.Header.Get("Retry-After"))
			}
			return true
		}
		if !refused() {
			t.Fatal("one more was accepted")
		}
		n.connect(t, ana)
		_ = pages[0].conn.Close()
		n.await(t, func() bool { return n.hub.Sockets() == 50 }) // Ana's, and 49
		n.await(t, func() bool { return !refused() })
	})

	t.Run("where there are no limits there may be more", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ben := n.Person(t, "Ben")
		for range 60 {
			n.connect(t, ben)
		}
	})

	for name, send := range map[string]func(p *page, at chat.ConversationPage) error{
		"frames": func(p *page, _ chat.ConversationPage) error {
			return p.conn.WriteMessage(websocket.TextMessage, []byte(`{"type":"typing"}`))
		},
		"opens": func(p *page, at chat.ConversationPage) error {
			return p.conn.WriteJSON(map[string]any{
				"type": "open", "conversation": at.ID, "epoch": at.Epoch, "after": at.ChangeSeq, "view": at.ViewSeq,
			})
		},
	} {
		t.Run("many sockets are not worth many times as many "+name, func(t *testing.T) {
			t.Parallel()
			n := newLimitedNode(t, withoutSweep)
			ana, ben, conversation := n.pair(t)
			at, other := n.page(t, ben, conversation), n.page(t, ana, conversation)
			good := n.connect(t, ana)
			var pages []*page
			for range 20 {
				pages = append(pages, n.connect(t, ben))
			}
			const each = 50 // which one socket may send
			for range each {
				for _, p := range pages {
					_ = send(p, at) // it may have been cut
				}
			}
			// Whose frames are read first is not said, and so neither is whose are too many.
			n.await(t, func() bool { return slices.ContainsFunc(pages, (*page).over) })
			for _, p := range pages {
				if p.over() && p.code != realtime.ClosedFlood.Code && p.code != websocket.CloseAbnormalClosure {
					t.Errorf("closed with %d", p.code)
				}
			}
			good.follow(other)
		})
	}

	t.Run("a person with ten busy pages is not hindered", func(t *testing.T) {
		t.Parallel()
		n := newLimitedNode(t, withoutSweep)
		ana, ben := n.Person(t, "Ana"), n.Person(t, "Ben")
		conversation, note := n.Direct(t, ana, ben), n.note(t, ben)
		n.say(t, ana, conversation, "read me")
		ben = n.current(t, ben)
		at, elsewhere := n.page(t, ben, conversation), n.page(t, ben, note)
		var pages []*page
		for range 10 {
			pages = append(pages, n.connect(t, ben))
		}
		for _, p := range pages {
			for range 5 {
				p.follow(elsewhere)
				p.follow(at)
				p.write(map[string]any{"type": "typing"})
				p.write(map[string]any{"type": "activity"})
			}
			p.write(ackOf(conversation))
		}
		n.await(t, func() bool { return n.readOf(t, ben, conversation) == 1 })
		last := n.say(t, ana, conversation, "to all of them")
		for _, p := range pages {
			p.until("changes", func(g got) bool { return g.To == last.ChangeSeq })
		}
	})
}

func TestArriving(t *testing.T) {
	t.Parallel()
	n := newNode(t, withoutSweep)
	ana, ben := n.Person(t, "Ana"), n.Person(t, "Ben")
	n.hub.MostArriving(1)
	gate := make(chan struct{})
	n.store.watching(func(ctx context.Context, method string) error {
		if method == "Lists" {
			select {
			case <-gate:
			case <-ctx.Done():
			}
		}
		return nil
	})
	welcome := func() bool { return n.hub.Crowded() == 0 }

	page := n.connect(t, ana)
	if welcome() {
		t.Error("one more is welcome while the only one that may be arriving has no list")
	}
	gate <- struct{}{}
	page.next("list")
	until(t, "who has the list makes room", welcome)

	page = n.connect(t, ben)
	if welcome() {
		t.Error("premise: nobody is welcome while the second is arriving")
	}
	_ = page.conn.Close()
	until(t, "who has gone makes room", welcome)
	close(gate)
}
