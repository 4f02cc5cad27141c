//go:build unix

package db_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"parley/chat"
	"parley/chat/chattest"
	"parley/db"
)

// troop is a group made by its first person, with some of the others in it.
type troop struct {
	*chattest.World
	id     chat.ID
	people []chat.Viewer // the first two own it
}

// newTroop makes n people, of whom the first in are in the group.
func newTroop(t *testing.T, n, in int) *troop {
	t.Helper()
	g := &troop{World: chattest.New(t, chattest.Database(db.Options{MaxConns: 16}))}
	var members []chat.ID
	for i := range n {
		g.people = append(g.people, g.Person(t, fmt.Sprint("Person ", i)))
		if i > 0 && i < in {
			members = append(members, g.people[i].ID)
		}
	}
	g.id = value[chat.ID](t)(g.Chat.CreateGroup(t.Context(), g.people[0], chat.GroupSettings{Name: "Troop"}, members))
	must(t, g.Chat.SetMemberRole(t.Context(), g.people[0], g.id, g.people[1].ID, chat.MemberOwner))
	return g
}

// atOnce lets all of them begin before any can go on: each waits for a row that is held until all do. It returns their
// errors.
func (g *troop) atOnce(t *testing.T, what ...func() error) []error {
	t.Helper()
	held := g.Hold(t, "SELECT FROM conversations WHERE id = $1 FOR NO KEY UPDATE", g.id)
	held.Exec("SELECT FROM members WHERE conversation_id = $1 FOR NO KEY UPDATE", g.id)
	var errs []error
	done := later(func() error {
		errs = together(len(what), func(i int) error { return what[i]() })
		return nil
	})
	g.AwaitWaiting(t, len(what))
	held.Commit()
	<-done
	return errs
}

// refusals are the codes of the errors that are none of nil; anything that is nobody's refusal fails the test.
func refusals(t *testing.T, errs []error) (codes []chat.Code) {
	t.Helper()
	for _, err := range errs {
		if err == nil {
			continue
		}
		if chat.CodeOf(err) == "" {
			t.Errorf("got %v", err)
		}
		codes = append(codes, chat.CodeOf(err))
	}
	return codes
}

// events are the group's system messages, in order.
func (g *troop) events(t *testing.T, code chat.EventCode) (events []chat.Message) {
	t.Helper()
	for _, m := range value[chat.Changes](t)(g.Store.ChangesSince(t.Context(), g.id, 0, 100_000)).Messages {
		if m.Event != nil && m.Event.Code == code {
			events = append(events, m)
		}
	}
	return events
}

