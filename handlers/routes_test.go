package handlers

import (
	"crypto/sha256"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/chat"
	"parley/db/dbtest"
	"parley/views/gallery"
)

// A world is what the matrix walks through: two people who talk, and a third who has nothing to do with it.
type world struct {
	*site
	visitor, stranger, member *browser
	other                     *browser
	conversation              string // of member and other
	message                   string // its first message
	token                     string // of the other's links: for a new password, and to confirm an address
	invitation                string // the secret of an invitation's link
	invitationID              chat.ID
}

// peopled is the world that the others are copies of, with its browsers' cookies. Making one anew takes three times as long
// as a copy.
var peopled struct {
	sync.Mutex
	world *world
	model *dbtest.Model
}

// newWorld makes a world; change, if any, has the last word on how.
func newWorld(t *testing.T, change ...func(*plan)) *world {
	t.Helper()
	unlimited := func(p *plan) { p.settings.Limits = false }
	change = append([]func(*plan){unlimited}, change...)
	var wanted plan
	for _, f := range change {
		f(&wanted)
	}
	if wanted.config.Secure { // whose cookies have other names
		return people(t, newSite(t, change...))
	}
	first, model := firstWorld(t, unlimited)
	w := *first
	w.site = siteOver(t, dbtest.New(t, dbtest.From(model)), change...)
	copied := func(b *browser) *browser {
		c := w.site.visitor()
		c.jar.SetCookies(c.base, b.jar.Cookies(b.base))
		c.username, c.id = b.username, b.id
		return c
	}
	w.other, w.member, w.stranger, w.visitor = copied(w.other), copied(w.member), copied(w.stranger), copied(w.visitor)
	w.names.Store(first.names.Load())
	return &w
}

