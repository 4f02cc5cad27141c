//go:build unix

package chat_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/chat"
	"parley/chat/chattest"
)

// crew is a group with somebody in every place. What was done to make it is seq 1 to 3, and not heard any more.
type crew struct {
	*chattest.World
	id                                     chat.ID
	owner, admin, member, former, stranger chat.Viewer
	once                                   string // see token
}

func newCrew(t *testing.T, settings chat.GroupSettings) *crew {
	t.Helper()
	w := chattest.New(t)
	c := &crew{
		World: w, owner: w.Person(t, "Olga"), admin: w.Person(t, "Adam"), member: w.Person(t, "Mia"),
		former: w.Person(t, "Finn"), stranger: w.Person(t, "Sten"),
	}
	if settings.Name == "" {
		settings.Name = "Garden"
	}
	c.id = value[chat.ID](t)(w.Chat.CreateGroup(t.Context(), c.owner, settings, []chat.ID{c.admin.ID, c.member.ID, c.former.ID}))
	must(t, w.Chat.SetMemberRole(t.Context(), c.owner, c.id, c.admin.ID, chat.MemberAdministrator))
	must(t, w.Chat.RemoveMember(t.Context(), c.owner, c.id, c.former.ID))
	w.Heard()
	return c
}

// newcomer is somebody with a role in the group who was not in it before.
func (c *crew) newcomer(t *testing.T, role chat.MemberRole) chat.Viewer {
	t.Helper()
	person := c.Person(t, "")
	must(t, c.Chat.AddMembers(t.Context(), c.owner, c.id, []chat.ID{person.ID}))
	must(t, c.Chat.SetMemberRole(t.Context(), c.owner, c.id, person.ID, role))
	return person
}

// link makes a link to the group and finds its id.
func (c *crew) link(t *testing.T) chat.ID {
	t.Helper()
	value[string](t)(c.Chat.MakeGroupLink(t.Context(), c.owner, c.id, 0, 0))
	return value[[]chat.GroupLink](t)(c.Chat.GroupLinks(t.Context(), c.owner, c.id))[0].ID
}

// stored is everything about conversations that a refusal must leave alone.
func stored(t *testing.T, w *chattest.World) string {
	t.Helper()
	return chattest.Value[string](t, w, `
		SELECT concat_ws('; ',
			(SELECT string_agg(c::text, ', ' ORDER BY c.id) FROM conversations c),
			(SELECT string_agg(m::text, ', ' ORDER BY m.conversation_id, m.person_id) FROM members m),
			(SELECT string_agg(x::text, ', ' ORDER BY x.id) FROM messages x),
			(SELECT string_agg(l::text, ', ' ORDER BY l.id) FROM group_links l),
			(SELECT string_agg(d::text, ', ' ORDER BY d.person_id, d.conversation_id) FROM drafts d))`)
}

// details is a group's settings and size as somebody sees them.
func details(t *testing.T, w *chattest.World, viewer chat.Viewer, group chat.ID) (chat.GroupSettings, int, chat.Member) {
	t.Helper()
	d := value[chat.Details](t)(w.Chat.Details(t.Context(), viewer, group))
	return d.Group, d.MemberCount, d.Member
}

// page is the end of a conversation.
func page(t *testing.T, w *chattest.World, viewer chat.Viewer, id chat.ID) chat.ConversationPage {
	t.Helper()
	return value[chat.ConversationPage](t)(w.Chat.OpenConversation(t.Context(), viewer, id, chat.Place{}))
}

// present are the people in a group, by role.
func present(t *testing.T, w *chattest.World, group chat.ID) map[chat.ID]chat.MemberRole {
	t.Helper()
	roles := map[chat.ID]chat.MemberRole{}
	rows, err := w.DB.Pool().Query(t.Context(), "SELECT person_id, role FROM members WHERE conversation_id = $1 AND until_change IS NULL", group)
	must(t, err)
	for rows.Next() {
		var id chat.ID
		var role string
		must(t, rows.Scan(&id, &role))
		roles[id] = chat.MemberRole(role)
	}
	must(t, rows.Err())
	if n := chattest.Value[int](t, w, "SELECT member_count FROM conversations WHERE id = $1", group); n != len(roles) {
		t.Errorf("%d are counted, and there are %d", n, len(roles))
	}
	return roles
}

