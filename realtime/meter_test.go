package realtime_test

import (
	"context"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"parley/chat"
	"parley/realtime"
)

// tally is what a node reports.
type tally struct {
	mu        sync.Mutex
	closed    map[string]int
	resumed   map[realtime.Resume]int
	repaired  map[realtime.Hint]int
	overflows int
	lags      []time.Duration
	moved     int // people
	presences int // frames
	news      chan struct{}
}

func newTally() *tally {
	return &tally{
		closed: map[string]int{}, resumed: map[realtime.Resume]int{}, repaired: map[realtime.Hint]int{}, news: make(chan struct{}, 1),
	}
}

func (c *tally) note(what func()) {
	c.mu.Lock()
	what()
	c.mu.Unlock()
	select {
	case c.news <- struct{}{}:
	default:
	}
}

func (c *tally) SocketClosed(reason realtime.Reason) { c.note(func() { c.closed[reason.Name]++ }) }
func (c *tally) QueueOverflowed()                    { c.note(func() { c.overflows++ }) }
func (c *tally) MessageWritten(lag time.Duration)    { c.note(func() { c.lags = append(c.lags, lag) }) }
func (c *tally) Resumed(result realtime.Resume)      { c.note(func() { c.resumed[result]++ }) }
func (c *tally) HintRepaired(kind realtime.Hint)     { c.note(func() { c.repaired[kind]++ }) }
func (c *tally) PresenceMoved(people int)            { c.note(func() { c.moved += people }) }
func (c *tally) PresenceSent()                       { c.note(func() { c.presences++ }) }

func (c *tally) reported(holds func(c *tally) bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return holds(c)
}

// until waits for a report after which the condition holds.
func (c *tally) until(t *testing.T, holds func(c *tally) bool) {
	t.Helper()
	deadline := time.After(patience)
	for !c.reported(holds) {
		select {
		case <-c.news:
		case <-deadline:
			t.Fatalf("reported are closings %v, openings %v, repairs %v, %d overflows, lags %v", c.closed, c.resumed, c.repaired, c.overflows, c.lags)
		}
	}
}

// closes waits until exactly these closings are reported.
func (c *tally) closes(t *testing.T, want map[string]int) {
	t.Helper()
	c.until(t, func(c *tally) bool { return maps.Equal(c.closed, want) })
}

// resumes waits until exactly these openings are reported.
func (c *tally) resumes(t *testing.T, want map[realtime.Resume]int) {
	t.Helper()
	c.until(t, func(c *tally) bool { return maps.Equal(c.resumed, want) })
}

func TestResumesAreReported(t *testing.T) {
	t.Parallel()

	t.Run("a page that has missed nothing, one that has, and one whose cursor is void", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		at := n.page(t, ben, conversation)
		p := n.connect(t, ben)
		p.follow(at)
		n.meter.resumes(t, map[realtime.Resume]int{realtime.ResumedCurrent: 1})
		n.say(t, ana, conversation, "one")
		p.next("changes")
		p.follow(at)
		n.meter.resumes(t, map[realtime.Resume]int{realtime.ResumedCurrent: 1, realtime.ResumedReplayed: 1})
		at.Epoch = "elsewhere"
		p.open(at)
		p.next("reset")
		n.meter.resumes(t, map[realtime.Resume]int{realtime.ResumedCurrent: 1, realtime.ResumedReplayed: 1, realtime.ResumedReset: 1})
	})

	t.Run("a page with too much to catch up", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		at := n.page(t, ben, conversation)
		for range chat.MaxReplayChanges + 1 {
			n.Say(t, ana, conversation, "x")
		}
		n.connect(t, ben).open(at)
		n.meter.resumes(t, map[realtime.Resume]int{realtime.ResumedReset: 1})
	})

	t.Run("a page of somebody who was never in, and one who was", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		_, who, group := n.inGroup(t, "former member")
		eve := n.connect(t, n.Person(t, "Eve"))
		eve.open(chat.ConversationPage{Conversation: chat.Conversation{ID: group}})
		eve.next("closed")
		n.meter.resumes(t, map[realtime.Resume]int{realtime.ResumedClosed: 1})
		n.connect(t, who).follow(n.page(t, who, group))
		n.meter.resumes(t, map[realtime.Resume]int{realtime.ResumedClosed: 1, realtime.ResumedPast: 1})
	})

	t.Run("a page that has gone on, and one that cannot be answered", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		_, ben, conversation := n.pair(t)
		at := n.page(t, ben, conversation)
		p := n.connect(t, ben)
		asked, gone := make(chan struct{}), make(chan struct{})
		n.store.onceAsked(func() {
			close(asked)
			<-gone
		})
		p.open(at)
		<-asked
		p.follow(at)
		close(gone)
		n.meter.resumes(t, map[realtime.Resume]int{realtime.ResumedCurrent: 1, realtime.ResumedLeft: 1})
		n.store.fail(errBroken)
		p.open(at)
		n.meter.resumes(t, map[realtime.Resume]int{realtime.ResumedCurrent: 1, realtime.ResumedLeft: 1, realtime.ResumedFailed: 1})
		n.meter.closes(t, map[string]int{"failed": 1})
	})
}

