package handlers

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/labstack/echo/v4"

	"parley/chat"
	"parley/views"
)

// sessionKey is the one thing that scs keeps for a cookie: the id of the row in our own table, which is the authority
// on who is logged in.
const sessionKey = "session"

// newSessions sets scs up. It has no idle timeout, with which it would write at every request, and a request that
// ends after logging out would write its stale session back; idleness is a matter of our own row.
//
// scs' LoadAndSave is not used. It saves whenever an answer begins, when it is too late for another answer: a save that
// fails appends an error to the page. Here only three moments change a session (logging in, logging out, a new token),
// each saves by itself before it answers, and no other request can write anything back.
func newSessions(store scs.Store, secure bool) *scs.SessionManager {
	sessions := scs.New()
	sessions.Store = store
	sessions.HashTokenInStore = true
	sessions.Lifetime = chat.SessionLife
	sessions.IdleTimeout = 0
	sessions.Cookie.Name = cookieName(secure)
	sessions.Cookie.HttpOnly = true
	sessions.Cookie.SameSite = http.SameSiteLaxMode
	sessions.Cookie.Path = "/"
	sessions.Cookie.Secure = secure
	sessions.Cookie.Persist = true
	return sessions
}

// cookieName: a browser takes a __Host- cookie only over TLS, for this very host and for all of its paths.
func cookieName(secure bool) string {
	if secure {
		return "__Host-parley"
	}
	return "parley"
}

// token is what the request's cookie says, or the one that has taken its place since; empty without any.
func (h *Handlers) token(r *http.Request) string {
	if token := visitOf(r.Context()).token; token != "" {
		return token
	}
	cookie, err := r.Cookie(h.sessions.Cookie.Name)
	if err != nil {
		return ""
	}
	return cookie.Value
}

// tokenHash is what scs keeps a token by.
func tokenHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// SessionCookie is the name of the cookie that holds a token: with SessionData and TokenHash all that a session is known by
// that was not made through a door.
func SessionCookie(secure bool) string { return cookieName(secure) }

// SessionData is what scs keeps for a token: the id of the row in our own table.
func SessionData(id chat.ID, expiry time.Time) ([]byte, error) {
	return scs.GobCodec{}.Encode(expiry, map[string]any{sessionKey: id.String()})
}

// TokenHash is what scs keeps it by.
func TokenHash(token string) string { return tokenHash(token) }

// startSession ties the client to a session of the viewer's, under a new token: whoever knew the old one knows nothing.
func (h *Handlers) startSession(w http.ResponseWriter, r *http.Request, viewer chat.Viewer) error {
	err := h.saveSession(w, r, viewer)
	if err != nil {
		// Nobody will ever hold this session's token.
		if err := h.config.Chat.LogOut(context.WithoutCancel(r.Context()), viewer); err != nil {
			h.config.Log.WarnContext(r.Context(), "a session without a token stays", slog.Any("error", err))
		}
	}
	return err
}

// renewSession gives a session a new token, after what it may do has changed.
func (h *Handlers) renewSession(w http.ResponseWriter, r *http.Request, viewer chat.Viewer) error {
	if err := h.saveSession(w, r, viewer); err != nil {
		return err
	}
	return h.config.Chat.Renewed(r.Context(), viewer)
}

func (h *Handlers) saveSession(w http.ResponseWriter, r *http.Request, viewer chat.Viewer) error {
	ctx, err := h.sessions.Load(r.Context(), h.token(r))
	if err != nil {
		return fmt.Errorf("load the session: %w", err)
	}
	if err := h.sessions.RenewToken(ctx); err != nil {
		return fmt.Errorf("new session token: %w", err)
	}
	h.sessions.Put(ctx, sessionKey, viewer.SessionID.String())
	token, expiry, err := h.sessions.Commit(ctx)
	if err != nil {
		return fmt.Errorf("save the session: %w", err)
	}
	visitOf(ctx).token = token
	h.writeCookie(w, r, token, expiry)
	return nil
}

// endSession makes the client forget its session, and the store its token.
func (h *Handlers) endSession(w http.ResponseWriter, r *http.Request) error {
	ctx, err := h.sessions.Load(r.Context(), h.token(r))
	if err != nil {
		return fmt.Errorf("load the session: %w", err)
	}
	if err := h.sessions.Destroy(ctx); err != nil {
		return fmt.Errorf("destroy the session: %w", err)
	}
	h.writeCookie(w, r, "", time.Time{})
	return nil
}

// writeCookie replaces whatever cookie this answer carried so far.
func (h *Handlers) writeCookie(w http.ResponseWriter, r *http.Request, token string, expiry time.Time) {
	w.Header().Del("Set-Cookie")
	h.sessions.WriteSessionCookie(r.Context(), w, token, expiry)
	w.Header().Set("Cache-Control", "no-store") // scs adds a weaker one
}