// TestGroupRules asks everybody for everything, from those who may do least to those who may do most. Who is refused
// changes nothing; who comes afterwards shows that it could have been done.
func TestGroupRules(t *testing.T) {
	t.Parallel()
	const (
		yes    = chat.Code("")
		gone   = chat.CodeNotFound
		no     = chat.CodeNotYoursToDo
		closed = chat.CodeClosed
	)
	byAdministrators := chat.GroupSettings{WhoAdds: chat.WhoAdministrators, WhoWrites: chat.WhoAdministrators}
	for name, r := range map[string]struct {
		settings chat.GroupSettings
		// What the stranger, the former member, the member, the administrator and the owner are told.
		told    [5]chat.Code
		prepare func(t *testing.T, c *crew) chat.ID
		do      func(t *testing.T, c *crew, viewer chat.Viewer, it chat.ID) error
	}{
		"adding people, where members add": {
			told:    [5]chat.Code{gone, gone, yes, yes, yes},
			prepare: func(t *testing.T, c *crew) chat.ID { return c.Person(t, "").ID },
			do: func(t *testing.T, c *crew, viewer chat.Viewer, it chat.ID) error {
				return c.Chat.AddMembers(t.Context(), viewer, c.id, []chat.ID{it})
			},
		},
		"adding people, where administrators add": {
			settings: byAdministrators,
			told:     [5]chat.Code{gone, gone, no, yes, yes},
			prepare:  func(t *testing.T, c *crew) chat.ID { return c.Person(t, "").ID },
			do: func(t *testing.T, c *crew, viewer chat.Viewer, it chat.ID) error {
				return c.Chat.AddMembers(t.Context(), viewer, c.id, []chat.ID{it})
			},
		},
		"adding people who are in it already": {
			settings: byAdministrators,
			told:     [5]chat.Code{gone, gone, no, yes, yes},
			prepare:  func(_ *testing.T, c *crew) chat.ID { return c.member.ID },
			do: func(t *testing.T, c *crew, viewer chat.Viewer, _ chat.ID) error {
				return c.Chat.AddMembers(t.Context(), viewer, c.id, []chat.ID{c.member.ID, c.admin.ID})
			},
		},
		"removing a member": {
			told:    [5]chat.Code{gone, gone, no, yes, yes},
			prepare: func(t *testing.T, c *crew) chat.ID { return c.newcomer(t, chat.MemberPlain).ID },
			do: func(t *testing.T, c *crew, viewer chat.Viewer, it chat.ID) error {
				return c.Chat.RemoveMember(t.Context(), viewer, c.id, it)
			},
		},
		"removing an administrator": {
			told:    [5]chat.Code{gone, gone, no, no, yes},
			prepare: func(t *testing.T, c *crew) chat.ID { return c.newcomer(t, chat.MemberAdministrator).ID },
			do: func(t *testing.T, c *crew, viewer chat.Viewer, it chat.ID) error {
				return c.Chat.RemoveMember(t.Context(), viewer, c.id, it)
			},
		},
		"removing an owner": {
			told:    [5]chat.Code{gone, gone, no, no, yes},
			prepare: func(t *testing.T, c *crew) chat.ID { return c.newcomer(t, chat.MemberOwner).ID },
			do: func(t *testing.T, c *crew, viewer chat.Viewer, it chat.ID) error {
				return c.Chat.RemoveMember(t.Context(), viewer, c.id, it)
			},
		},
		"making a member an administrator": {
			told:    [5]chat.Code{gone, gone, no, no, yes},
			prepare: func(t *testing.T, c *crew) chat.ID { return c.newcomer(t, chat.MemberPlain).ID },
			do: func(t *testing.T, c *crew, viewer chat.Viewer, it chat.ID) error {
				return c.Chat.SetMemberRole(t.Context(), viewer, c.id, it, chat.MemberAdministrator)
			},
		},
		"making a member an owner": {
			told:    [5]chat.Code{gone, gone, no, no, yes},
			prepare: func(t *testing.T, c *crew) chat.ID { return c.newcomer(t, chat.MemberPlain).ID },
			do: func(t *testing.T, c *crew, viewer chat.Viewer, it chat.ID) error {
				return c.Chat.SetMemberRole(t.Context(), viewer, c.id, it, chat.MemberOwner)
			},
		},
		"making oneself an owner": {
			told:    [5]chat.Code{gone, gone, no, no, yes},
			prepare: func(*testing.T, *crew) chat.ID { return chat.ID{} },
			do: func(t *testing.T, c *crew, viewer chat.Viewer, _ chat.ID) error {
				return c.Chat.SetMemberRole(t.Context(), viewer, c.id, viewer.ID, chat.MemberOwner)
			},
		},
		"making an administrator a member": {
			told:    [5]chat.Code{gone, gone, no, no, yes},
			prepare: func(t *testing.T, c *crew) chat.ID { return c.newcomer(t, chat.MemberAdministrator).ID },
			do: func(t *testing.T, c *crew, viewer chat.Viewer, it chat.ID) error {
				return c.Chat.SetMemberRole(t.Context(), viewer, c.id, it, chat.MemberPlain)
			},
		},
		"making an owner a member": {
			told:    [5]chat.Code{gone, gone, no, no, yes},
			prepare: func(t *testing.T, c *crew) chat.ID { return c.newcomer(t, chat.MemberOwner).ID },
			do: func(t *testing.T, c *crew, viewer chat.Viewer, it chat.ID) error {
				return c.Chat.SetMemberRole(t.Context(), viewer, c.id, it, chat.MemberPlain)
			},
		},
		"changing what the group says of itself": {
			told:    [5]chat.Code{gone, gone, no, yes, yes},
			prepare: func(*testing.T, *crew) chat.ID { return chat.ID{} },
			do: func(t *testing.T, c *crew, viewer chat.Viewer, _ chat.ID) error {
				return c.Chat.UpdateGroup(t.Context(), viewer, c.id, chat.GroupSettings{Name: viewer.Username + "'s", Description: "Ours"})
			},
		},
		"changing who may write": {
			told:    [5]chat.Code{gone, gone, no, yes, yes},
			prepare: func(*testing.T, *crew) chat.ID { return chat.ID{} },
			do: func(t *testing.T, c *crew, viewer chat.Viewer, _ chat.ID) error {
				return c.Chat.UpdateGroup(t.Context(), viewer, c.id, chat.GroupSettings{Name: "Garden", WhoWrites: chat.WhoAdministrators})
			},
		},
		"leaving": {
			told:    [5]chat.Code{gone, gone, yes, yes, yes},
			prepare: func(t *testing.T, c *crew) chat.ID { return c.newcomer(t, chat.MemberOwner).ID },
			do: func(t *testing.T, c *crew, viewer chat.Viewer, _ chat.ID) error {
				return c.Chat.LeaveGroup(t.Context(), viewer, c.id)
			},
		},
		"removing oneself": {
			told:    [5]chat.Code{gone, gone, yes, yes, yes},
			prepare: func(t *testing.T, c *crew) chat.ID { return c.newcomer(t, chat.MemberOwner).ID },
			do: func(t *testing.T, c *crew, viewer chat.Viewer, _ chat.ID) error {
				return c.Chat.RemoveMember(t.Context(), viewer, c.id, viewer.ID)
			},
		},
		"making a link": {
			told:    [5]chat.Code{gone, gone, no, yes, yes},
			prepare: func(*testing.T, *crew) chat.ID { return chat.ID{} },
			do: func(t *testing.T, c *crew, viewer chat.Viewer, _ chat.ID) error {
				_, err := c.Chat.MakeGroupLink(t.Context(), viewer, c.id, time.Hour, 1)
				return err
			},
		},
		"listing the links": {
			told:    [5]chat.Code{gone, gone, no, yes, yes},
			prepare: func(t *testing.T, c *crew) chat.ID { return c.link(t) },
			do: func(t *testing.T, c *crew, viewer chat.Viewer, _ chat.ID) error {
				links, err := c.Chat.GroupLinks(t.Context(), viewer, c.id)
				if (err == nil) != (len(links) > 0) {
					t.Errorf("%s got %v, %v", viewer.Username, links, err)
				}
				return err
			},
		},
		"revoking a link": {
			told:    [5]chat.Code{gone, gone, no, yes, yes},
			prepare: func(t *testing.T, c *crew) chat.ID { return c.link(t) },
			do: func(t *testing.T, c *crew, viewer chat.Viewer, it chat.ID) error {
				return c.Chat.RevokeGroupLink(t.Context(), viewer, c.id, it)
			},
		},
		"listing the members": {
			told:    [5]chat.Code{gone, gone, yes, yes, yes},
			prepare: func(*testing.T, *crew) chat.ID { return chat.ID{} },
			do: func(t *testing.T, c *crew, viewer chat.Viewer, _ chat.ID) error {
				members, err := c.Chat.Members(t.Context(), viewer, c.id, "", "")
				if (err == nil) != (len(members.Members) == 3) {
					t.Errorf("%s got %v, %v", viewer.Username, members, err)
				}
				return err
			},
		},
		"looking at the group": {
			told:    [5]chat.Code{gone, yes, yes, yes, yes},
			prepare: func(*testing.T, *crew) chat.ID { return chat.ID{} },
			do: func(t *testing.T, c *crew, viewer chat.Viewer, _ chat.ID) error {
				_, err := c.Chat.Details(t.Context(), viewer, c.id)
				return err
			},
		},
		"reading": {
			told:    [5]chat.Code{gone, yes, yes, yes, yes},
			prepare: func(*testing.T, *crew) chat.ID { return chat.ID{} },
			do: func(t *testing.T, c *crew, viewer chat.Viewer, _ chat.ID) error {
				_, err := c.Chat.OpenConversation(t.Context(), viewer, c.id, chat.Place{})
				return err
			},
		},
		"writing, where members write": {
			told:    [5]chat.Code{gone, closed, yes, yes, yes},
			prepare: func(*testing.T, *crew) chat.ID { return chat.ID{} },
			do: func(t *testing.T, c *crew, viewer chat.Viewer, _ chat.ID) error {
				_, err := send(t, c.World, viewer, c.id, "Hello")
				return err
			},
		},
		"writing, where administrators write": {
			settings: byAdministrators,
			told:     [5]chat.Code{gone, closed, closed, yes, yes},
			prepare:  func(*testing.T, *crew) chat.ID { return chat.ID{} },
			do: func(t *testing.T, c *crew, viewer chat.Viewer, _ chat.ID) error {
				_, err := send(t, c.World, viewer, c.id, "Hello")
				return err
			},
		},
		"beginning to write": {
			told:    [5]chat.Code{gone, gone, yes, yes, yes},
			prepare: func(*testing.T, *crew) chat.ID { return chat.ID{} },
			do: func(t *testing.T, c *crew, viewer chat.Viewer, _ chat.ID) error {
				return c.Chat.SaveDraft(t.Context(), viewer, c.id, "Hel")
			},
		},
		"pinning": {
			told:    [5]chat.Code{gone, yes, yes, yes, yes},
			prepare: func(*testing.T, *crew) chat.ID { return chat.ID{} },
			do: func(t *testing.T, c *crew, viewer chat.Viewer, _ chat.ID) error {
				return c.Chat.Choose(t.Context(), viewer, c.id, chat.Choices{Pinned: new(true)})
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCrew(t, r.settings)
			for i, viewer := range []chat.Viewer{c.stranger, c.former, c.member, c.admin, c.owner} {
				it := r.prepare(t, c)
				before := stored(t, c.World)
				c.Heard()
				err := r.do(t, c, viewer, it)
				switch r.told[i] {
				case yes:
					if err != nil {
						t.Errorf("%s: got %v", viewer.Username, err)
					}
					continue
				case gone:
					notFound(t, err)
				default:
					refused(t, err, chat.KindForbidden, r.told[i])
				}
				if heard := c.Heard(); stored(t, c.World) != before || len(heard) != 0 {
					t.Errorf("%s was refused, and something has changed; heard %v", viewer.Username, heard)
				}
			}
			present(t, c.World, c.id)
		})
	}

	t.Run("a direct conversation is no group, and what is not there neither", func(t *testing.T) {
		t.Parallel()
		c := newCrew(t, chat.GroupSettings{})
		for _, id := range []chat.ID{c.Direct(t, c.owner, c.member), chat.NewID(), {}} {
			before := stored(t, c.World)
			ctx := t.Context()
			for name, err := range map[string]error{
				"add":    c.Chat.AddMembers(ctx, c.owner, id, []chat.ID{c.stranger.ID}),
				"remove": c.Chat.RemoveMember(ctx, c.owner, id, c.member.ID),
				"leave":  c.Chat.LeaveGroup(ctx, c.owner, id),
				"role":   c.Chat.SetMemberRole(ctx, c.owner, id, c.member.ID, chat.MemberOwner),
				"update": c.Chat.UpdateGroup(ctx, c.owner, id, chat.GroupSettings{Name: "Ours"}),
				"revoke": c.Chat.RevokeGroupLink(ctx, c.owner, id, c.link(t)),
				"link":   second(c.Chat.MakeGroupLink(ctx, c.owner, id, 0, 0)),
				"list":   second(c.Chat.Members(ctx, c.owner, id, "", "")),
			} {
				if notFound(t, err); t.Failed() {
					t.Fatal(name)
				}
			}
			c.Exec(t, "DELETE FROM group_links")
			if stored(t, c.World) != before {
				t.Error("something has changed")
			}
		}
	})

	t.Run("somebody who is not in the group can be neither removed nor given a role", func(t *testing.T) {
		t.Parallel()
		c := newCrew(t, chat.GroupSettings{})
		before := stored(t, c.World)
		for _, person := range []chat.ID{c.stranger.ID, c.former.ID, chat.NewID()} {
			notFound(t, c.Chat.RemoveMember(t.Context(), c.owner, c.id, person))
			notFound(t, c.Chat.SetMemberRole(t.Context(), c.owner, c.id, person, chat.MemberAdministrator))
		}
		for _, role := range []chat.MemberRole{"", "emperor"} {
			if got := wrong(t, c.Chat.SetMemberRole(t.Context(), c.owner, c.id, c.member.ID, role)); got["role"] != chat.CodeChoice {
				t.Errorf("%q: got %v", role, got)
			}
		}
		if stored(t, c.World) != before {
			t.Error("something has changed")
		}
		must(t, c.Chat.SetMemberRole(t.Context(), c.owner, c.id, c.member.ID, chat.MemberAdministrator))
		must(t, c.Chat.RemoveMember(t.Context(), c.owner, c.id, c.member.ID))
	})

	t.Run("who comes back comes as a member", func(t *testing.T) {
		t.Parallel()
		c := newCrew(t, chat.GroupSettings{})
		second := c.newcomer(t, chat.MemberOwner)
		for _, person := range []chat.Viewer{c.admin, second} {
			must(t, c.Chat.RemoveMember(t.Context(), c.owner, c.id, person.ID))
			must(t, c.Chat.AddMembers(t.Context(), c.owner, c.id, []chat.ID{person.ID}))
			if role := present(t, c.World, c.id)[person.ID]; role != chat.MemberPlain {
				t.Errorf("got %s", role)
			}
			refused(t, c.Chat.RemoveMember(t.Context(), person, c.id, c.member.ID), chat.KindForbidden, chat.CodeNotYoursToDo)
		}
	})

	t.Run("an administrator who became a member looks after nothing any more", func(t *testing.T) {
		t.Parallel()
		c := newCrew(t, chat.GroupSettings{})
		rename := func() error {
			return c.Chat.UpdateGroup(t.Context(), c.admin, c.id, chat.GroupSettings{Name: "Orchard"})
		}
		must(t, rename())
		must(t, c.Chat.SetMemberRole(t.Context(), c.owner, c.id, c.admin.ID, chat.MemberPlain))
		refused(t, rename(), chat.KindForbidden, chat.CodeNotYoursToDo)
	})
}

