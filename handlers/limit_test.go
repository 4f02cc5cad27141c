package handlers

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"parley/chat"
)

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

	t.Run("asking for a new password, per address, whatever the name", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		b, n := s.visitor(), 0
		exactly(t, s, chat.LimitForgotByAddress, func() *answer {
			n++
			return b.post("/forgot", forgot("somebody"+itoa(n)))
		})
		s.visitor().post("/forgot", forgot("somebody")).is(303)
	})

	t.Run("asking for a new password, per account, whether there is one or not", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		exactly(t, s, chat.LimitForgotByAccount, func() *answer { return s.visitor().post("/forgot", forgot(mira.username)) })
		exactly(t, s, chat.LimitForgotByAccount, func() *answer { return s.visitor().post("/forgot", forgot("nobody@example.org")) })
		s.visitor().post("/forgot", forgot(mira.username)).is(303) // the time of the second has passed for the first as well
		a := s.visitor().post("/forgot", forgot(mira.username)).is(429)
		b := s.visitor().post("/forgot", forgot("nobody@example.org")).is(429)
		a.body = strings.ReplaceAll(a.body, mira.username, "nobody@example.org")
		same(t, a, b)
		s.visitor().post("/forgot", forgot("another")).is(303)
	})

	t.Run("other addresses and other letters, per person; what was typed stays", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira, ben := s.person(), s.person()
		n := 0
		exactly(t, s, chat.LimitEmail, func() *answer {
			n++
			if n%2 == 0 {
				return mira.post("/settings/email/again", nil)
			}
			return mira.post("/settings/email", wants("mira"+itoa(n)+"@example.org", goodPassword))
		})
		a := mira.post("/settings/email", wants("kept@example.org", goodPassword)).is(429)
		if v, _ := a.has("#field-email-email").Attr("value"); v != "kept@example.org" {
			t.Errorf("the address is %q", v)
		}
		ben.post("/settings/email", wants("ben@example.org", goodPassword)).is(303)
	})

	t.Run("links that confirm an address, per address", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		b, n := s.visitor(), 0
		exactly(t, s, chat.LimitEmailLinkByAddress, func() *answer {
			n++
			if n%2 == 0 {
				return b.post("/confirm/guess", nil)
			}
			return b.get("/confirm/guess")
		})
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
