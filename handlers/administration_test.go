package handlers

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"parley/chat"
)

// becomes gives the browser's person a role, behind everybody's back.
func (b *browser) becomes(role chat.Role) *browser {
	b.site.t.Helper()
	b.site.exec(`UPDATE people SET role = $2 WHERE id = $1`, b.id, string(role))
	return b
}

// office is a site with an administrator (the first person), a moderator, and two members.
type office struct {
	*site
	boss, moderator, member, other *browser
}

func newOffice(t *testing.T, change ...func(*plan)) *office {
	t.Helper()
	o := &office{site: newSite(t, append([]func(*plan){func(p *plan) { p.settings.Limits = false }}, change...)...)}
	o.boss, o.moderator, o.member, o.other = o.person("Boss"), o.person("Moderator"), o.person("Member"), o.person("Other")
	o.moderator.becomes(chat.RoleModerator)
	return o
}

func (o *office) at(b *browser, rest string) string {
	return "/administration/people/" + b.id.String() + rest
}

// invite makes an invitation through the page and returns its link's path.
func (o *office) invite(form url.Values) string {
	o.t.Helper()
	o.boss.post("/administration/invitations", form).redirects("/administration/invitations")
	link, _ := o.boss.get("/administration/invitations").is(200).has("#secret").Attr("value")
	path, ours := strings.CutPrefix(link, "https://chat.example.org")
	if !ours || !strings.HasPrefix(path, "/join/") {
		o.t.Fatalf("the link is %q", link)
	}
	return path
}

func invitationForm(days, uses int) url.Values {
	return url.Values{"note": {"for the crew"}, "days": {itoa(days)}, "uses": {itoa(uses)}}
}

// entry is the newest entry of the log: who, what, about whom, from where, before and after.
func (o *office) entry() string {
	o.t.Helper()
	return value[string](o.site, `SELECT concat_ws(' ', coalesce(actor_id::text, 'operator'), action, target_id, address, before, after) FROM audit ORDER BY seq DESC LIMIT 1`)
}

func (o *office) entries() int {
	o.t.Helper()
	return value[int](o.site, `SELECT count(*) FROM audit`)
}