// sound checks what must hold of a group whatever happened, and returns the roles of who is in it.
func (g *troop) sound(t *testing.T) map[chat.ID]chat.MemberRole {
	t.Helper()
	roles := map[chat.ID]chat.MemberRole{}
	owners := 0
	rows, err := g.DB.Pool().Query(t.Context(), "SELECT person_id, role FROM members WHERE conversation_id = $1 AND until_change IS NULL", g.id)
	must(t, err)
	for rows.Next() {
		var id chat.ID
		var role string
		must(t, rows.Scan(&id, &role))
		if roles[id] = chat.MemberRole(role); role == "owner" {
			owners++
		}
	}
	must(t, rows.Err())
	if n := chattest.Value[int](t, g.World, "SELECT member_count FROM conversations WHERE id = $1", g.id); n != len(roles) {
		t.Errorf("%d are counted, and there are %d", n, len(roles))
	}
	if len(roles) > 0 && owners == 0 {
		t.Error("nobody owns it")
	}
	// Who is in it by what the events say, and how many, step by step.
	all := value[chat.Changes](t)(g.Store.ChangesSince(t.Context(), g.id, 0, 100_000)).Messages
	told, removed := map[chat.ID]bool{}, map[chat.ID]bool{}
	for i, m := range all {
		if m.Seq != int64(i+1) || m.ChangeSeq != m.Seq {
			t.Fatalf("message %d is %d, change %d", i+1, m.Seq, m.ChangeSeq)
		}
		if m.Event == nil {
			if !told[m.Author.ID] {
				t.Errorf("message %d is by somebody who was not in the group", m.Seq)
			}
			continue
		}
		for _, subject := range m.Event.Subjects {
			in := told[subject.ID]
			switch m.Event.Code {
			case chat.EventAdded, chat.EventJoined:
				if in {
					t.Errorf("message %d: %s comes twice", m.Seq, subject.DisplayName)
				}
				if removed[subject.ID] && m.Event.Code == chat.EventJoined {
					t.Errorf("message %d: %s was removed, and comes by a link", m.Seq, subject.DisplayName)
				}
				told[subject.ID] = true
			case chat.EventRemoved, chat.EventLeft:
				if !in {
					t.Errorf("message %d: %s goes twice", m.Seq, subject.DisplayName)
				}
				removed[subject.ID] = m.Event.Code == chat.EventRemoved
				delete(told, subject.ID)
			case chat.EventRole:
				if !in {
					t.Errorf("message %d: %s has a role and is not there", m.Seq, subject.DisplayName)
				}
			}
		}
		if m.Event.Code == chat.EventCreated { // it names nobody: those who are there at the beginning
			for _, id := range g.first(t) {
				told[id] = true
			}
		}
		if m.Event.Members != len(told) {
			t.Errorf("message %d says %d are in the group, and there are %d", m.Seq, m.Event.Members, len(told))
		}
	}
	if got := heads(t, g.World, g.id); got != [2]int64{int64(len(all)), int64(len(all))} {
		t.Errorf("the counters are %v for %d messages", got, len(all))
	}
	if !maps.Equal(told, mapOf(roles)) {
		t.Errorf("by the events %v are in it, and %v are", told, roles)
	}
	return roles
}

// first are those with whom the group began: all who have ever been in it but those who came later for the first time.
func (g *troop) first(t *testing.T) (ids []chat.ID) {
	t.Helper()
	n := value[chat.Changes](t)(g.Store.ChangesSince(t.Context(), g.id, 0, 1)).Messages[0].Event.Members
	for _, person := range g.people[:n] {
		ids = append(ids, person.ID)
	}
	return ids
}

func mapOf(roles map[chat.ID]chat.MemberRole) map[chat.ID]bool {
	in := map[chat.ID]bool{}
	for id := range roles {
		in[id] = true
	}
	return in
}

