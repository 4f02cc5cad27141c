package handlers

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"parley/chat"
)

func TestConversation(t *testing.T) {
	t.Parallel()

	t.Run("two people have one conversation, whoever starts it, however often", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		ben, mira := s.person(), s.person()
		first := mira.talk(ben)
		if first != mira.talk(ben) || first != ben.talk(mira) {
			t.Error("there are several")
		}
		if note := mira.talk(mira); note == first || note != mira.talk(mira) {
			t.Error("the note to oneself is not one of its own")
		}
	})

	t.Run("htmx is led into the pane", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		ben, mira := s.person(), s.person()
		a := mira.htmx().post("/conversations", url.Values{"person": {ben.id.String()}}).is(204)
		var location struct{ Path, Target, Swap string }
		if err := json.Unmarshal([]byte(a.header.Get("HX-Location")), &location); err != nil {
			t.Fatal(err)
		}
		if location.Path != mira.talk(ben) || location.Target != "#pane" || location.Swap != "outerHTML" {
			t.Errorf("%+v", location)
		}
		mira.htmx().get(location.Path).is(200).lacks("#sidebar").has("main#pane")
	})

	t.Run("nobody can be written to who is not there", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		ben, mira := s.person(), s.person()
		s.exec(`UPDATE people SET state = 'suspended' WHERE id = $1`, ben.id)
		for _, person := range []string{
			"", "x", ben.username, chat.NewID().String(), ben.id.String(), "{" + mira.id.String() + "}", "urn:uuid:" + mira.id.String(),
			strings.ReplaceAll(mira.id.String(), "-", ""), mira.id.String() + " ", "00000000-0000-0000-0000-000000000000", "\x00", "\xff",
		} {
			if a := mira.post("/conversations", url.Values{"person": {person}}); a.status != 404 {
				t.Errorf("%q: %d", person, a.status)
			}
		}
		if n := value[int](s, `SELECT count(*) FROM conversations`); n != 0 {
			t.Errorf("%d conversations", n)
		}
	})

	t.Run("what is not yours looks like what is not there, byte for byte", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		missing := "/conversations/" + chat.NewID().String()
		w.member.get(w.conversation).is(200)
		for about, of := range map[string]func(b *browser, path string) *answer{
			"page":     func(b *browser, path string) *answer { return b.get(path) },
			"fragment": func(b *browser, path string) *answer { return b.htmx().get(path) },
			"around":   func(b *browser, path string) *answer { return b.get(path + "?around=" + w.message) },
			"changes":  func(b *browser, path string) *answer { return b.get(path + "/changes?after=0") },
			"read":     func(b *browser, path string) *answer { return b.post(path+"/read", url.Values{"seq": {"1"}}) },
			"send": func(b *browser, path string) *answer {
				return b.post(path+"/messages", url.Values{"body": {"x"}, "client_id": {chat.NewID().String()}})
			},
			"send by htmx": func(b *browser, path string) *answer {
				return b.htmx().post(path+"/messages", url.Values{"body": {"x"}, "client_id": {chat.NewID().String()}})
			},
			"send nothing": func(b *browser, path string) *answer {
				return b.post(path+"/messages", url.Values{"body": {""}, "client_id": {chat.NewID().String()}})
			},
			"send without an id": func(b *browser, path string) *answer { return b.post(path+"/messages", url.Values{"body": {"x"}}) },
		} {
			notYours, notThere := of(w.stranger, w.conversation), of(w.stranger, missing)
			if notYours.status < 400 {
				t.Errorf("%s: %d", about, notYours.status)
			}
			same(t, notYours, notThere)
		}
		if n := value[int](w.site, `SELECT count(*) FROM messages`); n != 1 {
			t.Errorf("%d messages", n)
		}
	})

	t.Run("who has left sees nothing any more", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.other.get(w.conversation).is(200)
		w.exec(`DELETE FROM members WHERE person_id = $1`, w.other.id)
		w.other.get(w.conversation).is(404).silentOn("hello")
		w.other.post(w.conversation+"/messages", url.Values{"body": {"x"}, "client_id": {chat.NewID().String()}}).is(404)
		w.member.get(w.conversation).is(200)
	})

	t.Run("a page has the newest 50, and ways to the others that lead everywhere once", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, func(p *plan) { p.settings.Limits = false })
		ben, mira := s.person(), s.person()
		conversation := mira.talk(ben)
		for n := range 120 {
			mira.says(conversation, fmt.Sprint("number ", n+1))
		}
		var seen []string
		path := conversation
		for path != "" {
			a := ben.get(path).is(200)
			var page []string
			for _, node := range a.has("li.message").EachIter() {
				seq, _ := node.Attr("data-seq")
				page = append(page, seq)
			}
			seen = append(page, seen...)
			if path == conversation && len(page) != 50 {
				t.Errorf("%d on a page", len(page))
			}
			link, found := a.page().Find("#older").Attr("href")
			if path = ""; found {
				path = conversation + link[strings.Index(link, "?"):]
			}
		}
		if len(seen) != 120 || seen[0] != "1" || seen[119] != "120" {
			t.Errorf("%d messages: %v", len(seen), seen)
		}
		newer := ben.get(conversation + "?after=50").has("li.message")
		if first, _ := newer.First().Attr("data-seq"); first != "51" {
			t.Errorf("after 50 comes %s", first)
		}
		ben.get(conversation + "?before=1").is(200).lacks("li.message")
		ben.get(conversation + "?after=9223372036854775807").is(200)
		ben.get(conversation + "?before=9223372036854775807").is(200).has("li.message")
	})

	t.Run("a link to a message shows it among its neighbours", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, func(p *plan) { p.settings.Limits = false })
		ben, mira := s.person(), s.person()
		conversation := mira.talk(ben)
		first := mira.says(conversation, "the first")
		for n := range 80 {
			mira.says(conversation, fmt.Sprint("number ", n))
		}
		ben.get(conversation).lacks("#m-" + first)
		a := ben.get(conversation + "?around=" + first)
		a.has("#m-" + first)
		a.has("#newer")
	})

	t.Run("a message of another conversation is not there in this one", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		another := w.member.talk(w.stranger)
		message := w.member.says(another, "for the stranger")
		w.member.get(another + "?around=" + message).is(200)
		w.member.get(w.conversation + "?around=" + message).is(404).silentOn("for the stranger")
		w.other.get(w.conversation + "?around=" + message).is(404)
		w.other.get(w.conversation + "?around=" + chat.NewID().String()).is(404)
	})

	t.Run("a place that is none is refused", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for query, status := range map[string]int{
			"before=x": 400, "before=-1": 400, "before=1.5": 400, "before=1e3": 400, "before=99999999999999999999": 400, "before=0x10": 400,
			"after=x": 400, "after=-1": 400, "after=%00": 400, "after=%ff": 400, "after=+1": 400, "around=x": 404, "around=%00": 404,
			"before=1&before=2": 400, "before=1&after=2": 400, "around=" + w.message + "&before=1": 400, "%zz=1": 400, "a;b": 400,
			"before=": 200, "unknown=1": 200, "before=0": 200,
		} {
			if a := w.member.get(w.conversation + "?" + query); a.status != status {
				t.Errorf("%s: %d, want %d", query, a.status, status)
			}
		}
		for _, id := range []string{"x", "1", strings.ToUpper(w.conversation[15:]) + "x", "%00", "%ff", "..", "%2e%2e", w.conversation[15:] + "%00", "urn:uuid:" + w.conversation[15:]} {
			if a := w.member.get("/conversations/" + id); a.status != 404 {
				t.Errorf("%s: %d", id, a.status)
			}
		}
	})

	t.Run("the page says which conversation is open, to whom, and where the reader stands", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		ben, mira := s.person("Ben Ngata"), s.person("Mira Okafor")
		conversation := mira.talk(ben)
		mira.says(conversation, "hello")
		a := ben.get(conversation).is(200)
		if title := a.has("title").Text(); title != "Mira Okafor · Parley" {
			t.Errorf("title %q", title)
		}
		if current := a.has(`#list a[aria-current="page"]`); current.Length() != 1 {
			t.Errorf("%d rows are open", current.Length())
		}
		log := a.has("ol.log__list")
		for name, want := range map[string]string{"data-change": "1", "data-first": "1", "data-last": "1", "data-has-older": "false", "data-has-newer": "false"} {
			if got, _ := log.Attr(name); got != want {
				t.Errorf("%s is %q", name, got)
			}
		}
	})

	t.Run("going back in history gets the whole page, and so does who asks for all of it", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.member.htmx().get(w.conversation).is(200).lacks("#sidebar").has("main#pane")
		w.member.htmx().with("HX-History-Restore-Request", "true").get(w.conversation).has("#sidebar")
		w.member.with("HX-Request", "true", "HX-Request-Type", "full").get(w.conversation).has("#sidebar")
		w.member.with("HX-Request", "true").get(w.conversation).lacks("#sidebar")
		w.visitor.htmx().with("HX-History-Restore-Request", "true").get(w.conversation).is(303)
	})
}

