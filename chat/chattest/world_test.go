//go:build unix

package chattest_test

import (
	"context"
	"testing"
	"time"

	"parley/chat"
	"parley/chat/chattest"
	"parley/db"
	"parley/db/dbtest"
)

func TestMain(m *testing.M) { dbtest.Run(m) }

type count struct{ n int }

func (c *count) Publish(context.Context, chat.Event) { c.n++ }

func TestWorld(t *testing.T) {
	t.Parallel()
	var also count
	w := chattest.New(t, chattest.Publisher(&also), chattest.Database(db.Options{MaxConns: 2}))
	anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")

	t.Run("everybody has a username of their own", func(t *testing.T) {
		if again := w.Person(t, "Anna"); anna.Username != "anna" || again.Username != "anna2" || again.ID == anna.ID {
			t.Errorf("got %q and %q", anna.Username, again.Username)
		}
		if nameless, foreign := w.Person(t, ""), w.Person(t, "李雷"); nameless.Username != "person4" || foreign.Username != "person5" {
			t.Errorf("got %q and %q", nameless.Username, foreign.Username)
		}
	})

	t.Run("what is said is there, and heard once", func(t *testing.T) {
		id := w.Direct(t, anna, ben)
		w.Heard()
		message := w.Say(t, anna, id, "Hello")
		heard := w.Heard()
		if e, ok := heard[0].(chat.ConversationChanged); len(heard) != 1 || !ok || e.ConversationID != id || e.ChangeSeq != message.ChangeSeq {
			t.Errorf("heard %v", heard)
		}
		if again := w.Heard(); len(again) != 0 {
			t.Errorf("heard again: %v", again)
		}
		if also.n != 3 { // both were told of the conversation
			t.Errorf("the other publisher heard %d events", also.n)
		}
		if body := chattest.Value[string](t, w, "SELECT body FROM messages WHERE conversation_id = $1", id); body != "Hello" {
			t.Errorf("stored %q", body)
		}
	})

	t.Run("people can log in, and a session ends when the database is told so", func(t *testing.T) {
		viewer, err := w.Chat.LogIn(t.Context(), chat.Origin{}, "anna", chattest.Password)
		if err != nil || viewer.ID != anna.ID {
			t.Fatalf("got %v, %v", viewer, err)
		}
		w.Exec(t, "UPDATE sessions SET revoked_at = now() WHERE id = $1", viewer.SessionID)
		if _, err := w.Chat.Viewer(t.Context(), viewer.SessionID); chat.KindOf(err) != chat.KindUnauthenticated {
			t.Errorf("got %v", err)
		}
	})

	t.Run("limits hold only where asked for, by a clock that is moved", func(t *testing.T) {
		limited := chattest.New(t, chattest.Limits(), chattest.Registration(chat.RegistrationClosed))
		cleo := limited.Person(t, "Cleo")
		start := func() error {
			_, err := limited.Chat.StartDirect(t.Context(), cleo, cleo.ID)
			return err
		}
		for range chat.LimitStart.Burst {
			if err := start(); err != nil {
				t.Fatal(err)
			}
		}
		if err := start(); chat.KindOf(err) != chat.KindTooMany {
			t.Errorf("got %v", err)
		}
		limited.Clock.Advance(time.Minute)
		if err := start(); err != nil {
			t.Errorf("a minute later: %v", err)
		}
		if gate, err := limited.Chat.Gate(t.Context(), chat.Origin{}); err != nil || gate.Open {
			t.Errorf("got %v, %v", gate, err)
		}
	})
}

func TestHold(t *testing.T) {
	t.Parallel()
	w := chattest.New(t)
	anna := w.Person(t, "Anna")
	save := func(theme chat.Theme) chan error {
		done := make(chan error)
		go func() {
			done <- w.Chat.SavePreferences(context.WithoutCancel(t.Context()), anna, chat.Preferences{TimeZone: "UTC", Theme: theme})
		}()
		return done
	}
	theme := func() string {
		return chattest.Value[string](t, w, "SELECT theme FROM people WHERE id = $1", anna.ID)
	}

	held := w.Hold(t, "SELECT FROM people WHERE id = $1 FOR UPDATE", anna.ID)
	done := save(chat.ThemeDark)
	w.AwaitWaiting(t, 1)
	if now := theme(); now != "auto" {
		t.Errorf("somebody waits, and it is %s", now)
	}
	held.Commit()
	if err := <-done; err != nil || theme() != "dark" {
		t.Errorf("afterwards it is %s, %v", theme(), err)
	}

	held = w.Hold(t, "SELECT")
	held.Exec("UPDATE people SET theme = 'light' WHERE id = $1", anna.ID)
	held.Rollback()
	if now := theme(); now != "dark" {
		t.Errorf("rolled back, it is %s", now)
	}
}
