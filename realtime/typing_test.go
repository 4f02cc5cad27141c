package realtime_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/chat"
	"parley/chat/chattest"
	"parley/nodes/nodestest"
	"parley/realtime"
)

// Writing tells who watches also when the answer is there.
func (s *faultyStore) Writing(ctx context.Context, person, conversation chat.ID) (chat.Writing, error) {
	if err := errors.Join(s.fault("Writing"), s.watched(ctx, "Writing")); err != nil {
		return chat.Writing{}, err
	}
	writing, err := s.Store.Writing(ctx, person, conversation)
	return writing, errors.Join(err, s.watched(ctx, "Writing, answered"))
}

// beside makes another node of the same world.
func (n *node) beside(t *testing.T, timing realtime.Timing, link realtime.Link) *node {
	t.Helper()
	other := &node{World: n.World, store: n.store}
	return other.begin(t, timing, chat.Settings{BcryptCost: 4}, nil, link)
}

// scribes is a node on which those who write go by a clock that stands still.
type scribes struct {
	*node
	clock *chattest.Clock
}

func newScribes(t *testing.T, timing realtime.Timing, link ...realtime.Link) *scribes {
	t.Helper()
	clock := &chattest.Clock{}
	clock.Advance(24 * time.Hour)
	timing.Clock = clock.Now
	return &scribes{newNode(t, timing, link...), clock}
}

// pass lets time pass.
func (s *scribes) pass(by time.Duration) {
	s.clock.Advance(by)
	s.hub.TypingTick()
}

// at opens a page of somebody's at a conversation.
func (n *node) at(t *testing.T, viewer chat.Viewer, conversation chat.ID) *page {
	t.Helper()
	p := n.connect(t, viewer)
	p.follow(n.page(t, n.current(t, viewer), conversation))
	return p
}

func (p *page) types() {
	p.t.Helper()
	p.write(map[string]any{"type": "typing"})
}

func (p *page) stops() {
	p.t.Helper()
	p.write(map[string]any{"type": "typing", "stopped": true})
}

// reads waits for the next line, which has to name these people, in that order; more than two have no names.
func (p *page) reads(names ...string) {
	p.t.Helper()
	p.readsIn(p.next("typing"), names...)
}

func (p *page) readsIn(g got, names ...string) {
	p.t.Helper()
	var named []string
	for _, word := range strings.FieldsFunc(g.HTML, func(r rune) bool { return r < 'A' || r > 'z' || r > 'Z' && r < 'a' }) {
		if slices.Contains([]string{"Ana", "Ben", "Cem", "Dora"}, word) {
			named = append(named, word)
		}
	}
	want := names
	if len(names) > 2 {
		want = nil
	}
	if !slices.Equal(named, want) || (g.HTML == "") != (len(names) == 0) {
		p.t.Errorf("want %v, got %q", names, g.HTML)
	}
}

// heard waits until what the page has sent so far has been dealt with: it says last that its person has read one message more.
func (n *node) heard(t *testing.T, p *page, viewer chat.Viewer, conversation chat.ID) {
	t.Helper()
	seq := chattest.Value[int64](t, n.World, "UPDATE conversations SET msg_seq = msg_seq + 1 WHERE id = $1 RETURNING msg_seq", conversation)
	p.write(map[string]any{"type": "ack", "positions": map[string]any{conversation.String(): map[string]int64{"delivered": seq, "read": seq}}})
	n.await(t, func() bool { return n.readOf(t, viewer, conversation) == seq })
}

// untold fails if the page was told, or is told before the mark, who writes.
func (n *node) untold(t *testing.T, p *page, viewer chat.Viewer) {
	t.Helper()
	note := n.note(t, viewer)
	mark := "the mark " + chat.NewID().String()
	n.say(t, viewer, note, mark)
	p.until("rows", func(g got) bool { return strings.Contains(g.HTML, mark) }, func(g got) {
		if g.Type == "typing" {
			t.Errorf("a line came that must not: %q", g.HTML)
		}
	})
}

