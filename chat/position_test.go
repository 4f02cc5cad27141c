//go:build unix

package chat_test

import (
	"fmt"
	"slices"
	"testing"

	"parley/chat"
	"parley/chat/chattest"
)

// positions are a member's three counters.
func positions(t *testing.T, w *chattest.World, viewer chat.Viewer, id chat.ID) [3]int64 {
	t.Helper()
	m := value[chat.Member](t)(w.Store.Member(t.Context(), viewer.ID, id))
	return [3]int64{m.UnreadFrom, m.DeliveredSeq, m.ReadSeq}
}

// heardUnread are the events about unread numbers.
func heardUnread(w *chattest.World) (heard []chat.Event) {
	for _, event := range w.Heard() {
		if _, ok := event.(chat.PositionsMoved); ok {
			heard = append(heard, event)
		}
	}
	return heard
}

func TestSavePositions(t *testing.T) {
	t.Parallel()

	t.Run("positions grow, end at the end, and nothing else moves", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		id := w.Direct(t, anna, ben)
		for range 5 {
			w.Say(t, ben, id, "x")
		}
		if got := positions(t, w, ben, id); got != [3]int64{} {
			t.Errorf("sending moved %v", got)
		}
		w.Heard()
		for _, c := range []struct {
			delivered, read int64
			want            [3]int64
			moved           bool
		}{
			{2, 0, [3]int64{0, 2, 0}, false},
			{0, 1, [3]int64{1, 2, 1}, true},
			{1, 1, [3]int64{1, 2, 1}, false},
			{0, 0, [3]int64{1, 2, 1}, false},
			{-5, -5, [3]int64{1, 2, 1}, false},
			{0, 3, [3]int64{3, 3, 3}, true}, // what was read was delivered
			{4, 2, [3]int64{3, 4, 3}, false},
			{1 << 62, 0, [3]int64{3, 5, 3}, false},
			{0, 1 << 62, [3]int64{5, 5, 5}, true},
			{6, 6, [3]int64{5, 5, 5}, false},
		} {
			must(t, w.Chat.SavePositions(t.Context(), []chat.Position{{PersonID: anna.ID, ConversationID: id, Delivered: c.delivered, Read: c.read}}))
			if got := positions(t, w, anna, id); got != c.want {
				t.Errorf("after %d, %d it is %v", c.delivered, c.read, got)
			}
			heard := heardUnread(w)
			if c.moved != (len(heard) == 1) {
				t.Errorf("after %d, %d: heard %v", c.delivered, c.read, heard)
			}
			for _, event := range heard {
				if e := event.(chat.PositionsMoved); e.PersonID != anna.ID || !slices.Equal(e.Conversations, []chat.ID{id}) {
					t.Errorf("heard %v", e)
				}
			}
		}
		if got := positions(t, w, ben, id); got != [3]int64{} {
			t.Errorf("the other's moved: %v", got)
		}
	})

	t.Run("what is not one's own, not there, or over is ignored, and the rest is saved", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben, cleo := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Cleo")
		id, foreign, left := w.Direct(t, anna, ben), w.Direct(t, ben, cleo), w.Group(t, "Garden", ben, anna)
		for _, id := range []chat.ID{id, foreign, left} {
			w.Say(t, ben, id, "x")
		}
		w.Remove(t, left, anna)
		w.Heard()
		must(t, w.Chat.SavePositions(t.Context(), []chat.Position{
			{PersonID: anna.ID, ConversationID: foreign, Read: 1},
			{PersonID: anna.ID, ConversationID: left, Read: 1},
			{PersonID: anna.ID, ConversationID: chat.NewID(), Read: 1},
			{PersonID: chat.NewID(), ConversationID: id, Read: 1},
			{PersonID: anna.ID, ConversationID: id, Read: 1},
			{PersonID: anna.ID, ConversationID: id, Delivered: 1}, // the same twice: the higher counts
		}))
		if n := chattest.Value[int](t, w, "SELECT count(*) FROM members WHERE read_seq > 0 OR delivered_seq > 0"); n != 1 {
			t.Errorf("%d rows moved", n)
		}
		if n := chattest.Value[int](t, w, "SELECT count(*) FROM members"); n != 6 {
			t.Errorf("%d rows", n)
		}
		if got := positions(t, w, anna, id); got != [3]int64{1, 1, 1} {
			t.Errorf("got %v", got)
		}
		if heard := heardUnread(w); len(heard) != 1 {
			t.Errorf("heard %v", heard)
		}
	})

	t.Run("what somebody has read of their own moves no row of their list", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		id := w.Direct(t, anna, ben)
		w.Say(t, anna, id, "x")
		w.Say(t, anna, id, "x")
		w.Heard()
		for _, viewer := range []chat.Viewer{anna, ben} {
			must(t, w.Chat.SavePositions(t.Context(), []chat.Position{{PersonID: viewer.ID, ConversationID: id, Read: 2}}))
			if got := positions(t, w, viewer, id); got != [3]int64{2, 2, 2} {
				t.Errorf("%s has read %v", viewer.Username, got)
			}
			if heard := heardUnread(w); (len(heard) == 1) != (viewer.ID == ben.ID) {
				t.Errorf("%s hears %v", viewer.Username, heard)
			}
		}
	})

	t.Run("each person is told once, of all conversations", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		a, b := w.Group(t, "A", anna, ben), w.Group(t, "B", anna, ben)
		var asked []chat.Position
		for _, id := range []chat.ID{a, b} {
			w.Say(t, anna, id, "x")
			w.Say(t, ben, id, "x")
			for _, viewer := range []chat.Viewer{anna, ben} {
				asked = append(asked, chat.Position{PersonID: viewer.ID, ConversationID: id, Read: 2})
			}
		}
		w.Heard()
		before := slices.Clone(asked)
		must(t, w.Chat.SavePositions(t.Context(), asked))
		heard := heardUnread(w)
		if len(heard) != 2 || heard[0].(chat.PositionsMoved).PersonID == heard[1].(chat.PositionsMoved).PersonID {
			t.Fatalf("heard %v", heard)
		}
		for _, event := range heard {
			if e := event.(chat.PositionsMoved); len(e.Conversations) != 2 || e.Conversations[0] == e.Conversations[1] {
				t.Errorf("heard %v", e)
			}
		}
		if !slices.Equal(asked, before) {
			t.Error("the caller's list was changed")
		}
		must(t, w.Chat.SavePositions(t.Context(), nil))
	})
}

