package handlers

import (
	"strings"
	"testing"
)

func TestHome(t *testing.T) {
	t.Parallel()

	t.Run("a visitor is welcomed and led in", func(t *testing.T) {
		t.Parallel()
		a := newSite(t).visitor().get("/").is(200)
		a.has(`a[href="/register"]`)
		a.has(`a[href="/login"]`)
		a.lacks("body[data-person]")
	})

	t.Run("whoever is logged in sees the list, and what to do while it is empty", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		ben, mira := s.person("Ben"), s.person("Mira")
		for _, alone := range []*browser{mira, ben} {
			if h1 := alone.get("/").is(200).has("main h1").Text(); h1 != "No conversations yet" {
				t.Errorf("the pane says %q to somebody among others", h1)
			}
		}
		conversation := mira.talk(ben)
		a := ben.get("/").is(200).says("No conversations yet")
		if mira.says(conversation, "hello Ben"); a.t.Failed() {
			return
		}
		a = ben.get("/").is(200).silentOn("No conversations yet")
		if n, _ := a.has("body").Attr("data-unread-total"); n != "1" {
			t.Errorf("the total is %q", n)
		}
		row := a.has("#list > li")
		if text := row.Text(); row.Length() != 1 || !strings.Contains(text, "Mira") || !strings.Contains(text, "hello Ben") {
			t.Errorf("the row says %q", row.Text())
		}
		if n, _ := row.Attr("data-unread"); n != "1" {
			t.Errorf("unread is %q", n)
		}
	})

	t.Run("nobody sees a row of others' conversations", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.member.get("/").has("#list > li")
		w.stranger.get("/").lacks("#list > li")
	})
}
