package handlers

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"parley/chat"
)

func TestPeople(t *testing.T) {
	t.Parallel()

	t.Run("people are found by name and username, and can be written to", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		ben, mira := s.person("Ben Ngata"), s.person("Mira Okafor")
		for _, q := range []string{"ben", "NGATA", "ngáta", "@" + ben.username, " ben  ng "} {
			a := mira.get("/people?q=" + url.QueryEscape(q)).is(200)
			a.has(`#people-results a[href="/people/` + ben.username + `"]`)
			if id, _ := a.has(`#people-results form[action="/conversations"] input[name=person]`).Attr("value"); id != ben.id.String() {
				t.Errorf("%q: the form is for %q", q, id)
			}
			a.lacks(`#people-results a[href="/people/` + mira.username + `"]`)
		}
		mira.get("/people?q=nobodyatall").is(200).says("Nobody found").lacks(`#people-results input[name=person]`)
	})

	t.Run("htmx gets what it has a place for", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		mira.with("HX-Request", "true", "HX-Target", "section#people-results").get("/people?q=person").is(200).lacks("main").has("section#people-results")
		mira.htmx().get("/people").is(200).lacks("#sidebar").has("main#pane #people-results")
		mira.get("/people").is(200).has("#sidebar")
	})

	t.Run("more than 20 come page by page, each once, as pages and by htmx", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		s.exec(`INSERT INTO people (id, username, display_name, password_hash)
			SELECT gen_random_uuid(), 'many' || n, 'Many ' || (n % 3), '' FROM generate_series(1, 45) n`)
		for _, b := range []*browser{mira, mira.with("HX-Request", "true", "HX-Target", "p#people-more")} {
			seen, path := map[string]bool{}, "/people?q=many"
			for pages := 1; path != ""; pages++ {
				a := b.get(path).is(200)
				for _, person := range a.has("input[name=person]").EachIter() {
					id, _ := person.Attr("value")
					if seen[id] {
						t.Errorf("%s comes twice", id)
					}
					seen[id] = true
				}
				if path, _ = a.page().Find("#people-more a").Attr("href"); pages > 4 {
					t.Fatal("it never ends")
				}
			}
			if len(seen) != 45 {
				t.Errorf("%d people", len(seen))
			}
		}
	})

	t.Run("who is suspended or has closed the account is not found, by search or by name", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira, ben, eva := s.person("Mira"), s.person("Ben"), s.person("Eva")
		mira.get("/people/" + ben.username).is(200)
		s.exec(`UPDATE people SET state = 'suspended' WHERE id = $1`, ben.id)
		s.exec(`UPDATE people SET state = 'closed' WHERE id = $1`, eva.id)
		for _, b := range []*browser{ben, eva} {
			same(t, mira.get("/people/"+b.username).is(404), mira.get("/people/nobody").is(404))
			mira.get("/people?q=" + b.username).is(200).lacks("#people-results input[name=person]")
		}
	})

	t.Run("a profile shows the name and leads to a conversation", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		ben, mira := s.person("Ben Ngata"), s.person()
		a := mira.get("/people/" + ben.username).is(200).says("Ben Ngata")
		if id, _ := a.has(`main input[name=person]`).Attr("value"); id != ben.id.String() {
			t.Errorf("the form is for %q", id)
		}
		mira.htmx().get("/people/" + ben.username).is(200).lacks("#sidebar").has("main#pane")
		mira.get("/people/" + mira.username).is(200).says("This is how others see you")
		mira.get("/people/" + strings.ToUpper(ben.username)).is(200)
	})

	t.Run("nobody sees an e-mail address or anything else that is private", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		b := s.visitor()
		b.post("/register", signUp("username", "ben", "email", "secret@example.org", "time_zone", "Asia/Tokyo")).redirects("/")
		for _, path := range []string{"/people/ben", "/people?q=ben", "/people?q=secret", "/people?q=example.org"} {
			mira.get(path).silentOn("secret@").silentOn("Tokyo")
		}
		mira.get("/people?q=secret").lacks("#people-results input[name=person]")
	})

	t.Run("names that cannot be are not there", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		for _, name := range []string{"%00", "%ff", "a%00", "..", "%2e%2e%2f", "a/b", "%2f", "%252e", strings.Repeat("x", 5000), "%f0%9f%98%80", "a b", "'%20OR%201=1--", "%25"} {
			if a := mira.get("/people/" + strings.ReplaceAll(name, " ", "%20")); a.status != 404 {
				t.Errorf("%s: %d", clip(name, 30), a.status)
			}
		}
	})

	t.Run("whatever is searched for, there is an answer", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		for q, status := range map[string]int{
			"": 200, "%00": 200, "%ff%fe": 200, "%25": 200, "_": 200, "%5C": 200, "%27": 200, strings.Repeat("x", 5000): 200, "%E2%80%AE": 200,
			"x&q=y": 400, "x&after=1&after=2": 400, "x&after=garbage": -4, "x&after=%00": 400, "x&after=%ff": 400, "x&after=e30": -4, "x&after=" + strings.Repeat("A", 3000): -4,
		} {
			a := mira.get("/people?q=" + q)
			if status == -4 && a.status/100 != 4 && a.status != 200 || status > 0 && a.status != status {
				t.Errorf("%s: %d", clip(q, 30), a.status)
			}
		}
		if complaints := s.log.complaints(); len(complaints) > 0 {
			t.Errorf("the log complains: %s", complaints)
		}
	})
}