func TestMarkRead(t *testing.T) {
	t.Parallel()
	w := chattest.New(t)
	anna, ben, stranger := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Stranger")
	id := w.Direct(t, anna, ben)
	w.Say(t, ben, id, "x")
	w.Say(t, ben, id, "x")
	must(t, w.Chat.MarkRead(t.Context(), anna, chat.Position{ConversationID: id, Read: 1}))
	if got := positions(t, w, anna, id); got != [3]int64{1, 1, 1} {
		t.Errorf("got %v", got)
	}
	must(t, w.Chat.MarkRead(t.Context(), anna, chat.Position{ConversationID: id, Read: -1}))
	must(t, w.Chat.MarkRead(t.Context(), anna, chat.Position{ConversationID: id, Read: 1 << 62}))
	if got := positions(t, w, anna, id); got != [3]int64{2, 2, 2} {
		t.Errorf("got %v", got)
	}
	notFound(t, w.Chat.MarkRead(t.Context(), stranger, chat.Position{ConversationID: id, Read: 1}))
	notFound(t, w.Chat.MarkRead(t.Context(), anna, chat.Position{ConversationID: chat.NewID(), Read: 1}))
}

// unread returns the number in the page, in the list, in the rows and in the totals, which must agree.
func unread(t *testing.T, w *chattest.World, viewer chat.Viewer, id chat.ID) int {
	t.Helper()
	page := value[chat.ConversationPage](t)(w.Chat.OpenConversation(t.Context(), viewer, id, chat.Place{}))
	list := value[chat.ListPage](t)(w.Chat.List(t.Context(), viewer, nil))
	rows := value[[]chat.ListRow](t)(w.Chat.RowsOf(t.Context(), []chat.ID{id}, []chat.ID{viewer.ID}, nil))
	totals := value[map[chat.ID]chat.ListTotals](t)(w.Chat.ListTotals(t.Context(), []chat.ID{viewer.ID}))
	listed, row := -1, -1
	for _, r := range list.Rows {
		if r.ConversationID == id {
			listed = r.Unread
		}
	}
	for _, r := range rows {
		if r.PersonID == viewer.ID {
			row = r.Unread
		}
	}
	total := min(page.Unread, 1)
	if listed != page.Unread || row != page.Unread || list.UnreadTotal != total || totals[viewer.ID].Unread != total {
		t.Errorf("%d in the page, %d in the list, %d in the rows; of the totals %d and %d", page.Unread, listed, row, list.UnreadTotal, totals[viewer.ID].Unread)
	}
	return page.Unread
}

