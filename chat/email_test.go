//go:build unix

package chat_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"parley/chat"
	"parley/chat/chattest"
)

// again reads a viewer anew.
func again(t *testing.T, w *chattest.World, viewer chat.Viewer) chat.Viewer {
	t.Helper()
	return value[chat.Viewer](t)(w.Chat.Viewer(t.Context(), viewer.SessionID))
}

// wants lets a person want an address, and returns the secret of the link that was sent there.
func wants(t *testing.T, w *chattest.World, viewer chat.Viewer, address string) string {
	t.Helper()
	must(t, w.Chat.ChangeEmail(t.Context(), viewer, chattest.Password, address))
	mail := w.Mail(t, chat.LetterConfirm)
	if mail.Address != address || len(mail.Token) != 43 {
		t.Fatalf("sent %+v", mail)
	}
	return mail.Token
}

func confirm(t *testing.T, w *chattest.World, token string) error {
	t.Helper()
	_, err := w.Chat.ConfirmEmail(t.Context(), there, token)
	return err
}

func TestEmail(t *testing.T) {
	t.Parallel()

	t.Run("an address that is wanted holds once its link is used, and not before", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Mail())
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		token := wants(t, w, anna, "Anna@Example.org")
		if v := again(t, w, anna); v.Email != "" || v.EmailWanted != "Anna@Example.org" || v.EmailConfirmedAt != nil {
			t.Errorf("before: %q, %q", v.Email, v.EmailWanted)
		}
		_, err := w.Chat.LogIn(t.Context(), there, "anna@example.org", chattest.Password)
		refused(t, err, chat.KindInvalid, chat.CodeLogin)
		if n := chattest.Value[int](t, w, "SELECT count(*) FROM email_confirmations WHERE strpos(encode(token_hash, 'escape'), $1) > 0", token); n != 0 {
			t.Error("the secret itself is stored")
		}

		for range 2 { // looking does not use it up
			if p := value[chat.Person](t)(w.Chat.CheckEmailLink(t.Context(), there, token)); p.ID != anna.ID || p.EmailWanted != "Anna@Example.org" {
				t.Errorf("the link is for %+v", p)
			}
		}
		if id := value[chat.ID](t)(w.Chat.ConfirmEmail(t.Context(), there, token)); id != anna.ID {
			t.Errorf("confirmed %v", id)
		}
		if v := again(t, w, anna); v.Email != "Anna@Example.org" || v.EmailWanted != "" || v.EmailConfirmedAt == nil {
			t.Errorf("afterwards: %q, %q", v.Email, v.EmailWanted)
		}
		if v := again(t, w, ben); v.Email != "" {
			t.Errorf("somebody else has %q", v.Email)
		}
		for _, login := range []string{"anna@example.org", " ANNA@EXAMPLE.ORG "} {
			if v := value[chat.Viewer](t)(w.Chat.LogIn(t.Context(), there, login, chattest.Password)); v.ID != anna.ID {
				t.Errorf("%s logs in %s", login, v.Username)
			}
		}
		refused(t, confirm(t, w, token), chat.KindNotFound, chat.CodeEmailLink)
		_, err = w.Chat.CheckEmailLink(t.Context(), there, token)
		refused(t, err, chat.KindNotFound, chat.CodeEmailLink)
		if letters := w.Letters(t); len(letters) != 0 {
			t.Errorf("there was no address before, and %v", letters)
		}
	})

	t.Run("registering asks the address that was given, and none where none was", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Mail())
		in := form("anna")
		in.Email, in.Language, in.TimeZone = " anna@example.org ", "de", "Europe/Berlin"
		viewer := value[chat.Viewer](t)(w.Chat.Register(t.Context(), here, in))
		mail := w.Mail(t, chat.LetterConfirm)
		want := chat.Mail{
			Kind: chat.LetterConfirm, Address: "anna@example.org", Username: "anna", Language: "de", TimeZone: "Europe/Berlin",
			Token: mail.Token, At: w.Clock.Now(),
		}
		if mail != want {
			t.Errorf("sent %+v", mail)
		}
		must(t, confirm(t, w, mail.Token))
		if v := again(t, w, viewer); v.Email != "anna@example.org" {
			t.Errorf("it is %q", v.Email)
		}
		value[chat.Viewer](t)(w.Chat.Register(t.Context(), here, form("ben")))
		value[chat.Person](t)(w.Chat.CreateAccount(t.Context(), form("cleo"), chat.RoleMember))
		if letters := w.Letters(t); len(letters) != 0 {
			t.Errorf("letters to nobody: %v", letters)
		}
	})

	t.Run("a registration that is refused sends nothing", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Mail())
		w.Person(t, "Anna")
		in := form("anna")
		in.Email = "anna@example.org"
		_, err := w.Chat.Register(t.Context(), there, in)
		if wrong(t, err)["username"] != chat.CodeUsernameTaken {
			t.Fatal(err)
		}
		if letters := w.Letters(t); len(letters) != 0 {
			t.Errorf("kept %v", letters)
		}
	})

	t.Run("a new address needs the password and an address's form", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Mail())
		anna := w.Person(t, "Anna")
		for _, c := range []struct {
			current, email string
			field          string
			code           chat.Code
		}{
			{"", "anna@example.org", "current_password", chat.CodeRequired},
			{"not it at all", "anna@example.org", "current_password", chat.CodePasswordWrong},
			{chattest.Password, " ", "email", chat.CodeRequired},
			{chattest.Password, "anna@", "email", chat.CodeEmailForm},
			{chattest.Password, "anna@example.org\r\nBcc: x@example.org", "email", chat.CodeEmailForm},
		} {
			got := wrong(t, w.Chat.ChangeEmail(t.Context(), anna, c.current, c.email))
			if got[c.field] != c.code || len(got) != 1 {
				t.Errorf("%q, %q: %v", c.current, c.email, got)
			}
		}
		if v := again(t, w, anna); v.EmailWanted != "" || len(w.Letters(t)) != 0 {
			t.Errorf("wanted: %q", v.EmailWanted)
		}
	})

	t.Run("until the new address is confirmed the old one holds; then the old one hears of it, and sessions go on", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Mail())
		anna := w.Confirmed(t, w.Person(t, "Anna"), "old@example.org")
		reset := value[string](t)(w.Chat.MakeResetLink(t.Context(), "anna"))
		token := wants(t, w, anna, "new@example.org")
		value[chat.Viewer](t)(w.Chat.LogIn(t.Context(), there, "old@example.org", chattest.Password))
		must(t, w.Chat.CheckResetLink(t.Context(), there, reset))
		must(t, confirm(t, w, token))
		mail := w.Mail(t, chat.LetterEmailChanged)
		if mail.Address != "old@example.org" || mail.Name != "Anna" || mail.Token != "" || mail.At != w.Clock.Now() {
			t.Errorf("sent %+v", mail)
		}
		_, err := w.Chat.LogIn(t.Context(), there, "old@example.org", chattest.Password)
		refused(t, err, chat.KindInvalid, chat.CodeLogin)
		value[chat.Viewer](t)(w.Chat.LogIn(t.Context(), there, "new@example.org", chattest.Password))
		again(t, w, anna)
		refused(t, w.Chat.CheckResetLink(t.Context(), there, reset), chat.KindNotFound, chat.CodeResetLink)
		if heard := w.Heard(); len(heard) != 0 {
			t.Errorf("heard %v", heard)
		}
	})

	t.Run("the same address in another case is the same, and nobody is told", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Mail())
		anna := w.Confirmed(t, w.Person(t, "Anna"), "anna@example.org")
		link := wants(t, w, anna, "other@example.org")
		must(t, w.Chat.ChangeEmail(t.Context(), again(t, w, anna), chattest.Password, "ANNA@example.org"))
		if v := again(t, w, anna); v.Email != "anna@example.org" || v.EmailWanted != "" || len(w.Letters(t)) != 0 {
			t.Errorf("%q, wanted %q", v.Email, v.EmailWanted)
		}
		refused(t, confirm(t, w, link), chat.KindNotFound, chat.CodeEmailLink)
	})

	t.Run("every older link is void when a newer one is made, when another address is wanted, and when none is", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Mail())
		anna := w.Person(t, "Anna")
		first := wants(t, w, anna, "anna@example.org")
		void := func(what, token string) {
			t.Helper()
			if _, err := w.Chat.CheckEmailLink(t.Context(), there, token); chat.CodeOf(err) != chat.CodeEmailLink {
				t.Errorf("%s: looking: %v", what, err)
			}
			if err := confirm(t, w, token); chat.CodeOf(err) != chat.CodeEmailLink {
				t.Errorf("%s: %v", what, err)
			}
		}
		must(t, w.Chat.SendConfirmation(t.Context(), again(t, w, anna)))
		second := w.Mail(t, chat.LetterConfirm).Token
		void("a newer link", first)
		third := wants(t, w, anna, "schmidt@example.org")
		void("another address", second)
		fourth := wants(t, w, anna, "anna@example.org")
		void("the first address again", second)
		void("the first address again", third)
		must(t, w.Chat.CancelEmail(t.Context(), anna))
		must(t, w.Chat.CancelEmail(t.Context(), anna)) // twice is no error
		void("no address", fourth)
		fifth := wants(t, w, anna, "anna@example.org")
		must(t, w.Chat.RemoveEmail(t.Context(), again(t, w, anna), chattest.Password))
		void("removed", fifth)
		must(t, confirm(t, w, wants(t, w, anna, "anna@example.org")))
	})

	t.Run("a link that is unknown, expired, or somebody suspended's does not work", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Mail())
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		token := wants(t, w, anna, "anna@example.org")
		useless := func(token string) {
			t.Helper()
			_, err := w.Chat.CheckEmailLink(t.Context(), there, token)
			refused(t, err, chat.KindNotFound, chat.CodeEmailLink)
			refused(t, confirm(t, w, token), chat.KindNotFound, chat.CodeEmailLink)
		}
		useless("")
		useless(strings.ToUpper(token))
		useless("\x00\xff")
		if n := chattest.Value[int](t, w, "SELECT count(*) FROM email_confirmations WHERE expires_at BETWEEN now() + interval '167 hours' AND now() + interval '168 hours'"); n != 1 {
			t.Error("the link does not live a week")
		}
		w.Exec(t, "UPDATE email_confirmations SET expires_at = now()")
		useless(token)
		token = wants(t, w, ben, "ben@example.org")
		suspend(t, w, ben)
		useless(token)
	})

	t.Run("what was confirmed can be removed, with the password; the address hears of it", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Mail())
		anna := w.Confirmed(t, w.Person(t, "Anna"), "anna@example.org")
		reset := value[string](t)(w.Chat.MakeResetLink(t.Context(), "anna"))
		if got := wrong(t, w.Chat.RemoveEmail(t.Context(), anna, "not it at all")); got["current_password"] != chat.CodePasswordWrong {
			t.Errorf("got %v", got)
		}
		if v := again(t, w, anna); v.Email != "anna@example.org" || len(w.Letters(t)) != 0 {
			t.Errorf("without the password: %q", v.Email)
		}
		must(t, w.Chat.CheckResetLink(t.Context(), there, reset))
		must(t, w.Chat.RemoveEmail(t.Context(), anna, chattest.Password))
		if v := again(t, w, anna); v.Email != "" || v.EmailConfirmedAt != nil || v.EmailWanted != "" {
			t.Errorf("it is %q, %q", v.Email, v.EmailWanted)
		}
		if mail := w.Mail(t, chat.LetterEmailChanged); mail.Address != "anna@example.org" {
			t.Errorf("sent %+v", mail)
		}
		refused(t, w.Chat.CheckResetLink(t.Context(), there, reset), chat.KindNotFound, chat.CodeResetLink)
		_, err := w.Chat.LogIn(t.Context(), there, "anna@example.org", chattest.Password)
		refused(t, err, chat.KindInvalid, chat.CodeLogin)
		must(t, w.Chat.RemoveEmail(t.Context(), again(t, w, anna), chattest.Password)) // nothing there is no error, and no letter
		if len(w.Letters(t)) != 0 {
			t.Error("a letter to nobody")
		}
	})

	t.Run("where nothing waits nothing is sent again", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Mail())
		notFound(t, w.Chat.SendConfirmation(t.Context(), w.Person(t, "Anna")))
	})

	t.Run("without a mail server an address is kept, and nothing else", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna := w.Confirmed(t, w.Person(t, "Anna"), "anna@example.org")
		if w.Chat.SendsMail() {
			t.Fatal("premise: it sends")
		}
		must(t, w.Chat.ChangeEmail(t.Context(), anna, chattest.Password, "schmidt@example.org"))
		anna = again(t, w, anna)
		if anna.EmailWanted != "schmidt@example.org" || anna.Email != "anna@example.org" {
			t.Errorf("%q, wanted %q", anna.Email, anna.EmailWanted)
		}
		refused(t, w.Chat.SendConfirmation(t.Context(), anna), chat.KindForbidden, chat.CodeNoMail)
		refused(t, w.Chat.ForgotPassword(t.Context(), there, "anna"), chat.KindForbidden, chat.CodeNoMail)
		must(t, w.Chat.ChangePassword(t.Context(), anna, chattest.Password, newPassword))
		if letters := w.Letters(t); len(letters) != 0 {
			t.Errorf("kept %v", letters)
		}
	})
}

