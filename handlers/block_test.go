package handlers

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/chat"
	"parley/realtime"
	"parley/views"
)

// pair is two people of whom one has blocked the other, and a third, in a group of the third's.
type pair struct {
	*site
	people  map[string]*browser
	group   chat.ID
	said    map[string]chat.ID // each one's message in the group
	tokens  map[string]string  // each one's link to a group of the own
	secrets map[string]string
}

var pairRoles = []string{"blocker", "blocked", "third"}

func newPair(t *testing.T) *pair {
	t.Helper()
	hub := realtime.New(slog.New(slog.DiscardHandler), realtime.Timing{Sweep: time.Hour})
	p := &pair{
		site:   newSite(t, func(p *plan) { p.settings.Limits, p.config.Changes = false, hub.ServeChanges }),
		people: map[string]*browser{}, said: map[string]chat.ID{}, tokens: map[string]string{}, secrets: map[string]string{},
	}
	if err := hub.Start(t.Context(), p.chat); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hub.Close(context.WithoutCancel(t.Context())) })
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	for _, role := range pairRoles {
		p.people[role] = p.person()
		must(p.chat.ChangeName(ctx, p.viewerOf(p.people[role]), "Called "+role))
		p.secrets[role] = "said-by-the-" + role
	}
	viewer := func(role string) chat.Viewer { return p.viewerOf(p.people[role]) }
	var err error
	p.group, err = p.chat.CreateGroup(ctx, viewer("third"), chat.GroupSettings{Name: "Crew"},
		[]chat.ID{p.people["blocker"].id, p.people["blocked"].id})
	must(err)
	for _, role := range []string{"third", "blocker", "blocked"} { // whose message is the last, which lists show
		m, err := p.chat.SendMessage(ctx, viewer(role), p.group, chat.Draft{Body: p.secrets[role], ClientID: chat.NewID()})
		must(err)
		p.said[role] = m.ID
		own, err := p.chat.CreateGroup(ctx, viewer(role), chat.GroupSettings{Name: "Of one's own"}, nil)
		must(err)
		p.tokens[role], err = p.chat.MakeGroupLink(ctx, viewer(role), own, time.Hour, 0)
		must(err)
	}
	for _, role := range pairRoles {
		must(p.chat.MarkRead(ctx, viewer(role), chat.Position{ConversationID: p.group, Read: 4}))
	}
	must(p.chat.BlockPerson(ctx, viewer("blocker"), p.people["blocked"].id))
	return p
}

// What a page shows of somebody.
const (
	showsNothing = "nothing"   // neither name nor what was said
	showsPlace   = "the place" // that there is a message
	showsName    = "the name"  // and not what was said
	showsAll     = "what is said"
	asLogged     = ""
)

// blockSurface says of a route what comes of it in the order of pairRoles: for the blocker about the blocked, for the blocked
// about the blocker, for the third about either.
type blockSurface struct {
	query  string     // :person is the other
	form   url.Values // of :person alone
	part   string
	page   bool // as a page; otherwise as htmx gets it, without the list
	status [3]int
	shows  [3]string
}

