package realtime_test

import (
	"context"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"parley/chat"
	"parley/chat/chattest"
	"parley/nodes"
	"parley/nodes/nodestest"
	"parley/realtime"
)

// present is a room in which waits are short. What must not be seen meanwhile is an hour away.
func present(change func(*realtime.Timing)) realtime.Timing {
	timing := withoutSweep
	timing.Gone, timing.Return, timing.Gather = 50*time.Millisecond, time.Nanosecond, time.Millisecond
	timing.Renew, timing.Lease = time.Hour, time.Hour
	if change != nil {
		change(&timing)
	}
	return timing
}

var elementIn = regexp.MustCompile(`data-presence="([^"]+)" data-state="([^"]*)"`)

// statesIn are whom a frame speaks of, and as what they are seen.
func statesIn(g got) map[chat.ID]string {
	states := map[chat.ID]string{}
	if g.Type != "presence" {
		return states
	}
	for _, found := range elementIn.FindAllStringSubmatch(g.HTML, -1) {
		var id chat.ID
		_ = id.UnmarshalText([]byte(found[1]))
		states[id] = found[2]
	}
	return states
}

func (p *page) watches(people ...chat.ID) {
	p.t.Helper()
	p.write(map[string]any{"type": "watch", "people": people})
}

// sees waits until the page is brought that somebody is in a state, and wants to see nothing else of that person before.
func (p *page) sees(person chat.ID, state string) {
	p.t.Helper()
	p.until("presence", func(g got) bool { _, of := statesIn(g)[person]; return of }, func(g got) {
		if is, of := statesIn(g)[person]; of && is != state {
			p.t.Fatalf("is seen as %q, not %q", is, state)
		}
	})
}

// comesToSee is sees without the last.
func (p *page) comesToSee(person chat.ID, state string) {
	p.t.Helper()
	p.until("presence", func(g got) bool { is, of := statesIn(g)[person]; return of && is == state })
}

func (p *page) acts(state string) {
	p.t.Helper()
	p.write(map[string]any{"type": "activity", "state": state})
}

func (p *page) leaves() {
	p.t.Helper()
	_ = p.conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseGoingAway, ""))
	p.end()
}

func (n *node) chooses(t *testing.T, who chat.Viewer, choices chat.PresenceChoices) {
	t.Helper()
	n.choosesBy(t, n.chat, who, choices)
}

func (n *node) choosesBy(t *testing.T, c *chat.Chat, who chat.Viewer, choices chat.PresenceChoices) {
	t.Helper()
	if err := c.SavePresenceChoices(t.Context(), who, choices); err != nil {
		t.Fatal(err)
	}
}

// arrives is connect with what a page says in its address of how it is used.
func (n *node) arrives(t *testing.T, viewer chat.Viewer, how string) *page {
	t.Helper()
	n.mu.Lock()
	n.viewers[viewer.SessionID.String()] = n.current(t, viewer)
	n.mu.Unlock()
	conn, response, err := websocket.DefaultDialer.DialContext(t.Context(), n.address()+"?activity="+how, http.Header{"X-Session": {viewer.SessionID.String()}})
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	p := &page{t: t, conn: conn, frames: make(chan got, 10_000), ended: make(chan struct{})}
	t.Cleanup(func() { _ = conn.Close() })
	go p.read()
	p.next("hello")
	return p
}

func (n *node) lastSeen(t *testing.T, who chat.Viewer) *time.Time {
	t.Helper()
	facts, err := n.chat.PresenceFacts(t.Context(), []chat.ID{who.ID})
	if err != nil {
		t.Fatal(err)
	}
	return facts[who.ID].LastSeen
}

// panicking is the handler of a log that does not bear frames that make no sense.
type panicking struct{ slog.Handler }

func (panicking) Enabled(context.Context, slog.Level) bool { return true }

func (panicking) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "frame ignored" {
		panic("on purpose")
	}
	return nil
}

