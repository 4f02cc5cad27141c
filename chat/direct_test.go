//go:build unix

package chat_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"parley/chat"
	"parley/chat/chattest"
	"parley/db"
)

func TestStartDirect(t *testing.T) {
	t.Parallel()

	t.Run("two people have one conversation, whoever starts it, and are told once", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		id := w.Direct(t, anna, ben)
		people := told(w.Heard())
		if len(people) != 2 || !slices.Contains(people, anna.ID) || !slices.Contains(people, ben.ID) {
			t.Errorf("told %v", people)
		}
		if again := w.Direct(t, anna, ben); again != id || len(w.Heard()) != 0 {
			t.Error("the second time it is another one, or news")
		}
		for viewer, other := range map[*chat.Viewer]chat.Card{&anna: ben.Card, &ben: anna.Card} {
			page := value[chat.ConversationPage](t)(w.Chat.OpenConversation(t.Context(), *viewer, id, chat.Place{}))
			if page.Other != other || page.Kind != chat.KindDirect || page.Name != "" || page.ViewSeq != 1 {
				t.Errorf("%s sees %+v", viewer.Username, page)
			}
		}
		if again := w.Direct(t, ben, anna); again != id {
			t.Error("from the other side it is another one")
		}
		if people := told(w.Heard()); !slices.Equal(people, []chat.ID{ben.ID}) {
			t.Errorf("told of what is in one list more: %v", people)
		}
		if again := w.Direct(t, ben, anna); again != id || len(w.Heard()) != 0 {
			t.Error("the second time from the other side it is another one, or news")
		}
	})

	t.Run("while nobody has written it stands in the list of whoever has started it, and of nobody else", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben, cleo := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Cleo")
		id := w.Direct(t, anna, ben)
		lists := func(viewer chat.Viewer) bool {
			t.Helper()
			page := value[chat.ListPage](t)(w.Chat.List(t.Context(), viewer, nil))
			rows := value[[]chat.ListRow](t)(w.Chat.RowsOf(t.Context(), []chat.ID{id}, []chat.ID{anna.ID, ben.ID, cleo.ID}, nil))
			listed := slices.ContainsFunc(page.Rows, func(row chat.ListRow) bool { return row.ConversationID == id })
			if pushed := slices.ContainsFunc(rows, func(row chat.ListRow) bool { return row.PersonID == viewer.ID }); pushed != listed {
				t.Errorf("%s: listed %v, pushed %v", viewer.Username, listed, pushed)
			}
			return listed
		}
		if !lists(anna) || lists(ben) {
			t.Error("started by one")
		}
		w.Direct(t, ben, anna)
		if !lists(anna) || !lists(ben) || lists(cleo) {
			t.Error("started by both")
		}
		other := w.Direct(t, cleo, anna)
		w.Say(t, cleo, other, "hello")
		w.Heard()
		if w.Direct(t, anna, cleo); len(w.Heard()) != 0 {
			t.Error("one that has messages is in the list already, and is news")
		}
	})

	t.Run("different pairs have different ones", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben, cleo := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Cleo")
		ids := []chat.ID{w.Direct(t, anna, ben), w.Direct(t, anna, cleo), w.Direct(t, ben, cleo), w.Direct(t, anna, anna)}
		for i, id := range ids {
			if slices.Contains(ids[:i], id) {
				t.Errorf("got %v", ids)
			}
		}
	})

	t.Run("a note to oneself has one member, and tells one", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna := w.Person(t, "Anna")
		id := w.Direct(t, anna, anna)
		if people := told(w.Heard()); !slices.Equal(people, []chat.ID{anna.ID}) {
			t.Errorf("told %v", people)
		}
		if again := w.Direct(t, anna, anna); again != id {
			t.Error("the second time it is another one")
		}
		w.Say(t, anna, id, "Milk")
		page := value[chat.ConversationPage](t)(w.Chat.OpenConversation(t.Context(), anna, id, chat.Place{}))
		if page.Other != anna.Card || len(page.Messages) != 1 || page.Unread != 0 {
			t.Errorf("got %+v", page)
		}
		if n := chattest.Value[int](t, w, "SELECT count(*) FROM members"); n != 1 {
			t.Errorf("%d members", n)
		}
	})

	t.Run("with somebody unknown, suspended or closed there is none", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben, cleo := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Cleo")
		suspend(t, w, ben)
		w.Exec(t, "UPDATE people SET state = 'closed' WHERE id = $1", cleo.ID)
		for _, other := range []chat.ID{ben.ID, cleo.ID, chat.NewID(), {}} {
			_, err := w.Chat.StartDirect(t.Context(), anna, other)
			notFound(t, err)
		}
		if n := chattest.Value[int](t, w, "SELECT count(*) FROM conversations"); n != 0 || len(w.Heard()) != 0 {
			t.Errorf("%d conversations", n)
		}
	})

	t.Run("one that is there opens also after the other was suspended", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		id := w.Direct(t, anna, ben)
		w.Say(t, ben, id, "Hello")
		suspend(t, w, ben)
		if again := w.Direct(t, anna, ben); again != id {
			t.Error("it is another one")
		}
		page := value[chat.ConversationPage](t)(w.Chat.OpenConversation(t.Context(), anna, id, chat.Place{}))
		if page.Other != ben.Card || len(page.Messages) != 1 {
			t.Errorf("got %+v", page)
		}
	})

	t.Run("of 20 starts at once from both sides one makes it", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Database(db.Options{MaxConns: 22}))
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		// Whoever has waited for this row finds that nobody made the conversation, and tries again.
		held := w.Hold(t, `INSERT INTO conversations (id, kind, direct_key, created_by) VALUES (gen_random_uuid(), 'direct', $1, $2)`,
			min(anna.ID.String(), ben.ID.String())+":"+max(anna.ID.String(), ben.ID.String()), anna.ID)
		var mu sync.Mutex
		ids := map[chat.ID]bool{}
		var errs []error
		done := later(func() error {
			errs = together(20, func(i int) error {
				viewer, other := anna, ben
				if i%2 == 1 {
					viewer, other = ben, anna
				}
				id, err := w.Chat.StartDirect(t.Context(), viewer, other.ID)
				mu.Lock()
				defer mu.Unlock()
				ids[id] = true
				return err
			})
			return nil
		})
		w.AwaitWaiting(t, 20)
		held.Rollback()
		<-done
		if len(ids) != 1 || successes(errs) != 20 {
			t.Errorf("got %v, %v", ids, errs)
		}
		// Both of what one of them has made, and the other once more, who has started it, too.
		people := told(w.Heard())
		if slices.SortFunc(people, func(a, b chat.ID) int { return strings.Compare(a.String(), b.String()) }); len(people) != 3 || len(slices.Compact(people)) != 2 {
			t.Errorf("told %v", people)
		}
		for _, viewer := range []chat.Viewer{anna, ben} {
			if page := value[chat.ListPage](t)(w.Chat.List(t.Context(), viewer, nil)); len(page.Rows) != 1 {
				t.Errorf("%s has %d conversations in the list", viewer.Username, len(page.Rows))
			}
		}
		if n := chattest.Value[int](t, w, "SELECT count(*) FROM members"); n != 2 {
			t.Errorf("%d members", n)
		}
	})

	t.Run("an error in the middle leaves nothing", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		w.Exec(t, "ALTER TABLE people ADD CHECK (view_seq = 0)")
		_, err := w.Chat.StartDirect(t.Context(), anna, ben.ID)
		internal(t, err)
		if n := chattest.Value[int](t, w, "SELECT count(*) FROM conversations"); n != 0 || len(w.Heard()) != 0 {
			t.Errorf("%d conversations", n)
		}
	})
}