func surfaces() map[string]blockSurface {
	all := func(status int) [3]int { return [3]int{status, status, status} }
	hidden := [3]string{showsNothing, showsNothing, showsName}
	named := [3]string{showsName, showsName, showsName}
	folded := [3]string{showsPlace, showsAll, showsAll}
	reach := [3]int{404, 404, 204}
	person := url.Values{"person": {":person"}}
	return map[string]blockSurface{
		"GET /":                                             {page: true, status: all(200), shows: folded},
		"GET /conversations":                                {status: all(200), shows: folded},
		"GET /requests":                                     {status: all(200), shows: [3]string{showsNothing, showsNothing, showsNothing}},
		"GET /conversations/archive":                        {status: all(200), shows: [3]string{showsNothing, showsNothing, showsNothing}},
		"GET /people":                                       {query: "?q=Called", status: all(200), shows: hidden},
		"GET /people/:username":                             {status: [3]int{200, 404, 200}, shows: hiddenBut(showsName)},
		"GET /conversations/:id":                            {status: all(200), shows: folded},
		"GET /conversations/:id/changes":                    {query: "?after=0", status: all(200), shows: folded},
		"GET /conversations/:id/messages/:message":          {part: views.OpenedID, status: all(200), shows: [3]string{showsAll, showsAll, showsAll}},
		"GET /conversations/:id/details":                    {status: all(200), shows: named},
		"GET /conversations/:id/members":                    {status: all(200), shows: named},
		"GET /conversations/:id/members/:person":            {status: all(200), shows: named},
		"GET /conversations/:id/members/new":                {query: "?q=Called", status: all(200), shows: hidden},
		"GET /groups/new":                                   {query: "?q=Called", status: all(200), shows: hidden},
		"GET /conversations/:id/messages/:message/receipts": {status: all(200), shows: hidden}, // of the viewer's own message
		"GET /settings/blocks":                              {status: all(200), shows: [3]string{showsName, showsNothing, showsNothing}},
		"GET /settings/blocks/new":                          {query: "?person=:person", status: all(200), shows: named},
		"POST /settings/blocks":                             {form: person, status: all(204)},
		"POST /settings/blocks/:person/end":                 {form: url.Values{}, status: all(204)},
		"POST /conversations":                               {form: person, status: reach},
		"POST /conversations/:id/members":                   {form: url.Values{"people": {":person"}}, status: reach},
		"GET /groups/join/:token":                           {status: [3]int{404, 404, 200}},
		"POST /groups/join/:token":                          {form: url.Values{}, status: reach},
	}
}

func hiddenBut(blocker string) [3]string { return [3]string{blocker, showsNothing, showsName} }

// concernsNobody are the routes that show nobody to anybody but administrators, and let nobody reach anybody, one by one: a new
// one is a decision. Writing in a direct conversation has its own test below; moderation and the administration of members
// ignore blocks.
var concernsNobody = strings.Fields(`
	GET=/register POST=/register GET=/join/:token POST=/join/:token GET=/login POST=/login POST=/logout
	GET=/forgot POST=/forgot GET=/reset/:token POST=/reset/:token GET=/confirm/:token POST=/confirm/:token

	POST=/conversations/:id/choices POST=/conversations/:id/draft POST=/conversations/:id/read POST=/conversations/:id/unread
	POST=/conversations/:id/messages POST=/requests/:id/acceptance POST=/requests/:id/refusal
	GET=/conversations/:id/settings POST=/conversations/:id/settings GET=/conversations/:id/links POST=/conversations/:id/links
	POST=/conversations/:id/links/:link/end POST=/conversations/:id/leave POST=/conversations/:id/members/:person/role
	POST=/conversations/:id/members/:person/removal
	GET=/ws

	GET=/settings POST=/settings POST=/settings/profile GET=/settings/account POST=/settings/email POST=/settings/email/again
	POST=/settings/email/cancel POST=/settings/password GET=/settings/sessions POST=/settings/sessions/others/end
	POST=/settings/sessions/:id/end POST=/settings/reach GET=/settings/presence POST=/settings/presence GET=/status POST=/status

	GET=/administration GET=/administration/people GET=/administration/people/:id GET=/administration/people/:id/role
	POST=/administration/people/:id/role GET=/administration/people/:id/suspension POST=/administration/people/:id/suspension
	POST=/administration/people/:id/suspension/end POST=/administration/people/:id/sessions/end
	GET=/administration/people/:id/reset POST=/administration/people/:id/reset GET=/administration/invitations
	POST=/administration/invitations POST=/administration/invitations/:id/revoke GET=/administration/registration
	POST=/administration/registration GET=/administration/log

	GET=/healthz GET=/readyz GET=/version GET=/static/* GET=/favicon.ico GET=/robots.txt GET=/gallery GET=/gallery/:component
`)