func TestAddressOfAnotherAccount(t *testing.T) {
	t.Parallel()

	t.Run("its owner hears of it, and whoever wants it gets no link", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Mail())
		w.Confirmed(t, w.Person(t, "Anna"), "Anna@example.org")
		ben := w.Person(t, "Ben")
		in := form("cleo")
		in.Email = "ANNA@example.org"
		value[chat.Viewer](t)(w.Chat.Register(t.Context(), there, in))
		must(t, w.Chat.ChangeEmail(t.Context(), ben, chattest.Password, "anna@example.org"))
		mails := w.Mails(t)
		if len(mails) != 2 {
			t.Fatalf("sent %+v", mails)
		}
		for _, mail := range mails {
			if mail.Kind != chat.LetterTaken || mail.Address != "Anna@example.org" || mail.Name != "Anna" || mail.Username != "anna" || mail.Token != "" {
				t.Errorf("sent %+v", mail)
			}
		}
		if n := chattest.Value[int](t, w, "SELECT count(*) FROM email_confirmations"); n != 0 {
			t.Errorf("%d links", n)
		}
	})

	t.Run("to the one who wants it it looks like any other, statement by statement", func(t *testing.T) {
		t.Parallel()
		var spy spy
		w := chattest.New(t, chattest.Mail(), chattest.Database(spy.options()))
		w.Confirmed(t, w.Person(t, "Anna"), "anna@example.org")
		ben := w.Person(t, "Ben")
		change := func(address string) []string {
			return spy.during(func() { must(t, w.Chat.ChangeEmail(t.Context(), ben, chattest.Password, address)) })
		}
		register := func(username, address string) []string {
			in := form(username)
			in.Email = address
			return spy.during(func() { value[chat.Viewer](t)(w.Chat.Register(t.Context(), there, in)) })
		}
		change("warm@example.org") // connections and statements are ready
		register("warm", "warm@example.org")
		alike(t, change("anna@example.org"), change("nobody@example.org"))
		alike(t, register("cleo", "anna@example.org"), register("dora", "nobody@example.org"))
	})

	t.Run("of a suspended account nobody hears, and nobody gets it", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Mail())
		anna := w.Confirmed(t, w.Person(t, "Anna"), "anna@example.org")
		suspend(t, w, anna)
		must(t, w.Chat.ChangeEmail(t.Context(), w.Person(t, "Ben"), chattest.Password, "anna@example.org"))
		if mails := w.Mails(t); len(mails) != 0 {
			t.Errorf("sent %+v", mails)
		}
	})

	t.Run("two who want one address both get a link, and the second to use it is told", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Mail())
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		hers, his := wants(t, w, anna, "a@example.org"), wants(t, w, ben, "A@Example.org")
		must(t, confirm(t, w, hers))
		refused(t, confirm(t, w, his), chat.KindConflict, chat.CodeEmailTaken)
		if v := again(t, w, ben); v.Email != "" || v.EmailWanted != "A@Example.org" {
			t.Errorf("he has %q, and wants %q", v.Email, v.EmailWanted)
		}
		// Once it is free it can be his.
		must(t, w.Chat.RemoveEmail(t.Context(), again(t, w, anna), chattest.Password))
		must(t, confirm(t, w, his))
	})

	t.Run("of those who confirm it at once exactly one gets it", func(t *testing.T) {
		t.Parallel()
		const rivals = 3
		w := chattest.New(t, chattest.Mail())
		var tokens []string
		for n := range rivals {
			tokens = append(tokens, wants(t, w, w.Person(t, fmt.Sprint("Rival ", n)), "a@example.org"))
		}
		// Somebody else has it in a transaction that does not last: all wait for it at the unique index, and then for one
		// another.
		owner := w.Person(t, "Owner")
		held := w.Hold(t, "UPDATE people SET email = 'a@example.org', email_confirmed_at = now() WHERE id = $1", owner.ID)
		var errs []error
		done := later(func() error {
			errs = together(rivals, func(i int) error { _, err := w.Chat.ConfirmEmail(t.Context(), there, tokens[i]); return err })
			return nil
		})
		w.AwaitWaiting(t, rivals)
		held.Rollback()
		<-done
		if successes(errs) != 1 {
			t.Errorf("got %v", errs)
		}
		for _, err := range errs {
			if err != nil {
				refused(t, err, chat.KindConflict, chat.CodeEmailTaken)
			}
		}
		if n := chattest.Value[int](t, w, "SELECT count(*) FROM people WHERE email = 'a@example.org'"); n != 1 {
			t.Errorf("%d have it", n)
		}
	})

	t.Run("of several uses of one link at once exactly one counts", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Mail())
		anna := w.Person(t, "Anna")
		token := wants(t, w, anna, "a@example.org")
		held := w.Hold(t, "SELECT FROM people WHERE id = $1 FOR UPDATE", anna.ID)
		var errs []error
		done := later(func() error {
			errs = together(3, func(int) error { _, err := w.Chat.ConfirmEmail(t.Context(), there, token); return err })
			return nil
		})
		w.AwaitWaiting(t, 3)
		held.Commit()
		<-done
		if successes(errs) != 1 {
			t.Errorf("got %v", errs)
		}
		for _, err := range errs {
			if err != nil {
				refused(t, err, chat.KindNotFound, chat.CodeEmailLink)
			}
		}
	})
}