func firstWorld(t *testing.T, change func(*plan)) (*world, *dbtest.Model) {
	t.Helper()
	peopled.Lock()
	defer peopled.Unlock()
	if peopled.model == nil {
		made := people(t, newSite(t, change))
		made.store.Close()
		model, err := made.database.Model(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		peopled.world, peopled.model = made, model
	}
	return peopled.world, peopled.model
}

// people fills a site with those of a world, and what they have made.
func people(t *testing.T, s *site) *world {
	t.Helper()
	w := &world{site: s}
	w.other, w.member, w.stranger, w.visitor = w.person(), w.person(), w.person(), w.site.visitor()
	w.conversation = w.member.talk(w.other)
	w.message = w.member.says(w.conversation, "hello")
	token, err := w.chat.MakeResetLink(t.Context(), w.other.username)
	if err != nil {
		t.Fatal(err)
	}
	w.token = token
	made, invitation, err := w.chat.Invite(t.Context(), w.asViewer(w.other), chat.Origin{}, chat.InvitationInput{})
	if err != nil {
		t.Fatal(err)
	}
	w.invitation, w.invitationID = invitation, made.ID
	w.exec(`UPDATE people SET email_wanted = username || '@example.org'`)
	hash := sha256.Sum256([]byte(token))
	address := w.other.username + "@example.org"
	password := w.asViewer(w.other).PasswordHash
	if err := w.store.ReplaceEmailConfirmation(t.Context(), w.other.id, address, password, hash[:], time.Hour); err != nil {
		t.Fatal(err)
	}
	return w
}

// receipts is the path of who has read the first message.
func (w *world) receipts() string {
	id := value[string](w.site, `SELECT id::text FROM messages WHERE conversation_id = $1 ORDER BY seq LIMIT 1`, strings.TrimPrefix(w.conversation, "/conversations/"))
	return w.conversation + "/messages/" + id + "/receipts"
}

// outcome is what a kind of visitor gets of a route: as a page, and as a fragment for htmx.
type outcome struct{ page, fragment int }

// expectation says who gets what of one route. path and form are made for the world at hand.
type expectation struct {
	path func(w *world) string
	form func(w *world) url.Values

	anonymous, stranger, member outcome
}

func at(path string) func(*world) string { return func(*world) string { return path } }

func inConversation(rest string) func(*world) string {
	return func(w *world) string { return w.conversation + rest }
}

// ofRequest answers the conversation of the world, which waits for nobody's answer.
func ofRequest(answer string) func(*world) string {
	return func(w *world) string {
		return "/requests" + strings.TrimPrefix(w.conversation, "/conversations") + "/" + answer
	}
}

// toLogin: a page leads to the page for logging in, htmx hears 401 and follows its header.
var toLogin = outcome{303, 401}

// home: a redirect, and its counterpart for htmx.
var home = outcome{303, 204}

func all(status int) outcome { return outcome{status, status} }

func open(status int, path string) expectation {
	return expectation{path: at(path), anonymous: all(status), stranger: all(status), member: all(status)}
}

func onlyGroups(rest string, form url.Values) expectation {
	return expectation{
		path: inConversation(rest), form: func(*world) url.Values { return form },
		anonymous: toLogin, stranger: all(404), member: all(404),
	}
}

// hidden is what is there for administrators alone.
func hidden(path func(*world) string) expectation {
	return expectation{path: path, anonymous: toLogin, stranger: all(404), member: all(404)}
}

func ofStranger(rest string) func(*world) string {
	return func(w *world) string { return "/administration/people/" + w.stranger.id.String() + rest }
}

// expectations has one row for each row of the sitemap.
var expectations = map[string]expectation{
	"GET /":         open(200, "/"),
	"GET /register": {path: at("/register"), anonymous: all(200), stranger: home, member: home},
	"POST /register": {path: at("/register"), anonymous: all(422), stranger: home, member: home,
		form: func(*world) url.Values { return url.Values{"username": {""}} }},
	"GET /join/:token": {path: func(w *world) string { return "/join/" + w.invitation },
		anonymous: all(200), stranger: all(200), member: all(200)},
	"POST /join/:token": {path: func(w *world) string { return "/join/" + w.invitation }, anonymous: all(422), stranger: home, member: home,
		form: func(*world) url.Values { return url.Values{"username": {""}} }},
	"GET /login": {path: at("/login"), anonymous: all(200), stranger: home, member: home},
	"POST /login": {path: at("/login"), anonymous: all(422), stranger: home, member: home,
		form: func(*world) url.Values { return login("nobody", "nothing at all") }},
	"POST /logout": {path: at("/logout"), anonymous: home, stranger: home, member: home},
	"GET /forgot":  open(200, "/forgot"),
	"POST /forgot": {path: at("/forgot"), anonymous: home, stranger: home, member: home,
		form: func(w *world) url.Values { return url.Values{"login": {w.other.username}} }},
	"GET /confirm/:token": {path: func(w *world) string { return "/confirm/" + w.token },
		anonymous: all(200), stranger: all(200), member: all(200)},
	"POST /confirm/:token": {path: func(w *world) string { return "/confirm/" + w.token },
		anonymous: home, stranger: home, member: home},
	"GET /reset/:token": {path: func(w *world) string { return "/reset/" + w.token },
		anonymous: all(200), stranger: all(200), member: all(200)},
	"POST /reset/:token": {path: func(w *world) string { return "/reset/" + w.token },
		form:      func(*world) url.Values { return url.Values{"password": {"short"}} },
		anonymous: all(422), stranger: all(422), member: all(422)},

	"GET /people": {path: at("/people"), anonymous: toLogin, stranger: all(200), member: all(200)},
	"GET /people/:username": {path: func(w *world) string { return "/people/" + w.other.username },
		anonymous: toLogin, stranger: all(200), member: all(200)},

	"GET /conversations": {path: at("/conversations"), anonymous: toLogin, stranger: all(200), member: all(200)},
	"POST /conversations": {path: at("/conversations"), anonymous: toLogin, stranger: home, member: home,
		form: func(w *world) url.Values { return url.Values{"person": {w.other.id.String()}} }},
	"GET /conversations/:id": {path: inConversation(""), anonymous: toLogin, stranger: all(404), member: all(200)},
	"POST /conversations/:id/messages": {path: inConversation("/messages"),
		form: func(*world) url.Values {
			return url.Values{"body": {"of the matrix"}, "client_id": {chat.NewID().String()}}
		},
		anonymous: all(401), stranger: all(404), member: outcome{303, 200}},
	"GET /conversations/archive":     {path: at("/conversations/archive"), anonymous: toLogin, stranger: all(200), member: all(200)},
	"GET /conversations/:id/details": {path: inConversation("/details"), anonymous: toLogin, stranger: all(404), member: all(200)},
	"POST /conversations/:id/choices": {path: inConversation("/choices"),
		form:      func(*world) url.Values { return url.Values{"pinned": {"true"}} },
		anonymous: toLogin, stranger: all(404), member: home},
	"POST /conversations/:id/draft": {path: inConversation("/draft"),
		form:      func(*world) url.Values { return url.Values{"body": {"begun"}} },
		anonymous: toLogin, stranger: all(404), member: home},
	"POST /conversations/:id/read": {path: inConversation("/read"),
		form:      func(*world) url.Values { return url.Values{"seq": {"1"}} },
		anonymous: toLogin, stranger: all(404), member: home},
	"POST /conversations/:id/unread": {path: inConversation("/unread"),
		form:      func(*world) url.Values { return url.Values{"seq": {"1"}} },
		anonymous: toLogin, stranger: all(404), member: home},
	// Of the member's own message; whoever else is in the conversation gets what a stranger gets (receipt_test.go).
	"GET /conversations/:id/messages/:message/receipts": {path: func(w *world) string { return w.receipts() },
		anonymous: toLogin, stranger: all(404), member: all(200)},
	"GET /conversations/:id/messages/:message": {path: func(w *world) string { return strings.TrimSuffix(w.receipts(), "/receipts") },
		anonymous: toLogin, stranger: all(404), member: all(200)},
	"GET /conversations/:id/changes": {path: inConversation("/changes?after=0"),
		anonymous: all(401), stranger: all(404), member: all(200)},
	"GET /ws": {path: at("/ws"), anonymous: all(401), stranger: all(200), member: all(200)},

	"GET /settings": {path: at("/settings"), anonymous: toLogin, stranger: all(200), member: all(200)},
	"POST /settings": {path: at("/settings"), anonymous: toLogin, stranger: home, member: home,
		form: func(*world) url.Values { return url.Values{"time_zone": {"Europe/Berlin"}, "theme": {"dark"}} }},
	"POST /settings/profile": {path: at("/settings/profile"), anonymous: toLogin, stranger: home, member: home,
		form: func(*world) url.Values { return url.Values{"display_name": {"Another Name"}} }},
	"GET /settings/account": {path: at("/settings/account"), anonymous: toLogin, stranger: all(200), member: all(200)},
	"POST /settings/email": {path: at("/settings/email"), anonymous: toLogin, stranger: all(422), member: all(422),
		form: func(*world) url.Values {
			return url.Values{"current_password": {"not it"}, "email": {"another@example.org"}}
		}},
	"POST /settings/email/again":  {path: at("/settings/email/again"), anonymous: toLogin, stranger: home, member: home},
	"POST /settings/email/cancel": {path: at("/settings/email/cancel"), anonymous: toLogin, stranger: home, member: home},
	"POST /settings/password": {path: at("/settings/password"), anonymous: toLogin, stranger: all(422), member: all(422),
		form: func(*world) url.Values {
			return url.Values{"current_password": {"not it"}, "password": {"another horse"}}
		}},
	"GET /settings/sessions": {path: at("/settings/sessions"), anonymous: toLogin, stranger: all(200), member: all(200)},
	"GET /settings/presence": {path: at("/settings/presence"), anonymous: toLogin, stranger: all(200), member: all(200)},
	"POST /settings/presence": {path: at("/settings/presence"), anonymous: toLogin, stranger: home, member: home,
		form: func(*world) url.Values {
			return url.Values{"presence": {"shared"}, "last_seen": {"nobody"}, "typing": {"false"}, "invisible": {"true"}}
		}},
	"GET /status": {path: at("/status"), anonymous: toLogin, stranger: all(200), member: all(200)},
	"POST /status": {path: at("/status"), anonymous: toLogin, stranger: home, member: home,
		form: func(*world) url.Values { return url.Values{"text": {"In a meeting"}, "ends": {"hour"}} }},
	"POST /settings/reach": {path: at("/settings/reach"), anonymous: toLogin, stranger: home, member: home,
		form: func(*world) url.Values {
			return url.Values{"may_write": {"groups"}, "may_add": {"everybody"}, "may_find": {"nobody"}}
		}},
	"GET /requests":                 {path: at("/requests"), anonymous: toLogin, stranger: all(200), member: all(200)},
	"POST /requests/:id/acceptance": {path: ofRequest("acceptance"), anonymous: toLogin, stranger: all(404), member: all(404)},
	"POST /requests/:id/refusal":    {path: ofRequest("refusal"), anonymous: toLogin, stranger: all(404), member: all(404)},
	"GET /settings/blocks":          {path: at("/settings/blocks"), anonymous: toLogin, stranger: all(200), member: all(200)},
	"POST /settings/blocks": {path: at("/settings/blocks"), anonymous: toLogin, stranger: home, member: home,
		form: func(w *world) url.Values { return url.Values{"person": {w.other.id.String()}} }},
	"GET /settings/blocks/new": {path: func(w *world) string { return "/settings/blocks/new?person=" + w.other.id.String() },
		anonymous: toLogin, stranger: all(200), member: all(200)},
	"POST /settings/blocks/:person/end": {path: func(w *world) string { return "/settings/blocks/" + w.other.id.String() + "/end" },
		anonymous: toLogin, stranger: home, member: home},
	// What only groups have is not there in a direct conversation; TestGroupMatrix says who gets what in a group.
	"GET /conversations/:id/settings":                 onlyGroups("/settings", nil),
	"POST /conversations/:id/settings":                onlyGroups("/settings", url.Values{"name": {"x"}}),
	"GET /conversations/:id/links":                    onlyGroups("/links", nil),
	"POST /conversations/:id/links":                   onlyGroups("/links", url.Values{"life": {"day"}, "times": {"0"}}),
	"POST /conversations/:id/links/:link/end":         onlyGroups("/links/"+chat.NewID().String()+"/end", nil),
	"POST /conversations/:id/leave":                   onlyGroups("/leave", nil),
	"GET /conversations/:id/members":                  onlyGroups("/members", nil),
	"POST /conversations/:id/members":                 onlyGroups("/members", url.Values{"people": {chat.NewID().String()}}),
	"GET /conversations/:id/members/new":              onlyGroups("/members/new", nil),
	"GET /conversations/:id/members/:person":          onlyGroups("/members/"+chat.NewID().String(), nil),
	"POST /conversations/:id/members/:person/role":    onlyGroups("/members/"+chat.NewID().String()+"/role", url.Values{"role": {"owner"}}),
	"POST /conversations/:id/members/:person/removal": onlyGroups("/members/"+chat.NewID().String()+"/removal", nil),
	"GET /groups/join/:token":                         {path: at("/groups/join/nothing"), anonymous: toLogin, stranger: all(404), member: all(404)},
	"POST /groups/join/:token":                        {path: at("/groups/join/nothing"), anonymous: toLogin, stranger: all(404), member: all(404)},
	"GET /groups/new":                                 {path: at("/groups/new"), anonymous: toLogin, stranger: all(200), member: all(200)},
	// The session of the other person in the conversation: nobody's to end here.
	"POST /settings/sessions/:id/end": {path: func(w *world) string {
		return "/settings/sessions/" + value[string](w.site, `SELECT id::text FROM sessions WHERE person_id = $1`, w.other.id) + "/end"
	}, anonymous: toLogin, stranger: all(404), member: all(404)},
	"POST /settings/sessions/others/end": {path: at("/settings/sessions/others/end"), anonymous: toLogin, stranger: home, member: home},

	// Neither stranger nor member is an administrator; what administrators get is in administration_test.go.
	"GET /administration":                            hidden(at("/administration")),
	"GET /administration/people":                     hidden(at("/administration/people")),
	"GET /administration/people/:id":                 hidden(ofStranger("")),
	"GET /administration/people/:id/role":            hidden(ofStranger("/role")),
	"POST /administration/people/:id/role":           hidden(ofStranger("/role")),
	"GET /administration/people/:id/suspension":      hidden(ofStranger("/suspension")),
	"POST /administration/people/:id/suspension":     hidden(ofStranger("/suspension")),
	"POST /administration/people/:id/suspension/end": hidden(ofStranger("/suspension/end")),
	"POST /administration/people/:id/sessions/end":   hidden(ofStranger("/sessions/end")),
	"GET /administration/people/:id/reset":           hidden(ofStranger("/reset")),
	"POST /administration/people/:id/reset":          hidden(ofStranger("/reset")),
	"GET /administration/invitations":                hidden(at("/administration/invitations")),
	"POST /administration/invitations":               hidden(at("/administration/invitations")),
	"POST /administration/invitations/:id/revoke": hidden(func(w *world) string {
		return "/administration/invitations/" + w.invitationID.String() + "/revoke"
	}),
	"GET /administration/registration":  hidden(at("/administration/registration")),
	"POST /administration/registration": hidden(at("/administration/registration")),
	"GET /administration/log":           hidden(at("/administration/log")),

	"GET /healthz":            open(200, "/healthz"),
	"GET /readyz":             open(200, "/readyz"),
	"GET /version":            open(200, "/version"),
	"GET /static/*":           open(404, "/static/nothing.css"),
	"GET /favicon.ico":        open(302, "/favicon.ico"),
	"GET /robots.txt":         open(200, "/robots.txt"),
	"GET /gallery":            open(200, "/gallery"),
	"GET /gallery/:component": open(404, "/gallery/nothing"),
}

// request asks for the route as one kind of visitor.
func (e expectation) request(w *world, method string, b *browser) *answer {
	w.t.Helper()
	if method != http.MethodPost {
		return b.send(b.request(method, e.path(w), "", ""))
	}
	form := url.Values{}
	if e.form != nil {
		form = e.form(w)
	}
	return b.post(e.path(w), form)
}

func developing(p *plan) { p.config.Dev = true }

func TestRoutes(t *testing.T) {
	t.Parallel()

	t.Run("every route has its expectations, and every expectation its route", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, developing)
		known := map[string]bool{}
		for _, row := range s.handlers.routes() {
			name := row.method + " " + row.path
			known[name] = true
			if _, ok := expectations[name]; !ok {
				t.Errorf("%s has no expectation", name)
			}
			if row.handler == nil || row.may == "" {
				t.Errorf("%s: the row is not complete", name)
			}
		}
		for name := range expectations {
			if !known[name] {
				t.Errorf("%s is expected, but not routed", name)
			}
		}
	})

	for name, e := range expectations {
		method, _, _ := strings.Cut(name, " ")
		t.Run(name+" answers each kind of visitor as expected", func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, developing)
			for _, kind := range []struct {
				name string
				as   func(*world) *browser
				want outcome
			}{
				{"anonymous", func(w *world) *browser { return w.visitor }, e.anonymous},
				{"stranger", func(w *world) *browser { return w.stranger }, e.stranger},
				{"member", func(w *world) *browser { return w.member }, e.member},
			} {
				for _, fragment := range []bool{false, true} {
					if name == "POST /logout" || name == "POST /confirm/:token" {
						w = newWorld(t, developing) // whose people are still logged in, and whose link is not used up
					}
					b, want, form := kind.as(w), kind.want.page, "page"
					if fragment {
						b, want, form = b.htmx(), kind.want.fragment, "fragment"
					}
					a := e.request(w, method, b)
					if a.status != want {
						t.Errorf("%s, %s: %d, want %d", kind.name, form, a.status, want)
					}
					if kind.name != "member" && strings.Contains(a.body, w.message) {
						t.Errorf("%s, %s: sees the message", kind.name, form)
					}
					if fragment && strings.Contains(a.body, "<html") && !e.wholePage(name) {
						t.Errorf("%s: htmx gets a whole page", kind.name)
					}
				}
			}
		})
	}
}

