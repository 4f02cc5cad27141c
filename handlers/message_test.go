package handlers

import (
	"net/url"
	"strings"
	"testing"

	"parley/chat"
)

// draft is a form for sending.
func draft(body, clientID string) url.Values {
	return url.Values{"body": {body}, "client_id": {clientID}}
}

func TestSend(t *testing.T) {
	t.Parallel()

	t.Run("without scripts a send comes back to the conversation, at the message", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		form := w.member.get(w.conversation).has("#composer")
		action, _ := form.Attr("action")
		id, _ := form.Find("input[name=client_id]").Attr("value")
		a := w.member.post(action, draft("from the form", id)).is(303)
		path, fragment, _ := strings.Cut(a.header.Get("Location"), "#")
		if path != w.conversation {
			t.Errorf("it leads to %q", path)
		}
		if text := w.other.get(path).has("#" + fragment + " .message__body").Text(); text != "from the form" {
			t.Errorf("%q", text)
		}
		if next, _ := w.member.get(path).has("#composer-client-id").Attr("value"); next == id {
			t.Error("the next form has the same id")
		}
	})

	t.Run("htmx gets the message for the log, and the next id", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := chat.NewID().String()
		a := w.member.htmx().post(w.conversation+"/messages", draft("by htmx", id)).is(200)
		// The parser knows <hx-partial> as any element.
		log := a.has(`hx-partial[hx-target="#messages-` + w.conversation[15:] + `"]`)
		if swap, _ := log.Attr("hx-swap"); swap != "beforeend" {
			t.Errorf("swap %q", swap)
		}
		message := log.Find("li.message--mine")
		if client, _ := message.Attr("data-client"); client != id || message.Find(".message__body").Text() != "by htmx" {
			t.Errorf("%s", a.body)
		}
		next, _ := a.has(`hx-partial[hx-target="#composer-client-id"] input[name=client_id]`).Attr("value")
		if _, ok := parseID(next); !ok || next == id {
			t.Errorf("the next id is %q", next)
		}
		a.lacks("html[lang]")
	})

	t.Run("the same send again is the same message", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		form := draft("once", chat.NewID().String())
		first := w.member.post(w.conversation+"/messages", form).is(303).header.Get("Location")
		if again := w.member.post(w.conversation+"/messages", form).is(303).header.Get("Location"); again != first {
			t.Errorf("%q, then %q", first, again)
		}
		a := w.member.htmx().post(w.conversation+"/messages", form).is(200)
		if id, _ := a.has("li.message").Attr("id"); !strings.HasSuffix(first, id) {
			t.Errorf("htmx gets %q", id)
		}
		if n := value[int](w.site, `SELECT count(*) FROM messages WHERE body = 'once'`); n != 1 {
			t.Errorf("%d messages", n)
		}
	})

	t.Run("an id that was used for another text is refused; the text stays, with a fresh id", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := chat.NewID().String()
		w.member.post(w.conversation+"/messages", draft("the first", id)).is(303)
		a := w.member.post(w.conversation+"/messages", draft("the second", id)).is(409)
		if text := a.has("#composer-body").Text(); text != "the second" {
			t.Errorf("the text is %q", text)
		}
		fresh, _ := a.has("#composer-client-id").Attr("value")
		if _, ok := parseID(fresh); !ok || fresh == id {
			t.Errorf("the id is %q", fresh)
		}
		a.has("#composer-error:not([hidden])")
		a.has("#messages-" + w.conversation[15:])
		w.member.post(w.conversation+"/messages", draft("the second", fresh)).is(303)
		b := w.member.htmx().post(w.conversation+"/messages", draft("the third", id)).is(409)
		if code, _ := b.has(".message__error").Attr("data-code"); code != "client_id_reused" {
			t.Errorf("code %q", code)
		}
	})

	t.Run("an id is one's own: somebody else's is as good as new", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		form := draft("the same text", chat.NewID().String())
		mine := w.member.post(w.conversation+"/messages", form).is(303).header.Get("Location")
		if theirs := w.other.post(w.conversation+"/messages", form).is(303).header.Get("Location"); theirs == mine {
			t.Error("one message for two people")
		}
		if w.other.htmx().post(w.conversation+"/messages", form).is(200); t.Failed() {
			return
		}
		// What others see of a message has no trace of its sender's id.
		w.member.get(w.conversation).has(`li.message--mine`)
		if n := w.stranger.get("/").page().Find("[data-client]").Length(); n != 0 {
			t.Error("a stranger sees ids")
		}
		if n := w.other.get(w.conversation).has("li.message:not(.message--mine)").Filter("[data-client]").Length(); n != 0 {
			t.Error("the other sees the sender's id")
		}
	})

	for name, c := range map[string]struct{ id, code string }{
		"a missing id":          {"", "client_id"},
		"an id that is none":    {"x", "client_id"},
		"an id in braces":       {"{0193b1c8-6f2a-7c3e-9d4b-1f2e3d4c5b6a}", "client_id"},
		"an id without dashes":  {"0193b1c86f2a7c3e9d4b1f2e3d4c5b6a", "client_id"},
		"the id of nothing":     {"00000000-0000-0000-0000-000000000000", "client_id"},
		"an id with a NUL":      {"0193b1c8-6f2a-7c3e-9d4b-1f2e3d4c5b6\x00", "client_id"},
		"an id that is a novel": {strings.Repeat("0193b1c8", 2000), "client_id"},
	} {
		t.Run(name+" is refused; the text stays, with a fresh id", func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			a := w.member.post(w.conversation+"/messages", draft("kept", c.id)).is(422)
			if text := a.has("#composer-body").Text(); text != "kept" {
				t.Errorf("the text is %q", text)
			}
			fresh, _ := a.has("#composer-client-id").Attr("value")
			if _, ok := parseID(fresh); !ok {
				t.Errorf("the id is %q", fresh)
			}
			b := w.member.htmx().post(w.conversation+"/messages", draft("kept", c.id)).is(422)
			if code, _ := b.has(".message__error").Attr("data-code"); code != c.code {
				t.Errorf("code %q", code)
			}
			if n := value[int](w.site, `SELECT count(*) FROM messages`); n != 1 {
				t.Error("it was stored")
			}
		})
	}

	for name, c := range map[string]struct{ body, code string }{
		"nothing":             {"", "required"},
		"white space":         {" \n\t \r\n\u00a0\u2003", "required"},
		"letters of no width": {"\u200b\u200d\u2060\ufeff", "required"},
		"too much":            {strings.Repeat("ä", chat.MaxBody+1), "too_long"},
		"a NUL":               {"a\x00b", "bad_text"},
		"invalid UTF-8":       {"a\xff\xfeb", "bad_text"},
		"a control character": {"a\x1b[31mb", "bad_text"},
	} {
		t.Run(name+" is no message", func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id := chat.NewID().String()
			a := w.member.post(w.conversation+"/messages", draft(c.body, id)).is(422)
			want := strings.ReplaceAll(shown(c.body), "\r\n", "\n") // as a parser of HTML reads it
			if text := a.has("#composer-body").Text(); strings.TrimLeft(text, "\n") != strings.TrimLeft(want, "\n") {
				t.Errorf("the text is %q", clip(text, 100))
			}
			if kept, _ := a.has("#composer-client-id").Attr("value"); kept != id {
				t.Error("the id is another one")
			}
			b := w.member.htmx().post(w.conversation+"/messages", draft(c.body, id)).is(422)
			if code, _ := b.has(".message__error").Attr("data-code"); code != c.code {
				t.Errorf("code %q", code)
			}
			if n := value[int](w.site, `SELECT count(*) FROM messages`); n != 1 {
				t.Error("it was stored")
			}
		})
	}

	t.Run("where new messages are not possible, none is stored", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.member.says(w.conversation, "premise: it is possible")
		w.exec(`UPDATE members SET closed = true WHERE person_id = $1`, w.member.id)
		form := draft("too late", chat.NewID().String())
		w.member.get(w.conversation).is(200).says("New messages are not possible here.").lacks("#composer-body")
		w.member.post(w.conversation+"/draft", url.Values{"body": {"begun before"}}).redirects(w.conversation)
		w.member.get(w.conversation).is(200).lacks("textarea")
		a := w.member.post(w.conversation+"/messages", form).is(403).says("New messages are not possible here.").says("This was not sent.")
		if text := a.has("textarea[readonly]").Text(); text != "\ntoo late" && text != "too late" {
			t.Errorf("the text is %q", text)
		}
		a.lacks("#composer-body")
		b := w.member.htmx().post(w.conversation+"/messages", form).is(403)
		if code, _ := b.has(".message__error").Attr("data-code"); code != "closed" {
			t.Errorf("code %q", code)
		}
		if n := value[int](w.site, `SELECT count(*) FROM messages`); n != 2 {
			t.Error("it was stored")
		}
		w.other.says(w.conversation, "the other may still")
	})

	t.Run("without a session htmx keeps the text where it is; a page gives it back, logs in and leads back here", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		form := draft("kept", chat.NewID().String())
		a := w.visitor.htmx().post(w.conversation+"/messages", form).is(401)
		if code, _ := a.has(".message__error").Attr("data-code"); code != "log_in_first" || a.header.Get("HX-Redirect") != "" {
			t.Errorf("code %q, %v", code, a.header)
		}
		b := w.visitor.post(w.conversation+"/messages", form).is(401).says("Please log in first.").says("This was not sent.")
		if text := b.has("textarea[readonly]").Text(); strings.TrimPrefix(text, "\n") != "kept" {
			t.Errorf("the text is %q", text)
		}
		next, _ := b.has(`form[action="/login"] input[name=next]`).Attr("value")
		back := login(w.member.username, goodPassword)
		back.Set("next", next)
		w.visitor.post("/login", back).redirects(w.conversation)
		w.site.visitor().get("/login?next=" + url.QueryEscape(w.conversation)).is(200).lacks("textarea")
		if n := value[int](w.site, `SELECT count(*) FROM messages`); n != 1 {
			t.Error("it was stored")
		}
	})

	t.Run("a session that ended meanwhile gives the text back", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.exec(`UPDATE sessions SET revoked_at = now() WHERE person_id = $1`, w.member.id)
		w.member.post(w.conversation+"/messages", draft("kept", chat.NewID().String())).is(401).has("textarea[readonly]")
	})

	t.Run("what is far too long is given back, and beyond what is read the limit is said", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for _, text := range []string{strings.Repeat("字", 60_000), strings.Repeat("ab ", 300_000)} {
			a := w.member.post(w.conversation+"/messages", draft(text, chat.NewID().String())).is(422).says("10000 characters at most")
			if got := strings.TrimPrefix(a.has("#composer-body").Text(), "\n"); got != text {
				t.Errorf("%d characters came back as %d", len(text), len(got))
			}
		}
		a := w.member.post(w.conversation+"/messages", draft(strings.Repeat("ab ", 400_000), chat.NewID().String())).is(413)
		if text := a.has(".failure__sentence").Text(); !strings.Contains(text, "10000 characters at most") || !strings.Contains(text, "not sent") {
			t.Errorf("it says %q", text)
		}
		a.lacks("textarea")
		w.member.post("/settings", url.Values{"theme": {strings.Repeat("x", maxBody)}}).is(413).silentOn("10000")
		if n := value[int](w.site, `SELECT count(*) FROM messages`); n != 1 {
			t.Error("something was stored")
		}
	})

	t.Run("any page that says why nothing was sent gives the text back, and htmx gets no more than the reason", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		form := draft("kept", chat.NewID().String())
		a := w.stranger.post(w.conversation+"/messages", form).is(404)
		if text := a.has("textarea[readonly]").Text(); strings.TrimPrefix(text, "\n") != "kept" {
			t.Errorf("the text is %q", text)
		}
		w.stranger.htmx().post(w.conversation+"/messages", form).is(404).lacks("textarea")
		w.stranger.post(w.conversation+"/draft", form).is(404).lacks("textarea")
		w.stranger.get(w.conversation).is(404).lacks("textarea")
		w.stranger.with("Sec-Fetch-Site", "cross-site").post(w.conversation+"/messages", form).is(403).silentOn("kept")
	})

	t.Run("only a message's author is its author", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		form := draft("mine", chat.NewID().String())
		form.Set("author", w.other.id.String())
		form.Set("author_id", w.other.id.String())
		w.member.post(w.conversation+"/messages", form).is(303)
		if author := value[chat.ID](w.site, `SELECT author_id FROM messages WHERE body = 'mine'`); author != w.member.id {
			t.Error("somebody else's")
		}
	})

	t.Run("what one typed is told apart from lines that a form adds", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.member.says(w.conversation, "\r\n\r\n  a\r\n\r\nb  c\r\n \r\n")
		if got := value[string](w.site, `SELECT body FROM messages WHERE id = $1::uuid`, id); got != "  a\n\nb  c" {
			t.Errorf("%q", got)
		}
	})
}