func TestBlockMatrix(t *testing.T) {
	t.Parallel()
	rows := surfaces()
	routes := map[string]bool{}
	for _, route := range newSite(t, developing).handlers.routes() {
		name := route.method + " " + route.path
		routes[name] = true
		nobody := slices.Contains(concernsNobody, route.method+"="+route.path)
		if _, row := rows[name]; row == nobody {
			t.Errorf("%s: a row is %v, and it concerns nobody is %v", name, row, nobody)
		}
	}
	for _, name := range concernsNobody {
		if !routes[strings.Replace(name, "=", " ", 1)] {
			t.Errorf("%q concerns nobody, and is no route", name)
		}
	}
	shared := newPair(t) // for what changes nothing
	for name, row := range rows {
		if !routes[name] {
			t.Errorf("%s has a row, but no route", name)
		}
		method, path, _ := strings.Cut(name, " ")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i, role := range pairRoles {
				p := shared
				if method == http.MethodPost {
					p = newPair(t)
				}
				p.holdsSurface(t, row, method, path, i, role, map[string]string{"blocker": "blocked", "blocked": "blocker", "third": "blocked"}[role])
			}
			p := shared
			if method == http.MethodPost {
				p = newPair(t)
			}
			p.holdsSurface(t, row, method, path, 2, "third", "blocker")
		})
	}
}

