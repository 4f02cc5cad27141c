package handlers

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/url"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"parley/chat"
)

// place is a world with a group: its owner is the world's member, another member of it is the administrator.
type place struct {
	*world
	group, joining string // the paths of the group and of a link to it
	link           chat.ID
	others         chat.ID // another session of the member's
	blocked        chat.ID // by the stranger
	request        chat.ID // that waits for the other's answer
}

func newPlace(t *testing.T) *place {
	t.Helper()
	p := &place{world: newWorld(t, developing)}
	again := p.site.visitor()
	again.post("/login", login(p.member.username, goodPassword)).redirects("/")
	owner := p.viewerOf(p.member)
	id, err := p.chat.CreateGroup(t.Context(), owner, chat.GroupSettings{Name: "Crew"}, []chat.ID{p.other.id})
	if err != nil {
		t.Fatal(err)
	}
	token, err := p.chat.MakeGroupLink(t.Context(), owner, id, time.Hour, 0)
	if err != nil {
		t.Fatal(err)
	}
	p.group, p.joining = "/conversations/"+id.String(), "/groups/join/"+token
	p.link = value[chat.ID](p.site, `SELECT id FROM group_links`)
	p.blocked = p.person().id
	if err := p.chat.BlockPerson(t.Context(), p.viewerOf(p.stranger), p.blocked); err != nil {
		t.Fatal(err)
	}
	p.exec(`UPDATE people SET may_write = 'nobody' WHERE id = $1`, p.other.id)
	if p.request, err = p.chat.StartDirect(t.Context(), p.viewerOf(p.stranger), p.other.id); err != nil {
		t.Fatal(err)
	}
	p.others = value[chat.ID](p.site, `SELECT id FROM sessions WHERE person_id = $1 ORDER BY created_at DESC LIMIT 1`, p.member.id)
	return p
}

// posted is a form that does what it says: every field that its handler reads, with a value that is taken.
type posted struct {
	by   *browser
	path string
	form url.Values
	// several names the fields that may come several times.
	several []string
	// pages show what was stored of the form, where no other test looks for it: what groups and invitations are called.
	pages []string
}

