//go:build unix

package chat_test

import (
	"errors"
	"slices"
	"testing"

	"parley/chat"
	"parley/chat/chattest"
)

// reaches lets somebody choose one circle for everything.
func reaches(t *testing.T, w *chattest.World, viewer chat.Viewer, circle chat.Circle) {
	t.Helper()
	must(t, w.Chat.SaveReach(t.Context(), viewer, chat.Reach{Writes: circle, Adds: circle, Finds: circle}))
}

func TestReach(t *testing.T) {
	t.Parallel()

	t.Run("everybody reaches whoever has chosen nothing, and what is chosen is kept", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna := w.Person(t, "Anna")
		open := chat.Reach{Writes: chat.CircleEverybody, Adds: chat.CircleEverybody, Finds: chat.CircleEverybody}
		if got := value[chat.Reach](t)(w.Chat.Reach(t.Context(), anna)); got != open {
			t.Errorf("got %+v", got)
		}
		chosen := chat.Reach{Writes: chat.CircleNobody, Adds: chat.CircleGroups, Finds: chat.CircleEverybody}
		must(t, w.Chat.SaveReach(t.Context(), anna, chosen))
		if got := value[chat.Reach](t)(w.Chat.Reach(t.Context(), anna)); got != chosen {
			t.Errorf("got %+v", got)
		}
		var refusal *chat.Error
		if err := w.Chat.SaveReach(t.Context(), anna, chat.Reach{Writes: "some"}); !errors.As(err, &refusal) {
			t.Fatal(err)
		}
		for _, field := range []string{"may_write", "may_add", "may_find"} {
			if _, wrong := refusal.Field(field); !wrong {
				t.Errorf("%s is taken", field)
			}
		}
	})

	for circle, admits := range map[chat.Circle]struct{ stranger, fellow bool }{
		chat.CircleEverybody: {true, true}, chat.CircleGroups: {false, true}, chat.CircleNobody: {false, false},
	} {
		t.Run("whom "+string(circle)+" lets in", func(t *testing.T) {
			t.Parallel()
			w := chattest.New(t)
			anna, stranger, fellow, former := w.Person(t, "Anna"), w.Person(t, "Stranger"), w.Person(t, "Fellow"), w.Person(t, "Former")
			group := w.Group(t, "Garden", anna, fellow, former)
			w.Remove(t, group, former)
			reaches(t, w, anna, circle)
			for _, c := range []struct {
				by    chat.Viewer
				finds bool
			}{{stranger, admits.stranger}, {former, admits.stranger}, {fellow, admits.fellow}} {
				for _, q := range []string{"", "an", "anna"} {
					page := value[chat.PeoplePage](t)(w.Chat.SearchPeople(t.Context(), c.by, q, ""))
					cards, picked, err := w.Chat.PickPeople(t.Context(), c.by, q, []chat.ID{anna.ID})
					must(t, err)
					for _, people := range [][]chat.Card{page.People, picked.People, cards} {
						if slices.Contains(people, anna.Card) != c.finds {
							t.Errorf("%s by %q: %v", c.by.Username, q, people)
						}
					}
				}
				_, err := w.Chat.CreateGroup(t.Context(), c.by, chat.GroupSettings{Name: "Crew"}, []chat.ID{anna.ID})
				if (err == nil) != c.finds {
					t.Errorf("%s makes a group: %v", c.by.Username, err)
				}
				if err == nil {
					w.Exec(t, "DELETE FROM members WHERE person_id = $1 AND conversation_id <> $2", anna.ID, group)
				}
				err = w.Chat.AddMembers(t.Context(), c.by, w.Group(t, "Kitchen", c.by), []chat.ID{anna.ID})
				if (err == nil) != c.finds {
					t.Errorf("%s takes in: %v", c.by.Username, err)
				}
				w.Exec(t, "DELETE FROM members WHERE person_id = $1 AND conversation_id <> $2", anna.ID, group)
				if !c.finds {
					notFound(t, err)
				}
				value[chat.Profile](t)(w.Chat.PersonByUsername(t.Context(), c.by, "anna"))
				id := w.Direct(t, c.by, anna)
				w.Say(t, c.by, id, "hello")
				requests := value[[]chat.ListRow](t)(w.Chat.Requests(t.Context(), anna))
				if asked := slices.ContainsFunc(requests, func(r chat.ListRow) bool { return r.ConversationID == id }); asked == c.finds {
					t.Errorf("%s: asked %v", c.by.Username, asked)
				}
			}
			// Oneself one always reaches.
			if id := w.Direct(t, anna, anna); value[chat.Member](t)(w.Chat.Membership(t.Context(), anna, id)).Request != "" {
				t.Error("a note waits for an answer")
			}
			if page := value[chat.PeoplePage](t)(w.Chat.SearchPeople(t.Context(), anna, "anna", "")); len(page.People) != 1 {
				t.Error("one does not find oneself")
			}
		})
	}
}

