package views

import (
	"strings"
	"testing"
	"time"

	"parley/chat"
)

func TestListRow(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 21, 13, 40, 0, 0, time.UTC)
	base := func() chat.ListRow {
		return chat.ListRow{
			ConversationID: chat.NewID(), PersonID: ana.ID, Kind: chat.KindDirect, Other: boris, ActivityAt: at, ChangeSeq: 12,
			Last: &chat.LastMessage{AuthorID: boris.ID, AuthorName: "Boris", Kind: chat.MessageText, Body: "Hello\n\n  there", At: at},
		}
	}
	drawn := func(t *testing.T, r chat.ListRow) string {
		t.Helper()
		return draw(t, ListRow(NewListRow(r, ana.ID, time.UTC, at, chat.ID{})))
	}
	for _, test := range []struct {
		name    string
		change  func(*chat.ListRow)
		preview string
		title   string
	}{
		{"the other's message", func(*chat.ListRow) {}, "Hello there", "Boris"},
		{"one's own", func(r *chat.ListRow) { r.Last.AuthorID = ana.ID }, "You: Hello there", "Boris"},
		{"a note to oneself needs no author", func(r *chat.ListRow) { r.Other, r.Last.AuthorID = ana, ana.ID }, "Hello there", "Note to self"},
		{"a group names the author", func(r *chat.ListRow) { r.Kind, r.Name = chat.KindGroup, "Crew" }, "\u2068Boris\u2069: Hello there", "Group: Crew"},
		{"a group says you", func(r *chat.ListRow) { r.Kind, r.Name, r.Last.AuthorID = chat.KindGroup, "Crew", ana.ID }, "You: Hello there", "Group: Crew"},
		{"what happened in a group is a sentence", func(r *chat.ListRow) {
			r.Kind, r.Name, r.Last.Kind = chat.KindGroup, "Crew", chat.MessageSystem
			r.Last.Event = &chat.GroupEvent{Code: chat.EventAdded, Subjects: []chat.Card{ana}}
		}, "\u2068Boris\u2069 added you", "Group: Crew"},
		{"a deleted message", func(r *chat.ListRow) { r.Last.Deleted, r.Last.Body = true, "" }, "Message deleted", "Boris"},
		{"no message", func(r *chat.ListRow) { r.Last = nil }, "No messages yet", "Boris"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := base()
			test.change(&r)
			n := parse(t, drawn(t, r))
			if got := strings.TrimSpace(textOf(find(n, "row__preview"))); got != test.preview {
				t.Errorf("preview %q, wanted %q", got, test.preview)
			}
			if got := textOf(find(n, "row__name")); got != test.title {
				t.Errorf("title %q, wanted %q", got, test.title)
			}
		})
	}
	t.Run("unread messages are counted to 99", func(t *testing.T) {
		t.Parallel()
		for unread, want := range map[int]string{1: "11 unread", 99: "9999 unread", 100: "99+more than 99 unread"} {
			r := base()
			r.Unread = unread
			n := parse(t, drawn(t, r))
			if got := textOf(find(n, "badge")); got != want {
				t.Errorf("%d: %q", unread, got)
			}
			if find(n, "row--unread") == nil {
				t.Error("the row does not look unread")
			}
		}
		if got := drawn(t, base()); strings.Contains(got, "badge") || strings.Contains(got, "row--unread") {
			t.Error("a read conversation looks unread")
		}
	})
	t.Run("it carries what scripts need", func(t *testing.T) {
		t.Parallel()
		r := base()
		r.Unread = 3
		row := find(parse(t, drawn(t, r)), "row")
		for name, want := range map[string]string{
			"id": RowID(r.ConversationID), "data-conversation": r.ConversationID.String(), "data-activity": "1795268400000",
			"data-change": "12", "data-unread": "3",
		} {
			if got := attribute(row, name); got != want {
				t.Errorf("%s is %q, wanted %q", name, got, want)
			}
		}
		link := find(row, "row__link")
		path := ConversationPath(r.ConversationID)
		for name, want := range map[string]string{
			"href": path, "hx-get": path, "hx-target": "#pane", "hx-swap": "outerHTML", "hx-push-url": "true", "aria-current": "",
		} {
			if got := attribute(link, name); got != want {
				t.Errorf("%s is %q, wanted %q", name, got, want)
			}
		}
		if got := draw(t, ListRow(NewListRow(r, ana.ID, nil, at, r.ConversationID))); !strings.Contains(got, `aria-current="page"`) {
			t.Error("the open conversation is not marked")
		}
	})
}