func confirmed(pairs ...string) url.Values {
	form := url.Values{"current_password": {goodPassword}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return form
}

// TestWhoAdministers walks through each route of the administration as each kind of person.
func TestWhoAdministers(t *testing.T) {
	t.Parallel()
	// What an administrator gets, as page and for htmx, with a form in which nothing is wrong.
	type door struct {
		path func(o *office) string
		form url.Values
		want outcome
	}
	fixed := func(path string) func(*office) string { return func(*office) string { return path } }
	about := func(rest string) func(*office) string {
		return func(o *office) string { return o.at(o.other, rest) }
	}
	doors := map[string]door{
		"GET /administration":                            {fixed("/administration"), nil, home},
		"GET /administration/people":                     {fixed("/administration/people"), nil, all(200)},
		"GET /administration/people/:id":                 {about(""), nil, all(200)},
		"GET /administration/people/:id/role":            {about("/role"), nil, all(200)},
		"POST /administration/people/:id/role":           {about("/role"), confirmed("role", "moderator"), home},
		"GET /administration/people/:id/suspension":      {about("/suspension"), nil, all(200)},
		"POST /administration/people/:id/suspension":     {about("/suspension"), confirmed(), home},
		"POST /administration/people/:id/suspension/end": {about("/suspension/end"), url.Values{}, home},
		"POST /administration/people/:id/sessions/end":   {about("/sessions/end"), url.Values{}, home},
		"GET /administration/people/:id/reset":           {about("/reset"), nil, all(200)},
		"POST /administration/people/:id/reset":          {about("/reset"), confirmed(), home},
		"GET /administration/invitations":                {fixed("/administration/invitations"), nil, all(200)},
		"POST /administration/invitations":               {fixed("/administration/invitations"), invitationForm(7, 1), home},
		"POST /administration/invitations/:id/revoke": {func(o *office) string {
			id := value[chat.ID](o.site, `SELECT id FROM invitations LIMIT 1`)
			return "/administration/invitations/" + id.String() + "/revoke"
		}, url.Values{}, home},
		"GET /administration/registration":  {fixed("/administration/registration"), nil, all(200)},
		"POST /administration/registration": {fixed("/administration/registration"), url.Values{"registration": {"invite"}}, home},
		"GET /administration/log":           {fixed("/administration/log"), nil, all(200)},
	}
	set := func(t *testing.T) *office {
		o := newOffice(t)
		o.invite(invitationForm(7, 5))
		return o
	}
	ask := func(o *office, name string, d door, b *browser) *answer {
		if method, _, _ := strings.Cut(name, " "); method == http.MethodPost {
			return b.post(d.path(o), d.form)
		}
		return b.get(d.path(o))
	}

	t.Run("every route of the administration is here", func(t *testing.T) {
		t.Parallel()
		n := 0
		for _, row := range newSite(t).handlers.routes() {
			if strings.HasPrefix(row.path, "/administration") != (row.may == administrator) {
				t.Errorf("%s %s may %s", row.method, row.path, row.may)
			}
			if row.may != administrator {
				continue
			}
			n++
			if _, ok := doors[row.method+" "+row.path]; !ok {
				t.Errorf("%s %s has no expectation", row.method, row.path)
			}
		}
		if n != len(doors) {
			t.Errorf("%d routes for %d expectations", n, len(doors))
		}
	})

	for name, d := range doors {
		t.Run(name+" is there for administrators alone", func(t *testing.T) {
			t.Parallel()
			o := set(t)
			suspended := o.person("Suspended").becomes(chat.RoleAdministrator)
			demoted := o.person("Demoted").becomes(chat.RoleAdministrator)
			demoted.get("/administration/people").is(200) // premise
			suspended.get("/administration/people").is(200)
			demoted.becomes(chat.RoleMember)
			o.exec(`UPDATE people SET state = 'suspended' WHERE id = $1`, suspended.id)
			before := o.entries()
			for kind, b := range map[string]*browser{"a member": o.member, "a moderator": o.moderator, "who was demoted": demoted, "who is concerned": o.other} {
				method, _, _ := strings.Cut(name, " ")
				missing := b.send(b.request(method, "/administration/nothing", "", ""))
				if missing.status != 404 {
					t.Fatalf("premise: what is not there answers %d", missing.status)
				}
				same(t, ask(o, name, d, b), missing)
				htmx := b.htmx()
				same(t, ask(o, name, d, htmx), htmx.send(htmx.request(method, "/administration/nothing", "", "")))
				if t.Failed() {
					t.Fatalf("%s can tell", kind)
				}
			}
			for kind, b := range map[string]*browser{"a visitor": o.visitor(), "who is suspended": suspended} {
				if a := ask(o, name, d, b); a.status != toLogin.page || !strings.HasPrefix(a.header.Get("Location"), "/login?next=%2Fadministration") {
					t.Errorf("%s: %d to %q", kind, a.status, a.header.Get("Location"))
				}
				if a := ask(o, name, d, b.htmx()); a.status != toLogin.fragment {
					t.Errorf("%s, htmx: %d", kind, a.status)
				}
			}
			if n := o.entries(); n != before {
				t.Errorf("%d entries are written", n-before)
			}
			if a := ask(o, name, d, o.boss); a.status != d.want.page {
				t.Errorf("an administrator: %d, want %d\n%s", a.status, d.want.page, clip(a.body, 1000))
			}
			if a := ask(o, name, d, o.boss.htmx()); a.status != d.want.fragment || strings.Contains(a.body, "<html") {
				t.Errorf("an administrator, htmx: %d, want %d", a.status, d.want.fragment)
			}
		})
	}

	t.Run("the way there is shown to administrators alone", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		o.boss.get("/").has(`.sidebar__head a[href="/administration"]`)
		for _, b := range []*browser{o.member, o.moderator} {
			b.get("/").is(200).lacks(`a[href="/administration"]`)
		}
		o.boss.get("/administration").redirects("/administration/people")
	})

	t.Run("nobody and nothing that is not there is found", func(t *testing.T) {
		t.Parallel()
		o := set(t)
		for _, id := range []string{chat.NewID().String(), "00000000-0000-0000-0000-000000000000", "x", o.other.username} {
			for _, rest := range []string{"", "/role", "/suspension", "/reset"} {
				o.boss.get("/administration/people/" + id + rest).is(404)
			}
			for _, rest := range []string{"/role", "/suspension", "/suspension/end", "/sessions/end", "/reset"} {
				o.boss.post("/administration/people/"+id+rest, confirmed("role", "member")).is(404)
			}
			o.boss.post("/administration/invitations/"+id+"/revoke", nil).is(404)
			o.boss.get("/administration/people?invitation=" + id).is(404)
		}
		for _, path := range []string{"/administration/log?about=x", "/administration/nothing"} {
			o.boss.get(path).is(404)
		}
		for _, path := range []string{"/administration/log?before=x", "/administration/log?check=a&check=b", "/administration/people?q=a&q=b"} {
			o.boss.get(path).is(400)
		}
	})
}

