package handlers

import (
	"net/url"
	"strings"
	"testing"

	"parley/chat"
)

// A page stays open while somebody else logs in on the same browser: what it posts carries that person's cookie.
func TestSomebodyElsesPage(t *testing.T) {
	t.Parallel()
	forms := map[string]func(as string) url.Values{
		"/messages": func(as string) url.Values {
			return url.Values{"body": {"in whose name"}, "client_id": {chat.NewID().String()}, "as": {as}}
		},
		"/draft":   func(as string) url.Values { return url.Values{"body": {"in whose name"}, "as": {as}} },
		"/read":    func(as string) url.Values { return url.Values{"seq": {"1"}, "as": {as}} },
		"/unread":  func(as string) url.Values { return url.Values{"seq": {"1"}, "as": {as}} },
		"/choices": func(as string) url.Values { return url.Values{"pinned": {"true"}, "as": {as}} },
	}
	done := map[string]string{
		"/messages": `SELECT count(*) FROM messages WHERE body = 'in whose name'`,
		"/draft":    `SELECT count(*) FROM drafts WHERE body = 'in whose name'`,
		"/read":     `SELECT count(*) FROM members WHERE read_seq > 0`,
		"/unread":   `SELECT count(*) FROM members WHERE unread_marks > 0`,
		"/choices":  `SELECT count(*) FROM members WHERE pinned_at IS NOT NULL`,
	}
	for path, form := range forms {
		t.Run(path+" of somebody else's page does nothing; of one's own, or of a program, it does", func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			// What the member's page posts, with the other's cookie: both may do it, each in the own name.
			for _, as := range []string{w.member.id.String(), w.stranger.id.String(), chat.NewID().String(), "x", "<b>"} {
				w.other.htmx().post(w.conversation+path, form(as)).is(401)
				w.other.post(w.conversation+path, form(as)).is(401).says("Somebody else is logged in").lacks("[data-nobody]")
			}
			twice := form(w.other.id.String())
			twice.Add("as", w.member.id.String())
			w.other.post(w.conversation+path, twice).is(400)
			if n := value[int](w.site, done[path]); n != 0 {
				t.Fatal("it was done in somebody else's name")
			}
			kind, body := multipartOf(t, form(w.member.id.String()))
			w.other.send(w.other.request("POST", w.conversation+path, kind, body)).is(401)
			for _, as := range []string{w.other.id.String(), ""} {
				if status := w.other.htmx().post(w.conversation+path, form(as)).status; status != 200 && status != 204 {
					t.Errorf("as %q: %d", as, status)
				}
			}
			if n := value[int](w.site, done[path]); n == 0 {
				t.Error("nothing was done in one's own name either")
			}
			missing := form("")
			missing.Del("as")
			w.other.post(w.conversation+path, missing).is(303)
		})
	}

	t.Run("the form for writing says whose it is, and without scripts its text is given back", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		page := w.member.get(w.conversation)
		as, _ := page.has("#composer input[name=as]").Attr("value")
		if as != w.member.id.String() {
			t.Fatalf("it says %q", as)
		}
		// The browser is somebody else's by now.
		w.member.post("/logout", nil).redirects("/")
		w.member.post("/login", login(w.other.username, goodPassword)).redirects("/")
		form := draft("precious <b>", chat.NewID().String())
		form.Set("as", as)
		a := w.member.post(w.conversation+"/messages", form).is(401).says("This was not sent.").says("Person 1")
		if text := a.has("textarea[readonly]").Text(); strings.TrimPrefix(text, "\n") != "precious <b>" {
			t.Errorf("the text is %q", text)
		}
		if !w.member.loggedIn() {
			t.Error("whoever is logged in is logged out")
		}
		// Logging out leads to the page for logging in, and that back to where one was.
		next, _ := a.has(`form[action="/logout"] input[name=next]`).Attr("value")
		w.member.post("/logout", url.Values{"next": {next}}).redirects("/login?next=" + url.QueryEscape(w.conversation))
		w.member.post("/logout", url.Values{"next": {"https://evil.example/"}}).redirects("/login")
		w.member.post("/logout", url.Values{"next": {"a", "b"}}).redirects("/")
	})

	t.Run("what scripts ask for in somebody else's name is refused", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for _, path := range []string{"/ws", w.conversation + "/changes", "/conversations", "/settings"} {
			mine, theirs := path+"?as="+w.other.id.String(), path+"?as="+w.member.id.String()
			w.other.htmx().get(mine).is(200)
			w.other.htmx().get(path).is(200)
			w.other.htmx().get(theirs).is(401)
		}
	})
}
