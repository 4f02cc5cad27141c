package handlers

import (
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"parley/chat"
	"parley/views"
)

// ReadCreate says that a conversation was read up to a message.
func (h *Handlers) ReadCreate(c echo.Context) error {
	r := c.Request()
	id, ok := parseID(c.Param("id"))
	if !ok {
		return chat.NotFound()
	}
	f, err := readForm(r, "seq")
	if err != nil {
		return err
	}
	seq, err := f.number("seq")
	if err != nil {
		return err
	}
	if f["seq"] == "" {
		return unreadable(fmt.Errorf("seq is missing"))
	}
	if err := h.config.Chat.MarkRead(r.Context(), h.viewer(c), id, seq); err != nil {
		return err
	}
	if partial(r) {
		return c.NoContent(http.StatusNoContent)
	}
	return h.redirect(c, views.ConversationPath(id))
}