func TestRecords(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.exec(`UPDATE people SET email = 'mail.of@example.org', email_confirmed_at = now() WHERE id = $1`, o.other.id)
	o.exec(`UPDATE people SET state = 'suspended', email_wanted = 'wanted@example.org' WHERE id = $1`, o.member.id)
	names := func(a *answer) string {
		a.is(200)
		var found []string
		for _, node := range a.page().Find(".records .person__name").EachIter() {
			found = append(found, node.Text())
		}
		return strings.Join(found, " ")
	}
	for path, want := range map[string]string{
		"":                               "Other Member Moderator Boss",
		"?q=oth":                         "Other",
		"?q=mail.of":                     "Other",
		"?role=moderator":                "Moderator",
		"?state=suspended":               "Member",
		"?q=m&state=suspended":           "Member",
		"?role=moderator&state=closed":   "",
		"?q=zzyzx":                       "",
		"?role=emperor&state=x&after=xx": "Other Member Moderator Boss",
	} {
		a := o.boss.get("/administration/people" + path)
		if got := names(a); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
		if want == "" {
			a.says("Nobody found.")
		}
	}
	a := o.boss.get("/administration/people?q=o<b>&role=moderator&state=suspended")
	if v, _ := a.has("#records-query").Attr("value"); v != "o<b>" {
		t.Errorf("the search shows %q", v)
	}
	for id, want := range map[string]string{"#records-role": "moderator", "#records-state": "suspended"} {
		if v, _ := a.has(id + " option[selected]").Attr("value"); v != want {
			t.Errorf("%s shows %q", id, v)
		}
	}
	page := o.boss.get(o.at(o.other, "")).is(200).says("mail.of@example.org").says("Nothing so far.")
	page.has(`a[href="` + o.at(o.other, "/suspension") + `"]`)
	o.boss.get(o.at(o.boss, "")).is(200).says("This is you").lacks(`a[href$="/suspension"]`).lacks(`form[action$="/sessions/end"]`)
	o.boss.get(o.at(o.member, "")).is(200).says("wanted@example.org").says("not confirmed").has(`form[action$="/suspension/end"]`)

	t.Run("more than a page goes on", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		o.exec(`INSERT INTO people (id, username, display_name, password_hash) SELECT gen_random_uuid(), 'p' || n, 'P', 'x' FROM generate_series(1, 60) n`)
		first := o.boss.get("/administration/people?state=active")
		next, _ := first.has(".people__more a").Attr("href")
		second := o.boss.get(next).is(200).lacks(".people__more a")
		if a, b := first.page().Find(".record").Length(), second.page().Find(".record").Length(); a != 50 || b != 14 {
			t.Errorf("%d and %d people", a, b)
		}
	})

	t.Run("searching is limited, and the search is kept", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		boss := s.person()
		for range chat.LimitSearch.Burst {
			boss.get("/administration/people").is(200)
		}
		a := boss.get("/administration/people?q=kept").is(429).says("Please wait")
		if v, _ := a.has("#records-query").Attr("value"); v != "kept" {
			t.Errorf("the search is %q", v)
		}
	})
}