// second is the error of a call that also returns something else.
func second[T any](_ T, err error) error { return err }

func TestLastOwner(t *testing.T) {
	t.Parallel()

	t.Run("an owner whose account is suspended is nobody to leave a group to", func(t *testing.T) {
		t.Parallel()
		c := newCrew(t, chat.GroupSettings{})
		must(t, c.Chat.SetMemberRole(t.Context(), c.owner, c.id, c.admin.ID, chat.MemberOwner))
		suspend(t, c.World, c.admin)
		before := stored(t, c.World)
		for _, err := range []error{
			c.Chat.LeaveGroup(t.Context(), c.owner, c.id),
			c.Chat.SetMemberRole(t.Context(), c.owner, c.id, c.owner.ID, chat.MemberPlain),
		} {
			if refused(t, err, chat.KindConflict, chat.CodeLastOwner); stored(t, c.World) != before {
				t.Error("something has changed")
			}
		}
		// The suspended one goes, whose role asks for no heir while another owner is there.
		must(t, c.Chat.SetMemberRole(t.Context(), c.owner, c.id, c.admin.ID, chat.MemberPlain))
		must(t, c.Chat.SetMemberRole(t.Context(), c.owner, c.id, c.admin.ID, chat.MemberOwner))
		must(t, c.Chat.RemoveMember(t.Context(), c.owner, c.id, c.admin.ID))
		must(t, c.Chat.SetMemberRole(t.Context(), c.owner, c.id, c.member.ID, chat.MemberOwner))
		must(t, c.Chat.LeaveGroup(t.Context(), c.owner, c.id))
	})

	t.Run("the last owner neither leaves nor gives up the role, but for somebody else", func(t *testing.T) {
		t.Parallel()
		c := newCrew(t, chat.GroupSettings{})
		before := stored(t, c.World)
		for name, do := range map[string]func() error{
			"leaving":          func() error { return c.Chat.LeaveGroup(t.Context(), c.owner, c.id) },
			"removing oneself": func() error { return c.Chat.RemoveMember(t.Context(), c.owner, c.id, c.owner.ID) },
			"as administrator": func() error {
				return c.Chat.SetMemberRole(t.Context(), c.owner, c.id, c.owner.ID, chat.MemberAdministrator)
			},
			"as a plain member": func() error { return c.Chat.SetMemberRole(t.Context(), c.owner, c.id, c.owner.ID, chat.MemberPlain) },
		} {
			if refused(t, do(), chat.KindConflict, chat.CodeLastOwner); stored(t, c.World) != before || len(c.Heard()) != 0 {
				t.Fatalf("%s has changed something", name)
			}
		}
		must(t, c.Chat.SetMemberRole(t.Context(), c.owner, c.id, c.member.ID, chat.MemberOwner))
		must(t, c.Chat.SetMemberRole(t.Context(), c.owner, c.id, c.owner.ID, chat.MemberPlain))
		must(t, c.Chat.LeaveGroup(t.Context(), c.owner, c.id))
		want := map[chat.ID]chat.MemberRole{c.member.ID: chat.MemberOwner, c.admin.ID: chat.MemberAdministrator}
		if got := present(t, c.World, c.id); !maps.Equal(got, want) {
			t.Errorf("got %v", got)
		}
		refused(t, c.Chat.LeaveGroup(t.Context(), c.member, c.id), chat.KindConflict, chat.CodeLastOwner)
	})

	t.Run("of two owners each may remove the other, and is the last one then", func(t *testing.T) {
		t.Parallel()
		c := newCrew(t, chat.GroupSettings{})
		must(t, c.Chat.SetMemberRole(t.Context(), c.owner, c.id, c.member.ID, chat.MemberOwner))
		must(t, c.Chat.RemoveMember(t.Context(), c.member, c.id, c.owner.ID))
		notFound(t, c.Chat.RemoveMember(t.Context(), c.owner, c.id, c.member.ID))
		refused(t, c.Chat.LeaveGroup(t.Context(), c.member, c.id), chat.KindConflict, chat.CodeLastOwner)
	})

	t.Run("who is alone may leave, and not stay without being its owner", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna := w.Person(t, "Anna")
		id := value[chat.ID](t)(w.Chat.CreateGroup(t.Context(), anna, chat.GroupSettings{Name: "Alone"}, nil))
		refused(t, w.Chat.SetMemberRole(t.Context(), anna, id, anna.ID, chat.MemberPlain), chat.KindConflict, chat.CodeLastOwner)
		if got := present(t, w, id); got[anna.ID] != chat.MemberOwner || len(got) != 1 {
			t.Fatalf("got %v", got)
		}
		must(t, w.Chat.LeaveGroup(t.Context(), anna, id))
		if got := present(t, w, id); len(got) != 0 {
			t.Errorf("got %v", got)
		}
		notFound(t, w.Chat.LeaveGroup(t.Context(), anna, id))
	})

	t.Run("the owner of one group owns no other", func(t *testing.T) {
		t.Parallel()
		c := newCrew(t, chat.GroupSettings{})
		id := value[chat.ID](t)(c.Chat.CreateGroup(t.Context(), c.member, chat.GroupSettings{Name: "Mine"}, []chat.ID{c.owner.ID}))
		refused(t, c.Chat.RemoveMember(t.Context(), c.owner, id, c.member.ID), chat.KindForbidden, chat.CodeNotYoursToDo)
		refused(t, c.Chat.LeaveGroup(t.Context(), c.owner, c.id), chat.KindConflict, chat.CodeLastOwner)
	})
}

