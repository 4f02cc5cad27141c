package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"parley/chat"
	"parley/views"
)

// DraftUpdate keeps what somebody has begun to write.
func (h *Handlers) DraftUpdate(c echo.Context) error {
	r := c.Request()
	id, ok := parseID(c.Param("id"))
	if !ok {
		return chat.NotFound()
	}
	f, err := readForm(r, "body")
	if err != nil {
		return err
	}
	if err := h.config.Chat.SaveDraft(r.Context(), h.viewer(c), id, f["body"]); err != nil {
		return err
	}
	if partial(r) {
		return c.NoContent(http.StatusNoContent)
	}
	return h.redirect(c, views.ConversationPath(id))
}