// wholePage: pages for those who are not logged in are not made for htmx, which never asks for them.
func (expectation) wholePage(name string) bool {
	for _, path := range []string{"/register", "/login", "/reset", "/join", "/forgot", "/confirm", "/gallery"} {
		if strings.Contains(name, " "+path) {
			return true
		}
	}
	return name == "GET /"
}

func TestHead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, developing)
	for name, e := range expectations {
		method, _, _ := strings.Cut(name, " ")
		if method != http.MethodGet {
			continue
		}
		for _, b := range []*browser{w.visitor, w.stranger, w.member} {
			get, head := e.request(w, http.MethodGet, b), e.request(w, http.MethodHead, b)
			if head.status != get.status {
				t.Errorf("%s: GET says %d, HEAD %d", name, get.status, head.status)
			}
			for _, header := range []string{"Content-Type", "Location", "Cache-Control"} {
				if head.header.Get(header) != get.header.Get(header) {
					t.Errorf("%s: %s: GET says %q, HEAD %q", name, header, get.header.Get(header), head.header.Get(header))
				}
			}
		}
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	allowed := map[string]map[string]bool{}
	for _, row := range w.handlers.routes() {
		if allowed[row.path] == nil {
			allowed[row.path] = map[string]bool{}
		}
		allowed[row.path][row.method] = true
		if row.method == http.MethodGet {
			allowed[row.path][http.MethodHead] = true
		}
	}
	for name, e := range expectations {
		_, path, _ := strings.Cut(name, " ")
		if allowed[path] == nil {
			continue // the gallery, which is not there
		}
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"} {
			if allowed[path][method] {
				continue
			}
			a := w.member.send(w.member.request(method, e.path(w), "", "")).is(405)
			allow := a.header.Get("Allow")
			for other := range allowed[path] {
				if !strings.Contains(allow, other) {
					t.Errorf("%s %s: Allow is %q and lacks %s", method, path, allow, other)
				}
			}
			if method != "HEAD" {
				a.has(".failure__title")
			}
		}
		if a := w.member.send(w.member.request("OPTIONS", e.path(w), "", "")); a.status != 204 && a.status != 405 {
			t.Errorf("OPTIONS %s: %d", path, a.status)
		}
	}
}

