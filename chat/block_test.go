//go:build unix

package chat_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/chat"
	"parley/chat/chattest"
)

func block(t *testing.T, w *chattest.World, by, whom chat.Viewer) {
	t.Helper()
	must(t, w.Chat.BlockPerson(t.Context(), by, whom.ID))
}

// same holds that two refusals cannot be told apart.
func same(t *testing.T, about string, got, want error) {
	t.Helper()
	if want == nil || got == nil || got.Error() != want.Error() {
		t.Errorf("%s: %v, and elsewhere %v", about, got, want)
	}
}

func TestBlock(t *testing.T) {
	t.Parallel()

	t.Run("neither writes to the other, with the words of a closed account, and anybody else still does", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben, cleo := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Cleo")
		id, other := w.Direct(t, anna, ben), w.Direct(t, ben, cleo)
		w.Say(t, ben, id, "before") // the premise
		block(t, w, anna, ben)
		for _, viewer := range []chat.Viewer{anna, ben} {
			_, err := send(t, w, viewer, id, "x")
			refused(t, err, chat.KindForbidden, chat.CodeClosed)
			page := value[chat.ConversationPage](t)(w.Chat.OpenConversation(t.Context(), viewer, id, chat.Place{}))
			if !page.Member.Closed || len(page.Messages) != 1 || page.Messages[0].Body != "before" {
				t.Errorf("%s sees %+v", viewer.Username, page)
			}
		}
		w.Say(t, ben, other, "still")
		w.Say(t, cleo, other, "still")
		must(t, w.Chat.UnblockPerson(t.Context(), anna, ben.ID))
		w.Say(t, ben, id, "again")
		w.Say(t, anna, id, "again")
	})

	t.Run("what both have begun ends when both have ended it", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		id := w.Direct(t, anna, ben)
		block(t, w, anna, ben)
		block(t, w, ben, anna)
		must(t, w.Chat.UnblockPerson(t.Context(), anna, ben.ID))
		_, err := send(t, w, anna, id, "x")
		refused(t, err, chat.KindForbidden, chat.CodeClosed)
		relations := value[map[chat.ID]chat.Relation](t)(w.Chat.Relations(t.Context(), anna.ID, []chat.ID{ben.ID}))
		if got := relations[ben.ID]; got.Blocks || !got.BlockedBy || !got.Apart() {
			t.Errorf("got %+v", got)
		}
		must(t, w.Chat.UnblockPerson(t.Context(), ben, anna.ID))
		w.Say(t, anna, id, "again")
	})

	t.Run("the end of a block opens no conversation with a closed account", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		id := w.Direct(t, anna, ben)
		for _, whose := range []chat.Viewer{ben, anna} {
			block(t, w, anna, ben)
			w.Exec(t, "UPDATE people SET state = 'closed' WHERE id = $1", whose.ID)
			must(t, w.Chat.UnblockPerson(t.Context(), anna, ben.ID))
			_, err := send(t, w, anna, id, "x")
			refused(t, err, chat.KindForbidden, chat.CodeClosed)
			w.Exec(t, "UPDATE people SET state = 'active' WHERE id = $1", whose.ID)
		}
		block(t, w, anna, ben)
		must(t, w.Chat.UnblockPerson(t.Context(), anna, ben.ID))
		w.Say(t, anna, id, "again")
	})

	t.Run("a closed conversation shows no receipts, whatever closed it", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		id := w.Direct(t, anna, ben)
		said := w.Say(t, ben, id, "seen")
		must(t, w.Chat.MarkRead(t.Context(), anna, chat.Position{ConversationID: id, Read: 1}))
		shown := func() int {
			t.Helper()
			page := value[chat.ConversationPage](t)(w.Chat.OpenConversation(t.Context(), ben, id, chat.Place{}))
			key := chat.Authorship{ConversationID: id, PersonID: ben.ID}
			pushed := value[map[chat.Authorship]chat.Receipts](t)(w.Chat.ReceiptsOf(t.Context(), []chat.Authorship{key}))
			names := value[chat.ReceiversPage](t)(w.Chat.Receivers(t.Context(), ben, id, said.ID, ""))
			return len(page.Receipts) + len(pushed[key].Runs) + len(names.People)
		}
		if shown() != 3 {
			t.Fatalf("premise: %d", shown())
		}
		w.Exec(t, "UPDATE members SET closed = true WHERE conversation_id = $1", id) // as for a closed account
		if n := shown(); n != 0 {
			t.Errorf("a closed account's: in %d places", n)
		}
		w.Exec(t, "UPDATE members SET closed = false WHERE conversation_id = $1", id)
		block(t, w, anna, ben)
		if n := shown(); n != 0 {
			t.Errorf("of somebody who has blocked: in %d places", n)
		}
	})

	t.Run("the pages of both are told once, and nobody else's", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		w.Direct(t, anna, ben)
		w.Heard()
		for _, change := range []func(context.Context, chat.Viewer, chat.ID) error{w.Chat.BlockPerson, w.Chat.UnblockPerson} {
			must(t, change(t.Context(), anna, ben.ID))
			if people := told(w.Heard()); len(people) != 2 || !slices.Contains(people, anna.ID) || !slices.Contains(people, ben.ID) {
				t.Errorf("told %v", people)
			}
			must(t, change(t.Context(), anna, ben.ID))
			if heard := w.Heard(); len(heard) != 0 {
				t.Errorf("once more: %v", heard)
			}
		}
	})

	t.Run("nobody blocks themselves, or somebody who is not there", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna := w.Person(t, "Anna")
		refused(t, w.Chat.BlockPerson(t.Context(), anna, anna.ID), chat.KindConflict, chat.CodeOneself)
		notFound(t, w.Chat.BlockPerson(t.Context(), anna, chat.NewID()))
		must(t, w.Chat.UnblockPerson(t.Context(), anna, chat.NewID()))
		_, err := w.Chat.PersonToBlock(t.Context(), anna, anna.ID)
		notFound(t, err)
	})

	t.Run("reaching the other is refused as with a closed account", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben, cleo, gone := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Cleo"), w.Person(t, "Gone")
		w.Exec(t, "UPDATE people SET state = 'closed' WHERE id = $1", gone.ID)
		reach := map[string]func(by chat.Viewer, whom chat.Viewer) error{
			"a conversation": func(by, whom chat.Viewer) error { _, err := w.Chat.StartDirect(t.Context(), by, whom.ID); return err },
			"a group": func(by, whom chat.Viewer) error {
				_, err := w.Chat.CreateGroup(t.Context(), by, chat.GroupSettings{Name: "Crew"}, []chat.ID{cleo.ID, whom.ID})
				return err
			},
			"taking in": func(by, whom chat.Viewer) error {
				return w.Chat.AddMembers(t.Context(), by, w.Group(t, "Garden", by), []chat.ID{cleo.ID, whom.ID})
			},
			"taking in again": func(by, whom chat.Viewer) error {
				group := w.Group(t, "Garden", by, whom)
				w.Remove(t, group, whom)
				return w.Chat.AddMembers(t.Context(), by, group, []chat.ID{whom.ID})
			},
			"the profile": func(by, whom chat.Viewer) error {
				_, err := w.Chat.PersonByUsername(t.Context(), by, whom.Username)
				return err
			},
		}
		for name, try := range reach {
			must(t, try(cleo, ben)) // the premise
			want := try(ben, gone)
			block(t, w, anna, ben)
			same(t, name+" by the blocked", try(ben, anna), want)
			if name == "the profile" {
				profile := value[chat.Profile](t)(w.Chat.PersonByUsername(t.Context(), anna, "ben"))
				if !profile.Blocked || profile.Card != ben.Card {
					t.Errorf("got %+v", profile)
				}
			} else {
				same(t, name+" by the blocker", try(anna, ben), want)
			}
			must(t, try(cleo, anna))
			must(t, w.Chat.UnblockPerson(t.Context(), anna, ben.ID))
			if name != "a conversation" {
				must(t, try(ben, anna))
			}
		}
	})

	t.Run("a conversation that is there opens, and takes nothing", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		id := w.Direct(t, anna, ben)
		block(t, w, anna, ben)
		for _, viewer := range []chat.Viewer{anna, ben} {
			other := map[chat.ID]chat.Viewer{anna.ID: ben, ben.ID: anna}[viewer.ID]
			if again := value[chat.ID](t)(w.Chat.StartDirect(t.Context(), viewer, other.ID)); again != id {
				t.Error("it is another one")
			}
		}
	})

	t.Run("a link to a group leads nowhere for whom a block parts from who made it, another one does", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben, cleo, dora := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Cleo"), w.Person(t, "Dora")
		group := w.Group(t, "Garden", anna, cleo)
		w.Exec(t, "UPDATE members SET role = 'owner' WHERE conversation_id = $1", group)
		link := func(by chat.Viewer) string {
			return value[string](t)(w.Chat.MakeGroupLink(t.Context(), by, group, 0, 0))
		}
		annas, cleos := link(anna), link(cleo)
		value[chat.GroupInvitation](t)(w.Chat.OpenGroupLink(t.Context(), ben, annas)) // the premise
		block(t, w, anna, ben)
		_, unknown := w.Chat.JoinGroup(t.Context(), ben, "unknown")
		_, err := w.Chat.OpenGroupLink(t.Context(), ben, annas)
		same(t, "the link's page", err, unknown)
		_, err = w.Chat.JoinGroup(t.Context(), ben, annas)
		same(t, "joining", err, unknown)
		value[chat.ID](t)(w.Chat.JoinGroup(t.Context(), dora, annas))
		value[chat.ID](t)(w.Chat.JoinGroup(t.Context(), ben, cleos))
	})

	t.Run("who is in the group already is led there as always by a link of the other's, and uses nothing up", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben, cleo := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Cleo")
		group := w.Group(t, "Garden", anna, ben)
		links := map[chat.ID]string{}
		w.Exec(t, "UPDATE members SET role = 'owner' WHERE conversation_id = $1", group)
		for _, by := range []chat.Viewer{anna, ben} {
			links[by.ID] = value[string](t)(w.Chat.MakeGroupLink(t.Context(), by, group, 0, 1))
		}
		leads := func(viewer, by chat.Viewer) {
			t.Helper()
			found, err := w.Chat.OpenGroupLink(t.Context(), viewer, links[by.ID])
			if err != nil || !found.Member || found.GroupID != group {
				t.Errorf("%s: %+v, %v", viewer.Username, found, err)
			}
			if id, err := w.Chat.JoinGroup(t.Context(), viewer, links[by.ID]); err != nil || id != group {
				t.Errorf("%s joins %v, %v", viewer.Username, id, err)
			}
		}
		for _, change := range []func(){func() {}, func() { block(t, w, anna, ben) }} {
			change()
			leads(ben, anna)
			leads(anna, ben)
		}
		for _, link := range value[[]chat.GroupLink](t)(w.Chat.GroupLinks(t.Context(), anna, group)) {
			if link.Uses != 0 {
				t.Errorf("used: %+v", link)
			}
		}
		must(t, w.Chat.LeaveGroup(t.Context(), ben, group))
		_, unknown := w.Chat.JoinGroup(t.Context(), ben, "unknown")
		_, err := w.Chat.JoinGroup(t.Context(), ben, links[anna.ID])
		same(t, "of whoever has left", err, unknown)
		must(t, w.Chat.RevokeGroupLink(t.Context(), anna, group, value[[]chat.GroupLink](t)(w.Chat.GroupLinks(t.Context(), anna, group))[0].ID))
		for _, viewer := range []chat.Viewer{anna, cleo} { // one that works no more leads nowhere for anybody
			_, err := w.Chat.OpenGroupLink(t.Context(), viewer, links[ben.ID])
			same(t, "of one that is over", err, unknown)
		}
	})

	t.Run("neither finds the other, a third person finds both", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben, cleo := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Cleo")
		finds := func(viewer, whom chat.Viewer) bool {
			t.Helper()
			found := 0
			for _, q := range []string{"", whom.Username[:2], whom.Username} {
				page := value[chat.PeoplePage](t)(w.Chat.SearchPeople(t.Context(), viewer, q, ""))
				cards, picked, err := w.Chat.PickPeople(t.Context(), viewer, q, []chat.ID{whom.ID})
				must(t, err)
				for _, people := range [][]chat.Card{page.People, cards, picked.People} {
					if slices.Contains(people, whom.Card) {
						found++
					}
				}
			}
			if found != 0 && found != 9 {
				t.Errorf("%s finds %s in %d of 9 places", viewer.Username, whom.Username, found)
			}
			return found > 0
		}
		if !finds(anna, ben) || !finds(ben, anna) {
			t.Fatal("premise")
		}
		block(t, w, anna, ben)
		if finds(anna, ben) || finds(ben, anna) {
			t.Error("found")
		}
		if !finds(cleo, anna) || !finds(cleo, ben) || !finds(anna, cleo) || !finds(ben, cleo) || !finds(anna, anna) {
			t.Error("a third person is concerned")
		}
	})

	t.Run("in a group the blocker gets a message's place alone, and opens it by choice", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben, cleo := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Cleo")
		group := w.Group(t, "Garden", anna, ben, cleo)
		early := w.Say(t, ben, group, "early")
		page := func(viewer chat.Viewer) []chat.Message {
			t.Helper()
			return value[chat.ConversationPage](t)(w.Chat.OpenConversation(t.Context(), viewer, group, chat.Place{})).Messages
		}
		if m := page(anna)[0]; m.Concealed || m.Body != "early" {
			t.Fatalf("premise: %+v", m)
		}
		block(t, w, anna, ben)
		late := w.Say(t, ben, group, "late")
		mine := w.Say(t, anna, group, "mine")
		for i, m := range page(anna)[:2] {
			want := []chat.Message{early, late}[i].Conceal()
			want.CreatedAt = m.CreatedAt
			if !m.Concealed || m.Body != "" || (m.Author != chat.Card{}) || (m.ClientID != chat.ID{}) || m.Seq != want.Seq || m.ID != want.ID {
				t.Errorf("the blocker gets %+v", m)
			}
		}
		if m := page(anna)[2]; m.Concealed || m.Body != "mine" {
			t.Errorf("one's own is %+v", m)
		}
		for _, viewer := range []chat.Viewer{ben, cleo} {
			got := page(viewer)
			if got[0].Body != "early" || got[1].Body != "late" || got[2].Body != "mine" || got[2].Author != anna.Card {
				t.Errorf("%s gets %+v", viewer.Username, got)
			}
		}
		opened := value[chat.Message](t)(w.Chat.OpenMessage(t.Context(), anna, group, late.ID))
		if opened.Body != "late" || opened.Author != ben.Card || opened.Concealed {
			t.Errorf("opened: %+v", opened)
		}
		_, err := w.Chat.OpenMessage(t.Context(), anna, group, chat.NewID())
		notFound(t, err)
		_, err = w.Chat.OpenMessage(t.Context(), w.Person(t, "Dora"), group, mine.ID)
		notFound(t, err)
		for viewer, want := range map[*chat.Viewer]bool{&anna: true, &ben: false, &cleo: false} {
			all := value[chat.Changes](t)(w.Chat.ChangesSince(t.Context(), group, 0, 10))
			_, own, err := w.Chat.ChangesFor(t.Context(), *viewer, group, 0, 10)
			must(t, err)
			for _, changes := range []chat.Changes{all, own} {
				if got := changes.Conceals(changes.Messages[1], viewer.ID); got != want {
					t.Errorf("%s: concealed %v", viewer.Username, got)
				}
				if changes.Conceals(changes.Messages[2], viewer.ID) {
					t.Errorf("%s: what Anna says is concealed", viewer.Username)
				}
			}
		}
	})

	t.Run("what the system says of a group is said to everybody", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben, cleo := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Cleo")
		group := w.Group(t, "Garden", ben, anna)
		block(t, w, anna, ben)
		must(t, w.Chat.AddMembers(t.Context(), ben, group, []chat.ID{cleo.ID}))
		page := value[chat.ConversationPage](t)(w.Chat.OpenConversation(t.Context(), anna, group, chat.Place{}))
		if m := page.Messages[0]; m.Concealed || m.Author != ben.Card || m.Event == nil {
			t.Errorf("got %+v", m)
		}
	})

	t.Run("the blocker's list neither shows nor counts what the blocked says", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben, cleo := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Cleo")
		group := w.Group(t, "Garden", anna, ben, cleo)
		block(t, w, anna, ben)
		row := func(viewer chat.Viewer) (chat.ListRow, int) {
			t.Helper()
			list := value[chat.ListPage](t)(w.Chat.List(t.Context(), viewer, nil))
			pushed := value[[]chat.ListRow](t)(w.Chat.RowsOf(t.Context(), []chat.ID{group}, []chat.ID{viewer.ID}, nil))
			totals := value[map[chat.ID]chat.ListTotals](t)(w.Chat.ListTotals(t.Context(), []chat.ID{viewer.ID}))
			if len(list.Rows) != 1 || len(pushed) != 1 || *pushed[0].Last != *list.Rows[0].Last || totals[viewer.ID].Unread != list.UnreadTotal {
				t.Fatalf("list %+v, pushed %+v, totals %+v", list, pushed, totals)
			}
			return list.Rows[0], list.UnreadTotal
		}
		for range 3 {
			w.Say(t, ben, group, "a secret")
		}
		got, total := row(anna)
		if last := got.Last; !last.Concealed || last.Body != "" || last.AuthorName != "" || got.Unread != 0 || total != 0 {
			t.Errorf("the blocker: %+v, %+v, %d", got, *last, total)
		}
		got, total = row(cleo)
		if last := got.Last; last.Concealed || last.Body != "a secret" || last.AuthorName != "Ben" || got.Unread != 3 || total != 1 {
			t.Errorf("a third: %+v, %+v, %d", got, *last, total)
		}
		w.Say(t, anna, group, "hello")
		if got, total = row(ben); got.Last.Body != "hello" || got.Last.AuthorName != "Anna" || got.Unread != 1 || total != 1 {
			t.Errorf("the blocked: %+v, %+v, %d", got, *got.Last, total)
		}
		w.Say(t, cleo, group, "to both")
		if got, total = row(anna); got.Unread != 1 || total != 1 {
			t.Errorf("what others say counts: %+v, %d", got, total)
		}
	})

	t.Run("what the blocked says brings nothing back that the blocker has archived, what others say does", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben, cleo := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Cleo")
		group := w.Group(t, "Garden", anna, ben, cleo)
		w.Say(t, cleo, group, "one")
		block(t, w, anna, ben)
		archive := func() {
			t.Helper()
			for _, viewer := range []chat.Viewer{anna, ben, cleo} {
				choose(t, w, viewer, group, chat.Choices{Archived: new(true)})
			}
		}
		away := func(want ...bool) {
			t.Helper()
			for i, viewer := range []chat.Viewer{anna, ben, cleo} {
				list, archive := listed(t, w, viewer)
				if slices.Contains(archive, group) != want[i] || slices.Contains(list, group) == want[i] {
					t.Errorf("%s: the list is %v, the archive %v", viewer.Username, list, archive)
				}
			}
		}
		archive()
		away(true, true, true) // the premise
		for range 3 {
			w.Say(t, ben, group, "a secret")
		}
		away(true, false, false)
		w.Say(t, cleo, group, "two")
		away(false, false, false)
		archive()
		w.Say(t, anna, group, "three") // the blocked person sees it as always
		away(false, false, false)
	})

	t.Run("what one is called since is told in no direct conversation of the two, and in every other place", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben, cleo := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Cleo")
		both, group := w.Direct(t, anna, ben), w.Group(t, "Garden", anna, ben, cleo)
		withCleo := map[chat.ID]chat.ID{anna.ID: w.Direct(t, anna, cleo), ben.ID: w.Direct(t, ben, cleo)}
		told := func(by, other chat.Viewer, apart bool) {
			t.Helper()
			w.Say(t, by, group, "hello")
			for name, cards := range map[string][]chat.MemberCard{
				"of the person": value[[]chat.MemberCard](t)(w.Chat.CardsIn(t.Context(), []chat.ID{both, group, withCleo[by.ID]}, []chat.ID{by.ID}, time.Time{})),
				"since":         value[[]chat.MemberCard](t)(w.Chat.CardsIn(t.Context(), []chat.ID{both, group, withCleo[by.ID]}, nil, time.Now().Add(-time.Minute))),
			} {
				n := 0
				for _, card := range cards {
					if card.Card.ID != by.ID {
						continue
					}
					n++
					hidden := apart && card.ConversationID == both
					if card.Reaches(other.ID) == hidden || card.Reaches(cleo.ID) == hidden || !card.Reaches(by.ID) {
						t.Errorf("%s %s: %+v", by.Username, name, card)
					}
				}
				if n != 3 {
					t.Errorf("%s %s: %+v", by.Username, name, cards)
				}
			}
			showing := value[[]chat.ID](t)(w.Chat.ConversationsShowing(t.Context(), by.ID))
			if slices.Contains(showing, both) == apart || !slices.Contains(showing, group) || !slices.Contains(showing, withCleo[by.ID]) {
				t.Errorf("%s stands in %v", by.Username, showing)
			}
		}
		w.Say(t, ben, both, "hello")
		for _, apart := range []bool{false, true, false} {
			if apart {
				block(t, w, anna, ben)
			} else {
				must(t, w.Chat.UnblockPerson(t.Context(), anna, ben.ID))
			}
			for _, by := range []chat.Viewer{anna, ben} {
				must(t, w.Chat.ChangeName(t.Context(), by, "Answer me"))
			}
			told(anna, ben, apart)
			told(ben, anna, apart)
		}
	})

	t.Run("neither counts among those who have read what the other said", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben, cleo := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Cleo")
		group := w.Group(t, "Garden", anna, ben, cleo)
		said := map[chat.ID]chat.Message{}
		for _, viewer := range []chat.Viewer{anna, ben, cleo} {
			said[viewer.ID] = w.Say(t, viewer, group, "hello")
		}
		for _, viewer := range []chat.Viewer{anna, ben, cleo} {
			must(t, w.Chat.MarkRead(t.Context(), viewer, chat.Position{ConversationID: group, Read: 3}))
		}
		counts := func(author chat.Viewer) int {
			t.Helper()
			key := chat.Authorship{ConversationID: group, PersonID: author.ID}
			asked := []chat.Authorship{key, {ConversationID: group, PersonID: cleo.ID}, {ConversationID: group, PersonID: anna.ID}}
			runs := value[map[chat.Authorship]chat.Receipts](t)(w.Chat.ReceiptsOf(t.Context(), asked))[key].Runs
			page := value[chat.ConversationPage](t)(w.Chat.OpenConversation(t.Context(), author, group, chat.Place{}))
			names := value[chat.ReceiversPage](t)(w.Chat.Receivers(t.Context(), author, group, said[author.ID].ID, ""))
			drawn := page.Receipts[said[author.ID].Seq]
			if len(runs) != 1 || runs[0].Receipt != drawn || names.Receipt != drawn || len(names.People) != drawn.Of || drawn.Read != drawn.Of || drawn.Delivered != drawn.Of {
				t.Errorf("%s: pushed %+v, drawn %+v, by name %+v", author.Username, runs, drawn, names)
			}
			return drawn.Of
		}
		if counts(anna) != 2 || counts(ben) != 2 || counts(cleo) != 2 {
			t.Fatal("premise")
		}
		block(t, w, anna, ben)
		if a, b, c := counts(anna), counts(ben), counts(cleo); a != 1 || b != 1 || c != 2 {
			t.Errorf("of %d, %d and %d", a, b, c)
		}
		block(t, w, ben, anna)
		if a, b, c := counts(anna), counts(ben), counts(cleo); a != 1 || b != 1 || c != 2 {
			t.Errorf("both ways: of %d, %d and %d", a, b, c)
		}
	})

	t.Run("the list of the blocked is by name, in pages, and one's own", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		var want []string
		for range 53 {
			p := w.Person(t, "")
			block(t, w, anna, p)
			want = append(want, p.DisplayName)
		}
		block(t, w, ben, anna)
		slices.SortFunc(want, strings.Compare)
		var got []string
		for after := ""; ; {
			page := value[chat.BlockedPage](t)(w.Chat.Blocked(t.Context(), anna, after))
			for _, p := range page.People {
				got = append(got, p.DisplayName)
			}
			if after = page.Next; after == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %v", got)
		}
		if page := value[chat.BlockedPage](t)(w.Chat.Blocked(t.Context(), ben, "")); len(page.People) != 1 || page.People[0].Card != anna.Card || page.People[0].Since.IsZero() {
			t.Errorf("got %+v", page)
		}
		w.Exec(t, "UPDATE people SET state = 'closed' WHERE id = $1", anna.ID)
		if got := value[chat.Profile](t)(w.Chat.PersonToBlock(t.Context(), ben, anna.ID)); !got.Blocked || got.Card != anna.Card {
			t.Errorf("got %+v", got)
		}
	})
}