func TestClosingsAreReported(t *testing.T) {
	t.Parallel()
	for reason, end := range map[string]func(t *testing.T, n *node, ben chat.Viewer, p *page){
		"left": func(t *testing.T, _ *node, _ chat.Viewer, p *page) {
			goodbye := websocket.FormatCloseMessage(websocket.CloseGoingAway, "")
			if err := p.conn.WriteMessage(websocket.CloseMessage, goodbye); err != nil {
				t.Fatal(err)
			}
		},
		"lost": func(_ *testing.T, _ *node, _ chat.Viewer, p *page) { _ = p.conn.NetConn().Close() },
		"revoked": func(t *testing.T, n *node, ben chat.Viewer, _ *page) {
			if err := n.chat.LogOut(t.Context(), ben); err != nil {
				t.Fatal(err)
			}
		},
		"restart": func(_ *testing.T, n *node, _ chat.Viewer, _ *page) { n.hub.Close(context.Background()) },
		"large": func(_ *testing.T, _ *node, _ chat.Viewer, p *page) {
			_ = p.conn.WriteJSON(map[string]any{"type": strings.Repeat("x", 65<<10)})
		},
		"flood": func(_ *testing.T, _ *node, _ chat.Viewer, p *page) {
			for range 200 {
				if p.conn.WriteMessage(websocket.TextMessage, []byte(`{"type":"nothing"}`)) != nil {
					break
				}
			}
		},
	} {
		t.Run("a socket that ends as "+reason, func(t *testing.T) {
			t.Parallel()
			n := newNode(t, withoutSweep)
			ben := n.Person(t, "Ben")
			p := n.connect(t, ben)
			if !n.meter.reported(func(c *tally) bool { return len(c.closed) == 0 }) {
				t.Error("premise: one has ended already")
			}
			end(t, n, ben, p)
			n.meter.closes(t, map[string]int{reason: 1})
		})
	}

	t.Run("a reader who does not keep up overflows the queue", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		stuck := n.dial(t, ben) // and never reads
		stuck.open(n.page(t, ben, conversation))
		n.meter.resumes(t, map[realtime.Resume]int{realtime.ResumedCurrent: 1})
		big := strings.Repeat("x", chat.MaxBody)
		for said := 0; said < 1000 && n.hub.Sockets() > 0; said++ {
			n.say(t, ana, conversation, big)
		}
		n.meter.closes(t, map[string]int{"slow": 1})
		n.meter.until(t, func(c *tally) bool { return c.overflows > 0 })
	})
}

