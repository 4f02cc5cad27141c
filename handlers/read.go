package handlers

import (
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"parley/chat"
	"parley/views"
)

// ReadCreate says that a conversation was read up to a message. A page that could be behind says of which mark it knows.
func (h *Handlers) ReadCreate(c echo.Context) error {
	f, id, seq, err := readPlace(c, "marks")
	if err != nil {
		return err
	}
	var marks *int64
	if f["marks"] != "" {
		n, err := f.number("marks")
		if err != nil {
			return err
		}
		marks = &n
	}
	if err := h.config.Chat.MarkRead(c.Request().Context(), h.viewer(c), id, seq, marks); err != nil {
		return err
	}
	return h.toConversation(c, id)
}

// UnreadCreate says that a conversation is to be unread from a message on.
func (h *Handlers) UnreadCreate(c echo.Context) error {
	_, id, seq, err := readPlace(c)
	if err != nil {
		return err
	}
	if err := h.config.Chat.MarkUnread(c.Request().Context(), h.viewer(c), id, seq); err != nil {
		return err
	}
	return h.toConversation(c, id)
}

// readPlace reads the conversation and the message's seq that a form is about.
func readPlace(c echo.Context, more ...string) (f fields, id chat.ID, seq int64, err error) {
	id, ok := parseID(c.Param("id"))
	if !ok {
		return nil, id, 0, chat.NotFound()
	}
	if f, err = readForm(c.Request(), append(more, "seq")...); err != nil {
		return nil, id, 0, err
	}
	if seq, err = f.number("seq"); err != nil {
		return nil, id, 0, err
	}
	if f["seq"] == "" {
		return nil, id, 0, unreadable(fmt.Errorf("seq is missing"))
	}
	return f, id, seq, nil
}

func (h *Handlers) toConversation(c echo.Context, id chat.ID) error {
	if partial(c.Request()) {
		return c.NoContent(http.StatusNoContent)
	}
	return h.redirect(c, views.ConversationPath(id))
}
