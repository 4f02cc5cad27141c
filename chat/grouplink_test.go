//go:build unix

package chat_test

import (
	"encoding/hex"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/chat"
)

// noLink fails the test unless err says that a link leads nowhere, and no more.
func noLink(t *testing.T, err error) {
	t.Helper()
	refused(t, err, chat.KindNotFound, chat.CodeGroupLink)
}

func TestMakeGroupLink(t *testing.T) {
	t.Parallel()

	t.Run("a link is as long-lived and as often used as was asked for, and only its hash is stored", func(t *testing.T) {
		t.Parallel()
		c := newCrew(t, chat.GroupSettings{})
		before := stored(t, c.World)
		var tokens []string
		for _, made := range []struct {
			by   chat.Viewer
			life time.Duration
			uses int
		}{{c.owner, 0, 0}, {c.admin, time.Hour, 1}, {c.owner, chat.MaxGroupLinkLife, chat.MaxGroupLinkUses}} {
			tokens = append(tokens, value[string](t)(c.Chat.MakeGroupLink(t.Context(), made.by, c.id, made.life, made.uses)))
		}
		if len(tokens[0]) < 40 || tokens[0] == tokens[1] || len(c.Heard()) != 0 {
			t.Errorf("got %v", tokens)
		}
		links := value[[]chat.GroupLink](t)(c.Chat.GroupLinks(t.Context(), c.admin, c.id))
		if len(links) != 3 {
			t.Fatalf("got %v", links)
		}
		slices.Reverse(links) // the newest is the first
		for i, want := range []struct {
			by   chat.Card
			life time.Duration
			most int
		}{{c.owner.Card, 0, 0}, {c.admin.Card, time.Hour, 1}, {c.owner.Card, chat.MaxGroupLinkLife, chat.MaxGroupLinkUses}} {
			got := links[i]
			if got.CreatedBy != want.by || got.MaxUses != want.most || got.Uses != 0 || (got.ExpiresAt == nil) != (want.life == 0) {
				t.Errorf("%d: got %+v", i, got)
			}
			if got.ExpiresAt != nil && got.ExpiresAt.Sub(got.CreatedAt) != want.life {
				t.Errorf("%d: it lives for %s", i, got.ExpiresAt.Sub(got.CreatedAt))
			}
		}
		all := stored(t, c.World)
		for _, token := range tokens {
			if containsSecret(all, token) {
				t.Error("a secret is stored")
			}
		}
		// A link is no part of what happened in the group.
		c.Exec(t, "DELETE FROM group_links")
		if stored(t, c.World) != before {
			t.Error("something else has changed")
		}
	})

	t.Run("what no link can be is refused", func(t *testing.T) {
		t.Parallel()
		c := newCrew(t, chat.GroupSettings{})
		for _, asked := range []struct {
			life  time.Duration
			uses  int
			wrong []string
		}{
			{-1, 0, []string{"life"}},
			{chat.MaxGroupLinkLife + 1, 0, []string{"life"}},
			{0, -1, []string{"times"}},
			{0, chat.MaxGroupLinkUses + 1, []string{"times"}},
			{-1, -1, []string{"life", "times"}},
		} {
			got := wrong(t, second(c.Chat.MakeGroupLink(t.Context(), c.owner, c.id, asked.life, asked.uses)))
			for _, field := range asked.wrong {
				if got[field] != chat.CodeChoice || len(got) != len(asked.wrong) {
					t.Errorf("%v: got %v", asked, got)
				}
			}
		}
		if links := value[[]chat.GroupLink](t)(c.Chat.GroupLinks(t.Context(), c.owner, c.id)); len(links) != 0 {
			t.Errorf("got %v", links)
		}
	})

	t.Run("20 links work at once, and one that ends makes room", func(t *testing.T) {
		t.Parallel()
		c := newCrew(t, chat.GroupSettings{})
		other := value[chat.ID](t)(c.Chat.CreateGroup(t.Context(), c.owner, chat.GroupSettings{Name: "Other"}, nil))
		another := func(uses int) (string, error) {
			return c.Chat.MakeGroupLink(t.Context(), c.owner, c.id, time.Hour, uses)
		}
		full := func() {
			t.Helper()
			err := second(another(0))
			refused(t, err, chat.KindConflict, chat.CodeTooManyLinks)
			var e *chat.Error
			if errors.As(err, &e); e.Args["Max"] != 20 || e.Args["Count"] != 20 {
				t.Errorf("got %v", e.Args)
			}
		}
		once := value[string](t)(another(1))
		for range 19 {
			value[string](t)(another(0))
		}
		full()
		value[string](t)(c.Chat.MakeGroupLink(t.Context(), c.owner, other, 0, 0)) // they are counted by group

		links := value[[]chat.GroupLink](t)(c.Chat.GroupLinks(t.Context(), c.owner, c.id))
		must(t, c.Chat.RevokeGroupLink(t.Context(), c.admin, c.id, links[0].ID))
		value[string](t)(another(0))
		full()
		must(t, second(c.Chat.JoinGroup(t.Context(), c.stranger, once)))
		value[string](t)(another(0))
		full()
		c.Exec(t, "UPDATE group_links SET expires_at = now() WHERE id = $1", links[1].ID)
		value[string](t)(another(0))
		full()
		if links := value[[]chat.GroupLink](t)(c.Chat.GroupLinks(t.Context(), c.owner, c.id)); len(links) != 20 {
			t.Errorf("%d are listed", len(links))
		}
	})
}

