package handlers

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"parley/chat"
)

// signUp is a form that is in order, but for what replaces parts of it: pairs of name and value.
func signUp(pairs ...string) url.Values {
	form := url.Values{"username": {"mira"}, "display_name": {"Mira Okafor"}, "password": {goodPassword}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return form
}

func TestRegister(t *testing.T) {
	t.Parallel()

	t.Run("signing up makes an account and logs it in", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		s.person()
		b := s.visitor()
		b.post("/register", signUp("time_zone", "Europe/Berlin", "email", "mira@example.org")).redirects("/")
		page := b.get("/settings").is(200)
		page.says("Mira Okafor")
		if v, _ := page.has("html").Attr("data-time-zone"); v != "Europe/Berlin" {
			t.Errorf("time zone %q", v)
		}
		if role := value[string](s, `SELECT role FROM people WHERE username = 'mira'`); role != "member" {
			t.Errorf("role %q", role)
		}
	})

	t.Run("a multipart form is read as well", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		s.person()
		b := s.visitor()
		kind, body := multipartOf(t, signUp())
		b.send(b.request("POST", "/register", kind, body)).redirects("/")
	})

	t.Run("the first account from this machine becomes administrator", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		b := s.visitor()
		b.address = "127.0.0.1:4711"
		b.get("/register").is(200).says("You are the first here").lacks("input[name=setup_code]")
		b.post("/register", signUp()).redirects("/")
		if role := value[string](s, `SELECT role FROM people`); role != "administrator" {
			t.Errorf("role %q", role)
		}
	})

	t.Run("the first account from elsewhere needs the code from the log", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		code, err := s.chat.SetupCode(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		b := s.visitor()
		b.get("/register").has("input[name=setup_code]")
		for _, wrong := range []string{"", "wrong", code + "x", strings.ToUpper(code) + "-"} {
			a := b.post("/register", signUp("setup_code", wrong)).is(422)
			a.says("This is not the code from the log").has(".field--error input[name=setup_code]")
		}
		if n := value[int](s, `SELECT count(*) FROM people`); n != 0 {
			t.Fatal("there is an account")
		}
		b.post("/register", signUp("setup_code", code)).redirects("/")
		s.visitor().get("/register").lacks("input[name=setup_code]")
	})

	t.Run("a stranger behind a proxy on this machine needs the code, too", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		if _, err := s.chat.SetupCode(t.Context()); err != nil {
			t.Fatal(err)
		}
		b := s.visitor().with("X-Forwarded-For", "203.0.113.7")
		b.address = "127.0.0.1:4711"
		b.get("/register").has("input[name=setup_code]")
		b.post("/register", signUp()).is(422)
	})

	t.Run("where registration is closed, the first account can be made and no other", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, func(p *plan) { p.settings.Registration = chat.RegistrationClosed })
		s.person()
		b := s.visitor()
		b.get("/").is(200).lacks(`a[href="/register"]`)
		b.get("/register").is(200).says("Registration is closed").lacks("input")
		b.post("/register", signUp()).is(403).says("Registration is closed")
		if n := value[int](s, `SELECT count(*) FROM people`); n != 1 {
			t.Errorf("%d accounts", n)
		}
	})

	t.Run("a wrong form comes back with its values, without the password, each reason at its field and in a summary", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		s.person()
		a := s.visitor().post("/register", url.Values{
			"username": {"Mira!"}, "display_name": {"  "}, "email": {"not an address"}, "password": {"7 bytes"},
		}).is(422)
		for _, name := range []string{"username", "display_name", "email", "password"} {
			field := a.has(".field--error input[name=" + name + "]")
			described, _ := field.Attr("aria-describedby")
			if a.has("#"+described).Text() == "" {
				t.Errorf("%s has no reason", name)
			}
			a.has(`#error-summary a[href="#field-` + name + `"]`)
		}
		for name, want := range map[string]string{"username": "Mira!", "email": "not an address"} {
			if got, _ := a.has("input[name=" + name + "]").Attr("value"); got != want {
				t.Errorf("%s is %q", name, got)
			}
		}
		a.silentOn("7 bytes").lacks("input[name=password][value]")
		if n := value[int](s, `SELECT count(*) FROM people`); n != 1 {
			t.Error("there is an account")
		}
	})

	for password, sentence := range map[string]string{
		"7 bytes":                   "at least 8 characters",
		strings.Repeat("long ", 15): "That is longer than we can keep: 72 bytes at most",
		"password1":                 "Many people use this password",
		"mira.okafor":               "Your password should not be your name",
		"":                          "Please fill this in",
		"ééééééééééééééééééééééééééééééééééééé": "That is longer than we can keep",
		"with a NUL \x00 in it": "characters that cannot be used",
	} {
		t.Run("the password "+clip(password, 20)+" is refused with a sentence", func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.person()
			a := s.visitor().post("/register", signUp("username", "mira.okafor", "password", password)).is(422)
			a.says(sentence)
			a.has(".field--error input[name=password]")
			a.lacks("input[name=password][value]")
		})
	}

	t.Run("a password of exactly 72 bytes is taken and counts to the last one", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		s.person()
		long := strings.Repeat("nine byte", 8)
		s.visitor().post("/register", signUp("password", long)).redirects("/")
		b := s.visitor()
		b.post("/login", login("mira", long[:71])).is(422)
		b.post("/login", login("mira", long+"e")).is(422)
		b.post("/login", login("mira", long)).redirects("/")
	})

	t.Run("a username that somebody has is refused, and a free one suggested", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		s.person()
		s.visitor().post("/register", signUp()).redirects("/")
		a := s.visitor().post("/register", signUp()).is(422)
		a.says("Try mira.okafor?").has(".field--error input[name=username]")
		s.visitor().post("/register", signUp("username", "mira.okafor")).redirects("/")
		s.visitor().post("/register", signUp("username", "MIRA ")).is(422).says("Try mira2?")
	})

	t.Run("usernames that sound like the installation are refused", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		s.person()
		for _, name := range []string{"admin", "root", "system", "parley", "everyone"} {
			s.visitor().post("/register", signUp("username", name)).is(422)
		}
	})

	t.Run("signing up with an address that somebody has looks the same, byte for byte", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		s.person()
		s.visitor().post("/register", signUp("username", "owner", "email", "known@example.org")).redirects("/")
		s.exec(`UPDATE people SET email = email_wanted, email_confirmed_at = now(), email_wanted = NULL WHERE username = 'owner'`)
		if n := value[int](s, `SELECT count(*) FROM people WHERE email = 'known@example.org' AND email_confirmed_at IS NOT NULL`); n != 1 {
			t.Fatal("premise: nobody has the address")
		}
		known := s.visitor().post("/register", signUp("username", "aa", "email", "known@example.org"))
		unknown := s.visitor().post("/register", signUp("username", "bb", "email", "other@example.org"))
		same(t, known, unknown)
		wrong := signUp("username", "cc", "password", "short")
		wrong.Set("email", "known@example.org")
		knownWrong := s.visitor().post("/register", wrong).is(422)
		wrong.Set("email", "other@example.org")
		unknownWrong := s.visitor().post("/register", wrong).is(422)
		knownWrong.body = strings.ReplaceAll(knownWrong.body, "known@", "other@")
		same(t, knownWrong, unknownWrong)

		// Nor does it log in, before it is confirmed: it may be somebody else's.
		b := s.visitor()
		b.post("/login", login("other@example.org", goodPassword)).is(422)
		b.post("/login", login("known@example.org", goodPassword)).redirects("/")
		b.get("/settings").says("@owner")
	})

	t.Run("a time zone that there is not is no mistake of the person's", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		s.person()
		s.visitor().post("/register", signUp("time_zone", "Mars/Olympus")).redirects("/")
		if zone := value[string](s, `SELECT time_zone FROM people WHERE username = 'mira'`); zone != "UTC" {
			t.Errorf("%q", zone)
		}
	})

	t.Run("nobody gives themselves a role", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		s.person()
		s.visitor().post("/register", signUp("role", "administrator", "Role", "administrator", "state", "active", "id", s.person().id.String())).redirects("/")
		if role := value[string](s, `SELECT role FROM people WHERE username = 'mira'`); role != "member" {
			t.Errorf("%q", role)
		}
	})
}

// varying are the headers that differ between any two answers, and say nothing.
var varying = []string{"X-Request-Id", "Date", "Set-Cookie"}

// same checks that two answers are equal but for what tells requests apart.
func same(t *testing.T, a, b *answer) {
	t.Helper()
	if a.status != b.status {
		t.Errorf("status %d and %d", a.status, b.status)
	}
	body := strings.ReplaceAll(a.body, a.header.Get("X-Request-Id"), b.header.Get("X-Request-Id"))
	if body != b.body {
		t.Errorf("the bodies differ:\n%s\n%s", a.body, b.body)
	}
	names := map[string]bool{}
	for name := range a.header {
		names[name] = true
	}
	for name := range b.header {
		names[name] = true
	}
	for name := range names {
		x, y := a.header.Values(name), b.header.Values(name)
		if slices.Contains(varying, name) && len(x) == len(y) {
			continue
		}
		if name == "Content-Length" && body == b.body {
			continue // a word of ours in the body may have been replaced by one of another length
		}
		if !slices.Equal(x, y) {
			t.Errorf("%s: %q and %q", name, x, y)
		}
	}
}
