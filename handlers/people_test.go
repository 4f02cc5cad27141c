package handlers

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

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

	t.Run("a later page is a whole one by its own address, and bare behind the one before", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		s.exec(`INSERT INTO people (id, username, display_name, password_hash)
			SELECT gen_random_uuid(), 'many' || n, 'Many ' || n, '' FROM generate_series(1, 45) n`)
		for _, q := range []string{"", "?q=many"} {
			next, _ := mira.get("/people" + q).is(200).has("#people-more a").Attr("href")
			page := mira.get(next).is(200)
			page.has("#sidebar")
			for _, b := range []*answer{page, mira.htmx().get(next).is(200)} {
				b.has("main#pane #people-query")
				b.has("section#people-results h2")
				b.has("section#people-results input[name=person]")
			}
			mira.with("HX-Request", "true", "HX-Target", "section#people-results").get(next).is(200).lacks("main").has("section#people-results h2")
			bare := mira.with("HX-Request", "true", "HX-Target", "p#people-more").get(next).is(200)
			bare.lacks("main").lacks("section").lacks("h2").has("ul.people__list input[name=person]")
		}
	})

	t.Run("a later page that is refused says why, and can be asked for again", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, func(p *plan) { p.options = append(p.options, chat.WithLimiter(noSearch{})) })
		mira := s.person()
		path := "/people?after=e30&q=x"
		bare := mira.with("HX-Request", "true", "HX-Target", "p#people-more").get(path).is(429).lacks("section").lacks("ul")
		bare.has("[role=alert]")
		if again, _ := bare.has("#people-more a").Attr("href"); again != path {
			t.Errorf("again at %s", again)
		}
		mira.get(path).is(429).has("section#people-results h2")
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

// noSearch is a limit that a person has reached in searching.
type noSearch struct{}

func (noSearch) Allow(_ context.Context, limit chat.Limit, _ string) (bool, time.Duration) {
	return limit != chat.LimitSearch, time.Second
}