func TestPresence(t *testing.T) {
	t.Parallel()

	t.Run("coming, hiding, showing and going are seen by who watches", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, present(nil))
		ana, ben := n.Person(t, "Ana"), n.Person(t, "Ben")
		bens := n.connect(t, ben)
		bens.watches(ana.ID)
		bens.sees(ana.ID, "offline")
		anas := n.connect(t, ana)
		bens.sees(ana.ID, "online")
		anas.acts("hidden")
		bens.sees(ana.ID, "away")
		anas.acts("active")
		bens.sees(ana.ID, "online")
		anas.acts("hidden")
		bens.sees(ana.ID, "away")
		anas.acts("") // as pages of before say it
		bens.sees(ana.ID, "online")
		anas.leaves()
		bens.sees(ana.ID, "offline")
		if n.lastSeen(t, ana) == nil {
			t.Error("it is told that she went before it was written down when")
		}
		n.meter.until(t, func(c *tally) bool { return c.presences == 7 && c.moved == 7 })
	})

	t.Run("whose frame makes a panic goes like everybody else", func(t *testing.T) {
		t.Parallel()
		n := &node{World: chattest.New(t), log: slog.New(panicking{slog.DiscardHandler})}
		n.store = &faultyStore{Store: n.Store, rows: map[chat.ID][2]int{}}
		n.begin(t, present(nil), chat.Settings{BcryptCost: 4}, nil)
		ana, ben := n.Person(t, "Ana"), n.Person(t, "Ben")
		bens, anas := n.connect(t, ben), n.connect(t, ana)
		bens.watches(ana.ID)
		bens.sees(ana.ID, "online")
		if err := anas.conn.WriteMessage(websocket.TextMessage, []byte("{")); err != nil {
			t.Fatal(err)
		}
		bens.sees(ana.ID, "offline")
		n.await(t, func() bool { return n.hub.Sockets() == 1 })
	})

	t.Run("pages say in their address how they are used", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, present(nil))
		ana, ben, cleo := n.Person(t, "Ana"), n.Person(t, "Ben"), n.Person(t, "Cleo")
		hidden, idle := n.arrives(t, ana, "hidden"), n.arrives(t, ben, "idle")
		p := n.arrives(t, cleo, "whatever")
		p.watches(ana.ID, ben.ID, cleo.ID)
		p.until("presence", func(g got) bool {
			states := statesIn(g)
			return states[ana.ID] == "away" && states[ben.ID] == "away" && states[cleo.ID] == "online"
		})
		hidden.acts("active")
		p.sees(ana.ID, "online")
		idle.acts("active")
		p.sees(ben.ID, "online")
	})

	t.Run("two devices and a page loaded anew are one person", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, present(func(timing *realtime.Timing) { timing.Gone = time.Hour }))
		ana, ben, mark := n.Person(t, "Ana"), n.Person(t, "Ben"), n.Person(t, "Mark")
		bens, marks := n.connect(t, ben), n.connect(t, mark)
		phone := n.connect(t, ana)
		bens.watches(ana.ID, mark.ID)
		bens.sees(ana.ID, "online")
		laptop := n.connect(t, ana)
		laptop.acts("hidden")
		phone.leaves()
		phone = n.connect(t, ana)
		phone.leaves()
		for range 3 {
			laptop.leaves()
			laptop = n.connect(t, ana)
		}
		n.await(t, func() bool { return n.hub.Sockets() == 3 })
		marks.acts("hidden") // behind all that
		bens.until("presence", func(g got) bool { return statesIn(g)[mark.ID] == "away" }, func(g got) {
			if state, of := statesIn(g)[ana.ID]; of {
				t.Errorf("she is seen as %q", state)
			}
		})
		if where := n.hub.Where(t.Context(), []chat.ID{ana.ID}); where[ana.ID] != chat.WhereHere {
			t.Errorf("she is %v", where)
		}
	})

	t.Run("unused long enough a page is away", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, present(func(timing *realtime.Timing) { timing.Away = 200 * time.Millisecond }))
		ana, ben := n.Person(t, "Ana"), n.Person(t, "Ben")
		bens := n.connect(t, ben)
		bens.watches(ana.ID)
		bens.sees(ana.ID, "offline")
		anas := n.connect(t, ana)
		bens.sees(ana.ID, "online")
		bens.sees(ana.ID, "away")
		anas.acts("active")
		bens.sees(ana.ID, "online")
		bens.sees(ana.ID, "away")
	})

	t.Run("a status is brought, and its end", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, present(nil))
		ana, ben := n.Person(t, "Ana"), n.Person(t, "Ben")
		n.connect(t, ana)
		bens := n.connect(t, ben)
		bens.watches(ana.ID)
		bens.sees(ana.ID, "online")
		for _, c := range []struct {
			busy bool
			want string
		}{{true, "busy"}, {false, "online"}} {
			if err := n.chat.SaveStatus(t.Context(), ana, chat.StatusInput{Busy: c.busy, Ends: chat.StatusStays}); err != nil {
				t.Fatal(err)
			}
			bens.sees(ana.ID, c.want)
		}
	})

	t.Run("after a start nobody is seen to be gone until people have had time to come back", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, present(func(timing *realtime.Timing) {
			timing.Return, timing.Renew = time.Second, 100*time.Millisecond
		}))
		ana, ben, cleo := n.Person(t, "Ana"), n.Person(t, "Ben"), n.Person(t, "Cleo")
		bens := n.connect(t, ben)
		began := time.Now()
		bens.watches(ana.ID, cleo.ID)
		anas := n.connect(t, ana)
		bens.sees(ana.ID, "online")
		anas.leaves()
		bens.sees(ana.ID, "offline") // of her it is known
		bens.sees(cleo.ID, "offline")
		if took := time.Since(began); took < time.Second/2 {
			t.Errorf("it is said after %v", took)
		}
	})

	t.Run("when people were there is written down while they are, and by a node that ends", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, present(func(timing *realtime.Timing) { timing.Renew, timing.Seen = 100*time.Millisecond, 100*time.Millisecond }))
		ana := n.Person(t, "Ana")
		n.connect(t, ana)
		n.await(t, func() bool { return n.lastSeen(t, ana) != nil })

		n = newNode(t, present(nil))
		ana, hidden := n.Person(t, "Ana"), n.Person(t, "Ben")
		n.chooses(t, hidden, chat.PresenceChoices{Presence: chat.CircleEverybody, LastSeen: chat.CircleEverybody, Invisible: true})
		n.connect(t, ana)
		n.connect(t, hidden)
		if n.lastSeen(t, ana) != nil {
			t.Fatal("premise: it is written already")
		}
		n.hub.Close(context.Background())
		if n.lastSeen(t, ana) == nil {
			t.Error("it is not written")
		}
		if n.lastSeen(t, hidden) != nil {
			t.Error("it is written of somebody invisible")
		}
	})
}

