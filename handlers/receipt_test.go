package handlers

import (
	"net/url"
	"strings"
	"testing"

	"parley/chat"
)

func TestReceivers(t *testing.T) {
	t.Parallel()

	t.Run("the author sees in the page how far a message has come, and by name who has read it", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		state := func() string {
			return w.member.get(w.conversation).has(".message--mine .tick").AttrOr("data-state", "")
		}
		if s := state(); s != "sent" {
			t.Errorf("it is %q", s)
		}
		w.member.get(w.receipts()).is(200).says("Not yet").says("Read by 0 of 1")
		w.other.htmx().post(w.conversation+"/read", url.Values{"seq": {"0"}, "delivered": {"1"}, "marks": {"0"}}).is(204)
		if s := state(); s != "delivered" {
			t.Errorf("it is %q", s)
		}
		w.other.post(w.conversation+"/read", url.Values{"seq": {"1"}}).redirects(w.conversation)
		if s := state(); s != "read" {
			t.Errorf("it is %q", s)
		}
		w.member.get(w.receipts()).is(200).says("Read by 1 of 1").says(w.other.username)
		if a := w.member.htmx().get(w.receipts()).is(200); strings.Contains(a.body, "<html") {
			t.Error("htmx gets a whole page")
		}
	})

	t.Run("nobody else does, and neither does the author of something else", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		theirs := w.other.says(w.conversation, "mine")
		path := w.receipts()
		w.member.get(path).is(200)
		w.other.get(path).is(404)
		w.stranger.get(path).is(404)
		if theirs == "" {
			t.Fatal("premise: nothing was said")
		}
		w.other.get(w.conversation).lacks("[data-receipt]")
		w.member.get(strings.Replace(path, "/receipts", "x/receipts", 1)).is(404)
		w.member.get(w.conversation + "/messages/" + chat.NewID().String() + "/receipts").is(404)
		another := w.member.talk(w.stranger)
		w.member.get(another + "/messages/" + strings.TrimPrefix(path, w.conversation+"/messages/")).is(404)
		w.member.get(path + "?after=%00").is(400)
		w.member.get(path + "?after=nonsense").is(200)
	})

	t.Run("switched off, they are neither shown nor seen", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		choose := func(b *browser, receipts string) {
			t.Helper()
			b.post("/settings", url.Values{"time_zone": {"UTC"}, "theme": {"auto"}, "receipts": {receipts}}).is(303)
		}
		w.other.get("/settings").has("input[name=receipts][value=true][checked]")
		choose(w.other, "false")
		w.other.get("/settings").has("input[name=receipts][value=false][checked]")
		w.other.post("/settings", url.Values{"time_zone": {"UTC"}, "theme": {"dark"}}).is(303) // says nothing of it
		w.other.get("/settings").has("input[name=receipts][value=false][checked]")
		w.other.post(w.conversation+"/read", url.Values{"seq": {"1"}})
		w.member.get(w.conversation).lacks("[data-receipt]")
		w.member.get(w.receipts()).says("Nobody else was here, or shows receipts.")
		choose(w.other, "true")
		choose(w.member, "false")
		w.other.says(w.conversation, "again")
		w.other.post(w.conversation+"/read", url.Values{"seq": {"2"}})
		w.member.get(w.receipts()).says("Your read receipts are off.").lacks(".member")
		choose(w.member, "true")
		w.member.get(w.conversation).has("[data-receipt='1 1 1']")
		w.member.post("/settings", url.Values{"time_zone": {"UTC"}, "theme": {"auto"}, "receipts": {"perhaps"}}).is(400)
	})

	t.Run("in a group it is said in words, with names fifty at a time", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, func(p *plan) { p.settings.Limits = false })
		ana := s.person()
		var people []chat.ID
		for range 55 {
			people = append(people, s.person().id)
		}
		group, err := s.chat.CreateGroup(t.Context(), s.viewerOf(ana), chat.GroupSettings{Name: "Crowd"}, people)
		if err != nil {
			t.Fatal(err)
		}
		path := "/conversations/" + group.String()
		ana.says(path, "everybody")
		s.exec(`UPDATE members SET read_seq = 2 WHERE person_id = ANY($1)`, people[:3])
		link := ana.get(path).has(".message--mine .message__receipts a")
		if link.Text() != "Read by 3 of 55" {
			t.Errorf("it says %q", link.Text())
		}
		href, _ := link.Attr("href")
		first := ana.get(href).is(200)
		if n := first.has(".member").Length(); n != 50 {
			t.Errorf("%d names", n)
		}
		more, _ := first.has("#receivers-more a").Attr("href")
		request := ana.htmx()
		if n := request.get(more).is(200).has(".member").Length(); n != 5 {
			t.Errorf("%d names more", n)
		}
	})
}

func TestMarkUnread(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.member.says(w.conversation, "second")
	w.member.says(w.conversation, "third")
	unread := func() string { n, _ := w.other.get("/").has("#list > li").Attr("data-unread"); return n }
	w.other.post(w.conversation+"/read", url.Values{"seq": {"3"}})
	if unread() != "0" {
		t.Fatal("premise: something is unread")
	}
	// Without scripts: the message's time leads to the page around it, which has the form.
	around, _ := w.other.get(w.conversation).has("[data-seq='2'] .message__time").Attr("href")
	around, _, _ = strings.Cut(around, "#")
	form := w.other.get(around).has(".message-acts form")
	action, _ := form.Attr("action")
	seq, _ := form.Find("input[name=seq]").Attr("value")
	w.other.post(action, url.Values{"seq": {seq}}).redirects(w.conversation)
	if unread() != "2" {
		t.Errorf("%s are unread", unread())
	}
	w.other.get(w.conversation).has(".unread-line + [data-seq='2']")
	if n := value[int](w.site, `SELECT read_seq::int FROM members WHERE person_id = $1`, w.other.id); n != 3 {
		t.Errorf("for others it went back to %d", n)
	}
	w.other.htmx().post(w.conversation+"/read", url.Values{"seq": {"3"}, "marks": {"0"}}).is(204)
	if unread() != "2" {
		t.Error("a page that had not heard of it undid it")
	}
	w.other.htmx().post(w.conversation+"/read", url.Values{"seq": {"3"}, "marks": {"1"}}).is(204)
	if unread() != "0" {
		t.Error("still unread")
	}
	for _, bad := range []url.Values{{}, {"seq": {""}}, {"seq": {"x"}}, {"seq": {"-1"}}, {"seq": {"1", "2"}}} {
		w.other.post(w.conversation+"/unread", bad).is(400)
	}
	w.other.post(w.conversation+"/read", url.Values{"seq": {"1"}, "marks": {"x"}}).is(400)
	w.stranger.post(w.conversation+"/unread", url.Values{"seq": {"1"}}).is(404)
	w.other.post("/conversations/x/unread", url.Values{"seq": {"1"}}).is(404)
	if w.other.get(w.conversation); unread() != "0" {
		t.Error("something of it was done")
	}
	// Far back, there is a way to the first unread message.
	for range 60 {
		w.member.says(w.conversation, "more")
	}
	way, _ := w.other.get(w.conversation).has("#first-unread").Attr("href")
	w.other.get(way).has(".unread-line + [data-seq='4']")
	w.other.get(way).lacks("#first-unread")
}
