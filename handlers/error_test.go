package handlers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
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
				w.handlers.fail(&recorder_{recorder}, withVisit(r, v), c.err)
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

// recorder_ is a writer without more than net/http promises.
type recorder_ struct{ http.ResponseWriter }

func TestUnreachable(t *testing.T) {
	t.Parallel()

	t.Run("without the database every page says so, with 503, and what needs none goes on", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, developing)
		w.cutOff()
		without := map[string]bool{
			"GET /login": true, "POST /logout": true, "GET /healthz": true, "GET /readyz": true, "GET /version": true, "GET /static/*": true,
			"GET /favicon.ico": true, "GET /robots.txt": true, "GET /gallery": true, "GET /gallery/:component": true,
		}
		for name, e := range expectations {
			method, _, _ := strings.Cut(name, " ")
			for kind, b := range map[string]*browser{"member": w.member, "member's htmx": w.member.htmx()} {
				a := e.request(w, method, b)
				_, path, _ := strings.Cut(name, " ")
				asked := !without[name] || path == "/login" || path == "/logout" // their cookie is looked up
				if (a.status == 503) != asked {
					t.Errorf("%s, %s: %d", name, kind, a.status)
				}
				if a.status == 503 && a.header.Get("Retry-After") == "" {
					t.Errorf("%s, %s: no Retry-After", name, kind)
				}
			}
			a := e.request(w, method, w.visitor)
			want := e.anonymous.page
			if path := e.path(w); want < 400 && !without[name] && want != 303 || strings.HasPrefix(path, "/reset/") || name == "POST /register" || name == "POST /login" {
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

func TestForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const urlencoded = "application/x-www-form-urlencoded"
	for name, c := range map[string]struct {
		kind, body string
		status     int
	}{
		"a broken escape":            {urlencoded, "theme=%zz", 400},
		"a semicolon":                {urlencoded, "theme=dark;time_zone=UTC", 400},
		"a field twice":              {urlencoded, "theme=dark&theme=light&time_zone=UTC", 400},
		"a field twice, the same":    {urlencoded, "theme=dark&theme=dark&time_zone=UTC", 400},
		"an array":                   {urlencoded, "theme[]=dark&time_zone=UTC", 422},
		"JSON":                       {"application/json", `{"theme":"dark","time_zone":"UTC"}`, 400},
		"plain text":                 {"text/plain", "theme=dark&time_zone=UTC", 400},
		"no type":                    {"", "theme=dark&time_zone=UTC", 400},
		"a type that is none":        {";;;", "theme=dark&time_zone=UTC", 400},
		"multipart without boundary": {"multipart/form-data", "x", 400},
		"multipart that is none":     {"multipart/form-data; boundary=x", "garbage", 400},
		"multipart cut off":          {"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"theme\"\r\n\r\ndark", 400},
		"a file for a field":         {"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"theme\"; filename=\"a\"\r\n\r\ndark\r\n--x--\r\n", 422},
		"another character set":      {urlencoded + "; charset=utf-16", "theme=dark&time_zone=UTC", 303},
		"nothing":                    {urlencoded, "", 422},
		"nothing at all":             {"", "", 422},
		"a field of another name":    {urlencoded, "Theme=dark&TIME_ZONE=UTC", 422},
		"many fields":                {urlencoded, strings.Repeat("x&", 20000), -4},
		"as it should be":            {urlencoded, "theme=dark&time_zone=UTC", 303},
	} {
		a := w.member.send(w.member.request("POST", "/settings", c.kind, c.body))
		if a.status != c.status && (c.status != -4 || a.status/100 != 4) {
			t.Errorf("%s: %d, want %d", name, a.status, c.status)
		}
	}

	t.Run("every field of every form is refused when it comes twice, and nothing is stored", func(t *testing.T) {
		for path, names := range map[string][]string{
			"/register": {"username", "display_name", "email", "password", "time_zone", "setup_code"},
			"/login":    {"login", "password", "next"},
		} {
			for _, name := range names {
				form := signUp("login", w.member.username, "username", "twice", "password", goodPassword)
				form[name] = []string{"a", "b"}
				kind, body := multipartOf(t, form)
				w.visitor.post(path, form).is(400)
				w.visitor.send(w.visitor.request("POST", path, kind, body)).is(400)
			}
		}
		for path, form := range map[string]url.Values{
			"/conversations":             {"person": {w.other.id.String(), w.stranger.id.String()}},
			w.conversation + "/messages": {"body": {"a", "b"}, "client_id": {chat.NewID().String()}},
			w.conversation + "/read":     {"seq": {"1", "1"}},
			"/reset/" + w.token:          {"password": {"a new short sentence", "another one"}},
		} {
			w.member.post(path, form).is(400)
		}
		w.member.post(w.conversation+"/messages", url.Values{"body": {"a"}, "client_id": {chat.NewID().String(), chat.NewID().String()}}).is(400)
		if n := value[int](w.site, `SELECT count(*) FROM messages`); n != 1 {
			t.Error("a message was stored")
		}
		if n := value[int](w.site, `SELECT count(*) FROM people`); n != 3 {
			t.Error("an account was made")
		}
	})

	t.Run("fields in the address are no fields of the form", func(t *testing.T) {
		w.member.post("/settings?theme=dark&time_zone=UTC", nil).is(422)
		w.member.post(w.conversation+"/messages?body=x&client_id="+chat.NewID().String(), nil).is(422)
	})
}