func TestConversationList(t *testing.T) {
	t.Parallel()

	t.Run("more than 100 conversations are reached page by page, each once", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, func(p *plan) { p.settings.Limits = false })
		ben, mira := s.person(), s.person()
		mira.says(mira.talk(ben), "the oldest")
		// 120 more at two moments only, so that the moment alone would not do as a place.
		s.exec(`INSERT INTO people (id, username, display_name, password_hash)
			SELECT gen_random_uuid(), 'many' || n, 'Many ' || n, '' FROM generate_series(1, 120) n`)
		s.exec(`INSERT INTO conversations (id, kind, direct_key, created_by, msg_seq, last_activity_at)
			SELECT gen_random_uuid(), 'direct', username, $1, 1, now() + (CASE WHEN username < 'many3' THEN interval '1 minute' ELSE interval '2 minutes' END)
			FROM people WHERE username LIKE 'many%'`, mira.id)
		s.exec(`INSERT INTO members (conversation_id, person_id) SELECT id, $1 FROM conversations WHERE direct_key LIKE 'many%'`, mira.id)
		s.exec(`INSERT INTO members (conversation_id, person_id) SELECT c.id, p.id FROM conversations c JOIN people p ON p.username = c.direct_key`)
		first := mira.get("/").is(200)
		if n := first.has("#list > li").Length(); n != 100 {
			t.Fatalf("%d rows", n)
		}
		seen, path := map[string]bool{}, "/conversations"
		for pages := 0; path != ""; pages++ {
			a := mira.get(path).is(200)
			for _, row := range a.has("#list > li").EachIter() {
				id, _ := row.Attr("id")
				if seen[id] {
					t.Errorf("%s comes twice", id)
				}
				seen[id] = true
			}
			fragment := mira.htmx().get(path).is(200).lacks("#sidebar")
			if total, _ := fragment.has("#list").Attr("data-total"); total != "0" {
				t.Errorf("the total is %s", total)
			}
			if fragment.has("#list > li").Length() != a.has("#list > li").Length() {
				t.Error("the fragment has other rows")
			}
			if continued := a.page().Find("#list[data-continued]").Length() == 1; continued != (pages > 0) {
				t.Errorf("page %d begins behind others: %v", pages, continued)
			}
			next, _ := a.page().Find(`a[href^="/conversations?before="]`).Attr("href")
			if path = next; pages > 3 {
				t.Fatal("it never ends")
			}
		}
		if len(seen) != 121 {
			t.Errorf("%d conversations", len(seen))
		}
	})

	t.Run("a place that is none is refused", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.conversation[15:]
		for _, before := range []string{
			"x", "1", "_", "1_", "1_x", "x_" + id, "-1_" + id, "99999999999999999999_" + id, "9223372036854775807_" + id, "1_" + id + "_", "%00", "%ff", "1_%00", "1_" + id + "&before=1_" + id,
		} {
			if a := w.member.get("/conversations?before=" + before); a.status != 400 {
				t.Errorf("%s: %d", before, a.status)
			}
		}
		w.member.get("/conversations?before=253402300799999999_" + id).is(200).has("#list > li")
		w.member.get("/conversations?before=0_" + id).is(200).lacks("#list > li")
	})

	t.Run("a place in somebody else's list shows nothing of it", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		cursor := listCursor(chat.ListRow{ActivityAt: time.Now().Add(time.Hour), ConversationID: chat.NewID()})
		w.member.get("/conversations?before=" + cursor).has("#list > li")
		w.stranger.get("/conversations?before=" + cursor).lacks("#list > li")
	})
}