// TestUnwritten holds that an empty conversation is no way past a choice that was made, or unmade, after it was begun.
func TestUnwritten(t *testing.T) {
	t.Parallel()
	request := func(t *testing.T, w *chattest.World, viewer chat.Viewer, id chat.ID) chat.RequestState {
		t.Helper()
		return value[chat.Member](t)(w.Chat.Membership(t.Context(), viewer, id)).Request
	}

	t.Run("what somebody began and did not write waits for an answer once the other admits them no longer", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna := w.Person(t, "Anna")
		stranger, fellow, welcome, begun, written := w.Person(t, "Stranger"), w.Person(t, "Fellow"), w.Person(t, "Welcome"), w.Person(t, "Begun"), w.Person(t, "Written")
		w.Group(t, "Garden", anna, fellow)
		talks := map[chat.ID]chat.ID{}
		for _, by := range []chat.Viewer{stranger, fellow, welcome, written} {
			talks[by.ID] = w.Direct(t, by, anna)
		}
		talks[begun.ID] = w.Direct(t, anna, begun)
		w.Direct(t, begun, anna)
		w.Direct(t, anna, welcome) // who opens it wants it
		w.Say(t, written, talks[written.ID], "hello")
		note := w.Direct(t, anna, anna)
		for circle, waiting := range map[chat.Circle][]chat.Viewer{
			chat.CircleGroups: {stranger}, chat.CircleNobody: {stranger, fellow}, chat.CircleEverybody: nil,
		} {
			reaches(t, w, anna, circle)
			for _, by := range []chat.Viewer{stranger, fellow, welcome, begun, written} {
				asked := slices.ContainsFunc(waiting, func(v chat.Viewer) bool { return v.ID == by.ID })
				if got := request(t, w, anna, talks[by.ID]); (got == chat.RequestPending) != asked || request(t, w, by, talks[by.ID]) != "" {
					t.Errorf("%s: %s is %q", circle, by.Username, got)
				}
			}
		}
		if request(t, w, anna, note) != "" {
			t.Error("a note waits for an answer")
		}
		reaches(t, w, anna, chat.CircleNobody)
		w.Say(t, stranger, talks[stranger.ID], "hello")
		list := value[chat.ListPage](t)(w.Chat.List(t.Context(), anna, nil))
		if list.Requests != 1 || slices.ContainsFunc(list.Rows, func(r chat.ListRow) bool { return r.ConversationID == talks[stranger.ID] }) {
			t.Errorf("got %+v", list)
		}
		reaches(t, w, anna, chat.CircleEverybody)
		if request(t, w, anna, talks[stranger.ID]) != chat.RequestPending {
			t.Error("what was written is not answered by another choice")
		}
	})

	t.Run("whoever starts one again is asked what holds now", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		group := w.Group(t, "Garden", anna, ben)
		reaches(t, w, anna, chat.CircleGroups)
		id := w.Direct(t, ben, anna)
		if request(t, w, anna, id) != "" {
			t.Fatal("premise")
		}
		w.Remove(t, group, ben)
		if w.Direct(t, ben, anna) != id || request(t, w, anna, id) != chat.RequestPending {
			t.Error("a way past the choice")
		}
		must(t, w.Chat.AddMembers(t.Context(), anna, group, []chat.ID{ben.ID}))
		if w.Direct(t, ben, anna) != id || request(t, w, anna, id) != "" {
			t.Error("a choice that holds no more")
		}
		w.Say(t, ben, id, "hello")
		w.Remove(t, group, ben)
		if w.Direct(t, ben, anna); request(t, w, anna, id) != "" {
			t.Error("what was written is decided again")
		}
	})

	t.Run("a choice that waits for a first message leaves what was written", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		id := w.Direct(t, ben, anna)
		held := w.Hold(t, "SELECT FROM conversations WHERE id = $1 FOR NO KEY UPDATE", id)
		sent := later(func() error { _, err := send(t, w, ben, id, "just in time"); return err })
		w.AwaitWaiting(t, 1)
		chosen := later(func() error {
			return w.Chat.SaveReach(t.Context(), anna, chat.Reach{Writes: chat.CircleNobody, Adds: chat.CircleNobody, Finds: chat.CircleNobody})
		})
		w.AwaitWaiting(t, 2)
		held.Commit()
		must(t, <-sent)
		must(t, <-chosen)
		if request(t, w, anna, id) != "" {
			t.Error("it waits for an answer")
		}
	})

	t.Run("a start that waits for a choice finds it", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		id := w.Direct(t, ben, anna)
		held := w.Hold(t, "UPDATE people SET may_write = 'nobody' WHERE id = $1", anna.ID)
		started := later(func() error { _, err := w.Chat.StartDirect(t.Context(), ben, anna.ID); return err })
		w.AwaitWaiting(t, 1)
		held.Commit()
		must(t, <-started)
		if request(t, w, anna, id) != chat.RequestPending {
			t.Error("it was started past the choice")
		}
	})
}

