//go:build unix

package chat_test

import (
	"strings"
	"testing"

	"parley/chat"
	"parley/chat/chattest"
)

func TestSaveDraft(t *testing.T) {
	t.Parallel()
	// drafts is what the viewer's page and the viewer's list say.
	drafts := func(t *testing.T, w *chattest.World, viewer chat.Viewer, id chat.ID) (page, row string) {
		t.Helper()
		opened := value[chat.ConversationPage](t)(w.Chat.OpenConversation(t.Context(), viewer, id, chat.Place{}))
		list := value[chat.ListPage](t)(w.Chat.List(t.Context(), viewer, nil))
		for _, r := range list.Rows {
			if r.ConversationID == id {
				row = r.Draft
			}
		}
		return opened.Member.Draft, row
	}

	t.Run("what is begun waits in the conversation and in the list, for its author alone", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		id := w.Direct(t, anna, ben)
		w.Say(t, ben, id, "hello")
		w.Heard()
		long := "first line\r\n" + strings.Repeat("ä", 200)
		must(t, w.Chat.SaveDraft(t.Context(), anna, id, long))
		if heard := w.Heard(); len(heard) != 1 || heard[0] != (chat.DraftSaved{PersonID: anna.ID, ConversationID: id}) {
			t.Errorf("heard %v", heard)
		}
		page, row := drafts(t, w, anna, id)
		if want := strings.ReplaceAll(long, "\r\n", "\n"); page != want || row != string([]rune(want)[:chat.PreviewLength]) {
			t.Errorf("page %q, row %q", page, row)
		}
		if page, row := drafts(t, w, ben, id); page != "" || row != "" {
			t.Errorf("Ben sees %q, %q", page, row)
		}
		must(t, w.Chat.SaveDraft(t.Context(), anna, id, "shorter"))
		if page, row := drafts(t, w, anna, id); page != "shorter" || row != "shorter" {
			t.Errorf("page %q, row %q", page, row)
		}
		must(t, w.Chat.SaveDraft(t.Context(), anna, id, " \n "))
		if page, row := drafts(t, w, anna, id); page != "" || row != "" {
			t.Errorf("page %q, row %q after it was emptied", page, row)
		}
		if n := chattest.Value[int](t, w, "SELECT count(*) FROM drafts"); n != 0 {
			t.Errorf("%d rows are left", n)
		}
	})

	t.Run("a stranger and a former member keep nothing there", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben, eve := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Eve")
		id := w.Group(t, "Crew", anna, ben)
		w.Remove(t, id, ben)
		for _, text := range []string{"a text", ""} {
			notFound(t, w.Chat.SaveDraft(t.Context(), eve, id, text))
		}
		notFound(t, w.Chat.SaveDraft(t.Context(), ben, id, "a text"))
		must(t, w.Chat.SaveDraft(t.Context(), ben, id, "")) // taking away harms nobody
		must(t, w.Chat.SaveDraft(t.Context(), anna, id, "a text"))
	})

	t.Run("it may be too long to send, but not without end", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna := w.Person(t, "Anna")
		id := w.Direct(t, anna, anna)
		must(t, w.Chat.SaveDraft(t.Context(), anna, id, strings.Repeat("x", chat.MaxDraft)))
		for text, code := range map[string]chat.Code{
			strings.Repeat("x", chat.MaxDraft+1): chat.CodeTooLong, "a\x00b": chat.CodeBadText, "a\xffb": chat.CodeBadText,
		} {
			if got := wrong(t, w.Chat.SaveDraft(t.Context(), anna, id, text))["body"]; got != code {
				t.Errorf("%d bytes: %s", len(text), got)
			}
		}
	})
}
