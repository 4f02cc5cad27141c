package handlers

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"

	"parley/chat"
)

// visit is what is known about one request while it is answered. The outermost middleware makes it, later ones fill it
// in; a request has one goroutine.
type visit struct {
	// id names the request in the log, in the X-Request-Id header and on error pages. It is our own, never the client's.
	id     string
	origin chat.Origin
	route  *route       // nil until the router found one
	viewer *chat.Viewer // nil: nobody is logged in
	// staleCookie: the request carries the cookie of a session that is over.
	staleCookie bool
	// token is the one that this visit got; empty while it goes on with its cookie's.
	token string
	// form is what was posted, once somebody has read it.
	form url.Values
}

type visitKey struct{}

func withVisit(r *http.Request, v *visit) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), visitKey{}, v))
}

// visitOf returns the request's visit. Outside the middleware (which only a mistake of ours can bring about) it is an
// empty one, so that even then there is an answer.
func visitOf(ctx context.Context) *visit {
	if v, ok := ctx.Value(visitKey{}).(*visit); ok {
		return v
	}
	return &visit{}
}

// newRequestID returns 130 random bits in letters and digits.
func newRequestID() string { return rand.Text() }
