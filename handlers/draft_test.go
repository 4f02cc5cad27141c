package handlers

import (
	"net/url"
	"strings"
	"testing"

	"parley/chat"
)

func TestDraft(t *testing.T) {
	t.Parallel()

	t.Run("what is begun on one device stands in the field on another, and in the list", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira, ben := s.person(), s.person()
		conversation := mira.talk(ben)
		ben.says(conversation, "hello")
		mira.htmx().post(conversation+"/draft", url.Values{"body": {"\nhalf <b> a thought"}}).is(204)
		phone := s.visitor()
		phone.post("/login", login(mira.username, goodPassword)).redirects("/")
		page := phone.get(conversation).is(200)
		if text := page.has("#composer-body[data-drafted]").Text(); text != "\n\nhalf <b> a thought" && text != "\nhalf <b> a thought" {
			t.Errorf("the field holds %q", text)
		}
		if text := phone.get("/").is(200).has(".row__drafted bdi").Text(); text != "half <b> a thought" {
			t.Errorf("the row says %q", text)
		}
		ben.get(conversation).is(200).silentOn("half").lacks("#composer-body[data-drafted]")
		ben.get("/").is(200).lacks(".row__drafted")
	})

	t.Run("a send without scripts takes the draft away, a refused one gives its own text back", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira, ben := s.person(), s.person()
		conversation := mira.talk(ben)
		mira.post(conversation+"/draft", url.Values{"body": {"begun"}}).redirects(conversation)
		a := mira.post(conversation+"/messages", url.Values{"body": {"  "}, "client_id": {chat.NewID().String()}}).is(422)
		if text := a.has("#composer-body").Text(); text != "  " && text != "\n  " {
			t.Errorf("the field holds %q", text)
		}
		mira.get(conversation).is(200).has("#composer-body[data-drafted]")
		mira.says(conversation, "begun and ended")
		mira.get(conversation).is(200).lacks("#composer-body[data-drafted]").lacks(".row__drafted")
	})

	t.Run("htmx' sends leave it alone, because what was typed since is another text", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira, ben := s.person(), s.person()
		conversation := mira.talk(ben)
		mira.htmx().post(conversation+"/draft", url.Values{"body": {"the next one"}}).is(204)
		mira.htmx().post(conversation+"/messages", url.Values{"body": {"this one"}, "client_id": {chat.NewID().String()}}).is(200)
		mira.get(conversation).is(200).has("#composer-body[data-drafted]")
	})

	t.Run("the longest draft there is passes in the widest letters", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		conversation := mira.talk(mira)
		text := strings.Repeat("😀", chat.MaxDraft)
		form := url.Values{"body": {text}, "as": {mira.id.String()}}
		if len(form.Encode()) < 240_000 {
			t.Fatal("premise: it is short")
		}
		mira.htmx().post(conversation+"/draft", form).is(204)
		if got := value[string](s, `SELECT body FROM drafts WHERE person_id = $1`, mira.id); got != text {
			t.Errorf("%d bytes are kept", len(got))
		}
		form.Set("body", text+"😀")
		mira.htmx().post(conversation+"/draft", form).is(422)
	})

	t.Run("a text that cannot be is refused", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		conversation := mira.talk(mira)
		mira.post(conversation+"/draft", url.Values{"body": {"a\x00b"}}).is(422)
		mira.post("/conversations/none/draft", url.Values{"body": {"a"}}).is(404)
	})
}
