package handlers

import (
	"net/url"
	"strings"
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

func TestProfile(t *testing.T) {
	t.Parallel()

	t.Run("a new name stands in the settings, in the list and beside what was written before", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira, ben := s.person("Mira"), s.person("Ben")
		conversation := mira.talk(ben)
		mira.says(conversation, "hello")
		a := mira.post("/settings/profile", url.Values{"display_name": {" Mira  Okafor "}}).redirects("/settings?saved=name")
		mira.get(a.header.Get("Location")).is(200).says("That is your name now.").has(`input[name=display_name][value="Mira Okafor"]`)
		page := ben.get(conversation).is(200)
		if names := page.has(".message__author").Text(); names != "Mira Okafor" {
			t.Errorf("the author is %q", names)
		}
		if card, _ := page.has("li.message").Attr("data-card"); card != "1" {
			t.Errorf("the card is %q", card)
		}
		if other, _ := page.has("#pane").Attr("data-other"); other != mira.id.String() {
			t.Errorf("the pane is about %q", other)
		}
		page.says("Mira Okafor").silentOn(">Mira<")
	})

	t.Run("a name that is none comes back at its field", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person("Mira")
		for _, b := range []*browser{mira, mira.htmx()} {
			a := b.post("/settings/profile", url.Values{"display_name": {strings.Repeat("x", 61)}}).is(422)
			a.has(`#error-summary a[href="#field-display_name"]`)
			a.has(`input[name=display_name][value="` + strings.Repeat("x", 61) + `"][aria-invalid]`)
		}
		if got := value[string](s, `SELECT display_name FROM people`); got != "Mira" {
			t.Errorf("stored: %q", got)
		}
	})
}

func TestPassword(t *testing.T) {
	t.Parallel()

	t.Run("a new password holds, logs the other devices out, and gives this one a new token", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		phone := s.visitor()
		phone.post("/login", login(mira.username, goodPassword)).redirects("/")
		before := mira.cookie()
		a := mira.post("/settings/password", url.Values{"current_password": {goodPassword}, "password": {"another good one"}})
		a.redirects("/settings/account?saved=password")
		if mira.cookie() == before || !mira.loggedIn() {
			t.Error("the token is the old one, or none")
		}
		mira.get(a.header.Get("Location")).is(200).says("You are logged out everywhere else.")
		if phone.loggedIn() {
			t.Error("the other device is still logged in")
		}
		stolen := s.visitor().with("Cookie", "parley="+before)
		stolen.get("/settings").redirects("/login?next=%2Fsettings")
		s.visitor().post("/login", login(mira.username, goodPassword)).is(422)
		s.visitor().post("/login", login(mira.username, "another good one")).redirects("/")
	})

	t.Run("a refusal stands at its field and gives no password back", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		for field, form := range map[string]url.Values{
			"current_password": {"current_password": {"guessed wrong"}, "password": {"another good one"}},
			"password":         {"current_password": {goodPassword}, "password": {"short"}},
		} {
			for _, b := range []*browser{mira, mira.htmx()} {
				a := b.post("/settings/password", form).is(422)
				a.has(`#error-summary a[href="#field-` + field + `"]`)
				a.silentOn("guessed wrong").silentOn(goodPassword).silentOn("another good one").lacks("input[type=password][value]")
			}
		}
	})
}

func TestDevices(t *testing.T) {
	t.Parallel()

	t.Run("the page names each device, its address and its last use, this one first", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		phone := s.visitor().with("User-Agent", "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36")
		phone.post("/login", login(mira.username, goodPassword)).redirects("/")
		page := mira.get("/settings/sessions").is(200)
		lines := page.has(".line")
		if lines.Length() != 2 {
			t.Fatalf("%d devices", lines.Length())
		}
		first, second := lines.Eq(0).Text(), lines.Eq(1).Text()
		if !strings.Contains(first, "This device") || !strings.Contains(second, "Chrome on Android") || !strings.Contains(second, "198.51.0.") {
			t.Errorf("%q, %q", first, second)
		}
	})

	t.Run("a device is logged out from another one, and one's own by its own button", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		phone := s.visitor()
		phone.post("/login", login(mira.username, goodPassword)).redirects("/")
		action, _ := mira.get("/settings/sessions").has(".line form").Attr("action")
		mira.post(action, nil).redirects("/settings/sessions?ended=1")
		mira.get("/settings/sessions?ended=1").is(200).says("1 device is logged out.")
		if phone.loggedIn() || !mira.loggedIn() {
			t.Error("the wrong device is logged out")
		}
		mira.post(action, nil).is(404)
		own := value[string](s, `SELECT id::text FROM sessions WHERE revoked_at IS NULL`)
		mira.post("/settings/sessions/"+own+"/end", nil).redirects("/")
		if mira.loggedIn() {
			t.Error("still logged in")
		}
	})

	t.Run("log out everywhere else leaves this one", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira, ben := s.person(), s.person()
		others := []*browser{s.visitor(), s.visitor()}
		for _, b := range others {
			b.post("/login", login(mira.username, goodPassword)).redirects("/")
		}
		mira.post("/settings/sessions/others/end", nil).redirects("/settings/sessions?ended=2")
		for _, b := range others {
			if b.loggedIn() {
				t.Error("another one is still logged in")
			}
		}
		if !mira.loggedIn() || !ben.loggedIn() {
			t.Error("this one, or somebody else's, is logged out")
		}
	})

	t.Run("an id that is none is not there", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		mira.post("/settings/sessions/1/end", nil).is(404)
		mira.get("/settings/sessions?ended=many").is(200).lacks(".notice")
	})
}
