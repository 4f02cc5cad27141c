package handlers

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"parley/chat"
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
	secret string // what only members may read
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

// newCrew makes everybody; each call of gather makes them another group.
func newCrew(t *testing.T) *crew {
	t.Helper()
	c := &crew{site: newSite(t, func(p *plan) { p.settings.Limits = false })}
	c.who[anonymousThere] = c.visitor()
	for s := strangerThere; s < standings; s++ {
		c.who[s] = c.person()
	}
	c.target, c.extra = c.person(), c.person()
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
	c.secret = "said-after-the-removal"
	_, err = c.chat.SendMessage(ctx, owner, c.group, chat.Draft{Body: c.secret, ClientID: chat.NewID()})
	must(err)
	c.token, err = c.chat.MakeGroupLink(ctx, owner, c.group, time.Hour, 0)
	must(err)
	links, err := c.chat.GroupLinks(ctx, owner, c.group)
	must(err)
	c.link = links[0].ID
}

// row says who gets what of a route that has to do with a group.
type row struct {
	form url.Values
	gets [standings]outcome
}

func yields(o ...outcome) (gets [standings]outcome) {
	copy(gets[:], o)
	return gets
}

// groupRows has a row for each route that names a conversation or a group; TestGroupMatrix fails where one is missing.
func groupRows(c *crew) map[string]row {
	none, ok := all(404), all(200)
	message := url.Values{"body": {"of the matrix"}, "client_id": {chat.NewID().String()}}
	rules := url.Values{"name": {"Another"}, "about": {""}, "who_adds": {"members"}, "who_writes": {"members"}, "history": {"all"}}
	return map[string]row{
		"GET /conversations/:id":                          {nil, yields(toLogin, none, ok, ok, ok, ok)},
		"GET /conversations/:id/details":                  {nil, yields(toLogin, none, ok, ok, ok, ok)},
		"POST /conversations/:id/choices":                 {url.Values{"pinned": {"true"}}, yields(toLogin, none, home, home, home, home)},
		"GET /conversations/:id/changes":                  {nil, yields(all(401), none, ok, ok, ok, ok)},
		"POST /conversations/:id/messages":                {message, yields(all(401), none, all(403), outcome{303, 200}, outcome{303, 200}, outcome{303, 200})},
		"POST /conversations/:id/draft":                   {url.Values{"body": {"begun"}}, yields(toLogin, none, none, home, home, home)},
		"POST /conversations/:id/read":                    {url.Values{"seq": {"1"}}, yields(toLogin, none, home, home, home, home)},
		"GET /conversations/:id/settings":                 {nil, yields(toLogin, none, none, all(403), ok, ok)},
		"POST /conversations/:id/settings":                {rules, yields(toLogin, none, none, all(403), home, home)},
		"GET /conversations/:id/links":                    {nil, yields(toLogin, none, none, all(403), ok, ok)},
		"POST /conversations/:id/links":                   {url.Values{"life": {"day"}, "times": {"1"}}, yields(toLogin, none, none, all(403), ok, ok)},
		"POST /conversations/:id/links/:link/end":         {nil, yields(toLogin, none, none, all(403), home, home)},
		"POST /conversations/:id/leave":                   {nil, yields(toLogin, none, none, home, home, all(409))},
		"GET /conversations/:id/members":                  {nil, yields(toLogin, none, none, ok, ok, ok)},
		"POST /conversations/:id/members":                 {url.Values{"people": {c.extra.id.String()}}, yields(toLogin, none, none, home, home, home)},
		"GET /conversations/:id/members/new":              {nil, yields(toLogin, none, none, ok, ok, ok)},
		"GET /conversations/:id/members/:person":          {nil, yields(toLogin, none, none, ok, ok, ok)},
		"POST /conversations/:id/members/:person/role":    {url.Values{"role": {"administrator"}}, yields(toLogin, none, none, all(403), all(403), home)},
		"POST /conversations/:id/members/:person/removal": {nil, yields(toLogin, none, none, all(403), home, home)},
		"GET /groups/join/:token":                         {nil, yields(toLogin, ok, ok, ok, ok, ok)},
		"POST /groups/join/:token":                        {nil, yields(toLogin, home, home, home, home, home)},
	}
}

// secretFor says whether what was said after the removal is that person's to read.
func (s standing) reads() bool { return s >= memberThere }

func TestGroupMatrix(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, route := range newSite(t).handlers.routes() {
		if strings.Contains(route.path, "/conversations/:id") || strings.HasPrefix(route.path, "/groups/join") {
			known[route.method+" "+route.path] = true
		}
	}
	names := groupRows(newCrew(t))
	for name := range known {
		if _, ok := names[name]; !ok {
			t.Errorf("%s has no row", name)
		}
	}
	for name := range names {
		if !known[name] {
			t.Errorf("%s has a row, but no route", name)
		}
	}
	for name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCrew(t)
			method, path, _ := strings.Cut(name, " ")
			for s := range standings {
				for _, fragment := range []bool{false, true} {
					c.gather()
					r := groupRows(c)[name]
					b, want, form := c.who[s], r.gets[s].page, "page"
					if fragment {
						b, want, form = b.htmx(), r.gets[s].fragment, "fragment"
					}
					at := strings.NewReplacer(":id", c.group.String(), ":person", c.target.id.String(),
						":link", c.link.String(), ":token", c.token).Replace(path)
					a := b.get
					var got *answer
					if method == http.MethodPost {
						got = b.post(at, r.form)
					} else {
						got = a(at)
					}
					if got.status != want {
						t.Errorf("%s, %s: %d, want %d", standingNames[s], form, got.status, want)
					}
					if !s.reads() && strings.Contains(got.body, c.secret) {
						t.Errorf("%s, %s: reads what was said after the removal", standingNames[s], form)
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
			c.who[s].get("/conversations/" + c.group.String()).is(200).says(c.secret)
		}
		c.who[formerThere].get("/conversations/" + c.group.String()).is(200).says("You are no longer in this group.")
	})
}