func (p *pair) holdsSurface(t *testing.T, row blockSurface, method, path string, i int, role, about string) {
	t.Helper()
	viewer, other := p.people[role], p.people[about]
	message := p.said[about]
	if strings.HasSuffix(path, "/receipts") {
		message = p.said[role]
	}
	fill := strings.NewReplacer(":id", p.group.String(), ":person", other.id.String(), ":username", other.username,
		":message", message.String(), ":token", p.tokens[about])
	if path == "/conversations/:id/members" && method == http.MethodPost {
		own, err := p.chat.CreateGroup(t.Context(), p.viewerOf(viewer), chat.GroupSettings{Name: "Another"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		path = "/conversations/" + own.String() + "/members"
	}
	b := viewer
	if !row.page {
		b = b.htmx()
	}
	if row.part != "" {
		b = b.with("HX-Target", "div#"+row.part)
	}
	var a *answer
	if method == http.MethodPost {
		form := url.Values{}
		for field, values := range row.form {
			form.Set(field, fill.Replace(values[0]))
		}
		a = b.post(fill.Replace(path), form)
	} else {
		a = b.get(fill.Replace(path + row.query))
	}
	if a.status != row.status[i] {
		t.Errorf("%s: %d, want %d", role, a.status, row.status[i])
	}
	secret, name := strings.Contains(a.body, p.secrets[about]), strings.Contains(a.body, "Called "+about)
	folded := strings.Contains(a.body, "Message from somebody you blocked.")
	var holds bool
	switch row.shows[i] {
	case showsNothing:
		holds = !secret && !name && !folded
	case showsPlace:
		holds = !secret && folded
	case showsName:
		holds = name && !secret
	case showsAll:
		holds = !folded
	default:
		holds = true
	}
	if !holds {
		t.Errorf("%s: should show %s: secret %v, name %v, folded %v in\n%s", role, row.shows[i], secret, name, folded, clip(a.body, 3000))
	}
}

// TestBlockOfTwo holds what becomes of the pages of the two alone, each of which shows something before.
func TestBlockOfTwo(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	blocker, blocked := p.people["blocker"], p.people["blocked"]
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	must(p.chat.UnblockPerson(ctx, p.viewerOf(blocker), blocked.id))
	talk, err := p.chat.StartDirect(ctx, p.viewerOf(blocker), blocked.id)
	must(err)
	said := map[*browser]chat.ID{}
	for _, b := range []*browser{blocked, blocker} {
		m, err := p.chat.SendMessage(ctx, p.viewerOf(b), talk, chat.Draft{Body: "in the talk", ClientID: chat.NewID()})
		must(err)
		said[b] = m.ID
	}
	for _, b := range []*browser{blocked, blocker} {
		must(p.chat.MarkRead(ctx, p.viewerOf(b), chat.Position{ConversationID: talk, Delivered: 2, Read: 2}))
		must(p.chat.Choose(ctx, p.viewerOf(b), talk, chat.Choices{Archived: new(true)}))
	}
	stranger := p.person() // who waits for the blocker's answer, and is blocked
	must(p.chat.ChangeName(ctx, p.viewerOf(stranger), "Called stranger"))
	must(p.chat.SaveReach(ctx, p.viewerOf(blocker), chat.Reach{
		Writes: chat.CircleNobody, Adds: chat.CircleEverybody, Finds: chat.CircleEverybody,
	}))
	asking, err := p.chat.StartDirect(ctx, p.viewerOf(stranger), blocker.id)
	must(err)
	_, err = p.chat.SendMessage(ctx, p.viewerOf(stranger), asking, chat.Draft{Body: "a question", ClientID: chat.NewID()})
	must(err)

	at := "/conversations/" + talk.String()
	shows := func(b *browser, path, text string, want bool) {
		t.Helper()
		if a := b.htmx().get(path).is(http.StatusOK); strings.Contains(a.body, text) != want {
			t.Errorf("%s of %s: %q is there, want %v:\n%s", path, b.username, text, want, clip(a.body, 2000))
		}
	}
	hold := func(apart bool) {
		t.Helper()
		for b, other := range map[*browser]string{blocker: "Called blocked", blocked: "Called blocker"} {
			shows(b, at, "in the talk", true)
			shows(b, at, "New messages are not possible here.", apart)
			shows(b, at, "data-receipt=", !apart)
			shows(b, at+"/changes?after=0", "in the talk", true)
			shows(b, at+"/changes?after=0", "data-runs=\"[[", !apart)
			shows(b, at+"/details", other, true)
			shows(b, at+"/messages/"+said[b].String()+"/receipts", other, !apart)
			shows(b, "/conversations/archive", other, true)
		}
		shows(blocker, "/requests", "Called stranger", !apart)
		shows(blocker, "/requests", "a question", !apart)
	}
	hold(false)
	for _, b := range []*browser{blocked, stranger} {
		must(p.chat.BlockPerson(ctx, p.viewerOf(blocker), b.id))
	}
	hold(true)
	for _, b := range []*browser{blocked, stranger} {
		must(p.chat.UnblockPerson(ctx, p.viewerOf(blocker), b.id))
	}
	hold(false)
}

// requestID is what differs between two pages that say the same.
var requestID = regexp.MustCompile(`<code[^>]*>[^<]*</code>`)

func TestBlock(t *testing.T) {
	t.Parallel()

	t.Run("by hand, without scripts: what will happen is said before, then it is done, listed and undone", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.other.id.String()
		for _, page := range []string{"/people/" + w.other.username, w.conversation + "/details"} {
			link, _ := w.member.get(page).is(200).has(`a[href^="/settings/blocks/new"]`).Attr("href")
			if link != "/settings/blocks/new?person="+id {
				t.Errorf("%s leads to %q", page, link)
			}
		}
		page := w.member.get("/settings/blocks/new?person=" + id).is(200)
		page.says("Nobody is told").says("You cannot write to each other")
		page.has(`form[action="/settings/blocks"]`)
		w.member.post("/settings/blocks", url.Values{"person": {id}}).redirects("/settings/blocks?saved=blocked")
		w.member.get("/settings/blocks?saved=blocked").is(200).says("Blocked.").says(w.other.username)
		profile := w.member.get("/people/" + w.other.username).is(200).says("You have blocked this person.")
		profile.lacks(`form[action="/conversations"] input[value="` + id + `"]`)
		action, _ := profile.has(`form[action$="/end"]`).Attr("action")
		for _, b := range []*browser{w.member, w.other} {
			b.get(w.conversation).is(200).says("New messages are not possible here.").lacks("#composer")
			b.get(w.conversation + "/details").is(200).has(`a[href^="/settings/blocks/new"]`)
		}
		w.member.post(action, nil).redirects("/settings/blocks?saved=unblocked")
		w.member.get("/settings/blocks").is(200).says("Nobody.")
		for _, b := range []*browser{w.member, w.other} {
			b.get(w.conversation).is(200).has("#composer")
		}
	})

	t.Run("the blocked person is answered in the same bytes as of a closed account", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		closed := w.person()
		talk := w.other.talk(closed)
		w.exec(`UPDATE people SET state = 'closed' WHERE id = $1`, closed.id)
		w.exec(`UPDATE members SET closed = true WHERE conversation_id = $1`, strings.TrimPrefix(talk, "/conversations/"))
		third := w.person()
		w.exec(`UPDATE people SET state = 'closed' WHERE id = $1`, third.id)
		if err := w.chat.BlockPerson(t.Context(), w.viewerOf(w.member), w.other.id); err != nil {
			t.Fatal(err)
		}
		blockerToo := w.person() // with whom there is no conversation yet
		if err := w.chat.BlockPerson(t.Context(), w.viewerOf(blockerToo), w.other.id); err != nil {
			t.Fatal(err)
		}
		plain := func(a *answer, talk string) string {
			body := a.body
			for _, about := range []*browser{w.member, closed, third, blockerToo} {
				body = strings.ReplaceAll(body, about.id.String(), "ID")
				body = strings.ReplaceAll(body, about.username, "NAME")
			}
			return requestID.ReplaceAllString(strings.ReplaceAll(body, talk, "TALK"), "REQUEST")
		}
		send := func(b *browser, talk string) *answer {
			return b.post(talk+"/messages", url.Values{"body": {"x"}, "client_id": {chat.NewID().String()}})
		}
		for name, ask := range map[string]func(b *browser, about *browser, talk string) *answer{
			"the profile": func(b *browser, about *browser, _ string) *answer { return b.get("/people/" + about.username) },
			"a start": func(b *browser, about *browser, _ string) *answer {
				if about == w.member {
					about = blockerToo
				} else {
					about = third
				}
				return b.post("/conversations", url.Values{"person": {about.id.String()}})
			},
			"a send": func(b *browser, _ *browser, talk string) *answer { return send(b.htmx(), talk) },
			"adding": func(b *browser, about *browser, _ string) *answer {
				return b.post("/conversations", url.Values{"name": {"Crew"}, "people": {about.id.String()}})
			},
		} {
			for _, b := range []*browser{w.other, w.other.htmx()} {
				got, want := ask(b, w.member, w.conversation), ask(b, closed, talk)
				if got.status != want.status || plain(got, w.conversation) != plain(want, talk) {
					t.Errorf("%s: %d\n%s\nand of a closed account %d\n%s", name, got.status, plain(got, w.conversation), want.status, plain(want, talk))
				}
				if got.status < 400 {
					t.Errorf("%s: premise: %d", name, got.status)
				}
			}
		}
	})

	t.Run("what is there looks to the blocked person as with a closed account, in every byte", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		talk := strings.TrimPrefix(w.conversation, "/conversations/")
		w.member.says(w.conversation, "hello")
		w.other.says(w.conversation, "hello yourself")
		w.member.post(w.conversation+"/read", url.Values{"seq": {"100"}}).is(303)
		counter := regexp.MustCompile(` data-(view|at)="\d+"|name="client_id" value="[^"]*"`)
		looks := func() (all []string) {
			t.Helper()
			for _, path := range []string{w.conversation, w.conversation + "/details", "/", "/conversations"} {
				for _, b := range []*browser{w.other, w.other.htmx()} {
					all = append(all, counter.ReplaceAllString(b.get(path).is(200).body, ""))
				}
			}
			return all
		}
		before := looks()
		w.exec(`UPDATE people SET state = 'closed' WHERE id = $1`, w.member.id)
		w.exec(`UPDATE members SET closed = true WHERE conversation_id = $1`, talk)
		want := looks()
		if before[0] == want[0] || !strings.Contains(want[0], "New messages are not possible here.") {
			t.Fatalf("premise: %s", want[0])
		}
		w.exec(`UPDATE people SET state = 'active' WHERE id = $1`, w.member.id)
		w.exec(`UPDATE members SET closed = false WHERE conversation_id = $1`, talk)
		if !slices.Equal(looks(), before) {
			t.Fatal("premise: it is not as before")
		}
		if err := w.chat.BlockPerson(t.Context(), w.viewerOf(w.member), w.other.id); err != nil {
			t.Fatal(err)
		}
		for i, got := range looks() {
			if got != want[i] {
				t.Errorf("%d:\n%s\nand of a closed account\n%s", i, clip(got, 6000), clip(want[i], 6000))
			}
		}
	})

	t.Run("nobody blocks themselves, nor somebody who is not there", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.member.post("/settings/blocks", url.Values{"person": {w.member.id.String()}}).is(409)
		w.member.get("/settings/blocks/new?person=" + w.member.id.String()).is(404)
		for _, id := range []string{chat.NewID().String(), "x", ""} {
			w.member.post("/settings/blocks", url.Values{"person": {id}}).is(404)
			w.member.get("/settings/blocks/new?person=" + id).is(404)
		}
		w.member.post("/settings/blocks/x/end", nil).is(404)
	})
}
