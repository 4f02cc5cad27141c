package handlers

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
)

func TestHealth(t *testing.T) {
	t.Parallel()

	t.Run("the process lives, is ready, and says what it is", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		b := s.visitor()
		if a := b.get("/healthz").is(200); a.body != "ok\n" {
			t.Errorf("%q", a.body)
		}
		if a := b.get("/readyz").is(200); a.body != "ready\n" {
			t.Errorf("%q", a.body)
		}
		if a := b.get("/version").is(200); a.body != `{"version":"1.2.3","revision":"abcdef"}`+"\n" || a.header.Get("Content-Type") != "application/json" {
			t.Errorf("%q %q", a.body, a.header.Get("Content-Type"))
		}
	})

	t.Run("what is not ready says so, and keeps the reason to itself", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, func(p *plan) {
			p.config.Ready = func(context.Context) error { return errors.New("canary: the database at 10.0.0.1 is away") }
		})
		a := s.visitor().get("/readyz").is(503).silentOn("canary")
		if a.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		if !strings.Contains(s.log.String(), "canary") {
			t.Error("the log does not know")
		}
		s.visitor().get("/healthz").is(200)
	})

	t.Run("what is away and can be done without is named, and requests are welcome", func(t *testing.T) {
		t.Parallel()
		missing := []string{"redis"}
		s := newSite(t, func(p *plan) { p.config.Degraded = func() []string { return missing } })
		if a := s.visitor().get("/readyz").is(200); a.body != "ready, degraded: redis\n" || a.header.Get("Retry-After") != "" {
			t.Errorf("%q", a.body)
		}
		missing = append(missing, "more")
		if a := s.visitor().get("/readyz").is(200); a.body != "ready, degraded: redis, more\n" {
			t.Errorf("%q", a.body)
		}
		missing = nil
		if a := s.visitor().get("/readyz").is(200); a.body != "ready\n" {
			t.Errorf("%q", a.body)
		}
	})

	t.Run("who is not ready is not called degraded", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, func(p *plan) {
			p.config.Degraded = func() []string { return []string{"redis"} }
			p.config.Ready = func(context.Context) error { return errors.New("the database is away") }
		})
		s.visitor().get("/readyz").is(503).silentOn("degraded")
	})

	t.Run("none of it looks at the session", func(t *testing.T) {
		t.Parallel()
		asked := false
		s := newSite(t, func(p *plan) {
			p.config.Tokens = &tokens{CtxStore: p.config.Tokens, found: func(context.Context) { asked = true }}
		})
		mira := s.person()
		mira.get("/settings").is(200)
		if !asked {
			t.Fatal("premise: nobody looks")
		}
		asked = false
		for _, path := range []string{"/healthz", "/readyz", "/version", "/robots.txt", "/favicon.ico", s.handlers.config.Assets.Path("css/app.css")} {
			if a := mira.get(path); asked || strings.Contains(strings.Join(a.header.Values("Vary"), ","), "Cookie") {
				t.Errorf("%s looks", path)
			}
		}
	})

	t.Run("search engines are asked to stay away, and an icon is found", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		s.visitor().get("/robots.txt").is(200).says("Disallow: /")
		a := s.visitor().get("/favicon.ico").is(302)
		s.visitor().get(a.header.Get("Location")).is(200)
	})
}

func TestConfig(t *testing.T) {
	t.Parallel()

	t.Run("what is missing is a mistake that shows at once", func(t *testing.T) {
		t.Parallel()
		defer func() {
			if recover() == nil {
				t.Error("it was taken")
			}
		}()
		New(Config{})
	})

	t.Run("what can be left out has a default", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, func(p *plan) { p.config.Clock, p.config.Log = nil, nil })
		s.visitor().get("/readyz").is(200)
		if _, ok := s.handlers.config.Clock(), s.handlers.config.Log != nil; !ok {
			t.Error("no log")
		}
	})

	t.Run("asking for a viewer where there is none is a mistake that shows", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		defer func() {
			if recover() == nil {
				t.Error("nobody is somebody")
			}
		}()
		s.handlers.viewer(echo.New().NewContext(s.visitor().request("GET", "/", "", ""), httptest.NewRecorder()))
	})
}

func TestCrowded(t *testing.T) {
	t.Parallel()
	wait := 2500 * time.Millisecond
	looked := false
	s := newSite(t, func(p *plan) {
		p.config.Crowded = func() time.Duration { return wait }
		p.config.Tokens = &tokens{CtxStore: p.config.Tokens, found: func(context.Context) { looked = true }}
	})
	mira := s.person()
	looked = false
	for _, method := range []string{"GET", "HEAD"} {
		a := mira.send(mira.request(method, "/ws", "", "")).is(503)
		if a.header.Get("Retry-After") != "3" {
			t.Errorf("%s: come back after %q", method, a.header.Get("Retry-After"))
		}
	}
	if looked {
		t.Error("who comes in vain costs a look at the session")
	}
	mira.get("/conversations").is(200) // nothing else is refused
	wait = 0
	if mira.get("/ws").is(200); !looked {
		t.Error("premise: nobody looks")
	}
}
