package realtime_test

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"parley/chat"
)

const secret = "a secret of the blocked"

// What the two of a pair get of each other by a frame, and what a third person gets of both.
const (
	nothing  = "nothing"
	place    = "the place alone" // that there is a message
	plain    = "as always"
	plainFor = "the plain name"
)

// blockRow says of a frame what of it the blocker gets about the blocked, the blocked about the blocker, and a third person
// about both, in a group that all three are in.
type blockRow struct{ blocker, blocked, third string }

// blockMatrix has a row for each frame that the server sends. Those that say nothing of anybody else are as always.
var blockMatrix = map[string]blockRow{
	"changes":  {place, plain, plain},
	"rows":     {place, plain, plain},
	"list":     {place, plain, plain},
	"people":   {plainFor, plainFor, plain},
	"receipts": {nothing, nothing, plain},
	"typing":   {nothing, nothing, plain},
	"presence": {nothing, nothing, plain},
	// Of oneself, or of the page alone.
	"draft": {plain, plain, plain}, "resumed": {plain, plain, plain}, "reset": {plain, plain, plain}, "closed": {plain, plain, plain},
	"hello": {plain, plain, plain}, "view": {plain, plain, plain}, "preferences": {plain, plain, plain}, "beat": {plain, plain, plain},
}

func (n *node) block(t *testing.T, c *chat.Chat, by, whom chat.Viewer) {
	t.Helper()
	if err := c.BlockPerson(t.Context(), by, whom.ID); err != nil {
		t.Fatal(err)
	}
}

func TestBlockMatrix(t *testing.T) {
	t.Parallel()
	t.Run("every frame has a row", func(t *testing.T) {
		t.Parallel()
		if rows := slices.Sorted(maps.Keys(blockMatrix)); !slices.Equal(framesOut(t), rows) {
			t.Errorf("the socket knows %v, the matrix %v", framesOut(t), rows)
		}
	})
	for _, who := range []string{"blocker", "blocked", "third"} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			n := newNode(t, withoutSweep)
			people := map[string]chat.Viewer{"blocker": n.Person(t, "Bea"), "blocked": n.Person(t, "Ned"), "third": n.Person(t, "Tom")}
			about := people["blocked"] // whose the frames are about that this viewer gets
			if who == "blocked" {
				about = people["blocker"]
			}
			group := n.Group(t, "Crew", people["third"], people["blocker"], people["blocked"])
			n.block(t, n.quiet, people["blocker"], people["blocked"])
			viewer := n.current(t, people[who])
			gets := func(kind string) string {
				row := blockMatrix[kind]
				return map[string]string{"blocker": row.blocker, "blocked": row.blocked, "third": row.third}[who]
			}
			p := n.connect(t, viewer)
			p.follow(n.page(t, viewer, group))
			holds := func(g got) {
				t.Helper()
				if g.Type == "typing" && gets(g.Type) == nothing {
					t.Errorf("who writes: %s", g.HTML)
				}
				if (gets(g.Type) == place || gets(g.Type) == nothing) && strings.Contains(g.HTML, secret) {
					t.Errorf("%s: %s", g.Type, g.HTML)
				}
			}
			sees := func(g got) bool {
				if gets(g.Type) == place {
					return strings.Contains(g.HTML, "Message from somebody you blocked.") && !strings.Contains(g.HTML, about.ID.String()) &&
						!strings.Contains(g.HTML, about.DisplayName)
				}
				return strings.Contains(g.HTML, secret)
			}
			writing := n.connect(t, about)
			writing.follow(n.page(t, n.current(t, about), group))
			writing.write(map[string]any{"type": "typing"})
			n.await(t, func() bool { return n.hub.KnowsReaders(about.ID, group) })
			if gets("typing") == plain {
				p.until("typing", func(g got) bool { return g.HTML != "" }, holds)
			}
			n.say(t, about, group, secret)
			p.each([]string{"changes", "rows"}, sees, holds)
			mark := n.Person(t, "Mark")
			n.connect(t, mark)
			n.connect(t, about)
			p.watches(about.ID, mark.ID)
			p.until("presence", func(g got) bool { return statesIn(g)[mark.ID] == "online" }, holds, func(g got) {
				want := "online"
				if gets("presence") == nothing {
					want = ""
				}
				if g.Type == "presence" && statesIn(g)[about.ID] != want {
					t.Errorf("presence: %s", g.HTML)
				}
			})
			n.rename(t, n.chat, about, "Anew")
			p.until("people", func(g got) bool { return strings.Contains(g.HTML, "Anew") }, holds)

			mine := n.say(t, viewer, group, "of one's own")
			other := people["third"]
			if who == "third" {
				other = people["blocker"]
			}
			n.has(t, about, group, mine.Seq, mine.Seq)
			n.has(t, other, group, mine.Seq, mine.Seq)
			of := int64(2)
			if gets("receipts") == nothing {
				of = 1
			}
			p.until("receipts", func(g got) bool {
				for _, run := range g.Runs {
					if run[3] != of {
						t.Errorf("of %d, want %d", run[3], of)
					}
				}
				return slices.ContainsFunc(g.Runs, func(run [4]int64) bool { return run[0] == mine.Seq && run[2] == of })
			}, holds)

			n.say(t, about, group, secret+", again")
			second := n.dial(t, viewer)
			go second.read()
			second.until("list", func(g got) bool { return sees(g) }, holds)

			doc, err := n.changes(t, viewer, group, map[string][]string{"after": {"0"}})
			if err != nil {
				t.Fatal(err)
			}
			html, _ := doc.Html()
			if strings.Contains(html, secret) != (who != "blocker") || strings.Contains(html, "Message from somebody") != (who == "blocker") {
				t.Errorf("polled: %s", html)
			}
		})
	}
}