// posts has a row for each POST route.
func posts(p *place) map[string]posted {
	about := "/administration/people/" + p.stranger.id.String()
	own := url.Values{"current_password": {goodPassword}}
	with := func(name, value string) url.Values {
		form := url.Values{name: {value}}
		for key, values := range own {
			form[key] = values
		}
		return form
	}
	account := signUp("username", "newcomer", "display_name", "New Comer", "email", "new@example.org", "time_zone", "UTC", "setup_code", "")
	member := p.group + "/members/" + p.other.id.String()
	return map[string]posted{
		"POST /register":       {by: p.visitor, path: "/register", form: account},
		"POST /join/:token":    {by: p.visitor, path: "/join/" + p.invitation, form: account},
		"POST /login":          {by: p.visitor, path: "/login", form: url.Values{"login": {p.member.username}, "password": {goodPassword}, "next": {"/settings"}}},
		"POST /logout":         {by: p.stranger, path: "/logout", form: url.Values{"next": {"/settings"}}},
		"POST /forgot":         {by: p.visitor, path: "/forgot", form: url.Values{"login": {p.member.username}}},
		"POST /reset/:token":   {by: p.visitor, path: "/reset/" + p.token, form: url.Values{"password": {"another short sentence"}}},
		"POST /confirm/:token": {by: p.visitor, path: "/confirm/" + p.token},

		"POST /conversations": {by: p.member, path: "/conversations", several: []string{"people"},
			form: url.Values{"name": {"Another crew"}, "about": {"What it is for"}, "people": {p.other.id.String()}, "person": {p.other.id.String()}}},
		"POST /conversations/:id/choices": {by: p.member, path: p.group + "/choices", pages: []string{p.group, p.group + "/details"},
			form: url.Values{"quiet": {"hour"}, "pinned": {"true"}, "archived": {"false"}, "notify": {"mentions"}}},
		"POST /conversations/:id/settings": {by: p.member, path: p.group + "/settings", pages: []string{p.group + "/settings"},
			form: url.Values{"name": {"Crew 2"}, "about": {"What it is for"}, "who_adds": {"administrators"}, "who_writes": {"members"}, "history": {"joined"}}},
		"POST /conversations/:id/links":           {by: p.member, path: p.group + "/links", form: url.Values{"life": {"day"}, "times": {"1"}}, pages: []string{p.group + "/links"}},
		"POST /conversations/:id/links/:link/end": {by: p.member, path: p.group + "/links/" + p.link.String() + "/end"},
		"POST /conversations/:id/leave":           {by: p.other, path: p.group + "/leave"},
		"POST /conversations/:id/members": {by: p.member, path: p.group + "/members", form: url.Values{"people": {p.stranger.id.String()}},
			several: []string{"people"}, pages: []string{p.group + "/members"}},
		"POST /conversations/:id/members/:person/role":    {by: p.member, path: member + "/role", form: url.Values{"role": {"administrator"}}, pages: []string{member, p.group}},
		"POST /conversations/:id/members/:person/removal": {by: p.member, path: member + "/removal"},
		"POST /groups/join/:token":                        {by: p.stranger, path: p.joining},

		"POST /conversations/:id/messages": {by: p.member, path: p.conversation + "/messages", pages: []string{p.conversation},
			form: url.Values{"body": {"hello"}, "client_id": {chat.NewID().String()}, fieldAs: {p.member.id.String()}}},
		"POST /conversations/:id/draft": {by: p.member, path: p.conversation + "/draft", pages: []string{p.conversation, "/"},
			form: url.Values{"body": {"begun"}, fieldAs: {p.member.id.String()}}},
		"POST /conversations/:id/read": {by: p.other, path: p.conversation + "/read", form: url.Values{
			"seq": {"1"}, "delivered": {"1"}, "marks": {"0"}, fieldAs: {p.other.id.String()}}},
		"POST /conversations/:id/unread": {by: p.other, path: p.conversation + "/unread", form: url.Values{"seq": {"1"}, fieldAs: {p.other.id.String()}}},

		"POST /settings": {by: p.stranger, path: "/settings", form: url.Values{"time_zone": {"Asia/Tokyo"}, "theme": {"dark"}, "receipts": {"false"}}, pages: []string{"/settings"}},
		"POST /settings/profile": {by: p.member, path: "/settings/profile", form: url.Values{"display_name": {"Another Name"}},
			pages: []string{"/settings", p.conversation, p.group + "/members", "/people/" + p.member.username}},
		"POST /settings/email": {by: p.stranger, path: "/settings/email", pages: []string{"/settings/account"},
			form: url.Values{"email": {"another@example.org"}, "current_password": {goodPassword}, "remove": {""}}},
		"POST /settings/email/again":  {by: p.stranger, path: "/settings/email/again"},
		"POST /settings/email/cancel": {by: p.stranger, path: "/settings/email/cancel"},
		"POST /settings/password":     {by: p.stranger, path: "/settings/password", form: with("password", "another short sentence")},
		"POST /settings/presence": {by: p.stranger, path: "/settings/presence", pages: []string{"/settings/presence"},
			form: url.Values{"presence": {"shared"}, "last_seen": {"nobody"}, "typing": {"false"}, "invisible": {"true"}}},
		"POST /status": {by: p.stranger, path: "/status", pages: []string{"/status", "/people/" + p.stranger.username},
			form: url.Values{"emoji": {"☕"}, "text": {"In a meeting"}, "ends": {"at"}, "at": {"15:00"}, "busy": {"true"}, "remove": {"false"}}},
		"POST /settings/reach": {by: p.stranger, path: "/settings/reach", pages: []string{"/settings/blocks"},
			form: url.Values{"may_write": {"groups"}, "may_add": {"everybody"}, "may_find": {"nobody"}}},
		"POST /requests/:id/acceptance":      {by: p.other, path: "/requests/" + p.request.String() + "/acceptance"},
		"POST /requests/:id/refusal":         {by: p.other, path: "/requests/" + p.request.String() + "/refusal"},
		"POST /settings/blocks":              {by: p.stranger, path: "/settings/blocks", form: url.Values{"person": {p.member.id.String()}}, pages: []string{"/settings/blocks", "/people/" + p.member.username}},
		"POST /settings/blocks/:person/end":  {by: p.stranger, path: "/settings/blocks/" + p.blocked.String() + "/end"},
		"POST /settings/sessions/others/end": {by: p.member, path: "/settings/sessions/others/end"},
		"POST /settings/sessions/:id/end":    {by: p.member, path: "/settings/sessions/" + p.others.String() + "/end"},

		"POST /administration/people/:id/role":           {by: p.other, path: about + "/role", form: with("role", "moderator"), pages: []string{about, "/administration/log"}},
		"POST /administration/people/:id/suspension":     {by: p.other, path: about + "/suspension", form: own},
		"POST /administration/people/:id/suspension/end": {by: p.other, path: about + "/suspension/end"},
		"POST /administration/people/:id/sessions/end":   {by: p.other, path: about + "/sessions/end"},
		"POST /administration/people/:id/reset":          {by: p.other, path: about + "/reset", form: own},
		"POST /administration/invitations": {by: p.other, path: "/administration/invitations",
			form: url.Values{"note": {"for the crew"}, "days": {"7"}, "uses": {"1"}}},
		"POST /administration/invitations/:id/revoke": {by: p.other, path: "/administration/invitations/" + p.invitationID.String() + "/revoke"},
		"POST /administration/registration":           {by: p.other, path: "/administration/registration", form: url.Values{"registration": {"invite"}}},
	}
}