func TestRole(t *testing.T) {
	t.Parallel()

	t.Run("another role holds at the next request, under a new token, and is written down", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		cookie := o.other.cookie()
		o.boss.get(o.at(o.other, "/role")).is(200).has("input[name=role][value=member][checked]")
		o.boss.post(o.at(o.other, "/role"), confirmed("role", "administrator")).redirects(o.at(o.other, "?done=role"))
		o.boss.get(o.at(o.other, "?done=role")).is(200).says("has another role now: Administrator")
		if got, want := o.entry(), fmt.Sprintf(`%s change_role %s %s {"role": "member"} {"role": "administrator"}`, o.boss.id, o.other.id, o.address(o.boss)); got != want {
			t.Errorf("written is\n%s, want\n%s", got, want)
		}
		o.other.get("/administration/people").is(200)
		if o.other.cookie() == cookie {
			t.Error("the token is the old one")
		}
		o.other.post(o.at(o.boss, "/role"), confirmed("role", "member")).redirects(o.at(o.boss, "?done=role"))
		o.boss.get("/administration/people").is(404)
	})

	t.Run("it needs the own password, and keeps what was chosen", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		for _, password := range []string{"", "not mine", goodPassword + "x"} {
			a := o.boss.post(o.at(o.other, "/role"), url.Values{"role": {"moderator"}, "current_password": {password}}).is(422)
			a.has(".field--error input[name=current_password]")
			a.has("input[name=role][value=moderator][checked]")
			a.lacks("input[name=current_password][value]").has("#error-summary[autofocus]")
		}
		o.boss.post(o.at(o.other, "/role"), confirmed("role", "emperor")).is(422).says("Please choose one of these")
		o.boss.post(o.at(o.other, "/role"), confirmed()).is(422).has("input[name=role][value=member][checked]")
		if n := o.entries(); n != 0 || value[string](o.site, `SELECT role FROM people WHERE id = $1`, o.other.id) != "member" {
			t.Errorf("%d entries", n)
		}
	})

	t.Run("the last administrator stays one", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		o.boss.post(o.at(o.boss, "/role"), confirmed("role", "member")).is(409).says("make somebody else an administrator first")
		o.boss.get("/administration/people").is(200)
	})

	t.Run("guessing the password is limited", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		o := &office{site: s, boss: s.person(), other: s.person()}
		for n := range chat.LimitConfirm.Burst {
			path := []string{"/role", "/suspension", "/reset"}[n%3]
			o.boss.post(o.at(o.other, path), url.Values{"role": {"moderator"}, "current_password": {"a guess " + itoa(n)}}).is(422)
		}
		a := o.boss.post(o.at(o.other, "/suspension"), confirmed()).is(429).says("Please wait")
		if a.header.Get("Retry-After") != itoa(seconds(chat.LimitConfirm.Every)) {
			t.Errorf("Retry-After is %q", a.header.Get("Retry-After"))
		}
		s.clock.turn(chat.LimitConfirm.Every)
		o.boss.post(o.at(o.other, "/suspension"), confirmed()).is(303)
	})
}

// address is the browser's, as the log has it.
func (s *site) address(b *browser) string {
	host, _, _ := strings.Cut(b.address, ":")
	return host
}

