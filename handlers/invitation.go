package handlers

import (
	"net/http"
	"strconv"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"parley/chat"
	"parley/views"
)

// JoinNew shows the form for signing up behind an invitation. Somebody who has an account is told so, whatever the link.
func (h *Handlers) JoinNew(c echo.Context) error {
	r := c.Request()
	if viewer := visitOf(r.Context()).viewer; viewer != nil {
		return h.answer(c, http.StatusOK, views.AlreadyHerePage(h.gate(r), views.AlreadyHereProps{Person: views.NewPerson(viewer.Card)}))
	}
	token, _ := pathText(c, "token")
	invitation, err := h.config.Chat.CheckInvitation(r.Context(), visitOf(r.Context()).origin, token)
	if chat.CodeOf(err) == chat.CodeRegistrationClosed {
		return h.answer(c, http.StatusOK, views.RegisterPage(h.gate(r), views.RegisterProps{}))
	}
	if err != nil {
		return err
	}
	return h.answer(c, http.StatusOK, views.RegisterPage(h.gate(r), views.RegisterProps{
		Invited: &views.InvitedProps{Token: token, By: views.NewPerson(invitation.By)},
	}))
}

// invitedAgain is the invitation behind a form that comes back with refusal. Who made it stands there only where the link
// was looked at before the form was refused.
func (h *Handlers) invitedAgain(r *http.Request, token string, refusal *chat.Error) *views.InvitedProps {
	if token == "" || refusal.Code == chat.CodeRegistrationClosed {
		return nil
	}
	p := &views.InvitedProps{Token: token}
	if refusal.Kind == chat.KindInvalid {
		if invitation, err := h.config.Chat.CheckInvitation(r.Context(), visitOf(r.Context()).origin, token); err == nil {
			p.By = views.NewPerson(invitation.By)
		}
	}
	return p
}

// JoinCreate makes an account by an invitation and logs it in.
func (h *Handlers) JoinCreate(c echo.Context) error {
	token, ok := pathText(c, "token")
	if !ok || token == "" {
		return &chat.Error{Kind: chat.KindNotFound, Code: chat.CodeInvitationLink}
	}
	return h.register(c, token)
}

// InvitationIndex lists invitations for administrators, and shows once the link that was just made.
func (h *Handlers) InvitationIndex(c echo.Context) error {
	query, err := readQuery(c.Request(), "after", "done")
	if err != nil {
		return err
	}
	props, err := h.invitations(c, query["after"])
	if err != nil {
		return err
	}
	props.Done = query["done"]
	listed := func(about chat.ID) bool {
		for _, invitation := range props.Invitations {
			if invitation.ID == about {
				return true
			}
		}
		return false
	}
	if token := h.takeOver(c.Response(), c.Request(), listed); token != "" {
		props.Link = h.config.BaseURL + views.JoinPath(token)
	}
	return h.showInvitations(c, http.StatusOK, props)
}

func (h *Handlers) invitations(c echo.Context, after string) (views.InvitationsProps, error) {
	page, err := h.config.Chat.Invitations(c.Request().Context(), h.viewer(c), after)
	if err != nil {
		return views.InvitationsProps{}, err
	}
	return views.NewInvitations(page, h.viewer(c), h.config.Clock()), nil
}

// InvitationCreate makes an invitation.
func (h *Handlers) InvitationCreate(c echo.Context) error {
	r := c.Request()
	f, err := readForm(r, "note", "days", "uses")
	if err != nil {
		return err
	}
	made, token, err := h.config.Chat.Invite(r.Context(), h.viewer(c), visitOf(r.Context()).origin, chat.InvitationInput{
		Note: f["note"], Days: chosen(f["days"]), Uses: chosen(f["uses"]),
	})
	if err == nil {
		h.handOver(c.Response(), made.ID, token)
		return h.redirect(c, views.AdministrationInvitationsPath)
	}
	return h.mendInvitations(c, err, &views.InvitationValues{Note: shown(f["note"]), Days: f["days"], Uses: f["uses"]})
}

// chosen reads a number that a form offered; what is none is one that was not offered.
func chosen(value string) int {
	n, err := strconv.Atoi(value)
	if err != nil {
		return -1
	}
	return n
}

// InvitationRevoke makes an invitation useless.
func (h *Handlers) InvitationRevoke(c echo.Context) error {
	r := c.Request()
	if _, err := readForm(r); err != nil {
		return err
	}
	id, ok := parseID(c.Param("id"))
	if !ok {
		return chat.NotFound()
	}
	if err := h.config.Chat.RevokeInvitation(r.Context(), h.viewer(c), visitOf(r.Context()).origin, id); err != nil {
		return h.mendInvitations(c, err, nil)
	}
	return h.redirect(c, views.AdministrationInvitationsPath+"?done=revoked")
}

// mendInvitations shows the page again with what was refused, and with the form as it was sent, if it was.
func (h *Handlers) mendInvitations(c echo.Context, err error, values *views.InvitationValues) error {
	refusal, status, ok := h.mend(c, err)
	if !ok {
		return err
	}
	props, err := h.invitations(c, "")
	if err != nil {
		return err
	}
	if props.Err = refusal; values != nil {
		props.Values = *values
	}
	return h.showInvitations(c, status, props)
}

func (h *Handlers) showInvitations(c echo.Context, status int, p views.InvitationsProps) error {
	return h.section(c, status, views.InvitationsPane(p), func(page views.Page) templ.Component { return views.InvitationsPage(page, p) })
}
