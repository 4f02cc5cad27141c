package handlers

import (
	"net/url"
	"strings"
	"testing"

	"parley/chat"
)

func TestStatus(t *testing.T) {
	t.Parallel()

	t.Run("one is set, shown, changed, and taken away", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		mira.get("/").is(200).has(`nav a[href="/status"][aria-label]`)
		mira.get("/status").is(200).lacks("button[name=remove]").has(`datalist#field-emoji-list option`)
		form := url.Values{"emoji": {"📅"}, "text": {"With the harbour master"}, "ends": {"at"}, "at": {"15:04"}, "busy": {"true"}}
		mira.post("/status", form).redirects("/status?saved=yes")
		page := mira.get("/status?saved=yes").is(200).says("Saved.")
		for _, shown := range []string{
			`input[name=emoji][value="📅"]`, `input[name=text][value="With the harbour master"]`, `option[value=at][selected]`,
			`input[name=at][type=time][value="15:04"]`, `input[name=busy][value=true][checked]`, `button[name=remove]`,
		} {
			page.has(shown)
		}
		form.Set("remove", "true")
		mira.post("/status", form).redirects("/status?saved=removed")
		page = mira.get("/status?saved=removed").is(200).says("taken away").silentOn("harbour master").lacks("button[name=remove]")
		page.has(`input[name=busy][value=false][checked]`)
	})

	t.Run("what is wrong is said at its field, and what was written is kept", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		mira.post("/status", url.Values{"text": {"Before"}, "ends": {"never"}}).is(303)
		long := strings.Repeat("é", chat.MaxStatus+1)
		form := url.Values{"emoji": {"words"}, "text": {long}, "ends": {"at"}, "at": {"late"}, "busy": {"true"}}
		for _, b := range []*browser{mira, mira.htmx()} {
			page := b.post("/status", form).is(422)
			for _, field := range []string{"emoji", "text", "at"} {
				page.has(`#error-summary a[href="#field-` + field + `"]`)
				page.has(`input#field-` + field + `[aria-invalid][aria-describedby="field-` + field + `-error"]`)
			}
			page.has(`input[name=emoji][value=words]`)
			page.has(`input[name=text][value="` + long + `"]`)
			page.has(`option[value=at][selected]`)
			page.has(`input[name=busy][value=true][checked]`)
			page.has(`button[name=remove]`) // the one before is there still
		}
		mira.post("/status", url.Values{"text": {"x"}, "ends": {"later"}}).is(422).has(`select#field-ends[aria-invalid]`)
		if got := value[string](s, `SELECT status_text FROM people`); got != "Before" {
			t.Errorf("stored is %q", got)
		}
	})
}
