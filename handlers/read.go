package handlers

import (
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"parley/chat"
	"parley/views"
)

// ReadCreate says how far a conversation was read, and how far it has reached the page. A page that could be behind says of
// which mark it knows.
func (h *Handlers) ReadCreate(c echo.Context) error {
	id, ok := parseID(c.Param("id"))
	if !ok {
		return chat.NotFound()
	}
	f, err := readForm(c.Request(), "seq", "delivered", "marks")
	if err != nil {
		return err
	}
	p := chat.Position{ConversationID: id}
	if p.Read, err = f.required("seq"); err != nil {
		return err
	}
	if p.Delivered, err = f.number("delivered"); err != nil {
		return err
	}
	if f["marks"] != "" {
		marks, err := f.number("marks")
		if err != nil {
			return err
		}
		p.Marks = &marks
	}
	if err := h.config.Chat.MarkRead(c.Request().Context(), h.viewer(c), p); err != nil {
		return err
	}
	return h.toConversation(c, id)
}

// UnreadCreate says that a conversation is to be unread from a message on.
func (h *Handlers) UnreadCreate(c echo.Context) error {
	id, ok := parseID(c.Param("id"))
	if !ok {
		return chat.NotFound()
	}
	f, err := readForm(c.Request(), "seq")
	if err != nil {
		return err
	}
	seq, err := f.required("seq")
	if err != nil {
		return err
	}
	if err := h.config.Chat.MarkUnread(c.Request().Context(), h.viewer(c), id, seq); err != nil {
		return err
	}
	return h.toConversation(c, id)
}

// required reads a number that must be there.
func (f fields) required(name string) (int64, error) {
	if f[name] == "" {
		return 0, unreadable(fmt.Errorf("%s is missing", name))
	}
	return f.number(name)
}

func (h *Handlers) toConversation(c echo.Context, id chat.ID) error {
	if partial(c.Request()) {
		return c.NoContent(http.StatusNoContent)
	}
	return h.redirect(c, views.ConversationPath(id))
}
