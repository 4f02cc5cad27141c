package handlers

import (
	"net/url"
	"strings"
	"testing"

	"parley/chat"
)

func noMail(p *plan) { p.noMail = true }

// wants is the form for another address.
func wants(address, password string) url.Values {
	return url.Values{"email": {address}, "current_password": {password}}
}

func TestEmail(t *testing.T) {
	t.Parallel()

	t.Run("an address is added, confirmed by its letter, changed and removed, and the page says each time how it stands", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		page := mira.get("/settings/account").is(200).says("Add address").lacks(".line").lacks("button[name=remove]")
		page.has("#email-heading")

		a := mira.post("/settings/email", wants(" mira@example.org ", goodPassword)).redirects("/settings/account?saved=email")
		page = mira.get(a.header.Get("Location")).is(200).says("A letter is on its way to that address")
		if line := page.has(".line").Text(); !strings.Contains(line, "mira@example.org") || !strings.Contains(line, "Waiting to be confirmed") {
			t.Errorf("the page says %q", line)
		}
		page.has("form[action='/settings/email/again']")
		page.has("form[action='/settings/email/cancel']")
		page.lacks("button[name=remove]").silentOn("Confirmed<")
		link := "/confirm/" + s.mail(chat.LetterConfirm).Token
		s.visitor().post("/login", login("mira@example.org", goodPassword)).is(422)

		page = mira.get(link).is(200)
		if text := page.has(".card__lead").Text(); !strings.Contains(text, "mira@example.org") || !strings.Contains(text, "@"+mira.username) {
			t.Errorf("the page behind the link says %q", text)
		}
		mira.get(link).is(200) // looking does not use it up
		a = mira.post(link, nil).redirects("/settings/account?saved=email_confirmed")
		page = mira.get(a.header.Get("Location")).is(200).says("Your e-mail address is confirmed.")
		if line := page.has(".line").Text(); !strings.Contains(line, "mira@example.org") || !strings.Contains(line, "Confirmed") {
			t.Errorf("the page says %q", line)
		}
		page.lacks("form[action='/settings/email/again']")
		s.visitor().post("/login", login("MIRA@example.org", goodPassword)).redirects("/")
		if mails := s.mails(); len(mails) != 0 {
			t.Errorf("there was no address before: %+v", mails)
		}

		mira.post("/settings/email", wants("okafor@example.org", goodPassword)).redirects("/settings/account?saved=email")
		page = mira.get("/settings/account").is(200)
		if n := page.has(".line").Length(); n != 2 {
			t.Errorf("%d addresses", n)
		}
		guest := s.visitor()
		a = guest.post("/confirm/"+s.mail(chat.LetterConfirm).Token, nil).redirects("/login?email=confirmed")
		guest.get(a.header.Get("Location")).is(200).says("Your e-mail address is confirmed. You can log in with it.")
		if guest.cookie() != "" {
			t.Error("the link logs in")
		}
		if mail := s.mail(chat.LetterEmailChanged); mail.Address != "mira@example.org" {
			t.Errorf("the old address hears nothing: %+v", mail)
		}
		if !mira.loggedIn() {
			t.Error("the session ended")
		}

		a = mira.post("/settings/email", url.Values{"remove": {"yes"}, "current_password": {goodPassword}}).redirects("/settings/account?saved=email_removed")
		mira.get(a.header.Get("Location")).is(200).says("Your account has no e-mail address any more.").lacks(".line").silentOn("okafor@example.org")
		s.visitor().post("/login", login("okafor@example.org", goodPassword)).is(422)
	})

	t.Run("another letter is sent on request, and the address can be forgotten before it is confirmed", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		mira.post("/settings/email", wants("mira@example.org", goodPassword)).is(303)
		first := s.mail(chat.LetterConfirm).Token
		a := mira.post("/settings/email/again", nil).redirects("/settings/account?saved=email_again")
		mira.get(a.header.Get("Location")).is(200).says("on its way once more")
		second := s.mail(chat.LetterConfirm).Token
		unusable := s.visitor().get("/confirm/" + first).is(404).says("has been used, has expired, or was replaced")
		s.visitor().post("/confirm/"+first, nil).is(404)
		s.visitor().get("/confirm/" + second).is(200)
		a = mira.post("/settings/email/cancel", nil).redirects("/settings/account?saved=email_cancelled")
		mira.get(a.header.Get("Location")).is(200).says("forgotten").lacks(".line")
		same(t, unusable, s.visitor().get("/confirm/"+second))
		mira.post("/settings/email/again", nil).is(404)
	})

	t.Run("links that are none, used, expired or of a suspended person look the same", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		unknown := s.visitor().get("/confirm/" + strings.Repeat("A", 43)).is(404)
		link := func() string {
			mira.post("/settings/email", wants("mira@example.org", goodPassword)).is(303)
			return "/confirm/" + s.mail(chat.LetterConfirm).Token
		}
		path := link()
		s.visitor().get(path).is(200)
		s.exec(`UPDATE email_confirmations SET expires_at = now()`)
		same(t, unknown, s.visitor().get(path))
		s.visitor().post(path, nil).is(404)
		path = link()
		s.visitor().post(path, nil).is(303)
		same(t, unknown, s.visitor().get(path))
		s.exec(`UPDATE people SET email = NULL, email_confirmed_at = NULL`)
		path = link()
		s.exec(`UPDATE people SET state = 'suspended'`)
		same(t, unknown, s.visitor().get(path))
		s.visitor().post(path, nil).is(404)
		for _, token := range []string{"%00", "%ff", "x", "..%2f", strings.Repeat("x", 3000)} {
			same(t, unknown, s.visitor().get("/confirm/"+token))
		}
	})

	t.Run("whoever is logged in as somebody else may confirm, and stays who they are", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira, ben := s.person(), s.person()
		mira.post("/settings/email", wants("mira@example.org", goodPassword)).is(303)
		a := ben.post("/confirm/"+s.mail(chat.LetterConfirm).Token, nil).redirects("/settings/account?saved=email_other")
		ben.get(a.header.Get("Location")).is(200).says("for another account").silentOn("mira@example.org")
		if email := value[string](s, `SELECT email FROM people WHERE id = $1`, mira.id); email != "mira@example.org" {
			t.Errorf("it is %q", email)
		}
	})

	t.Run("an address that somebody else confirmed meanwhile is explained", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira, ben := s.person(), s.person()
		var links []string
		for _, b := range []*browser{mira, ben} {
			b.post("/settings/email", wants("both@example.org", goodPassword)).is(303)
			links = append(links, "/confirm/"+s.mail(chat.LetterConfirm).Token)
		}
		s.visitor().post(links[0], nil).is(303)
		for _, b := range []*browser{s.visitor(), ben, ben.htmx()} {
			b.post(links[1], nil).is(409).says("Another account has confirmed this address meanwhile")
		}
		if n := value[int](s, `SELECT count(*) FROM people WHERE email IS NOT NULL`); n != 1 {
			t.Errorf("%d have it", n)
		}
	})

	t.Run("a refusal stands at its field, in its form, and gives no password back", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		for field, form := range map[string]url.Values{
			"email":            wants("mira@", goodPassword),
			"current_password": wants("mira@example.org", "guessed wrong"),
		} {
			for _, b := range []*browser{mira, mira.htmx()} {
				a := b.post("/settings/email", form).is(422)
				a.has(`#error-summary a[href="#field-email-` + field + `"]`)
				a.has(`#field-email-` + field + `[aria-invalid]`)
				if v, _ := a.has("#field-email-email").Attr("value"); v != form.Get("email") {
					t.Errorf("the address is %q", v)
				}
				if n := a.page().Find("[aria-invalid]").Length(); n != 1 {
					t.Errorf("%d fields are marked", n)
				}
				a.silentOn("guessed wrong").silentOn(goodPassword).lacks("input[type=password][value]")
			}
		}
		mira.post("/settings/email", url.Values{"remove": {"yes"}, "current_password": {"guessed wrong"}}).is(422).
			has(`#field-email-current_password[aria-invalid]`)
		a := mira.post("/settings/password", url.Values{"current_password": {"guessed wrong"}, "password": {"another good one"}}).is(422)
		a.has(`#field-current_password[aria-invalid]`)
		if n := a.page().Find("[aria-invalid]").Length(); n != 1 {
			t.Errorf("%d fields are marked", n)
		}
		if n := value[int](s, `SELECT count(*) FROM people WHERE email_wanted IS NOT NULL`); n != 0 || len(s.mails()) != 0 {
			t.Error("it was stored")
		}
	})

	t.Run("the address that is confirmed already is no news", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		mira.post("/settings/email", wants("mira@example.org", goodPassword)).is(303)
		mira.post("/confirm/"+s.mail(chat.LetterConfirm).Token, nil).is(303)
		a := mira.post("/settings/email", wants("MIRA@example.org ", goodPassword)).redirects("/settings/account?saved=email_same")
		mira.get(a.header.Get("Location")).is(200).says("That is your confirmed address already.")
		mira.post("/settings/email", wants("MIRA@example.org ", "guessed wrong")).is(422)
		if mails := s.mails(); len(mails) != 0 {
			t.Errorf("sent %+v", mails)
		}
	})

	t.Run("where no mail is sent the page says so, and keeps the address", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, noMail)
		mira := s.person()
		mira.get("/settings/account").is(200).says("This server sends no mail")
		a := mira.post("/settings/email", wants("mira@example.org", goodPassword)).redirects("/settings/account?saved=email_kept")
		page := mira.get(a.header.Get("Location")).is(200).says("That address is kept.").says("This server sends no mail")
		page.has(".line")
		page.lacks("form[action='/settings/email/again']")
		mira.post("/settings/email/again", nil).is(403).says("This server sends no mail")
		if n := value[int](s, `SELECT count(*) FROM river_job`); n != 0 {
			t.Errorf("%d letters are kept", n)
		}
		newSite(t).person().get("/settings/account").is(200).silentOn("This server sends no mail")
	})

	t.Run("nobody sees or changes somebody else's", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira, ben := s.person(), s.person()
		mira.post("/settings/email", wants("mira@example.org", goodPassword)).is(303)
		mira.post("/confirm/"+s.mail(chat.LetterConfirm).Token, nil).is(303)
		mira.post("/settings/email", wants("wanted@example.org", goodPassword)).is(303)
		conversation := mira.talk(ben)
		for _, path := range []string{"/settings/account", "/people/" + mira.username, "/people?q=example.org", "/people?q=" + mira.username, conversation, "/"} {
			ben.get(path).is(200).silentOn("mira@example.org").silentOn("wanted@example.org")
		}
		mira.get("/settings/account").is(200).says("mira@example.org").says("wanted@example.org")
		for path, form := range map[string]url.Values{
			"/settings/email":        {"remove": {"yes"}, "current_password": {goodPassword}, "person": {mira.id.String()}, "id": {mira.id.String()}},
			"/settings/email/cancel": {"person": {mira.id.String()}},
		} {
			ben.post(path, form).is(303)
		}
		if got := value[string](s, `SELECT email || ' ' || email_wanted FROM people WHERE id = $1`, mira.id); got != "mira@example.org wanted@example.org" {
			t.Errorf("it is %q", got)
		}
	})
}