func TestSuspension(t *testing.T) {
	t.Parallel()

	t.Run("whoever is suspended is out, and in again when restored", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		o.boss.get(o.at(o.other, "/suspension")).is(200).says("cannot log in until an administrator restores the account")
		o.boss.post(o.at(o.other, "/suspension"), url.Values{"current_password": {"wrong one"}}).is(422).has(".field--error input[name=current_password]")
		if !o.other.loggedIn() {
			t.Fatal("suspended without the password")
		}
		o.boss.post(o.at(o.other, "/suspension"), confirmed()).redirects(o.at(o.other, "?done=suspended"))
		if got, want := o.entry(), fmt.Sprintf(`%s suspend %s %s {"state": "active"} {"state": "suspended"}`, o.boss.id, o.other.id, o.address(o.boss)); got != want {
			t.Errorf("written is\n%s, want\n%s", got, want)
		}
		o.boss.get(o.at(o.other, "?done=suspended")).is(200).says("is suspended.").says("suspended")
		if o.other.loggedIn() {
			t.Error("still logged in")
		}
		wrong := o.visitor().post("/login", login(o.other.username, "a wrong password")).is(422)
		right := o.visitor().post("/login", login(o.other.username, goodPassword)).is(422)
		same(t, wrong, right)
		o.member.get("/people/" + o.other.username).is(404)
		ended := 0
		for _, event := range o.ear.heard() {
			if e, ok := event.(chat.SessionsEnded); ok {
				ended += len(e.Sessions)
			}
		}
		if ended != 1 {
			t.Errorf("%d sessions are told to end", ended)
		}

		o.boss.post(o.at(o.other, "/suspension/end"), nil).redirects(o.at(o.other, "?done=restored"))
		if got, want := o.entry(), fmt.Sprintf(`%s restore %s %s {"state": "suspended"} {"state": "active"}`, o.boss.id, o.other.id, o.address(o.boss)); got != want {
			t.Errorf("written is\n%s, want\n%s", got, want)
		}
		o.visitor().post("/login", login(o.other.username, goodPassword)).redirects("/")
	})

	t.Run("nobody suspends themselves, nor what is closed", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		o.boss.post(o.at(o.boss, "/suspension"), confirmed()).is(409).says("not possible with your own account")
		o.exec(`UPDATE people SET state = 'closed' WHERE id = $1`, o.other.id)
		o.boss.post(o.at(o.other, "/suspension"), confirmed()).is(409).says("suspended or closed")
		o.boss.post(o.at(o.other, "/suspension/end"), nil).is(409).says("suspended or closed")
		o.boss.get(o.at(o.other, "")).is(200).lacks(`form[action$="/suspension/end"]`).lacks(`a[href$="/role"]`)
		if n := o.entries(); n != 0 {
			t.Errorf("%d entries", n)
		}
	})

	t.Run("logging out everywhere leaves the account", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		phone := o.visitor()
		phone.post("/login", login(o.other.username, goodPassword)).redirects("/")
		o.boss.post(o.at(o.other, "/sessions/end"), nil).redirects(o.at(o.other, "?done=logged-out"))
		if got, want := o.entry(), fmt.Sprintf(`%s log_out %s %s {} {"sessions_ended": "2"}`, o.boss.id, o.other.id, o.address(o.boss)); got != want {
			t.Errorf("written is\n%s, want\n%s", got, want)
		}
		o.boss.get(o.at(o.other, "?done=logged-out")).is(200).says("is logged out everywhere")
		if o.other.loggedIn() || phone.loggedIn() || !o.member.loggedIn() {
			t.Error("the wrong ones are logged in")
		}
		o.visitor().post("/login", login(o.other.username, goodPassword)).redirects("/")
	})
}

