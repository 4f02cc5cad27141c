package handlers

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

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
		s.exec(`UPDATE people SET email_confirmed_at = now() WHERE username = 'owner'`)
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

func TestLogIn(t *testing.T) {
	t.Parallel()

	t.Run("unknown name, wrong password, suspended and closed account look the same, byte for byte", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		s.person()
		for _, name := range []string{"known", "gone1", "gone2"} {
			s.visitor().post("/register", signUp("username", name)).redirects("/")
		}
		s.exec(`UPDATE people SET state = 'suspended' WHERE username = 'gone1'`)
		s.exec(`UPDATE people SET state = 'closed' WHERE username = 'gone2'`)
		try := func(name, password string) *answer {
			a := s.visitor().post("/login", login(name, password)).is(422)
			a.body = strings.ReplaceAll(a.body, `value="`+name+`"`, `value="somebody"`)
			return a
		}
		wrong := try("known", "wrong password 1")
		same(t, wrong, try("nobody", "wrong password 1"))
		same(t, wrong, try("nobody", goodPassword))
		same(t, wrong, try("gone1", goodPassword))
		same(t, wrong, try("gone2", goodPassword))
		same(t, wrong, try("known", strings.Repeat("x", 100)))
		same(t, wrong, try("known", ""))
	})

	t.Run("case and white space around a name do not matter, in a password they do", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		b := s.visitor()
		b.post("/login", login(mira.username, strings.ToUpper(goodPassword))).is(422)
		b.post("/login", login(mira.username, goodPassword+" ")).is(422)
		b.post("/login", login(" "+strings.ToUpper(mira.username)+" ", goodPassword)).redirects("/")
	})

	t.Run("after logging in one is where one wanted to go", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		b := s.visitor()
		a := b.get("/people?q=x").is(303)
		page := b.get(a.header.Get("Location")).is(200)
		next, _ := page.has("input[name=next]").Attr("value")
		form := login(mira.username, "wrong password 1")
		form.Set("next", next)
		next, _ = b.post("/login", form).is(422).has("input[name=next]").Attr("value")
		form = login(mira.username, goodPassword)
		form.Set("next", next)
		b.post("/login", form).redirects("/people?q=x")
	})

	t.Run("whoever is logged in is sent on", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		mira.get("/login").redirects("/")
		mira.get("/register").redirects("/")
		mira.get("/login?next=%2Fsettings").redirects("/settings")
		mira.get("/login?next=%2F%2Fevil.example").redirects("/")
		mira.get("/login?next=a&next=b").redirects("/")
	})

	t.Run("a form for logging in may say next in its address", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		b := s.visitor()
		b.post("/login?next=%2Fsettings", login(mira.username, goodPassword)).redirects("/settings")
		s.visitor().post("/login?next=%2Fa&next=%2Fb", login(mira.username, goodPassword)).is(400)
	})
}

// TestLogInTime is not parallel to others: it measures how long this process works for an answer. That, other than the
// time until the answer, hardly depends on what else the machine does; and nearly all of it is the password's hash, so
// it tells how often there was one.
func TestLogInTime(t *testing.T) {
	s := newSite(t, func(p *plan) { p.settings.BcryptCost, p.settings.Limits = 9, false })
	mira := s.person()
	b := s.visitor()
	tries := map[string]url.Values{
		"a wrong password":            login(mira.username, "wrong password 1"),
		"an unknown name":             login("nobody", "wrong password 1"),
		"an unknown address":          login("nobody@example.org", "wrong password 1"),
		"a name that none can have":   login("\x00", "wrong password 1"),
		"a password that is too long": login(mira.username, strings.Repeat("x", 500)),
		"no password":                 login(mira.username, ""),
	}
	least := map[string]time.Duration{}
	for range 4 {
		for about, form := range tries {
			began := worked(t)
			b.post("/login", form).is(422)
			if took := worked(t) - began; least[about] == 0 || took < least[about] {
				least[about] = took
			}
		}
	}
	wrong := least["a wrong password"]
	if began := worked(t); true {
		s.visitor().get("/login").is(200)
		if page := worked(t) - began; wrong < 4*page {
			t.Fatalf("premise: the hash is not most of the work: %v, a page takes %v", wrong, page)
		}
	}
	for about, took := range least {
		if took < wrong*2/3 || took > wrong*3/2 {
			t.Errorf("%s takes %v, a wrong password %v", about, took, wrong)
		}
	}
}

