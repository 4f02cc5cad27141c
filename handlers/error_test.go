package handlers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"parley/chat"
)

func TestRefusals(t *testing.T) {
	t.Parallel()
	wrapped := func(err error) error { return fmt.Errorf("while testing: %w", err) }
	refusal := func(kind chat.Kind, code chat.Code) error { return wrapped(&chat.Error{Kind: kind, Code: code}) }
	secret := errors.New("canary of the inside")
	for name, c := range map[string]struct {
		err    error
		status int
		after  string
		level  string // of the one line in the log about it
	}{
		"invalid":            {err: refusal(chat.KindInvalid, chat.CodeInvalid), status: 422, level: "DEBUG"},
		"unreadable":         {err: unreadable(secret), status: 400, level: "DEBUG"},
		"forbidden":          {err: refusal(chat.KindForbidden, chat.CodeForbidden), status: 403, level: "DEBUG"},
		"not found":          {err: wrapped(chat.NotFound()), status: 404, level: "DEBUG"},
		"conflict":           {err: chat.Conflict(chat.CodeClientIDReused, secret), status: 409, level: "DEBUG"},
		"too many":           {err: &chat.Error{Kind: chat.KindTooMany, Code: chat.CodeTooMany, RetryAfter: 1500 * time.Millisecond, Args: chat.Args{"Count": 2}}, status: 429, after: "2", level: "DEBUG"},
		"unavailable":        {err: chat.Unavailable(secret), status: 503, after: "5", level: "WARN"},
		"timed out":          {err: wrapped(context.DeadlineExceeded), status: 503, after: "5", level: "WARN"},
		"cancelled by us":    {err: wrapped(context.Canceled), status: 503, after: "5", level: "WARN"},
		"too large":          {err: wrapped(&http.MaxBytesError{Limit: 1}), status: 413, level: "DEBUG"},
		"no route":           {err: echo.ErrNotFound, status: 404, level: "DEBUG"},
		"no such method":     {err: echo.ErrMethodNotAllowed, status: 405, level: "DEBUG"},
		"an echo of another": {err: echo.ErrTeapot, status: 500, level: "ERROR"},
		"a mistake of ours":  {err: wrapped(secret), status: 500, level: "ERROR"},
		"a kind without row": {err: refusal("strange", chat.CodeForbidden), status: 500, level: "WARN"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.handlers.config.Changes = func(http.ResponseWriter, *http.Request, chat.Viewer, chat.ID) error { return c.err }
			// The same refusal by three ways out: for a program, a page and a fragment.
			program := w.member.get(w.conversation + "/changes").is(c.status)
			if !strings.HasPrefix(program.header.Get("Content-Type"), "text/plain") || strings.Contains(program.body, "<") {
				t.Errorf("a program gets %q", program.body)
			}
			failing := func(b *browser) *answer {
				recorder := httptest.NewRecorder()
				r := b.request("GET", "/somewhere?x=1", "", "")
				v := &visit{id: "REQUESTID"}
				w.handlers.fail(&plainWriter{recorder}, withVisit(r, v), c.err)
				return &answer{t: t, about: name, status: recorder.Code, header: recorder.Header(), body: recorder.Body.String()}
			}
			page, fragment := failing(w.visitor).is(c.status), failing(w.visitor.htmx()).is(c.status)
			page.has("html[lang]")
			fragment.lacks("html[lang]")
			if fragment.header.Get("HX-Retarget") != "#pane" || fragment.header.Get("HX-Reswap") != "outerHTML" {
				t.Errorf("htmx would put it %v", fragment.header)
			}
			for _, a := range []*answer{page, fragment} {
				a.says("REQUESTID").has(".failure__title")
				if got := a.header.Get("Retry-After"); got != c.after {
					t.Errorf("Retry-After %q", got)
				}
				if _, again := a.page().Find(".failure__ways a").First().Attr("href"); !again {
					t.Error("there is no way on")
				}
				if link, _ := a.page().Find(".failure__ways a").First().Attr("href"); (link == "/somewhere?x=1") != (c.status >= 500 || c.status == 429) {
					t.Errorf("the way on is %q", link)
				}
			}
			for _, a := range []*answer{program, page, fragment} {
				a.silentOn("canary").silentOn("while testing")
			}
			lines := 0
			for line := range strings.Lines(w.log.String()) {
				if strings.Contains(line, `"error":`) {
					lines++
					if !strings.Contains(line, `"level":"`+c.level+`"`) || !strings.Contains(line, `"request":"`) {
						t.Errorf("the log says %s", line)
					}
				}
			}
			if lines != 3 {
				t.Errorf("three refusals are %d lines in the log", lines)
			}
		})
	}
}

// plainWriter is a writer without more than net/http promises.
type plainWriter struct{ http.ResponseWriter }