// TestPresenceMatrix says who is brought what of somebody who is there, and that it ends where that is no more.
func TestPresenceMatrix(t *testing.T) {
	t.Parallel()
	everybody := chat.PresenceChoices{Presence: chat.CircleEverybody, LastSeen: chat.CircleEverybody}
	shared := chat.PresenceChoices{Presence: chat.CircleShared, LastSeen: chat.CircleShared}
	nobody := chat.PresenceChoices{Presence: chat.CircleNobody, LastSeen: chat.CircleNobody}
	invisible := chat.PresenceChoices{Presence: chat.CircleEverybody, LastSeen: chat.CircleEverybody, Invisible: true}
	for name, row := range map[string]struct {
		relation string
		choice   chat.PresenceChoices // of who is watched
		own      chat.PresenceChoices // of who watches
		want     string
	}{
		"a stranger of somebody who shows it to everybody": {"stranger", everybody, everybody, "online"},
		"a stranger of somebody who shows it to some":      {"stranger", shared, everybody, ""},
		"a stranger who shows it to some":                  {"stranger", everybody, shared, ""},
		"somebody of the same group":                       {"group", shared, everybody, "online"},
		"somebody who has left the same group":             {"left", shared, everybody, ""},
		"the other of a direct conversation":               {"direct", shared, shared, "online"},
		"anybody of somebody who shows it to nobody":       {"group", nobody, everybody, ""},
		"somebody who shows it to nobody":                  {"group", everybody, nobody, ""},
		"anybody of somebody invisible":                    {"group", invisible, everybody, "offline"},
		"somebody invisible":                               {"group", everybody, invisible, ""},
		"somebody whom the other has blocked":              {"blocked", everybody, everybody, ""},
		"somebody who has blocked the other":               {"blocker", everybody, everybody, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t, present(nil))
			seen, who, mark := n.Person(t, "Ana"), n.Person(t, "Will"), n.Person(t, "Mark")
			switch row.relation {
			case "group":
				n.Group(t, "Crew", mark, seen, who)
			case "left":
				group := n.Group(t, "Crew", mark, seen, who)
				if err := n.chat.RemoveMember(t.Context(), n.current(t, mark), group, who.ID); err != nil {
					t.Fatal(err)
				}
			case "direct":
				n.say(t, seen, n.Direct(t, seen, who), "hello")
			case "blocked":
				n.block(t, n.chat, seen, who)
			case "blocker":
				n.block(t, n.chat, who, seen)
			}
			n.Group(t, "Marks", mark, who) // whom the viewer sees whatever the choice
			n.chooses(t, seen, row.choice)
			n.chooses(t, who, row.own)
			p := n.connect(t, who)
			seens := n.connect(t, seen)
			marks := n.connect(t, mark)
			p.watches(seen.ID, mark.ID)
			may := row.own.Presence != chat.CircleNobody && !row.own.Invisible
			var last string
			watch := func(g got) {
				if state, of := statesIn(g)[seen.ID]; of {
					last = state
					if row.want == "" || row.want == "offline" && state != "offline" {
						t.Errorf("is seen: %s", g.HTML)
					}
				}
			}
			end := func(state string) {
				t.Helper()
				if may {
					p.until("presence", func(g got) bool { return statesIn(g)[mark.ID] == state }, watch)
					return
				}
				// Nothing of anybody is seen: a message marks the end, after all that was asked is answered.
				n.say(t, who, n.note(t, who), state)
				p.until("rows", func(got) bool { return true }, watch)
			}
			end("online")
			if last != row.want {
				t.Errorf("is seen as %q, want %q", last, row.want)
			}
			seens.acts("hidden")
			seens.acts("active")
			marks.acts("hidden")
			end("away")
		})
	}

	t.Run("the first message makes two people share a conversation on pages that have it open already", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, present(nil))
		ana, ben, conversation := n.pair(t)
		n.chooses(t, ana, chat.PresenceChoices{Presence: chat.CircleShared, LastSeen: chat.CircleShared, Typing: true})
		anas, bens := n.connect(t, ana), n.connect(t, ben)
		anas.follow(n.page(t, ana, conversation))
		bens.follow(n.page(t, ben, conversation))
		for _, p := range []*page{anas, bens} {
			p.watches(ana.ID, ben.ID)
			p.until("presence", func(g got) bool { return true }, func(g got) {
				if g.Type == "presence" && len(statesIn(g)) != 1 {
					t.Error("premise: they see themselves alone")
				}
			})
		}
		n.say(t, ben, conversation, "Hello")
		bens.comesToSee(ana.ID, "online")
		anas.comesToSee(ben.ID, "online")
	})

	t.Run("what ends it on an open page, also where no hint says so", func(t *testing.T) {
		t.Parallel()
		for name, end := range map[string]func(t *testing.T, n *node, c *chat.Chat, seen, who chat.Viewer){
			"a block":               func(t *testing.T, n *node, c *chat.Chat, seen, who chat.Viewer) { n.block(t, c, seen, who) },
			"a block by the viewer": func(t *testing.T, n *node, c *chat.Chat, seen, who chat.Viewer) { n.block(t, c, who, seen) },
			"a choice":              func(t *testing.T, n *node, c *chat.Chat, seen, _ chat.Viewer) { n.choosesBy(t, c, seen, nobody) },
			"a choice of the viewer": func(t *testing.T, n *node, c *chat.Chat, _, who chat.Viewer) {
				n.choosesBy(t, c, who, nobody)
			},
		} {
			for _, hinted := range []bool{true, false} {
				for _, connected := range []bool{true, false} {
					t.Run(name, func(t *testing.T) {
						t.Parallel()
						timing := present(nil)
						if !hinted {
							timing.Sweep = 20 * time.Millisecond
						}
						n := newNode(t, timing)
						seen, who := n.Person(t, "Ana"), n.Person(t, "Will")
						want := "online"
						if connected {
							n.connect(t, seen)
						} else {
							n.exec(t, "INSERT INTO seen VALUES ($1, now())", seen.ID)
							want = "offline"
						}
						p := n.connect(t, who)
						p.watches(seen.ID)
						p.sees(seen.ID, want)
						c := n.chat
						if !hinted {
							c = n.quiet
						}
						end(t, n, c, n.current(t, seen), n.current(t, who))
						p.sees(seen.ID, "")
					})
				}
			}
		}
	})
}