func TestResetLinkOfAnAdministrator(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	path := o.at(o.other, "/reset")
	o.boss.get(path).is(200).lacks("#secret").has("input[name=current_password]")
	o.boss.post(path, url.Values{"current_password": {"wrong one"}}).is(422).lacks("#secret")
	a := o.boss.post(path, confirmed()).redirects(path)
	if got, want := o.entry(), fmt.Sprintf(`%s make_reset_link %s %s {} {}`, o.boss.id, o.other.id, o.address(o.boss)); got != want {
		t.Errorf("written is\n%s, want\n%s", got, want)
	}
	if c := a.header.Get("Set-Cookie"); !strings.HasPrefix(c, "parley-once=") || !strings.Contains(c, "HttpOnly") || !strings.Contains(c, "SameSite=Strict") ||
		!strings.Contains(c, "Max-Age=120") || !strings.Contains(c, "Path=/") {
		t.Errorf("the cookie is %q", c)
	}
	o.boss.get(o.at(o.member, "/reset")).is(200).lacks("#secret") // it is not that person's
	o.boss.get("/administration/invitations").is(200).lacks("#secret")
	link, _ := o.boss.get(path).is(200).has("#secret[readonly]").Attr("value")
	o.boss.get(path).is(200).lacks("#secret")
	token, ours := strings.CutPrefix(link, "https://chat.example.org/reset/")
	if !ours || len(token) != 43 || strings.Contains(o.log.String(), token) {
		t.Fatalf("the link is %q", link)
	}
	o.visitor().post("/reset/"+token, url.Values{"password": {"a new short sentence"}}).is(303)
	o.visitor().post("/login", login(o.other.username, "a new short sentence")).redirects("/")
	o.boss.post(o.at(o.boss, "/reset"), confirmed()).is(409)
	o.exec(`UPDATE people SET state = 'suspended' WHERE id = $1`, o.member.id)
	o.boss.post(o.at(o.member, "/reset"), confirmed()).is(409)

	t.Run("what a cookie claims is shown only if it looks like a secret", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		path := o.at(o.other, "/reset")
		for _, value := range []string{
			"", "x", ".", o.other.id.String(), o.other.id.String() + ".short", o.other.id.String() + "." + strings.Repeat("<", 43),
			o.other.id.String() + "." + strings.Repeat("A", 44), o.member.id.String() + "." + strings.Repeat("A", 43),
		} {
			r := o.boss.request(http.MethodGet, path, "", "")
			r.AddCookie(&http.Cookie{Name: "parley-once", Value: value})
			o.boss.send(r).is(200).lacks("#secret")
		}
	})

	t.Run("behind TLS its cookie is bound to this host", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t, func(p *plan) { p.config.Secure = true })
		c := o.boss.post(o.at(o.other, "/reset"), confirmed()).is(303).header.Get("Set-Cookie")
		if !strings.HasPrefix(c, "__Host-parley-once=") || !strings.Contains(c, "Secure") {
			t.Errorf("the cookie is %q", c)
		}
		o.boss.get(o.at(o.other, "/reset")).has("#secret")
	})
}

func TestRegistrationRule(t *testing.T) {
	t.Parallel()

	t.Run("administrators choose, and every page follows", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		o.boss.get("/administration/registration").is(200).has("input[name=registration][value=open][checked]")
		visitor := o.visitor()
		for _, path := range []string{"/", "/login"} {
			visitor.get(path).is(200).has(`a[href="/register"]`)
		}
		last := "open"
		for _, c := range []struct{ rule, sentence, register string }{
			{"invite", "by invitation", "You need an invitation"}, {"closed", "", "Registration is closed"},
		} {
			o.boss.post("/administration/registration", url.Values{"registration": {c.rule}}).redirects("/administration/registration?saved=yes")
			o.boss.get("/administration/registration?saved=yes").is(200).says("Saved.").has("input[name=registration][value=" + c.rule + "][checked]")
			if got, want := o.entry(), fmt.Sprintf(`%s set_registration %s {"registration": "%s"} {"registration": "%s"}`, o.boss.id, o.address(o.boss), last, c.rule); got != want {
				t.Errorf("written is\n%s, want\n%s", got, want)
			}
			last = c.rule
			for _, path := range []string{"/", "/login"} {
				visitor.get(path).is(200).lacks(`a[href="/register"]`).says(c.sentence)
			}
			visitor.post("/login", login("nobody", "a wrong password")).is(422).lacks(`a[href="/register"]`).says(c.sentence)
			visitor.get("/register").is(200).says(c.register).lacks("input")
			visitor.post("/register", signUp()).is(403).says(c.register)
		}
		o.boss.post("/administration/registration", url.Values{"registration": {"open"}}).is(303)
		o.visitor().post("/register", signUp()).redirects("/")
	})

	t.Run("what there is not is refused", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		for _, rule := range []string{"", "Open", "x"} {
			o.boss.post("/administration/registration", url.Values{"registration": {rule}}).is(422).says("Please choose one of these")
		}
		if n := o.entries(); n != 0 {
			t.Errorf("%d entries", n)
		}
	})

	t.Run("what the operator has fixed the page says, and nobody changes", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t, func(p *plan) { p.settings.Registration = chat.RegistrationOpen })
		for _, a := range []*answer{
			o.boss.get("/administration/registration").is(200), o.boss.post("/administration/registration", url.Values{"registration": {"closed"}}).is(403),
		} {
			a.says("PARLEY_REGISTRATION").lacks("input[name=registration]")
		}
		o.visitor().get("/register").is(200).has("form")
	})
}