func TestCreateGroup(t *testing.T) {
	t.Parallel()

	t.Run("a group is what was asked for, and all who are in it are told", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben, cleo := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Cleo")
		settings := chat.GroupSettings{
			Name: "Garden", Description: "Weeds\nand seeds", WhoAdds: chat.WhoAdministrators, WhoWrites: chat.WhoAdministrators, History: chat.HistoryJoined,
		}
		typed := settings
		typed.Name, typed.Description = "  Garden \u00a0", "\r\nWeeds\r\nand seeds  \n"
		id := value[chat.ID](t)(w.Chat.CreateGroup(t.Context(), anna, typed, []chat.ID{cleo.ID, ben.ID, cleo.ID, anna.ID}))
		people := told(w.Heard())
		slices.SortFunc(people, func(a, b chat.ID) int { return slices.Compare(a[:], b[:]) })
		if !slices.Equal(people, []chat.ID{anna.ID, ben.ID, cleo.ID}) {
			t.Errorf("told %v", people)
		}
		if got := present(t, w, id); !maps.Equal(got, map[chat.ID]chat.MemberRole{
			anna.ID: chat.MemberOwner, ben.ID: chat.MemberPlain, cleo.ID: chat.MemberPlain,
		}) {
			t.Errorf("got %v", got)
		}
		for _, viewer := range []chat.Viewer{anna, ben, cleo} {
			got, members, _ := details(t, w, viewer, id)
			p := page(t, w, viewer, id)
			if got != settings || members != 3 || p.Group != settings || p.Members != 3 || p.Name != "Garden" || p.Kind != chat.KindGroup || p.ViewSeq != 1 {
				t.Errorf("%s sees %+v, %+v", viewer.Username, got, p)
			}
			// All of them see how it began, and nobody has to read it.
			if len(p.Messages) != 1 || p.Unread != 0 || p.MsgSeq != 1 || p.ChangeSeq != 1 || !p.Member.Sees(p.Messages[0]) {
				t.Errorf("%s sees %+v", viewer.Username, p.Messages)
			}
		}
	})

	t.Run("without a choice members add and write, and newcomers see everything", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna := w.Person(t, "Anna")
		id := value[chat.ID](t)(w.Chat.CreateGroup(t.Context(), anna, chat.GroupSettings{Name: "Garden"}, nil))
		got, _, _ := details(t, w, anna, id)
		if got != (chat.GroupSettings{Name: "Garden", WhoAdds: chat.WhoMembers, WhoWrites: chat.WhoMembers, History: chat.HistoryAll}) {
			t.Errorf("got %+v", got)
		}
	})

	t.Run("with somebody unknown, suspended or closed there is none", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben, cleo, dora := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Cleo"), w.Person(t, "Dora")
		suspend(t, w, cleo)
		w.Exec(t, "UPDATE people SET state = 'closed' WHERE id = $1", dora.ID)
		for _, other := range []chat.ID{cleo.ID, dora.ID, chat.NewID(), {}} {
			_, err := w.Chat.CreateGroup(t.Context(), anna, chat.GroupSettings{Name: "Garden"}, []chat.ID{ben.ID, other})
			notFound(t, err)
		}
		if n := chattest.Value[int](t, w, "SELECT count(*) FROM conversations"); n != 0 || len(w.Heard()) != 0 {
			t.Errorf("%d groups", n)
		}
		value[chat.ID](t)(w.Chat.CreateGroup(t.Context(), anna, chat.GroupSettings{Name: "Garden"}, []chat.ID{ben.ID}))
	})

	t.Run("an error in the middle leaves nothing", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		w.Exec(t, "ALTER TABLE people ADD CHECK (view_seq = 0)")
		internal(t, second(w.Chat.CreateGroup(t.Context(), anna, chat.GroupSettings{Name: "Garden"}, []chat.ID{ben.ID})))
		if n := chattest.Value[int](t, w, "SELECT count(*) FROM conversations"); n != 0 || len(w.Heard()) != 0 {
			t.Errorf("%d groups", n)
		}
	})
}