func TestUnreachable(t *testing.T) {
	t.Parallel()

	t.Run("without the database every page says so, with 503, and what needs none goes on", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, developing)
		w.cutOff()
		without := map[string]bool{
			"GET /login": true, "GET /forgot": true, "POST /logout": true, "GET /healthz": true, "GET /readyz": true, "GET /version": true, "GET /static/*": true,
			"GET /favicon.ico": true, "GET /robots.txt": true, "GET /gallery": true, "GET /gallery/:component": true,
		}
		for name, e := range expectations {
			method, _, _ := strings.Cut(name, " ")
			for kind, b := range map[string]*browser{"member": w.member, "member's htmx": w.member.htmx()} {
				a := e.request(w, method, b)
				a.lacks("[data-nobody]") // which would lead every other tab to the page for logging in
				_, path, _ := strings.Cut(name, " ")
				asked := !without[name] || path == "/login" || path == "/logout" || path == "/forgot" // their cookie is looked up
				if (a.status == 503) != asked {
					t.Errorf("%s, %s: %d", name, kind, a.status)
				}
				if a.status == 503 && a.header.Get("Retry-After") == "" {
					t.Errorf("%s, %s: no Retry-After", name, kind)
				}
			}
			a := e.request(w, method, w.visitor)
			want := e.anonymous.page
			if path := e.path(w); want < 400 && !without[name] && want != 303 || strings.HasPrefix(path, "/reset/") ||
				strings.HasPrefix(path, "/join/") || strings.HasPrefix(path, "/confirm/") ||
				name == "POST /register" || name == "POST /login" || name == "POST /forgot" {
				want = 503
			}
			if a.status != want {
				t.Errorf("%s, anonymous: %d, want %d", name, a.status, want)
			}
		}
		a := w.visitor.post("/login", login("mira", "a password of mine")).is(503).silentOn("a password of mine")
		if v, _ := a.has("input[name=login]").Attr("value"); v != "mira" {
			t.Error("the name is not kept")
		}
		if v, _ := w.visitor.post("/register", signUp("email", "m@example.org")).is(503).has("input[name=email]").Attr("value"); v != "m@example.org" {
			t.Error("the address is not kept")
		}
		if b := w.member.htmx().post(w.conversation+"/messages", draft("x", chat.NewID().String())).is(503); b.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		} else if code, _ := b.has(".message__error").Attr("data-code"); code != "unavailable" {
			t.Errorf("code %q", code)
		}
	})

	t.Run("a client that has gone is no error in the log", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		r := w.member.request("GET", w.conversation, "", "")
		ctx, cancel := context.WithCancel(r.Context())
		cancel()
		recorder := httptest.NewRecorder()
		w.handlers.ServeHTTP(recorder, r.WithContext(ctx))
		if complaints := w.log.complaints(); len(complaints) > 0 {
			t.Errorf("the log complains: %s", complaints)
		}
		if recorder.Code != statusGone || recorder.Body.Len() > 0 {
			t.Errorf("%d %q", recorder.Code, recorder.Body)
		}
	})
}

func TestRender(t *testing.T) {
	t.Parallel()
	half := templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		if _, err := io.WriteString(w, "<p>half a page"); err != nil {
			return err
		}
		return errors.New("the other half is missing")
	})

	t.Run("a component that fails makes an error page, never half a page", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		b := s.visitor()
		recorder := httptest.NewRecorder()
		r := b.request("GET", "/", "", "")
		err := s.handlers.render(recorder, r, http.StatusOK, half)
		if err == nil || recorder.Body.Len() > 0 {
			t.Fatalf("%v, %q", err, recorder.Body)
		}
		s.handlers.fail(recorder, withVisit(r, &visit{id: "REQUESTID"}), err)
		if recorder.Code != 500 || strings.Contains(recorder.Body.String(), "half a page") || !strings.Contains(recorder.Body.String(), "REQUESTID") {
			t.Errorf("%d %s", recorder.Code, recorder.Body)
		}
	})

	t.Run("a page that works comes whole, with its length", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		a := s.visitor().get("/login").is(200)
		if a.header.Get("Content-Length") != itoa(len(a.body)) || !strings.HasSuffix(strings.TrimSpace(a.body), "</html>") {
			t.Errorf("Content-Length %q of %d", a.header.Get("Content-Length"), len(a.body))
		}
	})

	t.Run("even where the error page fails there is an answer", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		recorder := httptest.NewRecorder()
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // templ draws nothing any more
		r := s.visitor().request("GET", "/", "", "").WithContext(ctx)
		s.handlers.fail(recorder, withVisit(r, &visit{id: "REQUESTID"}), errors.New("something else"))
		if recorder.Code != 500 || recorder.Body.String() != "REQUESTID\n" {
			t.Errorf("%d %q", recorder.Code, recorder.Body)
		}
	})

	t.Run("a buffer that grew large is not kept", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		large := templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
			_, err := io.WriteString(w, strings.Repeat("x", 2*keptBuffer))
			return err
		})
		recorder := httptest.NewRecorder()
		if err := s.handlers.render(recorder, s.visitor().request("GET", "/", "", ""), 200, large); err != nil || recorder.Body.Len() != 2*keptBuffer {
			t.Errorf("%v, %d bytes", err, recorder.Body.Len())
		}
	})
}