func TestRequests(t *testing.T) {
	t.Parallel()
	type asked struct {
		*chattest.World
		anna, ben chat.Viewer // Ben has written to Anna
		id        chat.ID
	}
	newAsked := func(t *testing.T) *asked {
		t.Helper()
		a := &asked{World: chattest.New(t)}
		a.anna, a.ben = a.Person(t, "Anna"), a.Person(t, "Ben")
		reaches(t, a.World, a.anna, chat.CircleNobody)
		a.id = a.Direct(t, a.ben, a.anna)
		if rows := value[[]chat.ListRow](t)(a.Chat.Requests(t.Context(), a.anna)); len(rows) != 0 {
			t.Fatalf("nothing was said yet: %+v", rows)
		}
		a.Say(t, a.ben, a.id, "hello")
		a.Heard()
		return a
	}
	listed := func(t *testing.T, a *asked, viewer chat.Viewer) (bool, chat.ListPage) {
		t.Helper()
		list := value[chat.ListPage](t)(a.Chat.List(t.Context(), viewer, nil))
		rows := value[[]chat.ListRow](t)(a.Chat.RowsOf(t.Context(), []chat.ID{a.id}, []chat.ID{viewer.ID}, nil))
		waiting := len(rows) == 1 && rows[0].Waiting
		if waiting && len(list.Rows) > 0 || !waiting && len(rows) != len(list.Rows) || waiting != (list.Requests == 1) {
			t.Errorf("%s: pushed %+v, listed %+v", viewer.Username, rows, list)
		}
		want := chat.ListTotals{Unread: list.UnreadTotal, Archived: list.Archived, Requests: list.Requests}
		whole := value[map[chat.ID]chat.ListPage](t)(a.Chat.Lists(t.Context(), []chat.ID{viewer.ID}))[viewer.ID]
		totals := value[map[chat.ID]chat.ListTotals](t)(a.Chat.ListTotals(t.Context(), []chat.ID{viewer.ID}))
		got := totals[viewer.ID]
		if got.Of = nil; got != want || whole.Requests != list.Requests {
			t.Errorf("%s: totals %+v, whole %+v, want %+v", viewer.Username, totals, whole, want)
		}
		return len(list.Rows) == 1, list
	}

	t.Run("one that waits is in no list, counts in no number and gives no receipts", func(t *testing.T) {
		t.Parallel()
		a := newAsked(t)
		in, list := listed(t, a, a.anna)
		if in || list.UnreadTotal != 0 || list.Requests != 1 {
			t.Errorf("got %+v", list)
		}
		if in, _ := listed(t, a, a.ben); !in {
			t.Error("it is not in the list of who began it")
		}
		rows := value[[]chat.ListRow](t)(a.Chat.Requests(t.Context(), a.anna))
		if len(rows) != 1 || rows[0].Last.Body != "hello" || rows[0].Other != a.ben.Card {
			t.Errorf("got %+v", rows)
		}
		must(t, a.Chat.MarkRead(t.Context(), a.anna, chat.Position{ConversationID: a.id, Read: 1}))
		page := value[chat.ConversationPage](t)(a.Chat.OpenConversation(t.Context(), a.ben, a.id, chat.Place{}))
		if len(page.Receipts) != 0 {
			t.Errorf("receipts %+v", page.Receipts)
		}
		_, err := send(t, a.World, a.anna, a.id, "x")
		refused(t, err, chat.KindForbidden, chat.CodeClosed)
		a.Say(t, a.ben, a.id, "still there?")
	})

	t.Run("accepted it is one like any other", func(t *testing.T) {
		t.Parallel()
		a := newAsked(t)
		must(t, a.Chat.AcceptRequest(t.Context(), a.anna, a.id))
		if people := told(a.Heard()); len(people) != 2 {
			t.Errorf("told %v", people)
		}
		if in, list := listed(t, a, a.anna); !in || list.UnreadTotal != 1 || list.Requests != 0 {
			t.Errorf("got %+v", list)
		}
		a.Say(t, a.anna, a.id, "hello yourself")
		notFound(t, a.Chat.AcceptRequest(t.Context(), a.anna, a.id))
		notFound(t, a.Chat.DeclineRequest(t.Context(), a.anna, a.id))
	})

	t.Run("declined it is closed in the words of a closed account, until the one who declined begins it", func(t *testing.T) {
		t.Parallel()
		a := newAsked(t)
		must(t, a.Chat.DeclineRequest(t.Context(), a.anna, a.id))
		_, err := send(t, a.World, a.ben, a.id, "x")
		refused(t, err, chat.KindForbidden, chat.CodeClosed)
		if in, list := listed(t, a, a.anna); in || list.Requests != 0 {
			t.Errorf("got %+v", list)
		}
		if again := a.Direct(t, a.ben, a.anna); again != a.id {
			t.Error("it is another one")
		}
		_, err = send(t, a.World, a.ben, a.id, "x")
		refused(t, err, chat.KindForbidden, chat.CodeClosed)
		must(t, a.Chat.BlockPerson(t.Context(), a.anna, a.ben.ID))
		must(t, a.Chat.UnblockPerson(t.Context(), a.anna, a.ben.ID))
		_, err = send(t, a.World, a.ben, a.id, "x")
		refused(t, err, chat.KindForbidden, chat.CodeClosed)
		a.Heard()
		a.Direct(t, a.anna, a.ben)
		if people := told(a.Heard()); len(people) != 2 {
			t.Errorf("told %v", people)
		}
		a.Say(t, a.ben, a.id, "at last")
		if in, _ := listed(t, a, a.anna); !in {
			t.Error("it is not in the list")
		}
	})

	t.Run("who waits writes a few messages, and others as many as they like", func(t *testing.T) {
		t.Parallel()
		a := newAsked(t)
		page := func() chat.Member {
			t.Helper()
			return value[chat.ConversationPage](t)(a.Chat.OpenConversation(t.Context(), a.ben, a.id, chat.Place{})).Member
		}
		for range chat.MaxUnanswered - 1 {
			if page().Closed {
				t.Fatal("it is closed before")
			}
			a.Say(t, a.ben, a.id, "still there?")
		}
		_, err := send(t, a.World, a.ben, a.id, "one too many")
		refused(t, err, chat.KindForbidden, chat.CodeClosed)
		if seen := value[chat.Member](t)(a.Chat.Membership(t.Context(), a.ben, a.id)); !page().Closed || !seen.Closed {
			t.Errorf("the page offers to write: %+v", seen)
		}
		asked := value[chat.Member](t)(a.Chat.Membership(t.Context(), a.anna, a.id))
		if asked.Closed || asked.Request != chat.RequestPending {
			t.Errorf("who is asked sees %+v", asked)
		}
		must(t, a.Chat.AcceptRequest(t.Context(), a.anna, a.id))
		if page().Closed {
			t.Error("accepted, it is closed")
		}
		a.Say(t, a.ben, a.id, "at last")
		other := a.Direct(t, a.ben, a.Person(t, "Cleo"))
		for range chat.MaxUnanswered + 1 {
			a.Say(t, a.ben, other, "to somebody who asks nothing")
		}
	})

	t.Run("the last that may be written tells the writer's pages that it was, no other message does", func(t *testing.T) {
		t.Parallel()
		a := newAsked(t)
		for n := 2; n <= chat.MaxUnanswered; n++ {
			a.Say(t, a.ben, a.id, "still there?")
			people := told(a.Heard())
			if want := n == chat.MaxUnanswered; want != slices.Equal(people, []chat.ID{a.ben.ID}) || !want && len(people) > 0 {
				t.Errorf("at %d %v are told", n, people)
			}
		}
		must(t, a.Chat.AcceptRequest(t.Context(), a.anna, a.id))
		for _, id := range []chat.ID{a.id, a.Direct(t, a.ben, a.Person(t, "Cleo")), a.Group(t, "Garden", a.ben)} {
			a.Heard()
			for range chat.MaxUnanswered + 1 {
				a.Say(t, a.ben, id, "to somebody who asks nothing")
			}
			if people := told(a.Heard()); len(people) > 0 {
				t.Errorf("%v are told", people)
			}
		}
	})

	t.Run("of messages at once no more than those few come through", func(t *testing.T) {
		t.Parallel()
		a := newAsked(t)
		for _, err := range together(3*chat.MaxUnanswered, func(int) error { _, err := send(t, a.World, a.ben, a.id, "x"); return err }) {
			if err != nil {
				refused(t, err, chat.KindForbidden, chat.CodeClosed)
			}
		}
		if n := chattest.Value[int](t, a.World, "SELECT count(*) FROM messages WHERE conversation_id = $1", a.id); n != chat.MaxUnanswered {
			t.Errorf("%d came through", n)
		}
	})

	t.Run("beginning it oneself accepts it", func(t *testing.T) {
		t.Parallel()
		a := newAsked(t)
		a.Direct(t, a.anna, a.ben)
		a.Say(t, a.anna, a.id, "hello")
	})

	t.Run("while a block lasts nothing waits, and after it what was written before waits again, unanswered", func(t *testing.T) {
		t.Parallel()
		a := newAsked(t)
		waiting := func(want int) {
			t.Helper()
			rows := value[[]chat.ListRow](t)(a.Chat.Requests(t.Context(), a.anna))
			if in, list := listed(t, a, a.anna); len(rows) != want || in || list.Requests != want || list.UnreadTotal != 0 {
				t.Errorf("got %+v, the list %+v", rows, list)
			}
		}
		waiting(1)
		must(t, a.Chat.BlockPerson(t.Context(), a.anna, a.ben.ID))
		waiting(0)
		_, err := send(t, a.World, a.ben, a.id, "x")
		refused(t, err, chat.KindForbidden, chat.CodeClosed)
		must(t, a.Chat.UnblockPerson(t.Context(), a.anna, a.ben.ID))
		waiting(1)
		a.Say(t, a.ben, a.id, "still there?")
		waiting(1)
		_, err = send(t, a.World, a.anna, a.id, "x")
		refused(t, err, chat.KindForbidden, chat.CodeClosed)
		must(t, a.Chat.DeclineRequest(t.Context(), a.anna, a.id)) // declined is declined, whatever comes and goes
		must(t, a.Chat.BlockPerson(t.Context(), a.anna, a.ben.ID))
		must(t, a.Chat.UnblockPerson(t.Context(), a.anna, a.ben.ID))
		waiting(0)
		_, err = send(t, a.World, a.ben, a.id, "x")
		refused(t, err, chat.KindForbidden, chat.CodeClosed)
	})

	t.Run("nobody answers for somebody else", func(t *testing.T) {
		t.Parallel()
		a := newAsked(t)
		for _, viewer := range []chat.Viewer{a.ben, a.Person(t, "Cleo")} {
			notFound(t, a.Chat.AcceptRequest(t.Context(), viewer, a.id))
			notFound(t, a.Chat.DeclineRequest(t.Context(), viewer, a.id))
		}
	})
}
