package handlers

import (
	"fmt"
	"net/http"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"parley/chat"
	"parley/views"
)

// ReceiverIndex says by name who has read a message, to its author alone.
func (h *Handlers) ReceiverIndex(c echo.Context) error {
	r := c.Request()
	conversation, ok := parseID(c.Param("id"))
	message, named := parseID(c.Param("message"))
	if !ok || !named {
		return chat.NotFound()
	}
	query, err := readQuery(r, "after")
	if err != nil {
		return err
	}
	if !sound(query["after"]) {
		return unreadable(fmt.Errorf("the cursor is no text"))
	}
	page, err := h.config.Chat.Receivers(r.Context(), h.viewer(c), conversation, message, query["after"])
	if err != nil {
		return err
	}
	p := views.NewReceivers(conversation, message, page)
	if partial(r) && aims(r, views.ReceiversMoreID) {
		return h.answer(c, http.StatusOK, views.ReceiversMore(p))
	}
	return h.pane(c, http.StatusOK, views.ReceiversPane(p), func(page views.Page) templ.Component { return views.ReceiversPage(page, p) })
}
