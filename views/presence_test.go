package views

import (
	"context"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"parley/chat"
)

func words(n *html.Node) string { return strings.Join(strings.Fields(textOf(n)), " ") }

func TestPresenceElement(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 14, 0, 0, 0, time.UTC)
	until, seen := now.Add(time.Hour), now.Add(-5*time.Minute)
	zone := Zone("Asia/Kathmandu")
	for _, test := range []struct {
		name string
		seen chat.Presence
		text string
	}{
		{"online", chat.Presence{State: chat.PresenceOnline}, "Online"},
		{"away", chat.Presence{State: chat.PresenceAway}, "Away"},
		{"busy", chat.Presence{State: chat.PresenceBusy, Status: chat.Status{Busy: true}}, "Busy"},
		{"offline", chat.Presence{State: chat.PresenceOffline}, "Offline"},
		{"last seen in the place of offline", chat.Presence{State: chat.PresenceOffline, LastSeen: &seen}, "Last seen 5 min ago"},
		{"last seen alone", chat.Presence{LastSeen: &seen}, "Last seen 5 min ago"},
		{"a status with its end, where the viewer is", chat.Presence{State: chat.PresenceBusy, Status: chat.Status{Busy: true, Emoji: "🎧", Text: "In a meeting", Until: &until}}, "Busy 🎧 In a meeting until 20:45"},
		{"a status alone", chat.Presence{Status: chat.Status{Text: "Not here"}}, "Not here"},
		{"busy with an end and nothing else has nothing to end", chat.Presence{State: chat.PresenceBusy, Status: chat.Status{Busy: true, Until: &until}}, "Busy"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.seen.PersonID = boris.ID
			n := find(parse(t, draw(t, Presence(NewPresence(test.seen, zone, now)))), "presence")
			if id, state := attribute(n, "data-presence"), attribute(n, "data-state"); id != boris.ID.String() || state != string(test.seen.State) {
				t.Errorf("%s is %q", id, state)
			}
			if got := words(n); got != test.text {
				t.Errorf("%q, want %q", got, test.text)
			}
			if dot := find(n, "presence__dot"); (dot != nil) != (test.seen.State != chat.PresenceNone) {
				t.Error("a dot stands for a state, and for nothing else")
			}
		})
	}
	t.Run("where there is nothing to see the element is empty, without so much as a space", func(t *testing.T) {
		t.Parallel()
		for _, props := range []PresenceProps{{PersonID: "x"}, NewPresence(chat.Presence{PersonID: boris.ID}, zone, now)} {
			if got := draw(t, Presence(props)); !strings.HasSuffix(got, `data-state=""></span>`) {
				t.Error(got)
			}
		}
	})
	t.Run("what somebody wrote stands by itself, and gives no orders", func(t *testing.T) {
		t.Parallel()
		status := chat.Status{Emoji: "<b>", Text: `نص <script>"`}
		got := draw(t, Presence(NewPresence(chat.Presence{State: chat.PresenceOnline, Status: status}, zone, now)))
		for _, want := range []string{`<bdi class="presence__emoji">&lt;b&gt;</bdi>`, `<bdi class="presence__text">نص &lt;script&gt;&#34;</bdi>`} {
			if !strings.Contains(got, want) {
				t.Errorf("no %s in %s", want, got)
			}
		}
	})
}

func TestSeenTime(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 18, 0, 0, 0, time.UTC)
	for at, want := range map[string]string{
		"2026-11-21T17:59:01Z": "just now", "2026-11-21T18:05:00Z": "just now", "2026-11-21T17:59:00Z": "1 min ago",
		"2026-11-21T17:00:01Z": "59 min ago", "2026-11-21T17:00:00Z": "at 17:00", "2026-11-20T23:59:00Z": "yesterday",
		"2026-11-19T23:59:00Z": "19 Nov", "2025-11-19T23:59:00Z": "19 Nov 2025",
	} {
		moment, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := SeenTime(context.Background(), moment, now, nil); got != want {
			t.Errorf("%s is %q, want %q", at, got, want)
		}
	}
}

func TestTyping(t *testing.T) {
	t.Parallel()
	people := []PersonProps{NewPerson(ana), NewPerson(boris), {ID: chat.NewID(), Name: "Eva"}, {ID: chat.NewID(), Name: "Zoë"}}
	for n, want := range []string{"", ana.DisplayName + " is typing…", ana.DisplayName + " and " + boris.DisplayName + " are typing…", "Several people are typing…", "Several people are typing…"} {
		got := draw(t, Typing(people[:n]))
		if text := words(parse(t, got)); text != want || n == 0 && got != "" {
			t.Errorf("%d: %q, want %q", n, text, want)
		}
		if names := strings.Count(got, "<bdi>"); n < 3 && names != n || n > 2 && names != 0 {
			t.Errorf("%d: %d names", n, names)
		}
	}
	hostile := draw(t, Typing([]PersonProps{{Name: `<img src=x>`}}))
	if !strings.Contains(hostile, "<bdi>&lt;img src=x&gt;</bdi> is typing…") {
		t.Error(hostile)
	}
}

func TestPresencesOfAPage(t *testing.T) {
	t.Parallel()
	viewer := chat.Viewer{Person: chat.Person{Card: ana}}
	row := func(kind chat.ConversationKind, other chat.Card) ListRowProps {
		return NewListRow(chat.ListRow{ConversationID: chat.NewID(), Kind: kind, Other: other}, ana.ID, nil, time.Time{}, chat.ID{})
	}
	page := Page{List: []ListRowProps{row(chat.KindDirect, boris), row(chat.KindDirect, ana), row(chat.KindGroup, chat.Card{})}}
	members := NewMembers(chat.Details{}, chat.MembersPage{Members: []chat.GroupMember{{Card: ana}, {Card: boris}}}, "", viewer)
	direct := NewDetails(chat.Details{Kind: chat.KindDirect, Other: boris}, chat.MembersPage{}, viewer)
	note := NewDetails(chat.Details{Kind: chat.KindDirect, Other: ana}, chat.MembersPage{}, viewer)
	self, somebody := NewProfile(chat.Profile{Card: ana}, ana.ID), NewProfile(chat.Profile{Card: boris}, ana.ID)
	conversation := ConversationProps{Kind: chat.KindDirect, Presence: unseen(boris.ID), Details: &direct}
	for name, test := range map[string]struct {
		places []*PresenceProps
		want   int
	}{
		"the list": {page.Presences(), 1}, "members": {members.Presences(), 1}, "details": {direct.Presences(), 1}, "a note": {note.Presences(), 0},
		"one's own profile": {self.Presences(), 0}, "somebody's": {somebody.Presences(), 1}, "a conversation with details": {conversation.Presences(), 2},
	} {
		if len(test.places) != test.want {
			t.Errorf("%s: %d places, want %d", name, len(test.places), test.want)
		}
		for _, place := range test.places {
			if place.PersonID != boris.ID.String() {
				t.Errorf("%s: a place for %q", name, place.PersonID)
			}
			place.State = chat.PresenceOnline
		}
	}
	// They are the places themselves, not copies.
	if page.List[0].Presence.State != chat.PresenceOnline || members.Members[1].Presence.State != chat.PresenceOnline ||
		conversation.Details.Presence.State != chat.PresenceOnline || conversation.Presence.State != chat.PresenceOnline {
		t.Error("what is put there is not there")
	}
}
