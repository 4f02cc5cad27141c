package handlers

import (
	"net/url"
	"strings"
	"testing"

	"parley/chat"
)

func forgot(login string) url.Values { return url.Values{"login": {login}} }

func TestForgot(t *testing.T) {
	t.Parallel()

	t.Run("the page for logging in leads there, and its letter to a new password", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		phone := s.visitor()
		phone.post("/login", login(mira.username, goodPassword)).redirects("/")
		mira.post("/settings/email", wants("mira@example.org", goodPassword)).is(303)
		mira.post("/confirm/"+s.mail(chat.LetterConfirm).Token, nil).is(303)
		guest := s.visitor()
		path, _ := guest.get("/login").is(200).has("a[href='/forgot']").Attr("href")
		guest.get(path).is(200).has("input[name=login]")
		a := guest.post(path, forgot("mira@example.org")).redirects("/forgot?sent=yes")
		guest.get(a.header.Get("Location")).is(200).says("a letter with a link is on its way there").lacks("input")
		link := "/reset/" + s.mail(chat.LetterReset).Token
		const fresh = "a new short sentence"
		a = guest.post(link, url.Values{"password": {fresh}}).is(303)
		guest.get(a.header.Get("Location")).is(200).says("Your new password is set")
		if guest.cookie() != "" || mira.loggedIn() || phone.loggedIn() {
			t.Error("the link logs in, or an old session stands")
		}
		guest.post("/login", login("mira@example.org", goodPassword)).is(422)
		guest.post("/login", login("mira@example.org", fresh)).redirects("/")
		if mail := s.mail(chat.LetterPasswordChanged); mail.Address != "mira@example.org" {
			t.Errorf("sent %+v", mail)
		}
	})

	t.Run("known, unknown, unconfirmed, suspended and garbage look the same, byte for byte", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, func(p *plan) { p.settings.Limits = false })
		for _, name := range []string{"known", "gone1", "gone2", "bare"} {
			s.person()
			s.visitor().post("/register", signUp("username", name)).redirects("/")
		}
		s.exec(`UPDATE people SET email = username || '@example.org', email_confirmed_at = now() WHERE username IN ('known', 'gone1', 'gone2')`)
		s.exec(`UPDATE people SET email_wanted = 'wanted@example.org' WHERE username = 'bare'`)
		s.exec(`UPDATE people SET state = 'suspended' WHERE username = 'gone1'`)
		s.exec(`UPDATE people SET state = 'closed' WHERE username = 'gone2'`)
		for _, b := range []*browser{s.visitor(), s.visitor().htmx()} {
			first := b.post("/forgot", forgot("known"))
			if mail := s.mail(chat.LetterReset); mail.Address != "known@example.org" {
				t.Errorf("premise: sent %+v", mail)
			}
			for _, login := range []string{
				"KNOWN", "known@example.org", "nobody", "nobody@example.org", "gone1", "gone1@example.org", "gone2", "bare", "wanted@example.org",
				"kn\x00own", "\xff", strings.Repeat("x", 10_000), "known@example.org\r\nBcc: x@example.org",
			} {
				same(t, first, b.post("/forgot", forgot(login)))
				if n := value[int](s, `SELECT count(*) FROM river_job`); n != 1 {
					t.Errorf("%.30q: %d letters are kept", login, n)
				}
				mails := s.mails()
				if known := strings.EqualFold(login, "known") || login == "known@example.org"; (len(mails) == 1) != known {
					t.Errorf("%.30q: sent %+v", login, mails)
				}
			}
		}
	})

	t.Run("nothing typed is told at the field", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		a := s.visitor().post("/forgot", forgot("  ")).is(422)
		a.has(`#error-summary a[href="#field-login"]`)
		a.has("input[name=login][aria-invalid]")
		if len(s.mails()) != 0 {
			t.Error("a letter")
		}
	})

	t.Run("where no mail is sent the page says who can help, and how", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, noMail)
		mira := s.person()
		for _, a := range []*answer{
			s.visitor().get("/forgot").is(200), s.visitor().get("/forgot?sent=yes").is(200), s.visitor().post("/forgot", forgot(mira.username)).is(403),
		} {
			a.says("parley admin reset-password NAME").lacks("input").silentOn("on its way")
		}
		if n := value[int](s, `SELECT count(*) FROM river_job`); n != 0 {
			t.Errorf("%d letters are kept", n)
		}
	})

	t.Run("whoever is logged in may ask as well", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		mira.get("/forgot").is(200).has("input[name=login]")
		mira.post("/forgot", forgot(mira.username)).redirects("/forgot?sent=yes")
		if !mira.loggedIn() {
			t.Error("logged out")
		}
	})
}