func TestGroupSettings(t *testing.T) {
	t.Parallel()
	c := newCrew(t, chat.GroupSettings{Description: "Weeds"})
	for name, s := range map[string]struct {
		settings chat.GroupSettings
		want     map[string]chat.Code
		as       string // how the name is stored
	}{
		"no name":                   {chat.GroupSettings{}, map[string]chat.Code{"name": chat.CodeRequired}, ""},
		"a name of blanks":          {chat.GroupSettings{Name: " \u3000\u200b "}, map[string]chat.Code{"name": chat.CodeRequired}, ""},
		"a name of two lines":       {chat.GroupSettings{Name: "a\nb"}, map[string]chat.Code{"name": chat.CodeBadText}, ""},
		"a name with NUL":           {chat.GroupSettings{Name: "a\x00"}, map[string]chat.Code{"name": chat.CodeBadText}, ""},
		"a name that is no text":    {chat.GroupSettings{Name: "\xff"}, map[string]chat.Code{"name": chat.CodeBadText}, ""},
		"a name of 80 characters":   {chat.GroupSettings{Name: strings.Repeat("👩", 80)}, nil, strings.Repeat("👩", 80)},
		"a name of 81 characters":   {chat.GroupSettings{Name: strings.Repeat("a", 81)}, map[string]chat.Code{"name": chat.CodeTooLong}, ""},
		"a name of 80 and blanks":   {chat.GroupSettings{Name: " " + strings.Repeat("a", 80) + "  "}, nil, strings.Repeat("a", 80)},
		"a name with blanks inside": {chat.GroupSettings{Name: "a   b"}, nil, "a b"},
		"a description of 500":      {chat.GroupSettings{Name: "A", Description: strings.Repeat("李", 500) + "\n \n"}, nil, "A"},
		"a description of 501":      {chat.GroupSettings{Name: "A", Description: strings.Repeat("a", 501)}, map[string]chat.Code{"about": chat.CodeTooLong}, ""},
		"a description with NUL":    {chat.GroupSettings{Name: "A", Description: "\x00"}, map[string]chat.Code{"about": chat.CodeBadText}, ""},
		"choices there are not": {
			chat.GroupSettings{Name: "A", WhoAdds: "all", WhoWrites: "nobody", History: "some"},
			map[string]chat.Code{"who_adds": chat.CodeChoice, "who_writes": chat.CodeChoice, "history": chat.CodeChoice}, "",
		},
		"everything wrong at once": {
			chat.GroupSettings{Description: "\xff", WhoAdds: "all"},
			map[string]chat.Code{"name": chat.CodeRequired, "about": chat.CodeBadText, "who_adds": chat.CodeChoice}, "",
		},
	} {
		before := stored(t, c.World)
		made, created := c.Chat.CreateGroup(t.Context(), c.owner, s.settings, nil)
		changed := c.Chat.UpdateGroup(t.Context(), c.owner, c.id, s.settings)
		if s.want == nil {
			must(t, created)
			must(t, changed)
			for _, id := range []chat.ID{made, c.id} {
				if got, _, _ := details(t, c.World, c.owner, id); got.Name != s.as {
					t.Errorf("%s: got %q", name, got.Name)
				}
			}
			continue
		}
		for _, err := range []error{created, changed} {
			if got := wrong(t, err); !maps.Equal(got, s.want) {
				t.Errorf("%s: got %v", name, got)
			}
		}
		if stored(t, c.World) != before {
			t.Errorf("%s: something has changed", name)
		}
	}

	t.Run("a choice that is left out stays as it is", func(t *testing.T) {
		want := chat.GroupSettings{Name: "Garden", WhoAdds: chat.WhoAdministrators, WhoWrites: chat.WhoAdministrators, History: chat.HistoryJoined}
		must(t, c.Chat.UpdateGroup(t.Context(), c.owner, c.id, want))
		must(t, c.Chat.UpdateGroup(t.Context(), c.owner, c.id, chat.GroupSettings{Name: "Orchard"}))
		want.Name = "Orchard"
		if got, _, _ := details(t, c.World, c.owner, c.id); got != want {
			t.Errorf("got %+v", got)
		}
	})
}

