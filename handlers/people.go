package handlers

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"parley/chat"
	"parley/views"
)

// PeopleIndex searches for people: as a page, as the pane, or as the results alone while somebody types.
func (h *Handlers) PeopleIndex(c echo.Context) error {
	r := c.Request()
	viewer := h.viewer(c)
	query, err := readQuery(r, "q", "after")
	if err != nil {
		return err
	}
	if !sound(query["after"]) {
		return unreadable(fmt.Errorf("the cursor is no text"))
	}
	q := shown(query["q"])
	found, err := h.config.Chat.SearchPeople(r.Context(), viewer, query["q"], query["after"])
	if err == nil {
		return h.showPeople(c, http.StatusOK, views.NewPeopleResults(q, found, viewer.ID))
	}
	refusal, status, ok := h.mend(c, err)
	if !ok {
		return err
	}
	return h.showPeople(c, status, views.PeopleResultsProps{Query: q, Next: query["after"], Viewer: viewer.ID, Err: refusal})
}

// showPeople draws a search as far as it was asked for.
func (h *Handlers) showPeople(c echo.Context, status int, results views.PeopleResultsProps) error {
	r := c.Request()
	switch {
	case partial(r) && aims(r, views.PeopleResultsID, views.PeopleMoreID):
		results.Continued = aims(r, views.PeopleMoreID)
		return h.answer(c, status, views.PeopleResults(results))
	case partial(r):
		return h.answer(c, status, views.PeoplePane(views.PeopleProps{Results: results}))
	}
	page, err := h.shell(c, chat.ID{})
	if err != nil {
		return err
	}
	return h.answer(c, status, views.PeoplePage(page, views.PeopleProps{Results: results}))
}

// aims says whether htmx will put the answer into the element with one of these ids. It names its target as "div#id".
func aims(r *http.Request, ids ...string) bool {
	_, target, _ := strings.Cut(r.Header.Get("HX-Target"), "#")
	for _, id := range ids {
		if target == id {
			return true
		}
	}
	return false
}

// PersonShow is somebody's profile.
func (h *Handlers) PersonShow(c echo.Context) error {
	r := c.Request()
	viewer := h.viewer(c)
	username, ok := pathText(c, "username")
	if !ok {
		return chat.NotFound()
	}
	found, err := h.config.Chat.PersonByUsername(r.Context(), viewer, username)
	if err != nil {
		return err
	}
	profile := views.NewProfile(found, viewer.ID)
	return h.paneOf(c, http.StatusOK, profile.Presences(), func() templ.Component { return views.ProfilePane(profile) },
		func(page views.Page) templ.Component { return views.ProfilePage(page, profile) })
}

// pathText is a part of the path as it was meant; the router hands it over as it was written where the two differ.
func pathText(c echo.Context, name string) (string, bool) {
	text := c.Param(name)
	if c.Request().URL.RawPath != "" {
		var err error
		if text, err = url.PathUnescape(text); err != nil {
			return "", false
		}
	}
	return text, sound(text)
}
