package handlers

import (
	"fmt"
	"net/http"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"parley/chat"
	"parley/views"
)

// BlockIndex lists those whom the viewer has blocked.
func (h *Handlers) BlockIndex(c echo.Context) error {
	r := c.Request()
	viewer := h.viewer(c)
	query, err := readQuery(r, "after", "saved")
	if err != nil {
		return err
	}
	if !sound(query["after"]) {
		return unreadable(fmt.Errorf("the cursor is no text"))
	}
	page, err := h.config.Chat.Blocked(r.Context(), viewer, query["after"])
	if err != nil {
		return err
	}
	reach, err := h.config.Chat.Reach(r.Context(), viewer)
	if err != nil {
		return err
	}
	p := views.NewBlocks(reach, page, viewer, h.config.Clock())
	p.Saved = query["saved"]
	return h.pane(c, http.StatusOK, views.BlocksPane(p), func(page views.Page) templ.Component { return views.BlocksPage(page, p) })
}

// BlockNew says what a block of somebody does.
func (h *Handlers) BlockNew(c echo.Context) error {
	query, err := readQuery(c.Request(), "person")
	if err != nil {
		return err
	}
	person, ok := parseID(query["person"])
	if !ok {
		return chat.NotFound()
	}
	return h.showBlock(c, http.StatusOK, person, nil)
}

func (h *Handlers) showBlock(c echo.Context, status int, person chat.ID, refusal *chat.Error) error {
	profile, err := h.config.Chat.PersonToBlock(c.Request().Context(), h.viewer(c), person)
	if err != nil {
		return err
	}
	p := views.BlockProps{Person: views.NewPerson(profile.Card), Blocked: profile.Blocked, Err: refusal}
	return h.pane(c, status, views.BlockPane(p), func(page views.Page) templ.Component { return views.BlockPage(page, p) })
}

// BlockCreate blocks somebody.
func (h *Handlers) BlockCreate(c echo.Context) error {
	r := c.Request()
	f, err := readForm(r, "person")
	if err != nil {
		return err
	}
	person, ok := parseID(f["person"])
	if !ok {
		return chat.NotFound()
	}
	return h.blockChanged(c, person, "blocked", h.config.Chat.BlockPerson(r.Context(), h.viewer(c), person))
}

// BlockEnd ends a block.
func (h *Handlers) BlockEnd(c echo.Context) error {
	r := c.Request()
	person, ok := parseID(c.Param("person"))
	if !ok {
		return chat.NotFound()
	}
	if _, err := readForm(r); err != nil {
		return err
	}
	return h.blockChanged(c, person, "unblocked", h.config.Chat.UnblockPerson(r.Context(), h.viewer(c), person))
}

// blockChanged answers what was done about somebody, or why it was not.
func (h *Handlers) blockChanged(c echo.Context, person chat.ID, saved string, err error) error {
	if err == nil {
		return h.redirect(c, views.BlocksPath+"?saved="+saved)
	}
	refusal, status, ok := h.mend(c, err)
	if !ok || refusal.Code == chat.CodeOneself {
		return err
	}
	return h.showBlock(c, status, person, refusal)
}

// MessageShow is one message alone: that of somebody whom the viewer has blocked is read nowhere else.
func (h *Handlers) MessageShow(c echo.Context) error {
	r := c.Request()
	viewer := h.viewer(c)
	conversation, ok := parseID(c.Param("id"))
	id, named := parseID(c.Param("message"))
	if !ok || !named {
		return chat.NotFound()
	}
	message, err := h.config.Chat.OpenMessage(r.Context(), viewer, conversation, id)
	if err != nil {
		return err
	}
	item := views.NewMessageItem(message, viewer.ID, views.Zone(viewer.TimeZone))
	item.First, item.Last = true, true
	if partial(r) && aims(r, views.OpenedID) {
		return h.answer(c, http.StatusOK, views.MessageItem(item))
	}
	return h.pane(c, http.StatusOK, views.OpenedPane(item), func(page views.Page) templ.Component { return views.OpenedPage(page, item) })
}
