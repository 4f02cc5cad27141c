package handlers

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/chat"
	"parley/realtime"
	"parley/views"
)

// standing is what somebody is to a group.
type standing int

const (
	anonymousThere standing = iota
	strangerThere
	formerThere
	memberThere
	administratorThere
	ownerThere
	standings
)

var standingNames = [standings]string{"anonymous", "stranger", "former member", "member", "administrator of the group", "owner"}

// crew is a group with somebody of each standing, and one more member whom things are done to.
type crew struct {
	*site
	who    [standings]*browser
	target *browser
	extra  *browser // who is to be added
	group  chat.ID
	link   chat.ID
	token  string
	secret string  // what only members may read
	spoken chat.ID // the message that says it
	since  string  // what the group is called since somebody was removed
}

func (s *site) viewerOf(b *browser) chat.Viewer {
	s.t.Helper()
	id := value[chat.ID](s, `SELECT id FROM sessions WHERE person_id = $1 AND revoked_at IS NULL LIMIT 1`, b.id)
	viewer, err := s.chat.Viewer(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return viewer
}

// newCrew makes everybody, before the real door to what has changed; each call of gather makes them another group.
func newCrew(t *testing.T) *crew {
	t.Helper()
	hub := realtime.New(slog.New(slog.DiscardHandler), realtime.Timing{Sweep: time.Hour})
	c := &crew{site: newSite(t, func(p *plan) {
		p.settings.Limits, p.config.Changes = false, hub.ServeChanges
	})}
	if err := hub.Start(t.Context(), c.chat); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hub.Close(context.WithoutCancel(t.Context())) })
	c.who[anonymousThere] = c.visitor()
	for s := strangerThere; s < standings; s++ {
		c.who[s] = c.person()
	}
	c.target, c.extra = c.person(), c.person()
	if err := c.chat.ChangeName(t.Context(), c.viewerOf(c.target), "Known by another name"); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *crew) gather() {
	c.t.Helper()
	ctx, owner := c.t.Context(), c.viewerOf(c.who[ownerThere])
	must := func(err error) {
		c.t.Helper()
		if err != nil {
			c.t.Fatal(err)
		}
	}
	var err error
	c.group, err = c.chat.CreateGroup(ctx, owner, chat.GroupSettings{Name: "Crew"},
		[]chat.ID{c.who[formerThere].id, c.who[memberThere].id, c.who[administratorThere].id, c.target.id})
	must(err)
	must(c.chat.SetMemberRole(ctx, owner, c.group, c.who[administratorThere].id, chat.MemberAdministrator))
	must(c.chat.RemoveMember(ctx, owner, c.group, c.who[formerThere].id))
	c.secret, c.since = "said-after-the-removal-"+chat.NewID().String(), "Called "+chat.NewID().String()
	must(c.chat.UpdateGroup(ctx, owner, c.group, chat.GroupSettings{Name: c.since, Description: c.since}))
	said, err := c.chat.SendMessage(ctx, owner, c.group, chat.Draft{Body: c.secret, ClientID: chat.NewID()})
	must(err)
	c.spoken = said.ID
	c.token, err = c.chat.MakeGroupLink(ctx, owner, c.group, time.Hour, 0)
	must(err)
	links, err := c.chat.GroupLinks(ctx, owner, c.group)
	must(err)
	c.link = links[0].ID
}

// row says who gets what of a route that has to do with a group. Its name is that of the route and, where htmx asks for a
// part of the page, of the element that it is for.
type row struct {
	form url.Values
	gets [standings]outcome
	// query stands behind the path.
	query string
	// reads is what whoever is in the group finds in it, as page and as fragment, or as a fragment alone.
	reads, readsFragment []string
	// archived: everybody has put the group away.
	archived bool
}

func yields(o ...outcome) (gets [standings]outcome) {
	copy(gets[:], o)
	return gets
}

