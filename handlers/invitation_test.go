package handlers

import (
	"crypto/sha256"
	"net/url"
	"strings"
	"testing"
	"time"

	"parley/chat"
)

func TestInvitations(t *testing.T) {
	t.Parallel()

	t.Run("a link is shown once, and stands in no address, no log and no table", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		a := o.boss.post("/administration/invitations", invitationForm(7, 5)).redirects("/administration/invitations")
		if c := a.header.Get("Set-Cookie"); !strings.HasPrefix(c, "parley-once=") || !strings.Contains(c, "HttpOnly") || !strings.Contains(c, "SameSite=Strict") {
			t.Errorf("the cookie is %q", c)
		}
		a = o.boss.get("/administration/invitations").is(200)
		link, _ := a.has("#secret[readonly]").Attr("value")
		a.has(`button[data-copy=secret][hidden]`)
		token, ours := strings.CutPrefix(link, "https://chat.example.org/join/")
		if !ours || len(token) != 43 {
			t.Fatalf("the link is %q", link)
		}
		o.boss.get("/administration/invitations").is(200).lacks("#secret").silentOn(token) // reloading
		o.boss.htmx().get("/administration/invitations").is(200).silentOn(token)
		if n := value[int](o.site, `SELECT count(*) FROM invitations`); n != 1 {
			t.Errorf("%d invitations", n)
		}
		o.visitor().get("/join/" + token).is(200)
		o.visitor().get("/JOIN/" + token).is(404)
		if strings.Contains(o.log.String(), token) {
			t.Error("the log holds the link")
		}
		hash := sha256.Sum256([]byte(token))
		if n := value[int](o.site, `SELECT count(*) FROM invitations WHERE token_hash = $1`, hash[:]); n != 1 {
			t.Error("not the hash is kept")
		}
		for _, table := range []string{"invitations", "audit", "session_tokens", "sessions"} {
			if n := value[int](o.site, `SELECT count(*) FROM `+table+` t WHERE t::text LIKE '%' || $1 || '%'`, token); n != 0 {
				t.Errorf("%s holds the link", table)
			}
		}
		if got := o.entry(); !strings.HasPrefix(got, o.boss.id.String()+" invite ") || !strings.HasSuffix(got, ` {} {"days": "7", "uses": "5"}`) {
			t.Errorf("written is %s", got)
		}
	})

	t.Run("whoever opens it is welcomed, joins, and is known to have come by it", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		o.exec(`UPDATE installation SET registration = 'invite'`)
		path := o.invite(invitationForm(7, 5))
		o.exec(`UPDATE invitations SET max_uses = 2`)
		guest := o.visitor()
		a := guest.get(path).is(200).says("You were invited to Parley by \u2068Boss\u2069.")
		if action, _ := a.has("form.form").Attr("action"); action != path {
			t.Errorf("the form goes to %q", action)
		}
		a.lacks("input[name=setup_code]")
		guest.post(path, signUp("username", "guest")).redirects("/")
		if !guest.loggedIn() {
			t.Error("not logged in")
		}
		o.boss.get("/administration/invitations").is(200).says("for the crew").says("used 1 of 2").has(`form[action$="/revoke"]`)
		o.visitor().post(path, signUp("username", "guest2")).redirects("/")
		a = o.boss.get("/administration/invitations").is(200).says("used 2 of 2").says("Used up").lacks(`form[action$="/revoke"]`)
		came, _ := a.has(`.invitation a[href*="invitation="]`).Attr("href")
		a = o.boss.get(came).is(200).says("People who came by an invitation of")
		if n := a.page().Find(".record").Length(); n != 2 {
			t.Errorf("%d came by it", n)
		}
		id := value[chat.ID](o.site, `SELECT id FROM people WHERE username = 'guest'`)
		o.boss.get("/administration/people/" + id.String()).is(200).says("for the crew").has(`.facts a[href="/administration/people/` + o.boss.id.String() + `"]`)
		o.visitor().get(path).is(404)
	})

	t.Run("a link that is none, used up, expired or revoked looks the same", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		unknown := o.visitor().get("/join/" + strings.Repeat("A", 43)).is(404).says("This invitation does not work").silentOn("Boss")
		unknownPost := o.visitor().post("/join/"+strings.Repeat("A", 43), signUp()).is(404)
		for name, sql := range map[string]string{
			"used up": `UPDATE invitations SET uses = max_uses`, "expired": `UPDATE invitations SET expires_at = now()`,
			"revoked": `UPDATE invitations SET revoked_at = now()`, "gone": `DELETE FROM invitations`,
		} {
			path := o.invite(invitationForm(7, 1))
			o.visitor().get(path).is(200) // premise
			o.exec(sql)
			same(t, unknown, o.visitor().get(path))
			same(t, unknownPost, o.visitor().post(path, signUp()))
			same(t, unknownPost, o.visitor().post(path, signUp("password", "short")))
			if t.Failed() {
				t.Fatalf("%s can be told", name)
			}
		}
		for _, token := range []string{"%00", "%ff", "x", "..%2f", strings.Repeat("x", 3000)} {
			same(t, unknown, o.visitor().get("/join/"+token))
			same(t, unknownPost, o.visitor().post("/join/"+token, signUp()))
		}
		if n := value[int](o.site, `SELECT count(*) FROM people`); n != 4 {
			t.Errorf("%d people", n)
		}
	})

	t.Run("revoking ends it", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		path := o.invite(invitationForm(0, 0))
		revoke, _ := o.boss.get("/administration/invitations").says("never ends").has(`form[action$="/revoke"]`).Attr("action")
		o.boss.post(revoke, nil).redirects("/administration/invitations?done=revoked")
		o.boss.get("/administration/invitations?done=revoked").is(200).says("The invitation is revoked").says("Revoked").lacks(`form[action$="/revoke"]`)
		if got := o.entry(); !strings.Contains(got, " revoke_invitation ") || !strings.HasSuffix(got, ` {"uses": "0"} {}`) {
			t.Errorf("written is %s", got)
		}
		o.visitor().get(path).is(404)
	})

	t.Run("where registration is closed every link says so, and none works", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		path := o.invite(invitationForm(7, 1))
		o.exec(`UPDATE installation SET registration = 'closed'`)
		same(t, o.visitor().get(path).is(200).says("Registration is closed").lacks("input"), o.visitor().get("/join/"+strings.Repeat("A", 43)))
		same(t, o.visitor().post(path, signUp()).is(403).says("Registration is closed").lacks("input"), o.visitor().post("/join/"+strings.Repeat("A", 43), signUp()))
		if n := value[int](o.site, `SELECT uses FROM invitations`); n != 0 {
			t.Errorf("%d uses", n)
		}
	})

	t.Run("somebody who has an account is told so, whatever the link, and takes no use", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		path := o.invite(invitationForm(7, 1))
		a := o.member.get(path).is(200).says("You are already here").lacks("input")
		a.has(`a[href="/"]`)
		same(t, a, o.member.get("/join/"+strings.Repeat("A", 43)))
		o.member.post(path, signUp()).redirects("/")
		if n := value[int](o.site, `SELECT uses FROM invitations`); n != 0 {
			t.Errorf("%d uses", n)
		}
	})

	t.Run("a wrong form comes back with its values and the inviter, and takes no use", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		path := o.invite(invitationForm(7, 1))
		for _, form := range []url.Values{signUp("username", "guest", "password", "short"), signUp("username", o.member.username)} {
			a := o.visitor().post(path, form).is(422).says("You were invited").has("form.form")
			if action, _ := a.Attr("action"); action != path {
				t.Errorf("the form goes to %q", action)
			}
			a2 := o.visitor().post(path, form)
			if v, _ := a2.has("input[name=username]").Attr("value"); v != form.Get("username") {
				t.Errorf("the name is %q", v)
			}
			a2.lacks("input[name=password][value]")
		}
		if n := value[int](o.site, `SELECT uses FROM invitations`); n != 0 {
			t.Errorf("%d uses", n)
		}
		o.visitor().post(path, signUp("username", "guest")).redirects("/")
	})

	t.Run("what was not offered is refused, with the form as it was", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		for _, form := range []url.Values{
			{"note": {strings.Repeat("long ", 30)}, "days": {"7"}, "uses": {"25"}}, {"note": {"kept"}, "days": {"3"}, "uses": {"1"}},
			{"note": {"kept"}, "days": {"7"}, "uses": {"x"}}, {"note": {"kept"}},
		} {
			a := o.boss.post("/administration/invitations", form).is(422).has("#error-summary")
			if a.Length() != 1 {
				t.Error("no summary")
			}
		}
		a := o.boss.post("/administration/invitations", url.Values{"note": {"kept"}, "days": {"30"}, "uses": {"2"}}).is(422)
		if v, _ := a.has("input[name=note]").Attr("value"); v != "kept" {
			t.Errorf("the note is %q", v)
		}
		if v, _ := a.has("select[name=days] option[selected]").Attr("value"); v != "30" {
			t.Errorf("the days are %q", v)
		}
		a.has(".field--error select[name=uses]")
		if n := o.entries(); n != 0 {
			t.Errorf("%d entries", n)
		}
	})

	t.Run("opening links is limited by address, and so is making them", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		boss := s.person()
		b := s.visitor()
		for range chat.LimitInvitationByAddress.Burst {
			b.get("/join/guess").is(404)
		}
		a := b.get("/join/guess").is(429).says("Please wait")
		if a.header.Get("Retry-After") != itoa(seconds(chat.LimitInvitationByAddress.Every)) {
			t.Errorf("Retry-After is %q", a.header.Get("Retry-After"))
		}
		a = b.post("/join/guess", signUp("username", "kept")).is(429).silentOn("invited")
		if v, _ := a.has("input[name=username]").Attr("value"); v != "kept" {
			t.Errorf("the name is %q", v)
		}
		s.visitor().get("/join/guess").is(404)
		s.clock.turn(chat.LimitInvitationByAddress.Every)
		b.get("/join/guess").is(404)

		for range chat.LimitAdminister.Burst {
			boss.post("/administration/invitations", invitationForm(7, 1)).is(303)
		}
		a = boss.post("/administration/invitations", invitationForm(7, 1)).is(429)
		if v, _ := a.has("input[name=note]").Attr("value"); v != "for the crew" {
			t.Errorf("the note is %q", v)
		}
		boss.post("/administration/invitations/"+value[chat.ID](s, `SELECT id FROM invitations LIMIT 1`).String()+"/revoke", nil).is(429).says("Please wait")
		s.clock.turn(time.Hour)
		boss.post("/administration/invitations", invitationForm(7, 1)).is(303)
	})

	t.Run("more than a page goes on", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		o.exec(`INSERT INTO invitations (id, token_hash, note, created_by) SELECT gen_random_uuid(), sha256(n::text::bytea), '', $1 FROM generate_series(1, 60) n`, o.boss.id)
		next, _ := o.boss.get("/administration/invitations").is(200).has(".people__more a").Attr("href")
		a := o.boss.get(next).is(200).lacks(".people__more a")
		if n := a.page().Find(".invitation").Length(); n != 10 {
			t.Errorf("%d invitations", n)
		}
	})
}