// worked is the processor time that this process has used.
func worked(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano())
}

func TestOpenRedirect(t *testing.T) {
	t.Parallel()
	local := map[string]string{
		"/": "/", "/settings": "/settings", "/people?q=a%26b": "/people?q=a%26b", "/conversations/x?around=y#m-y": "/conversations/x?around=y#m-y",
		"/people?next=https://evil.example": "/people?next=https://evil.example",
		"/@evil.example":                    "/@evil.example", "/a:b": "/a:b",
	}
	foreign := []string{
		"", "https://evil.example", "http:evil.example", "//evil.example", "///evil.example", "////evil.example",
		`/\evil.example`, `\\evil.example`, `\/evil.example`, `/\/evil.example`, "/\t/evil.example", "/\n/evil.example", "\t//evil.example",
		" //evil.example", "/ /evil.example", "/\r\nLocation: https://evil.example", "/\x00/evil.example", "javascript:alert(1)",
		"data:text/html,x", "evil.example", "@evil.example", ".evil.example", "/.//evil.example", "/..//evil.example", "/x/..//evil.example",
		"/%2F/evil.example", "/%2Fevil.example", "/%5Cevil.example", "/%2f%2fevil.example", "https:/evil.example", "HTTPS://evil.example", "//evil.example:80/x", "//user@evil.example",
		"/" + "\u2028" + "/evil.example", "/\u00a0", "/\xff", "/%", "/" + strings.Repeat("x", 600),
	}
	for next, want := range local {
		if got := localPath(next); got != want {
			t.Errorf("%q becomes %q", next, got)
		}
	}
	for _, next := range foreign {
		if got := localPath(next); got != "/" {
			t.Errorf("%q becomes %q", next, got)
		}
	}

	t.Run("through the form", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, func(p *plan) { p.settings.Limits = false })
		mira := s.person()
		for _, next := range foreign {
			form := login(mira.username, goodPassword)
			form.Set("next", next)
			b := s.visitor()
			b.post("/login", form).redirects("/")
			b.get("/login?next=" + url.QueryEscape(next)).redirects("/")
			if a := s.visitor().htmx().post("/login", form).is(http.StatusNoContent); a.header.Get("HX-Redirect") != "/" {
				t.Errorf("%q: htmx goes to %q", next, a.header.Get("HX-Redirect"))
			}
			s.visitor().get("/login?next=" + url.QueryEscape(next)).is(200).lacks("input[name=next]")
		}
	})

	t.Run("a path of a stranger's making does not become a redirect elsewhere", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		for _, path := range []string{"//evil.example/people", "//evil.example/..%2f", "/people//evil.example", "/%5Cevil.example"} {
			a := s.visitor().get(path)
			if location := a.header.Get("Location"); location != "" && (!strings.HasPrefix(location, "/login") || strings.Contains(location, "next=%2F%2F")) {
				t.Errorf("%s: %d to %q", path, a.status, location)
			}
		}
	})
}

