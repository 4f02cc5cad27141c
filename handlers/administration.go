package handlers

import (
	"net/http"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"parley/chat"
	"parley/views"
)

// AdministrationShow leads to the first section.
func (h *Handlers) AdministrationShow(c echo.Context) error {
	return h.redirect(c, views.AdministrationPeoplePath)
}

// section draws a page of the administration, or its pane alone for htmx.
func (h *Handlers) section(c echo.Context, status int, pane templ.Component, whole func(views.Page) templ.Component) error {
	if partial(c.Request()) {
		return h.answer(c, status, pane)
	}
	page, err := h.shell(c, chat.ID{})
	if err != nil {
		return err
	}
	return h.answer(c, status, whole(page))
}

// RecordIndex lists people for administrators.
func (h *Handlers) RecordIndex(c echo.Context) error {
	r := c.Request()
	viewer := h.viewer(c)
	query, err := readQuery(r, "q", "role", "state", "invitation", "after")
	if err != nil {
		return err
	}
	filter := chat.AccountFilter{Query: query["q"], Role: chat.Role(query["role"]), State: chat.State(query["state"])}
	kept := filter
	kept.Query = shown(filter.Query)
	var by *views.InvitationProps
	if query["invitation"] != "" {
		id, ok := parseID(query["invitation"])
		if !ok {
			return chat.NotFound()
		}
		invitation, err := h.config.Chat.Invitation(r.Context(), viewer, id)
		if err != nil {
			return err
		}
		props := views.NewInvitation(invitation, viewer, h.config.Clock())
		by, filter.Invitation, kept.Invitation = &props, id, id
	}
	found, err := h.config.Chat.Accounts(r.Context(), viewer, filter, query["after"])
	status := http.StatusOK
	records := views.RecordsProps{Filter: kept}
	if err == nil {
		records = views.NewRecords(kept, found, viewer, h.config.Clock())
	} else {
		var ok bool
		if records.Err, status, ok = h.mend(c, err); !ok {
			return err
		}
	}
	records.Invitation = by
	return h.section(c, status, views.RecordsPane(records), func(page views.Page) templ.Component { return views.RecordsPage(page, records) })
}

// RecordShow is one person for administrators.
func (h *Handlers) RecordShow(c echo.Context) error {
	query, err := readQuery(c.Request(), "done")
	if err != nil {
		return err
	}
	return h.showRecord(c, http.StatusOK, query["done"], nil)
}

// recordEntries is how many entries of the log stand on a person's page.
const recordEntries = 5

func (h *Handlers) showRecord(c echo.Context, status int, done string, refusal *chat.Error) error {
	ctx, viewer := c.Request().Context(), h.viewer(c)
	record, err := h.record(c)
	if err != nil {
		return err
	}
	log, err := h.config.Chat.Audit(ctx, viewer, record.Person.ID, 0)
	if err != nil {
		return err
	}
	props := views.RecordPageProps{
		Record: record, Entries: views.NewAuditEntries(log, recordEntries, viewer, h.config.Clock()), Done: done, Err: refusal,
	}
	return h.section(c, status, views.RecordPane(props), func(page views.Page) templ.Component { return views.RecordPage(page, props) })
}

// record is the person that the path names.
func (h *Handlers) record(c echo.Context) (views.RecordProps, error) {
	id, ok := parseID(c.Param("id"))
	if !ok {
		return views.RecordProps{}, chat.NotFound()
	}
	account, err := h.config.Chat.Account(c.Request().Context(), h.viewer(c), id)
	if err != nil {
		return views.RecordProps{}, err
	}
	return views.NewRecord(account, h.viewer(c), h.config.Clock()), nil
}

// RoleEdit shows the form for another role.
func (h *Handlers) RoleEdit(c echo.Context) error {
	record, err := h.record(c)
	if err != nil {
		return err
	}
	return h.showRole(c, http.StatusOK, views.RecordStepProps{Record: record, Role: record.Role})
}

