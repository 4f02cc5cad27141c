package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"parley/chat"
	"parley/views"
)

// ConversationIndex is the list alone, from its beginning or from further down.
func (h *Handlers) ConversationIndex(c echo.Context) error {
	return h.showStretch(c, h.config.Chat.List, views.ConversationsPath, false)
}

// ArchiveIndex is the list of what the viewer has archived.
func (h *Handlers) ArchiveIndex(c echo.Context) error {
	return h.showStretch(c, h.config.Chat.Archive, views.ArchivePath, true)
}

// showStretch draws a stretch of a list, as htmx gets it or as a page.
func (h *Handlers) showStretch(
	c echo.Context, read func(context.Context, chat.Viewer, *chat.ListRow) (chat.ListPage, error), path string, away bool,
) error {
	r := c.Request()
	viewer := h.viewer(c)
	query, err := readQuery(r, "before")
	if err != nil {
		return err
	}
	before, err := parseListCursor(query["before"])
	if err != nil {
		return err
	}
	list, err := read(r.Context(), viewer, before)
	if err != nil {
		return err
	}
	stretch := views.ListProps{
		Away: away, Continued: before != nil, Archived: list.Archived, Requests: list.Requests, UnreadTotal: list.UnreadTotal,
	}
	var older string
	if stretch.Rows, older = h.rows(viewer, list, chat.ID{}); older != "" {
		stretch.Older = views.BeforePath(path, older)
	}
	if before != nil || away {
		stretch.Newest = views.ConversationsPath
	}
	h.see(c, stretch.Presences())
	if partial(r) {
		return h.answer(c, http.StatusOK, views.List(stretch))
	}
	page := h.gate(r)
	page.Viewer, page.UnreadTotal = &viewer, list.UnreadTotal
	return h.answer(c, http.StatusOK, views.ListPage(page, stretch))
}

// ConversationCreate opens the one conversation with a person, or makes a group.
func (h *Handlers) ConversationCreate(c echo.Context) error {
	r := c.Request()
	f, lists, err := readFormLists(r, []string{"people"}, "person", "name", "about")
	if err != nil {
		return err
	}
	if _, group := f["name"]; group {
		return h.groupCreate(c, f, lists["people"])
	}
	other, ok := parseID(f["person"])
	if !ok {
		return chat.NotFound()
	}
	id, err := h.config.Chat.StartDirect(r.Context(), h.viewer(c), other)
	if err != nil {
		return err
	}
	if !partial(r) {
		return h.redirect(c, views.ConversationPath(id))
	}
	// Into the pane, with its address: the page and its socket stay.
	location, err := json.Marshal(map[string]string{
		"path": views.ConversationPath(id), "target": "#" + views.PaneID, "swap": "outerHTML",
	})
	if err != nil {
		return err
	}
	c.Response().Header().Set("HX-Location", string(location))
	return c.NoContent(http.StatusNoContent)
}

// ConversationShow is a conversation: the newest messages, or those around a place.
func (h *Handlers) ConversationShow(c echo.Context) error {
	id, ok := parseID(c.Param("id"))
	if !ok {
		return chat.NotFound()
	}
	place, err := placeOf(c.Request())
	if err != nil {
		return err
	}
	return h.showConversation(c, id, place, http.StatusOK, func(*views.ComposerProps) {})
}

// placeOf reads where in a conversation to begin. Errors: invalid (unreadable), also for two places at once; not_found
// for the name of a message that none has.
func placeOf(r *http.Request) (chat.Place, error) {
	query, err := readQuery(r, "before", "after", "around")
	if err != nil {
		return chat.Place{}, err
	}
	var place chat.Place
	if place.Before, err = query.number("before"); err != nil {
		return place, err
	}
	if place.After, err = query.number("after"); err != nil {
		return place, err
	}
	given := 0
	for _, value := range query {
		if value != "" {
			given++
		}
	}
	if given > 1 {
		return place, unreadable(errors.New("more than one place is asked for"))
	}
	if query["around"] != "" {
		var ok bool
		if place.Around, ok = parseID(query["around"]); !ok {
			return place, chat.NotFound()
		}
	}
	return place, nil
}

// showConversation draws a conversation as page or pane; compose changes the form for writing.
func (h *Handlers) showConversation(
	c echo.Context, id chat.ID, place chat.Place, status int, compose func(*views.ComposerProps),
) error {
	r := c.Request()
	viewer := h.viewer(c)
	messages, err := h.config.Chat.OpenConversation(r.Context(), viewer, id, place)
	if err != nil {
		return err
	}
	props := views.NewConversation(messages, viewer, h.config.Clock(), chat.NewID())
	compose(&props.Composer)
	if partial(r) {
		h.see(c, props.Presences())
		return h.answer(c, status, views.ConversationPane(props))
	}
	// The scripts of the page set it where there is room for them.
	if cookie, err := r.Cookie("parley-details"); err == nil && cookie.Value == "open" {
		details, err := h.details(c, id)
		if err != nil {
			return err
		}
		props.Details = &details
	}
	page, err := h.shell(c, id, props.Presences()...)
	if err != nil {
		return err
	}
	return h.answer(c, status, views.ConversationPage(page, props))
}
