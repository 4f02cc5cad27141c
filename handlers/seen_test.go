package handlers

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/chat"
)

func TestPresenceSettings(t *testing.T) {
	t.Parallel()
	chosen := url.Values{"presence": {"shared"}, "last_seen": {"nobody"}, "typing": {"false"}, "invisible": {"true"}}

	t.Run("what one chooses is kept, shown, and told", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		mira.get("/settings").is(200).has(`a[href="/settings/presence"]`)
		page := mira.get("/settings/presence").is(200)
		for _, present := range []string{"presence][value=everybody", "last_seen][value=everybody", "typing][value=true", "invisible][value=false"} {
			page.has(`input[name=` + present + `][checked]`)
		}
		s.ear.heard()
		mira.post("/settings/presence", chosen).redirects("/settings/presence?saved=yes")
		page = mira.get("/settings/presence?saved=yes").is(200).says("Saved.")
		for _, present := range []string{"presence][value=shared", "last_seen][value=nobody", "typing][value=false", "invisible][value=true"} {
			page.has(`input[name=` + present + `][checked]`)
		}
		told := false
		for _, event := range s.ear.heard() {
			changed, is := event.(chat.PersonChanged)
			told = told || is && changed.PersonID == mira.id
		}
		if !told {
			t.Error("nobody was told")
		}
	})

	t.Run("what a form does not name stays as it is", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		mira.post("/settings/presence", chosen).is(303)
		mira.post("/settings/presence", url.Values{"typing": {"true"}}).is(303)
		page := mira.get("/settings/presence").is(200)
		for _, present := range []string{"presence][value=shared", "last_seen][value=nobody", "typing][value=true", "invisible][value=true"} {
			page.has(`input[name=` + present + `][checked]`)
		}
	})

	t.Run("what there is not is refused at its field, the rest is kept, and nothing is stored", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		for field, other := range map[string]string{"presence": "last_seen", "last_seen": "presence"} {
			form := url.Values{field: {"groups"}, other: {"shared"}, "typing": {"false"}, "invisible": {"true"}}
			for _, b := range []*browser{mira, mira.htmx()} {
				page := b.post("/settings/presence", form).is(422)
				page.has(`#error-summary a[href="#field-` + field + `"]`)
				page.has(`fieldset#field-` + field + ` input[value=everybody][checked]`)
				for _, kept := range []string{other + "][value=shared", "typing][value=false", "invisible][value=true"} {
					page.has(`input[name=` + kept + `][checked]`)
				}
			}
		}
		if got := value[string](s, `SELECT shows_presence || shows_last_seen || shows_typing || invisible FROM people`); got != "everybodyeverybodytruefalse" {
			t.Errorf("stored is %s", got)
		}
	})
}

// places is where people's pages are, as a test says it.
type places struct {
	mu    sync.Mutex
	where map[chat.ID]chat.Where
	asked int
}

func (p *places) Where(_ context.Context, people []chat.ID) map[chat.ID]chat.Where {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	found := map[chat.ID]chat.Where{}
	for _, id := range people {
		if where, known := p.where[id]; known {
			found[id] = where
		}
	}
	return found
}

func (p *places) are(where map[chat.ID]chat.Where) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.where = where
}

// asks counts how often somebody was asked for while work was done.
func (p *places) asks(work func()) int {
	p.mu.Lock()
	before := p.asked
	p.mu.Unlock()
	work()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked - before
}

// company is a site with two people who talk and are in a group together.
type company struct {
	*site
	places *places
	mira   *browser // who looks
	ben    *browser
	direct string
	group  string
}

func newCompany(t *testing.T) *company {
	t.Helper()
	c := &company{places: &places{}}
	c.site = newSite(t, func(p *plan) {
		p.settings.Limits = false
		p.options = append(p.options, chat.WithWhereabouts(c.places))
	})
	c.mira, c.ben = c.person("Mira"), c.person("Ben")
	c.direct = c.mira.talk(c.ben)
	c.ben.says(c.direct, "Hello")
	c.mira.says(c.direct, "Hello yourself") // which is the answer to a request, too
	id, err := c.chat.CreateGroup(t.Context(), c.viewerOf(c.mira), chat.GroupSettings{
		Name: "Crew", WhoAdds: chat.WhoMembers, WhoWrites: chat.WhoMembers, History: chat.HistoryAll,
	}, []chat.ID{c.ben.id})
	if err != nil {
		t.Fatal(err)
	}
	c.group = "/conversations/" + id.String()
	c.here()
	return c
}