func TestRegisterWithAnAddress(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	mira := s.person()
	mira.post("/settings/email", wants("known@example.org", goodPassword)).is(303)
	mira.post("/confirm/"+s.mail(chat.LetterConfirm).Token, nil).is(303)
	known := s.visitor().post("/register", signUp("username", "aa", "email", "Known@example.org"))
	unknown := s.visitor().post("/register", signUp("username", "bb", "email", "other@example.org"))
	same(t, known, unknown)
	mails := s.mails()
	if len(mails) != 2 || mails[0].Kind != chat.LetterTaken || mails[0].Address != "known@example.org" || mails[0].Username != mira.username ||
		mails[1].Kind != chat.LetterConfirm || mails[1].Address != "other@example.org" {
		t.Errorf("sent %+v", mails)
	}
	// Their settings look the same, too, and so does wanting it.
	pages := map[string]*answer{}
	for name, address := range map[string]string{"aa": "Known@example.org", "bb": "other@example.org"} {
		b := s.visitor()
		b.post("/login", login(name, goodPassword)).redirects("/")
		page := b.get("/settings/account").is(200)
		page.body = strings.NewReplacer(address, "x@example.org", ">"+name+"<", ">name<", value[string](s, `SELECT id::text FROM people WHERE username = $1`, name), "id").Replace(page.body)
		pages[name] = page
	}
	same(t, pages["aa"], pages["bb"])
	ben := s.person()
	same(t, ben.post("/settings/email", wants("known@example.org", goodPassword)), ben.post("/settings/email", wants("another@example.org", goodPassword)))
}
