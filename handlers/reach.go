package handlers

import (
	"context"
	"net/http"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"parley/chat"
	"parley/views"
)

// ReachUpdate stores who may reach the viewer.
func (h *Handlers) ReachUpdate(c echo.Context) error {
	r := c.Request()
	viewer := h.viewer(c)
	f, err := readForm(r, "may_write", "may_add", "may_find")
	if err != nil {
		return err
	}
	reach := chat.Reach{Writes: chat.Circle(f["may_write"]), Adds: chat.Circle(f["may_add"]), Finds: chat.Circle(f["may_find"])}
	if err = h.config.Chat.SaveReach(r.Context(), viewer, reach); err == nil {
		return h.redirect(c, views.BlocksPath+"?saved=yes")
	}
	refusal, status, ok := h.mend(c, err)
	if !ok {
		return err
	}
	blocked, err := h.config.Chat.Blocked(r.Context(), viewer, "")
	if err != nil {
		return err
	}
	p := views.NewBlocks(reach, blocked, viewer, h.config.Clock())
	p.Err = refusal
	return h.pane(c, status, views.BlocksPane(p), func(page views.Page) templ.Component { return views.BlocksPage(page, p) })
}

// RequestIndex lists the conversations that wait for the viewer's answer.
func (h *Handlers) RequestIndex(c echo.Context) error { return h.showRequests(c, http.StatusOK, nil) }

func (h *Handlers) showRequests(c echo.Context, status int, refusal *chat.Error) error {
	viewer := h.viewer(c)
	rows, err := h.config.Chat.Requests(c.Request().Context(), viewer)
	if err != nil {
		return err
	}
	p := views.NewRequests(rows, viewer, h.config.Clock())
	p.Err = refusal
	return h.pane(c, status, views.RequestsPane(p), func(page views.Page) templ.Component { return views.RequestsPage(page, p) })
}

// RequestAccept makes a conversation that waits one like any other, and opens it.
func (h *Handlers) RequestAccept(c echo.Context) error {
	return h.answerRequest(c, h.config.Chat.AcceptRequest, views.ConversationPath)
}

// RequestDecline closes it.
func (h *Handlers) RequestDecline(c echo.Context) error {
	return h.answerRequest(c, h.config.Chat.DeclineRequest, func(chat.ID) string { return views.RequestsPath })
}

func (h *Handlers) answerRequest(
	c echo.Context, answer func(context.Context, chat.Viewer, chat.ID) error, next func(chat.ID) string,
) error {
	r := c.Request()
	id, ok := parseID(c.Param("id"))
	if !ok {
		return chat.NotFound()
	}
	if _, err := readForm(r); err != nil {
		return err
	}
	err := answer(r.Context(), h.viewer(c), id)
	if err == nil {
		return h.redirect(c, next(id))
	}
	refusal, status, ok := h.mend(c, err)
	if !ok {
		return err
	}
	return h.showRequests(c, status, refusal)
}