func TestSettings(t *testing.T) {
	t.Parallel()

	t.Run("what one chooses is kept, shown, and told to one's other pages", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		a := mira.post("/settings", url.Values{"time_zone": {"Asia/Tokyo"}, "theme": {"dark"}}).is(303)
		page := mira.get(a.header.Get("Location")).is(200).says("Saved.")
		if zone, _ := page.has("html").Attr("data-time-zone"); zone != "Asia/Tokyo" {
			t.Errorf("zone %q", zone)
		}
		if theme, _ := page.has("html").Attr("data-theme"); theme != "dark" {
			t.Errorf("theme %q", theme)
		}
		page.has(`option[value="Asia/Tokyo"][selected]`)
		page.has(`input[name=theme][value=dark][checked]`)
		told := false
		for _, event := range s.ear.heard() {
			changed, is := event.(chat.PersonChanged)
			told = told || is && changed.PersonID == mira.id
		}
		if !told {
			t.Error("nobody was told")
		}
		if theme, _ := mira.get("/nowhere").is(404).has("html").Attr("data-theme"); theme != "dark" {
			t.Errorf("an error page is %q", theme)
		}
	})

	t.Run("what there is not is refused at its field, and nothing is stored", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		for name, form := range map[string]url.Values{
			"time_zone": {"time_zone": {"Mars/Olympus"}, "theme": {"dark"}},
			"theme":     {"time_zone": {"Asia/Tokyo"}, "theme": {"pink"}},
		} {
			for _, b := range []*browser{mira, mira.htmx()} {
				a := b.post("/settings", form).is(422)
				a.has(`#error-summary a[href="#field-` + name + `"]`)
				if name == "theme" {
					a.has(`option[value="Asia/Tokyo"][selected]`)
				} else {
					a.has(`input[name=theme][value=dark][checked]`)
				}
				a.silentOn("Mars/Olympus").silentOn("pink")
			}
		}
		if got := value[string](s, `SELECT time_zone || theme FROM people`); got != "UTCauto" {
			t.Errorf("stored: %q", got)
		}
	})

	t.Run("nobody changes somebody else's", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira, ben := s.person(), s.person()
		mira.post("/settings", url.Values{"time_zone": {"Asia/Tokyo"}, "theme": {"dark"}, "id": {ben.id.String()}, "person": {ben.id.String()}}).is(303)
		if got := value[string](s, `SELECT theme FROM people WHERE id = $1`, ben.id); got != "auto" {
			t.Errorf("ben has %q", got)
		}
	})

	t.Run("htmx gets the pane, and a page after saving", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		mira.htmx().get("/settings").is(200).lacks("#sidebar").has("main#pane")
		a := mira.htmx().post("/settings", url.Values{"time_zone": {"UTC"}, "theme": {"light"}}).is(204)
		if a.header.Get("HX-Redirect") != "/settings?saved=yes" {
			t.Errorf("%q", a.header.Get("HX-Redirect"))
		}
	})
}

