package handlers

import (
	"context"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"parley/chat"
)

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

// crowded is a store that stands for a moment in which too many log in.
type crowded struct{ chat.Store }

func (crowded) busy() error {
	return &chat.Error{Kind: chat.KindUnavailable, Code: chat.CodeBusy, RetryAfter: 5 * time.Second}
}

func (s crowded) PersonByLogin(context.Context, string) (chat.Person, error) {
	return chat.Person{}, s.busy()
}

func (s crowded) InTx(context.Context, func(chat.Store) error) error { return s.busy() }

func TestTooManyLogIns(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	mira := s.person()
	s.handlers.config.Chat = chat.New(crowded{s.store}, s.ear, chat.Settings{BcryptCost: 4})
	for name, post := range map[string]func(b *browser) *answer{
		"logging in": func(b *browser) *answer { return b.post("/login", login("mira", goodPassword)) },
		"signing up": func(b *browser) *answer { return b.post("/register", signUp("username", "somebody")) },
		"changing the password": func(*browser) *answer {
			return mira.post("/settings/password", url.Values{"current_password": {goodPassword}, "password": {"another good one"}})
		},
		"changing the password, by htmx": func(*browser) *answer {
			return mira.htmx().post("/settings/password", url.Values{"current_password": {goodPassword}, "password": {"another good one"}})
		},
	} {
		for kind, b := range map[string]*browser{"page": s.visitor(), "htmx": s.visitor().htmx()} {
			a := post(b).is(503)
			if after := a.header.Get("Retry-After"); after != "5" {
				t.Errorf("%s, %s: Retry-After %q", name, kind, after)
			}
			a.has("form [role=alert], form .field__error, [role=alert]")
			a.says("Very many people are logging in right now.").silentOn(goodPassword)
			if value, there := a.page().Find("input[name=login], input[name=username]").Attr("value"); there && value != "mira" && value != "somebody" {
				t.Errorf("%s, %s: what was typed is now %q", name, kind, value)
			}
		}
	}
}
