package handlers

import (
	"log/slog"
	"net/http"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"parley/chat"
	"parley/views"
)

// PresenceEdit shows who sees that the viewer is there.
func (h *Handlers) PresenceEdit(c echo.Context) error {
	query, err := readQuery(c.Request(), "saved")
	if err != nil {
		return err
	}
	choices, err := h.config.Chat.PresenceChoices(c.Request().Context(), h.viewer(c))
	if err != nil {
		return err
	}
	return h.showPresence(c, http.StatusOK, views.PresenceSettingsProps{Choices: choices, Saved: query["saved"]})
}

// PresenceUpdate stores it. What a form does not name stays as it is.
func (h *Handlers) PresenceUpdate(c echo.Context) error {
	r := c.Request()
	viewer := h.viewer(c)
	f, err := readForm(r, "presence", "last_seen", "typing", "invisible")
	if err != nil {
		return err
	}
	choices, err := h.config.Chat.PresenceChoices(r.Context(), viewer)
	if err != nil {
		return err
	}
	before := choices
	for name, circle := range map[string]*chat.Circle{"presence": &choices.Presence, "last_seen": &choices.LastSeen} {
		if value, given := f[name]; given {
			*circle = chat.Circle(value)
		}
	}
	for name, flag := range map[string]*bool{"typing": &choices.Typing, "invisible": &choices.Invisible} {
		value, err := f.flag(name)
		if err != nil {
			return err
		}
		if value != nil {
			*flag = *value
		}
	}
	if err = h.config.Chat.SavePresenceChoices(r.Context(), viewer, choices); err == nil {
		return h.redirect(c, views.PresencePath+"?saved=yes")
	}
	refusal, status, ok := h.mend(c, err)
	if !ok {
		return err
	}
	if _, wrong := refusal.Field("presence"); wrong {
		choices.Presence = before.Presence
	}
	if _, wrong := refusal.Field("last_seen"); wrong {
		choices.LastSeen = before.LastSeen
	}
	return h.showPresence(c, status, views.PresenceSettingsProps{Choices: choices, Err: refusal})
}

func (h *Handlers) showPresence(c echo.Context, status int, p views.PresenceSettingsProps) error {
	return h.pane(c, status, views.PresenceSettingsPane(p), func(page views.Page) templ.Component {
		return views.PresenceSettingsPage(page, p)
	})
}

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
