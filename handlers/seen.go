package handlers

import (
	"log/slog"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"parley/chat"
	"parley/views"
)

// see puts into a page what the viewer sees of the people in it. A page does without where that cannot be found out.
func (h *Handlers) see(c echo.Context, places []*views.PresenceProps) {
	people := make([]chat.ID, 0, len(places))
	byID := make(map[string][]*views.PresenceProps, len(places))
	for _, place := range places {
		if id, ok := parseID(place.PersonID); ok && byID[place.PersonID] == nil {
			people = append(people, id)
		}
		byID[place.PersonID] = append(byID[place.PersonID], place)
	}
	if len(people) == 0 {
		return
	}
	ctx, viewer := c.Request().Context(), h.viewer(c)
	seen, err := h.config.Chat.Presences(ctx, viewer.ID, people)
	if err != nil {
		h.config.Log.WarnContext(ctx, "a page does not say who is there", slog.String("request", visitOf(ctx).id), slog.Any("error", err))
		return
	}
	zone, now := views.Zone(viewer.TimeZone), h.config.Clock()
	for _, presence := range seen {
		props := views.NewPresence(presence, zone, now)
		for _, place := range byID[props.PersonID] {
			*place = props
		}
	}
}

// paneOf is [Handlers.pane] for what shows people: it is asked for once what is seen of them and of those in the list.
func (h *Handlers) paneOf(
	c echo.Context, status int, people []*views.PresenceProps, pane func() templ.Component, whole func(views.Page) templ.Component,
) error {
	if partial(c.Request()) {
		h.see(c, people)
		return h.answer(c, status, pane())
	}
	page, err := h.shell(c, chat.ID{}, people...)
	if err != nil {
		return err
	}
	return h.answer(c, status, whole(page))
}
