//go:build unix

package chat_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"parley/chat"
	"parley/chat/chattest"
	"parley/db"
)

// send is SendMessage with a fresh id.
func send(t *testing.T, w *chattest.World, viewer chat.Viewer, conversation chat.ID, body string) (chat.Message, error) {
	t.Helper()
	return w.Chat.SendMessage(t.Context(), viewer, conversation, chat.Draft{Body: body, ClientID: chat.NewID()})
}

func TestSendMessage(t *testing.T) {
	t.Parallel()

	t.Run("a message is stored, counted and announced", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		id := w.Direct(t, anna, ben)
		w.Heard()
		clientID := chat.NewID()
		first := value[chat.Message](t)(w.Chat.SendMessage(t.Context(), anna, id, chat.Draft{Body: "\r\n one\r\ntwo \n", ClientID: clientID}))
		if first.Body != " one\ntwo" || first.Seq != 1 || first.ChangeSeq != 1 || first.Author != anna.Card || first.Kind != chat.MessageText ||
			first.ClientID != clientID || first.ConversationID != id || first.EditedAt != nil || first.DeletedAt != nil {
			t.Errorf("got %+v", first)
		}
		if ago := chattest.Value[float64](t, w, "SELECT abs(extract(epoch FROM now() - $1::timestamptz))::float8", first.CreatedAt); ago > 60 {
			t.Errorf("sent at %s", first.CreatedAt)
		}
		heard := w.Heard()
		if e, ok := heard[0].(chat.ConversationChanged); len(heard) != 1 || !ok || e.ConversationID != id || e.ChangeSeq != 1 || *e.Message != first {
			t.Errorf("heard %v", heard)
		}
		second := w.Say(t, ben, id, "three")
		if second.Seq != 2 || second.ChangeSeq != 2 || second.CreatedAt.Before(first.CreatedAt) {
			t.Errorf("got %+v", second)
		}
		changes := value[chat.Changes](t)(w.Chat.ChangesSince(t.Context(), id, 0, 10))
		if len(changes.Messages) != 2 || changes.Messages[0] != first || changes.Messages[1] != second {
			t.Errorf("got %+v", changes)
		}
	})

	t.Run("a text that cannot be sent is refused, and one at its bounds is not", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna := w.Person(t, "Anna")
		id := w.Direct(t, anna, anna)
		for body, code := range map[string]chat.Code{
			"":                               chat.CodeRequired,
			" \r\n\t\u3000 ":                 chat.CodeRequired,
			"\u200b\u2060\ufeff":             chat.CodeRequired,
			"\u200b\n\u3164":                 chat.CodeRequired,
			"\ufe0f":                         chat.CodeRequired,
			"a\x00b":                         chat.CodeBadText,
			"a\x1bb":                         chat.CodeBadText,
			"\xff":                           chat.CodeBadText,
			strings.Repeat("é", 10_001):      chat.CodeTooLong,
			strings.Repeat("\n", 9999) + "a": "",
			strings.Repeat("a", 10_000):      "",
			strings.Repeat("👩", 10_000):      "",
			strings.Repeat("é", 10_000) + "\r\n \r\n": "",
			strings.Repeat("a\r\n", 5_000):            "", // 14,999 characters as sent, 9,999 as stored
			"❤\ufe0f":                                 "",
			"\u06dd":                                  "",
			"<script>alert(1)</script>":               "",
		} {
			message, err := send(t, w, anna, id, body)
			if code == "" {
				if err != nil || message.Seq == 0 {
					t.Errorf("%.20q: %v", body, err)
				}
				continue
			}
			if got := wrong(t, err); got["body"] != code || len(got) != 1 {
				t.Errorf("%.20q: got %v", body, got)
			}
		}
		if n := chattest.Value[int64](t, w, "SELECT msg_seq FROM conversations"); n != 8 {
			t.Errorf("%d messages", n)
		}
		_, err := w.Chat.SendMessage(t.Context(), anna, id, chat.Draft{Body: "Hello"})
		if got := wrong(t, err); got["client_id"] != chat.CodeClientID || len(got) != 1 {
			t.Errorf("got %v", got)
		}
	})

	t.Run("only those who are in a conversation can send, and the others learn nothing", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben, stranger := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Stranger")
		id := w.Direct(t, anna, ben)
		w.Say(t, anna, id, "Hello")
		w.Heard()
		_, err := send(t, w, stranger, id, "Hello")
		notFound(t, err)
		_, err = send(t, w, anna, chat.NewID(), "Hello")
		notFound(t, err)
		if n := chattest.Value[int64](t, w, "SELECT msg_seq FROM conversations"); n != 1 || len(w.Heard()) != 0 {
			t.Errorf("%d messages", n)
		}
	})

	for name, c := range map[string]struct{ sql, back string }{
		"where the conversation is closed for somebody": {"UPDATE members SET closed = true WHERE person_id = $1", "UPDATE members SET closed = false WHERE person_id = $1"},
		"for who is muted":    {"UPDATE members SET muted_until = now() + interval '1 hour' WHERE person_id = $1", "UPDATE members SET muted_until = now() WHERE person_id = $1"},
		"for who was removed": {"UPDATE members SET until_change = 1 WHERE person_id = $1", "UPDATE members SET until_change = NULL WHERE person_id = $1"},
	} {
		t.Run("new messages are not possible "+name+", but for the others, and for all again afterwards", func(t *testing.T) {
			t.Parallel()
			w := chattest.New(t)
			anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
			id := w.Direct(t, anna, ben)
			w.Say(t, anna, id, "before")
			w.Exec(t, c.sql, anna.ID)
			w.Heard()
			_, err := send(t, w, anna, id, "Hello")
			refused(t, err, chat.KindForbidden, chat.CodeClosed)
			if heard := w.Heard(); len(heard) != 0 {
				t.Errorf("heard %v", heard)
			}
			w.Say(t, ben, id, "after")
			w.Exec(t, c.back, anna.ID)
			if message := w.Say(t, anna, id, "again"); message.Seq != 3 || message.ChangeSeq != 3 {
				t.Errorf("the refused one left a hole: %+v", message)
			}
		})
	}

	t.Run("a former member sees the past and nothing after it", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		id := w.Group(t, "Garden", ben, anna)
		first := w.Say(t, anna, id, "first")
		second := w.Say(t, ben, id, "second")
		w.Remove(t, id, anna)
		third := w.Say(t, ben, id, "third")
		page := value[chat.ConversationPage](t)(w.Chat.OpenConversation(t.Context(), anna, id, chat.Place{}))
		if len(page.Messages) != 2 || page.HasNewer || page.Unread != 0 || page.Member.UntilChange == nil || *page.Member.UntilChange != 2 {
			t.Errorf("got %+v", page)
		}
		for m, sees := range map[chat.Message]bool{first: true, second: true, third: false} {
			if page.Member.Sees(m) != sees {
				t.Errorf("%s: %v", m.Body, !sees)
			}
		}
		changed := second
		changed.ChangeSeq = 4
		if page.Member.Sees(changed) {
			t.Error("sees a later change of what was seen")
		}
		if late := (chat.Member{FromSeq: 2}); late.Sees(second) || !late.Sees(third) {
			t.Error("who came later sees from there on")
		}
	})
}

