package handlers

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"parley/views"
)

// EmailUpdate notes another address for the viewer, or removes what there is.
func (h *Handlers) EmailUpdate(c echo.Context) error {
	r := c.Request()
	viewer := h.viewer(c)
	f, err := readForm(r, "email", "current_password", "remove")
	if err != nil {
		return err
	}
	if f["remove"] != "" {
		err := h.config.Chat.RemoveEmail(r.Context(), viewer, f["current_password"])
		return h.emailDone(c, err, "email_removed", f["email"])
	}
	saved := "email"
	switch {
	case strings.EqualFold(strings.TrimSpace(f["email"]), viewer.Email):
		saved = "email_same"
	case !h.config.Chat.SendsMail():
		saved = "email_kept"
	}
	return h.emailDone(c, h.config.Chat.ChangeEmail(r.Context(), viewer, f["current_password"], f["email"]), saved, f["email"])
}

// EmailAgain has one more letter sent to the address that waits.
func (h *Handlers) EmailAgain(c echo.Context) error {
	if _, err := readForm(c.Request()); err != nil {
		return err
	}
	return h.emailDone(c, h.config.Chat.SendConfirmation(c.Request().Context(), h.viewer(c)), "email_again", "")
}

// EmailCancel forgets the address that waits.
func (h *Handlers) EmailCancel(c echo.Context) error {
	if _, err := readForm(c.Request()); err != nil {
		return err
	}
	return h.emailDone(c, h.config.Chat.CancelEmail(c.Request().Context(), h.viewer(c)), "email_cancelled", "")
}

// emailDone goes back to the account, or shows there why not.
func (h *Handlers) emailDone(c echo.Context, err error, saved, typed string) error {
	if err == nil {
		return h.redirect(c, views.AccountPath+"?saved="+saved)
	}
	refusal, status, ok := h.mend(c, err)
	if !ok {
		return err
	}
	account := h.account(c)
	account.Email.Value, account.Email.Err = shown(typed), refusal
	return h.showAccount(c, status, account)
}

// ConfirmationNew shows what a link from a letter would confirm.
func (h *Handlers) ConfirmationNew(c echo.Context) error {
	r := c.Request()
	token, _ := pathText(c, "token")
	person, err := h.config.Chat.CheckEmailLink(r.Context(), visitOf(r.Context()).origin, token)
	if err != nil {
		return err
	}
	return h.answer(c, http.StatusOK, views.ConfirmPage(h.gate(r), views.ConfirmProps{
		Token: token, Address: person.EmailWanted, Username: person.Username,
	}))
}

// ConfirmationCreate confirms it. It does not log in: whoever reads the mail need not be who knows the password.
func (h *Handlers) ConfirmationCreate(c echo.Context) error {
	r := c.Request()
	token, _ := pathText(c, "token")
	if _, err := readForm(r); err != nil {
		return err
	}
	person, err := h.config.Chat.ConfirmEmail(r.Context(), visitOf(r.Context()).origin, token)
	if err != nil {
		return err
	}
	switch viewer := visitOf(r.Context()).viewer; {
	case viewer == nil:
		return h.redirect(c, views.LoginPath+"?email=confirmed")
	case viewer.ID == person:
		return h.redirect(c, views.AccountPath+"?saved=email_confirmed")
	}
	return h.redirect(c, views.AccountPath+"?saved=email_other")
}
