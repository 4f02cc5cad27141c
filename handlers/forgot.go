package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"parley/views"
)

// ForgotNew shows how to come by a new password.
func (h *Handlers) ForgotNew(c echo.Context) error {
	query, err := readQuery(c.Request(), "sent")
	if err != nil {
		return err
	}
	sends := h.config.Chat.SendsMail()
	return h.answer(c, http.StatusOK, views.ForgotPage(h.gate(c.Request()), views.ForgotProps{
		Sent: sends && query["sent"] == "yes", SendsMail: sends,
	}))
}

// ForgotCreate has a letter sent, if there is anybody to send it to. The answer is the same in any case.
func (h *Handlers) ForgotCreate(c echo.Context) error {
	r := c.Request()
	f, err := readForm(r, "login")
	if err != nil {
		return err
	}
	if err = h.config.Chat.ForgotPassword(r.Context(), visitOf(r.Context()).origin, f["login"]); err == nil {
		return h.redirect(c, views.ForgotPath+"?sent=yes")
	}
	refusal, status, ok := h.mend(c, err)
	if !ok {
		return err
	}
	return h.answer(c, status, views.ForgotPage(h.gate(r), views.ForgotProps{
		Login: shown(f["login"]), SendsMail: h.config.Chat.SendsMail(), Err: refusal,
	}))
}
