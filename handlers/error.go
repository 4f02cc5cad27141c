package handlers

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"parley/chat"
	"parley/views"
)

// statusGone is what the log says of a client that did not wait for its answer; nginx' number for it.
const statusGone = 499

// statusOf is the one table from the domain's refusals to HTTP. A few codes, of refusals that never reach the domain,
// have a status of their own.
func statusOf(refusal *chat.Error) int {
	switch refusal.Code {
	case chat.CodeUnreadable:
		return http.StatusBadRequest
	case chat.CodeBodyTooLarge:
		return http.StatusRequestEntityTooLarge
	case chat.CodeMethodNotAllowed:
		return http.StatusMethodNotAllowed
	}
	switch refusal.Kind {
	case chat.KindInvalid:
		return http.StatusUnprocessableEntity
	case chat.KindUnauthenticated:
		return http.StatusUnauthorized
	case chat.KindForbidden:
		return http.StatusForbidden
	case chat.KindNotFound:
		return http.StatusNotFound
	case chat.KindConflict:
		return http.StatusConflict
	case chat.KindTooMany:
		return http.StatusTooManyRequests
	case chat.KindUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// refusalOf says what of err a person can be told; nil for a mistake of ours.
func refusalOf(err error) *chat.Error {
	var refusal *chat.Error
	var tooLarge *http.MaxBytesError
	var routing *echo.HTTPError
	switch {
	case errors.As(err, &refusal):
		return refusal
	case errors.As(err, &tooLarge):
		return &chat.Error{Kind: chat.KindInvalid, Code: chat.CodeBodyTooLarge, Err: err}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &chat.Error{Kind: chat.KindUnavailable, Code: chat.CodeUnavailable, RetryAfter: 5 * time.Second, Err: err}
	case errors.As(err, &routing):
		switch routing.Code {
		case http.StatusNotFound:
			return &chat.Error{Kind: chat.KindNotFound, Code: chat.CodeNotFound}
		case http.StatusMethodNotAllowed:
			return &chat.Error{Kind: chat.KindInvalid, Code: chat.CodeMethodNotAllowed}
		}
	}
	return nil
}

// refuse prepares an answer to err: it logs what has to be logged, once, and sets the headers that belong to the
// refusal. refusal is nil for a mistake of ours.
func (h *Handlers) refuse(w http.ResponseWriter, r *http.Request, err error) (refusal *chat.Error, status int) {
	ctx := context.WithoutCancel(r.Context())
	line := []any{slog.String("request", visitOf(ctx).id), slog.Any("error", err)}
	refusal, status = refusalOf(err), http.StatusInternalServerError
	if refusal == nil {
		h.config.Log.ErrorContext(ctx, "request failed", line...)
		return nil, status
	}
	if status = statusOf(refusal); status >= http.StatusInternalServerError {
		h.config.Log.WarnContext(ctx, "request refused", line...)
	} else {
		h.config.Log.DebugContext(ctx, "request refused", line...)
	}
	if refusal.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(seconds(refusal.RetryAfter)))
	}
	return refusal, status
}

// fail is the one exit for errors: a page, a fragment for htmx, or a few words for programs.
func (h *Handlers) fail(w http.ResponseWriter, r *http.Request, err error) {
	v := visitOf(r.Context())
	if gone(r, err) {
		if !begun(w) {
			w.WriteHeader(statusGone)
		}
		return
	}
	refusal, status := h.refuse(w, r, err)
	if begun(w) {
		return // nothing can be taken back; the log has it
	}
	program := v.route != nil && v.route.program
	switch {
	case program:
		err = plain(w, status, strings.ToLower(http.StatusText(status)))
	case refusal != nil && refusal.Kind == chat.KindUnauthenticated:
		err = h.askToLogIn(w, r, refusal, status)
	case partial(r):
		err = h.failPartially(w, r, refusal, status)
	default:
		err = h.render(w, r, status, views.ErrorPage(h.gate(r), failure(r, refusal, status)))
	}
	if err != nil {
		h.config.Log.ErrorContext(r.Context(), "an error page failed", slog.String("request", v.id), slog.Any("error", err))
		_ = plain(w, http.StatusInternalServerError, v.id)
	}
}

