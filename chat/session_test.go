//go:build unix

package chat_test

import (
	"slices"
	"testing"

	"parley/chat"
	"parley/chat/chattest"
)

func TestViewer(t *testing.T) {
	t.Parallel()
	w := chattest.New(t)

	// The clock that counts is the database's: moving a row's times is waiting.
	for name, c := range map[string]struct {
		sql   string
		alive bool
	}{
		"a session in use stands":                        {"UPDATE sessions SET last_used_at = now() WHERE id = $1", true},
		"one that was not used for almost 30 days too":   {"UPDATE sessions SET last_used_at = now() - interval '29 days 23:59' WHERE id = $1", true},
		"one that was not used for 30 days is over":      {"UPDATE sessions SET last_used_at = now() - interval '30 days' WHERE id = $1", false},
		"one on its last day stands":                     {"UPDATE sessions SET expires_at = now() + interval '1 minute' WHERE id = $1", true},
		"one at its end is over, however often used":     {"UPDATE sessions SET expires_at = now() WHERE id = $1", false},
		"one that was revoked is over":                   {"UPDATE sessions SET revoked_at = now() WHERE id = $1", false},
		"one that does not exist is over":                {"DELETE FROM sessions WHERE id = $1", false},
		"somebody suspended has none":                    {"UPDATE people SET state = 'suspended' WHERE id = (SELECT person_id FROM sessions WHERE id = $1)", false},
		"somebody who closed the account has none":       {"UPDATE people SET state = 'closed' WHERE id = (SELECT person_id FROM sessions WHERE id = $1)", false},
		"somebody whose account is gone has none":        {"DELETE FROM people WHERE id = (SELECT person_id FROM sessions WHERE id = $1)", false},
		"somebody else's suspension does not concern it": {"UPDATE people SET state = 'suspended' WHERE id <> (SELECT person_id FROM sessions WHERE id = $1) AND username = 'nobody'", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			anna := w.Person(t, "")
			other := w.Session(t, anna.Person)
			if n := chattest.Value[int](t, w, "SELECT count(*) FROM sessions WHERE person_id = $1", anna.ID); n != 2 {
				t.Fatalf("premise: %d sessions", n)
			}
			w.Exec(t, c.sql, anna.SessionID)
			viewer, err := w.Chat.Viewer(t.Context(), anna.SessionID)
			alive := value[[]chat.ID](t)(w.Chat.SessionsAlive(t.Context(), []chat.ID{anna.SessionID, chat.NewID()}))
			if !c.alive {
				refused(t, err, chat.KindUnauthenticated, chat.CodeLogInFirst)
				if viewer.ID != (chat.ID{}) || len(alive) != 0 {
					t.Errorf("got %v, %v", viewer, alive)
				}
				return
			}
			must(t, err)
			if viewer.ID != anna.ID || viewer.SessionID != anna.SessionID || len(alive) != 1 || alive[0] != anna.SessionID {
				t.Errorf("got %v, %v", viewer, alive)
			}
			if _, err := w.Chat.Viewer(t.Context(), other.SessionID); err != nil {
				t.Errorf("the other session: %v", err)
			}
		})
	}

	t.Run("use is written down with the address that it came from, and without one the last stays", func(t *testing.T) {
		t.Parallel()
		anna := w.Person(t, "")
		for _, c := range [][2]string{{"192.0.2.9", "192.0.2.9"}, {"", "192.0.2.9"}, {"2001:db8::/64", "2001:db8::/64"}} {
			w.Exec(t, "UPDATE sessions SET last_used_at = now() - interval '61 seconds' WHERE id = $1", anna.SessionID)
			value[chat.Viewer](t)(w.Chat.ViewerAt(t.Context(), anna.SessionID, c[0]))
			if got := value[[]chat.Session](t)(w.Chat.Sessions(t.Context(), anna))[0]; got.Address != c[1] {
				t.Errorf("used from %q: it is %q", c[0], got.Address)
			}
		}
	})

	t.Run("use is written down once a minute at most", func(t *testing.T) {
		t.Parallel()
		anna := w.Person(t, "")
		used := func() (ago int) {
			value[chat.Viewer](t)(w.Chat.Viewer(t.Context(), anna.SessionID))
			return chattest.Value[int](t, w, "SELECT extract(epoch FROM now() - last_used_at)::int FROM sessions WHERE id = $1", anna.SessionID)
		}
		w.Exec(t, "UPDATE sessions SET last_used_at = now() - interval '40 seconds' WHERE id = $1", anna.SessionID)
		if ago := used(); ago < 40 {
			t.Errorf("written after 40 s: %d", ago)
		}
		w.Exec(t, "UPDATE sessions SET last_used_at = now() - interval '61 seconds' WHERE id = $1", anna.SessionID)
		if ago := used(); ago > 30 {
			t.Errorf("not written after 61 s: %d", ago)
		}
	})

	t.Run("several uses at once write once", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna := w.Person(t, "")
		w.Exec(t, "UPDATE sessions SET last_used_at = now() - interval '61 seconds'")
		w.Exec(t, `
			CREATE TABLE written (at timestamptz);
			CREATE FUNCTION write_down() RETURNS trigger LANGUAGE plpgsql
				AS $$ BEGIN INSERT INTO written VALUES (new.last_used_at); RETURN NULL; END $$;
			CREATE TRIGGER write_down AFTER UPDATE ON sessions FOR EACH ROW EXECUTE FUNCTION write_down()`)
		held := w.Hold(t, "SELECT FROM sessions FOR UPDATE")
		var errs []error
		done := later(func() error {
			errs = together(3, func(int) error { _, err := w.Chat.Viewer(t.Context(), anna.SessionID); return err })
			return nil
		})
		w.AwaitWaiting(t, 3)
		held.Commit()
		<-done
		if n := chattest.Value[int](t, w, "SELECT count(*) FROM written"); n != 1 || successes(errs) != 3 {
			t.Errorf("written %d times, %v", n, errs)
		}
	})

	t.Run("a use that cannot be written down is an error", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna := w.Person(t, "")
		w.Exec(t, "UPDATE sessions SET last_used_at = now() - interval '61 seconds'")
		w.Exec(t, "ALTER TABLE sessions ADD CHECK (last_used_at < now() - interval '1 minute') NOT VALID")
		_, err := w.Chat.Viewer(t.Context(), anna.SessionID)
		internal(t, err)
	})
}