// TestGroupRaces lets people do at once what each of them alone may do.
func TestGroupRaces(t *testing.T) {
	t.Parallel()

	t.Run("of two owners who leave at once one stays", func(t *testing.T) {
		t.Parallel()
		g := newTroop(t, 3, 3)
		errs := g.atOnce(t,
			func() error { return g.Chat.LeaveGroup(t.Context(), g.people[0], g.id) },
			func() error { return g.Chat.LeaveGroup(t.Context(), g.people[1], g.id) })
		if got := refusals(t, errs); !slices.Equal(got, []chat.Code{chat.CodeLastOwner}) {
			t.Errorf("got %v", errs)
		}
		stayed := g.people[slices.IndexFunc(errs, func(err error) bool { return err != nil })]
		if roles := g.sound(t); roles[stayed.ID] != chat.MemberOwner || len(roles) != 2 {
			t.Errorf("got %v", roles)
		}
	})

	t.Run("of two owners who become members at once one stays owner", func(t *testing.T) {
		t.Parallel()
		g := newTroop(t, 3, 3)
		give := func(i int) func() error {
			return func() error {
				return g.Chat.SetMemberRole(t.Context(), g.people[i], g.id, g.people[i].ID, chat.MemberPlain)
			}
		}
		errs := g.atOnce(t, give(0), give(1))
		if got := refusals(t, errs); !slices.Equal(got, []chat.Code{chat.CodeLastOwner}) {
			t.Errorf("got %v", errs)
		}
		if roles := g.sound(t); len(roles) != 3 {
			t.Errorf("got %v", roles)
		}
	})

	t.Run("of two owners who take the role from each other at once one stays owner", func(t *testing.T) {
		t.Parallel()
		g := newTroop(t, 3, 3)
		take := func(i int) func() error {
			return func() error {
				return g.Chat.SetMemberRole(t.Context(), g.people[i], g.id, g.people[1-i].ID, chat.MemberPlain)
			}
		}
		errs := g.atOnce(t, take(0), take(1))
		if got := refusals(t, errs); !slices.Equal(got, []chat.Code{chat.CodeNotYoursToDo}) {
			t.Errorf("got %v", errs)
		}
		g.sound(t)
	})

	t.Run("of two owners who remove each other at once exactly one is left", func(t *testing.T) {
		t.Parallel()
		g := newTroop(t, 3, 3)
		remove := func(i int) func() error {
			return func() error { return g.Chat.RemoveMember(t.Context(), g.people[i], g.id, g.people[1-i].ID) }
		}
		errs := g.atOnce(t, remove(0), remove(1))
		if got := refusals(t, errs); !slices.Equal(got, []chat.Code{chat.CodeNotFound}) {
			t.Errorf("got %v", errs)
		}
		left := g.people[slices.Index(errs, nil)]
		if roles := g.sound(t); roles[left.ID] != chat.MemberOwner || len(roles) != 2 {
			t.Errorf("got %v", roles)
		}
	})

	t.Run("who hands over and leaves while the other leaves is not the last", func(t *testing.T) {
		t.Parallel()
		g := newTroop(t, 3, 3)
		errs := g.atOnce(t,
			func() error { return g.Chat.LeaveGroup(t.Context(), g.people[0], g.id) },
			func() error {
				return g.Chat.SetMemberRole(t.Context(), g.people[1], g.id, g.people[2].ID, chat.MemberOwner)
			})
		if len(refusals(t, errs)) != 0 {
			t.Errorf("got %v", errs)
		}
		must(t, g.Chat.LeaveGroup(t.Context(), g.people[1], g.id))
		if roles := g.sound(t); roles[g.people[2].ID] != chat.MemberOwner || len(roles) != 1 {
			t.Errorf("got %v", roles)
		}
	})

	t.Run("who is removed twice at once goes once", func(t *testing.T) {
		t.Parallel()
		g := newTroop(t, 3, 3)
		remove := func(i int) func() error {
			return func() error { return g.Chat.RemoveMember(t.Context(), g.people[i], g.id, g.people[2].ID) }
		}
		errs := g.atOnce(t, remove(0), remove(1), remove(0))
		if got := refusals(t, errs); !slices.Equal(got, []chat.Code{chat.CodeNotFound, chat.CodeNotFound}) {
			t.Errorf("got %v", errs)
		}
		if roles := g.sound(t); len(roles) != 2 || len(g.events(t, chat.EventRemoved)) != 1 {
			t.Errorf("got %v", roles)
		}
	})

	t.Run("who leaves while removed goes once", func(t *testing.T) {
		t.Parallel()
		g := newTroop(t, 3, 3)
		errs := g.atOnce(t,
			func() error { return g.Chat.RemoveMember(t.Context(), g.people[0], g.id, g.people[2].ID) },
			func() error { return g.Chat.LeaveGroup(t.Context(), g.people[2], g.id) })
		if got := refusals(t, errs); !slices.Equal(got, []chat.Code{chat.CodeNotFound}) {
			t.Errorf("got %v", errs)
		}
		if len(g.events(t, chat.EventRemoved))+len(g.events(t, chat.EventLeft)) != 1 || len(g.sound(t)) != 2 {
			t.Error("said twice, or not gone")
		}
	})

	for name, who := range map[string]int{"somebody new": 3, "somebody who was there before": 2} {
		t.Run(name+", added several times at once, comes once", func(t *testing.T) {
			t.Parallel()
			g := newTroop(t, 4, 3)
			must(t, g.Chat.RemoveMember(t.Context(), g.people[0], g.id, g.people[2].ID))
			add := func(i int) func() error {
				return func() error { return g.Chat.AddMembers(t.Context(), g.people[i], g.id, []chat.ID{g.people[who].ID}) }
			}
			errs := g.atOnce(t, add(0), add(1), add(0), add(1))
			if len(refusals(t, errs)) != 0 {
				t.Errorf("got %v", errs)
			}
			if roles := g.sound(t); len(roles) != 3 || len(g.events(t, chat.EventAdded)) != 1 {
				t.Errorf("got %v", roles)
			}
		})
	}

	t.Run("who is added while removed is in it or not, and both are said", func(t *testing.T) {
		t.Parallel()
		g := newTroop(t, 3, 3)
		errs := g.atOnce(t,
			func() error { return g.Chat.RemoveMember(t.Context(), g.people[0], g.id, g.people[2].ID) },
			func() error { return g.Chat.AddMembers(t.Context(), g.people[1], g.id, []chat.ID{g.people[2].ID}) })
		if len(refusals(t, errs)) != 0 {
			t.Errorf("got %v", errs)
		}
		_, in := g.sound(t)[g.people[2].ID]
		if added := len(g.events(t, chat.EventAdded)) == 1; len(g.events(t, chat.EventRemoved)) != 1 || added != in {
			t.Errorf("in it: %v, said to be added: %v", in, added)
		}
	})

	t.Run("who came while the removal waited and is about to write is removed without a deadlock", func(t *testing.T) {
		t.Parallel()
		g := newTroop(t, 3, 2)
		group := g.Hold(t, "SELECT FROM conversations WHERE id = $1 FOR NO KEY UPDATE", g.id)
		added := later(func() error { return g.Chat.AddMembers(t.Context(), g.people[0], g.id, []chat.ID{g.people[2].ID}) })
		g.AwaitWaiting(t, 1)
		removed := later(func() error { return g.Chat.RemoveMember(t.Context(), g.people[1], g.id, g.people[2].ID) })
		g.AwaitWaiting(t, 2)
		// The removal stops once more, at its event; by then it has the group's row.
		author := g.Hold(t, "SELECT FROM people WHERE id = $1 FOR UPDATE", g.people[1].ID)
		group.Commit()
		must(t, <-added)
		g.Await(t, 1, `
			SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%INSERT INTO messages%'`)
		sent := later(func() error { return second(g.Store.InsertMessage(t.Context(), draft(g.people[2], g.id))) })
		g.AwaitWaiting(t, 2)
		author.Commit()
		must(t, <-removed)
		refused(t, <-sent, chat.KindForbidden, chat.CodeClosed)
		if roles := g.sound(t); len(roles) != 2 {
			t.Errorf("got %v", roles)
		}
	})

	t.Run("where somebody else holds the row of who came meanwhile, one comes back later", func(t *testing.T) {
		t.Parallel()
		g := newTroop(t, 3, 2)
		group := g.Hold(t, "SELECT FROM conversations WHERE id = $1 FOR NO KEY UPDATE", g.id)
		removed := later(func() error { return g.Chat.RemoveMember(t.Context(), g.people[0], g.id, g.people[2].ID) })
		g.AwaitWaiting(t, 1)
		g.Exec(t, "INSERT INTO members (conversation_id, person_id) VALUES ($1, $2)", g.id, g.people[2].ID)
		row := g.Hold(t, "SELECT FROM members WHERE person_id = $1 FOR NO KEY UPDATE", g.people[2].ID)
		group.Commit()
		err := <-removed
		unavailable(t, err)
		var pg *pgconn.PgError
		if !errors.As(err, &pg) || pg.Code != "55P03" { // at once, and not because it waited too long
			t.Errorf("got %v", err)
		}
		row.Commit()
		must(t, g.Chat.RemoveMember(t.Context(), g.people[0], g.id, g.people[2].ID))
	})

	for name, c := range map[string]struct{ most, join, uses int }{
		"ten who use a single-use link at once":   {1, 1, 1},
		"ten who use a link for three at once":    {3, 3, 3},
		"one who uses a link ten times at once":   {5, 1, 1},
		"ten who use a link without end at once":  {0, 10, 10},
		"one who uses a single-use link at twice": {1, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newTroop(t, 12, 2)
			token := value[string](t)(g.Chat.MakeGroupLink(t.Context(), g.people[0], g.id, 0, c.most))
			same := name[:3] == "one"
			var what []func() error
			for i := range 10 {
				person := g.people[2+i]
				if same {
					person = g.people[2]
				}
				what = append(what, func() error { _, err := g.Chat.JoinGroup(t.Context(), person, token); return err })
			}
			errs := g.atOnce(t, what...)
			codes := refusals(t, errs)
			for _, code := range codes {
				if code != chat.CodeGroupLink {
					t.Errorf("got %v", errs)
				}
			}
			if want := 10 - c.join; len(codes) != want && !same || same && len(codes) != 0 {
				t.Errorf("%d were refused", len(codes))
			}
			if n := chattest.Value[int](t, g.World, "SELECT uses FROM group_links"); n != c.uses {
				t.Errorf("used %d times", n)
			}
			if roles := g.sound(t); len(roles) != 2+c.join || len(g.events(t, chat.EventJoined)) != c.join {
				t.Errorf("got %v", roles)
			}
		})
	}

	t.Run("who is removed while joining by a link does not come back by it", func(t *testing.T) {
		t.Parallel()
		for _, first := range []string{"join", "remove"} {
			g := newTroop(t, 3, 3)
			token := value[string](t)(g.Chat.MakeGroupLink(t.Context(), g.people[0], g.id, 0, 0))
			must(t, g.Chat.LeaveGroup(t.Context(), g.people[2], g.id))
			join := func() error { return second(g.Chat.JoinGroup(t.Context(), g.people[2], token)) }
			// Added and removed again by others, in one go, while the joining one has looked at the link and waits.
			turn := func() error {
				return errors.Join(
					g.Chat.AddMembers(t.Context(), g.people[0], g.id, []chat.ID{g.people[2].ID}),
					g.Chat.RemoveMember(t.Context(), g.people[1], g.id, g.people[2].ID))
			}
			what := map[string][]func() error{"join": {join, turn}, "remove": {turn, join}}[first]
			held := g.Hold(t, "SELECT FROM members WHERE conversation_id = $1 FOR NO KEY UPDATE", g.id)
			done := make([]<-chan error, 2)
			for i := range what {
				done[i] = later(what[i])
				g.AwaitWaiting(t, i+1)
			}
			held.Commit()
			errs := map[string]error{}
			for i := range what {
				errs[[]string{first, map[string]string{"join": "remove", "remove": "join"}[first]}[i]] = <-done[i]
			}
			if errs["remove"] != nil || errs["join"] != nil && chat.CodeOf(errs["join"]) != chat.CodeGroupLink {
				t.Errorf("got %v", errs)
			}
			roles := g.sound(t)
			events := len(g.events(t, chat.EventRemoved))
			if _, in := roles[g.people[2].ID]; events != 1 || in && len(g.events(t, chat.EventJoined)) > 0 && len(g.events(t, chat.EventAdded)) == 0 {
				t.Errorf("in %v, %d times removed", in, events)
			}
			// Whatever the order was: once removed, the link is of no use.
			if _, in := roles[g.people[2].ID]; !in {
				if err := join(); chat.CodeOf(err) != chat.CodeGroupLink {
					t.Errorf("got %v", err)
				}
			}
		}
	})

	t.Run("one place left is one person's, and takes one use of the link", func(t *testing.T) {
		t.Parallel()
		g := newTroop(t, 6, 2)
		var ids []chat.ID
		for range chat.MaxGroupMembers - 3 {
			ids = append(ids, chat.NewID())
		}
		g.Exec(t, "INSERT INTO people (id, username, display_name, password_hash) SELECT id, 'u' || replace(id::text, '-', ''), 'x', '' FROM unnest($1::uuid[]) id", ids)
		must(t, g.Store.InTx(t.Context(), func(tx chat.Store) error {
			if err := tx.UpsertMembers(t.Context(), g.id, ids[0], ids); err != nil {
				return err
			}
			return tx.InsertEvent(t.Context(), g.id, g.people[0].ID, nil, chat.GroupEvent{Code: chat.EventRules, Members: chat.MaxGroupMembers - 1})
		}))
		token := value[string](t)(g.Chat.MakeGroupLink(t.Context(), g.people[0], g.id, 0, 0))
		join := func(i int) func() error {
			return func() error { _, err := g.Chat.JoinGroup(t.Context(), g.people[i], token); return err }
		}
		errs := g.atOnce(t, join(2), join(3), func() error {
			return g.Chat.AddMembers(t.Context(), g.people[0], g.id, []chat.ID{g.people[4].ID})
		}, func() error {
			return g.Chat.AddMembers(t.Context(), g.people[1], g.id, []chat.ID{g.people[5].ID})
		})
		full := chat.CodeTooManyMembers
		if got := refusals(t, errs); !slices.Equal(got, []chat.Code{full, full, full}) {
			t.Errorf("got %v", errs)
		}
		joined := 0
		if slices.Index(errs, nil) < 2 {
			joined = 1
		}
		if n := chattest.Value[int](t, g.World, "SELECT uses FROM group_links"); n != joined {
			t.Errorf("used %d times", n)
		}
		if n := chattest.Value[int](t, g.World, "SELECT count(*) FROM members WHERE until_change IS NULL"); n != chat.MaxGroupMembers {
			t.Errorf("%d members", n)
		}
	})

	t.Run("of more links at once than may stand none is too many", func(t *testing.T) {
		t.Parallel()
		g := newTroop(t, 2, 2)
		for range 18 {
			value[string](t)(g.Chat.MakeGroupLink(t.Context(), g.people[0], g.id, 0, 0))
		}
		another := func() error { _, err := g.Chat.MakeGroupLink(t.Context(), g.people[0], g.id, 0, 0); return err }
		errs := g.atOnce(t, another, another, another, another, another)
		if got := refusals(t, errs); len(got) != 3 || got[0] != chat.CodeTooManyLinks {
			t.Errorf("got %v", errs)
		}
	})

	t.Run("a message sent during its author's removal comes before it or not at all", func(t *testing.T) {
		t.Parallel()
		g := newTroop(t, 3, 3)
		const sends = 6
		messages := make([]chat.Message, sends)
		what := []func() error{func() error { return g.Chat.RemoveMember(t.Context(), g.people[0], g.id, g.people[2].ID) }}
		for i := range sends {
			what = append(what, func() (err error) {
				messages[i], err = g.Store.InsertMessage(t.Context(), draft(g.people[2], g.id))
				return err
			})
		}
		errs := g.atOnce(t, what...)
		must(t, errs[0])
		removed := g.events(t, chat.EventRemoved)[0]
		for i, err := range errs[1:] {
			switch {
			case err == nil && messages[i].Seq > removed.Seq:
				t.Errorf("%d came after %d", messages[i].Seq, removed.Seq)
			case err != nil:
				refused(t, err, chat.KindForbidden, chat.CodeClosed)
			}
		}
		member := value[chat.Member](t)(g.Store.Member(t.Context(), g.people[2].ID, g.id))
		if member.UntilChange == nil || *member.UntilChange != removed.ChangeSeq {
			t.Errorf("got %+v", member)
		}
		g.sound(t)
	})

	t.Run("who became an administrator meanwhile may write where members may not", func(t *testing.T) {
		t.Parallel()
		g := newTroop(t, 3, 3)
		must(t, g.Chat.UpdateGroup(t.Context(), g.people[0], g.id, chat.GroupSettings{Name: "Troop", WhoWrites: chat.WhoAdministrators}))
		waiting(t, g, func(g *troop) error {
			return g.Chat.SetMemberRole(t.Context(), g.people[0], g.id, g.people[2].ID, chat.MemberAdministrator)
		}, true)
	})

	t.Run("another name changes nothing about who may write", func(t *testing.T) {
		t.Parallel()
		waiting(t, newTroop(t, 3, 3), func(g *troop) error {
			return g.Chat.UpdateGroup(t.Context(), g.people[0], g.id, chat.GroupSettings{Name: "Choir"})
		}, true)
	})

	for name, change := range map[string]func(g *troop) error{
		"who is no administrator any more may not write where members may not": func(g *troop) error {
			return g.Chat.SetMemberRole(t.Context(), g.people[0], g.id, g.people[2].ID, chat.MemberPlain)
		},
		"who was removed meanwhile may not write": func(g *troop) error {
			return g.Chat.RemoveMember(t.Context(), g.people[0], g.id, g.people[2].ID)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newTroop(t, 3, 3)
			must(t, g.Chat.UpdateGroup(t.Context(), g.people[0], g.id, chat.GroupSettings{Name: "Troop", WhoWrites: chat.WhoAdministrators}))
			must(t, g.Chat.SetMemberRole(t.Context(), g.people[0], g.id, g.people[2].ID, chat.MemberAdministrator))
			waiting(t, g, change, false)
		})
	}

	t.Run("where members may not write any more a member may not", func(t *testing.T) {
		t.Parallel()
		waiting(t, newTroop(t, 3, 3), func(g *troop) error {
			return g.Chat.UpdateGroup(t.Context(), g.people[0], g.id, chat.GroupSettings{Name: "Troop", WhoWrites: chat.WhoAdministrators})
		}, false)
	})
}

