package handlers

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"parley/chat"
)

func TestReset(t *testing.T) {
	t.Parallel()
	link := func(t *testing.T, s *site, b *browser) string {
		t.Helper()
		token, err := s.chat.MakeResetLink(t.Context(), b.username)
		if err != nil {
			t.Fatal(err)
		}
		return "/reset/" + token
	}

	t.Run("the link sets a new password once, ends every session and uses up other links", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira, ben := s.person(), s.person()
		phone := s.visitor()
		phone.post("/login", login(mira.username, goodPassword)).redirects("/")
		path, other := link(t, s, mira), link(t, s, mira)
		guest := s.visitor()
		guest.get(path).is(200).has("input[name=password]")
		guest.get(path).is(200) // looking does not use it up
		const fresh = "a new short sentence"
		a := guest.post(path, url.Values{"password": {fresh}}).is(303)
		guest.get(a.header.Get("Location")).is(200).says("Your new password is set")
		if guest.cookie() != "" {
			t.Error("logged in by the link")
		}
		if mira.loggedIn() || phone.loggedIn() {
			t.Error("an old session stands")
		}
		if !ben.loggedIn() {
			t.Error("somebody else's session ended")
		}
		guest.post("/login", login(mira.username, goodPassword)).is(422)
		guest.post("/login", login(mira.username, fresh)).redirects("/")
		for _, used := range []string{path, other} {
			s.visitor().get(used).is(404).says("has been used or has expired")
			s.visitor().post(used, url.Values{"password": {"yet another one"}}).is(404)
		}
		s.visitor().post("/login", login(mira.username, fresh)).redirects("/")
	})

	t.Run("a wrong new password is refused and leaves the link as it is", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		path := link(t, s, mira)
		for _, password := range []string{"", "short", "password1", strings.Repeat("x", 73), "with \x00 in it"} {
			s.visitor().post(path, url.Values{"password": {password}}).is(422).lacks("input[name=password][value]")
		}
		if !mira.loggedIn() {
			t.Error("logged out")
		}
		s.visitor().post(path, url.Values{"password": {"a new short sentence"}}).is(303)
	})

	t.Run("links that are none, expired, or of a suspended person look the same", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		unknown := s.visitor().get("/reset/" + strings.Repeat("A", 43)).is(404)
		path := link(t, s, mira)
		s.exec(`UPDATE password_resets SET expires_at = now() - interval '1 second'`)
		same(t, unknown, s.visitor().get(path))
		path = link(t, s, mira)
		s.visitor().get(path).is(200)
		s.exec(`UPDATE people SET state = 'suspended'`)
		same(t, unknown, s.visitor().get(path))
		s.visitor().post(path, url.Values{"password": {"a new short sentence"}}).is(404)
		for _, token := range []string{"%00", "%ff", "x", "..%2f", strings.Repeat("x", 3000)} {
			same(t, unknown, s.visitor().get("/reset/"+token))
		}
	})

	t.Run("no link is made for a name in a different account", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		s.person()
		if _, err := s.chat.MakeResetLink(t.Context(), "nobody"); chat.KindOf(err) != chat.KindNotFound {
			t.Errorf("%v", err)
		}
	})

	t.Run("whoever is logged in as somebody else may use a link, and stays who they are", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira, ben := s.person(), s.person()
		ben.post(link(t, s, mira), url.Values{"password": {"a new short sentence"}}).is(303)
		ben.get("/settings").is(200).says(fmt.Sprint("@", ben.username))
	})
}
