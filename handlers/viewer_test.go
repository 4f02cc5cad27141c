package handlers

import (
	"net/http"
	"strings"
	"testing"

	"parley/chat"
)

func TestRememberedViewer(t *testing.T) {
	t.Parallel()

	// known is somebody who is remembered, as every test of it makes sure.
	known := func(s *site) *browser {
		s.t.Helper()
		s.person() // who came first
		mira := s.person("Mira")
		remembered := func() bool {
			s.behind(`UPDATE people SET display_name = 'Changed behind' WHERE username = $1`, mira.username)
			defer s.behind(`UPDATE people SET display_name = 'Mira' WHERE username = $1`, mira.username)
			return !strings.Contains(mira.get("/settings").is(200).body, "Changed behind")
		}
		mira.get("/settings").is(200) // by which it is learnt whose token it is
		if mira.get("/settings").is(200); !remembered() {
			s.t.Fatal("premise: nobody is remembered")
		}
		return mira
	}
	copyOf := func(b *browser) *browser {
		copied := b.site.visitor()
		copied.jar.SetCookies(copied.base, []*http.Cookie{{Name: "parley", Value: b.cookie()}})
		return copied
	}

	t.Run("a token is kept by the hash that is asked for", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		if stored := value[string](s, `SELECT token_hash FROM session_tokens`); stored != tokenHash(mira.cookie()) {
			t.Errorf("it is kept by %s, and asked for by %s", stored, tokenHash(mira.cookie()))
		}
	})

	t.Run("a token that logged out opens nothing from the next request on, whoever holds it", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := known(s)
		thief, another := copyOf(mira), copyOf(mira)
		if !thief.loggedIn() || !another.loggedIn() {
			t.Fatal("premise: the copied token opens nothing")
		}
		mira.post("/logout", nil).redirects("/")
		if thief.loggedIn() || another.loggedIn() {
			t.Error("the token still opens the session")
		}
	})

	t.Run("what was changed shows at once: a name, a language of pages, a zone", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := known(s)
		mira.post("/settings/profile", map[string][]string{"display_name": {"Mira B."}})
		mira.get("/settings").is(200).says("Mira B.")
		mira.post("/settings", map[string][]string{"time_zone": {"Asia/Tokyo"}, "theme": {"dark"}})
		if !strings.Contains(mira.get("/settings").is(200).body, "dark") {
			t.Error("the old theme")
		}
	})

	t.Run("addresses and the password are those in the rows", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := known(s)
		s.behind(`UPDATE people SET email = 'mira@example.org', email_confirmed_at = now() WHERE username = $1`, mira.username)
		mira.get("/settings/account").is(200).says("mira@example.org")
		mira.post("/settings/email", map[string][]string{"email": {"other@example.org"}, "current_password": {goodPassword}}).redirects("/settings/account?saved=email")
		mira.get("/settings/account").is(200).says("other@example.org")
		mira.post("/settings/email/again", nil).redirects("/settings/account?saved=email_again")
		mira.post("/settings/email/cancel", nil).redirects("/settings/account?saved=email_cancelled")
		phone := copyOf(mira)
		mira.post("/settings/password", map[string][]string{"current_password": {goodPassword}, "password": {"a quite other horse"}}).
			redirects("/settings/account?saved=password")
		if !mira.loggedIn() || phone.loggedIn() {
			t.Error("the old token opens the session, or the new one does not")
		}
	})

	t.Run("a socket is opened, and an administrator acts, by what the rows say at that moment", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := known(s)
		if err := s.chat.Promote(t.Context(), mira.username, chat.RoleAdministrator); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			mira.get("/settings").is(200)
			mira.get("/administration/people").is(200)
			mira.get("/ws").is(200)
		}
		s.behind(`UPDATE people SET role = 'member' WHERE username = $1`, mira.username)
		mira.get("/administration/people").is(404)
		s.behind(`UPDATE sessions SET revoked_at = now()`)
		if !mira.loggedIn() {
			t.Fatal("premise: nobody is remembered")
		}
		mira.get("/ws").is(401)
		s.exec(`SELECT 1`)
		if mira.loggedIn() {
			t.Error("a session that is over is remembered for too long")
		}
	})
}
