//go:build unix

package chat_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"parley/chat"
	"parley/chat/chattest"
)

const newPassword = "another horse, unstapled"

func TestResetPassword(t *testing.T) {
	t.Parallel()

	t.Run("a link sets a new password once and ends every session", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		second := w.Session(t, anna.Person)
		token := value[string](t)(w.Chat.MakeResetLink(t.Context(), "ANNA"))
		if len(token) != 43 {
			t.Errorf("the link says %q", token)
		}
		if n := chattest.Value[int](t, w, "SELECT count(*) FROM password_resets WHERE strpos(encode(token_hash, 'escape'), $1) > 0", token); n != 0 {
			t.Error("the secret itself is stored")
		}
		must(t, w.Chat.CheckResetLink(t.Context(), there, token))
		must(t, w.Chat.CheckResetLink(t.Context(), there, token)) // looking does not use it up
		must(t, w.Chat.ResetPassword(t.Context(), there, token, newPassword))

		heard := w.Heard()
		if len(heard) != 1 {
			t.Fatalf("heard %v", heard)
		}
		ended := heard[0].(chat.SessionsEnded).Sessions
		if len(ended) != 2 || ended[0] == ended[1] {
			t.Errorf("ended %v", ended)
		}
		for _, id := range []chat.ID{anna.SessionID, second.SessionID} {
			_, err := w.Chat.Viewer(t.Context(), id)
			refused(t, err, chat.KindUnauthenticated, chat.CodeLogInFirst)
		}
		if _, err := w.Chat.Viewer(t.Context(), ben.SessionID); err != nil {
			t.Errorf("somebody else: %v", err)
		}
		_, err := w.Chat.LogIn(t.Context(), there, "anna", chattest.Password)
		refused(t, err, chat.KindInvalid, chat.CodeLogin)
		_, err = w.Chat.LogIn(t.Context(), there, "anna", newPassword)
		must(t, err)

		refused(t, w.Chat.ResetPassword(t.Context(), there, token, "yet another horse"), chat.KindNotFound, chat.CodeResetLink)
		refused(t, w.Chat.CheckResetLink(t.Context(), there, token), chat.KindNotFound, chat.CodeResetLink)
	})

	t.Run("a link that is unknown, expired, or somebody suspended's does not work", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		w.Person(t, "Anna")
		ben := w.Person(t, "Ben")
		token := value[string](t)(w.Chat.MakeResetLink(t.Context(), "anna"))
		useless := func(token string) {
			t.Helper()
			refused(t, w.Chat.CheckResetLink(t.Context(), there, token), chat.KindNotFound, chat.CodeResetLink)
			refused(t, w.Chat.ResetPassword(t.Context(), there, token, newPassword), chat.KindNotFound, chat.CodeResetLink)
		}
		useless("")
		useless(strings.ToUpper(token))
		useless("\x00\xff")
		if n := chattest.Value[int](t, w, "SELECT count(*) FROM password_resets WHERE expires_at BETWEEN now() + interval '59 min' AND now() + interval '60 min'"); n != 1 {
			t.Error("the link does not live an hour")
		}
		w.Exec(t, "UPDATE password_resets SET expires_at = now()")
		useless(token)
		token = value[string](t)(w.Chat.MakeResetLink(t.Context(), "ben"))
		suspend(t, w, ben)
		useless(token)
		_, err := w.Chat.MakeResetLink(t.Context(), "nobody")
		notFound(t, err)
	})

	t.Run("no link is made that would not work", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		suspend(t, w, w.Person(t, "Anna"))
		_, err := w.Chat.MakeResetLink(t.Context(), "anna")
		refused(t, err, chat.KindConflict, chat.CodeAccountState)
		if n := chattest.Value[int](t, w, "SELECT count(*) FROM password_resets"); n != 0 {
			t.Errorf("%d links", n)
		}
	})

	t.Run("a password that is refused leaves the link alone", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna := w.Person(t, "Anna Schmidt")
		w.Exec(t, "UPDATE people SET email = 'anna@example.org', email_confirmed_at = now(), email_wanted = 'schmidt@example.org' WHERE id = $1", anna.ID)
		token := value[string](t)(w.Chat.MakeResetLink(t.Context(), "annaschmidt"))
		for password, code := range map[string]chat.Code{
			"":                      chat.CodeRequired,
			"short":                 chat.CodePasswordTooShort,
			"password":              chat.CodePasswordCommon,
			"AnnaSchmidt":           chat.CodePasswordLikeName,
			"anna schmidt":          chat.CodePasswordLikeName,
			"anna@example.org":      chat.CodePasswordLikeName,
			"schmidt@example.org":   chat.CodePasswordLikeName,
			strings.Repeat("é", 37): chat.CodePasswordTooLong,
		} {
			err := w.Chat.ResetPassword(t.Context(), there, token, password)
			if got := wrong(t, err); got["password"] != code || len(got) != 1 {
				t.Errorf("%q: got %v", password, got)
			}
		}
		if _, err := w.Chat.Viewer(t.Context(), anna.SessionID); err != nil {
			t.Errorf("the session: %v", err)
		}
		must(t, w.Chat.ResetPassword(t.Context(), there, token, newPassword))
	})

	for name, links := range map[string][]int{
		"of one link used several times at once one use counts":                       {0, 0, 0},
		"of several links of one person used at once one counts, and all are used up": {0, 1, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := chattest.New(t)
			w.Person(t, "Anna")
			value[string](t)(w.Chat.MakeResetLink(t.Context(), "anna"))
			// One more link stops whoever uses up all of them, and may by then have taken its own.
			held := w.Hold(t, "SELECT FROM password_resets FOR UPDATE")
			var tokens []string
			for range 3 {
				tokens = append(tokens, value[string](t)(w.Chat.MakeResetLink(t.Context(), "anna")))
			}
			var errs []error
			done := later(func() error {
				errs = together(len(links), func(i int) error {
					return w.Chat.ResetPassword(t.Context(), there, tokens[links[i]], newPassword)
				})
				return nil
			})
			w.AwaitWaiting(t, len(links))
			held.Commit()
			<-done
			if successes(errs) != 1 {
				t.Errorf("got %v", errs)
			}
			for _, err := range errs {
				if err != nil {
					refused(t, err, chat.KindNotFound, chat.CodeResetLink)
				}
			}
			if n := chattest.Value[int](t, w, "SELECT count(*) FROM password_resets WHERE used_at IS NULL"); n != 0 {
				t.Errorf("%d links are left", n)
			}
		})
	}

	t.Run("a login with the old password at the same time does not outlive the reset", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna := w.Person(t, "Anna")
		token := value[string](t)(w.Chat.MakeResetLink(t.Context(), "anna"))
		held := w.Hold(t, "SELECT FROM people WHERE id = $1 FOR UPDATE", anna.ID)
		reset := later(func() error { return w.Chat.ResetPassword(t.Context(), there, token, newPassword) })
		w.AwaitWaiting(t, 1)
		logins := later(func() error {
			return errors.Join(together(2, func(int) error { _, err := w.Chat.LogIn(t.Context(), there, "anna", chattest.Password); return err })...)
		})
		w.AwaitWaiting(t, 3)
		held.Commit()
		must(t, <-reset)
		refused(t, <-logins, chat.KindInvalid, chat.CodeLogin)
		if n := chattest.Value[int](t, w, "SELECT count(*) FROM sessions WHERE revoked_at IS NULL"); n != 0 {
			t.Errorf("%d sessions stand", n)
		}
	})

	t.Run("an error in the middle changes nothing", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		w.Person(t, "Anna")
		token := value[string](t)(w.Chat.MakeResetLink(t.Context(), "anna"))
		takeAway(t, w, "sessions")
		internal(t, w.Chat.ResetPassword(t.Context(), there, token, newPassword))
		w.Exec(t, "ALTER TABLE taken_away RENAME TO sessions")
		if _, err := w.Chat.LogIn(t.Context(), there, "anna", chattest.Password); err != nil {
			t.Errorf("the old password: %v", err)
		}
		must(t, w.Chat.ResetPassword(t.Context(), there, token, newPassword))
	})
}