// failPartially answers htmx. A refused message is told where it stands; anything else takes the pane, whatever part of
// the page the answer was meant for.
func (h *Handlers) failPartially(w http.ResponseWriter, r *http.Request, refusal *chat.Error, status int) error {
	if sending(r) {
		return h.render(w, r, status, views.SendError(refusal))
	}
	w.Header().Set("HX-Retarget", "#"+views.PaneID)
	w.Header().Set("HX-Reswap", "outerHTML")
	return h.render(w, r, status, views.ErrorPane(failure(r, refusal, status)))
}

// failure is what an error page says.
func failure(r *http.Request, refusal *chat.Error, status int) views.ErrorProps {
	v := visitOf(r.Context())
	p := views.ErrorProps{Status: status, RequestID: v.id, Err: refusal, LoggedIn: v.viewer != nil}
	safe := r.Method == http.MethodGet || r.Method == http.MethodHead
	if safe && (status >= http.StatusInternalServerError || status == http.StatusTooManyRequests) {
		p.Retry = localPath(r.URL.RequestURI())
	}
	if sending(r) && !partial(r) {
		p.Unsent = unsent(r)
		if refusal != nil && refusal.Code == chat.CodeBodyTooLarge {
			p.Err = &chat.Error{Kind: refusal.Kind, Code: chat.CodeMessageTooLarge, Args: chat.Args{"Count": chat.MaxBody}}
		}
	}
	return p
}

// askToLogIn leads to the page for logging in, and back. A message that htmx wanted to send stays where it was typed; one
// that was sent without scripts is given back, because the page it was typed in is gone.
func (h *Handlers) askToLogIn(w http.ResponseWriter, r *http.Request, refusal *chat.Error, status int) error {
	varyByHTMX(w)
	back := returnPath(r)
	switch {
	case partial(r) && sending(r):
		return h.render(w, r, status, views.SendError(refusal))
	case partial(r):
		w.Header().Set("HX-Redirect", views.LoginNextPath(back))
		w.WriteHeader(status)
		return nil
	case refusal.Code == chat.CodeSomebodyElse:
		// Whoever is logged in is led away from the page for logging in, and has to log out first.
		return h.render(w, r, status, views.SomebodyElsePage(h.gate(r), views.SomebodyElseProps{
			Viewer: *visitOf(r.Context()).viewer, Next: back, Unsent: unsent(r),
		}))
	case sending(r):
		return h.render(w, r, status, views.LoginPage(h.gate(r), views.LoginProps{
			Gate: h.wayIn(r), Next: nextOf(back), Unsent: unsent(r), Err: refusal,
		}))
	}
	w.Header().Set("Location", views.LoginNextPath(back))
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// returnPath is the page to come back to after logging in: the one asked for, or the one whose form was posted.
func returnPath(r *http.Request) string {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return localPath(r.URL.RequestURI())
	}
	parts := strings.Split(r.URL.Path, "/")
	switch {
	case len(parts) >= 4 && parts[1] == "conversations":
		if id, ok := parseID(parts[2]); ok {
			return views.ConversationPath(id)
		}
	case len(parts) == 4 && parts[1] == "groups" && parts[2] == "join":
		return localPath(r.URL.RequestURI())
	case r.URL.Path == views.SettingsPath:
		return views.SettingsPath
	case strings.HasPrefix(r.URL.Path, views.AdministrationPath+"/"):
		return views.AdministrationPath
	}
	return views.HomePath
}

// mend says whether the form that err refuses should be shown again, and prepares that answer: the caller draws it with
// the values kept. Otherwise err goes the way of all errors.
func (h *Handlers) mend(c echo.Context, err error) (refusal *chat.Error, status int, ok bool) {
	refusal = refusalOf(err)
	if refusal == nil || gone(c.Request(), err) || !mendable(refusal) {
		return nil, 0, false
	}
	refusal, status = h.refuse(c.Response(), c.Request(), err)
	return refusal, status, true
}

// mendable says whether sending a form again, perhaps changed or later, may help.
func mendable(refusal *chat.Error) bool {
	switch refusal.Kind {
	case chat.KindInvalid:
		return statusOf(refusal) == http.StatusUnprocessableEntity
	case chat.KindForbidden, chat.KindConflict, chat.KindTooMany, chat.KindUnavailable:
		return true
	}
	return false
}