// RoleUpdate gives a person another role.
func (h *Handlers) RoleUpdate(c echo.Context) error {
	r := c.Request()
	f, err := readForm(r, "role", "current_password")
	if err != nil {
		return err
	}
	role := chat.Role(f["role"])
	return h.step(c, "role", func(id chat.ID) error {
		return h.config.Chat.ChangeRole(r.Context(), h.viewer(c), visitOf(r.Context()).origin, id, role, f["current_password"])
	}, func(status int, p views.RecordStepProps) error {
		if p.Role = p.Record.Role; f["role"] != "" {
			p.Role = role
		}
		return h.showRole(c, status, p)
	})
}

func (h *Handlers) showRole(c echo.Context, status int, p views.RecordStepProps) error {
	return h.section(c, status, views.RolePane(p), func(page views.Page) templ.Component { return views.RolePage(page, p) })
}

// SuspensionNew shows the form that suspends a person.
func (h *Handlers) SuspensionNew(c echo.Context) error {
	record, err := h.record(c)
	if err != nil {
		return err
	}
	return h.showSuspension(c, http.StatusOK, views.RecordStepProps{Record: record})
}

// SuspensionCreate suspends a person.
func (h *Handlers) SuspensionCreate(c echo.Context) error {
	r := c.Request()
	f, err := readForm(r, "current_password")
	if err != nil {
		return err
	}
	return h.step(c, "suspended", func(id chat.ID) error {
		return h.config.Chat.Suspend(r.Context(), h.viewer(c), visitOf(r.Context()).origin, id, f["current_password"])
	}, func(status int, p views.RecordStepProps) error { return h.showSuspension(c, status, p) })
}

func (h *Handlers) showSuspension(c echo.Context, status int, p views.RecordStepProps) error {
	return h.section(c, status, views.SuspensionPane(p), func(page views.Page) templ.Component { return views.SuspensionPage(page, p) })
}

// SuspensionEnd lets a person in again.
func (h *Handlers) SuspensionEnd(c echo.Context) error {
	ctx := c.Request().Context()
	if _, err := readForm(c.Request()); err != nil {
		return err
	}
	return h.step(c, "restored", func(id chat.ID) error {
		return h.config.Chat.Restore(ctx, h.viewer(c), visitOf(ctx).origin, id)
	}, func(status int, p views.RecordStepProps) error { return h.showRecord(c, status, "", p.Err) })
}

// RecordSessionsEnd logs a person out everywhere.
func (h *Handlers) RecordSessionsEnd(c echo.Context) error {
	ctx := c.Request().Context()
	if _, err := readForm(c.Request()); err != nil {
		return err
	}
	return h.step(c, "logged-out", func(id chat.ID) error {
		return h.config.Chat.LogOutEverywhere(ctx, h.viewer(c), visitOf(ctx).origin, id)
	}, func(status int, p views.RecordStepProps) error { return h.showRecord(c, status, "", p.Err) })
}

// ResetLinkNew shows the form that makes a link for a person's new password, or once the link that was just made.
func (h *Handlers) ResetLinkNew(c echo.Context) error {
	record, err := h.record(c)
	if err != nil {
		return err
	}
	p := views.RecordStepProps{Record: record}
	if token := h.takeOver(c.Response(), c.Request(), func(about chat.ID) bool { return about == record.Person.ID }); token != "" {
		p.Link = h.config.BaseURL + views.ResetPath(token)
	}
	return h.showResetLink(c, http.StatusOK, p)
}

// ResetLinkCreate makes one.
func (h *Handlers) ResetLinkCreate(c echo.Context) error {
	r := c.Request()
	f, err := readForm(r, "current_password")
	if err != nil {
		return err
	}
	id, ok := parseID(c.Param("id"))
	if !ok {
		return chat.NotFound()
	}
	token, err := h.config.Chat.MakeResetLinkFor(r.Context(), h.viewer(c), visitOf(r.Context()).origin, id, f["current_password"])
	if err == nil {
		h.handOver(c.Response(), id, token)
		return h.redirect(c, views.ResetLinkPath(id))
	}
	return h.mendStep(c, err, func(status int, p views.RecordStepProps) error { return h.showResetLink(c, status, p) })
}

