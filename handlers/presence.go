package handlers

import (
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
