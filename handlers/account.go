package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"parley/chat"
	"parley/views"
)

// HomeShow is the start page: a welcome for those who are not logged in, the list for those who are.
func (h *Handlers) HomeShow(c echo.Context) error {
	r := c.Request()
	if visitOf(r.Context()).viewer == nil {
		gate, err := h.config.Chat.Gate(r.Context(), visitOf(r.Context()).origin)
		if err != nil {
			return err
		}
		return h.answer(c, http.StatusOK, views.LandingPage(h.gate(r), views.LandingProps{Gate: gate}))
	}
	page, err := h.shell(c, chat.ID{})
	if err != nil {
		return err
	}
	home := views.HomeProps{Empty: len(page.List) == 0}
	if partial(r) {
		return h.answer(c, http.StatusOK, views.HomePane(home))
	}
	return h.answer(c, http.StatusOK, views.HomePage(page, home))
}

// AccountNew shows the form for signing up.
func (h *Handlers) AccountNew(c echo.Context) error {
	r := c.Request()
	gate, err := h.config.Chat.Gate(r.Context(), visitOf(r.Context()).origin)
	if err != nil {
		return err
	}
	return h.answer(c, http.StatusOK, views.RegisterPage(h.gate(r), views.RegisterProps{Gate: gate}))
}

// AccountCreate makes an account and logs it in.
func (h *Handlers) AccountCreate(c echo.Context) error { return h.register(c, "") }

// register makes an account, with an invitation or without, and logs it in.
func (h *Handlers) register(c echo.Context, token string) error {
	r := c.Request()
	origin := visitOf(r.Context()).origin
	f, err := readForm(r, "username", "display_name", "email", "password", "time_zone", "setup_code")
	if err != nil {
		return err
	}
	if visitOf(r.Context()).viewer != nil { // who came by an invitation
		return h.redirect(c, views.HomePath)
	}
	viewer, err := h.config.Chat.Register(r.Context(), origin, chat.RegisterInput{
		Username: f["username"], DisplayName: f["display_name"], Email: f["email"], Password: f["password"],
		TimeZone: f["time_zone"], Language: h.language(r), SetupCode: f["setup_code"],
		Invitation: token,
	})
	if err != nil {
		refusal, status, ok := h.mend(c, err)
		if !ok {
			return err
		}
		gate, err := h.config.Chat.Gate(r.Context(), origin)
		if err != nil {
			gate = chat.Gate{Open: true, NeedsSetupCode: f["setup_code"] != ""} // what was typed is kept all the same
		}
		return h.answer(c, status, views.RegisterPage(h.gate(r), views.RegisterProps{
			Gate: gate, Invited: h.invitedAgain(r, token, refusal), Err: refusal, Values: views.RegisterValues{
				DisplayName: shown(f["display_name"]), Username: shown(f["username"]),
				Email: shown(f["email"]), SetupCode: shown(f["setup_code"]),
			},
		}))
	}
	if err := h.startSession(c.Response(), r, viewer); err != nil {
		return err
	}
	return h.redirect(c, views.HomePath)
}