// TestGroupEvents follows a group from its beginning and looks at what is said of each step.
func TestGroupEvents(t *testing.T) {
	t.Parallel()
	w := chattest.New(t)
	ctx := t.Context()
	anna, ben, cleo, dora, eve, gus := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "cleo"), w.Person(t, "Dora"), w.Person(t, "Eve"), w.Person(t, "Gus")
	var id chat.ID
	var link string
	settings := chat.GroupSettings{Name: "Garden"}
	update := func(change func()) func() error {
		return func() error { change(); return w.Chat.UpdateGroup(ctx, ben, id, settings) }
	}
	var seq int64
	for _, step := range []struct {
		name   string
		do     func() error
		author chat.Viewer
		events []chat.GroupEvent
		told   []chat.Viewer // that what they may see has changed
	}{
		{"made", func() (err error) {
			id, err = w.Chat.CreateGroup(ctx, anna, settings, []chat.ID{ben.ID, cleo.ID})
			return err
		}, anna, []chat.GroupEvent{{Code: chat.EventCreated, Text: "Garden", Members: 3}}, []chat.Viewer{anna, ben, cleo}},
		{"two are added", func() error { return w.Chat.AddMembers(ctx, cleo, id, []chat.ID{eve.ID, dora.ID, eve.ID}) }, cleo,
			[]chat.GroupEvent{{Code: chat.EventAdded, Members: 5, Subjects: []chat.Card{dora.Card, eve.Card}}}, []chat.Viewer{dora, eve}},
		{"those in it are added", func() error { return w.Chat.AddMembers(ctx, cleo, id, []chat.ID{eve.ID, ben.ID}) }, cleo, nil, nil},
		{"a role", func() error { return w.Chat.SetMemberRole(ctx, anna, id, ben.ID, chat.MemberAdministrator) }, anna,
			[]chat.GroupEvent{{Code: chat.EventRole, Role: chat.MemberAdministrator, Members: 5, Subjects: []chat.Card{ben.Card}}}, []chat.Viewer{ben}},
		{"the same role", func() error { return w.Chat.SetMemberRole(ctx, anna, id, ben.ID, chat.MemberAdministrator) }, anna, nil, nil},
		{"renamed", update(func() { settings.Name = "Orchard" }), ben, []chat.GroupEvent{{Code: chat.EventRenamed, Text: "Orchard", Members: 5}}, nil},
		{"described", update(func() { settings.Description = "Trees" }), ben, []chat.GroupEvent{{Code: chat.EventDescribed, Text: "Trees", Members: 5}}, nil},
		{"no description", update(func() { settings.Description = "" }), ben, []chat.GroupEvent{{Code: chat.EventDescribed, Members: 5}}, nil},
		{"who adds", update(func() { settings.WhoAdds = chat.WhoAdministrators }), ben, []chat.GroupEvent{{Code: chat.EventRules, Members: 5}}, nil},
		{"who writes", update(func() { settings.WhoWrites = chat.WhoAdministrators }), ben, []chat.GroupEvent{{Code: chat.EventRules, Members: 5}}, nil},
		{"what newcomers see", update(func() { settings.History = chat.HistoryJoined }), ben, []chat.GroupEvent{{Code: chat.EventRules, Members: 5}}, nil},
		{"all at once", update(func() {
			settings = chat.GroupSettings{Name: "Park", Description: "Lawn", WhoAdds: chat.WhoMembers, WhoWrites: chat.WhoMembers, History: chat.HistoryAll}
		}), ben, []chat.GroupEvent{{Code: chat.EventRenamed, Text: "Park", Members: 5}, {Code: chat.EventDescribed, Text: "Lawn", Members: 5}, {Code: chat.EventRules, Members: 5}}, nil},
		{"nothing", update(func() {}), ben, nil, nil},
		{"removed", func() error { return w.Chat.RemoveMember(ctx, ben, id, eve.ID) }, ben,
			[]chat.GroupEvent{{Code: chat.EventRemoved, Members: 4, Subjects: []chat.Card{eve.Card}}}, []chat.Viewer{eve}},
		{"left", func() error { return w.Chat.LeaveGroup(ctx, dora, id) }, dora,
			[]chat.GroupEvent{{Code: chat.EventLeft, Members: 3, Subjects: []chat.Card{dora.Card}}}, []chat.Viewer{dora}},
		{"a link is made", func() (err error) { link, err = w.Chat.MakeGroupLink(ctx, ben, id, 0, 0); return err }, ben, nil, nil},
		{"joined", func() error { return second(w.Chat.JoinGroup(ctx, gus, link)) }, gus,
			[]chat.GroupEvent{{Code: chat.EventJoined, Members: 4, Subjects: []chat.Card{gus.Card}}}, []chat.Viewer{gus}},
		{"joined by who is in it", func() error { return second(w.Chat.JoinGroup(ctx, cleo, link)) }, cleo, nil, nil},
		{"one who was there, one who is, one who was not", func() error { return w.Chat.AddMembers(ctx, anna, id, []chat.ID{dora.ID, gus.ID, eve.ID}) }, anna,
			[]chat.GroupEvent{{Code: chat.EventAdded, Members: 6, Subjects: []chat.Card{dora.Card, eve.Card}}}, []chat.Viewer{dora, eve}},
		{"handed over", func() error { return w.Chat.SetMemberRole(ctx, anna, id, cleo.ID, chat.MemberOwner) }, anna,
			[]chat.GroupEvent{{Code: chat.EventRole, Role: chat.MemberOwner, Members: 6, Subjects: []chat.Card{cleo.Card}}}, []chat.Viewer{cleo}},
		{"given up", func() error { return w.Chat.SetMemberRole(ctx, anna, id, anna.ID, chat.MemberPlain) }, anna,
			[]chat.GroupEvent{{Code: chat.EventRole, Role: chat.MemberPlain, Members: 6, Subjects: []chat.Card{anna.Card}}}, []chat.Viewer{anna}},
	} {
		w.Heard()
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		heard := w.Heard()
		p := page(t, w, cleo, id)
		fresh := p.Messages[seq:]
		if len(fresh) != len(step.events) {
			t.Fatalf("%s: said %+v", step.name, fresh)
		}
		for i, m := range fresh {
			want := step.events[i]
			if m.Kind != chat.MessageSystem || m.Author != step.author.Card || m.Body != "" || m.Seq != seq+1 || m.ChangeSeq != seq+1 {
				t.Errorf("%s: got %+v", step.name, m)
			}
			if e := *m.Event; e.Code != want.Code || e.Text != want.Text || e.Role != want.Role || e.Members != want.Members || !slices.Equal(e.Subjects, want.Subjects) {
				t.Errorf("%s: says %+v", step.name, e)
			}
			seq++
		}
		if p.MsgSeq != seq || p.ChangeSeq != seq || p.Unread != 0 || len(present(t, w, id)) != p.Members {
			t.Errorf("%s: got %+v", step.name, p)
		}
		changes := value[chat.Changes](t)(w.Chat.ChangesSince(ctx, id, seq-int64(len(fresh)), 10))
		if len(changes.Messages) != len(fresh) || (len(fresh) > 0 && changes.Messages[0].Event.Code != fresh[0].Event.Code) {
			t.Errorf("%s: the feed says %+v", step.name, changes)
		}

		people := told(heard)
		if len(people) != len(step.told) {
			t.Errorf("%s: told %v", step.name, people)
		}
		for _, viewer := range step.told {
			if !slices.Contains(people, viewer.ID) {
				t.Errorf("%s: %s was not told", step.name, viewer.Username)
			}
		}
		if step.name != "made" && len(fresh) > 0 && !slices.Contains(heard, chat.Event(chat.ConversationChanged{ConversationID: id, ChangeSeq: seq})) {
			t.Errorf("%s: heard %v", step.name, heard)
		}
	}

	t.Run("a list says what happened last, and an event brings nothing to its top", func(t *testing.T) {
		other := w.Direct(t, cleo, anna)
		w.Say(t, anna, other, "Hello")
		must(t, w.Chat.RemoveMember(ctx, cleo, id, gus.ID))
		rows := value[chat.ListPage](t)(w.Chat.List(ctx, cleo, nil)).Rows
		if len(rows) != 2 || rows[0].ConversationID != other {
			t.Fatalf("got %+v", rows)
		}
		if last := rows[1].Last; last.Kind != chat.MessageSystem || last.AuthorID != cleo.ID || last.Body != "" ||
			last.Event.Code != chat.EventRemoved || !slices.Equal(last.Event.Subjects, []chat.Card{gus.Card}) {
			t.Errorf("got %+v, %+v", last, last.Event)
		}
		w.Say(t, anna, id, "Hello")
		if rows := value[chat.ListPage](t)(w.Chat.List(ctx, cleo, nil)).Rows; rows[0].ConversationID != id || rows[0].Last.Event != nil {
			t.Errorf("got %+v", rows)
		}
	})

	t.Run("people in it are called what they are called now", func(t *testing.T) {
		must(t, w.Chat.ChangeName(ctx, gus, "Augustus"))
		p := page(t, w, cleo, id)
		event := p.Messages[len(p.Messages)-2].Event
		if event.Code != chat.EventRemoved || event.Subjects[0].DisplayName != "Augustus" {
			t.Errorf("got %+v", event)
		}
	})

	t.Run("an error at the end leaves nothing of the step", func(t *testing.T) {
		newcomer := w.Person(t, "")
		before := stored(t, w)
		w.Heard()
		w.Exec(t, "ALTER TABLE people ADD CHECK (view_seq < 0) NOT VALID")
		internal(t, w.Chat.AddMembers(ctx, cleo, id, []chat.ID{gus.ID}))
		internal(t, w.Chat.RemoveMember(ctx, cleo, id, ben.ID))
		internal(t, second(w.Chat.JoinGroup(ctx, newcomer, link)))
		w.Exec(t, "ALTER TABLE people DROP CONSTRAINT people_view_seq_check")
		if heard := w.Heard(); stored(t, w) != before || len(heard) != 0 {
			t.Errorf("heard %v", heard)
		}
	})
}