// TestBlockRaces lets a block and what it forbids wait for each other: whoever comes second finds what the first has done.
func TestBlockRaces(t *testing.T) {
	t.Parallel()

	t.Run("a send that waits for a block is refused", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		id := w.Direct(t, anna, ben)
		held := w.Hold(t, "UPDATE people SET theme = theme WHERE id = $1", anna.ID) // the last that a block waits for, but for this
		blocked := later(func() error { return w.Chat.BlockPerson(t.Context(), anna, ben.ID) })
		w.AwaitWaiting(t, 1)
		w.Say(t, ben, id, "before") // nothing of the block is done yet
		held.Commit()
		must(t, <-blocked)
		_, err := send(t, w, ben, id, "after")
		refused(t, err, chat.KindForbidden, chat.CodeClosed)

		must(t, w.Chat.UnblockPerson(t.Context(), anna, ben.ID))
		held = w.Hold(t, "UPDATE members SET closed = true WHERE person_id = $1", ben.ID) // as a block does
		sent := later(func() error { _, err := send(t, w, ben, id, "meanwhile"); return err })
		w.AwaitWaiting(t, 1)
		held.Commit()
		refused(t, <-sent, chat.KindForbidden, chat.CodeClosed)
	})

	t.Run("a block that waits for a send comes after it", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		id := w.Direct(t, anna, ben)
		held := w.Hold(t, "SELECT FROM conversations WHERE id = $1 FOR NO KEY UPDATE", id)
		sent := later(func() error { _, err := send(t, w, ben, id, "just in time"); return err })
		w.AwaitWaiting(t, 1)
		blocked := later(func() error { return w.Chat.BlockPerson(t.Context(), anna, ben.ID) })
		w.AwaitWaiting(t, 2)
		held.Commit()
		must(t, <-sent)
		must(t, <-blocked)
		_, err := send(t, w, ben, id, "after")
		refused(t, err, chat.KindForbidden, chat.CodeClosed)
	})

	for name, c := range map[string]struct {
		reach func(t *testing.T, w *chattest.World, by, whom chat.Viewer, group chat.ID, token string) error
		code  chat.Code
	}{
		"the start of a conversation": {func(t *testing.T, w *chattest.World, by, whom chat.Viewer, _ chat.ID, _ string) error {
			_, err := w.Chat.StartDirect(t.Context(), by, whom.ID)
			return err
		}, chat.CodeNotFound},
		"being added": {func(t *testing.T, w *chattest.World, by, whom chat.Viewer, group chat.ID, _ string) error {
			return w.Chat.AddMembers(t.Context(), by, group, []chat.ID{whom.ID})
		}, chat.CodeNotFound},
		"the making of a group": {func(t *testing.T, w *chattest.World, by, whom chat.Viewer, _ chat.ID, _ string) error {
			_, err := w.Chat.CreateGroup(t.Context(), by, chat.GroupSettings{Name: "Crew"}, []chat.ID{whom.ID})
			return err
		}, chat.CodeNotFound},
		"joining by the other's link": {func(t *testing.T, w *chattest.World, _, whom chat.Viewer, _ chat.ID, token string) error {
			_, err := w.Chat.JoinGroup(t.Context(), whom, token)
			return err
		}, chat.CodeGroupLink},
	} {
		for _, direction := range []string{"by the one", "by the other"} {
			t.Run("a block "+direction+" during "+name+" comes before it or after it", func(t *testing.T) {
				t.Parallel()
				w := chattest.New(t)
				anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
				group := w.Group(t, "Garden", ben)
				token := value[string](t)(w.Chat.MakeGroupLink(t.Context(), ben, group, 0, 0))
				by, whom := anna, ben
				if direction == "by the other" {
					by, whom = ben, anna
				}
				// The block has done all and not committed.
				held := w.Hold(t, "SELECT FROM people WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE", []chat.ID{anna.ID, ben.ID})
				held.Exec("INSERT INTO blocks (blocker_id, blocked_id) VALUES ($1, $2)", by.ID, whom.ID)
				done := later(func() error { return c.reach(t, w, ben, anna, group, token) })
				w.AwaitWaiting(t, 1)
				held.Commit()
				refused(t, <-done, chat.KindNotFound, c.code)
				if n := chattest.Value[int](t, w, "SELECT count(*) FROM members WHERE person_id = $1", anna.ID); n != 0 {
					t.Errorf("Anna is in %d conversations", n)
				}

				// What is forbidden has begun, and not committed: the block waits, and closes what was made.
				must(t, w.Chat.UnblockPerson(t.Context(), by, whom.ID))
				held = w.Hold(t, "SELECT FROM people WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE", []chat.ID{anna.ID, ben.ID})
				done = later(func() error { return c.reach(t, w, ben, anna, group, token) })
				w.AwaitWaiting(t, 1)
				blocked := later(func() error { return w.Chat.BlockPerson(t.Context(), by, whom.ID) })
				w.AwaitWaiting(t, 2)
				held.Commit()
				err := <-done
				must(t, <-blocked)
				open := chattest.Value[int](t, w, `
					SELECT count(*) FROM members m JOIN conversations c ON c.id = m.conversation_id AND c.kind = 'direct' WHERE NOT m.closed`)
				if open != 0 {
					t.Errorf("a conversation is open to %d, after %v", open, err)
				}
			})
		}
	}

	t.Run("of blocks, sends, starts and adding at once none waits for ever", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		people := []chat.Viewer{w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Cleo")}
		id := w.Direct(t, people[0], people[1])
		group := w.Group(t, "Garden", people...)
		for i, err := range together(60, func(i int) error {
			a, b := people[i%3], people[(i+1+i/3%2)%3]
			switch i % 5 {
			case 0:
				return w.Chat.BlockPerson(t.Context(), a, b.ID)
			case 1:
				return w.Chat.UnblockPerson(t.Context(), a, b.ID)
			case 2:
				_, err := send(t, w, people[i%2], id, "x")
				return err
			case 3:
				_, err := w.Chat.StartDirect(t.Context(), a, b.ID)
				return err
			default:
				return w.Chat.AddMembers(t.Context(), a, group, []chat.ID{b.ID})
			}
		}) {
			if kind := chat.KindOf(err); err != nil && kind != chat.KindNotFound && kind != chat.KindForbidden {
				t.Errorf("%d: %v", i, err)
			}
		}
	})
}