func TestUnread(t *testing.T) {
	t.Parallel()

	t.Run("it counts what others wrote after one's place, up to 100", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		id := w.Direct(t, anna, ben)
		for want := range 103 {
			if got := unread(t, w, anna, id); got != min(want, 100) && want != 0 {
				t.Fatalf("after %d it is %d", want, got)
			}
			w.Say(t, ben, id, "x")
		}
		if got := unread(t, w, ben, id); got != 0 {
			t.Errorf("one's own count: %d", got)
		}
		for read, want := range map[int64]int{2: 100, 3: 100, 4: 99, 102: 1, 103: 0} {
			w.Exec(t, "UPDATE members SET unread_from = $1", read)
			if got := unread(t, w, anna, id); got != want {
				t.Errorf("read to %d it is %d", read, got)
			}
		}
	})

	// Each of these leaves 3 of the 6 messages that Ben wrote.
	for name, sql := range map[string]string{
		"not what the system says":          "UPDATE messages SET kind = 'system', event = '{}' WHERE seq <= 3",
		"not what was deleted":              "UPDATE messages SET deleted_at = now() WHERE seq IN (2, 4, 6)",
		"not what was there before oneself": "UPDATE members SET from_seq = 3",
		"not what was read":                 "UPDATE members SET unread_from = 3",
		"not before the later of both":      "UPDATE members SET unread_from = 1, from_seq = 3",
		"not one's own":                     "UPDATE messages SET author_id = (SELECT created_by FROM conversations) WHERE seq > 3",
	} {
		t.Run("it counts "+name, func(t *testing.T) {
			t.Parallel()
			w := chattest.New(t)
			anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
			id := w.Direct(t, anna, ben)
			for range 6 {
				w.Say(t, ben, id, "x")
			}
			if got := unread(t, w, anna, id); got != 6 {
				t.Fatalf("premise: %d", got)
			}
			w.Exec(t, sql)
			if got := unread(t, w, anna, id); got != 3 {
				t.Errorf("it is %d", got)
			}
		})
	}

	t.Run("it is exact behind any number of one's own messages, of several others' and of a former member's", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben, cleo := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Cleo")
		id := w.Group(t, "Garden", anna, ben, cleo)
		mine := func(n int) {
			t.Helper()
			w.Exec(t, `
				INSERT INTO messages (id, conversation_id, seq, change_seq, author_id, body, client_id, request_hash, created_at, changed_at)
				SELECT gen_random_uuid(), c.id, c.msg_seq + n, c.change_seq + n, $1, 'x', gen_random_uuid(), '', now(), now()
				FROM conversations c, generate_series(1, $2::int) n`, anna.ID, n)
			w.Exec(t, "UPDATE conversations SET msg_seq = msg_seq + $1, change_seq = change_seq + $1", n)
		}
		check := func(want int) {
			t.Helper()
			if got := unread(t, w, anna, id); got != want {
				t.Errorf("it is %d, not %d", got, want)
			}
		}
		mine(131)
		check(0)
		mine(300)
		check(0)
		w.Say(t, ben, id, "x")
		check(1)
		mine(300)
		w.Say(t, cleo, id, "x")
		w.Say(t, ben, id, "x")
		check(3)
		w.Remove(t, id, cleo)
		check(3)
		w.Exec(t, "UPDATE messages SET deleted_at = now() WHERE author_id = $1", cleo.ID)
		check(2)
		for range 97 {
			w.Say(t, ben, id, "x")
		}
		check(99)
		w.Say(t, ben, id, "x")
		check(100)
		w.Say(t, ben, id, "x")
		check(100)
		w.Exec(t, "UPDATE members SET unread_from = 734 WHERE person_id = $1", anna.ID) // Ben's second
		check(99)
		w.Remove(t, id, anna)
		mine(200)
		w.Say(t, ben, id, "x")
		page := value[chat.ConversationPage](t)(w.Chat.OpenConversation(t.Context(), anna, id, chat.Place{}))
		if page.Unread != 0 { // what was unread is nobody's business any more
			t.Errorf("after leaving it is %d", page.Unread)
		}
	})
}