// groupRows has a row for each route that has to do with a group; TestGroupMatrix fails where one is missing.
func groupRows(c *crew) map[string]row {
	none, ok := all(404), all(200)
	message := url.Values{"body": {"of the matrix"}, "client_id": {chat.NewID().String()}}
	rules := url.Values{"name": {"Another"}, "about": {""}, "who_adds": {"members"}, "who_writes": {"members"}, "history": {"all"}}
	secret, called, people := []string{c.secret}, []string{c.since}, []string{c.target.username}
	inside := yields(toLogin, none, none, ok, ok, ok)
	anybody := yields(toLogin, ok, ok, ok, ok, ok)
	return map[string]row{
		"GET /":                                   {gets: yields(ok, ok, ok, ok, ok, ok)}, // its secret is read below
		"GET /conversations":                      {gets: anybody, reads: secret},
		"GET /conversations/archive":              {gets: anybody, reads: secret, archived: true},
		"GET /groups/new":                         {gets: anybody},
		"GET /groups/new #picker-results":         {gets: anybody},
		"GET /conversations/:id":                  {gets: yields(toLogin, none, ok, ok, ok, ok), reads: secret},
		"GET /conversations/:id/details":          {gets: yields(toLogin, none, ok, ok, ok, ok), reads: called},
		"GET /conversations/:id/details #details": {gets: yields(toLogin, none, ok, ok, ok, ok), readsFragment: append(called, people...)},
		"POST /conversations/:id/choices":         {form: url.Values{"pinned": {"true"}}, gets: yields(toLogin, none, home, home, home, home)},
		"GET /conversations/:id/changes":          {gets: yields(all(401), none, ok, ok, ok, ok), query: "?after=0&at=1", reads: append(secret, `data-frame="people"`, "Known by another name")},
		"POST /conversations/:id/messages":        {form: message, gets: yields(all(401), none, all(403), outcome{303, 200}, outcome{303, 200}, outcome{303, 200})},
		"POST /conversations/:id/draft":           {form: url.Values{"body": {"begun"}}, gets: yields(toLogin, none, none, home, home, home)},
		"POST /conversations/:id/read":            {form: url.Values{"seq": {"1"}}, gets: yields(toLogin, none, home, home, home, home)},
		"POST /conversations/:id/unread":          {form: url.Values{"seq": {"1"}}, gets: yields(toLogin, none, none, home, home, home)},
		// Of the owner's message; nobody else's business, whoever they are in the group.
		"GET /conversations/:id/messages/:message/receipts #receivers-more": {gets: yields(toLogin, none, none, none, none, ok), readsFragment: people},
		"GET /conversations/:id/messages/:message/receipts":                 {gets: yields(toLogin, none, none, none, none, ok), reads: people},
		"GET /conversations/:id/messages/:message":                          {gets: yields(toLogin, none, none, ok, ok, ok), reads: secret},
		"GET /conversations/:id/messages/:message #opened":                  {gets: yields(toLogin, none, none, ok, ok, ok), readsFragment: secret},
		"GET /conversations/:id/settings":                                   {gets: yields(toLogin, none, none, all(403), ok, ok)},
		"POST /conversations/:id/settings":                                  {form: rules, gets: yields(toLogin, none, none, all(403), home, home)},
		"GET /conversations/:id/links":                                      {gets: yields(toLogin, none, none, all(403), ok, ok)},
		"POST /conversations/:id/links":                                     {form: url.Values{"life": {"day"}, "times": {"1"}}, gets: yields(toLogin, none, none, all(403), ok, ok)},
		"POST /conversations/:id/links/:link/end":                           {gets: yields(toLogin, none, none, all(403), home, home)},
		"POST /conversations/:id/leave":                                     {gets: yields(toLogin, none, none, home, home, all(409))},
		"GET /conversations/:id/members":                                    {gets: inside, reads: people},
		"GET /conversations/:id/members #members":                           {gets: inside, readsFragment: people},
		"GET /conversations/:id/members #members-more":                      {gets: inside, readsFragment: people},
		"POST /conversations/:id/members":                                   {form: url.Values{"people": {c.extra.id.String()}}, gets: yields(toLogin, none, none, home, home, home)},
		"GET /conversations/:id/members/new":                                {gets: inside},
		"GET /conversations/:id/members/new #picker-results":                {gets: inside},
		"GET /conversations/:id/members/:person":                            {gets: inside, reads: people},
		"POST /conversations/:id/members/:person/role":                      {form: url.Values{"role": {"administrator"}}, gets: yields(toLogin, none, none, all(403), all(403), home)},
		"POST /conversations/:id/members/:person/removal":                   {gets: yields(toLogin, none, none, all(403), home, home)},
		"GET /groups/join/:token":                                           {gets: yields(toLogin, ok, none, ok, ok, ok)},
		"POST /groups/join/:token":                                          {gets: yields(toLogin, home, none, home, home, home)},
	}
}

