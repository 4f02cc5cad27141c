// Package handlers answers HTTP: it parses a request, asks package chat, and draws the answer with package views.
//
// routes.go is the sitemap. What holds for every request stands in middleware.go, who is let in where in viewer.go, and
// every refusal leaves through error.go. The package decides nothing about who may see or do a thing: that is chat's.
package handlers

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/labstack/echo/v4"

	"parley/chat"
	"parley/static"
)

// Config is what the handlers need of the other rooms.
type Config struct {
	Chat *chat.Chat
	// Tokens keeps what belongs to a session cookie, under the hash of its token.
	Tokens scs.CtxStore
	Assets *static.Assets
	Log    *slog.Logger

	// BaseURL is where people reach this installation, for links that are handed on; without a slash at its end.
	BaseURL string
	// Secure: people reach this installation by https. Cookies and headers follow.
	Secure bool
	// Public: people reach this installation by a name that is not this machine's own, so that nobody counts as being here.
	Public bool
	// TrustedProxies are those whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// Dev adds the gallery and the pseudo-language.
	Dev bool

	Version  string
	Revision string

	// Ready says why requests should not be sent here, if so. Nil: always ready.
	Ready func(ctx context.Context) error
	// Degraded names what is away that can be done without. Nil: nothing. It never waits.
	Degraded func() []string
	// Meter is told of each request. Nil: nobody is.
	Meter Meter
	// Crowded says how long whoever wants a socket should stay away; 0: come in. Nil: everybody may.
	Crowded func() time.Duration
	// Socket and Changes are the doors of package realtime. Who stands before them is checked already; whether the
	// conversation is the viewer's is theirs to ask.
	Socket  func(w http.ResponseWriter, r *http.Request, viewer chat.Viewer)
	Changes func(w http.ResponseWriter, r *http.Request, viewer chat.Viewer, conversation chat.ID) error

	// Clock tells the time; nil is the real one.
	Clock chat.Clock
}

// Meter is told of requests.
type Meter interface {
	// RequestAnswered: method and route are those of a row of the sitemap, and empty where there is none. A socket is
	// answered by 101 when it stands.
	RequestAnswered(method, route string, status int, took time.Duration)
}

type unmetered struct{}

func (unmetered) RequestAnswered(string, string, int, time.Duration) {}

// Handlers is the whole of Parley's HTTP, an http.Handler.
type Handlers struct {
	config   Config
	resolver resolver
	sessions *scs.SessionManager
	tongues  tongues
	served   http.Handler
}

// New puts the handlers together. A Config without Chat, Tokens, Assets, Socket or Changes is a mistake in the program,
// and panics.
func New(config Config) *Handlers {
	if config.Chat == nil || config.Tokens == nil || config.Assets == nil || config.Socket == nil || config.Changes == nil {
		panic("handlers: Chat, Tokens, Assets, Socket and Changes are needed")
	}
	if config.Clock == nil {
		config.Clock = time.Now
	}
	if config.Log == nil {
		config.Log = slog.Default()
	}
	if config.Ready == nil {
		config.Ready = func(context.Context) error { return nil }
	}
	if config.Meter == nil {
		config.Meter = unmetered{}
	}
	if config.Crowded == nil {
		config.Crowded = func() time.Duration { return 0 }
	}
	if config.Degraded == nil {
		config.Degraded = func() []string { return nil }
	}
	h := &Handlers{
		config:   config,
		resolver: resolver{trusted: config.TrustedProxies, secure: config.Secure, public: config.Public},
		sessions: newSessions(config.Tokens, config.Secure),
		tongues:  newTongues(config.Dev),
	}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.IPExtractor = func(r *http.Request) string { return h.resolver.client(r).String() }
	e.HTTPErrorHandler = func(err error, c echo.Context) { h.fail(c.Response().Writer, c.Request(), err) }
	e.Use(h.lost)
	h.mount(e)
	h.served = h.chain(e)
	return h
}

// ServeHTTP implements [http.Handler].
func (h *Handlers) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.served.ServeHTTP(w, r) }

// lost finds out who asks for what no route answers, so that the page saying so looks as that person chose.
func (h *Handlers) lost(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		err := next(c)
		if v := visitOf(c.Request().Context()); v.route == nil && err != nil {
			if err := h.enter(c, route{program: true}); err != nil {
				return err
			}
		}
		return err
	}
}
