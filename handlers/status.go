package handlers

import (
	"net/http"
	"slices"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"parley/chat"
	"parley/views"
)

// StatusEdit shows what the viewer tells of themselves.
func (h *Handlers) StatusEdit(c echo.Context) error {
	query, err := readQuery(c.Request(), "saved")
	if err != nil {
		return err
	}
	viewer := h.viewer(c)
	status, err := h.config.Chat.Status(c.Request().Context(), viewer)
	if err != nil {
		return err
	}
	p := views.NewStatus(status, views.Zone(viewer.TimeZone))
	p.Saved = query["saved"]
	return h.showStatus(c, http.StatusOK, p)
}

// StatusUpdate stores it, or takes it away.
func (h *Handlers) StatusUpdate(c echo.Context) error {
	r := c.Request()
	viewer := h.viewer(c)
	f, err := readForm(r, "emoji", "text", "ends", "at", "busy", "remove")
	if err != nil {
		return err
	}
	in := chat.StatusInput{Emoji: f["emoji"], Text: f["text"], Ends: chat.StatusEnd(f["ends"]), At: f["at"]}
	busy, err := f.flag("busy")
	if err != nil {
		return err
	}
	in.Busy = busy != nil && *busy
	remove, err := f.flag("remove")
	if err != nil {
		return err
	}
	saved := "yes"
	if remove != nil && *remove {
		in, saved = chat.StatusInput{Ends: chat.StatusStays}, "removed"
	}
	if err = h.config.Chat.SaveStatus(r.Context(), viewer, in); err == nil {
		return h.redirect(c, views.StatusPath+"?saved="+saved)
	}
	refusal, status, ok := h.mend(c, err)
	if !ok {
		return err
	}
	present, err := h.config.Chat.Status(r.Context(), viewer)
	if err != nil {
		return err
	}
	in.Emoji, in.Text, in.At = shown(in.Emoji), shown(in.Text), shown(in.At)
	if !slices.Contains(chat.StatusEnds(), in.Ends) {
		in.Ends = chat.StatusStays
	}
	return h.showStatus(c, status, views.StatusProps{Input: in, Set: !present.Empty(), Err: refusal})
}

func (h *Handlers) showStatus(c echo.Context, status int, p views.StatusProps) error {
	return h.pane(c, status, views.StatusPane(p), func(page views.Page) templ.Component { return views.StatusPage(page, p) })
}