// containsSecret says whether a text of the database holds a secret, plainly or in hexadecimal digits.
func containsSecret(text, secret string) bool {
	return strings.Contains(text, secret) || strings.Contains(text, hex.EncodeToString([]byte(secret)))
}

func TestJoinGroup(t *testing.T) {
	t.Parallel()

	// uses are how often the only link of a group was used.
	uses := func(t *testing.T, c *crew) int {
		t.Helper()
		return value[[]chat.GroupLink](t)(c.Chat.GroupLinks(t.Context(), c.owner, c.id))[0].Uses
	}
	makes := func(t *testing.T, c *crew, life time.Duration, uses int) string {
		t.Helper()
		return value[string](t)(c.Chat.MakeGroupLink(t.Context(), c.owner, c.id, life, uses))
	}
	open := func(t *testing.T, c *crew, viewer chat.Viewer, token string) (chat.GroupInvitation, error) {
		t.Helper()
		return c.Chat.OpenGroupLink(t.Context(), viewer, token)
	}
	join := func(t *testing.T, c *crew, viewer chat.Viewer, token string) error {
		t.Helper()
		id, err := c.Chat.JoinGroup(t.Context(), viewer, token)
		if want := map[bool]chat.ID{true: c.id}[err == nil]; id != want {
			t.Errorf("joined %v, %v", id, err)
		}
		return err
	}

	t.Run("a link shows the group, and whoever joins is a member", func(t *testing.T) {
		t.Parallel()
		c := newCrew(t, chat.GroupSettings{Description: "Weeds", WhoAdds: chat.WhoAdministrators})
		token := makes(t, c, time.Hour, 2)
		gone := c.leaver(t)
		invitation := chat.GroupInvitation{GroupID: c.id, Name: "Garden", Description: "Weeds", MemberCount: 3}
		for _, viewer := range []chat.Viewer{c.stranger, gone} {
			if got := value[chat.GroupInvitation](t)(open(t, c, viewer, token)); got != invitation {
				t.Errorf("%s sees %+v", viewer.Username, got)
			}
		}
		invitation.Member = true
		if got := value[chat.GroupInvitation](t)(open(t, c, c.member, token)); got != invitation {
			t.Errorf("got %+v", got)
		}
		if n := uses(t, c); n != 0 {
			t.Errorf("looking has used it %d times", n)
		}
		must(t, join(t, c, c.stranger, token))
		must(t, join(t, c, gone, token))
		roles := present(t, c.World, c.id)
		if len(roles) != 5 || roles[c.stranger.ID] != chat.MemberPlain || roles[gone.ID] != chat.MemberPlain {
			t.Errorf("got %v", roles)
		}
		c.Say(t, c.stranger, c.id, "Hello")
		noLink(t, second(open(t, c, c.Person(t, ""), token))) // both uses are gone
	})

	t.Run("who was removed finds every link used up, until somebody adds them", func(t *testing.T) {
		t.Parallel()
		c := newCrew(t, chat.GroupSettings{})
		token, usedUp := makes(t, c, 0, 0), c.token(t)
		gone := c.leaver(t)
		must(t, join(t, c, c.Person(t, ""), usedUp))
		before := stored(t, c.World)
		c.Heard()
		for _, err := range []error{second(open(t, c, c.former, token)), join(t, c, c.former, token)} {
			noLink(t, err)
			if told := second(open(t, c, c.former, usedUp)); !reflect.DeepEqual(err, told) {
				t.Errorf("told %v, and of a link that is used up %v", err, told)
			}
		}
		if heard := c.Heard(); stored(t, c.World) != before || len(heard) != 0 {
			t.Errorf("something has changed; heard %v", heard)
		}
		must(t, join(t, c, gone, token)) // who left may
		must(t, c.Chat.AddMembers(t.Context(), c.member, c.id, []chat.ID{c.former.ID}))
		must(t, c.Chat.LeaveGroup(t.Context(), c.former, c.id))
		must(t, join(t, c, c.former, token)) // the removal is over
		must(t, c.Chat.RemoveMember(t.Context(), c.owner, c.id, c.former.ID))
		noLink(t, join(t, c, c.former, token))
	})

	t.Run("who is in it already uses nothing up", func(t *testing.T) {
		t.Parallel()
		c := newCrew(t, chat.GroupSettings{})
		token := makes(t, c, 0, 1)
		before := stored(t, c.World)
		for _, viewer := range []chat.Viewer{c.member, c.admin, c.owner} {
			must(t, join(t, c, viewer, token))
		}
		if heard := c.Heard(); stored(t, c.World) != before || len(heard) != 0 {
			t.Errorf("something has changed; heard %v", heard)
		}
		must(t, join(t, c, c.stranger, token))
	})

	for name, end := range map[string]func(t *testing.T, c *crew){
		"that has expired": func(t *testing.T, c *crew) { c.Exec(t, "UPDATE group_links SET expires_at = now()") },
		"that is revoked": func(t *testing.T, c *crew) {
			links := value[[]chat.GroupLink](t)(c.Chat.GroupLinks(t.Context(), c.owner, c.id))
			must(t, c.Chat.RevokeGroupLink(t.Context(), c.admin, c.id, links[0].ID))
			notFound(t, c.Chat.RevokeGroupLink(t.Context(), c.owner, c.id, links[0].ID)) // it is no more
		},
		"that is used up":              func(t *testing.T, c *crew) { must(t, join(t, c, c.Person(t, ""), c.token(t))) },
		"to a group that nobody is in": emptied,
		"to a group that is not there": func(t *testing.T, c *crew) { c.Exec(t, "DELETE FROM conversations") },
	} {
		t.Run("a link "+name+" leads nowhere, like one that never was", func(t *testing.T) {
			t.Parallel()
			c := newCrew(t, chat.GroupSettings{})
			token := c.token(t)
			if got := value[chat.GroupInvitation](t)(open(t, c, c.stranger, token)); got.Name != "Garden" {
				t.Fatalf("premise: %+v", got)
			}
			end(t, c)
			before := stored(t, c.World)
			c.Heard()
			for _, token := range []string{token, "never was", "", "\x00", token + "x"} {
				for _, viewer := range []chat.Viewer{c.stranger, c.former, c.member} {
					noLink(t, second(open(t, c, viewer, token)))
					noLink(t, join(t, c, viewer, token))
				}
			}
			if heard := c.Heard(); stored(t, c.World) != before || len(heard) != 0 {
				t.Errorf("something has changed; heard %v", heard)
			}
			if name == "to a group that is not there" || name == "to a group that nobody is in" {
				return
			}
			if links := value[[]chat.GroupLink](t)(c.Chat.GroupLinks(t.Context(), c.owner, c.id)); len(links) != 0 {
				t.Errorf("listed are %v", links)
			}
		})
	}

	t.Run("a link that ends between looking and joining lets nobody in", func(t *testing.T) {
		t.Parallel()
		for name, end := range map[string]string{
			"expired": "UPDATE group_links SET expires_at = now()",
			"revoked": "UPDATE group_links SET revoked_at = now()",
			"used up": "UPDATE group_links SET uses = max_uses",
			"emptied": "UPDATE members SET until_change = 3",
		} {
			c := newCrew(t, chat.GroupSettings{})
			token := c.token(t)
			// The group's row is held, so that the joining one has looked and waits.
			held := c.Hold(t, "UPDATE conversations SET member_count = CASE WHEN $2 THEN 0 ELSE member_count END WHERE id = $1", c.id, name == "emptied")
			held.Exec(end)
			done := later(func() error { return join(t, c, c.stranger, token) })
			c.AwaitWaiting(t, 1)
			held.Commit()
			noLink(t, <-done)
			if _, in := present(t, c.World, c.id)[c.stranger.ID]; in {
				t.Errorf("%s: is in", name)
			}
		}
	})

	t.Run("a group that is full, and somebody who is suspended meanwhile, use nothing up", func(t *testing.T) {
		t.Parallel()
		c := newCrew(t, chat.GroupSettings{})
		token, gone := c.token(t), c.leaver(t)
		c.Heard()
		before := stored(t, c.World)
		c.Exec(t, "UPDATE conversations SET member_count = $1", chat.MaxGroupMembers)
		refused(t, join(t, c, c.stranger, token), chat.KindConflict, chat.CodeTooManyMembers)
		c.Exec(t, "UPDATE conversations SET member_count = 3")
		suspend(t, c.World, c.stranger)
		notFound(t, join(t, c, c.stranger, token))
		suspend(t, c.World, gone)
		notFound(t, join(t, c, gone, token))
		if heard := c.Heard(); stored(t, c.World) != before || len(heard) != 0 {
			t.Errorf("something has changed; heard %v", heard)
		}
		must(t, join(t, c, c.Person(t, ""), token))
	})

	t.Run("a link of another group can neither be revoked from here nor let in here", func(t *testing.T) {
		t.Parallel()
		c := newCrew(t, chat.GroupSettings{})
		mine := value[chat.ID](t)(c.Chat.CreateGroup(t.Context(), c.stranger, chat.GroupSettings{Name: "Mine"}, nil))
		theirs := c.link(t)
		token := value[string](t)(c.Chat.MakeGroupLink(t.Context(), c.stranger, mine, 0, 0))
		notFound(t, c.Chat.RevokeGroupLink(t.Context(), c.stranger, mine, theirs))
		notFound(t, c.Chat.RevokeGroupLink(t.Context(), c.stranger, c.id, theirs))
		if links := value[[]chat.GroupLink](t)(c.Chat.GroupLinks(t.Context(), c.stranger, mine)); len(links) != 1 || links[0].ID == theirs {
			t.Errorf("listed are %v", links)
		}
		if id := value[chat.ID](t)(c.Chat.JoinGroup(t.Context(), c.former, token)); id != mine {
			t.Errorf("joined %v", id)
		}
		if _, in := present(t, c.World, c.id)[c.former.ID]; in {
			t.Error("is in the other")
		}
		must(t, c.Chat.RevokeGroupLink(t.Context(), c.owner, c.id, theirs))
	})
}

// leaver is somebody who was in the group and has left it.
func (c *crew) leaver(t *testing.T) chat.Viewer {
	t.Helper()
	gone := c.Person(t, "Lea")
	must(t, c.Chat.AddMembers(t.Context(), c.owner, c.id, []chat.ID{gone.ID}))
	must(t, c.Chat.LeaveGroup(t.Context(), gone, c.id))
	return gone
}

// token is that of a link that works once.
func (c *crew) token(t *testing.T) string {
	t.Helper()
	if c.once == "" {
		c.once = value[string](t)(c.Chat.MakeGroupLink(t.Context(), c.owner, c.id, time.Hour, 1))
	}
	return c.once
}

// emptied lets everybody leave.
func emptied(t *testing.T, c *crew) {
	t.Helper()
	for _, viewer := range []chat.Viewer{c.member, c.admin, c.owner} {
		must(t, c.Chat.LeaveGroup(t.Context(), viewer, c.id))
	}
}