// elsewhere are the routes that have nothing to do with a group. What the socket carries has its rows in
// package realtime; making a group or a conversation asks about none that is there.
var elsewhere = []string{
	"GET /register", "POST /register", "GET /join/:token", "POST /join/:token", "GET /login", "POST /login", "POST /logout",
	"GET /forgot", "POST /forgot", "GET /reset/:token", "POST /reset/:token", "GET /confirm/:token", "POST /confirm/:token",
	"GET /people", "GET /people/:username", "POST /conversations", "GET /ws",
	"GET /settings", "POST /settings", "POST /settings/profile", "GET /settings/account", "POST /settings/email",
	"POST /settings/email/again", "POST /settings/email/cancel", "POST /settings/password", "GET /settings/sessions",
	"POST /settings/sessions/others/end", "POST /settings/sessions/:id/end",
	"GET /settings/presence", "POST /settings/presence", "GET /status", "POST /status",
	"POST /settings/reach", "GET /requests", "POST /requests/:id/acceptance", "POST /requests/:id/refusal",
	"GET /settings/blocks", "POST /settings/blocks", "GET /settings/blocks/new", "POST /settings/blocks/:person/end",
	"GET /administration", "GET /administration/people", "GET /administration/people/:id", "GET /administration/people/:id/role",
	"POST /administration/people/:id/role", "GET /administration/people/:id/suspension",
	"POST /administration/people/:id/suspension", "POST /administration/people/:id/suspension/end",
	"POST /administration/people/:id/sessions/end", "GET /administration/people/:id/reset",
	"POST /administration/people/:id/reset", "GET /administration/invitations", "POST /administration/invitations",
	"POST /administration/invitations/:id/revoke", "GET /administration/registration", "POST /administration/registration",
	"GET /administration/log",
	"GET /healthz", "GET /readyz", "GET /version", "GET /static/*", "GET /favicon.ico", "GET /robots.txt",
	"GET /gallery", "GET /gallery/:component",
}

// partsElsewhere are the elements that htmx asks for where no group is.
var partsElsewhere = []string{views.PeopleResultsID, views.PeopleMoreID}

// reads says whether what was said after the removal is that person's to read.
func (s standing) reads() bool { return s >= memberThere }

// ask asks for what a row is about; part is the element that htmx asks for.
func (r row) ask(c *crew, b *browser, method, path, part string, fragment bool) *answer {
	if fragment {
		b = b.htmx()
		if part != "" {
			b = b.with("HX-Target", "div#"+part)
		}
	}
	at := strings.NewReplacer(":id", c.group.String(), ":person", c.target.id.String(),
		":message", c.spoken.String(), ":link", c.link.String(), ":token", c.token).Replace(path)
	if method == http.MethodPost {
		return b.post(at, r.form)
	}
	return b.get(at + r.query)
}

