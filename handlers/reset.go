package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"parley/views"
)

// ResetEdit shows the form behind a link for a new password.
func (h *Handlers) ResetEdit(c echo.Context) error {
	r := c.Request()
	token, _ := pathText(c, "token")
	if err := h.config.Chat.CheckResetLink(r.Context(), visitOf(r.Context()).origin, token); err != nil {
		return err
	}
	return h.answer(c, http.StatusOK, views.ResetPage(h.gate(r), views.ResetProps{Token: token}))
}

// ResetUpdate sets the new password. It does not log in: whoever holds the link shows that they know the password.
func (h *Handlers) ResetUpdate(c echo.Context) error {
	r := c.Request()
	token, _ := pathText(c, "token")
	f, err := readForm(r, "password")
	if err != nil {
		return err
	}
	if err := h.config.Chat.ResetPassword(r.Context(), visitOf(r.Context()).origin, token, f["password"]); err != nil {
		refusal, status, ok := h.mend(c, err)
		if !ok {
			return err
		}
		return h.answer(c, status, views.ResetPage(h.gate(r), views.ResetProps{Token: token, Err: refusal}))
	}
	return h.redirect(c, views.LoginPath+"?password=changed")
}
