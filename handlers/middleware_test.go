package handlers

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"parley/chat"
)

// headersOf checks what every answer has to carry.
func headersOf(t *testing.T, about string, header http.Header, secure bool) {
	t.Helper()
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; " +
			"media-src 'self' blob:; connect-src 'self'; font-src 'self'; manifest-src 'self'; worker-src 'self'; " +
			"form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
		"X-Content-Type-Options":       "nosniff",
		"Referrer-Policy":              "same-origin",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
	} {
		if got := header.Values(name); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %s: %q", about, name, got)
		}
	}
	if got := header.Get("Strict-Transport-Security"); (got != "") != secure {
		t.Errorf("%s: Strict-Transport-Security: %q", about, got)
	}
	if !regexp.MustCompile(`^[A-Z2-7]{26}$`).MatchString(header.Get("X-Request-Id")) {
		t.Errorf("%s: X-Request-Id: %q", about, header.Get("X-Request-Id"))
	}
	if len(header.Values("Set-Cookie")) > 1 {
		t.Errorf("%s: two cookies: %q", about, header.Values("Set-Cookie"))
	}
	if strings.HasPrefix(header.Get("Content-Type"), "text/html") {
		if got := header.Values("Cache-Control"); len(got) != 1 || got[0] != "no-store" {
			t.Errorf("%s: Cache-Control: %q", about, got)
		}
		if vary := strings.Join(header.Values("Vary"), ","); !strings.Contains(vary, "HX-Request") {
			t.Errorf("%s: Vary: %q", about, vary)
		}
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprintf("every route's answers carry the headers, https %v", secure), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, developing, func(p *plan) {
				p.config.Secure = secure
				if secure {
					p.settings.Registration = chat.RegistrationOpen
				}
			})
			ids := map[string]bool{}
			for name, e := range expectations {
				method, _, _ := strings.Cut(name, " ")
				for kind, b := range map[string]*browser{
					"anonymous": w.visitor, "stranger": w.stranger, "member": w.member,
					"anonymous htmx": w.visitor.htmx(), "stranger htmx": w.stranger.htmx(),
				} {
					a := e.request(w, method, b)
					headersOf(t, name+", "+kind, a.header, secure)
					if id := a.header.Get("X-Request-Id"); ids[id] {
						t.Errorf("the request id %s comes twice", id)
					} else {
						ids[id] = true
					}
				}
			}
		})
	}

	t.Run("every error page carries the headers", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, func(p *plan) {
			p.config.Changes = func(http.ResponseWriter, *http.Request, chat.Viewer, chat.ID) error { panic("on purpose") }
		})
		for about, a := range errorPages(w) {
			headersOf(t, about, a.header, false)
		}
	})

	t.Run("a client's request id is not taken over", func(t *testing.T) {
		t.Parallel()
		if a := newSite(t).visitor().with("X-Request-Id", "mine").get("/"); a.header.Get("X-Request-Id") == "mine" {
			t.Error("it is")
		}
	})

	t.Run("static files may be kept, and carry the headers", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		a := s.visitor().get(s.handlers.config.Assets.Path("css/app.css")).is(200)
		headersOf(t, "css", a.header, false)
		if got := a.header.Values("Cache-Control"); len(got) != 1 || !strings.Contains(got[0], "immutable") {
			t.Errorf("Cache-Control: %q", got)
		}
		if a.header.Get("Set-Cookie") != "" || strings.Contains(a.header.Get("Vary"), "Cookie") {
			t.Error("it has to do with the session")
		}
	})
}

// errorPages brings about a page, and a fragment, of each status there is an error page for.
func errorPages(w *world) map[string]*answer {
	form := "application/x-www-form-urlencoded"
	pages := map[string]*answer{
		"400":               w.member.get("/people?q=%zz"),
		"403":               w.member.with("Sec-Fetch-Site", "cross-site").post("/settings", nil),
		"404, no route":     w.member.get("/nowhere"),
		"404, not there":    w.member.get("/conversations/" + chat.NewID().String()),
		"404, not yours":    w.stranger.get(w.conversation),
		"404, static":       w.visitor.get("/static/nothing.css"),
		"405":               w.member.get("/logout"),
		"413":               w.member.send(w.member.request("POST", "/settings", form, strings.Repeat("x", maxBody+1))),
		"422":               w.visitor.post("/register", nil),
		"500":               w.member.get(w.conversation + "/changes"),
		"400 htmx":          w.member.htmx().get("/people?q=%zz"),
		"403 htmx":          w.member.htmx().with("Sec-Fetch-Site", "cross-site").post("/settings", nil),
		"404 htmx":          w.stranger.htmx().get(w.conversation),
		"401 htmx":          w.visitor.htmx().get("/settings"),
		"401 htmx, sending": w.visitor.htmx().post(w.conversation+"/messages", nil),
		"413 htmx, sending": w.member.htmx().send(w.member.htmx().request("POST", w.conversation+"/messages", form, strings.Repeat("x", maxMessageBody+1))),
	}
	for about, a := range pages {
		if fmt.Sprint(a.status) != about[:3] {
			w.t.Errorf("premise: %s is a %d", about, a.status)
		}
	}
	return pages
}

func TestBodyLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	limits := map[string]int64{}
	for _, row := range w.handlers.routes() {
		limits[row.method+" "+row.path] = max(row.body, maxBody)
	}
	if limits["POST /conversations/:id/messages"] != maxMessageBody {
		t.Fatal("premise: messages have no limit of their own")
	}
	for name, e := range expectations {
		method, path, _ := strings.Cut(name, " ")
		if method != http.MethodPost || path == "/logout" {
			continue
		}
		b := w.member
		switch {
		case path == "/login" || path == "/register":
			b = w.visitor
		case strings.HasPrefix(path, "/administration"):
			b = w.other
		}
		const form = "application/x-www-form-urlencoded"
		size := int(limits[name])
		fitting, tooLarge := "x="+strings.Repeat("y", size-2), "x="+strings.Repeat("y", size-1)
		if a := b.send(b.request(method, e.path(w), form, fitting)); a.status == 413 {
			t.Errorf("%s: %d bytes are refused", name, size)
		}
		b.send(b.request(method, e.path(w), form, tooLarge)).is(413).has(".failure__title")

		// Nothing announces the length here.
		r := b.request(method, e.path(w), form, "")
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(tooLarge)), -1
		b.send(r).is(413)

		var multi bytes.Buffer
		writer := multipart.NewWriter(&multi)
		if err := writer.WriteField("x", tooLarge); err != nil {
			t.Fatal(err)
		}
		writer.Close()
		r = b.request(method, e.path(w), writer.FormDataContentType(), "")
		r.Body, r.ContentLength = io.NopCloser(&multi), -1
		b.send(r).is(413)
	}

	t.Run("the longest message there is passes in the widest letters", func(t *testing.T) {
		text := strings.Repeat("😀", chat.MaxBody)
		id := w.member.says(w.conversation, text)
		if got := value[string](w.site, `SELECT body FROM messages WHERE id = $1::uuid`, id); got != text {
			t.Error("it was stored otherwise")
		}
		w.member.post(w.conversation+"/messages", url.Values{
			"body": {text + "😀"}, "client_id": {chat.NewID().String()},
		}).is(422).says("Please use 10000 characters at most")
	})
}

func TestRecover(t *testing.T) {
	t.Parallel()

	t.Run("a request that panics is answered with 500, and the next one as ever", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, func(p *plan) {
			p.options = append(p.options, chat.WithLimiter(badLimiter{}))
			p.settings.Limits = true
		})
		a := w.member.get("/people").is(500)
		id := a.header.Get("X-Request-Id")
		a.says(id).silentOn("on purpose").silentOn("goroutine")
		complaints := w.log.complaints()
		if len(complaints) != 1 || !strings.Contains(complaints[0], id) || !strings.Contains(complaints[0], "on purpose") ||
			!strings.Contains(complaints[0], "badLimiter") {
			t.Errorf("the log has %d lines: %q", len(complaints), complaints)
		}
		w.member.get("/").is(200)
	})

	t.Run("half an answer is broken off, not mixed with a page", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, func(p *plan) {
			p.config.Changes = func(w http.ResponseWriter, _ *http.Request, _ chat.Viewer, _ chat.ID) error {
				fmt.Fprint(w, "half")
				return errors.New("the other half is missing")
			}
		})
		if a := w.member.get(w.conversation + "/changes"); a.body != "half" {
			t.Errorf("%d %q", a.status, a.body)
		}
		if len(w.log.complaints()) != 1 {
			t.Errorf("the log has %q", w.log.complaints())
		}
	})

	t.Run("net/http's own way of breaking off is left to it", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, func(p *plan) {
			p.config.Socket = func(http.ResponseWriter, *http.Request, chat.Viewer) { panic(http.ErrAbortHandler) }
		})
		defer func() {
			if problem, _ := recover().(error); !errors.Is(problem, http.ErrAbortHandler) {
				t.Error("it was swallowed")
			}
		}()
		w.member.get("/ws")
	})
}

type badLimiter struct{}

func (badLimiter) Allow(_ context.Context, limit chat.Limit, _ string) (bool, time.Duration) {
	if limit == chat.LimitSearch {
		panic("on purpose")
	}
	return true, 0
}

func TestHijack(t *testing.T) {
	t.Parallel()
	// Over a real connection: a socket takes it over through all of the middleware.
	s := newSite(t, func(p *plan) {
		p.config.Socket = func(w http.ResponseWriter, _ *http.Request, _ chat.Viewer) {
			conn, buffer, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			fmt.Fprint(buffer, "HTTP/1.1 101 Switching Protocols\r\n\r\nraw")
			buffer.Flush()
		}
		p.config.Changes = func(w http.ResponseWriter, _ *http.Request, _ chat.Viewer, _ chat.ID) error {
			fmt.Fprint(w, "first")
			w.(http.Flusher).Flush()
			return nil
		}
	})
	ben, mira := s.person(), s.person()
	conversation := mira.talk(ben)
	server := httptest.NewServer(s.handlers)
	defer server.Close()
	get := func(path string) *bufio.Reader {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\nCookie: parley=%s\r\nConnection: close\r\n\r\n", path, mira.cookie())
		return bufio.NewReader(conn)
	}
	var got bytes.Buffer
	if _, err := got.ReadFrom(get("/ws")); err != nil || got.String() != "HTTP/1.1 101 Switching Protocols\r\n\r\nraw" {
		t.Errorf("%q, %v", got.String(), err)
	}
	if line, err := get(conversation + "/changes").ReadString('\n'); err != nil || !strings.Contains(line, "200") {
		t.Errorf("%q, %v", line, err)
	}
	eventually(t, "the log has a line for the socket", func() bool { // written when the handler has returned
		return strings.Contains(s.log.String(), `"path":"/ws"`)
	})
	if !strings.Contains(s.log.String(), `"status":101`) {
		t.Error("the log does not say 101")
	}
	if _, _, err := (&recorder{ResponseWriter: httptest.NewRecorder()}).Hijack(); err == nil {
		t.Error("what cannot be taken over was")
	}
}