// TestGroupBroken breaks the database in the middle of every step.
func TestGroupBroken(t *testing.T) {
	t.Parallel()
	for name, b := range map[string]struct{ breaks, mends string }{
		"at the event":      {"ALTER TABLE messages RENAME TO taken_away", "ALTER TABLE taken_away RENAME TO messages"},
		"at what is stored": {"ALTER TABLE members ADD CONSTRAINT broken CHECK (false) NOT VALID; ALTER TABLE conversations ADD CONSTRAINT broken CHECK (false) NOT VALID", "ALTER TABLE members DROP CONSTRAINT broken; ALTER TABLE conversations DROP CONSTRAINT broken"},
		"at the locks":      {"ALTER TABLE members RENAME TO taken_away", "ALTER TABLE taken_away RENAME TO members"},
		"at the group":      {"ALTER TABLE conversations RENAME TO taken_away", "ALTER TABLE taken_away RENAME TO conversations"},
	} {
		t.Run("an error "+name+" leaves nothing, and is no refusal", func(t *testing.T) {
			t.Parallel()
			c := newCrew(t, chat.GroupSettings{})
			token := c.token(t)
			before := stored(t, c.World)
			ctx := t.Context()
			exec := func(statements string) {
				t.Helper()
				for sql := range strings.SplitSeq(statements, "; ") {
					c.Exec(t, sql)
				}
			}
			exec(b.breaks)
			for step, do := range map[string]func() error{
				"create": func() error { return second(c.Chat.CreateGroup(ctx, c.owner, chat.GroupSettings{Name: "Other"}, nil)) },
				"add":    func() error { return c.Chat.AddMembers(ctx, c.owner, c.id, []chat.ID{c.stranger.ID, c.former.ID}) },
				"remove": func() error { return c.Chat.RemoveMember(ctx, c.owner, c.id, c.member.ID) },
				"leave":  func() error { return c.Chat.LeaveGroup(ctx, c.member, c.id) },
				"role":   func() error { return c.Chat.SetMemberRole(ctx, c.owner, c.id, c.member.ID, chat.MemberOwner) },
				"update": func() error {
					return c.Chat.UpdateGroup(ctx, c.owner, c.id, chat.GroupSettings{Name: "Orchard", Description: "Trees"})
				},
				"join": func() error { return second(c.Chat.JoinGroup(ctx, c.stranger, token)) },
			} {
				if internal(t, do()); t.Failed() {
					t.Fatal(step)
				}
			}
			exec(b.mends)
			if heard := c.Heard(); stored(t, c.World) != before || len(heard) != 0 {
				t.Errorf("something has changed; heard %v", heard)
			}
			must(t, c.Chat.RemoveMember(ctx, c.owner, c.id, c.member.ID))
		})
	}
}

