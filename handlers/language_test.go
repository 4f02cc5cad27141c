package handlers

import (
	"net/url"
	"strings"
	"testing"
)

func TestLanguage(t *testing.T) {
	t.Parallel()
	sites := map[bool]*site{false: newSite(t), true: newSite(t, developing)}
	for _, c := range []struct {
		accept string
		dev    bool
		want   string
	}{
		{"", false, "en"}, {"de-DE,de;q=0.9", false, "en"}, {"en-GB", false, "en"}, {"en-XA", false, "en"}, {"en-XA", true, "en-XA"},
		{"en-GB,en;q=0.8", true, "en"}, {"nonsense;;;q=x", true, "en"}, {strings.Repeat("de-", 2000), true, "en"}, {"*", true, "en"},
	} {
		s := sites[c.dev]
		a := s.visitor().with("Accept-Language", c.accept).get("/login").is(200)
		if got, _ := a.has("html").Attr("lang"); got != c.want {
			t.Errorf("%q in dev %v: %q, want %q", clip(c.accept, 30), c.dev, got, c.want)
		}
		if vary := strings.Join(a.header.Values("Vary"), ", "); !strings.Contains(vary, "Accept-Language") {
			t.Errorf("Vary: %q", vary)
		}
	}

	t.Run("whoever is logged in reads the own language, whatever the browser says", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, developing)
		mira := s.person()
		s.exec(`UPDATE people SET language = 'en-XA'`)
		a := mira.with("Accept-Language", "en").get("/settings").is(200)
		if got, _ := a.has("html").Attr("lang"); got != "en-XA" {
			t.Errorf("%q", got)
		}
		if vary := strings.Join(a.header.Values("Vary"), ", "); strings.Contains(vary, "Accept-Language") || !strings.Contains(vary, "Cookie") {
			t.Errorf("Vary: %q", vary)
		}
	})

	t.Run("a new account keeps the language it was made in", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, developing)
		b := s.visitor().with("Accept-Language", "en-XA")
		b.address = "127.0.0.1:4711"
		b.post("/register", url.Values{"username": {"mira"}, "display_name": {"Mira"}, "password": {goodPassword}}).redirects("/")
		if got := value[string](s, `SELECT language FROM people`); got != "en-XA" {
			t.Errorf("%q", got)
		}
	})
}
