package handlers

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/PuerkitoBio/goquery"
	"golang.org/x/net/html"

	"parley/chat"
)

// normalBody is what of a text is stored, written down once more: line ends in one form, nothing before the first line
// that shows something, no white space at the end.
func normalBody(s string) string {
	lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s), "\n")
	invisible := func(line string) bool {
		for _, r := range line {
			if !unicode.IsSpace(r) && !unicode.Is(unicode.Cf, r) {
				return false
			}
		}
		return true
	}
	for len(lines) > 1 && invisible(lines[0]) {
		lines = lines[1:]
	}
	return strings.TrimRightFunc(strings.Join(lines, "\n"), unicode.IsSpace)
}

func TestPayloads(t *testing.T) {
	t.Parallel()
	if len(payloads) < 60 {
		t.Fatal("premise: there are few")
	}
	// What comes with an address and a header; TestPostPayloads has the fields of forms.
	fields := map[string]func(w *world, payload string) []*answer{
		"next": func(w *world, p string) []*answer {
			form := login(w.member.username, "wrong password 1")
			form.Set("next", p)
			right := login(w.member.username, goodPassword)
			right.Set("next", p)
			return []*answer{w.visitor.post("/login", form), w.site.visitor().post("/login", right), w.visitor.get("/login?next=" + url.QueryEscape(p))}
		},
		"q": func(w *world, p string) []*answer {
			escaped := url.QueryEscape(p)
			page := w.member.get("/people?q=" + escaped)
			if page.status == 200 {
				if got, _ := page.has("#people-query").Attr("value"); got != strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(shown(p)) && got != shown(p) {
					w.t.Errorf("the search for %q shows %q", clip(p, 50), clip(got, 50))
				}
			}
			return []*answer{page, w.member.htmx().get("/people?q=" + escaped), w.member.with("HX-Request", "true", "HX-Target", "x#people-results").get("/people?q=" + escaped)}
		},
		"after": func(w *world, p string) []*answer {
			escaped := url.QueryEscape(p)
			return []*answer{w.member.get("/people?q=a&after=" + escaped), w.member.get("/people?after=" + escaped), w.member.get(w.conversation + "?after=" + escaped)}
		},
		"before": func(w *world, p string) []*answer {
			escaped := url.QueryEscape(p)
			return []*answer{w.member.get(w.conversation + "?before=" + escaped), w.member.get("/conversations?before=" + escaped), w.member.htmx().get("/conversations?before=" + escaped)}
		},
		"around": func(w *world, p string) []*answer {
			return []*answer{w.member.get(w.conversation + "?around=" + url.QueryEscape(p)), w.member.htmx().get(w.conversation + "?around=" + url.QueryEscape(p))}
		},
		"an administrator's search": func(w *world, p string) []*answer {
			escaped := url.QueryEscape(p)
			page := w.other.get("/administration/people?q=" + escaped)
			if page.status == 200 {
				if got, _ := page.has("#records-query").Attr("value"); got != strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(shown(p)) && got != shown(p) {
					w.t.Errorf("the search for %q shows %q", clip(p, 50), clip(got, 50))
				}
			}
			return []*answer{
				page, w.other.htmx().get("/administration/people?q=" + escaped), w.other.get("/administration/people?role=" + escaped + "&state=" + escaped),
				w.other.get("/administration/people?after=" + escaped), w.other.get("/administration/people?invitation=" + escaped),
				w.other.get("/administration/invitations?after=" + escaped + "&done=" + escaped), w.other.get("/administration/log?about=" + escaped),
				w.other.get("/administration/log?before=" + escaped), w.other.get("/administration/log?check=" + escaped),
				w.other.get("/administration/registration?saved=" + escaped), w.other.get("/administration/people/" + w.member.id.String() + "?done=" + escaped),
			}
		},
		"an invitation's link": func(w *world, p string) []*answer {
			path := "/join/" + url.PathEscape(p)
			return []*answer{
				w.visitor.get(path), w.visitor.post(path, signUp("password", "short")), w.member.get(path), w.member.post(path, signUp()),
				w.visitor.post("/join/"+w.invitation, signUp("username", p, "password", "short")), w.visitor.post("/join/"+w.invitation, signUp("display_name", p, "password", "short")),
			}
		},
		"a path": func(w *world, p string) []*answer {
			escaped := url.PathEscape(p)
			return []*answer{
				w.member.get("/people/" + escaped), w.member.get("/conversations/" + escaped), w.visitor.get("/reset/" + escaped), w.member.get("/" + escaped),
				w.visitor.get("/confirm/" + escaped), w.visitor.post("/confirm/"+escaped, nil),
				w.visitor.get("/people/" + escaped), w.member.get("/static/" + escaped), w.member.get("/gallery/" + escaped), w.member.htmx().get("/people/" + escaped),
				w.visitor.post("/reset/"+escaped, url.Values{"password": {"short"}}), w.member.post("/conversations/"+escaped+"/messages", draft("x", chat.NewID().String())),
				w.other.get("/administration/people/" + escaped), w.other.get("/administration/people/" + escaped + "/role"), w.other.get("/administration/" + escaped),
				w.other.post("/administration/people/"+escaped+"/suspension/end", nil), w.other.post("/administration/invitations/"+escaped+"/revoke", nil),
			}
		},
		"a query": func(w *world, p string) []*answer {
			escaped := url.QueryEscape(p)
			return []*answer{w.visitor.get("/settings?" + escaped), w.member.get("/?" + escaped + "=" + escaped), w.member.get("/login?next=" + escaped), w.member.get("/settings?saved=" + escaped),
				w.member.get("/settings/account?saved=" + escaped), w.visitor.get("/forgot?sent=" + escaped), w.visitor.get("/login?email=" + escaped)}
		},
		"a header": func(w *world, p string) []*answer {
			var all []*answer
			for _, name := range []string{"Accept-Language", "User-Agent", "Referer", "HX-Target", "HX-Current-URL", "HX-Request", "HX-Request-Type", "X-Forwarded-For", "Cookie", "If-None-Match", "Accept-Encoding", "X-Request-Id"} {
				all = append(all, w.visitor.with(name, p).get("/login"), w.visitor.with(name, p, "HX-Request", "true").get("/settings"))
			}
			return append(all, w.site.visitor().with("User-Agent", p).post("/login", login(w.member.username, goodPassword)))
		},
	}
	for field, try := range fields {
		t.Run("whatever is typed as "+field+" does no harm", func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, developing)
			for _, payload := range payloads {
				for _, a := range try(w, payload) {
					a.t = t
					harmless(t, fmt.Sprintf("%q: %s", clip(payload, 60), a.about), a)
				}
			}
			if n := value[int](w.site, `SELECT count(*) FROM people WHERE role = 'administrator'`); n != 1 {
				t.Errorf("%d administrators", n)
			}
			for _, complaint := range w.log.complaints() {
				t.Errorf("the log complains: %s", clip(complaint, 500))
			}
		})
	}

	t.Run("whatever is typed as a message is stored and shown as it is, or refused", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		stored := 0
		for _, payload := range payloads {
			about := fmt.Sprintf("%q", clip(payload, 60))
			id := chat.NewID().String()
			a := w.member.htmx().post(w.conversation+"/messages", draft(payload, id))
			harmless(t, about, a)
			switch a.status {
			case http.StatusOK:
			case http.StatusUnprocessableEntity:
				b := w.member.post(w.conversation+"/messages", draft(payload, id)).is(422)
				harmless(t, about, b)
				if value[bool](w.site, `SELECT EXISTS (SELECT FROM messages WHERE client_id = $1::uuid)`, id) {
					t.Errorf("%s is refused and stored", about)
				}
				continue
			default:
				t.Errorf("%s: %d", about, a.status)
				continue
			}
			stored++
			want := normalBody(payload)
			if got := value[string](w.site, `SELECT body FROM messages WHERE client_id = $1::uuid`, id); got != want {
				t.Errorf("%s is stored as %q", about, clip(got, 100))
			}
			for _, answer := range []*answer{a, w.other.get(w.conversation), w.member.get("/")} {
				harmless(t, about, answer)
			}
			message, _ := goquery.NewDocumentFromReader(strings.NewReader(a.body))
			if text := message.Find(".message__body").First().Text(); text != want {
				t.Errorf("%s is shown as %q", about, clip(text, 100))
			}
		}
		if stored < 60 {
			t.Errorf("only %d of %d were stored", stored, len(payloads))
		}
	})

	t.Run("whatever is typed as a name is stored and shown as it is, or refused", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		taken := 0
		for n, payload := range payloads {
			about := fmt.Sprintf("%q", clip(payload, 60))
			username := fmt.Sprintf("payload%d", n)
			b := w.site.visitor()
			a := b.post("/register", signUp("username", username, "display_name", payload))
			harmless(t, about, a)
			if a.status == http.StatusUnprocessableEntity {
				continue
			}
			a.redirects("/")
			taken++
			want := strings.Join(strings.Fields(payload), " ")
			if got := value[string](w.site, `SELECT display_name FROM people WHERE username = $1`, username); got != want {
				t.Errorf("%s is stored as %q", about, got)
			}
			b.username, b.id = username, value[chat.ID](w.site, `SELECT id FROM people WHERE username = $1`, username)
			conversation := b.talk(w.member)
			b.says(conversation, "hello")
			for _, answer := range []*answer{
				b.get("/settings"), w.member.get("/"), w.member.get("/people/" + username), w.member.get("/people?q=" + username), w.member.get(conversation),
				w.member.htmx().get(conversation), w.member.get(conversation + "/changes"),
			} {
				harmless(t, about, answer)
			}
			profile := w.member.get("/people/" + username).has("main bdi").Map(func(_ int, s *goquery.Selection) string { return s.Text() })
			if !slices.Contains(profile, want) {
				t.Errorf("%s is shown as %q", about, profile)
			}
		}
		if taken < 40 {
			t.Errorf("only %d of %d were taken", taken, len(payloads))
		}
	})

	t.Run("whatever is typed as a note is stored and shown as it is, or refused", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		taken := 0
		for _, payload := range payloads {
			about := fmt.Sprintf("%q", clip(payload, 60))
			a := w.other.post("/administration/invitations", url.Values{"note": {payload}, "days": {"7"}, "uses": {"1"}})
			harmless(t, about, a)
			if a.status == http.StatusUnprocessableEntity {
				continue
			}
			a.redirects("/administration/invitations")
			taken++
			want := strings.Join(strings.Fields(payload), " ")
			id := value[chat.ID](w.site, `SELECT id FROM invitations ORDER BY created_at DESC, id DESC LIMIT 1`)
			if got := value[string](w.site, `SELECT note FROM invitations WHERE id = $1`, id); got != want {
				t.Errorf("%s is stored as %q", about, got)
			}
			w.exec(`UPDATE people SET invitation_id = $1 WHERE id = $2`, id, w.stranger.id)
			list := w.other.get("/administration/invitations")
			for _, answer := range []*answer{
				list, w.other.get("/administration/log"), w.other.get("/administration/log?about=" + id.String()),
				w.other.get("/administration/people?invitation=" + id.String()), w.other.get("/administration/people/" + w.stranger.id.String()),
			} {
				harmless(t, about, answer)
			}
			if text := list.has("#invitation-" + id.String() + " .line__title").Text(); want != "" && text != want {
				t.Errorf("%s is shown as %q", about, text)
			}
			w.exec(`UPDATE people SET display_name = $1 WHERE id = $2`, want+"x", w.stranger.id)
			for _, answer := range []*answer{
				w.other.get("/administration/people"), w.other.get("/administration/people/" + w.stranger.id.String() + "?done=suspended"),
				w.other.get("/administration/people/" + w.stranger.id.String() + "/suspension"), w.stranger.get("/join/x"),
			} {
				harmless(t, about, answer)
			}
			w.exec(`UPDATE people SET invitation_id = NULL`)
			w.exec(`DELETE FROM invitations`)
		}
		if taken < 40 {
			t.Errorf("only %d of %d were taken", taken, len(payloads))
		}
	})

	t.Run("whatever is chosen as a password opens the account, or is refused", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		taken, broken := 0, 0
		for n, payload := range payloads {
			about := fmt.Sprintf("%q", clip(payload, 60))
			username := fmt.Sprintf("payload%d", n)
			a := w.site.visitor().post("/register", signUp("username", username, "password", payload))
			harmless(t, about, a)
			b := w.site.visitor().post("/login", login(username, payload))
			harmless(t, about, b)
			sound := utf8.ValidString(payload) && !strings.Contains(payload, "\x00") && len(payload) >= chat.MinPasswordBytes && len(payload) <= chat.MaxPasswordBytes
			switch {
			case sound && a.status == http.StatusSeeOther:
				taken++
				b.redirects("/")
			case a.status != http.StatusUnprocessableEntity || b.status != http.StatusUnprocessableEntity:
				t.Errorf("%s: %d, then %d", about, a.status, b.status)
			case !utf8.ValidString(payload) && len(payload) >= chat.MinPasswordBytes:
				broken++
			}
		}
		if taken < 40 || broken < 1 {
			t.Errorf("premise: %d of %d were taken, %d are no text and long enough", taken, len(payloads), broken)
		}
	})

	t.Run("what is looked for is found: a page with the payload in its markup is noticed", func(t *testing.T) {
		t.Parallel()
		noticed := 0
		for _, payload := range payloads[:37] {
			document, err := html.Parse(strings.NewReader(`<html><body><div class="message__body">` + payload + `</div><input value="` + payload + `"></body></html>`))
			if err != nil {
				t.Fatal(err)
			}
			for node := range document.Descendants() {
				if strange(node) != "" {
					noticed++
					break
				}
			}
		}
		if noticed < 28 {
			t.Errorf("only %d of 37", noticed)
		}
	})
}
