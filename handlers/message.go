package handlers

import (
	"log/slog"
	"net/http"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"parley/chat"
	"parley/views"
)

// MessageCreate sends a message. htmx gets the message itself and the id for the next one; a page without JavaScript
// goes back to the conversation.
func (h *Handlers) MessageCreate(c echo.Context) error {
	r := c.Request()
	viewer := h.viewer(c)
	conversation, ok := parseID(c.Param("id"))
	if !ok {
		return chat.NotFound()
	}
	f, err := readForm(r, "body", "client_id")
	if err != nil {
		return err
	}
	clientID, ok := parseID(f["client_id"])
	if !ok {
		return h.sendRefused(c, conversation, f["body"], uuid.Nil, &chat.Error{
			Kind: chat.KindInvalid, Code: chat.CodeInvalid,
			Fields: []chat.FieldError{{Field: "client_id", Code: chat.CodeClientID}},
		})
	}
	message, err := h.config.Chat.SendMessage(r.Context(), viewer, conversation, chat.Draft{Body: f["body"], ClientID: clientID})
	if err != nil {
		return h.sendRefused(c, conversation, f["body"], clientID, err)
	}
	if partial(r) {
		return h.answer(c, http.StatusOK, views.SentMessage(views.SentMessageProps{
			Message:      views.NewMessageItem(message, viewer.ID, views.Zone(viewer.TimeZone)),
			NextClientID: chat.NewID(),
		}))
	}
	// Without scripts nothing else tells that what was begun is sent now. A draft that stays is no reason to fail.
	if err := h.config.Chat.SaveDraft(r.Context(), viewer, conversation, ""); err != nil {
		h.config.Log.WarnContext(r.Context(), "a draft stays", slog.Any("error", err))
	}
	return h.redirect(c, views.ConversationPath(conversation)+"#"+views.MessageID(message.ID))
}

// sendRefused gives the text back with the reason. The send keeps its id, so that it can be repeated safely; only an id
// that is spent, or is none, makes way for a fresh one.
func (h *Handlers) sendRefused(c echo.Context, conversation chat.ID, body string, clientID chat.ID, err error) error {
	if partial(c.Request()) {
		return err
	}
	refusal, status, ok := h.mend(c, err)
	if !ok {
		return err
	}
	return h.showConversation(c, conversation, chat.Place{}, status, func(composer *views.ComposerProps) {
		composer.Body, composer.Err = shown(body), refusal
		if clientID != uuid.Nil && refusal.Kind != chat.KindConflict {
			composer.ClientID = clientID
		}
	})
}

// unsent is the text of a message that r did not send, as far as it can be read.
func unsent(r *http.Request) string {
	row := visitOf(r.Context()).route
	if row == nil || !sending(r) || r.ContentLength > row.body {
		return "" // from another site, say; or so long that its bound was never put around it
	}
	values, err := formValues(r)
	if err != nil {
		return ""
	}
	return shown(values.Get("body"))
}

// sending says whether r posts a message: its refusal belongs to the pending bubble, not to the pane.
func sending(r *http.Request) bool {
	return r.Method == http.MethodPost &&
		strings.HasPrefix(r.URL.Path, views.ConversationsPath+"/") && strings.HasSuffix(r.URL.Path, "/messages")
}