func TestGallery(t *testing.T) {
	t.Parallel()
	t.Run("there is no gallery where nobody develops", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		for _, b := range []*browser{s.visitor(), s.person()} {
			b.get("/gallery").is(404)
			b.get("/gallery/message").is(404)
		}
	})
	t.Run("where somebody develops, there is every component, in the theme and the language asked for", func(t *testing.T) {
		t.Parallel()
		b := newSite(t, developing).visitor()
		b.get("/gallery").is(200)
		for _, component := range gallery.Components() {
			a := b.get("/gallery/" + component.Name + "?theme=dark&lang=en-XA").is(200)
			html := a.has("html")
			if theme, _ := html.Attr("data-theme"); theme != "dark" {
				t.Errorf("%s: theme %q", component.Name, theme)
			}
			if lang, _ := html.Attr("lang"); lang != "en-XA" {
				t.Errorf("%s: language %q", component.Name, lang)
			}
			for _, state := range component.States {
				one := b.get("/gallery/" + component.Name + "--" + state.Name).is(200)
				one.lacks("[data-nobody]").lacks("body[data-person]") // or the designer's own pages would believe it
			}
		}
		for _, path := range []string{"/gallery?theme=pink&lang=xx", "/gallery?theme=&lang="} {
			html := b.get(path).is(200).has("html")
			theme, _ := html.Attr("data-theme")
			lang, _ := html.Attr("lang")
			if theme != "auto" || lang != "en" {
				t.Errorf("%s: %q, %q", path, theme, lang)
			}
		}
		b.get("/gallery?theme=dark&theme=light").is(400)
	})
}