// SessionNew shows the form for logging in.
func (h *Handlers) SessionNew(c echo.Context) error {
	r := c.Request()
	query, err := readQuery(r, "next", "password", "email")
	if err != nil {
		return err
	}
	return h.answer(c, http.StatusOK, views.LoginPage(h.gate(r), views.LoginProps{
		Gate: h.wayIn(r), Next: nextOf(query["next"]), PasswordChanged: query["password"] == "changed",
		EmailConfirmed: query["email"] == "confirmed",
	}))
}

// wayIn says what of making an account stands on the page for logging in: nothing where that cannot be known now, because
// the form can do without.
func (h *Handlers) wayIn(r *http.Request) chat.Gate {
	gate, err := h.config.Chat.Gate(r.Context(), visitOf(r.Context()).origin)
	if err != nil {
		return chat.Gate{}
	}
	return gate
}

// nextOf is what the form for logging in carries along: nothing where there is only the start page to go to.
func nextOf(next string) string {
	if next = localPath(next); next == views.HomePath {
		return ""
	}
	return next
}

// SessionCreate logs in, and goes on to next.
func (h *Handlers) SessionCreate(c echo.Context) error {
	r := c.Request()
	f, err := readForm(r, "login", "password", "next")
	if err != nil {
		return err
	}
	if _, given := f["next"]; !given {
		query, err := readQuery(r, "next")
		if err != nil {
			return err
		}
		f["next"] = query["next"]
	}
	viewer, err := h.config.Chat.LogIn(r.Context(), visitOf(r.Context()).origin, f["login"], f["password"])
	if err != nil {
		refusal, status, ok := h.mend(c, err)
		if !ok {
			return err
		}
		return h.answer(c, status, views.LoginPage(h.gate(r), views.LoginProps{
			Gate: h.wayIn(r), Login: shown(f["login"]), Next: nextOf(f["next"]), Err: refusal,
		}))
	}
	if err := h.startSession(c.Response(), r, viewer); err != nil {
		return err
	}
	return h.redirect(c, localPath(f["next"]))
}

// SessionDelete logs out. Whoever is not logged in is told the same. Who wants to log in as somebody else goes on to the
// page for that, with next behind it.
func (h *Handlers) SessionDelete(c echo.Context) error {
	r := c.Request()
	path := views.HomePath
	// A form that cannot be read is no reason to stay logged in.
	if f, err := readForm(r, "next"); err == nil && f["next"] != "" {
		path = views.LoginNextPath(localPath(f["next"]))
	}
	return h.logOut(c, path)
}

// logOut ends the session and leads to a path.
func (h *Handlers) logOut(c echo.Context, path string) error {
	r := c.Request()
	if viewer := visitOf(r.Context()).viewer; viewer != nil {
		if err := h.config.Chat.LogOut(r.Context(), *viewer); err != nil {
			return err
		}
		if err := h.endSession(c.Response(), r); err != nil {
			return err
		}
	}
	// Not "cookies": that is every cookie of the whole registrable domain, on every port, and so logs out of others' programs.
	c.Response().Header().Set("Clear-Site-Data", `"cache", "storage"`)
	return h.redirect(c, path)
}

// SessionIndex lists where the viewer is logged in.
func (h *Handlers) SessionIndex(c echo.Context) error {
	r := c.Request()
	viewer := h.viewer(c)
	query, err := readQuery(r, "ended")
	if err != nil {
		return err
	}
	sessions, err := h.config.Chat.Sessions(r.Context(), viewer)
	if err != nil {
		return err
	}
	props := views.NewSessions(sessions, viewer, h.config.Clock())
	if n, err := query.number("ended"); err == nil && query["ended"] != "" {
		props.Ended = int(min(n, 1000))
	}
	if partial(r) {
		return h.answer(c, http.StatusOK, views.SessionsPane(props))
	}
	page, err := h.shell(c, chat.ID{})
	if err != nil {
		return err
	}
	return h.answer(c, http.StatusOK, views.SessionsPage(page, props))
}

// SessionEnd logs one of the viewer's devices out. The one that asks is led to the start page, as in logging out.
func (h *Handlers) SessionEnd(c echo.Context) error {
	viewer := h.viewer(c)
	id, ok := parseID(c.Param("id"))
	if !ok {
		return chat.NotFound()
	}
	if _, err := readForm(c.Request()); err != nil {
		return err
	}
	if id == viewer.SessionID {
		return h.logOut(c, views.HomePath)
	}
	if err := h.config.Chat.EndSession(c.Request().Context(), viewer, id); err != nil {
		return err
	}
	return h.redirect(c, views.SessionsPath+"?ended=1")
}

// OtherSessionsEnd logs the viewer out everywhere else.
func (h *Handlers) OtherSessionsEnd(c echo.Context) error {
	if _, err := readForm(c.Request()); err != nil {
		return err
	}
	n, err := h.config.Chat.EndOtherSessions(c.Request().Context(), h.viewer(c))
	if err != nil {
		return err
	}
	return h.redirect(c, views.SessionsPath+"?ended="+strconv.Itoa(n))
}