func TestList(t *testing.T) {
	t.Parallel()

	t.Run("the row of a conversation says what was said last, to each in their own way", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		id := w.Direct(t, anna, ben)
		w.Say(t, anna, id, "first")
		last := w.Say(t, ben, id, "second")
		rows := value[[]chat.ListRow](t)(w.Chat.RowsOf(t.Context(), []chat.ID{id, chat.NewID()}, []chat.ID{anna.ID, ben.ID, chat.NewID()}, nil))
		if len(rows) != 2 {
			t.Fatalf("got %v", rows)
		}
		for viewer, other := range map[*chat.Viewer]chat.Card{&anna: ben.Card, &ben: anna.Card} {
			page := value[chat.ListPage](t)(w.Chat.List(t.Context(), *viewer, nil))
			if len(page.Rows) != 1 || page.HasMore || page.UnreadTotal != 1 {
				t.Fatalf("got %+v", page)
			}
			row := page.Rows[0]
			if *row.Last != (chat.LastMessage{AuthorID: ben.ID, AuthorName: "Ben", Kind: chat.MessageText, Body: "second", At: last.CreatedAt}) {
				t.Errorf("got %+v", row.Last)
			}
			if row.Other != other || row.Kind != chat.KindDirect || row.Unread != 1 || row.PersonID != viewer.ID || row.ChangeSeq != 2 || !row.ActivityAt.Equal(last.CreatedAt) {
				t.Errorf("got %+v", row)
			}
			pushed := slices.IndexFunc(rows, func(r chat.ListRow) bool { return r.PersonID == viewer.ID })
			if got := rows[pushed]; *got.Last != *row.Last || got.Other != row.Other || got.Unread != row.Unread || got.ConversationID != id {
				t.Errorf("pushed is %+v, not %+v", got, row)
			}
		}
		w.Exec(t, "UPDATE messages SET deleted_at = now()")
		page := value[chat.ListPage](t)(w.Chat.List(t.Context(), anna, nil))
		if row := page.Rows[0]; !row.Last.Deleted || row.Last.Body != "" || row.Unread != 0 || page.UnreadTotal != 0 {
			t.Errorf("deleted, it is %+v", row.Last)
		}
	})

	t.Run("the preview is cut by characters", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna := w.Person(t, "Anna")
		id := w.Direct(t, anna, anna)
		for _, n := range []int{chat.PreviewLength, chat.PreviewLength + 1} {
			body := []rune{}
			for i := range n {
				body = append(body, []rune("é李👩")[i%3])
			}
			w.Say(t, anna, id, string(body))
			row := value[chat.ListPage](t)(w.Chat.List(t.Context(), anna, nil)).Rows[0]
			if row.Last.Body != string(body[:chat.PreviewLength]) {
				t.Errorf("of %d: %q", n, row.Last.Body)
			}
		}
	})

	t.Run("a conversation in which nobody has written stands in the list of who opened it", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		id := w.Direct(t, anna, ben)
		list := func(viewer chat.Viewer) int {
			return len(value[chat.ListPage](t)(w.Chat.List(t.Context(), viewer, nil)).Rows)
		}
		if list(anna) != 1 || list(ben) != 0 {
			t.Errorf("%d and %d rows", list(anna), list(ben))
		}
		if row := value[chat.ListPage](t)(w.Chat.List(t.Context(), anna, nil)).Rows[0]; row.Last != nil || row.Unread != 0 || row.Other != ben.Card {
			t.Errorf("got %+v", row)
		}
		if rows := value[[]chat.ListRow](t)(w.Chat.RowsOf(t.Context(), []chat.ID{id}, []chat.ID{anna.ID, ben.ID}, nil)); len(rows) != 1 || rows[0].PersonID != anna.ID {
			t.Errorf("got %v", rows)
		}
		w.Say(t, anna, id, "Hello")
		if list(anna) != 1 || list(ben) != 1 {
			t.Errorf("%d and %d rows", list(anna), list(ben))
		}
	})

	t.Run("a group has its name, a note to oneself its writer", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		w.Say(t, ben, w.Group(t, "Garden", anna, ben), "x")
		w.Say(t, anna, w.Direct(t, anna, anna), "x")
		rows := value[chat.ListPage](t)(w.Chat.List(t.Context(), anna, nil)).Rows
		if len(rows) != 2 || rows[1].Name != "Garden" || rows[1].Kind != chat.KindGroup || rows[1].Other != (chat.Card{}) || rows[0].Other != anna.Card {
			t.Errorf("got %+v", rows)
		}
	})

	t.Run("who was removed keeps the row as it was, and a stranger has none", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben, stranger := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Stranger")
		id := w.Group(t, "Garden", ben, anna)
		w.Say(t, ben, id, "x")
		if page := value[chat.ListPage](t)(w.Chat.List(t.Context(), anna, nil)); len(page.Rows) != 1 || page.UnreadTotal != 1 {
			t.Fatalf("premise: %+v", page)
		}
		w.Remove(t, id, anna)
		w.Say(t, ben, id, "y")
		w.Exec(t, "UPDATE conversations SET name = 'Orchard' WHERE id = $1", id)
		page := value[chat.ListPage](t)(w.Chat.List(t.Context(), anna, nil))
		if page.UnreadTotal != 0 || len(page.Rows) != 1 {
			t.Fatalf("got %+v", page)
		}
		if row := page.Rows[0]; !row.Past || row.Name != "Garden" || row.Last.Body != "x" || row.ChangeSeq != 1 || row.Unread != 0 {
			t.Errorf("got %+v", row)
		}
		if page := value[chat.ListPage](t)(w.Chat.List(t.Context(), stranger, nil)); len(page.Rows) != 0 {
			t.Errorf("got %+v", page)
		}
		if rows := value[[]chat.ListRow](t)(w.Chat.RowsOf(t.Context(), []chat.ID{id}, []chat.ID{anna.ID, ben.ID, stranger.ID}, nil)); len(rows) != 1 || rows[0].PersonID != ben.ID {
			t.Errorf("got %v", rows)
		}
		if totals := value[map[chat.ID]chat.ListTotals](t)(w.Chat.ListTotals(t.Context(), []chat.ID{anna.ID, stranger.ID})); len(totals) != 0 {
			t.Errorf("got %v", totals)
		}
	})

	t.Run("who came after the last message sees no preview of it", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		id := w.Group(t, "Garden", ben, anna)
		w.Say(t, ben, id, "secret")
		w.Exec(t, "UPDATE members SET from_seq = 1, unread_from = 1 WHERE person_id = $1", anna.ID)
		if row := value[chat.ListPage](t)(w.Chat.List(t.Context(), anna, nil)).Rows[0]; row.Last != nil {
			t.Errorf("got %+v", row.Last)
		}
	})

	t.Run("the newest come first, page by page, also at one moment", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		var want []chat.ID
		for i := range chat.ListLength + 5 {
			id := w.Group(t, fmt.Sprint(i), anna, ben)
			want = append(want, id)
			if i%2 == 0 {
				w.Say(t, ben, id, "x")
			}
		}
		w.Exec(t, "UPDATE conversations SET msg_seq = 1, last_activity_at = date_trunc('hour', now()) WHERE msg_seq = 0")
		slices.SortFunc(want, func(a, b chat.ID) int { return slices.Compare(b[:], a[:]) })
		newest := want[50]
		w.Exec(t, "UPDATE conversations SET last_activity_at = date_trunc('hour', now()) - interval '1 hour'")
		w.Exec(t, "UPDATE conversations SET last_activity_at = now() WHERE id = $1", newest)
		want = slices.Insert(slices.Delete(want, 50, 51), 0, newest)

		first := value[chat.ListPage](t)(w.Chat.List(t.Context(), anna, nil))
		if len(first.Rows) != chat.ListLength || !first.HasMore || first.UnreadTotal != 53 {
			t.Fatalf("%d rows, more: %v, total %d", len(first.Rows), first.HasMore, first.UnreadTotal)
		}
		second := value[chat.ListPage](t)(w.Chat.List(t.Context(), anna, &first.Rows[chat.ListLength-1]))
		if len(second.Rows) != 5 || second.HasMore || second.UnreadTotal != 53 {
			t.Fatalf("%d rows, more: %v, total %d", len(second.Rows), second.HasMore, second.UnreadTotal)
		}
		for i, row := range slices.Concat(first.Rows, second.Rows) {
			if row.ConversationID != want[i] {
				t.Errorf("row %d is another one", i)
			}
		}
		rest := value[chat.ListPage](t)(w.Chat.List(t.Context(), anna, &second.Rows[4]))
		if len(rest.Rows) != 0 || rest.HasMore || rest.UnreadTotal != 53 {
			t.Errorf("behind the end: %+v", rest)
		}
		before := value[chat.ListPage](t)(w.Store.List(t.Context(), anna.ID, false, &first.Rows[2], 3))
		if len(before.Rows) != 3 || before.Rows[0].ConversationID != want[3] || !before.HasMore {
			t.Errorf("got %+v", before)
		}
		exact := value[chat.ListPage](t)(w.Store.List(t.Context(), anna.ID, false, nil, len(want)))
		if len(exact.Rows) != len(want) || exact.HasMore {
			t.Errorf("%d rows, more: %v", len(exact.Rows), exact.HasMore)
		}
	})
}
