package handlers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	"parley/chat"
)

// contentSecurityPolicy allows what comes from this installation and nothing else: no inline script, no inline style,
// no frame around a page. A page that needs more is wrong, not the policy.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; " +
	"media-src 'self' blob:; connect-src 'self'; font-src 'self'; manifest-src 'self'; worker-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// strictTransport: one year at least and all names below, by OWASP ASVS 5.0, 3.4.1.
const strictTransport = "max-age=31536000; includeSubDomains"

// Bounds of a request's body in bytes. A character takes up to 12 in an urlencoded form (four of UTF-8, three for each
// of those), so that 64 KiB would refuse half a page of Chinese. A draft of [chat.MaxDraft] characters just fits. What is
// far too long for a message is read all the same, so that the refusal can give it back.
const (
	maxBody        = 64 << 10
	maxDraftBody   = 256 << 10
	maxMessageBody = 1 << 20
)

// chain puts the middleware around next, the outermost first.
func (h *Handlers) chain(next http.Handler) http.Handler {
	next = h.sameOrigin(next)
	next = h.headers(next)
	next = h.recover(next)
	next = h.log(next)
	return h.identify(next)
}

// identify gives the request its id and finds out where it came from.
func (h *Handlers) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &visit{id: newRequestID(), origin: h.resolver.origin(r)}
		w.Header().Set("X-Request-Id", v.id)
		next.ServeHTTP(&recorder{ResponseWriter: w}, withVisit(r, v))
	})
}

// log writes one line for each request: no text of anybody's, no secret, no query. The meter is told of it, too.
func (h *Handlers) log(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := h.config.Clock()
		next.ServeHTTP(w, r)
		took := h.config.Clock().Sub(began)
		v := visitOf(r.Context())
		level := slog.LevelInfo
		var method, pattern string
		if v.route != nil {
			method, pattern = v.route.method, v.route.path
			if v.route.quiet {
				level = slog.LevelDebug
			}
		}
		attributes := []slog.Attr{
			slog.String("request", v.id),
			slog.String("method", clip(r.Method, 20)),
			slog.String("path", loggable(r.URL.Path)),
			slog.String("address", v.origin.Address),
			slog.Duration("took", took),
		}
		if rec, ok := w.(*recorder); ok {
			status := rec.status
			if status == 0 {
				status = http.StatusOK // what net/http says when a handler said nothing
			}
			h.config.Meter.RequestAnswered(method, pattern, status, took)
			attributes = append(attributes, slog.Int("status", status), slog.Int64("bytes", rec.bytes))
		}
		if v.viewer != nil {
			attributes = append(attributes, slog.String("person", v.viewer.ID.String()))
		}
		h.config.Log.LogAttrs(context.WithoutCancel(r.Context()), level, "request", attributes...)
	})
}

// secretPath finds the paths whose rest is a secret, however they are written.
var secretPath = regexp.MustCompile(`(?i)/(reset|confirm|join)/`)

// loggable is a path as the log may hold it.
func loggable(path string) string {
	if found := secretPath.FindStringIndex(path); found != nil && found[1] < len(path) {
		path = path[:found[1]] + "…"
	}
	return clip(path, 200)
}

// clip cuts s, for the log.
func clip(s string, length int) string {
	if len(s) <= length {
		return s
	}
	return strings.ToValidUTF8(s[:length], "") + "…"
}

// recover turns a panic into an answer, so that one bad request never ends the process.
func (h *Handlers) recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch problem := recover(); problem {
			case nil:
			case http.ErrAbortHandler:
				panic(problem) // net/http's own way to break off an answer; it does not log this one
			default:
				h.fail(w, r, fmt.Errorf("panic: %v\n%s", problem, debug.Stack()))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// headers sets what every answer carries. Whoever serves something that may be kept replaces Cache-Control.
func (h *Handlers) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", contentSecurityPolicy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "same-origin")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Cache-Control", "no-store")
		if h.config.Secure {
			header.Set("Strict-Transport-Security", strictTransport)
		}
		next.ServeHTTP(w, r)
	})
}

// sameOrigin refuses what another site makes a browser send here.
func (h *Handlers) sameOrigin(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := protection.Check(r); err != nil {
			h.fail(w, r, &chat.Error{Kind: chat.KindForbidden, Code: chat.CodeCrossOrigin, Err: err})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// limitBody bounds what is read of a request.
func limitBody(w http.ResponseWriter, r *http.Request, bytes int64) error {
	if r.ContentLength > bytes {
		return &http.MaxBytesError{Limit: bytes}
	}
	r.Body = http.MaxBytesReader(w, r.Body, bytes)
	return nil
}

// recorder remembers what was answered. It hands a connection over to sockets and flushes what is streamed.
type recorder struct {
	http.ResponseWriter
	status   int // 0 until the answer began
	bytes    int64
	hijacked bool
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController find the server's own writer.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush implements [http.Flusher].
func (w *recorder) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

// Hijack implements [http.Hijacker], which socket libraries ask for by type.
func (w *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffer, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, fmt.Errorf("take over the connection: %w", err)
	}
	w.hijacked, w.status = true, http.StatusSwitchingProtocols
	return conn, buffer, nil
}

// begun says whether the answer can no longer be another one.
func begun(w http.ResponseWriter) bool {
	for {
		if rec, ok := w.(*recorder); ok {
			return rec.status != 0 || rec.hijacked
		}
		inner, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return false
		}
		w = inner.Unwrap()
	}
}

// gone says whether err only means that the client did not wait for the answer.
func gone(r *http.Request, err error) bool {
	return errors.Is(err, context.Canceled) && errors.Is(r.Context().Err(), context.Canceled)
}

// seconds rounds up: whoever waits that long is let in.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