func TestForgotPassword(t *testing.T) {
	t.Parallel()

	t.Run("the username and the confirmed address bring a link, to the confirmed address", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Mail())
		anna := w.Confirmed(t, w.Person(t, "Anna"), "Anna@Example.org")
		for _, login := range []string{"anna", " ANNA ", "anna@example.org", "ANNA@EXAMPLE.ORG"} {
			must(t, w.Chat.ForgotPassword(t.Context(), there, login))
			mail := w.Mail(t, chat.LetterReset)
			if mail.Address != "Anna@Example.org" || mail.Name != "Anna" || len(mail.Token) != 43 {
				t.Errorf("%q: sent %+v", login, mail)
			}
			must(t, w.Chat.CheckResetLink(t.Context(), there, mail.Token))
		}
		if n := chattest.Value[int](t, w, "SELECT count(*) FROM password_resets WHERE expires_at BETWEEN now() + interval '59 min' AND now() + interval '60 min'"); n != 4 {
			t.Errorf("%d links live an hour", n)
		}
		must(t, w.Chat.ForgotPassword(t.Context(), there, "anna"))
		must(t, w.Chat.ResetPassword(t.Context(), there, w.Mail(t, chat.LetterReset).Token, newPassword))
		if mail := w.Mail(t, chat.LetterPasswordChanged); mail.Address != "Anna@Example.org" || mail.Token != "" {
			t.Errorf("sent %+v", mail)
		}
		_, err := w.Chat.Viewer(t.Context(), anna.SessionID)
		refused(t, err, chat.KindUnauthenticated, chat.CodeLogInFirst)
		value[chat.Viewer](t)(w.Chat.LogIn(t.Context(), there, "anna", newPassword))
	})

	t.Run("whatever is typed, one letter is kept by the same statements, and only who has a confirmed address gets it", func(t *testing.T) {
		t.Parallel()
		var spy spy
		w := chattest.New(t, chattest.Mail(), chattest.Database(spy.options()))
		w.Confirmed(t, w.Person(t, "Anna"), "anna@example.org")
		suspend(t, w, w.Confirmed(t, w.Person(t, "Suspended"), "suspended@example.org"))
		w.Exec(t, "UPDATE people SET state = 'closed' WHERE id = $1", w.Confirmed(t, w.Person(t, "Closed"), "closed@example.org").ID)
		wanting := w.Person(t, "Wanting")
		w.Exec(t, "UPDATE people SET email_wanted = 'wanting@example.org' WHERE id = $1", wanting.ID)
		forgot := func(login string) []string {
			return spy.during(func() { must(t, w.Chat.ForgotPassword(t.Context(), there, login)) })
		}
		forgot("anna") // the connection is open, the statement prepared
		w.Mail(t, chat.LetterReset)
		known := forgot("anna")
		w.Mail(t, chat.LetterReset)
		for _, login := range []string{
			"nobody", "nobody@example.org", "suspended", "suspended@example.org", "closed", "wanting", "wanting@example.org",
			"an\x00na", "a\xff", strings.Repeat("a", 100_000), "anna@example.org, x@example.org", "%", "\n\nanna\n.",
		} {
			alike(t, known, forgot(login))
			letters := chattest.Value[int](t, w, "SELECT count(*) FROM river_job")
			if mails := w.Mails(t); letters != 1 || len(mails) != 0 && !strings.Contains(login, "\n") {
				t.Errorf("%.40q: %d letters, sent %+v", login, letters, mails)
			}
		}
		if got := wrong(t, w.Chat.ForgotPassword(t.Context(), there, "  ")); got["login"] != chat.CodeRequired {
			t.Errorf("got %v", got)
		}
	})

	t.Run("what happened since the letter was kept decides", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Mail())
		anna := w.Confirmed(t, w.Person(t, "Anna"), "old@example.org")
		must(t, w.Chat.ForgotPassword(t.Context(), there, "anna"))
		w.Confirmed(t, anna, "new@example.org")
		if mail := w.Mail(t, chat.LetterReset); mail.Address != "new@example.org" {
			t.Errorf("sent to %s", mail.Address)
		}
		must(t, w.Chat.ForgotPassword(t.Context(), there, "anna"))
		suspend(t, w, anna)
		if mails := w.Mails(t); len(mails) != 0 {
			t.Errorf("sent %+v", mails)
		}
	})

	t.Run("no link goes to an address that is another one at the same moment", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Mail())
		anna := w.Confirmed(t, w.Person(t, "Anna"), "old@example.org")
		token := wants(t, w, anna, "new@example.org")
		must(t, w.Chat.ForgotPassword(t.Context(), there, "anna"))
		letters := w.Letters(t)
		// The confirmation has the person's row, and waits for what it does last.
		held := w.Hold(t, "LOCK TABLE password_resets IN ACCESS EXCLUSIVE MODE")
		confirmed := later(func() error { return confirm(t, w, token) })
		w.AwaitWaiting(t, 1)
		delivered := later(func() error { return w.Chat.DeliverLetter(t.Context(), letters[0]) })
		w.AwaitWaiting(t, 2)
		held.Commit()
		must(t, <-confirmed)
		must(t, <-delivered)
		for _, mail := range w.Mails(t) {
			if mail.Kind == chat.LetterReset {
				t.Errorf("a link went to %s", mail.Address)
			}
		}
		if n := chattest.Value[int](t, w, "SELECT count(*) FROM password_resets WHERE used_at IS NULL"); n != 0 {
			t.Errorf("%d links", n)
		}
	})

	t.Run("a new password and a new address at once do not wait for each other in vain", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Mail())
		anna := w.Confirmed(t, w.Person(t, "Anna"), "old@example.org")
		token := wants(t, w, anna, "new@example.org")
		reset := value[string](t)(w.Chat.MakeResetLink(t.Context(), "anna"))
		held := w.Hold(t, "SELECT FROM people WHERE id = $1 FOR UPDATE", anna.ID)
		var errs []error
		done := later(func() error {
			errs = together(2, func(i int) error {
				if i == 0 {
					return confirm(t, w, token)
				}
				return w.Chat.ResetPassword(t.Context(), there, reset, newPassword)
			})
			return nil
		})
		w.AwaitWaiting(t, 2)
		held.Commit()
		<-done
		// Each voids the other's link.
		switch {
		case errs[0] == nil:
			refused(t, errs[1], chat.KindNotFound, chat.CodeResetLink)
		case errs[1] == nil:
			refused(t, errs[0], chat.KindNotFound, chat.CodeEmailLink)
		default:
			t.Errorf("got %v", errs)
		}
	})
}