// handlerSource knows by function of this package what it calls, and which fields of a form it reads.
type handlerSource struct{ calls, fields map[string][]string }

// readSource reads the package's own source.
func readSource(t *testing.T) handlerSource {
	t.Helper()
	s := handlerSource{calls: map[string][]string{}, fields: map[string][]string{}}
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range file.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok || function.Body == nil {
				continue
			}
			name := function.Name.Name
			ast.Inspect(function.Body, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				switch called := call.Fun.(type) {
				case *ast.Ident:
					s.calls[name] = append(s.calls[name], called.Name)
					if called.Name == "readForm" || called.Name == "readFormLists" {
						s.fields[name] = append(s.fields[name], literals(call.Args[1:])...)
					}
				case *ast.SelectorExpr:
					if on, ok := called.X.(*ast.Ident); ok && on.Name == "h" {
						s.calls[name] = append(s.calls[name], called.Sel.Name)
					}
				}
				return true
			})
		}
	}
	return s
}

func literals(nodes []ast.Expr) (found []string) {
	for _, node := range nodes {
		ast.Inspect(node, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				text, _ := strconv.Unquote(literal.Value)
				found = append(found, text)
			}
			return true
		})
	}
	return found
}

// of returns the fields that a function reads, itself or through what it calls.
func (s handlerSource) of(function string) []string {
	seen, found := map[string]bool{}, map[string]bool{}
	var walk func(string)
	walk = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		for _, field := range s.fields[name] {
			found[field] = true
		}
		for _, called := range s.calls[name] {
			walk(called)
		}
	}
	walk(function)
	names := make([]string, 0, len(found))
	for name := range found {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// functionOf is the name of a route's handler in the source.
func functionOf(row route) string {
	name := runtime.FuncForPC(reflect.ValueOf(row.handler).Pointer()).Name()
	return strings.TrimSuffix(name[strings.LastIndex(name, ".")+1:], "-fm")
}

func TestPostRows(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	source, rows, total := readSource(t), posts(p), 0
	known := map[string]bool{}
	for _, route := range p.handlers.routes() {
		if route.method != http.MethodPost {
			continue
		}
		name := route.method + " " + route.path
		known[name] = true
		row, ok := rows[name]
		if !ok {
			t.Errorf("%s has no row in posts", name)
			continue
		}
		fields := make([]string, 0, len(row.form))
		for field := range row.form {
			if field != fieldAs {
				fields = append(fields, field)
			}
		}
		slices.Sort(fields)
		if want := source.of(functionOf(route)); !slices.Equal(fields, want) {
			t.Errorf("%s: the row has the fields %q, the handler reads %q", name, fields, want)
		}
		total += len(fields)
	}
	for name := range rows {
		if !known[name] {
			t.Errorf("%s has a row, but no route", name)
		}
	}
	if total < 40 {
		t.Errorf("premise: only %d fields were found in the source", total)
	}
}

// changed is the form with another value, or several, of one field.
func (row posted) changed(field string, values ...string) url.Values {
	form := url.Values{}
	for key, value := range row.form {
		form[key] = value
	}
	form[field] = values
	return form
}

func TestPostPayloads(t *testing.T) {
	t.Parallel()
	for name, row := range posts(newPlace(t)) {
		if len(row.form) == 0 {
			continue
		}
		t.Run("whatever is posted to "+name[5:]+" does no harm", func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			for i, payload := range payloads {
				rows := posts(p)
				for field := range row.form {
					row := rows[name]
					if row.by == p.visitor {
						row.by = p.site.visitor() // who may have become somebody with the payload before
					}
					about := fmt.Sprintf("%q as %s: %s", clip(payload, 60), field, name)
					by := row.by
					if i%2 > 0 { // every payload in either way would take twice as long
						by = by.htmx()
					}
					answers := []*answer{by.post(row.path, row.changed(field, payload))}
					if answers[0].status < 400 { // otherwise nothing new can be seen
						for _, page := range row.pages {
							answers = append(answers, row.by.get(page))
						}
					}
					for _, a := range answers {
						a.t = t
						harmless(t, about+": "+a.about, a)
					}
					if name == "POST /logout" {
						row.by.post("/login", login(row.by.username, goodPassword)).redirects("/")
					}
				}
				p.exec("DELETE FROM river_job") // far more than anybody is ever sent
			}
			if n := value[int](p.site, `SELECT count(*) FROM people WHERE role = 'administrator'`); n != 1 {
				t.Errorf("%d administrators", n)
			}
			for _, complaint := range p.log.complaints() {
				t.Errorf("the log complains: %s", clip(complaint, 500))
			}
		})
	}
}