func (c *company) here() {
	c.places.are(map[chat.ID]chat.Where{c.mira.id: chat.WhereHere, c.ben.id: chat.WhereHere})
}

// surfaces are the pages and fragments that show Ben to Mira, by what they are.
func (c *company) surfaces() map[string]func() *answer {
	part := func(target, path string) func() *answer {
		return func() *answer { return c.mira.with("HX-Request", "true", "HX-Target", target).get(path).is(200) }
	}
	all := map[string]func() *answer{
		"details beside a conversation": func() *answer {
			a := c.mira.with("Cookie", "parley-details=open").get(c.group).is(200)
			a.has(`aside#details [data-presence]`)
			return a
		},
		"the details alone": part("aside#details", c.direct+"/details"), "the members alone": part("div#members", c.group+"/members"),
		"further members": part("p#members-more", c.group+"/members"),
	}
	for _, path := range []string{"/", "/conversations", c.direct, c.direct + "/details", "/people/" + c.ben.username, c.group, c.group + "/details", c.group + "/members", "/settings"} {
		all[path] = func() *answer { return c.mira.get(path) }
		if path != "/" && path != c.group && path != "/settings" { // of which the list alone says anything
			all[path+" as a fragment"] = func() *answer { return c.mira.htmx().get(path) }
		}
	}
	return all
}

// seenAs checks what Mira sees Ben as, on every surface.
func (c *company) seenAs(t *testing.T, state chat.PresenceState, text string) {
	t.Helper()
	surfaces := c.surfaces()
	for _, name := range slices.Sorted(maps.Keys(surfaces)) {
		a := surfaces[name]()
		if a.status == 404 && strings.HasPrefix(name, "/people/") && state == chat.PresenceNone {
			continue // the profile of whoever has blocked Mira
		}
		a.is(200)
		found := a.has(`[data-presence="` + c.ben.id.String() + `"]`)
		for i := range found.Length() {
			element := found.Eq(i)
			if got, _ := element.Attr("data-state"); got != string(state) {
				t.Errorf("%s: seen as %q, want %q", name, got, state)
			}
			if got := strings.Join(strings.Fields(element.Text()), " "); got != text {
				t.Errorf("%s: says %q, want %q", name, got, text)
			}
			if text == "" && element.Contents().Length() > 0 {
				t.Errorf("%s: an element that shows nothing is not empty", name)
			}
		}
		a.lacks(`[data-presence="` + c.mira.id.String() + `"]`)
	}
}

func (c *company) chooses(t *testing.T, who *browser, choices chat.PresenceChoices) {
	t.Helper()
	if err := c.chat.SavePresenceChoices(t.Context(), c.viewerOf(who), choices); err != nil {
		t.Fatal(err)
	}
}

