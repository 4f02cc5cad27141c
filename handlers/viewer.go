package handlers

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"parley/chat"
)

// viewer returns who is logged in. Only routes for persons may ask.
func (h *Handlers) viewer(c echo.Context) chat.Viewer {
	v := visitOf(c.Request().Context()).viewer
	if v == nil {
		panic("handlers: a viewer is asked for on a route that is not for persons")
	}
	return *v
}

// enter finds out who is logged in. A session that is over makes an anonymous visit, and takes its cookie along.
func (h *Handlers) enter(c echo.Context, row route) error {
	r, w := c.Request(), c.Response()
	w.Header().Add("Vary", "Cookie")
	token := h.token(r)
	if token == "" {
		return nil
	}
	v := visitOf(r.Context())
	known := true
	shown := chat.Token{Hash: tokenHash(token), Address: h.resolver.origin(r).Address, Fresh: row.fresh || row.may == administrator}
	viewer, err := h.config.Chat.ViewerByToken(r.Context(), shown, func(ctx context.Context) (id chat.ID, err error) {
		if ctx, err = h.sessions.Load(ctx, token); err != nil {
			return id, err
		}
		if id, known = parseID(h.sessions.GetString(ctx, sessionKey)); !known {
			err = chat.Unauthenticated()
		}
		return id, err
	})
	switch {
	case !known:
		v.staleCookie = true
		return nil
	case chat.KindOf(err) == chat.KindUnauthenticated:
		if row.program {
			return nil // read only: a page will tidy up
		}
		return h.endSession(w, r)
	case err != nil:
		return err
	}
	v.viewer = &viewer
	if viewer.Renew && !row.program {
		return h.renewSession(w, r, viewer)
	}
	return nil
}

// admit decides whether the visitor may go on to the route's handler; done says that the answer is given.
func (h *Handlers) admit(c echo.Context, row route) (done bool, err error) {
	r, w := c.Request(), c.Response()
	v := visitOf(r.Context())
	switch {
	case (row.may == person || row.may == administrator) && v.viewer == nil:
		return false, chat.Unauthenticated()
	case row.may == administrator && !v.viewer.MayAdminister():
		return false, chat.NotFound()
	case row.may == person && r.URL.RawQuery != "":
		// What scripts ask for says whose page it is for; an address that cannot be read is its handler's to refuse.
		if query, err := url.ParseQuery(r.URL.RawQuery); err == nil {
			return false, ofViewer(r, query)
		}
	case row.may == anonymous && v.viewer != nil:
		next := "/"
		if query, err := readQuery(r, "next"); err == nil {
			next = localPath(query["next"])
		}
		return true, h.redirect(c, next)
	}
	// An unknown token may be one that a request beside this one has just replaced, and the browser may hold the new
	// one already. So the cookie is not taken away on the way to the page for logging in, only on arrival.
	if v.staleCookie && (row.may == anybody || row.may == anonymous) {
		h.writeCookie(w, r, "", time.Time{})
	}
	return false, nil
}

// redirect sends the client to another page of ours: by 303, or by the header that htmx follows with a new page.
func (h *Handlers) redirect(c echo.Context, path string) error {
	if partial(c.Request()) {
		c.Response().Header().Set("HX-Redirect", path)
		return c.NoContent(http.StatusNoContent)
	}
	return c.Redirect(http.StatusSeeOther, path)
}

// partial says whether htmx asks for a fragment. When it goes back in history, or puts the answer into the body, it
// wants the page.
func partial(r *http.Request) bool {
	return r.Header.Get("HX-Request") == "true" && r.Header.Get("HX-History-Restore-Request") != "true" &&
		r.Header.Get("HX-Request-Type") != "full"
}

// varyByHTMX says which of htmx's headers the answer depends on.
func varyByHTMX(w http.ResponseWriter) {
	w.Header().Add("Vary", "HX-Request, HX-Request-Type, HX-History-Restore-Request")
}