// everything is what the database holds, but for the traces that a visit leaves.
func (s *site) everything() string {
	s.t.Helper()
	var all strings.Builder
	for _, table := range value[[]string](s, `
		SELECT array_agg(quote_ident(table_name) ORDER BY table_name) FROM information_schema.tables
		WHERE table_schema = 'public' AND table_name NOT IN ('sessions', 'session_tokens', 'river_leader', 'river_queue')`) {
		fmt.Fprintln(&all, table, value[string](s, `SELECT coalesce(string_agg(x::text, E'\n' ORDER BY x::text), '') FROM `+table+` x`))
	}
	return all.String()
}

func TestPostedTwice(t *testing.T) {
	t.Parallel()
	for name := range posts(newPlace(t)) {
		t.Run("a field that comes twice is refused by "+name[5:]+", and nothing is stored; once it is taken", func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			row := posts(p)[name]
			before := p.everything()
			for field, values := range row.form {
				if slices.Contains(row.several, field) || name == "POST /logout" {
					continue // which logs out in any case
				}
				for _, twice := range [][]string{{values[0], values[0]}, {values[0], "another"}, {"", values[0]}} {
					form := row.changed(field, twice...)
					row.by.post(row.path, form).is(400)
					row.by.htmx().post(row.path, form).is(400)
					kind, body := multipartOf(t, form)
					row.by.send(row.by.request("POST", row.path, kind, body)).is(400)
				}
			}
			if after := p.everything(); after != before {
				t.Errorf("before:\n%s\nafter:\n%s", before, after)
			}
			if name == "POST /administration/people/:id/suspension/end" {
				p.exec(`UPDATE people SET state = 'suspended' WHERE id = $1`, p.stranger.id)
			}
			// A person and a name are two kinds of conversation; the one that has both is a group.
			if a := row.by.post(row.path, row.form); a.status != http.StatusSeeOther && a.status != http.StatusOK {
				t.Errorf("premise: as it should be it is answered with %d: %s", a.status, clip(a.body, 1000))
			}
			switch after := p.everything(); {
			case name == "POST /login", name == "POST /logout", strings.Contains(name, "sessions"): // sessions alone
			case after == before:
				t.Error("premise: nothing was stored of the right form either")
			}
		})
	}
}