// writesInto lets somebody write in a group, and looks whether a member sees it.
func (n *node) writesInto(t *testing.T, p *page, who, owner chat.Viewer, group chat.ID, shown bool) {
	t.Helper()
	reader := n.Person(t, "Reader")
	if err := n.chat.AddMembers(t.Context(), owner, group, []chat.ID{reader.ID}); err != nil {
		t.Fatal(err)
	}
	readers := n.at(t, reader, group)
	at := n.page(t, owner, group)
	if _, err := n.chat.Membership(t.Context(), who, group); err == nil {
		at = n.page(t, n.current(t, who), group)
	}
	p.open(at)
	for opened := false; !opened; { // or refused
		g := <-p.frames
		opened = g.Type == "resumed" || g.Type == "closed"
	}
	p.types()
	n.heard(t, p, who, n.note(t, who))
	if shown {
		readers.next("typing")
	} else {
		n.untold(t, readers, reader)
	}
	n.untold(t, p, who)
}

func TestTyping(t *testing.T) {
	t.Parallel()

	t.Run("one is named, two are, more are several, and nobody sees themselves on any device", func(t *testing.T) {
		t.Parallel()
		n := newScribes(t, withoutSweep)
		ana, ben, cem, dora := n.Person(t, "Ana"), n.Person(t, "Ben"), n.Person(t, "Cem"), n.Person(t, "Dora")
		eve := n.Person(t, "Eve")
		group := n.Group(t, "Crew", ana, ben, cem, dora, eve)
		eves := n.at(t, eve, group)
		anas, bens, bens2 := n.at(t, ana, group), n.at(t, ben, group), n.at(t, n.Session(t, ben.Person), group)
		cems, doras := n.at(t, cem, group), n.at(t, dora, group)
		cems.types()
		anas.reads("Cem")
		doras.reads("Cem")
		bens.reads("Cem")
		bens2.reads("Cem")
		bens.types()
		anas.reads("Cem", "Ben")
		doras.reads("Cem", "Ben")
		cems.reads("Ben")
		doras.types()
		anas.reads("Cem", "Ben", "Dora")
		cems.reads("Ben", "Dora")
		bens.reads("Cem", "Dora")
		bens2.reads("Cem", "Dora")
		anas.types()
		cems.reads("Ben", "Dora", "Ana")
		bens.reads("Cem", "Dora", "Ana")
		bens2.reads("Cem", "Dora", "Ana")
		doras.reads("Cem", "Ben", "Ana")
		cems.stops()
		anas.reads("Ben", "Dora")
		bens.reads("Dora", "Ana")
		bens2.reads("Dora", "Ana")
		doras.reads("Ben", "Ana")
		anas.stops()
		bens.reads("Dora")
		bens2.reads("Dora")
		cems.reads("Ben", "Dora")
		doras.reads("Ben")
		eves.reads("Cem")
		eves.reads("Cem", "Ben")
		eves.reads("Cem", "Ben", "Dora")
		eves.reads("Ben", "Dora") // several stayed several when a fourth began, and when the first stopped
		bens.stops()
		doras.reads()
		cems.reads("Dora")
		anas.reads("Dora")
		doras.stops()
		for _, p := range []*page{anas, bens, bens2, cems} {
			p.reads()
		}
	})

	t.Run("the line has its element also where nobody writes", func(t *testing.T) {
		t.Parallel()
		n := newScribes(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		p, bens := n.dial(t, ana), n.at(t, ben, conversation)
		_ = p.conn.SetReadDeadline(time.Now().Add(patience))
		p.open(n.page(t, n.current(t, ana), conversation))
		line := func(kind string) string {
			for {
				_, message, err := p.conn.ReadMessage()
				if err != nil {
					t.Fatal(err)
				}
				var is struct{ Type string }
				if _ = json.Unmarshal(message, &is); is.Type == kind {
					return string(message)
				}
			}
		}
		line("resumed")
		bens.types()
		if got, want := line("typing"), `{"type":"typing","conversation":"`+conversation.String()+`","html":"<`; !strings.HasPrefix(got, want) {
			t.Errorf("got %s", got)
		}
		bens.stops()
		if got, want := line("typing"), `{"type":"typing","conversation":"`+conversation.String()+`","html":""}`; got != want {
			t.Errorf("got %s", got)
		}
	})

	t.Run("it is said every three seconds at most, a stop at once, and who begins again waits for it", func(t *testing.T) {
		t.Parallel()
		w := newWire()
		n := newScribes(t, withoutSweep, w.end(0))
		ana, ben, conversation := n.pair(t)
		anas, bens := n.at(t, ana, conversation), n.at(t, ben, conversation)
		said := func(want int) {
			t.Helper()
			n.heard(t, bens, ben, conversation)
			if got := w.typed(); got != want {
				t.Errorf("said %d times, want %d", got, want)
			}
		}
		bens.types()
		anas.reads("Ben")
		for range 5 {
			bens.types()
		}
		said(1)
		n.pass(2 * time.Second)
		bens.types()
		said(1)
		n.pass(time.Second)
		said(1) // what was not said before is not said late
		bens.types()
		bens.types()
		anas.reads("Ben")
		said(2)
		bens.stops()
		anas.reads()
		bens.stops()
		said(3)
		bens.types()
		said(3)
		n.pass(2 * time.Second)
		said(3)
		n.untold(t, anas, ana)
		n.pass(time.Second)
		anas.reads("Ben")
		said(4)
		bens.write(map[string]any{"type": "leave"})
		anas.reads()
		bens.follow(n.page(t, n.current(t, ben), conversation))
		bens.types()
		said(5) // that it is over; and coming back is no way to say more
		n.untold(t, anas, ana)
		bens.stops()
		said(5)
		n.pass(3 * time.Second)
		n.untold(t, anas, ana) // nor is it said of who has stopped meanwhile
		bens.types()
		anas.reads("Ben")
		n.say(t, ben, conversation, "there it is")
		anas.reads()
		said(7) // to whoever hears of the message first
	})

	t.Run("it is over after six seconds without another", func(t *testing.T) {
		t.Parallel()
		n := newScribes(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		anas, bens := n.at(t, ana, conversation), n.at(t, ben, conversation)
		bens.types()
		anas.reads("Ben")
		n.pass(3 * time.Second)
		bens.types()
		anas.reads("Ben")
		n.pass(5900 * time.Millisecond)
		n.untold(t, anas, ana)
		n.pass(200 * time.Millisecond)
		anas.reads()
		bens.types()
		anas.reads("Ben")
	})

	t.Run("a line is said again while somebody goes on writing, every three seconds at most to each page", func(t *testing.T) {
		t.Parallel()
		n := newScribes(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		n.note(t, ana) // or it would be something new about her when she comes with another page
		anas, bens := n.at(t, ana, conversation), n.at(t, ben, conversation)
		bens.types()
		anas.reads("Ben")
		for range 3 {
			n.pass(3 * time.Second)
			n.untold(t, anas, ana) // before Ben says so
			bens.types()
			anas.reads("Ben")
			bens.types()
			n.heard(t, bens, ben, conversation)
			n.untold(t, anas, ana)
		}
		n.pass(time.Second)
		late := n.at(t, n.Session(t, ana.Person), conversation)
		late.reads("Ben")
		n.pass(2 * time.Second)
		bens.types()
		anas.reads("Ben")
		n.untold(t, late, ana)
		n.pass(time.Second)
		late.reads("Ben") // what came too soon for this page
		n.pass(4900 * time.Millisecond)
		n.untold(t, anas, ana)
		n.untold(t, late, ana)
		n.pass(100 * time.Millisecond) // six seconds after Ben last wrote, and neither page has waited for seven
		anas.reads()
		late.reads()
	})

	t.Run("nothing is said again because of those who are not seen, who write no more, or who come", func(t *testing.T) {
		t.Parallel()
		n := newScribes(t, withoutSweep)
		ana, ben, cem, dora := n.Person(t, "Ana"), n.Person(t, "Ben"), n.Person(t, "Cem"), n.Person(t, "Dora")
		eve := n.Person(t, "Eve")
		group := n.Group(t, "Crew", cem, ana, ben, dora)
		n.block(t, n.quiet, ana, dora)
		anas, bens, cems, doras := n.at(t, ana, group), n.at(t, ben, group), n.at(t, cem, group), n.at(t, dora, group)
		bens.types()
		anas.reads("Ben")
		cems.reads("Ben")
		n.pass(3 * time.Second)
		doras.types()
		cems.reads("Ben", "Dora")
		n.untold(t, anas, ana)
		n.pass(2 * time.Second)
		bens.types()
		anas.reads("Ben")
		n.pass(time.Second)
		cems.reads("Ben", "Dora")
		n.pass(3 * time.Second)
		cems.reads("Ben") // Dora's six seconds are over
		n.untold(t, anas, ana)
		if err := n.chat.AddMembers(t.Context(), cem, group, []chat.ID{eve.ID}); err != nil {
			t.Fatal(err)
		}
		n.at(t, eve, group).reads("Ben")
		n.untold(t, anas, ana)
		n.untold(t, cems, cem)
	})

	t.Run("it is over before the message is there", func(t *testing.T) {
		t.Parallel()
		n := newScribes(t, withoutSweep)
		ana, ben, cem := n.Person(t, "Ana"), n.Person(t, "Ben"), n.Person(t, "Cem")
		for _, conversation := range []chat.ID{n.Direct(t, ana, ben), n.Group(t, "Crew", ana, ben, cem)} {
			anas, bens := n.at(t, ana, conversation), n.at(t, ben, conversation)
			bens.types()
			anas.reads("Ben")
			n.say(t, ben, conversation, "there it is")
			over := false
			anas.until("changes", func(got) bool { return true }, func(g got) {
				if g.Type == "typing" {
					over = g.HTML == ""
				}
			})
			if !over {
				t.Error("the line stands beside the message")
			}
			bens.types()
			n.heard(t, bens, ben, conversation)
			n.pass(3 * time.Second)
			anas.reads("Ben")
		}
	})

	t.Run("it is over when the page leaves, and no other page of the same person writes there", func(t *testing.T) {
		t.Parallel()
		n := newScribes(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		anas, idle, note := n.at(t, ana, conversation), n.at(t, ben, conversation), n.note(t, ben)
		for _, leave := range []func(*page){
			func(p *page) { p.write(map[string]any{"type": "leave"}) },
			func(p *page) { _ = p.conn.Close() },
			func(p *page) { p.follow(n.page(t, n.current(t, ben), note)) },
		} {
			one, two := n.at(t, ben, conversation), n.at(t, n.Session(t, ben.Person), conversation)
			one.types()
			anas.reads("Ben")
			two.types()
			n.heard(t, two, ben, conversation)
			leave(one)
			n.heard(t, idle, ben, conversation)
			n.untold(t, anas, ana)
			leave(two)
			anas.reads()
			n.pass(3 * time.Second)
		}
	})

	t.Run("who opens the conversation meanwhile is told at once", func(t *testing.T) {
		t.Parallel()
		n := newScribes(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		bens := n.at(t, ben, conversation)
		bens.types()
		n.await(t, func() bool { return n.hub.KnowsReaders(ben.ID, conversation) })
		anas := n.connect(t, ana)
		anas.open(n.page(t, n.current(t, ana), conversation))
		resumed := false
		g := anas.until("typing", func(got) bool { return true }, func(g got) { resumed = resumed || g.Type == "resumed" })
		if anas.readsIn(g, "Ben"); !resumed {
			t.Error("the line came before the page was live")
		}
	})

	t.Run("what could not be asked is asked with the next", func(t *testing.T) {
		t.Parallel()
		n := newScribes(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		anas, bens := n.at(t, ana, conversation), n.at(t, ben, conversation)
		n.store.fail(errBroken)
		bens.types()
		n.await(t, func() bool { return n.store.failed("Writing") })
		n.store.fail(nil)
		until(t, "it is asked again", func() bool {
			bens.types()
			return n.hub.KnowsReaders(ben.ID, conversation)
		})
		anas.reads("Ben")
	})

	t.Run("it is asked once for half a minute, or until somebody comes or goes", func(t *testing.T) {
		t.Parallel()
		n := newScribes(t, withoutSweep)
		ana, ben, cem := n.Person(t, "Ana"), n.Person(t, "Ben"), n.Person(t, "Cem")
		group := n.Group(t, "Crew", ana, ben)
		var asked atomic.Int64
		n.store.watching(func(_ context.Context, method string) error {
			if method == "Writing" {
				asked.Add(1)
			}
			return nil
		})
		anas, bens := n.at(t, ana, group), n.at(t, ben, group)
		bens.types()
		anas.reads("Ben")
		for range 9 {
			n.pass(3 * time.Second)
			bens.types()
			anas.reads("Ben")
		}
		if n := asked.Load(); n != 1 {
			t.Errorf("asked %d times", n)
		}
		n.pass(3 * time.Second)
		bens.types()
		anas.reads("Ben")
		if n := asked.Load(); n != 2 {
			t.Errorf("asked %d times", n)
		}
		n.say(t, ben, group, "done")
		anas.reads()
		n.pass(3 * time.Second)
		if err := n.chat.AddMembers(t.Context(), ana, group, []chat.ID{cem.ID}); err != nil {
			t.Fatal(err)
		}
		cems := n.at(t, cem, group)
		bens.types()
		cems.reads("Ben")
		anas.reads("Ben")
		n.untold(t, anas, ana)
	})
}

func (n *node) shows(t *testing.T, c *chat.Chat, who chat.Viewer, choose func(*chat.PresenceChoices)) {
	t.Helper()
	choices, err := n.quiet.PresenceChoices(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	choose(&choices)
	if err := c.SavePresenceChoices(t.Context(), who, choices); err != nil {
		t.Fatal(err)
	}
}

func hidesTyping(c *chat.PresenceChoices) { c.Typing = false }
func showsTyping(c *chat.PresenceChoices) { c.Typing = true }
func invisible(c *chat.PresenceChoices)   { c.Invisible = true }

// TestTypingIsNotShown holds of whom it is not shown, and to whom.
func TestTypingIsNotShown(t *testing.T) {
	t.Parallel()
	for name, hide := range map[string]func(t *testing.T, n *node, reader, writer chat.Viewer, conversation chat.ID){
		"of who hides it":         func(t *testing.T, n *node, _, w chat.Viewer, _ chat.ID) { n.shows(t, n.quiet, w, hidesTyping) },
		"to who hides their own":  func(t *testing.T, n *node, r, _ chat.Viewer, _ chat.ID) { n.shows(t, n.quiet, r, hidesTyping) },
		"of who is invisible":     func(t *testing.T, n *node, _, w chat.Viewer, _ chat.ID) { n.shows(t, n.quiet, w, invisible) },
		"to who is invisible":     func(t *testing.T, n *node, r, _ chat.Viewer, _ chat.ID) { n.shows(t, n.quiet, r, invisible) },
		"of who was blocked":      func(t *testing.T, n *node, r, w chat.Viewer, _ chat.ID) { n.block(t, n.quiet, r, w) },
		"to who was blocked":      func(t *testing.T, n *node, r, w chat.Viewer, _ chat.ID) { n.block(t, n.quiet, w, r) },
		"in a group that is over": nil,
		"in a request":            nil,
		"to nobody, so it is seen": func(*testing.T, *node, chat.Viewer, chat.Viewer, chat.ID) {
		},
	} {
		for _, kind := range []chat.ConversationKind{chat.KindDirect, chat.KindGroup} {
			t.Run(name+", "+string(kind), func(t *testing.T) {
				t.Parallel()
				n := newScribes(t, withoutSweep)
				ana, ben, cem := n.Person(t, "Ana"), n.Person(t, "Ben"), n.Person(t, "Cem")
				var conversation chat.ID
				shown := strings.Contains(name, "nobody")
				switch {
				case kind == chat.KindGroup:
					conversation = n.Group(t, "Crew", cem, ana, ben)
				case name == "in a request":
					choices := chat.Reach{Writes: chat.CircleNobody, Adds: chat.CircleNobody, Finds: chat.CircleNobody}
					if err := n.quiet.SaveReach(t.Context(), ana, choices); err != nil {
						t.Fatal(err)
					}
					conversation = n.Direct(t, ben, ana)
					n.sayThrough(t, n.quiet, ben, conversation, "may I?")
				default:
					conversation = n.Direct(t, ana, ben)
				}
				switch {
				case hide != nil:
					hide(t, n.node, ana, ben, conversation)
				case name == "in a request" && kind == chat.KindGroup:
					return // a group has none
				case name == "in a group that is over":
					if kind == chat.KindDirect {
						return
					}
					n.exec(t, "UPDATE conversations SET member_count = $2 WHERE id = $1", conversation, chat.MaxTyping+1)
				}
				anas, bens := n.at(t, ana, conversation), n.at(t, ben, conversation)
				var cems *page
				if kind == chat.KindGroup {
					cems = n.at(t, cem, conversation)
				}
				bens.types()
				n.await(t, func() bool { return n.hub.KnowsReaders(ben.ID, conversation) })
				if shown {
					anas.reads("Ben")
				}
				n.untold(t, anas, ana)
				n.untold(t, bens, ben)
				if cems != nil && strings.HasPrefix(name, "to ") {
					cems.reads("Ben")
				}
			})
		}
	}
}

// TestTypingChanges holds what becomes of a line when somebody may see it no more, or may now.
func TestTypingChanges(t *testing.T) {
	t.Parallel()
	type crew struct {
		*scribes
		ana, ben, cem    chat.Viewer
		group            chat.ID
		anas, bens, cems *page
	}
	begin := func(t *testing.T, timing realtime.Timing, link ...realtime.Link) *crew {
		t.Helper()
		c := &crew{scribes: newScribes(t, timing, link...)}
		c.ana, c.ben, c.cem = c.Person(t, "Ana"), c.Person(t, "Ben"), c.Person(t, "Cem")
		c.group = c.Group(t, "Crew", c.cem, c.ana, c.ben)
		c.anas, c.bens, c.cems = c.at(t, c.ana, c.group), c.at(t, c.ben, c.group), c.at(t, c.cem, c.group)
		c.bens.types()
		c.anas.reads("Ben")
		c.cems.reads("Ben")
		return c
	}

	t.Run("who hides their own sees others' no more, and again when it is shown again", func(t *testing.T) {
		t.Parallel()
		c := begin(t, withoutSweep)
		c.shows(t, c.chat, c.ana, hidesTyping)
		c.anas.reads()
		c.pass(3 * time.Second)
		c.bens.types()
		c.heard(t, c.bens, c.ben, c.group)
		c.cems.reads("Ben")
		c.untold(t, c.anas, c.ana)
		c.pass(3 * time.Second)
		c.shows(t, c.chat, c.ana, showsTyping)
		c.anas.reads("Ben")
		c.untold(t, c.cems, c.cem)
	})

	t.Run("who hides their own while it is asked sees nothing either", func(t *testing.T) {
		t.Parallel()
		n := newScribes(t, withoutSweep)
		ana, ben, cem := n.Person(t, "Ana"), n.Person(t, "Ben"), n.Person(t, "Cem")
		group := n.Group(t, "Crew", cem, ana, ben)
		anas, bens, cems := n.at(t, ana, group), n.at(t, ben, group), n.at(t, cem, group)
		var once sync.Once
		n.store.watching(func(_ context.Context, method string) error {
			if method == "Writing, answered" {
				once.Do(func() { n.shows(t, n.chat, ana, hidesTyping) })
			}
			return nil
		})
		bens.types()
		cems.reads("Ben")
		n.untold(t, anas, ana)
	})

	t.Run("who hides it while it is seen is seen no more", func(t *testing.T) {
		t.Parallel()
		c := begin(t, withoutSweep)
		c.shows(t, c.chat, c.ben, invisible)
		c.anas.reads()
		c.cems.reads()
		c.pass(3 * time.Second)
		c.bens.types()
		c.heard(t, c.bens, c.ben, c.group)
		c.untold(t, c.anas, c.ana)
	})

	t.Run("who blocks, and who is blocked, sees it no more, and everybody else does", func(t *testing.T) {
		t.Parallel()
		c := begin(t, withoutSweep)
		c.anas.types()
		c.bens.reads("Ana")
		c.cems.reads("Ben", "Ana")
		c.block(t, c.chat, c.ana, c.ben)
		c.bens.reads()
		c.anas.until("reset", func(got) bool { return true })
		c.anas.follow(c.page(t, c.current(t, c.ana), c.group))
		c.pass(3 * time.Second)
		c.bens.types()
		c.anas.types()
		c.heard(t, c.bens, c.ben, c.group)
		c.heard(t, c.anas, c.ana, c.group)
		c.untold(t, c.anas, c.ana)
		c.untold(t, c.bens, c.ben)
		both := c.cems.until("typing", func(g got) bool { return strings.Contains(g.HTML, "Ana") && strings.Contains(g.HTML, "Ben") })
		if both.HTML == "" {
			t.Error("nobody sees it")
		}
	})

	t.Run("who is removed writes there no more", func(t *testing.T) {
		t.Parallel()
		c := begin(t, withoutSweep)
		if err := c.chat.RemoveMember(t.Context(), c.cem, c.group, c.ben.ID); err != nil {
			t.Fatal(err)
		}
		c.anas.until("typing", func(g got) bool { return g.HTML == "" })
		c.bens.types()
		c.heard(t, c.bens, c.ben, c.note(t, c.ben))
		c.untold(t, c.anas, c.ana)
	})

	t.Run("the sweep finds a choice whose hint is lost, and tells the other nodes", func(t *testing.T) {
		t.Parallel()
		w := newWire()
		c := begin(t, quick, w.end(0))
		c.shows(t, c.quiet, c.ana, hidesTyping)
		c.anas.reads()
		c.await(t, func() bool { return w.changed(c.ana.ID) })
		c.shows(t, c.quiet, c.ben, hidesTyping)
		c.cems.reads()
	})
}

// wire joins two nodes of one process; it may be cut, and keeps what was sent.
type wire struct {
	mu     sync.Mutex
	events []chat.Event
	cut    atomic.Bool
	ends   [2]chan chat.Event
}

func newWire() *wire {
	return &wire{ends: [2]chan chat.Event{make(chan chat.Event, 1000), make(chan chat.Event, 1000)}}
}

func (w *wire) end(number int) realtime.Link { return wireEnd{w, number} }

// typed is how often it was said of somebody that they write, or do no more.
func (w *wire) typed() (times int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, event := range w.events {
		if _, is := event.(chat.Typed); is {
			times++
		}
	}
	return times
}

func (w *wire) changed(person chat.ID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.events, func(event chat.Event) bool {
		e, is := event.(chat.PersonChanged)
		return is && e.PersonID == person
	})
}

type wireEnd struct {
	*wire
	number int
}

func (e wireEnd) Send(event chat.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.events = append(e.events, event)
	if !e.cut.Load() {
		e.ends[1-e.number] <- event
	}
}

func (e wireEnd) Listen(ctx context.Context, hear func(chat.Event)) {
	for {
		select {
		case <-ctx.Done():
			return
		case event := <-e.ends[e.number]:
			if c, is := event.(chat.ConversationChanged); is {
				c.Message = nil
				event = c
			}
			hear(event)
		}
	}
}

func (wireEnd) Close() error { return nil }

func TestTypingOnTwoNodes(t *testing.T) {
	t.Parallel()
	for name, join := range map[string]func(t *testing.T) (one, two realtime.Link, cut func()){
		"in one process": func(*testing.T) (one, two realtime.Link, cut func()) {
			w := newWire()
			return w.end(0), w.end(1), func() { w.cut.Store(true) }
		},
		"over Redis": func(t *testing.T) (one, two realtime.Link, cut func()) {
			r := nodestest.Start(t)
			quiet := slog.New(slog.DiscardHandler)
			return link(t, r, quiet), link(t, r, quiet), r.Kill
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, second, cut := join(t)
			timing := withoutSweep
			n := newScribes(t, timing, first)
			timing.Clock, timing.Sweep = n.clock.Now, 20*time.Millisecond
			other := n.beside(t, timing, second)
			pass := func(by time.Duration) {
				n.pass(by)
				other.hub.TypingTick()
			}
			ana, ben, cem := n.Person(t, "Ana"), n.Person(t, "Ben"), n.Person(t, "Cem")
			group := n.Group(t, "Crew", ana, ben, cem)
			anas := other.at(t, ana, group)
			bens, cems := n.at(t, ben, group), n.at(t, cem, group)
			until(t, "the nodes hear each other", func() bool { // they may not have subscribed yet
				pass(3 * time.Second)
				bens.types()
				for late := time.After(time.Second); ; {
					select {
					case g := <-anas.frames:
						if g.Type == "typing" {
							anas.readsIn(g, "Ben")
							return true
						}
					case <-late:
						return false
					}
				}
			})
			cems.types()
			anas.readsIn(anas.until("typing", func(g got) bool { return strings.Contains(g.HTML, "Cem") }), "Ben", "Cem")
			cems.stops()
			anas.reads("Ben")
			anas.types()
			for _, p := range []*page{bens, cems} {
				p.until("typing", func(g got) bool { return strings.Contains(g.HTML, "Ana") })
			}

			bens2 := other.at(t, n.Session(t, ben.Person), group)
			bens2.reads("Ana")
			pass(3 * time.Second)
			bens2.types()
			anas.reads("Ben") // again, and on the first node also
			cems.reads("Ben", "Ana")
			pass(3 * time.Second)
			bens.write(map[string]any{"type": "leave"})
			n.heard(t, bens, ben, group)
			cems.types()
			anas.reads("Ben", "Cem") // of Ben the page on the other node still writes
			cems.stops()
			anas.reads("Ben")
			pass(3 * time.Second)
			anas.reads() // six seconds after Ben wrote there, whenever the first node said that he stopped
			bens2.types()
			anas.reads("Ben")
			n.say(t, ben, group, "said on the first node")
			over := false
			anas.until("changes", func(got) bool { return true }, func(g got) { over = over || g.Type == "typing" && g.HTML == "" })
			if !over {
				t.Error("the line stands beside the message")
			}

			pass(6 * time.Second)
			cems.types()
			anas.reads("Cem")
			_ = cems.conn.Close()
			anas.reads()
			pass(3 * time.Second)
			cems = n.at(t, cem, group)
			cems.types()
			anas.reads("Cem")
			cut()
			n.shows(t, n.quiet, ana, hidesTyping)
			anas.reads()
		})
	}
}