func TestSendAgain(t *testing.T) {
	t.Parallel()

	t.Run("the same id with the same content is the same message, without an event", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		id := w.Direct(t, anna, ben)
		draft := chat.Draft{Body: "Hello\n", ClientID: chat.NewID()}
		first := value[chat.Message](t)(w.Chat.SendMessage(t.Context(), anna, id, draft))
		w.Heard()
		for _, body := range []string{"Hello\n", "Hello", "\r\nHello  "} {
			draft.Body = body
			if again := value[chat.Message](t)(w.Chat.SendMessage(t.Context(), anna, id, draft)); again != first {
				t.Errorf("got %+v", again)
			}
		}
		if n := chattest.Value[int64](t, w, "SELECT msg_seq FROM conversations"); n != 1 || len(w.Heard()) != 0 {
			t.Errorf("%d messages", n)
		}
	})

	t.Run("it is answered before limits and rules", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Limits())
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		id := w.Direct(t, anna, ben)
		draft := chat.Draft{Body: "Hello", ClientID: chat.NewID()}
		first := value[chat.Message](t)(w.Chat.SendMessage(t.Context(), anna, id, draft))
		for range chat.LimitSend.Burst - 1 {
			w.Say(t, anna, id, "more")
		}
		_, err := send(t, w, anna, id, "too much")
		refused(t, err, chat.KindTooMany, chat.CodeTooMany)
		if again := value[chat.Message](t)(w.Chat.SendMessage(t.Context(), anna, id, draft)); again != first {
			t.Errorf("got %+v", again)
		}
		for _, sql := range []string{"UPDATE members SET closed = true", "UPDATE members SET until_change = 1", "DELETE FROM members"} {
			w.Exec(t, sql)
			if again := value[chat.Message](t)(w.Chat.SendMessage(t.Context(), anna, id, draft)); again != first {
				t.Errorf("%s: got %+v", sql, again)
			}
		}
		w.Exec(t, "UPDATE messages SET deleted_at = now() WHERE id = $1", first.ID)
		if again := value[chat.Message](t)(w.Chat.SendMessage(t.Context(), anna, id, draft)); again.ID != first.ID || again.Body != "" || again.DeletedAt == nil {
			t.Errorf("deleted meanwhile: %+v", again)
		}
	})

	t.Run("the same id with another content is a conflict and changes nothing", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		id, note := w.Direct(t, anna, ben), w.Direct(t, anna, anna)
		draft := chat.Draft{Body: "Hello", ClientID: chat.NewID()}
		value[chat.Message](t)(w.Chat.SendMessage(t.Context(), anna, id, draft))
		w.Heard()
		_, err := w.Chat.SendMessage(t.Context(), anna, note, draft)
		refused(t, err, chat.KindConflict, chat.CodeClientIDReused)
		other := draft
		for _, body := range []string{"hello", "Hello!", ""} {
			other.Body = body
			message, err := w.Chat.SendMessage(t.Context(), anna, id, other)
			refused(t, err, chat.KindConflict, chat.CodeClientIDReused)
			if message != (chat.Message{}) {
				t.Errorf("got %+v", message)
			}
		}
		if n := chattest.Value[int](t, w, "SELECT count(*) FROM messages"); n != 1 || len(w.Heard()) != 0 {
			t.Errorf("%d messages", n)
		}
		// The id is the sender's own: somebody else's is another one.
		if message := value[chat.Message](t)(w.Chat.SendMessage(t.Context(), ben, id, with(draft, "mine"))); message.Author != ben.Card {
			t.Errorf("got %+v", message)
		}
	})

	t.Run("ten equal sends at once are one message", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Database(db.Options{MaxConns: 12}))
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		id := w.Direct(t, anna, ben)
		w.Heard()
		draft := chat.Draft{Body: "Hello", ClientID: chat.NewID()}
		messages := make([]chat.Message, 10)
		var errs []error
		held := w.Hold(t, "SELECT FROM members FOR UPDATE")
		done := later(func() error {
			errs = together(len(messages), func(i int) (err error) {
				messages[i], err = w.Chat.SendMessage(t.Context(), anna, id, draft)
				return err
			})
			return nil
		})
		w.AwaitWaiting(t, 10) // all have looked, and found no earlier send
		held.Commit()
		<-done
		if successes(errs) != 10 {
			t.Fatalf("got %v", errs)
		}
		for _, m := range messages {
			if m != messages[0] {
				t.Errorf("got %+v and %+v", m, messages[0])
			}
		}
		if heard := w.Heard(); len(heard) != 1 {
			t.Errorf("heard %v", heard)
		}
		if next := w.Say(t, ben, id, "next"); next.Seq != 2 || next.ChangeSeq != 2 {
			t.Errorf("the twins left a hole: %+v", next)
		}
	})

	t.Run("of two sends of one id into two conversations at once one is a conflict", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		ids := []chat.ID{w.Direct(t, anna, ben), w.Direct(t, anna, anna)}
		draft := chat.Draft{Body: "Hello", ClientID: chat.NewID()}
		held := w.Hold(t, "SELECT FROM members FOR UPDATE")
		var errs []error
		done := later(func() error {
			errs = together(2, func(i int) error { _, err := w.Chat.SendMessage(t.Context(), anna, ids[i], draft); return err })
			return nil
		})
		w.AwaitWaiting(t, 2)
		held.Commit()
		<-done
		if successes(errs) != 1 {
			t.Fatalf("got %v", errs)
		}
		refused(t, errors.Join(errs...), chat.KindConflict, chat.CodeClientIDReused)
		for _, id := range ids {
			if next := w.Say(t, anna, id, "next"); next.Seq > 2 || next.Seq != chattest.Value[int64](t, w, "SELECT count(*) FROM messages WHERE conversation_id = $1", id) {
				t.Errorf("a hole: %+v", next)
			}
		}
	})
}