func TestAuditPage(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.boss.get("/administration/log").is(200).says("Nothing so far.")
	o.boss.post(o.at(o.other, "/role"), confirmed("role", "moderator")).is(303)
	o.boss.post(o.at(o.member, "/suspension"), confirmed()).is(303)
	o.invite(invitationForm(7, 5))
	a := o.boss.get("/administration/log").is(200)
	for n, want := range []string{"Boss made an invitation (for the crew).", "Boss suspended Member.", "Boss changed the role of Other from Member to Moderator."} {
		text := strings.NewReplacer("\u2068", "", "\u2069", "").Replace(a.page().Find(".entry__sentence").Eq(n).Text())
		if text != want {
			t.Errorf("entry %d says %q, want %q", n, text, want)
		}
	}
	o.boss.get("/administration/log?about=" + o.member.id.String()).is(200).says("suspended").silentOn("for the crew")
	o.boss.get("/administration/log?before=2").is(200).says("changed the role").silentOn("suspended")
	o.boss.get("/administration/log?check=yes").is(200).says("The log is whole: 3 entries")
	o.boss.get(o.at(o.member, "")).is(200).has(".entry__sentence")

	o.exec(`ALTER TABLE audit DISABLE TRIGGER USER`)
	o.exec(`UPDATE audit SET target_id = $1 WHERE seq = 2`, o.other.id)
	o.boss.get("/administration/log?check=yes").is(200).says("The log is broken at entry 2")
	o.exec(`UPDATE audit SET action = 'of a later version', actor_id = $1, before = '[1]', after = '"x"' WHERE seq = 3`, chat.NewID())
	o.boss.get("/administration/log").is(200).says("Somebody who is gone").says("no words for")

	t.Run("more than a page goes on", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		o.exec(`INSERT INTO audit (seq, at, actor_id, action, target_id, address, before, after, hash) SELECT n, now(), $1, 'log_out', $2, '', '{}', '{}', '' FROM generate_series(1, 70) n`, o.boss.id, o.other.id)
		for _, path := range []string{"/administration/log", "/administration/log?about=" + o.other.id.String()} {
			older, _ := o.boss.get(path).is(200).has(".people__more a").Attr("href")
			a := o.boss.get(older).is(200).lacks(".people__more a")
			if n := a.page().Find(".entry__sentence").Length(); n != 20 {
				t.Errorf("%d entries behind %s", n, path)
			}
		}
	})

	t.Run("checking is limited", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		boss := s.person()
		for range chat.LimitAdminister.Burst {
			boss.get("/administration/log?check=yes").is(200)
		}
		boss.get("/administration/log?check=yes").is(429).says("Please wait")
		s.clock.turn(time.Minute)
		boss.get("/administration/log?check=yes").is(200)
	})
}
