package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"parley/chat"
	"parley/views"
)

// SettingsEdit shows what a person can choose.
func (h *Handlers) SettingsEdit(c echo.Context) error {
	query, err := readQuery(c.Request(), "saved")
	if err != nil {
		return err
	}
	settings := views.NewSettings(h.viewer(c))
	settings.Saved = query["saved"]
	return h.showSettings(c, http.StatusOK, settings)
}

// SettingsUpdate stores it.
func (h *Handlers) SettingsUpdate(c echo.Context) error {
	r := c.Request()
	viewer := h.viewer(c)
	f, err := readForm(r, "time_zone", "theme", "receipts")
	if err != nil {
		return err
	}
	chosen := chat.Preferences{TimeZone: f["time_zone"], Theme: chat.Theme(f["theme"]), HidesReceipts: viewer.HidesReceipts}
	receipts, err := f.flag("receipts")
	if err != nil {
		return err
	}
	if receipts != nil {
		chosen.HidesReceipts = !*receipts
	}
	err = h.config.Chat.SavePreferences(r.Context(), viewer, chosen)
	if err == nil {
		return h.redirect(c, views.SettingsPath+"?saved=yes")
	}
	refusal, status, ok := h.mend(c, err)
	if !ok {
		return err
	}
	settings := views.NewSettings(viewer)
	settings.Err = refusal
	settings.Receipts = !chosen.HidesReceipts
	if _, wrong := refusal.Field("time_zone"); !wrong {
		settings.TimeZone = chosen.TimeZone
	}
	if _, wrong := refusal.Field("theme"); !wrong {
		settings.Theme = chosen.Theme
	}
	return h.showSettings(c, status, settings)
}

// ProfileUpdate gives the viewer another name.
func (h *Handlers) ProfileUpdate(c echo.Context) error {
	r := c.Request()
	viewer := h.viewer(c)
	f, err := readForm(r, "display_name")
	if err != nil {
		return err
	}
	if err = h.config.Chat.ChangeName(r.Context(), viewer, f["display_name"]); err == nil {
		return h.redirect(c, views.SettingsPath+"?saved=name")
	}
	refusal, status, ok := h.mend(c, err)
	if !ok {
		return err
	}
	settings := views.NewSettings(viewer)
	settings.DisplayName, settings.Err = shown(f["display_name"]), refusal
	return h.showSettings(c, status, settings)
}

func (h *Handlers) showSettings(c echo.Context, status int, settings views.SettingsProps) error {
	if partial(c.Request()) {
		return h.answer(c, status, views.SettingsPane(settings))
	}
	page, err := h.shell(c, chat.ID{})
	if err != nil {
		return err
	}
	return h.answer(c, status, views.SettingsPage(page, settings))
}
