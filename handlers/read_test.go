package handlers

import (
	"net/url"
	"testing"
)

func TestRead(t *testing.T) {
	t.Parallel()

	t.Run("marking as read empties the badge, without scripts and with htmx", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		unread := func() string { n, _ := w.other.get("/").has("#list > li").Attr("data-unread"); return n }
		if unread() != "1" {
			t.Fatal("premise: nothing is unread")
		}
		form := w.other.get(w.conversation).has("#mark-read")
		action, _ := form.Attr("action")
		seq, _ := form.Find("input[name=seq]").Attr("value")
		w.other.post(action, url.Values{"seq": {seq}}).redirects(w.conversation)
		if unread() != "0" {
			t.Error("still unread")
		}
		w.other.get(w.conversation).lacks("#mark-read")
		w.member.says(w.conversation, "once more")
		if unread() != "1" {
			t.Fatal("premise: nothing is unread")
		}
		w.other.htmx().post(action, url.Values{"seq": {"2"}}).is(204)
		if unread() != "0" {
			t.Error("still unread")
		}
	})

	t.Run("nobody reads for somebody else", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.member.post(w.conversation+"/read", url.Values{"seq": {"1"}, "person": {w.other.id.String()}}).is(303)
		if n, _ := w.other.get("/").has("#list > li").Attr("data-unread"); n != "1" {
			t.Error("read by the wrong person")
		}
	})

	t.Run("a seq beyond the end counts as the end, one that is none is refused", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for _, seq := range []string{"", "x", "-1", "1.0", "99999999999999999999", "\x00", "1 ", "१"} {
			if a := w.other.post(w.conversation+"/read", url.Values{"seq": {seq}}); a.status != 400 {
				t.Errorf("%q: %d", seq, a.status)
			}
		}
		w.other.post(w.conversation+"/read", url.Values{"seq": {"1", "2"}}).is(400)
		w.other.post(w.conversation+"/read", url.Values{}).is(400)
		if n := value[int](w.site, `SELECT sum(unread_from)::int FROM members WHERE person_id = $1`, w.other.id); n != 0 {
			t.Error("something was read")
		}
		w.other.post(w.conversation+"/read", url.Values{"seq": {"9223372036854775807"}}).is(303)
		if n := value[int](w.site, `SELECT sum(unread_from)::int FROM members WHERE person_id = $1`, w.other.id); n != 1 {
			t.Errorf("read up to %d", n)
		}
		w.member.says(w.conversation, "the next one is unread")
		if n, _ := w.other.get("/").has("#list > li").Attr("data-unread"); n != "1" {
			t.Error("the future was read")
		}
	})
}