func TestLimits(t *testing.T) {
	t.Parallel()

	// exactly checks that a limit lets its burst through, refuses the next, and lets one through a moment later.
	exactly := func(t *testing.T, s *site, limit chat.Limit, try func() *answer) {
		t.Helper()
		for n := range limit.Burst {
			if a := try(); a.status == 429 {
				t.Fatalf("%s: number %d of %d is refused", limit.Name, n+1, limit.Burst)
			}
		}
		a := try().is(429)
		wait := a.header.Get("Retry-After")
		if want := seconds(limit.Every); wait != itoa(want) {
			t.Errorf("%s: Retry-After is %q, want %d", limit.Name, wait, want)
		}
		a.says("Please wait")
		s.clock.turn(limit.Every - time.Millisecond)
		try().is(429)
		s.clock.turn(time.Millisecond)
		if a := try(); a.status == 429 {
			t.Errorf("%s: still refused after %v", limit.Name, limit.Every)
		}
		try().is(429)
	}

	t.Run("registering, per address", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		s.person()
		b := s.visitor()
		exactly(t, s, chat.LimitRegisterByAddress, func() *answer { return b.post("/register", nil) })
		s.visitor().post("/register", nil).is(422) // another address is free
	})

	t.Run("registering, per /64 of IPv6", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		s.person()
		n := 0
		exactly(t, s, chat.LimitRegisterByAddress, func() *answer {
			n++
			b := s.visitor()
			b.address = "[2001:db8:1:2::" + itoa(n) + "]:4711"
			return b.post("/register", nil)
		})
		b := s.visitor()
		b.address = "[2001:db8:1:3::1]:4711"
		b.post("/register", nil).is(422)
	})

	t.Run("a stranger's X-Forwarded-For does not open another bucket", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		s.person()
		b, n := s.visitor(), 0
		exactly(t, s, chat.LimitRegisterByAddress, func() *answer {
			n++
			return b.with("X-Forwarded-For", "203.0.113."+itoa(n), "X-Real-Ip", "203.0.113."+itoa(n), "Forwarded", "for=203.0.113."+itoa(n)).post("/register", nil)
		})
	})

	t.Run("logging in, per address, whatever the name", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		b, n := s.visitor(), 0
		exactly(t, s, chat.LimitLoginByAddress, func() *answer {
			n++
			return b.post("/login", login("nobody"+itoa(n), "wrong password 1"))
		})
	})

	t.Run("logging in, per account, whatever the address", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		exactly(t, s, chat.LimitLoginByAccount, func() *answer {
			return s.visitor().post("/login", login(mira.username, "wrong password 1"))
		})
		a := s.visitor().post("/login", login(mira.username, goodPassword)).is(429)
		a.silentOn(goodPassword)
		if v, _ := a.has("input[name=login]").Attr("value"); v != mira.username {
			t.Error("the name is not kept")
		}
		s.clock.turn(chat.LimitLoginByAccount.Every)
		s.visitor().post("/login", login(mira.username, goodPassword)).redirects("/")
	})

	t.Run("an account that is not there has the same limit", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		exactly(t, s, chat.LimitLoginByAccount, func() *answer {
			return s.visitor().post("/login", login("nobody", "wrong password 1"))
		})
	})

	t.Run("reset links, per address", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		b := s.visitor()
		exactly(t, s, chat.LimitResetByAddress, func() *answer { return b.get("/reset/guess") })
	})

	t.Run("searching, per person", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira, ben := s.person(), s.person()
		exactly(t, s, chat.LimitSearch, func() *answer { return mira.get("/people?q=x") })
		a := mira.with("HX-Request", "true", "HX-Target", "section#people-results").get("/people?q=kept").is(429)
		a.has("#people-results [role=alert]")
		a.lacks("main")
		if v, _ := mira.get("/people?q=kept").is(429).has("#people-query").Attr("value"); v != "kept" {
			t.Errorf("the search is %q", v)
		}
		ben.get("/people?q=x").is(200)
	})

	t.Run("starting conversations, per person", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira, ben := s.person(), s.person()
		exactly(t, s, chat.LimitStart, func() *answer { return mira.post("/conversations", url.Values{"person": {ben.id.String()}}) })
	})

	t.Run("sending, per person; the text stays, and so does its id", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		ben, mira := s.person(), s.person()
		conversation := mira.talk(ben)
		first := url.Values{"body": {"the first"}, "client_id": {chat.NewID().String()}}
		mira.post(conversation+"/messages", first).is(303)
		s.clock.turn(time.Hour)
		form := url.Values{}
		exactly(t, s, chat.LimitSend, func() *answer {
			form = url.Values{"body": {"many words"}, "client_id": {chat.NewID().String()}}
			return mira.post(conversation+"/messages", form)
		})
		a := mira.post(conversation+"/messages", form).is(429)
		if text := a.has("#composer-body").Text(); text != "many words" {
			t.Errorf("the text is %q", text)
		}
		if id, _ := a.has("#composer-client-id").Attr("value"); id != form.Get("client_id") {
			t.Error("another id: sending again might send twice")
		}
		a.has("#composer-error:not([hidden])")
		b := mira.htmx().post(conversation+"/messages", form).is(429)
		if code, _ := b.has(".message__error").Attr("data-code"); code != "too_many" || b.header.Get("Retry-After") == "" {
			t.Errorf("htmx: %q, %v", code, b.header)
		}
		mira.post(conversation+"/messages", first).is(303) // a retry is answered all the same
		ben.says(conversation, "others may")
	})

	t.Run("settings, per person", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		exactly(t, s, chat.LimitSettings, func() *answer {
			return mira.post("/settings", url.Values{"theme": {"dark"}, "time_zone": {"UTC"}})
		})
	})
}