func TestReset(t *testing.T) {
	t.Parallel()
	link := func(t *testing.T, s *site, b *browser) string {
		t.Helper()
		token, err := s.chat.MakeResetLink(t.Context(), b.username)
		if err != nil {
			t.Fatal(err)
		}
		return "/reset/" + token
	}

	t.Run("the link sets a new password once, ends every session and uses up other links", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira, ben := s.person(), s.person()
		phone := s.visitor()
		phone.post("/login", login(mira.username, goodPassword)).redirects("/")
		path, other := link(t, s, mira), link(t, s, mira)
		guest := s.visitor()
		guest.get(path).is(200).has("input[name=password]")
		guest.get(path).is(200) // looking does not use it up
		const fresh = "a new short sentence"
		a := guest.post(path, url.Values{"password": {fresh}}).is(303)
		guest.get(a.header.Get("Location")).is(200).says("Your new password is set")
		if guest.cookie() != "" {
			t.Error("logged in by the link")
		}
		if mira.loggedIn() || phone.loggedIn() {
			t.Error("an old session stands")
		}
		if !ben.loggedIn() {
			t.Error("somebody else's session ended")
		}
		guest.post("/login", login(mira.username, goodPassword)).is(422)
		guest.post("/login", login(mira.username, fresh)).redirects("/")
		for _, used := range []string{path, other} {
			s.visitor().get(used).is(404).says("has been used or has expired")
			s.visitor().post(used, url.Values{"password": {"yet another one"}}).is(404)
		}
		s.visitor().post("/login", login(mira.username, fresh)).redirects("/")
	})

	t.Run("a wrong new password is refused and leaves the link as it is", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		path := link(t, s, mira)
		for _, password := range []string{"", "short", "password1", strings.Repeat("x", 73), "with \x00 in it"} {
			s.visitor().post(path, url.Values{"password": {password}}).is(422).lacks("input[name=password][value]")
		}
		if !mira.loggedIn() {
			t.Error("logged out")
		}
		s.visitor().post(path, url.Values{"password": {"a new short sentence"}}).is(303)
	})

	t.Run("links that are none, expired, or of a suspended person look the same", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		unknown := s.visitor().get("/reset/" + strings.Repeat("A", 43)).is(404)
		path := link(t, s, mira)
		s.exec(`UPDATE password_resets SET expires_at = now() - interval '1 second'`)
		same(t, unknown, s.visitor().get(path))
		path = link(t, s, mira)
		s.visitor().get(path).is(200)
		s.exec(`UPDATE people SET state = 'suspended'`)
		same(t, unknown, s.visitor().get(path))
		s.visitor().post(path, url.Values{"password": {"a new short sentence"}}).is(404)
		for _, token := range []string{"%00", "%ff", "x", "..%2f", strings.Repeat("x", 3000)} {
			same(t, unknown, s.visitor().get("/reset/"+token))
		}
	})

	t.Run("no link is made for a name in a different account", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		s.person()
		if _, err := s.chat.MakeResetLink(t.Context(), "nobody"); chat.KindOf(err) != chat.KindNotFound {
			t.Errorf("%v", err)
		}
	})

	t.Run("whoever is logged in as somebody else may use a link, and stays who they are", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira, ben := s.person(), s.person()
		ben.post(link(t, s, mira), url.Values{"password": {"a new short sentence"}}).is(303)
		ben.get("/settings").is(200).says(fmt.Sprint("@", ben.username))
	})
}