func TestChangePassword(t *testing.T) {
	t.Parallel()

	t.Run("it ends the other sessions, and the present one gets a new token", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		phone := w.Session(t, anna.Person)
		must(t, w.Chat.ChangePassword(t.Context(), anna, chattest.Password, newPassword))
		if heard := w.Heard(); len(heard) != 1 || len(heard[0].(chat.SessionsEnded).Sessions) != 1 ||
			heard[0].(chat.SessionsEnded).Sessions[0] != phone.SessionID {
			t.Errorf("heard %v", heard)
		}
		if viewer := value[chat.Viewer](t)(w.Chat.Viewer(t.Context(), anna.SessionID)); !viewer.Renew {
			t.Error("the session keeps its token")
		}
		_, err := w.Chat.Viewer(t.Context(), phone.SessionID)
		refused(t, err, chat.KindUnauthenticated, chat.CodeLogInFirst)
		value[chat.Viewer](t)(w.Chat.Viewer(t.Context(), ben.SessionID))
		_, err = w.Chat.LogIn(t.Context(), there, "anna", chattest.Password)
		refused(t, err, chat.KindInvalid, chat.CodeLogin)
		value[chat.Viewer](t)(w.Chat.LogIn(t.Context(), there, "anna", newPassword))
	})

	t.Run("without the current password nothing changes", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna := w.Person(t, "Anna")
		for given, code := range map[string]chat.Code{"": chat.CodeRequired, "another one entirely": chat.CodePasswordWrong} {
			err := w.Chat.ChangePassword(t.Context(), anna, given, newPassword)
			if got := wrong(t, err)["current_password"]; got != code {
				t.Errorf("%q: %s", given, got)
			}
		}
		value[chat.Viewer](t)(w.Chat.LogIn(t.Context(), there, "anna", chattest.Password))
		if heard := w.Heard(); len(heard) != 0 {
			t.Errorf("heard %v", heard)
		}
	})

	t.Run("the new one follows the rules of passwords", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna := w.Person(t, "Anna")
		for password, code := range map[string]chat.Code{
			"": chat.CodeRequired, "short": chat.CodePasswordTooShort, "password1": chat.CodePasswordCommon,
			strings.Repeat("x", 73): chat.CodePasswordTooLong,
		} {
			if got := wrong(t, w.Chat.ChangePassword(t.Context(), anna, chattest.Password, password))["password"]; got != code {
				t.Errorf("%q: %s", password, got)
			}
		}
	})

	t.Run("of two changes at once one holds, and the other is told that its password is no longer the current one", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna := w.Person(t, "Anna")
		phone := w.Session(t, anna.Person)
		errs := together(2, func(i int) error {
			return w.Chat.ChangePassword(t.Context(), []chat.Viewer{anna, phone}[i], chattest.Password, newPassword+fmt.Sprint(i))
		})
		won := 0
		if errs[0] != nil {
			won = 1
		}
		if errs[won] != nil || wrong(t, errs[1-won])["current_password"] != chat.CodePasswordWrong {
			t.Fatalf("got %v", errs)
		}
		alive := value[[]chat.ID](t)(w.Chat.SessionsAlive(t.Context(), []chat.ID{anna.SessionID, phone.SessionID}))
		if len(alive) != 1 || alive[0] != []chat.ID{anna.SessionID, phone.SessionID}[won] {
			t.Errorf("alive %v", alive)
		}
		value[chat.Viewer](t)(w.Chat.LogIn(t.Context(), there, "anna", newPassword+fmt.Sprint(won)))
	})
}