func (h *Handlers) showResetLink(c echo.Context, status int, p views.RecordStepProps) error {
	return h.section(c, status, views.ResetLinkPane(p), func(page views.Page) templ.Component { return views.ResetLinkPage(page, p) })
}

// step does something about the person that the path names, and goes back to that person; again shows the form once more.
func (h *Handlers) step(c echo.Context, done string, do func(id chat.ID) error, again func(int, views.RecordStepProps) error) error {
	id, ok := parseID(c.Param("id"))
	if !ok {
		return chat.NotFound()
	}
	if err := do(id); err != nil {
		return h.mendStep(c, err, again)
	}
	return h.redirect(c, views.AdministrationPersonDonePath(id, done))
}

func (h *Handlers) mendStep(c echo.Context, err error, again func(int, views.RecordStepProps) error) error {
	refusal, status, ok := h.mend(c, err)
	if !ok {
		return err
	}
	record, err := h.record(c)
	if err != nil {
		return err
	}
	return again(status, views.RecordStepProps{Record: record, Err: refusal})
}

// RegistrationEdit shows who may make an account.
func (h *Handlers) RegistrationEdit(c echo.Context) error {
	query, err := readQuery(c.Request(), "saved")
	if err != nil {
		return err
	}
	rule, err := h.config.Chat.RegistrationRule(c.Request().Context(), h.viewer(c))
	if err != nil {
		return err
	}
	return h.showRegistration(c, http.StatusOK, views.RegistrationProps{Rule: rule, Saved: query["saved"] != ""})
}

// RegistrationUpdate changes it.
func (h *Handlers) RegistrationUpdate(c echo.Context) error {
	r := c.Request()
	f, err := readForm(r, "registration")
	if err != nil {
		return err
	}
	err = h.config.Chat.SetRegistration(r.Context(), h.viewer(c), visitOf(r.Context()).origin, chat.Registration(f["registration"]))
	if err == nil {
		return h.redirect(c, views.AdministrationRegistrationPath+"?saved=yes")
	}
	refusal, status, ok := h.mend(c, err)
	if !ok {
		return err
	}
	rule, err := h.config.Chat.RegistrationRule(r.Context(), h.viewer(c))
	if err != nil {
		return err
	}
	return h.showRegistration(c, status, views.RegistrationProps{Rule: rule, Err: refusal})
}

func (h *Handlers) showRegistration(c echo.Context, status int, p views.RegistrationProps) error {
	return h.section(c, status, views.RegistrationPane(p), func(page views.Page) templ.Component { return views.RegistrationPage(page, p) })
}

// AuditIndex is the log of what administrators did, and on demand whether it is whole.
func (h *Handlers) AuditIndex(c echo.Context) error {
	r := c.Request()
	viewer := h.viewer(c)
	query, err := readQuery(r, "about", "before", "check")
	if err != nil {
		return err
	}
	before, err := query.number("before")
	if err != nil {
		return err
	}
	var about chat.ID
	if query["about"] != "" {
		var ok bool
		if about, ok = parseID(query["about"]); !ok {
			return chat.NotFound()
		}
	}
	page, err := h.config.Chat.Audit(r.Context(), viewer, about, before)
	if err != nil {
		return err
	}
	status := http.StatusOK
	log := views.NewAudit(page, about, viewer, h.config.Clock())
	if query["check"] != "" {
		verdict, err := h.config.Chat.CheckAudit(r.Context(), viewer)
		if err == nil {
			log.Verdict = &verdict
		} else {
			var ok bool
			if log.Err, status, ok = h.mend(c, err); !ok {
				return err
			}
		}
	}
	return h.section(c, status, views.AuditPane(log), func(page views.Page) templ.Component { return views.AuditPage(page, log) })
}