func TestLagIsReported(t *testing.T) {
	t.Parallel()
	n := newNode(t, withoutSweep)
	ana, ben, conversation := n.pair(t)
	at := n.page(t, ben, conversation)
	pages := []*page{n.connect(t, ben), n.connect(t, ana)}
	for _, p := range pages {
		p.follow(at)
	}
	began := time.Now()
	n.say(t, ana, conversation, "one")
	n.meter.until(t, func(c *tally) bool { return len(c.lags) == 2 })
	took := time.Since(began)
	for _, lag := range n.meter.lags {
		if lag <= 0 || lag > took {
			t.Errorf("of %v in all the lag was %v", took, lag)
		}
	}

	// What was committed elsewhere, and what a page catches up, is no lag of this node.
	other := n.sayThrough(t, n.quiet, ana, conversation, "two")
	n.hub.Hear(chat.ConversationChanged{ConversationID: conversation, ChangeSeq: other.ChangeSeq})
	for _, p := range pages {
		p.until("changes", func(g got) bool { return g.To == other.ChangeSeq })
	}
	late := n.connect(t, ben)
	late.follow(at)
	last := n.say(t, ana, conversation, "three")
	for _, p := range append(pages, late) {
		p.until("changes", func(g got) bool { return g.To == last.ChangeSeq })
		p.follow(n.page(t, ben, conversation)) // behind this answer everything before has been reported
	}
	if !n.meter.reported(func(c *tally) bool { return len(c.lags) == 2+3 }) {
		t.Errorf("reported are %v", n.meter.lags)
	}
}

func TestRepairsAreReported(t *testing.T) {
	t.Parallel()

	t.Run("a change of an open conversation, of a person and of a session that no hint spoke of", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, quick)
		ana, ben, conversation := n.pair(t)
		p := n.connect(t, ben)
		p.follow(n.page(t, ben, conversation))
		n.sayThrough(t, n.quiet, ana, conversation, "nobody says so")
		p.until("changes", func(g got) bool { return strings.Contains(g.HTML, "nobody says so") })
		n.meter.until(t, func(c *tally) bool {
			return maps.Equal(c.repaired, map[realtime.Hint]int{realtime.HintConversation: 1})
		})
		if _, err := n.Store.RaiseViewSeq(t.Context(), ben.ID); err != nil {
			t.Fatal(err)
		}
		n.meter.until(t, func(c *tally) bool { return c.repaired[realtime.HintPerson] == 1 })
		n.connect(t, ana) // so that sweeps go on
		n.exec(t, `UPDATE sessions SET revoked_at = now() WHERE id = $1`, ben.SessionID)
		n.meter.until(t, func(c *tally) bool {
			return maps.Equal(c.repaired, map[realtime.Hint]int{realtime.HintConversation: 1, realtime.HintPerson: 1, realtime.HintSession: 1})
		})
	})

	t.Run("nothing that hints spoke of", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		p, other := n.connect(t, ben), n.connect(t, ana)
		p.follow(n.page(t, ben, conversation))
		other.follow(n.page(t, ana, conversation))
		n.say(t, ana, conversation, "said")
		p.next("changes")
		n.raise(t, ben)
		if err := n.chat.LogOut(t.Context(), ben); err != nil {
			t.Fatal(err)
		}
		p.end()
		for range 3 {
			n.hub.SweepNow(t.Context())
		}
		if !n.meter.reported(func(c *tally) bool { return len(c.repaired) == 0 }) {
			t.Errorf("reported are %v", n.meter.repaired)
		}
	})

	t.Run("nothing that a hint spoke of a moment late", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		n.connect(t, ben).follow(n.page(t, ben, conversation))
		late := n.sayThrough(t, n.quiet, ana, conversation, "late")
		n.hub.SweepNow(t.Context())
		n.hub.Hear(chat.ConversationChanged{ConversationID: conversation, ChangeSeq: late.ChangeSeq})
		n.hub.SweepNow(t.Context())
		lost := n.sayThrough(t, n.quiet, ana, conversation, "lost")
		n.hub.SweepNow(t.Context())
		n.hub.Hear(chat.ConversationChanged{ConversationID: conversation, ChangeSeq: lost.ChangeSeq - 1}) // of what was before
		n.hub.SweepNow(t.Context())
		n.meter.until(t, func(c *tally) bool {
			return maps.Equal(c.repaired, map[realtime.Hint]int{realtime.HintConversation: 1})
		})
	})
}
