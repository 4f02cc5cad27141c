package handlers

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"parley/chat"
)

func TestLogOut(t *testing.T) {
	t.Parallel()

	t.Run("logging out ends the session, its row, its token and its cookie, and tells the sockets", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		copied := s.visitor()
		copied.jar.SetCookies(copied.base, []*http.Cookie{{Name: "parley", Value: mira.cookie()}})
		if !copied.loggedIn() {
			t.Fatal("premise: the copied token opens nothing")
		}
		a := mira.post("/logout", nil).redirects("/")
		if got := a.header.Get("Clear-Site-Data"); got != `"cache", "storage"` {
			t.Errorf("Clear-Site-Data: %s", got)
		}
		if set := a.header.Values("Set-Cookie"); len(set) != 1 || !strings.Contains(set[0], "parley=;") || !strings.Contains(set[0], "Max-Age=0") {
			t.Errorf("Set-Cookie: %q", set)
		}
		if mira.cookie() != "" {
			t.Error("the cookie stays")
		}
		if copied.loggedIn() {
			t.Error("the token still opens the session")
		}
		if n := value[int](s, `SELECT count(*) FROM sessions WHERE revoked_at IS NULL`); n != 0 {
			t.Error("the row stands")
		}
		if n := value[int](s, `SELECT count(*) FROM session_tokens`); n != 0 {
			t.Error("the token is stored")
		}
		ended := false
		for _, event := range s.ear.heard() {
			_, is := event.(chat.SessionsEnded)
			ended = ended || is
		}
		if !ended {
			t.Error("nobody was told")
		}
	})

	t.Run("a logout that would have renewed the token takes the cookie away, and sets no other", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		s.exec(`UPDATE sessions SET renew = true`)
		if a := mira.post("/logout", nil).redirects("/"); len(a.header.Values("Set-Cookie")) != 1 || mira.cookie() != "" {
			t.Errorf("the cookies are %q", a.header.Values("Set-Cookie"))
		}
		if n := value[int](s, `SELECT count(*) FROM session_tokens`); n != 0 {
			t.Error("a token is stored")
		}
	})

	t.Run("another session of the same person goes on", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		phone := s.visitor()
		phone.post("/login", login(mira.username, goodPassword)).redirects("/")
		mira.post("/logout", nil).redirects("/")
		if mira.loggedIn() || !phone.loggedIn() {
			t.Error("the wrong session ended")
		}
	})

	t.Run("a visitor who logs out is told the same", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		if a := s.visitor().post("/logout", nil).redirects("/"); a.header.Get("Clear-Site-Data") == "" {
			t.Error("no Clear-Site-Data")
		}
	})

	t.Run("by GET nobody is logged out", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		mira.get("/logout").is(405)
		if !mira.loggedIn() {
			t.Error("logged out")
		}
	})

	t.Run("htmx is led to a new page", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		a := s.person().htmx().post("/logout", nil).is(204)
		if a.header.Get("HX-Redirect") != "/" {
			t.Errorf("HX-Redirect: %q", a.header.Get("HX-Redirect"))
		}
	})

	// The ways in which a request may be under way while its session ends.
	for name, slow := range map[string]struct {
		path   string
		renew  bool
		during func(*plan, func())
	}{
		"a page that was being made during the logout does not bring the session back": {
			path: "/people", during: func(p *plan, wait func()) {
				p.options = append(p.options, chat.WithLimiter(slowLimiter{wait}))
			},
		},
		"a request that had only read its token does not bring the session back": {
			path: "/settings", during: func(p *plan, wait func()) {
				p.config.Tokens = &tokens{CtxStore: p.config.Tokens, found: func(ctx context.Context) {
					if visitOf(ctx).origin.UserAgent == "slow" {
						wait()
					}
				}}
			},
		},
		"a token that was being renewed during the logout opens nothing": {
			path: "/settings", renew: true, during: func(p *plan, wait func()) {
				p.config.Tokens = &tokens{CtxStore: p.config.Tokens, commit: func(ctx context.Context) error {
					if visitOf(ctx).origin.UserAgent == "slow" {
						wait()
					}
					return nil
				}}
			},
		},
		"a socket's request that outlives the logout does not bring the session back": {
			path: "/ws", during: func(p *plan, wait func()) {
				p.config.Socket = func(http.ResponseWriter, *http.Request, chat.Viewer) { wait() }
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			under, release := make(chan struct{}), make(chan struct{})
			s := newSite(t, func(p *plan) {
				slow.during(p, func() {
					close(under)
					<-release
				})
			})
			mira := s.person()
			old := mira.cookie()
			if slow.renew {
				s.exec(`UPDATE sessions SET renew = true`)
			}
			request := mira.with("User-Agent", "slow").request(http.MethodGet, slow.path, "", "")
			tab := s.visitor()
			done := make(chan *answer, 1)
			go func() { done <- tab.send(request) }()
			<-under
			if !slow.renew { // the logout's own request would otherwise renew, too
				mira.post("/logout", nil).redirects("/")
			} else {
				s.exec(`UPDATE sessions SET renew = false`)
				// The slow request has already taken the old token away.
				if err := s.chat.LogOut(t.Context(), chat.Viewer{SessionID: value[chat.ID](s, `SELECT id FROM sessions`)}); err != nil {
					t.Fatal(err)
				}
			}
			close(release)
			<-done
			for _, token := range []string{old, tab.cookie()} {
				b := s.visitor()
				b.jar.SetCookies(b.base, []*http.Cookie{{Name: "parley", Value: token}})
				if b.loggedIn() {
					t.Error("logged in again")
				}
				if token != "" {
					b.get("/ws").is(401)
				}
			}
		})
	}
}

// slowLimiter holds a search up.
type slowLimiter struct{ wait func() }

func (l slowLimiter) Allow(_ context.Context, limit chat.Limit, _ string) (bool, time.Duration) {
	if limit == chat.LimitSearch {
		l.wait()
	}
	return true, 0
}
