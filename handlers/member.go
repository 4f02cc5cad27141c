package handlers

import (
	"fmt"
	"net/http"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"parley/chat"
	"parley/views"
)

// DetailsShow is what there is to know about a conversation: as a page, as the pane, or beside an open conversation.
func (h *Handlers) DetailsShow(c echo.Context) error {
	id, ok := parseID(c.Param("id"))
	if !ok {
		return chat.NotFound()
	}
	query, err := readQuery(c.Request(), "saved")
	if err != nil {
		return err
	}
	return h.showDetails(c, http.StatusOK, id, func(p *views.DetailsProps) { p.Saved = query["saved"] })
}

func (h *Handlers) showDetails(c echo.Context, status int, id chat.ID, change func(*views.DetailsProps)) error {
	p, err := h.details(c, id)
	if err != nil {
		return err
	}
	change(&p)
	fragment := views.DetailsPane
	if aims(c.Request(), views.DetailsID) {
		fragment = views.DetailsAside
	}
	return h.paneOf(c, status, p.Presences(), func() templ.Component { return fragment(p) },
		func(page views.Page) templ.Component { return views.DetailsPage(page, p) })
}

// details are those of a conversation, with the first of a group's members.
func (h *Handlers) details(c echo.Context, id chat.ID) (views.DetailsProps, error) {
	ctx, viewer := c.Request().Context(), h.viewer(c)
	details, err := h.config.Chat.Details(ctx, viewer, id)
	if err != nil {
		return views.DetailsProps{}, err
	}
	var members chat.MembersPage
	if details.Kind == chat.KindGroup && details.Member.Present() {
		if members, err = h.config.Chat.Members(ctx, viewer, id, "", ""); err != nil {
			return views.DetailsProps{}, err
		}
	}
	return views.NewDetails(details, members, viewer), nil
}

// ChoicesUpdate stores what somebody makes of a conversation: what the form holds, and nothing else.
func (h *Handlers) ChoicesUpdate(c echo.Context) error {
	r := c.Request()
	id, ok := parseID(c.Param("id"))
	if !ok {
		return chat.NotFound()
	}
	f, err := readForm(r, "quiet", "pinned", "archived", "notify")
	if err != nil {
		return err
	}
	var choices chat.Choices
	if quiet, given := f["quiet"]; given {
		choices.Quiet = (*chat.Quiet)(&quiet)
	}
	if notify, given := f["notify"]; given {
		choices.Notify = (*chat.Notify)(&notify)
	}
	if choices.Pinned, err = f.flag("pinned"); err != nil {
		return err
	}
	if choices.Archived, err = f.flag("archived"); err != nil {
		return err
	}
	err = h.config.Chat.Choose(r.Context(), h.viewer(c), id, choices)
	if err == nil {
		return h.redirect(c, views.DetailsPath(id)+"?saved=yes")
	}
	refusal, status, ok := h.mend(c, err)
	if !ok {
		return err
	}
	return h.showDetails(c, status, id, func(p *views.DetailsProps) { p.Err = refusal })
}

// flag reads a field that says yes or no; nil where it is not there.
func (f fields) flag(name string) (*bool, error) {
	value, given := f[name]
	if !given {
		return nil, nil
	}
	if value != "true" && value != "false" {
		return nil, unreadable(fmt.Errorf("%s says neither true nor false", name))
	}
	on := value == "true"
	return &on, nil
}

// MemberIndex lists a group's members, or what a search among them found.
func (h *Handlers) MemberIndex(c echo.Context) error {
	r := c.Request()
	viewer := h.viewer(c)
	id, ok := parseID(c.Param("id"))
	if !ok {
		return chat.NotFound()
	}
	// Before the members, or what happens in between would be missed by a page that follows from here on.
	details, err := h.config.Chat.Details(r.Context(), viewer, id)
	if err != nil {
		return err
	}
	query, err := readQuery(r, "q", "after")
	if err != nil {
		return err
	}
	if !sound(query["after"]) {
		return unreadable(fmt.Errorf("the cursor is no text"))
	}
	status := http.StatusOK
	var refusal *chat.Error
	members, err := h.config.Chat.Members(r.Context(), viewer, id, query["q"], query["after"])
	if chat.KindOf(err) == chat.KindTooMany {
		refusal, status = h.refuse(c.Response(), r, err)
		members.Next = query["after"] // to be asked for again
	} else if err != nil {
		return err
	}
	p := views.NewMembers(details, members, shown(query["q"]), viewer)
	p.Err = refusal
	fragment := views.MembersPane
	switch {
	case aims(r, views.MembersMoreID):
		fragment = views.MembersMore
	case aims(r, views.MembersID):
		fragment = views.MembersList
	}
	return h.paneOf(c, status, p.Presences(), func() templ.Component { return fragment(p) },
		func(page views.Page) templ.Component { return views.MembersPage(page, p) })
}

