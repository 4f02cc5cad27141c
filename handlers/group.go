package handlers

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"parley/chat"
	"parley/views"
)

// GroupNew shows the form for making a group, with what was typed and chosen so far: searching for people asks for it
// anew.
func (h *Handlers) GroupNew(c echo.Context) error {
	r := c.Request()
	query, lists, err := readQueryLists(r, []string{"people"}, "name", "about", "q")
	if err != nil {
		return err
	}
	picker, status, err := h.picker(c, views.GroupNewPath, query["q"], lists["people"])
	if err != nil {
		return err
	}
	if partial(r) && aims(r, views.PickerResultsID) {
		return h.answer(c, status, views.PickerResults(picker))
	}
	return h.showGroupNew(c, status, views.GroupNewProps{
		Name: shown(query["name"]), Description: shown(query["about"]), Picker: picker,
	})
}

func (h *Handlers) showGroupNew(c echo.Context, status int, props views.GroupNewProps) error {
	return h.pane(c, status, views.GroupNewPane(props), func(page views.Page) templ.Component { return views.GroupNewPage(page, props) })
}

// groupCreate makes a group from a posted form.
func (h *Handlers) groupCreate(c echo.Context, f fields, people []string) error {
	r := c.Request()
	viewer := h.viewer(c)
	settings := chat.GroupSettings{Name: f["name"], Description: f["about"]}
	ids, ok := parseIDs(people)
	if !ok {
		return chat.NotFound()
	}
	id, err := h.config.Chat.CreateGroup(r.Context(), viewer, settings, ids)
	if err == nil {
		return h.redirect(c, views.ConversationPath(id))
	}
	refusal, status, ok := h.mend(c, err)
	if !ok {
		return err
	}
	picker, _, err := h.picker(c, views.GroupNewPath, "", people)
	if err != nil {
		return err
	}
	picker.Err = refusal
	return h.showGroupNew(c, status, views.GroupNewProps{
		Name: shown(f["name"]), Description: shown(f["about"]), Picker: picker, Err: refusal,
	})
}

// picker is the part of a form that chooses people, and the status to show it with. Whoever was chosen and is not there is
// left out. Who searches too fast is told so where the results would stand, and loses nothing of the form.
func (h *Handlers) picker(c echo.Context, path, q string, chosen []string) (p views.PickerProps, status int, err error) {
	viewer := h.viewer(c)
	p, status = views.PickerProps{Path: path, Query: shown(q)}, http.StatusOK
	ids, ok := parseIDs(chosen)
	if !ok {
		return p, 0, unreadable(fmt.Errorf("no ids of people"))
	}
	cards, found, err := h.config.Chat.PickPeople(c.Request().Context(), viewer, q, ids)
	if chat.KindOf(err) == chat.KindTooMany {
		p.SearchErr, status = h.refuse(c.Response(), c.Request(), err)
	} else if err != nil {
		return p, 0, err
	}
	in := map[chat.ID]bool{viewer.ID: true}
	for _, card := range cards {
		in[card.ID] = true
		p.Chosen = append(p.Chosen, views.NewPerson(card))
	}
	p.Nobody = p.SearchErr == nil
	for _, card := range found.People {
		p.Nobody = p.Nobody && card.ID == viewer.ID
		if !in[card.ID] {
			p.Found = append(p.Found, views.NewPerson(card))
		}
	}
	return p, status, nil
}

// GroupSettingsEdit shows what a group says of itself and lets people do.
func (h *Handlers) GroupSettingsEdit(c echo.Context) error {
	details, err := h.managed(c)
	if err != nil {
		return err
	}
	return h.showGroupSettings(c, http.StatusOK, views.GroupSettingsProps{ID: details.ID, Settings: details.Group})
}

// managed is the group of the path, where the viewer looks after it.
func (h *Handlers) managed(c echo.Context) (chat.Details, error) {
	id, ok := parseID(c.Param("id"))
	if !ok {
		return chat.Details{}, chat.NotFound()
	}
	details, err := h.config.Chat.Details(c.Request().Context(), h.viewer(c), id)
	switch {
	case err != nil:
		return details, err
	case details.Kind != chat.KindGroup || !details.Member.Present():
		return details, chat.NotFound()
	case !details.Member.Role.MayManage():
		return details, &chat.Error{Kind: chat.KindForbidden, Code: chat.CodeNotYoursToDo}
	}
	return details, nil
}

