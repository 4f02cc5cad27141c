package handlers

import (
	"net/url"
	"testing"

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