func TestGroupBounds(t *testing.T) {
	t.Parallel()

	// crowd makes n people.
	crowd := func(t *testing.T, w *chattest.World, n int) (ids []chat.ID) {
		t.Helper()
		for range n {
			ids = append(ids, chat.NewID())
		}
		w.Exec(t, `
			INSERT INTO people (id, username, display_name, password_hash)
			SELECT id, 'u' || replace(id::text, '-', ''), 'Somebody', '' FROM unnest($1::uuid[]) id`, ids)
		return ids
	}
	full := func(t *testing.T, err error) {
		t.Helper()
		refused(t, err, chat.KindConflict, chat.CodeTooManyMembers)
		var e *chat.Error
		if errors.As(err, &e); e.Args["Max"] != chat.MaxGroupMembers {
			t.Errorf("got %v", e.Args)
		}
	}

	t.Run("a group begins with its owner and 200 others at most, and grows by as many at a time", func(t *testing.T) {
		t.Parallel()
		const atOnce = 200
		w := chattest.New(t)
		anna := w.Person(t, "Anna")
		people := crowd(t, w, atOnce+1)
		_, err := w.Chat.CreateGroup(t.Context(), anna, chat.GroupSettings{Name: "Crowd"}, people)
		if got := wrong(t, err); got["people"] != chat.CodeTooManyMembers || len(w.Heard()) != 0 {
			t.Errorf("got %v", got)
		}
		id := value[chat.ID](t)(w.Chat.CreateGroup(t.Context(), anna, chat.GroupSettings{Name: "Crowd"}, append(people[1:], anna.ID, people[1])))
		if n := len(present(t, w, id)); n != atOnce+1 || len(told(w.Heard())) != n {
			t.Errorf("%d members", n)
		}
		more := crowd(t, w, atOnce+1)
		if got := wrong(t, w.Chat.AddMembers(t.Context(), anna, id, more)); got["people"] != chat.CodeTooManyMembers {
			t.Errorf("got %v", got)
		}
		must(t, w.Chat.AddMembers(t.Context(), anna, id, more[1:]))
		if n := len(present(t, w, id)); n != 2*atOnce+1 {
			t.Errorf("%d members", n)
		}
	})

	t.Run("a group that is full takes nobody, and again once somebody has gone", func(t *testing.T) {
		t.Parallel()
		c := newCrew(t, chat.GroupSettings{})
		people := crowd(t, c.World, 2*chat.MaxGroupMembers/10+5)
		// Fill it behind the domain's back, but for two.
		extra := crowd(t, c.World, chat.MaxGroupMembers-3-2)
		c.Exec(t, "INSERT INTO members (conversation_id, person_id) SELECT $1, id FROM unnest($2::uuid[]) id", c.id, extra)
		c.Exec(t, "UPDATE conversations SET member_count = $2 WHERE id = $1", c.id, chat.MaxGroupMembers-2)
		link := value[string](t)(c.Chat.MakeGroupLink(t.Context(), c.owner, c.id, 0, 0))
		add := func(ids ...chat.ID) error { return c.Chat.AddMembers(t.Context(), c.member, c.id, ids) }

		full(t, add(people[:3]...))
		// Who is in it does not count, nor does the same person twice.
		must(t, add(people[0], c.member.ID, c.admin.ID, extra[0], people[0], people[1]))
		before := stored(t, c.World)
		c.Heard()
		full(t, add(people[2]))
		full(t, add(c.former.ID))
		full(t, second(c.Chat.JoinGroup(t.Context(), c.stranger, link)))
		must(t, add(people[0]))
		if stored(t, c.World) != before || len(told(c.Heard())) != 0 {
			t.Error("something has changed")
		}
		must(t, c.Chat.RemoveMember(t.Context(), c.admin, c.id, people[0]))
		must(t, second(c.Chat.JoinGroup(t.Context(), c.stranger, link)))
		full(t, add(c.former.ID))
		if n := len(present(t, c.World, c.id)); n != chat.MaxGroupMembers {
			t.Errorf("%d members", n)
		}
	})

	t.Run("200 people are added at once, and not one more", func(t *testing.T) {
		t.Parallel()
		c := newCrew(t, chat.GroupSettings{})
		people := crowd(t, c.World, 201)
		for _, ids := range [][]chat.ID{people, nil, {c.member.ID}} {
			code := chat.CodeTooManyMembers
			if len(ids) < 200 {
				code = chat.CodeRequired
			}
			if got := wrong(t, c.Chat.AddMembers(t.Context(), c.member, c.id, ids)); got["people"] != code {
				t.Errorf("%d: got %v", len(ids), got)
			}
		}
		must(t, c.Chat.AddMembers(t.Context(), c.member, c.id, append(people[:200:200], people[0], c.member.ID)))
		if n := len(present(t, c.World, c.id)); n != 203 {
			t.Errorf("%d members", n)
		}
	})

	t.Run("of several people all are added or none", func(t *testing.T) {
		t.Parallel()
		c := newCrew(t, chat.GroupSettings{})
		ben, cleo := c.Person(t, "Ben"), c.Person(t, "Cleo")
		suspend(t, c.World, cleo)
		c.Exec(t, "UPDATE people SET state = 'closed' WHERE id = $1", c.former.ID)
		before := stored(t, c.World)
		for _, other := range []chat.ID{cleo.ID, c.former.ID, chat.NewID(), {}} {
			notFound(t, c.Chat.AddMembers(t.Context(), c.owner, c.id, []chat.ID{ben.ID, other}))
		}
		if stored(t, c.World) != before || len(c.Heard()) != 0 {
			t.Error("something has changed")
		}
		must(t, c.Chat.AddMembers(t.Context(), c.owner, c.id, []chat.ID{ben.ID}))
	})
}

func TestMembers(t *testing.T) {
	t.Parallel()
	c := newCrew(t, chat.GroupSettings{})
	// 120 more, some of them of one name; two of them look after the group.
	var ids []chat.ID
	for i := range 120 {
		person := c.Person(t, fmt.Sprintf("Person %03d", i/3*3))
		ids = append(ids, person.ID)
	}
	must(t, c.Chat.AddMembers(t.Context(), c.owner, c.id, ids))
	second := ids[50]
	must(t, c.Chat.SetMemberRole(t.Context(), c.owner, c.id, second, chat.MemberOwner))
	must(t, c.Chat.SetMemberRole(t.Context(), c.owner, c.id, ids[40], chat.MemberAdministrator))
	all := func(t *testing.T, q string) (members []chat.GroupMember, pages int) {
		t.Helper()
		for after := ""; ; pages++ {
			p := value[chat.MembersPage](t)(c.Chat.Members(t.Context(), c.member, c.id, q, after))
			members = append(members, p.Members...)
			if after = p.Next; after == "" {
				return members, pages + 1
			}
			if len(p.Members) != 50 {
				t.Fatalf("%d on a page", len(p.Members))
			}
		}
	}

	t.Run("those who look after the group come first, then all by name, each once", func(t *testing.T) {
		members, pages := all(t, "")
		if len(members) != 123 || pages != 3 {
			t.Fatalf("%d on %d pages", len(members), pages)
		}
		rank := map[chat.MemberRole]int{chat.MemberAdministrator: 1, chat.MemberPlain: 2}
		seen := map[chat.ID]bool{}
		for i, m := range members {
			if seen[m.ID] = true; i == 0 {
				continue
			}
			before := members[i-1]
			if order := slices.Compare(
				[]string{fmt.Sprint(rank[before.Role]), strings.ToLower(before.DisplayName), before.ID.String()},
				[]string{fmt.Sprint(rank[m.Role]), strings.ToLower(m.DisplayName), m.ID.String()},
			); order >= 0 {
				t.Errorf("%s %s comes before %s %s", before.Role, before.DisplayName, m.Role, m.DisplayName)
			}
		}
		if len(seen) != 123 || seen[c.former.ID] || seen[c.stranger.ID] {
			t.Errorf("%d people", len(seen))
		}
		got := []chat.ID{members[0].ID, members[1].ID, members[2].ID, members[3].ID}
		if !slices.Equal(got, []chat.ID{c.owner.ID, second, c.admin.ID, ids[40]}) {
			t.Errorf("got %v", got)
		}
		if at := members[0].JoinedAt; at.IsZero() || at.After(members[4].JoinedAt) || members[0].Card != c.owner.Card {
			t.Errorf("got %+v", members[0])
		}
	})

	for q, want := range map[string]int{
		"mia": 1, "MI": 1, "@mia": 1, "olga": 1, "finn": 0, "sten": 0, "person 0": 102, "person 12": 0, "person 117": 3, "%": 0, "_": 0, `\`: 0, "n 00": 12, "  ": 123,
	} {
		if members, _ := all(t, q); len(members) != want {
			t.Errorf("%q: %d are found", q, len(members))
		}
	}

	t.Run("what is no cursor is the beginning", func(t *testing.T) {
		for _, after := range []string{"x", "e30", "\x00"} {
			p := value[chat.MembersPage](t)(c.Chat.Members(t.Context(), c.member, c.id, "", after))
			if len(p.Members) != 50 || p.Members[0].ID != c.owner.ID {
				t.Errorf("%q: got %+v", after, p.Members[0])
			}
		}
	})

	t.Run("who is suspended is in it still", func(t *testing.T) {
		suspend(t, c.World, c.admin)
		if members, _ := all(t, "adam"); len(members) != 1 {
			t.Errorf("got %v", members)
		}
	})
}