func TestLogOut(t *testing.T) {
	t.Parallel()
	w := chattest.New(t)
	anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
	other := w.Session(t, anna.Person)
	for range 2 { // the second time there is nothing left to do
		must(t, w.Chat.LogOut(t.Context(), anna))
		heard := w.Heard()
		if len(heard) != 1 || len(heard[0].(chat.SessionsEnded).Sessions) != 1 || heard[0].(chat.SessionsEnded).Sessions[0] != anna.SessionID {
			t.Errorf("heard %v", heard)
		}
	}
	_, err := w.Chat.Viewer(t.Context(), anna.SessionID)
	refused(t, err, chat.KindUnauthenticated, chat.CodeLogInFirst)
	for _, viewer := range []chat.Viewer{other, ben} {
		if _, err := w.Chat.Viewer(t.Context(), viewer.SessionID); err != nil {
			t.Error(err)
		}
	}
	alive := value[[]chat.ID](t)(w.Chat.SessionsAlive(t.Context(), []chat.ID{anna.SessionID, other.SessionID, ben.SessionID}))
	if len(alive) != 2 {
		t.Errorf("alive are %v", alive)
	}
}

func TestSweepSessions(t *testing.T) {
	t.Parallel()
	w := chattest.New(t)
	anna := w.Person(t, "Anna")
	kept := []string{
		"last_used_at = now() - interval '59 days'", "expires_at = now() - interval '29 days'", "revoked_at = now() - interval '29 days'",
	}
	gone := []string{
		"last_used_at = now() - interval '61 days'", "expires_at = now() - interval '31 days'", "revoked_at = now() - interval '31 days'",
	}
	for _, set := range append(kept, gone...) {
		w.Exec(t, "UPDATE sessions SET "+set+" WHERE id = $1", w.Session(t, anna.Person).SessionID)
	}
	w.Exec(t, `INSERT INTO session_tokens VALUES ('kept', '', now() + interval '1 minute'), ('gone', '', now() - interval '1 minute')`)
	w.Exec(t, `INSERT INTO password_resets VALUES ('kept', $1, now() - interval '23:00'), ('gone', $1, now() - interval '25:00')`, anna.ID)
	if n := value[int64](t)(w.Chat.SweepSessions(t.Context())); n != int64(len(gone))+2 {
		t.Errorf("%d rows went", n)
	}
	if n := chattest.Value[int](t, w, "SELECT count(*) FROM sessions"); n != len(kept)+1 {
		t.Errorf("%d sessions are left", n)
	}
	for _, table := range []string{"session_tokens", "password_resets"} {
		if left := chattest.Value[string](t, w, "SELECT string_agg(convert_from(token_hash::bytea, 'UTF8'), ' ') FROM "+table); left != "kept" {
			t.Errorf("%s: left are %s", table, left)
		}
	}
	if n := value[int64](t)(w.Chat.SweepSessions(t.Context())); n != 0 {
		t.Errorf("%d more rows went", n)
	}
	if _, err := w.Chat.Viewer(t.Context(), anna.SessionID); err != nil {
		t.Errorf("the living session: %v", err)
	}
}