// waiting lets the third person's send begin while a change holds its locks, waits until the send waits for them, and
// commits the change: the send is decided by what holds then.
func waiting(t *testing.T, g *troop, change func(g *troop) error, in bool) {
	t.Helper()
	before := heads(t, g.World, g.id)
	// The change stops at its event, whose author's row is held: by then it has all its locks.
	held := g.Hold(t, "SELECT FROM people FOR UPDATE")
	changed := later(func() error { return change(g) })
	g.AwaitWaiting(t, 1)
	var message chat.Message
	sent := later(func() (err error) {
		message, err = g.Store.InsertMessage(t.Context(), draft(g.people[2], g.id))
		return err
	})
	g.AwaitWaiting(t, 2)
	held.Commit()
	must(t, <-changed)
	switch err := <-sent; {
	case in && (err != nil || message.Seq != before[0]+2):
		t.Errorf("got %+v, %v", message, err)
	case !in:
		refused(t, err, chat.KindForbidden, chat.CodeClosed)
		if got := heads(t, g.World, g.id); got != [2]int64{before[0] + 1, before[1] + 1} {
			t.Errorf("the counters moved: %v", got)
		}
	}
	g.sound(t)
}

// TestGroupStorm lets eight people do everything at once that can be done to two groups, and looks at what must hold.
func TestGroupStorm(t *testing.T) {
	t.Parallel()
	const workers, steps = 8, 60
	one := newTroop(t, 10, 5)
	ctx := t.Context()
	other := &troop{World: one.World, people: one.people}
	other.id = value[chat.ID](t)(one.Chat.CreateGroup(ctx, one.people[0], chat.GroupSettings{Name: "Other"}, nil))
	tokens := map[*troop]string{}
	for _, g := range []*troop{one, other} {
		tokens[g] = value[string](t)(g.Chat.MakeGroupLink(ctx, g.people[0], g.id, 0, 0))
	}
	var mu sync.Mutex
	done := map[string]int{}
	var refused, busy atomic.Int64
	errs := together(workers, func(worker int) error {
		dice := rand.New(rand.NewPCG(uint64(worker), rand.Uint64()))
		anybody := func() chat.Viewer { return one.people[dice.IntN(len(one.people))] }
		leaver := func(g *troop) chat.Viewer { // so that one of the groups is never empty
			if g == one {
				return g.people[1+dice.IntN(len(g.people)-1)]
			}
			return anybody()
		}
		several := func() (ids []chat.ID) {
			for range 1 + dice.IntN(4) {
				ids = append(ids, anybody().ID)
			}
			return ids
		}
		for range steps {
			g, viewer := one, anybody()
			if dice.IntN(3) == 0 {
				g = other
			}
			if dice.IntN(2) == 0 {
				viewer = g.people[worker%3] // so that some are owners for long
			}
			var what string
			var err error
			switch n := dice.IntN(24); {
			case n < 6:
				what, err = "send", second(g.Store.InsertMessage(ctx, draft(viewer, g.id)))
			case n < 10:
				what, err = "add", g.Chat.AddMembers(ctx, viewer, g.id, several())
			case n < 13:
				what, err = "remove", g.Chat.RemoveMember(ctx, viewer, g.id, leaver(g).ID)
			case n < 16:
				role := []chat.MemberRole{chat.MemberPlain, chat.MemberAdministrator, chat.MemberOwner, chat.MemberOwner}[dice.IntN(4)]
				what, err = "role", g.Chat.SetMemberRole(ctx, viewer, g.id, anybody().ID, role)
			case n < 18:
				what, err = "leave", g.Chat.LeaveGroup(ctx, leaver(g), g.id)
			case n < 20:
				what, err = "join", second(g.Chat.JoinGroup(ctx, viewer, tokens[g]))
			case n < 21:
				settings := chat.GroupSettings{
					Name: fmt.Sprint(dice.IntN(3)), History: []chat.History{chat.HistoryAll, chat.HistoryJoined}[dice.IntN(2)],
					WhoWrites: []chat.Who{chat.WhoMembers, chat.WhoMembers, chat.WhoAdministrators}[dice.IntN(3)],
				}
				what = "update"
				for _, viewer := range g.people { // whoever may
					if err = g.Chat.UpdateGroup(ctx, viewer, g.id, settings); err == nil {
						break
					}
				}
			case n < 22:
				what, err = "choose", g.Chat.Choose(ctx, viewer, g.id, chat.Choices{Pinned: new(true), Archived: new(dice.IntN(2) == 0)})
			case n < 23:
				what, err = "draft", g.Chat.SaveDraft(ctx, viewer, g.id, "begun")
			default:
				var positions []chat.Position
				for _, person := range g.people {
					for _, id := range []chat.ID{other.id, one.id} {
						positions = append(positions, chat.Position{PersonID: person.ID, ConversationID: id, Read: int64(dice.IntN(1000))})
					}
				}
				what, err = "read", g.Chat.SavePositions(ctx, positions)
			}
			switch {
			case err == nil:
				mu.Lock()
				done[what]++
				mu.Unlock()
			case chat.KindOf(err) == chat.KindUnavailable:
				busy.Add(1) // a row that appeared while the group's was waited for, and somebody else holds
			case chat.KindOf(err) == "":
				return fmt.Errorf("%s: %w", what, err)
			default:
				refused.Add(1)
			}
		}
		return nil
	})
	for _, err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	t.Logf("done: %v, %d refused, %d busy", done, refused.Load(), busy.Load())
	if len(done) != 10 || refused.Load() == 0 {
		t.Error("premise: something was never done, or nothing refused")
	}
	if n := busy.Load(); n > workers*steps/20 {
		t.Errorf("%d were told to come back", n)
	}
	for _, g := range []*troop{one, other} {
		g.sound(t)
		for _, person := range g.people {
			member, err := g.Store.Member(ctx, person.ID, g.id)
			if chat.KindOf(err) == chat.KindNotFound {
				continue
			}
			must(t, err)
			last := int64(-1) // stays follow each other
			for _, stay := range append(slices.Clone(member.Past), chat.Stay{FromSeq: member.FromSeq, UntilChange: 1 << 40}) {
				if stay.FromSeq < last || stay.UntilChange < stay.FromSeq {
					t.Errorf("%s: stays %+v", person.DisplayName, member)
				}
				last = stay.UntilChange
			}
		}
	}
}

func second[T any](_ T, err error) error { return err }