// stays fails where a page is to be drawn anew.
func stays(t *testing.T) func(got) {
	return func(g got) {
		t.Helper()
		if g.Type == "reset" || g.Type == "closed" {
			t.Errorf("the page is drawn anew: %+v", g)
		}
	}
}

// TestBlockOnOpenPages holds what happens to pages that are open while a block comes and goes.
func TestBlockOnOpenPages(t *testing.T) {
	t.Parallel()
	reset := func(p *page, conversation chat.ID) {
		p.until("reset", func(g got) bool { return g.Conversation == conversation.String() })
	}

	t.Run("the pages of both are drawn anew where they are alone, in a group the blocker's, and nobody else's", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, third := n.Person(t, "Ana"), n.Person(t, "Ben"), n.Person(t, "Tom")
		for _, conversation := range []chat.ID{n.Direct(t, ana, ben), n.Group(t, "Crew", third, ana, ben)} {
			ana, ben, third = n.current(t, ana), n.current(t, ben), n.current(t, third)
			at := n.page(t, ana, conversation)
			anas, bens := n.connect(t, ana), n.connect(t, ben)
			anas.follow(at)
			bens.follow(n.page(t, ben, conversation))
			var thirds *page
			if at.Kind == chat.KindGroup {
				thirds = n.connect(t, third)
				thirds.follow(n.page(t, third, conversation))
			}
			for _, change := range []func() error{
				func() error { return n.chat.BlockPerson(t.Context(), ana, ben.ID) },
				func() error { return n.chat.UnblockPerson(t.Context(), ana, ben.ID) },
			} {
				if err := change(); err != nil {
					t.Fatal(err)
				}
				reset(anas, conversation)
				anas.follow(n.page(t, n.current(t, ana), conversation))
				if at.Kind == chat.KindDirect {
					reset(bens, conversation)
					bens.follow(n.page(t, n.current(t, ben), conversation))
					continue
				}
				bens.until("view", func(g got) bool { return g.Conversation == conversation.String() }, stays(t))
			}
			if thirds != nil {
				n.say(t, third, conversation, "the mark")
				for _, p := range []*page{bens, thirds} {
					p.until("changes", func(g got) bool { return strings.Contains(g.HTML, "the mark") }, stays(t))
				}
			}
		}
	})

	t.Run("the blocked person's page of a group hears of the block nothing but its receipts, and of its end", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben := n.Person(t, "Ana"), n.Person(t, "Ben")
		group := n.Group(t, "Crew", n.Person(t, "Tom"), ana, ben)
		mine := n.say(t, ben, group, "of one's own")
		n.has(t, ana, group, mine.Seq, mine.Seq)
		bens := n.connect(t, ben)
		bens.open(n.page(t, n.current(t, ben), group)) // receipts may come before it is live
		counts := func(of, read int64) {
			t.Helper()
			bens.until("receipts", func(g got) bool { return slices.Equal(g.Runs, [][4]int64{{mine.Seq, read, read, of}}) }, stays(t))
		}
		counts(2, 1)
		for range 2 { // also the second time, when the page has heard of a first
			n.block(t, n.chat, ana, ben)
			counts(1, 0)
			if err := n.chat.UnblockPerson(t.Context(), ana, ben.ID); err != nil {
				t.Fatal(err)
			}
			counts(2, 1)
		}
	})

	t.Run("past a block a new name comes neither by a push, nor with an open, nor to who polls", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		n.block(t, n.quiet, ana, ben)
		for _, c := range []struct{ by, other chat.Viewer }{{ben, ana}, {ana, ben}} {
			by, other := n.current(t, c.by), n.current(t, c.other)
			drawn := n.page(t, other, conversation)
			own, others := n.connect(t, by), n.connect(t, other)
			own.follow(n.page(t, by, conversation))
			others.follow(drawn)
			quiet := func(g got) {
				t.Helper()
				// A whole list is read anew, for whatever reason it comes, and has the name as it is.
				if g.Type != "list" && strings.Contains(g.HTML, "Answer me") {
					t.Errorf("%s: %s", g.Type, g.HTML)
				}
			}
			n.rename(t, n.chat, by, "Answer me")
			own.until("people", func(g got) bool { return strings.Contains(g.HTML, "Answer me") })
			n.rename(t, n.chat, other, "The mark")
			others.until("people", func(g got) bool { return strings.Contains(g.HTML, "The mark") }, quiet)
			others.open(drawn)
			others.until("reset", func(got) bool { return true }, quiet) // one's own name is another view
			drawn.ViewSeq = n.page(t, other, conversation).ViewSeq
			others.open(drawn)
			others.until("people", func(g got) bool { return strings.Contains(g.HTML, "The mark") }, quiet)
			query := cursorOf(drawn)
			query.Set("at", strconv.FormatInt(drawn.At.UnixMicro(), 10))
			doc, err := n.changes(t, n.current(t, other), conversation, query)
			if err != nil {
				t.Fatal(err)
			}
			html, _ := doc.Find("[data-frame=people]").Html()
			if !strings.Contains(html, "The mark") || strings.Contains(html, "Answer me") {
				t.Errorf("polled: %s", html)
			}
			n.rename(t, n.quiet, by, "As before")
		}
	})

	t.Run("at the last message that may be written without an answer the writer's page is drawn anew", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben := n.Person(t, "Ana"), n.Person(t, "Ben")
		if err := n.quiet.SaveReach(t.Context(), ana, chat.Reach{Writes: chat.CircleNobody, Adds: chat.CircleNobody, Finds: chat.CircleNobody}); err != nil {
			t.Fatal(err)
		}
		conversation := n.Direct(t, ben, ana)
		p := n.connect(t, ben)
		p.follow(n.page(t, n.current(t, ben), conversation))
		for range chat.MaxUnanswered - 1 {
			n.say(t, ben, conversation, "still there?")
		}
		p.until("changes", func(g got) bool { return g.To == chat.MaxUnanswered-1 }, stays(t))
		n.say(t, ben, conversation, "the last")
		reset(p, conversation)
	})

	t.Run("a conversation that the other is not in stays as it is", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, third := n.Person(t, "Ana"), n.Person(t, "Ben"), n.Person(t, "Tom")
		conversation := n.Direct(t, ana, third)
		ana = n.current(t, ana)
		p := n.connect(t, ana)
		p.follow(n.page(t, ana, conversation))
		n.block(t, n.chat, ana, ben)
		p.until("view", func(g got) bool { return g.Conversation == conversation.String() }, stays(t))
		n.say(t, third, conversation, "still live")
		p.until("changes", func(g got) bool { return strings.Contains(g.HTML, "still live") })
	})

	t.Run("of what is said after a block nothing is shown, also where the hint of it is lost", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben := n.Person(t, "Ana"), n.Person(t, "Ben")
		group := n.Group(t, "Crew", ana, ben)
		p := n.connect(t, ana)
		p.follow(n.page(t, ana, group))
		n.say(t, ben, group, "before, in the open")
		p.until("changes", func(g got) bool { return strings.Contains(g.HTML, "before, in the open") })
		n.block(t, n.quiet, ana, ben)
		n.say(t, ben, group, secret)
		p.until("changes", func(g got) bool { return strings.Contains(g.HTML, "Message from somebody you blocked.") }, func(g got) {
			if strings.Contains(g.HTML, secret) {
				t.Errorf("got %+v", g)
			}
		})
	})

	t.Run("the sweep finds a block, and its end, whose hint is lost", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, quick)
		ana, ben, conversation := n.pair(t)
		ana, ben = n.current(t, ana), n.current(t, ben)
		anas, bens := n.connect(t, ana), n.connect(t, ben)
		anas.follow(n.page(t, ana, conversation))
		bens.follow(n.page(t, ben, conversation))
		n.block(t, n.quiet, ana, ben)
		reset(anas, conversation)
		reset(bens, conversation)
		anas.follow(n.page(t, n.current(t, ana), conversation))
		bens.follow(n.page(t, n.current(t, ben), conversation))
		if err := n.quiet.UnblockPerson(t.Context(), ana, ben.ID); err != nil {
			t.Fatal(err)
		}
		reset(anas, conversation)
		reset(bens, conversation)
	})
}