// MemberNew shows the form for taking people into a group.
func (h *Handlers) MemberNew(c echo.Context) error {
	r := c.Request()
	id, ok := parseID(c.Param("id"))
	if !ok {
		return chat.NotFound()
	}
	details, err := h.config.Chat.Details(r.Context(), h.viewer(c), id)
	switch {
	case err != nil:
		return err
	case details.Kind != chat.KindGroup || !details.Member.Present():
		return chat.NotFound()
	case !details.MayAdd():
		return &chat.Error{Kind: chat.KindForbidden, Code: chat.CodeNotYoursToDo}
	}
	query, lists, err := readQueryLists(r, []string{"people"}, "q")
	if err != nil {
		return err
	}
	picker, status, err := h.picker(c, views.MembersNewPath(id), query["q"], lists["people"])
	if err != nil {
		return err
	}
	if partial(r) && aims(r, views.PickerResultsID) {
		return h.answer(c, status, views.PickerResults(picker))
	}
	return h.showMemberNew(c, status, views.MembersNewProps{ID: id, Picker: picker})
}

func (h *Handlers) showMemberNew(c echo.Context, status int, p views.MembersNewProps) error {
	return h.pane(c, status, views.MembersNewPane(p), func(page views.Page) templ.Component { return views.MembersNewPage(page, p) })
}

// MemberCreate takes people into a group.
func (h *Handlers) MemberCreate(c echo.Context) error {
	r := c.Request()
	id, ok := parseID(c.Param("id"))
	if !ok {
		return chat.NotFound()
	}
	_, lists, err := readFormLists(r, []string{"people"})
	if err != nil {
		return err
	}
	people, ok := parseIDs(lists["people"])
	if !ok {
		return chat.NotFound()
	}
	err = h.config.Chat.AddMembers(r.Context(), h.viewer(c), id, people)
	if err == nil {
		return h.redirect(c, views.DetailsPath(id)+"?saved=yes")
	}
	refusal, status, ok := h.mend(c, err)
	if !ok || refusal.Code == chat.CodeNotYoursToDo {
		return err
	}
	picker, _, err := h.picker(c, views.MembersNewPath(id), "", lists["people"])
	if err != nil {
		return err
	}
	picker.Err = refusal
	return h.showMemberNew(c, status, views.MembersNewProps{ID: id, Picker: picker, Err: refusal})
}

// MemberShow is what can be done about a member.
func (h *Handlers) MemberShow(c echo.Context) error {
	return h.showMember(c, http.StatusOK, nil)
}

func (h *Handlers) showMember(c echo.Context, status int, refusal *chat.Error) error {
	r := c.Request()
	viewer := h.viewer(c)
	id, person, ok := memberOf(c)
	if !ok {
		return chat.NotFound()
	}
	member, err := h.config.Chat.MemberOf(r.Context(), viewer, id, person)
	if err != nil {
		return err
	}
	mine, err := h.config.Chat.MemberOf(r.Context(), viewer, id, viewer.ID)
	if err != nil {
		return err
	}
	p := views.MemberPageProps{
		ID: id, Member: views.MemberProps{Person: views.NewPerson(member.Card), Role: member.Role, Self: person == viewer.ID},
		MaySetRole: mine.Role == chat.MemberOwner,
		MayRemove:  person != viewer.ID && mine.Role.MayManage() && mine.Role.Outranks(member.Role),
		Err:        refusal,
	}
	return h.pane(c, status, views.MemberPane(p), func(page views.Page) templ.Component { return views.MemberPage(page, p) })
}

func memberOf(c echo.Context) (group, person chat.ID, ok bool) {
	group, ok = parseID(c.Param("id"))
	person, personOK := parseID(c.Param("person"))
	return group, person, ok && personOK
}

// MemberRoleUpdate says what a member is in the group.
func (h *Handlers) MemberRoleUpdate(c echo.Context) error {
	r := c.Request()
	id, person, ok := memberOf(c)
	if !ok {
		return chat.NotFound()
	}
	f, err := readForm(r, "role")
	if err != nil {
		return err
	}
	err = h.config.Chat.SetMemberRole(r.Context(), h.viewer(c), id, person, chat.MemberRole(f["role"]))
	return h.memberChanged(c, id, err)
}

// MemberDelete removes a member.
func (h *Handlers) MemberDelete(c echo.Context) error {
	id, person, ok := memberOf(c)
	if !ok {
		return chat.NotFound()
	}
	if _, err := readForm(c.Request()); err != nil {
		return err
	}
	return h.memberChanged(c, id, h.config.Chat.RemoveMember(c.Request().Context(), h.viewer(c), id, person))
}

// memberChanged answers what was done about a member, or why it was not.
func (h *Handlers) memberChanged(c echo.Context, id chat.ID, err error) error {
	if err == nil {
		return h.redirect(c, views.DetailsPath(id)+"?saved=yes")
	}
	refusal, status, ok := h.mend(c, err)
	if !ok || refusal.Code == chat.CodeNotYoursToDo {
		return err
	}
	return h.showMember(c, status, refusal)
}
