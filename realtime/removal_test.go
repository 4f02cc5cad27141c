package realtime_test

import (
	"context"
	"strings"
	"testing"

	"parley/chat"
)

// impersonal is a publisher that says nothing of what has changed for a person.
type impersonal struct{ chat.Publisher }

func (p impersonal) Publish(ctx context.Context, event chat.Event) {
	if _, personal := event.(chat.PersonChanged); !personal {
		p.Publisher.Publish(ctx, event)
	}
}

// TestRemovalBeforeItsHint holds that what somebody gets is decided by the rows that are read together with the changes,
// and not by when a node hears of a removal.
func TestRemovalBeforeItsHint(t *testing.T) {
	t.Parallel()

	type crew struct {
		*node
		owner, ben, anna chat.Viewer
		group            chat.ID
		impersonal       *chat.Chat
	}
	newCrew := func(t *testing.T, history chat.History) *crew {
		t.Helper()
		c := &crew{node: newNode(t, withoutSweep)}
		c.owner, c.ben, c.anna = c.Person(t, "Olga"), c.Person(t, "Ben"), c.Person(t, "Anna")
		var err error
		c.group, err = c.quiet.CreateGroup(t.Context(), c.owner, chat.GroupSettings{Name: "Crew", History: history}, []chat.ID{c.ben.ID, c.anna.ID})
		if err != nil {
			t.Fatal(err)
		}
		c.say(t, c.owner, c.group, "before")
		c.impersonal = chat.New(c.store, impersonal{c.hub}, chat.Settings{BcryptCost: 4})
		return c
	}
	opened := func(t *testing.T, c *crew, viewer chat.Viewer) *page {
		t.Helper()
		p := c.connect(t, viewer)
		p.follow(c.page(t, c.current(t, viewer), c.group))
		return p
	}
	// silent fails if anything of the group still comes.
	silent := func(t *testing.T, c *crew, p *page) {
		t.Helper()
		c.say(t, c.owner, c.group, "a secret, later")
		note := c.note(t, c.ben)
		c.say(t, c.ben, note, "the mark")
		p.until("rows", func(g got) bool { return strings.Contains(g.HTML, note.String()) }, func(g got) {
			if g.Type == "changes" || strings.Contains(g.HTML, "a secret") {
				t.Errorf("a frame came that must not: %+v", g)
			}
		})
	}

	for name, removed := range map[string]func(t *testing.T, c *crew, by *chat.Chat) error{
		"who is removed": func(t *testing.T, c *crew, by *chat.Chat) error {
			return by.RemoveMember(t.Context(), c.owner, c.group, c.ben.ID)
		},
		"who leaves": func(t *testing.T, c *crew, by *chat.Chat) error {
			return by.LeaveGroup(t.Context(), c.ben, c.group)
		},
	} {
		t.Run(name+" gets nothing of what was said in the same stretch", func(t *testing.T) {
			t.Parallel()
			c := newCrew(t, chat.HistoryAll)
			p, other := opened(t, c, c.ben), opened(t, c, c.anna)
			if err := removed(t, c, c.quiet); err != nil { // nobody hears of it
				t.Fatal(err)
			}
			until := c.page(t, c.owner, c.group).ChangeSeq
			sent := c.say(t, c.owner, c.group, "a secret")
			p.until("closed", func(g got) bool { return g.Conversation == c.group.String() }, func(g got) {
				if g.Type == "changes" && (g.To != until || strings.Contains(g.HTML, "a secret")) {
					t.Errorf("got %+v", g)
				}
			})
			silent(t, c, p)
			other.until("changes", func(g got) bool { return g.To == sent.ChangeSeq && strings.Contains(g.HTML, "a secret") })
		})

		t.Run(name+" gets the word of it and nothing afterwards", func(t *testing.T) {
			t.Parallel()
			c := newCrew(t, chat.HistoryAll)
			p, other := opened(t, c, c.ben), opened(t, c, c.anna)
			if err := removed(t, c, c.impersonal); err != nil {
				t.Fatal(err)
			}
			until := c.page(t, c.owner, c.group).ChangeSeq
			if g := p.next("changes"); g.To != until || !strings.Contains(g.HTML, "data-event") {
				t.Errorf("got %+v", g)
			}
			p.next("closed")
			silent(t, c, p)
			other.until("changes", func(g got) bool { return strings.Contains(g.HTML, "a secret, later") })
		})
	}

	t.Run("who is back meanwhile gets nothing of what was said in between", func(t *testing.T) {
		t.Parallel()
		c := newCrew(t, chat.HistoryJoined)
		p := opened(t, c, c.ben)
		if err := c.quiet.RemoveMember(t.Context(), c.owner, c.group, c.ben.ID); err != nil {
			t.Fatal(err)
		}
		c.sayThrough(t, c.quiet, c.owner, c.group, "a secret")
		if err := c.quiet.AddMembers(t.Context(), c.owner, c.group, []chat.ID{c.ben.ID}); err != nil {
			t.Fatal(err)
		}
		c.say(t, c.owner, c.group, "welcome back")
		p.until("reset", func(got) bool { return true }, func(g got) {
			if g.Type == "changes" {
				t.Errorf("got %+v", g)
			}
		})
		p.follow(c.page(t, c.current(t, c.ben), c.group))
		c.say(t, c.owner, c.group, "live again")
		if g := p.next("changes"); !strings.Contains(g.HTML, "live again") {
			t.Errorf("got %+v", g)
		}
	})

	t.Run("who opens it in that very moment gets nothing", func(t *testing.T) {
		t.Parallel()
		c := newCrew(t, chat.HistoryAll)
		at := c.page(t, c.current(t, c.ben), c.group)
		p := c.connect(t, c.ben)
		c.store.onceAsked(func() {
			if err := c.quiet.RemoveMember(context.WithoutCancel(t.Context()), c.owner, c.group, c.ben.ID); err != nil {
				t.Error(err)
			}
			c.sayThrough(t, c.quiet, c.owner, c.group, "a secret")
		})
		p.open(at)
		p.until("reset", func(got) bool { return true }, func(g got) {
			if g.Type == "changes" || g.Type == "resumed" {
				t.Errorf("got %+v", g)
			}
		})
		silent(t, c, p)
	})

	t.Run("who polls in that very moment gets nothing", func(t *testing.T) {
		t.Parallel()
		c := newCrew(t, chat.HistoryAll)
		ben := c.current(t, c.ben)
		at := c.page(t, ben, c.group)
		c.store.onceAsked(func() {
			if err := c.quiet.RemoveMember(context.WithoutCancel(t.Context()), c.owner, c.group, c.ben.ID); err != nil {
				t.Error(err)
			}
			c.sayThrough(t, c.quiet, c.owner, c.group, "a secret")
		})
		document, err := c.changes(t, ben, c.group, cursorOf(at))
		if err != nil || document.Find("[data-frame=changes]").Length() != 0 || strings.Contains(document.Text(), "a secret") {
			t.Errorf("%v: %s", err, document.Text())
		}
	})
}
