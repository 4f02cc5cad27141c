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