func with(draft chat.Draft, body string) chat.Draft {
	draft.Body = body
	return draft
}

func TestChangesSince(t *testing.T) {
	t.Parallel()
	w := chattest.New(t)
	anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
	id := w.Direct(t, anna, ben)
	for range 5 {
		w.Say(t, anna, id, "x")
	}
	// The second message changes: an edit. The fourth: deleted.
	w.Exec(t, "UPDATE messages SET change_seq = 6, edited_at = now(), body = 'y' WHERE seq = 2")
	w.Exec(t, "UPDATE messages SET change_seq = 7, deleted_at = now() WHERE seq = 4")
	w.Exec(t, "UPDATE conversations SET change_seq = 7")

	for name, c := range map[string]struct {
		after int64
		limit int
		want  []int64
		to    int64
	}{
		"from the beginning each message once, where it changed last": {0, 10, []int64{1, 3, 5, 2, 4}, 7},
		"cut at a bound":               {0, 3, []int64{1, 3, 5}, 5},
		"cut at exactly all":           {0, 5, []int64{1, 3, 5, 2, 4}, 7},
		"on from a cut":                {5, 3, []int64{2, 4}, 7},
		"a stretch that is left empty": {3, 1, []int64{5}, 5},
		"at the head":                  {7, 10, nil, 7},
		"behind the head":              {99, 10, nil, 7},
		"nothing asked for":            {0, 0, nil, 7},
	} {
		t.Run(name, func(t *testing.T) {
			changes := value[chat.Changes](t)(w.Chat.ChangesSince(t.Context(), id, c.after, c.limit))
			got := seqs(changes.Messages)
			if len(got) != len(c.want) || changes.From != c.after || changes.To != c.to || changes.Head != 7 {
				t.Fatalf("got %v, %+v", got, changes)
			}
			for i := range got {
				if got[i] != c.want[i] {
					t.Errorf("got %v", got)
				}
			}
			for _, m := range changes.Messages {
				if (m.Seq == 4) != (m.Body == "" && m.DeletedAt != nil) || (m.Seq == 2) != (m.EditedAt != nil && m.Body == "y") {
					t.Errorf("got %+v", m)
				}
			}
		})
	}
	empty := w.Direct(t, anna, anna)
	if changes := value[chat.Changes](t)(w.Chat.ChangesSince(t.Context(), empty, 0, 10)); changes.Head != 0 || changes.To != 0 || changes.Messages != nil {
		t.Errorf("got %+v", changes)
	}
	_, err := w.Chat.ChangesSince(t.Context(), chat.NewID(), 0, 10)
	notFound(t, err)

	t.Run("what is active is known, with its head", func(t *testing.T) {
		active, at, err := w.Chat.Active(t.Context(), time.Time{})
		if err != nil || active != nil || at.IsZero() {
			t.Fatalf("got %v, %v, %v", active, at, err)
		}
		w.Exec(t, "UPDATE messages SET changed_at = now() - interval '1 hour'")
		if active, _, err := w.Chat.Active(t.Context(), at.Add(-time.Minute)); err != nil || len(active) != 0 {
			t.Errorf("nothing changed: %v, %v", active, err)
		}
		note := w.Say(t, anna, empty, "Milk")
		active, later, err := w.Chat.Active(t.Context(), at.Add(-time.Minute))
		if err != nil || len(active) != 1 || active[empty] != note.ChangeSeq || later.Before(at) {
			t.Errorf("got %v, %v, %v", active, later, err)
		}
		heads := value[map[chat.ID]int64](t)(w.Chat.Heads(t.Context(), []chat.ID{id, empty, chat.NewID()}))
		if len(heads) != 2 || heads[id] != 7 || heads[empty] != 1 {
			t.Errorf("got %v", heads)
		}
		viewSeqs := value[map[chat.ID]int64](t)(w.Chat.ViewSeqs(t.Context(), []chat.ID{anna.ID, ben.ID, chat.NewID()}))
		if len(viewSeqs) != 2 || viewSeqs[anna.ID] != 2 || viewSeqs[ben.ID] != 1 {
			t.Errorf("got %v", viewSeqs)
		}
	})
}