// GroupSettingsUpdate stores it.
func (h *Handlers) GroupSettingsUpdate(c echo.Context) error {
	r := c.Request()
	id, ok := parseID(c.Param("id"))
	if !ok {
		return chat.NotFound()
	}
	f, err := readForm(r, "name", "about", "who_adds", "who_writes", "history")
	if err != nil {
		return err
	}
	settings := chat.GroupSettings{
		Name: f["name"], Description: f["about"], WhoAdds: chat.Who(f["who_adds"]),
		WhoWrites: chat.Who(f["who_writes"]), History: chat.History(f["history"]),
	}
	err = h.config.Chat.UpdateGroup(r.Context(), h.viewer(c), id, settings)
	if err == nil {
		return h.redirect(c, views.DetailsPath(id)+"?saved=yes")
	}
	refusal, status, ok := h.mend(c, err)
	if !ok || len(refusal.Fields) == 0 {
		return err
	}
	settings.Name, settings.Description = shown(settings.Name), shown(settings.Description)
	return h.showGroupSettings(c, status, views.GroupSettingsProps{ID: id, Settings: settings, Err: refusal})
}

func (h *Handlers) showGroupSettings(c echo.Context, status int, p views.GroupSettingsProps) error {
	return h.pane(c, status, views.GroupSettingsPane(p), func(page views.Page) templ.Component { return views.GroupSettingsPage(page, p) })
}

// GroupLinkIndex lists a group's links.
func (h *Handlers) GroupLinkIndex(c echo.Context) error {
	id, ok := parseID(c.Param("id"))
	if !ok {
		return chat.NotFound()
	}
	return h.showGroupLinks(c, http.StatusOK, views.GroupLinksProps{ID: id})
}

func (h *Handlers) showGroupLinks(c echo.Context, status int, p views.GroupLinksProps) error {
	viewer := h.viewer(c)
	links, err := h.config.Chat.GroupLinks(c.Request().Context(), viewer, p.ID)
	if err != nil {
		return err
	}
	p.Links, p.Zone = links, views.Zone(viewer.TimeZone)
	return h.pane(c, status, views.GroupLinksPane(p), func(page views.Page) templ.Component { return views.GroupLinksPage(page, p) })
}

// GroupLinkCreate makes a link and shows it, this once.
func (h *Handlers) GroupLinkCreate(c echo.Context) error {
	r := c.Request()
	id, ok := parseID(c.Param("id"))
	if !ok {
		return chat.NotFound()
	}
	f, err := readForm(r, "life", "times")
	if err != nil {
		return err
	}
	life, known := views.GroupLinkLives[f["life"]]
	if !known {
		life = -1
	}
	uses, err := strconv.Atoi(f["times"])
	if err != nil {
		uses = -1
	}
	p := views.GroupLinksProps{ID: id}
	token, err := h.config.Chat.MakeGroupLink(r.Context(), h.viewer(c), id, life, uses)
	if err != nil {
		refusal, status, ok := h.mend(c, err)
		if !ok || refusal.Code == chat.CodeNotYoursToDo {
			return err
		}
		p.Err = refusal
		return h.showGroupLinks(c, status, p)
	}
	p.Made = h.config.BaseURL + views.GroupJoinPath(token)
	return h.showGroupLinks(c, http.StatusOK, p)
}

// GroupLinkEnd ends a link.
func (h *Handlers) GroupLinkEnd(c echo.Context) error {
	id, ok := parseID(c.Param("id"))
	link, linkOK := parseID(c.Param("link"))
	if !ok || !linkOK {
		return chat.NotFound()
	}
	if _, err := readForm(c.Request()); err != nil {
		return err
	}
	if err := h.config.Chat.RevokeGroupLink(c.Request().Context(), h.viewer(c), id, link); err != nil {
		return err
	}
	return h.redirect(c, views.GroupLinksPath(id))
}

// GroupJoinShow shows where a link to a group leads.
func (h *Handlers) GroupJoinShow(c echo.Context) error {
	token, _ := pathText(c, "token")
	found, err := h.config.Chat.OpenGroupLink(c.Request().Context(), h.viewer(c), token)
	if err != nil {
		return err
	}
	p := views.NewGroupJoin(token, found)
	return h.pane(c, http.StatusOK, views.GroupJoinPane(p), func(page views.Page) templ.Component { return views.GroupJoinPage(page, p) })
}

// GroupJoinCreate joins.
func (h *Handlers) GroupJoinCreate(c echo.Context) error {
	token, _ := pathText(c, "token")
	if _, err := readForm(c.Request()); err != nil {
		return err
	}
	id, err := h.config.Chat.JoinGroup(c.Request().Context(), h.viewer(c), token)
	if err != nil {
		return err
	}
	return h.redirect(c, views.ConversationPath(id))
}

// GroupLeave leaves a group.
func (h *Handlers) GroupLeave(c echo.Context) error {
	id, ok := parseID(c.Param("id"))
	if !ok {
		return chat.NotFound()
	}
	if _, err := readForm(c.Request()); err != nil {
		return err
	}
	err := h.config.Chat.LeaveGroup(c.Request().Context(), h.viewer(c), id)
	if err == nil {
		return h.redirect(c, views.HomePath)
	}
	refusal, status, ok := h.mend(c, err)
	if !ok {
		return err
	}
	return h.showDetails(c, status, id, func(p *views.DetailsProps) { p.Err = refusal })
}