func TestSeen(t *testing.T) {
	t.Parallel()
	open := chat.PresenceChoices{Presence: chat.CircleEverybody, LastSeen: chat.CircleEverybody, Typing: true}
	nobody := chat.PresenceChoices{Presence: chat.CircleNobody, LastSeen: chat.CircleNobody, Typing: true}

	t.Run("whoever is there is seen to be, wherever a page shows them, and nobody is shown to themselves", func(t *testing.T) {
		t.Parallel()
		c := newCompany(t)
		c.seenAs(t, chat.PresenceOnline, "Online")
		c.places.are(map[chat.ID]chat.Where{c.ben.id: chat.WhereAway})
		c.seenAs(t, chat.PresenceAway, "Away")
		c.places.are(map[chat.ID]chat.Where{c.ben.id: chat.WhereGone})
		c.seenAs(t, chat.PresenceOffline, "Offline")
		c.places.are(nil)
		c.seenAs(t, chat.PresenceNone, "")
	})

	t.Run("what somebody tells of themselves stands beside it, and when they were last there", func(t *testing.T) {
		t.Parallel()
		c := newCompany(t)
		c.exec(`UPDATE people SET time_zone = 'Etc/UTC'`)
		noon := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
		c.clock.now.Store(&noon)
		err := c.chat.SaveStatus(t.Context(), c.viewerOf(c.ben), chat.StatusInput{Busy: true, Emoji: "🎧", Text: "In a meeting", Ends: chat.StatusHour})
		if err != nil {
			t.Fatal(err)
		}
		c.exec(`INSERT INTO seen VALUES ($1, $2)`, c.ben.id, noon.Add(-5*time.Minute))
		c.seenAs(t, chat.PresenceBusy, "Busy 🎧 In a meeting until 13:00")
		c.places.are(map[chat.ID]chat.Where{c.ben.id: chat.WhereGone})
		c.seenAs(t, chat.PresenceOffline, "Last seen 5 min ago 🎧 In a meeting until 13:00")
		c.clock.turn(time.Hour)
		c.seenAs(t, chat.PresenceOffline, "Last seen at 11:55")
	})

	for name, hide := range map[string]func(t *testing.T, c *company){
		"by whom they have blocked": func(t *testing.T, c *company) {
			t.Helper()
			if err := c.chat.BlockPerson(t.Context(), c.viewerOf(c.ben), c.mira.id); err != nil {
				t.Fatal(err)
			}
		},
		"by whoever has blocked them": func(t *testing.T, c *company) {
			t.Helper()
			if err := c.chat.BlockPerson(t.Context(), c.viewerOf(c.mira), c.ben.id); err != nil {
				t.Fatal(err)
			}
		},
		"once they hide it":         func(t *testing.T, c *company) { t.Helper(); c.chooses(t, c.ben, nobody) },
		"by whoever hides the same": func(t *testing.T, c *company) { t.Helper(); c.chooses(t, c.mira, nobody) },
		"by whoever is there invisibly": func(t *testing.T, c *company) {
			t.Helper()
			c.chooses(t, c.mira, chat.PresenceChoices{Presence: chat.CircleEverybody, LastSeen: chat.CircleNobody, Invisible: true})
		},
	} {
		t.Run("somebody is not seen "+name, func(t *testing.T) {
			t.Parallel()
			c := newCompany(t)
			c.chooses(t, c.ben, open)
			c.seenAs(t, chat.PresenceOnline, "Online") // the premise
			hide(t, c)
			c.exec(`UPDATE people SET status_text = 'Not for everybody'`)
			c.exec(`INSERT INTO seen SELECT id, now() FROM people`)
			for name, surface := range c.surfaces() {
				if a := surface(); strings.Contains(a.body, "Not for everybody") {
					t.Errorf("%s tells the status", name)
				}
			}
			c.seenAs(t, chat.PresenceNone, "")
		})
	}

	t.Run("a page asks once, however many people and places it has", func(t *testing.T) {
		t.Parallel()
		c := newCompany(t)
		for name, surface := range c.surfaces() {
			if n := c.places.asks(func() { surface() }); n != 1 {
				t.Errorf("%s asks %d times", name, n)
			}
		}
		if n := c.places.asks(func() { c.mira.get("/login") }); n != 0 {
			t.Errorf("a page that shows nobody asks %d times", n)
		}
	})

	t.Run("a page does without where it cannot be found out", func(t *testing.T) {
		t.Parallel()
		c := newCompany(t)
		c.seenAs(t, chat.PresenceOnline, "Online")
		c.exec(`ALTER TABLE people RENAME COLUMN status_text TO gone`)
		c.seenAs(t, chat.PresenceNone, "")
		if complaints := c.log.complaints(); len(complaints) == 0 || !strings.Contains(complaints[0], "a page does not say who is there") {
			t.Errorf("the log says %s", complaints)
		}
	})

	t.Run("the head of a conversation has a place for who writes, and one that is a note to oneself has none", func(t *testing.T) {
		t.Parallel()
		c := newCompany(t)
		for _, path := range []string{c.direct, c.group} {
			place := c.mira.get(path).is(200).has(`.pane__head [data-typing="` + strings.TrimPrefix(path, "/conversations/") + `"]`)
			if place.Length() != 1 || place.Contents().Length() != 0 {
				t.Errorf("%s: %d places", path, place.Length())
			}
		}
		c.mira.get(c.mira.talk(c.mira)).is(200).lacks("[data-typing]").lacks(".pane__head [data-presence]")
	})
}
