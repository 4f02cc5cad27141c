package handlers

import (
	"net/url"
	"testing"

	"parley/chat"
)

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