// twoNodes are two that know of each other by a Redis.
func twoNodes(t *testing.T, timing realtime.Timing, redisPatience ...time.Duration) (one, two *node, server *nodestest.Server) {
	t.Helper()
	server = nodestest.Start(t)
	one = newNode(t, present(nil)) // for its world alone
	world := one
	begin := func() *node {
		client := nodes.Open(server.Config(), slog.New(slog.DiscardHandler), nodes.Timing{})
		t.Cleanup(func() { _ = client.Close() })
		n := &node{World: world.World, store: world.store}
		if len(redisPatience) > 0 {
			n.redisPatience = redisPatience[0]
		}
		return n.begin(t, timing, chat.Settings{BcryptCost: 4}, client.Client(), link(t, server, slog.New(slog.DiscardHandler)))
	}
	return begin(), begin(), server
}

func TestPresenceOfTwoNodes(t *testing.T) {
	t.Parallel()

	t.Run("a person's pages at two nodes are one person, and only moves are told", func(t *testing.T) {
		t.Parallel()
		one, two, server := twoNodes(t, present(func(timing *realtime.Timing) { timing.Renew, timing.Lease = 200*time.Millisecond, time.Minute }))
		ana, ben := one.Person(t, "Ana"), one.Person(t, "Ben")
		bens := two.connect(t, ben)
		bens.watches(ana.ID)
		bens.comesToSee(ana.ID, "offline") // once Redis has remembered for long enough
		here := one.connect(t, ana)
		bens.sees(ana.ID, "online")
		there := two.connect(t, ana)
		there.acts("hidden")
		here.acts("hidden")
		bens.sees(ana.ID, "away")
		there.acts("active")
		bens.sees(ana.ID, "online")
		there.leaves()
		bens.sees(ana.ID, "away")
		here.leaves()
		bens.sees(ana.ID, "offline")

		one.connect(t, ana)
		bens.sees(ana.ID, "online")
		hints := server.Client().Subscribe(t.Context(), "parley:hints:1")
		defer func() { _ = hints.Close() }()
		if _, err := hints.Receive(t.Context()); err != nil {
			t.Fatal(err)
		}
		key := ""
		until(t, "her connection is found", func() bool {
			keys, _ := server.Client().Keys(t.Context(), "parley:presence:*:"+ana.ID.String()).Result()
			if len(keys) == 1 {
				key = keys[0]
			}
			return key != ""
		})
		score := func() float64 { return server.Client().ZRangeWithScores(t.Context(), key, 0, 0).Val()[0].Score }
		for range 3 {
			first := score()
			until(t, "it is said again", func() bool { return score() != first })
		}
		select {
		case message := <-hints.Channel():
			t.Errorf("is told: %s", message.Payload)
		default:
		}
	})

	t.Run("the people of a node that is killed are gone once what it had has run out", func(t *testing.T) {
		t.Parallel()
		server := nodestest.Start(t)
		timing := present(func(timing *realtime.Timing) { timing.Renew, timing.Lease = 200*time.Millisecond, time.Second })
		world := newNode(t, present(nil))
		nodeAt := func(at *nodestest.Server) (*node, func()) {
			client := nodes.Open(at.Config(), slog.New(slog.DiscardHandler), nodes.Timing{})
			t.Cleanup(func() { _ = client.Close() })
			n := &node{World: world.World, store: world.store}
			n.begin(t, timing, chat.Settings{BcryptCost: 4}, client.Client(), link(t, at, slog.New(slog.DiscardHandler)))
			return n, func() { _ = client.Client().Close() } // it says nothing any more, as one that is dead
		}
		dies, kill := nodeAt(server)
		lives, _ := nodeAt(server)
		ana, ben, cleo := world.Person(t, "Ana"), world.Person(t, "Ben"), world.Person(t, "Cleo")
		dies.connect(t, ana)
		lives.connect(t, cleo)
		bens := lives.connect(t, ben)
		bens.watches(ana.ID, cleo.ID)
		bens.comesToSee(ana.ID, "online")
		kill()
		killed := time.Now()
		bens.until("presence", func(g got) bool { return statesIn(g)[ana.ID] == "offline" }, func(g got) {
			if state, of := statesIn(g)[cleo.ID]; of && state != "online" {
				t.Errorf("who is at the other node is seen as %q", state)
			}
		})
		if took := time.Since(killed); took < 500*time.Millisecond {
			t.Errorf("after %v", took)
		}
	})

	t.Run("a move at one node is told to the other", func(t *testing.T) {
		t.Parallel()
		one, two, _ := twoNodes(t, present(nil)) // which looks by itself once an hour
		ana, ben := one.Person(t, "Ana"), one.Person(t, "Ben")
		anas, bens := one.connect(t, ana), two.connect(t, ben)
		bens.watches(ana.ID)
		bens.comesToSee(ana.ID, "online")
		until(t, "the nodes hear each other", func() bool {
			anas.acts("active")
			anas.acts("hidden")
			deadline := time.After(300 * time.Millisecond)
			for {
				select {
				case g := <-bens.frames:
					if statesIn(g)[ana.ID] == "away" {
						return true
					}
				case <-deadline:
					return false
				}
			}
		})
		for range 3 {
			anas.acts("active")
			bens.comesToSee(ana.ID, "online")
			anas.acts("hidden")
			bens.comesToSee(ana.ID, "away")
		}
	})

	t.Run("a node that ends takes nobody away", func(t *testing.T) {
		t.Parallel()
		one, two, _ := twoNodes(t, present(func(timing *realtime.Timing) {
			timing.Renew, timing.Lease, timing.Gone, timing.Restart = 200*time.Millisecond, time.Minute, time.Millisecond, time.Second
		}))
		ana, ben, mark := one.Person(t, "Ana"), one.Person(t, "Ben"), one.Person(t, "Mark")
		for range 20 { // so that it takes a while
			one.connect(t, ana)
		}
		anas := one.connect(t, ana)
		bens, marks := two.connect(t, ben), two.connect(t, mark)
		bens.watches(ana.ID, mark.ID)
		bens.comesToSee(ana.ID, "online")
		one.hub.Close(context.Background())
		anas.end()
		marks.leaves() // who goes after that, is seen to go
		bens.until("presence", func(g got) bool {
			return statesIn(g)[mark.ID] == "offline" || statesIn(g)[mark.ID] == "" && len(statesIn(g)) > 0
		}, func(g got) {
			if state, of := statesIn(g)[ana.ID]; of && state != "online" {
				t.Errorf("she is seen as %q", state)
			}
		})
		two.connect(t, ana)
		until(t, "she is there", func() bool { return two.hub.Where(t.Context(), []chat.ID{ana.ID})[ana.ID] == chat.WhereHere })
	})

	t.Run("emptied and away Redis makes nobody offline, and what is right comes back by itself", func(t *testing.T) {
		t.Parallel()
		one, two, server := twoNodes(t, present(func(timing *realtime.Timing) { timing.Renew, timing.Lease = 400*time.Millisecond, 2*time.Second }))
		ana, ben, gone := one.Person(t, "Ana"), one.Person(t, "Ben"), one.Person(t, "Gone")
		one.connect(t, ana)
		bens := two.connect(t, ben)
		bens.watches(ana.ID, ben.ID, gone.ID)
		bens.comesToSee(gone.ID, "offline")
		states := map[chat.ID]string{ana.ID: "online", ben.ID: "online", gone.ID: "offline"}
		honest := func(g got) {
			for id, state := range statesIn(g) {
				states[id] = state
				if id != gone.ID && state == "offline" || id == ben.ID && state != "online" {
					t.Errorf("seen as %q", state)
				}
			}
		}
		right := func() {
			t.Helper()
			for states[ana.ID] != "online" || states[ben.ID] != "online" || states[gone.ID] != "offline" {
				bens.until("presence", func(got) bool { return true }, honest)
			}
		}
		right()
		server.Flush()
		bens.until("presence", func(g got) bool { state, of := statesIn(g)[gone.ID]; return of && state == "" }, honest)
		right()
		for range 2 {
			server.Kill()
			for states[ana.ID] != "" || states[gone.ID] != "" {
				bens.until("presence", func(got) bool { return true }, honest)
			}
			where := two.hub.Where(t.Context(), []chat.ID{ana.ID, ben.ID, gone.ID})
			if len(where) != 1 || where[ben.ID] != chat.WhereHere {
				t.Errorf("pages are told %v", where)
			}
			server.Restart()
			right()
		}
	})

	t.Run("a Redis that is slow delays a page once, and then nobody", func(t *testing.T) {
		t.Parallel()
		one, _, server := twoNodes(t, present(nil), 300*time.Millisecond)
		server.Freeze()
		defer server.Thaw()
		var took []time.Duration
		for range 5 {
			began := time.Now()
			one.hub.Where(t.Context(), []chat.ID{chat.NewID()})
			took = append(took, time.Since(began))
		}
		slices.Sort(took)
		if took[3] > 100*time.Millisecond || took[4] > time.Second {
			t.Errorf("took %v", took)
		}
	})
}
