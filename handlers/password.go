package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"parley/chat"
	"parley/views"
)

// AccountEdit shows what the viewer logs in with.
func (h *Handlers) AccountEdit(c echo.Context) error {
	query, err := readQuery(c.Request(), "saved")
	if err != nil {
		return err
	}
	account := h.account(c)
	account.Saved = query["saved"]
	return h.showAccount(c, http.StatusOK, account)
}

// account is the viewer's account as it stands.
func (h *Handlers) account(c echo.Context) views.AccountProps {
	return views.NewAccount(h.viewer(c), h.config.Chat.SendsMail())
}

// PasswordUpdate changes the viewer's password. The session goes on under a new token.
func (h *Handlers) PasswordUpdate(c echo.Context) error {
	r := c.Request()
	viewer := h.viewer(c)
	f, err := readForm(r, "current_password", "password")
	if err != nil {
		return err
	}
	if err := h.config.Chat.ChangePassword(r.Context(), viewer, f["current_password"], f["password"]); err != nil {
		refusal, status, ok := h.mend(c, err)
		if !ok {
			return err
		}
		account := h.account(c)
		account.Err = refusal
		return h.showAccount(c, status, account)
	}
	if err := h.renewSession(c.Response(), r, viewer); err != nil {
		return err
	}
	return h.redirect(c, views.AccountPath+"?saved=password")
}

func (h *Handlers) showAccount(c echo.Context, status int, account views.AccountProps) error {
	if partial(c.Request()) {
		return h.answer(c, status, views.AccountPane(account))
	}
	page, err := h.shell(c, chat.ID{})
	if err != nil {
		return err
	}
	return h.answer(c, status, views.AccountPage(page, account))
}