func TestGroupPayloads(t *testing.T) {
	t.Parallel()

	t.Run("whatever is typed as what a group is called and for is stored and shown as it is, or refused", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		names, texts := 0, 0
		id := p.group[len("/conversations/"):]
		for _, payload := range payloads {
			about := fmt.Sprintf("%q", clip(payload, 60))
			a := p.member.post(p.group+"/settings", url.Values{"name": {payload}})
			harmless(t, about, a)
			if a.status == http.StatusSeeOther {
				names++
				want := strings.Join(strings.Fields(payload), " ")
				if got := value[string](p.site, `SELECT name FROM conversations WHERE id = $1::uuid`, id); got != want {
					t.Errorf("%s is stored as %q", about, clip(got, 100))
				}
				for _, path := range []string{p.group, p.group + "/details", p.group + "/settings", "/", p.group + "/changes?after=0", p.group + "/members/new"} {
					harmless(t, about, p.other.get(path))
				}
				harmless(t, about, p.stranger.get(p.joining))
				if got := p.other.get(p.group).has(".pane__title bdi").Text(); got != want {
					t.Errorf("%s is shown as %q", about, got)
				}
			} else if a.status != http.StatusUnprocessableEntity {
				t.Errorf("%s: %d", about, a.status)
			}
			a = p.member.post(p.group+"/settings", url.Values{"name": {"Crew"}, "about": {payload}})
			harmless(t, about, a)
			if a.status == http.StatusSeeOther {
				texts++
				want := normalBody(payload)
				if got := value[string](p.site, `SELECT description FROM conversations WHERE id = $1::uuid`, id); got != want {
					t.Errorf("%s is stored as %q", about, clip(got, 100))
				}
				harmless(t, about, p.other.get(p.group+"/details"))
				edit := p.member.get(p.group + "/settings")
				harmless(t, about, edit)
				if got := edit.has("textarea[name=about]").Text(); strings.TrimPrefix(got, "\n") != want {
					t.Errorf("%s is given back as %q", about, clip(got, 100))
				}
			} else if a.status != http.StatusUnprocessableEntity {
				t.Errorf("%s: %d", about, a.status)
			}
		}
		if names < 40 || texts < 60 {
			t.Errorf("premise: of %d payloads %d were names and %d texts", len(payloads), names, texts)
		}
	})

	t.Run("whatever is looked for among members, or asked of a group's pages, does no harm", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		for _, payload := range payloads {
			escaped := url.QueryEscape(payload)
			for _, path := range []string{
				p.group + "/members?q=" + escaped, p.group + "/members?after=" + escaped, p.group + "/members/new?q=" + escaped,
				p.group + "/members/new?people=" + escaped, "/groups/new?name=" + escaped, "/groups/new?about=" + escaped,
				"/groups/new?q=" + escaped, "/groups/new?people=" + escaped, p.group + "/details?saved=" + escaped,
				"/groups/join/" + url.PathEscape(payload), p.group + "/members/" + url.PathEscape(payload), p.group + "?as=" + escaped,
			} {
				harmless(t, fmt.Sprintf("%q: %s", clip(payload, 60), clip(path, 80)), p.member.get(path))
				harmless(t, fmt.Sprintf("%q: %s", clip(payload, 60), clip(path, 80)), p.member.htmx().get(path))
			}
		}
		for _, complaint := range p.log.complaints() {
			t.Errorf("the log complains: %s", clip(complaint, 500))
		}
	})
}