func TestOwnSessions(t *testing.T) {
	t.Parallel()

	t.Run("somebody sees the own sessions that stand, the last used first, and nobody else's", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		phone, over := w.Session(t, anna.Person), w.Session(t, anna.Person)
		w.Exec(t, "UPDATE sessions SET last_used_at = now() - interval '3 days' WHERE id = $1", anna.SessionID)
		must(t, w.Chat.LogOut(t.Context(), over))
		sessions := value[[]chat.Session](t)(w.Chat.Sessions(t.Context(), anna))
		if len(sessions) != 2 || sessions[0].ID != phone.SessionID || sessions[1].ID != anna.SessionID {
			t.Fatalf("got %v", sessions)
		}
		if s := sessions[0]; s.Address != "192.0.2.1" || s.UserAgent != "chattest" || s.CreatedAt.IsZero() || s.LastUsedAt.IsZero() {
			t.Errorf("got %+v", s)
		}
		if others := value[[]chat.Session](t)(w.Chat.Sessions(t.Context(), ben)); len(others) != 1 || others[0].ID != ben.SessionID {
			t.Errorf("Ben sees %v", others)
		}
	})

	t.Run("somebody ends one of the own sessions, once, and the others stand", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna := w.Person(t, "Anna")
		phone, tablet := w.Session(t, anna.Person), w.Session(t, anna.Person)
		must(t, w.Chat.EndSession(t.Context(), anna, phone.SessionID))
		if heard := w.Heard(); len(heard) != 1 || heard[0].(chat.SessionsEnded).Sessions[0] != phone.SessionID {
			t.Errorf("heard %v", heard)
		}
		alive := value[[]chat.ID](t)(w.Chat.SessionsAlive(t.Context(), []chat.ID{anna.SessionID, phone.SessionID, tablet.SessionID}))
		if len(alive) != 2 {
			t.Errorf("alive %v", alive)
		}
		notFound(t, w.Chat.EndSession(t.Context(), anna, phone.SessionID))
		if heard := w.Heard(); len(heard) != 0 {
			t.Errorf("heard %v of a session that had ended", heard)
		}
	})

	t.Run("somebody else's session cannot be ended, and is not told from none", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		notFound(t, w.Chat.EndSession(t.Context(), ben, anna.SessionID))
		notFound(t, w.Chat.EndSession(t.Context(), ben, chat.NewID()))
		value[chat.Viewer](t)(w.Chat.Viewer(t.Context(), anna.SessionID))
	})

	t.Run("logging out everywhere else leaves the present session and other people alone", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		phone, tablet := w.Session(t, anna.Person), w.Session(t, anna.Person)
		if n := value[int](t)(w.Chat.EndOtherSessions(t.Context(), anna)); n != 2 {
			t.Errorf("%d ended", n)
		}
		if heard := w.Heard(); len(heard) != 1 || len(heard[0].(chat.SessionsEnded).Sessions) != 2 {
			t.Errorf("heard %v", heard)
		}
		alive := value[[]chat.ID](t)(w.Chat.SessionsAlive(t.Context(),
			[]chat.ID{anna.SessionID, phone.SessionID, tablet.SessionID, ben.SessionID}))
		if len(alive) != 2 || slices.Contains(alive, phone.SessionID) || slices.Contains(alive, tablet.SessionID) {
			t.Errorf("alive %v", alive)
		}
	})
}
