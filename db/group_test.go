//go:build unix

package db_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"parley/chat"
	"parley/chat/chattest"
	"parley/db"
)

// TestMembersByName lists the members of groups once as a database does that has not counted its people, by reading all
// members, and once as one that has, and looks for them among the people in the order of their names.
func TestMembersByName(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		members string // which of 1,800 people are in the group, by their number n
		byName  bool   // whether the first page is found among the people
	}{
		"every other one":                  {"n % 2 = 0", true},
		"the first ones":                   {"n <= 150", true},
		"the last ones, too far to go for": {"n > 1650", true},
		"everybody":                        {"true", true},
		"few of many":                      {"n % 17 = 0", false},
		"a small group":                    {"n % 20 = 0 AND n <= 1600", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := &listener{}
			w := chattest.New(t, chattest.Database(db.Options{Tracer: l}))
			owner := w.Person(t, "Owner")
			id := w.Group(t, "Crowd", owner)
			// Names come in threes, in either case, and not in the order of ids.
			w.Exec(t, `
				INSERT INTO people (id, username, display_name, password_hash)
				SELECT md5('p' || n)::uuid, 'person' || n, CASE n % 2 WHEN 0 THEN 'NAME ' ELSE 'name ' END || to_char(n / 3, 'FM0000'), ''
				FROM generate_series(1, 1800) n`)
			w.Exec(t, `
				INSERT INTO members (conversation_id, person_id, role)
				SELECT $1, md5('p' || n)::uuid, CASE WHEN n % 60 = 0 THEN 'administrator' WHEN n % 61 = 0 THEN 'owner' ELSE 'member' END
				FROM generate_series(1, 1800) n WHERE `+c.members, id)
			w.Exec(t, "UPDATE members SET until_change = 0 WHERE ctid = (SELECT max(ctid) FROM members WHERE role = 'member')")
			w.Exec(t, "UPDATE conversations SET member_count = (SELECT count(*) FROM members WHERE until_change IS NULL)")
			all := func() (members []chat.GroupMember, byName int) {
				t.Helper()
				for after := ""; ; {
					var page chat.MembersPage
					heard := l.during(func() {
						page = value[chat.MembersPage](t)(w.Store.Members(t.Context(), owner.ID, id, "", after, 50))
					})
					for _, s := range heard {
						if strings.Contains(s.sql, "LIMIT 1500") {
							byName++
						}
					}
					members = append(members, page.Members...)
					if after = page.Next; after == "" {
						return members, byName
					}
				}
			}
			want, byName := all()
			if byName != 0 || len(want) != chattest.Value[int](t, w, "SELECT member_count FROM conversations") {
				t.Fatalf("premise: %d members, %d pages by name", len(want), byName)
			}
			w.Exec(t, "ANALYZE people")
			got, byName := all()
			if (byName > 0) != c.byName {
				t.Errorf("%d pages by name", byName)
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %d members, not %d:\n%v\n%v", len(got), len(want), lines(got), lines(want))
			}
			if found := value[chat.MembersPage](t)(w.Store.Members(t.Context(), owner.ID, id, "name", "", 2000)); len(found.Members) != len(want)-1 {
				t.Errorf("%d are found", len(found.Members))
			}
		})
	}
}

func lines(members []chat.GroupMember) string {
	var b strings.Builder
	for _, m := range members {
		fmt.Fprintf(&b, "%s %s; ", m.Role, m.DisplayName)
	}
	return b.String()
}

// TestGroupSizes compares what is read of a group of 20 with what is read of one as large as can be, as numbers of rows: those
// hold on any machine, and PostgreSQL's way may be another with each plan.
func TestGroupSizes(t *testing.T) {
	t.Parallel()
	type figures struct{ custom, generic int }
	read := map[string]map[int]figures{}
	for _, n := range []int{20, chat.MaxGroupMembers} {
		l := &listener{}
		w := chattest.New(t, chattest.Database(db.Options{Tracer: l}))
		owner, guest := w.Person(t, "Owner"), w.Person(t, "Guest")
		id := crowded(t, w, owner, 3000, n)
		ctx := t.Context()
		count := func(name string, do, undo func()) {
			t.Helper()
			heard := l.during(do)
			undo()
			var f figures
			for _, s := range heard {
				if len(s.args) <= 1 && !strings.Contains(s.sql, "$1") {
					continue // begin, commit
				}
				for mode, sum := range map[string]*int{"force_custom_plan": &f.custom, "force_generic_plan": &f.generic} {
					did, _ := explain(t, w, s, mode)
					for _, rows := range did.read {
						*sum += rows
					}
				}
			}
			if read[name] == nil {
				read[name] = map[int]figures{}
			}
			read[name][n] = f
		}
		nothing := func() {}
		count("opening", func() {
			value[chat.ConversationPage](t)(w.Chat.OpenConversation(ctx, owner, id, chat.Place{}))
			value[chat.Details](t)(w.Chat.Details(ctx, owner, id))
			value[chat.MembersPage](t)(w.Chat.Members(ctx, owner, id, "", ""))
		}, nothing)
		count("pushing rows to two who are connected", func() {
			value[[]chat.ListRow](t)(w.Chat.RowsOf(ctx, []chat.ID{id}, []chat.ID{owner.ID, guest.ID}, nil))
		}, nothing)
		count("adding somebody", func() { must(t, w.Chat.AddMembers(ctx, owner, id, []chat.ID{guest.ID})) }, func() {
			w.Exec(t, "DELETE FROM members WHERE person_id = $1", guest.ID)
			w.Exec(t, "DELETE FROM messages WHERE event->>'code' = 'added'")
			w.Exec(t, "UPDATE conversations SET member_count = member_count - 1 WHERE id = $1", id)
		})
		count("a page of the members", func() { value[chat.MembersPage](t)(w.Chat.Members(ctx, owner, id, "", "")) }, nothing)
	}
	for name, sizes := range read {
		small, large := sizes[20], sizes[chat.MaxGroupMembers]
		t.Logf("%-40s %v rows of 20, %v of 2,000", name, small, large)
		if small.custom == 0 || large.custom > 3*small.custom || large.generic > 3*small.generic {
			t.Errorf("%s: %+v of 20, %+v of 2,000", name, small, large)
		}
	}
}