func TestDeliverLetter(t *testing.T) {
	t.Parallel()

	t.Run("what is over by now is not sent, and that is no error", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Mail())
		anna := w.Person(t, "Anna")
		for name, letter := range map[string]chat.Letter{
			"an address that nobody wants any more": {Kind: chat.LetterConfirm, PersonID: anna.ID, Address: "anna@example.org"},
			"somebody who is gone":                  {Kind: chat.LetterConfirm, PersonID: chat.NewID(), Address: "anna@example.org"},
			"a password of somebody who is gone":    {Kind: chat.LetterPasswordChanged, PersonID: chat.NewID(), Address: "anna@example.org"},
			"somebody without an address":           {Kind: chat.LetterReset, Login: "anna"},
			"a kind that is not there yet":          {Kind: "greeting", PersonID: anna.ID, Address: "anna@example.org"},
			"nothing at all":                        {},
		} {
			must(t, w.Chat.DeliverLetter(t.Context(), letter))
			if mails := w.Mails(t); len(mails) != 0 {
				t.Errorf("%s: sent %+v", name, mails)
			}
		}
		suspended := w.Person(t, "Suspended")
		must(t, w.Chat.ChangeEmail(t.Context(), suspended, chattest.Password, "s@example.org"))
		suspend(t, w, suspended)
		if mails := w.Mails(t); len(mails) != 0 {
			t.Errorf("somebody suspended: sent %+v", mails)
		}
	})

	t.Run("each attempt brings a link of its own, and the last one holds", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Mail())
		must(t, w.Chat.ChangeEmail(t.Context(), w.Person(t, "Anna"), chattest.Password, "anna@example.org"))
		letter := w.Letters(t)[0]
		for range 2 {
			must(t, w.Chat.DeliverLetter(t.Context(), letter))
		}
		mails := w.Mails(t)
		if len(mails) != 2 || mails[0].Token == mails[1].Token {
			t.Fatalf("sent %+v", mails)
		}
		refused(t, confirm(t, w, mails[0].Token), chat.KindNotFound, chat.CodeEmailLink)
		must(t, confirm(t, w, mails[1].Token))
	})

	t.Run("a letter that is kept holds no secret", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Mail())
		anna := w.Confirmed(t, w.Person(t, "Anna"), "anna@example.org")
		must(t, w.Chat.ChangeEmail(t.Context(), anna, chattest.Password, "schmidt@example.org"))
		must(t, w.Chat.ForgotPassword(t.Context(), there, "anna"))
		must(t, w.Chat.ChangePassword(t.Context(), anna, chattest.Password, newPassword))
		for _, args := range chattest.Value[[]string](t, w, "SELECT array_agg(args::text) FROM river_job") {
			for _, secret := range []string{chattest.Password, newPassword, "token", "$2a$"} {
				if strings.Contains(args, secret) {
					t.Errorf("%q in %s", secret, args)
				}
			}
		}
		if n := chattest.Value[int](t, w, "SELECT (SELECT count(*) FROM email_confirmations) + (SELECT count(*) FROM password_resets)"); n != 0 {
			t.Errorf("%d links before there is a letter", n)
		}
	})

	t.Run("an error of the store or of the mail server comes out", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Mail())
		anna := w.Confirmed(t, w.Person(t, "Anna"), "anna@example.org")
		broken := errors.New("the mail server sleeps")
		c := chat.New(w.Store, silence{}, chat.Settings{}, chat.WithMailer(failing{broken}))
		letter := chat.Letter{Kind: chat.LetterPasswordChanged, PersonID: anna.ID, Address: "anna@example.org"}
		if err := c.DeliverLetter(t.Context(), letter); !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
		must(t, w.Chat.ChangeEmail(t.Context(), anna, chattest.Password, "schmidt@example.org"))
		letters := append(w.Letters(t), chat.Letter{Kind: chat.LetterReset, Login: "anna"}, letter)
		takeAway(t, w, "people")
		for _, letter := range letters {
			internal(t, w.Chat.DeliverLetter(t.Context(), letter))
		}
	})

	t.Run("a change of the password voids links for another one, and tells the address", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Mail())
		anna := w.Confirmed(t, w.Person(t, "Anna"), "anna@example.org")
		reset := value[string](t)(w.Chat.MakeResetLink(t.Context(), "anna"))
		w.Clock.Advance(time.Hour)
		must(t, w.Chat.ChangePassword(t.Context(), anna, chattest.Password, newPassword))
		refused(t, w.Chat.CheckResetLink(t.Context(), there, reset), chat.KindNotFound, chat.CodeResetLink)
		if mail := w.Mail(t, chat.LetterPasswordChanged); mail.Address != "anna@example.org" || mail.At != w.Clock.Now() {
			t.Errorf("sent %+v", mail)
		}
	})

	ways := map[string]func(w *chattest.World, anna chat.Viewer) error{
		"a link": func(w *chattest.World, _ chat.Viewer) error {
			token, err := w.Chat.MakeResetLink(context.Background(), "anna")
			if err != nil {
				return err
			}
			return w.Chat.ResetPassword(context.Background(), there, token, newPassword)
		},
		"the settings": func(w *chattest.World, anna chat.Viewer) error {
			return w.Chat.ChangePassword(context.Background(), anna, chattest.Password, newPassword)
		},
	}
	for by, change := range ways {
		t.Run("whoever knew the password before confirms no address once there is a new one, by "+by, func(t *testing.T) {
			t.Parallel()
			w := chattest.New(t, chattest.Mail())
			anna := w.Confirmed(t, w.Person(t, "Anna"), "anna@example.org")
			must(t, w.Chat.ChangeEmail(t.Context(), anna, chattest.Password, "thief@example.org"))
			made := w.Mail(t, chat.LetterConfirm).Token
			must(t, w.Chat.SendConfirmation(t.Context(), again(t, w, anna)))
			kept := w.Letters(t) // the mail server was slow
			if len(kept) != 1 {
				t.Fatalf("kept %v", kept)
			}
			must(t, change(w, again(t, w, anna)))
			_, err := w.Chat.ConfirmEmail(t.Context(), there, made)
			refused(t, err, chat.KindNotFound, chat.CodeEmailLink)
			must(t, w.Chat.DeliverLetter(t.Context(), kept[0]))
			if n := chattest.Value[int](t, w, "SELECT count(*) FROM email_confirmations"); n != 0 {
				t.Errorf("%d links made of a letter that was asked for before", n)
			}
			if got := chattest.Value[string](t, w, "SELECT email FROM people WHERE username = 'anna'"); got != "anna@example.org" {
				t.Errorf("the address is %s", got)
			}
			// What the person wants goes on: asked for now, it comes.
			w.Letters(t)
			must(t, w.Chat.SendConfirmation(t.Context(), value[chat.Viewer](t)(w.Chat.LogIn(t.Context(), there, "anna", newPassword))))
			w.Mail(t, chat.LetterConfirm)
		})
	}

	for name, step := range map[string]func(w *chattest.World, anna chat.Viewer) error{
		"changed": func(w *chattest.World, anna chat.Viewer) error {
			return w.Chat.ChangeEmail(context.Background(), anna, chattest.Password, "thief@example.org")
		},
		"removed": func(w *chattest.World, anna chat.Viewer) error {
			return w.Chat.RemoveEmail(context.Background(), anna, chattest.Password)
		},
	} {
		t.Run("an address is not "+name+" by a password that was replaced since it was compared", func(t *testing.T) {
			t.Parallel()
			w := chattest.New(t, chattest.Mail())
			anna := w.Confirmed(t, w.Person(t, "Anna"), "anna@example.org")
			token := value[string](t)(w.Chat.MakeResetLink(t.Context(), "anna"))
			held := w.Hold(t, "SELECT FROM people WHERE id = $1 FOR UPDATE", anna.ID)
			reset := later(func() error { return w.Chat.ResetPassword(t.Context(), there, token, newPassword) })
			w.AwaitWaiting(t, 1)
			step := later(func() error { return step(w, anna) })
			w.AwaitWaiting(t, 2)
			held.Commit()
			must(t, <-reset)
			if got := wrong(t, <-step); got["current_password"] != chat.CodePasswordWrong {
				t.Errorf("got %v", got)
			}
			row := chattest.Value[string](t, w, "SELECT email || ' ' || coalesce(email_wanted, 'nothing') FROM people WHERE username = 'anna'")
			if row != "anna@example.org nothing" {
				t.Errorf("has and wants %s", row)
			}
			if letters := w.Letters(t); len(letters) != 1 || letters[0].Kind != chat.LetterPasswordChanged {
				t.Errorf("letters %v", letters)
			}
		})
	}

	t.Run("a stranger's address is not flooded, whoever types it, and nobody sees that", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Mail(), chattest.Limits())
		burst := chat.LimitLettersTo.Burst
		for n := range burst + 3 {
			person := w.Person(t, fmt.Sprint("Person ", n))
			must(t, w.Chat.ChangeEmail(t.Context(), person, chattest.Password, []string{"victim@example.org", "VICTIM@example.org"}[n%2]))
			if v := again(t, w, person); v.EmailWanted == "" {
				t.Error("it is not kept")
			}
			must(t, w.Chat.SendConfirmation(t.Context(), again(t, w, person)))
		}
		if letters := w.Letters(t); len(letters) != burst {
			t.Errorf("%d letters", len(letters))
		}
		in := form("late")
		in.Email = "victim@example.org"
		value[chat.Viewer](t)(w.Chat.Register(t.Context(), there, in))
		if letters := w.Letters(t); len(letters) != 0 {
			t.Errorf("one more: %v", letters)
		}
		w.Clock.Advance(chat.LimitLettersTo.Every)
		must(t, w.Chat.ChangeEmail(t.Context(), w.Person(t, "Later"), chattest.Password, "victim@example.org"))
		if letters := w.Letters(t); len(letters) != 1 {
			t.Errorf("%d letters a while later", len(letters))
		}
	})
}

type failing struct{ err error }

func (f failing) Send(context.Context, chat.Mail) error { return f.err }
