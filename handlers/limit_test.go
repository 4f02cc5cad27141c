package handlers

import (
	"net/http"
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

	// spent is somebody with a group, who has searched as much as anybody may.
	spent := func(t *testing.T) (s *site, mira, ben *browser, group string) {
		t.Helper()
		s = newSite(t)
		mira, ben = s.person(), s.person()
		group = mira.post("/conversations", url.Values{"name": {"Crew"}, "people": {ben.id.String()}}).is(303).header.Get("Location")
		for range chat.LimitSearch.Burst {
			mira.get("/people?q=x").is(200)
		}
		mira.get("/people?q=x").is(429)
		return s, mira, ben, group
	}

	t.Run("who has searched too much still reads, and adds people", func(t *testing.T) {
		t.Parallel()
		s, mira, ben, group := spent(t)
		r := mira.request("GET", group, "", "")
		r.AddCookie(&http.Cookie{Name: "parley-details", Value: "open"})
		mira.send(r).is(200).has("aside#details .member")
		for _, path := range []string{group + "/details", group + "/members", group + "/members/new", "/groups/new", "/groups/new?people=" + ben.id.String()} {
			mira.get(path).is(200)
		}
		mira.with("HX-Request", "true", "HX-Target", "aside#details").get(group + "/details").is(200).has("#details .member")
		a := mira.post("/conversations", url.Values{"name": {" "}, "about": {"kept"}, "people": {ben.id.String()}}).is(422)
		a.says("kept").has("input[name=people][value='" + ben.id.String() + "'][checked]")
		eva := s.person()
		mira.post(group+"/members", url.Values{"people": {eva.id.String()}}).is(303)
	})

	t.Run("a search among members that comes too fast is told so in their place", func(t *testing.T) {
		t.Parallel()
		_, mira, _, group := spent(t)
		members := mira.with("HX-Request", "true", "HX-Target", "div#members").get(group + "/members?q=kept").is(429)
		members.lacks("main").has("div#members [role=alert]")
		more := mira.with("HX-Request", "true", "HX-Target", "p#members-more").get(group + "/members?after=e30").is(429)
		more.lacks("main").lacks("div#members").has("[role=alert]")
		if again, _ := more.has("#members-more a").Attr("href"); again != group+"/members?after=e30" {
			t.Errorf("again at %s", again)
		}
		for _, a := range []*answer{members, more} {
			if a.header.Get("HX-Retarget") != "" || a.header.Get("Retry-After") == "" {
				t.Errorf("%s: %v", a.about, a.header)
			}
		}
		if v, _ := mira.get(group + "/members?q=kept").is(429).has("main #members-query").Attr("value"); v != "kept" {
			t.Errorf("the search is %q", v)
		}
	})

	t.Run("a search for people to choose that comes too fast leaves the form as it is", func(t *testing.T) {
		t.Parallel()
		_, mira, ben, group := spent(t)
		for _, path := range []string{"/groups/new", group + "/members/new"} {
			path += "?q=kept&name=The+name&about=All+of+it&people=" + ben.id.String()
			chosen := "input[name=people][value='" + ben.id.String() + "'][checked]"
			part := mira.with("HX-Request", "true", "HX-Target", "div#picker-results").get(path).is(429)
			part.lacks("main").has("div#picker-results [role=alert]")
			part.has(chosen)
			if part.header.Get("HX-Retarget") != "" || part.header.Get("Retry-After") == "" {
				t.Errorf("%s: %v", part.about, part.header)
			}
			whole := mira.get(path).is(429)
			whole.has("main #picker-results [role=alert]")
			whole.has(chosen)
			if v, _ := whole.has("#picker-query").Attr("value"); v != "kept" {
				t.Errorf("%s: the search is %q", path, v)
			}
			if strings.HasPrefix(path, "/groups") {
				whole.says("The name").says("All of it")
			}
		}
	})

	t.Run("searching with people chosen counts once", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira, ben := s.person(), s.person()
		exactly(t, s, chat.LimitSearch, func() *answer { return mira.get("/groups/new?q=x&people=" + ben.id.String()) })
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
