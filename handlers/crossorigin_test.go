package handlers

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"parley/chat"
)

func TestCrossOrigin(t *testing.T) {
	t.Parallel()
	combinations := []struct {
		name         string
		site, origin string
		refused      bool
	}{
		{name: "neither header: no browser"},
		{name: "same origin", site: "same-origin"},
		{name: "same origin with Origin", site: "same-origin", origin: "http://localhost:8080"},
		{name: "typed by the person", site: "none"},
		{name: "an old browser, same origin", origin: "http://localhost:8080"},
		{name: "another site", site: "cross-site", refused: true},
		{name: "another site with its Origin", site: "cross-site", origin: "https://evil.example", refused: true},
		{name: "another site that claims our Origin", site: "cross-site", origin: "http://localhost:8080", refused: true},
		{name: "a neighbouring subdomain", site: "same-site", refused: true},
		{name: "a word nobody knows", site: "friendly", refused: true},
		{name: "an old browser, another site", origin: "https://evil.example", refused: true},
		{name: "an old browser, another port", origin: "http://localhost:9090", refused: true},
		{name: "an old browser, a sandboxed frame", origin: "null", refused: true},
		{name: "an old browser, a name that begins like ours", origin: "http://localhost:8080.evil.example", refused: true},
	}
	for name, e := range expectations {
		method, _, _ := strings.Cut(name, " ")
		if method != http.MethodPost {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t) // of its own: after a block, say, other doors refuse what they would have taken
			for _, c := range combinations {
				for _, b := range []*browser{w.member, w.visitor, w.member.htmx()} {
					if name == "POST /logout" && b != w.visitor && !c.refused {
						continue // below
					}
					if c.site != "" {
						b = b.with("Sec-Fetch-Site", c.site)
					}
					if c.origin != "" {
						b = b.with("Origin", c.origin)
					}
					a := e.request(w, method, b)
					if (a.status == 403) != c.refused {
						t.Errorf("%s: %d", c.name, a.status)
					}
				}
			}
		})
	}

	w := newWorld(t)
	t.Run("what another site posts changes nothing", func(t *testing.T) {
		evil := w.member.with("Sec-Fetch-Site", "cross-site")
		before := value[string](w.site, `SELECT concat((SELECT count(*) FROM messages), (SELECT string_agg(theme, '') FROM people),
			(SELECT count(*) FROM sessions WHERE revoked_at IS NULL), (SELECT sum(unread_from) FROM members), (SELECT count(*) FROM conversations))`)
		evil.post(w.conversation+"/messages", url.Values{"body": {"forged"}, "client_id": {chat.NewID().String()}}).is(403).
			has(".failure__title")
		evil.post("/settings", url.Values{"theme": {"light"}, "time_zone": {"UTC"}}).is(403)
		evil.post("/conversations", url.Values{"person": {w.stranger.id.String()}}).is(403)
		evil.post("/logout", nil).is(403)
		after := value[string](w.site, `SELECT concat((SELECT count(*) FROM messages), (SELECT string_agg(theme, '') FROM people),
			(SELECT count(*) FROM sessions WHERE revoked_at IS NULL), (SELECT sum(unread_from) FROM members), (SELECT count(*) FROM conversations))`)
		if before != after {
			t.Errorf("%s became %s", before, after)
		}
		if !w.member.loggedIn() {
			t.Error("logged out")
		}
	})

	t.Run("one's own page may log out", func(t *testing.T) {
		w.member.with("Sec-Fetch-Site", "same-origin").post("/logout", nil).redirects("/")
	})
}

func TestGETChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, developing)
	state := func() string {
		return value[string](w.site, `SELECT concat((SELECT string_agg(p::text, ';' ORDER BY id) FROM people p),
			(SELECT string_agg(c::text, ';' ORDER BY id) FROM conversations c), (SELECT string_agg(m::text, ';' ORDER BY m::text) FROM members m),
			(SELECT string_agg(m::text, ';' ORDER BY id) FROM messages m), (SELECT string_agg(t::text, ';' ORDER BY t::text) FROM session_tokens t),
			(SELECT string_agg(s::text, ';' ORDER BY id) FROM sessions s), (SELECT string_agg(r::text, ';') FROM password_resets r),
			(SELECT string_agg(e::text, ';') FROM email_confirmations e), (SELECT count(*) FROM river_job))`)
	}
	for _, b := range []*browser{w.stranger, w.member, w.other} {
		b.get("/").is(200) // a session notes its use once a minute, and the world may be older than that
	}
	before := state()
	for name, e := range expectations {
		method, _, _ := strings.Cut(name, " ")
		if method == http.MethodGet {
			for _, b := range []*browser{w.visitor, w.stranger, w.member, w.other} {
				e.request(w, method, b)
				e.request(w, method, b.htmx())
			}
		}
	}
	if after := state(); after != before {
		t.Errorf("before: %s\nafter:  %s", before, after)
	}
}