func TestGroupMatrix(t *testing.T) {
	t.Parallel()
	rows := groupRows(newCrew(t))
	holdsRows(t, rows)
	for name := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCrew(t)
			route, part, _ := strings.Cut(name, " #")
			method, path, _ := strings.Cut(route, " ")
			for s := range standings {
				for _, fragment := range []bool{false, true} {
					if part != "" && !fragment {
						continue
					}
					c.gather()
					r := groupRows(c)[name]
					want, form := r.gets[s].page, "page"
					if fragment {
						want, form = r.gets[s].fragment, "fragment"
					}
					if r.archived && s != anonymousThere {
						c.who[s].post("/conversations/"+c.group.String()+"/choices", url.Values{"archived": {"true"}})
					}
					got := r.ask(c, c.who[s], method, path, part, fragment)
					if got.status != want {
						t.Errorf("%s, %s: %d, want %d", standingNames[s], form, got.status, want)
					}
					expected := r.reads
					if fragment {
						expected = append(slices.Clone(expected), r.readsFragment...)
					}
					for _, text := range expected {
						if s.reads() && got.status == http.StatusOK && !strings.Contains(got.body, text) {
							t.Errorf("%s, %s: does not read %q in\n%s", standingNames[s], form, text, clip(got.body, 2000))
						}
					}
					if s.reads() {
						continue
					}
					for _, text := range []string{c.secret, `data-frame="people"`} {
						if strings.Contains(got.body, text) {
							t.Errorf("%s, %s: reads %q", standingNames[s], form, text)
						}
					}
					if s == formerThere && strings.Contains(got.body, c.since) {
						t.Errorf("%s, %s: reads what the group was called after the removal", standingNames[s], form)
					}
				}
			}
		})
	}
	t.Run("who may read it does", func(t *testing.T) {
		t.Parallel()
		c := newCrew(t)
		c.gather()
		for s := memberThere; s < standings; s++ {
			c.who[s].get("/").is(200).says(c.secret)
		}
		c.who[formerThere].get("/conversations/" + c.group.String()).is(200).says("You are no longer in this group.")
		c.who[formerThere].get("/").is(200).has("#row-" + c.group.String())
	})
}

// holdsRows holds that each route has a row or stands elsewhere, that each part of a page that htmx asks for has one, and
// that nothing else has.
func holdsRows(t *testing.T, rows map[string]row) {
	t.Helper()
	routes, parts := map[string]bool{}, map[string]bool{}
	for _, route := range newSite(t, developing).handlers.routes() {
		routes[route.method+" "+route.path] = true
	}
	for name := range rows {
		route, part, _ := strings.Cut(name, " #")
		if !routes[route] {
			t.Errorf("%s has a row, but no route", name)
		}
		if slices.Contains(elsewhere, name) {
			t.Errorf("%s has a row, and is said to have nothing to do with a group", name)
		}
		if _, whole := rows[route]; !whole {
			t.Errorf("%s has a row for a part, and none for the whole", route)
		}
		parts[part] = true
	}
	for name := range routes {
		if _, ok := rows[name]; !ok && !slices.Contains(elsewhere, name) {
			t.Errorf("%s has no row", name)
		}
	}
	for _, name := range elsewhere {
		if !routes[name] {
			t.Errorf("%s is said to have nothing to do with a group, and is no route", name)
		}
	}
	delete(parts, "")
	asked := partsAsked(t)
	for _, part := range partsElsewhere {
		if !asked[part] {
			t.Errorf("nothing asks for #%s", part)
		}
		delete(asked, part)
	}
	if want, got := slices.Sorted(maps.Keys(asked)), slices.Sorted(maps.Keys(parts)); !slices.Equal(want, got) {
		t.Errorf("handlers tell %v apart, there are rows for %v", want, got)
	}
}

// partsAsked are the ids that handlers ask htmx's target for, by the names of package views.
func partsAsked(t *testing.T) map[string]bool {
	t.Helper()
	ids := map[string]string{
		"DetailsID": views.DetailsID, "MembersID": views.MembersID, "MembersMoreID": views.MembersMoreID,
		"PickerResultsID": views.PickerResultsID, "PeopleResultsID": views.PeopleResultsID, "PeopleMoreID": views.PeopleMoreID,
		"ReceiversMoreID": views.ReceiversMoreID, "OpenedID": views.OpenedID,
	}
	files, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string]bool{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if f, ok := call.Fun.(*ast.Ident); !ok || f.Name != "aims" {
				return true
			}
			for _, arg := range call.Args[1:] {
				constant, ok := arg.(*ast.SelectorExpr)
				if !ok || ids[constant.Sel.Name] == "" {
					t.Errorf("%s: aims is asked for what this test does not know", name)
					continue
				}
				asked[ids[constant.Sel.Name]] = true
			}
			return true
		})
	}
	return asked
}
