package demo_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"parley/chat"
	"parley/demo"
)

var now = time.Date(2026, 3, 4, 15, 20, 0, 0, time.UTC) // a Wednesday

// small is a world of the size that people make first.
var small = demo.Settings{People: 60, Conversations: 150, Messages: 7500, Seed: 1, Now: now, TimeZone: "Europe/Berlin"}

func world(t *testing.T, settings demo.Settings) *demo.World {
	t.Helper()
	w, err := demo.New(settings)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// told is all of a world in words; times are left out where they do not matter.
func told(w *demo.World, times bool) string {
	var b strings.Builder
	for p := range w.People() {
		if !times {
			p.CreatedAt = time.Time{}
		}
		fmt.Fprintln(&b, p)
	}
	for c := range w.Conversations() {
		fmt.Fprintln(&b, c.ID, c.Kind, c.Name, c.CreatedBy, c.MsgSeq)
		for _, m := range c.Members {
			fmt.Fprintln(&b, m.PersonID, m.Role, m.FromSeq, m.ReadSeq, m.UnreadFrom, m.DeliveredSeq)
		}
		for _, m := range c.Messages {
			fmt.Fprintln(&b, m.ID, m.ClientID, m.Author.Username, m.Body, fmt.Sprintf("%x", m.RequestHash), m.EditedAt != nil)
			if times {
				fmt.Fprintln(&b, m.CreatedAt, m.ChangedAt, m.ChangeSeq)
			}
		}
	}
	return b.String()
}

func TestSeed(t *testing.T) {
	t.Parallel()
	other := func(change func(*demo.Settings)) demo.Settings {
		settings := small
		change(&settings)
		return settings
	}
	first := told(world(t, small), true)

	t.Run("the same seed makes the same world, ids and times included", func(t *testing.T) {
		t.Parallel()
		if again := told(world(t, small), true); again != first {
			t.Error("it made another one")
		}
	})
	t.Run("a world can be told twice", func(t *testing.T) {
		t.Parallel()
		w := world(t, small)
		once := told(w, true)
		if again := told(w, true); again != once {
			t.Error("it was another one the second time")
		}
	})
	t.Run("another seed makes another world", func(t *testing.T) {
		t.Parallel()
		one, another := world(t, small), world(t, other(func(s *demo.Settings) { s.Seed = 2 }))
		ids := map[chat.ID]bool{}
		for p := range one.People() {
			ids[p.ID] = true
		}
		for c := range one.Conversations() {
			ids[c.ID] = true
			for _, m := range c.Messages {
				ids[m.ID], ids[m.ClientID] = true, true
			}
		}
		for p := range another.People() {
			if ids[p.ID] {
				t.Fatalf("%s is in both", p.ID)
			}
		}
		for c := range another.Conversations() {
			if ids[c.ID] || len(c.Messages) > 0 && (ids[c.Messages[0].ID] || ids[c.Messages[0].ClientID]) {
				t.Fatalf("%s is in both", c.ID)
			}
		}
	})
	t.Run("another moment changes times alone", func(t *testing.T) {
		t.Parallel()
		later := world(t, other(func(s *demo.Settings) { s.Now = now.Add(37*time.Hour + 5*time.Minute) }))
		if told(later, false) != told(world(t, small), false) {
			t.Error("it made another world")
		}
		if told(later, true) == first {
			t.Error("the times are the same")
		}
	})
}

func TestSizes(t *testing.T) {
	t.Parallel()
	for _, size := range [][3]int{
		{60, 150, 7500}, {2, 1, 0}, {2, 1, 40}, {3, 1, 5}, {4, 4, 30}, {9, 24, 200}, {11, 30, 11}, {20, 126, 1000}, {300, 900, 400},
		{2500, 3000, 9000}, {40, 5, 20000},
	} {
		t.Run(fmt.Sprintf("%d people, %d conversations, %d messages", size[0], size[1], size[2]), func(t *testing.T) {
			t.Parallel()
			w := world(t, demo.Settings{People: size[0], Conversations: size[1], Messages: size[2], Seed: 3, Now: now})
			var people, conversations, messages, groups int
			usernames := map[string]bool{}
			for p := range w.People() {
				people++
				usernames[p.Username] = true
			}
			pairs := map[[2]chat.ID]bool{}
			for c := range w.Conversations() {
				conversations++
				messages += len(c.Messages)
				switch ids := memberIDs(c); c.Kind {
				case chat.KindGroup:
					if groups++; len(ids) < 3 || c.Name == "" {
						t.Errorf("a group named %q of %d", c.Name, len(ids))
					}
				case chat.KindDirect:
					pair := [2]chat.ID{ids[0], ids[len(ids)-1]}
					if pairs[pair] || len(ids) > 2 {
						t.Errorf("a direct conversation of %v, the same as another: %v", ids, pairs[pair])
					}
					pairs[pair] = true
				}
			}
			if people != size[0] || conversations != size[1] || messages != size[2] || groups != w.Groups() {
				t.Errorf("made %d people, %d conversations, %d messages, %d groups, of which it says %d",
					people, conversations, messages, groups, w.Groups())
			}
			if people > 2 && groups != size[1]/4 {
				t.Errorf("%d of %d conversations are groups", groups, conversations)
			}
			if len(usernames) != people {
				t.Errorf("%d people have %d usernames", people, len(usernames))
			}
		})
	}
	for want, settings := range map[string]demo.Settings{
		"1 people cannot talk":                     {People: 1, Conversations: 1},
		"0 conversations":                          {People: 5},
		"10 people can have 29 conversations most": {People: 10, Conversations: 30},
		"-1 messages":                              {People: 5, Conversations: 1, Messages: -1},
		"unknown time zone Nowhere":                {People: 5, Conversations: 1, TimeZone: "Nowhere"},
	} {
		if _, err := demo.New(settings); err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), " at most, not 30", " most"), want) {
			t.Errorf("%+v: got %v, want %s", settings, err, want)
		}
	}
}

// memberIDs are a conversation's members, in order.
func memberIDs(c demo.Conversation) []chat.ID {
	var ids []chat.ID
	for _, m := range c.Members {
		ids = append(ids, m.PersonID)
	}
	slices.SortFunc(ids, func(a, b chat.ID) int { return cmp.Compare(a.String(), b.String()) })
	if len(slices.Compact(slices.Clone(ids))) != len(ids) {
		panic("somebody is there twice")
	}
	return ids
}

func TestPeople(t *testing.T) {
	t.Parallel()
	settings := small
	settings.People = 5000
	languages, moderators, longest, before := map[string]int{}, 0, 0, time.Time{}
	n := 0
	for p := range world(t, settings).People() {
		if !chat.ValidUsername(p.Username) {
			t.Errorf("nobody could have the username %q", p.Username)
		}
		length := utf8.RuneCountInString(p.DisplayName)
		longest = max(longest, length)
		if strings.TrimSpace(p.DisplayName) != p.DisplayName || length < 1 || length > chat.MaxDisplayName {
			t.Errorf("nobody could be called %q", p.DisplayName)
		}
		if !slices.Contains(chat.TimeZones(), p.TimeZone) {
			t.Errorf("the time zone %s cannot be chosen", p.TimeZone)
		}
		if n == 0 != (p.Username == demo.Username && p.Role == chat.RoleAdministrator) {
			t.Errorf("person %d is %s, %s", n, p.Username, p.Role)
		}
		if p.State != chat.StateActive || p.PasswordHash != "" || p.CreatedAt.Before(before) || p.CreatedAt.After(now) {
			t.Errorf("%s is %s since %s, with the hash %q", p.Username, p.State, p.CreatedAt, p.PasswordHash)
		}
		if p.Role == chat.RoleModerator {
			moderators++
		}
		languages[p.Language]++
		before = p.CreatedAt
		n++
	}
	if len(languages) != 16 || languages["en"] > 2000 || slices.Min(slices.Collect(maps.Values(languages))) < 50 {
		t.Errorf("they speak %v", languages)
	}
	if moderators != 1 || longest < 50 {
		t.Errorf("%d moderators; the longest name has %d characters", moderators, longest)
	}
}

// TestList holds what the first person's list promises to designers.
func TestList(t *testing.T) {
	t.Parallel()
	w := world(t, small)
	var me chat.ID
	names := map[chat.ID]string{}
	for p := range w.People() {
		names[p.ID] = p.DisplayName
		if p.Username == demo.Username {
			me = p.ID
		}
	}
	seen := map[string]int{}
	note := func(what string, is bool) {
		if is {
			seen[what]++
		}
	}
	for c := range w.Conversations() {
		at := slices.IndexFunc(c.Members, func(m demo.Member) bool { return m.PersonID == me })
		if at < 0 {
			continue
		}
		n := len(c.Messages)
		unread := n - int(c.Members[at].UnreadFrom)
		text := ""
		for _, m := range c.Messages[max(0, n-50):] {
			text += m.Body
		}
		within := func(from, to rune) bool {
			return strings.ContainsFunc(text, func(r rune) bool { return r >= from && r <= to })
		}
		note("all", true)
		note("groups", c.Kind == chat.KindGroup)
		note("everybody", len(c.Members) == small.People)
		note("with one unread message", unread == 1)
		note("with a few unread messages", unread > 1 && unread < 10)
		note("with more than 99 unread messages", unread > 99)
		note("all read", n > 0 && unread == 0)
		note("thousands of messages", n > 2000)
		note("short", n > 0 && n < 30)
		note("one message", n == 1)
		note("nothing said", n == 0)
		note("Arabic", within('ء', 'ي'))
		note("Hebrew", within('א', 'ת'))
		note("Chinese or Japanese", within('一', '龥'))
		note("Devanagari", within('अ', 'ह'))
		note("emoji only", n > 20 && !strings.ContainsFunc(text, func(r rune) bool { return r >= 'a' && r <= 'z' }) && within(0x1f300, 0x1faff))
		note("links", strings.Count(text, "https://") > 6)
		note("texts of several lines", strings.Count(text, "\n\n") > 8)
		note("note to self", len(c.Members) == 1)
		note("a very long name of a group", utf8.RuneCountInString(c.Name) > 75)
		note("a very long name of a person", len(c.Members) == 2 && utf8.RuneCountInString(names[c.Members[1-at].PersonID]) > 50)
		note("the last message deleted", n > 0 && c.Messages[n-1].DeletedAt != nil)
		note("pinned", c.Members[at].Pinned)
		note("archived", c.Members[at].Archived)
		note("quiet", c.Members[at].Quiet)
		note("with a draft", c.Members[at].Draft != "")
		note("today", now.Sub(c.LastActivityAt) < 12*time.Hour)
		note("long ago", now.Sub(c.LastActivityAt) > 60*24*time.Hour)
		if unread > 0 && slices.ContainsFunc(c.Messages[n-unread:], func(m demo.Message) bool { return m.Author.ID == me || m.DeletedAt != nil || m.Event != nil }) {
			t.Errorf("%d unread messages in %q are not all of others, and there", unread, c.Name)
		}
	}
	for what, least := range map[string]int{
		"all": 40, "groups": 10, "everybody": 1, "with one unread message": 3, "with a few unread messages": 5,
		"with more than 99 unread messages": 1, "all read": 15, "thousands of messages": 1, "short": 8, "one message": 1,
		"nothing said": 1, "Arabic": 2, "Hebrew": 1, "Chinese or Japanese": 2, "Devanagari": 1, "emoji only": 1, "links": 1,
		"texts of several lines": 1, "note to self": 1, "a very long name of a group": 1, "a very long name of a person": 1,
		"the last message deleted": 1, "today": 6, "pinned": 2, "archived": 2, "quiet": 1, "with a draft": 3, "long ago": 3,
	} {
		if seen[what] < least {
			t.Errorf("%s: %d, and there should be %d", what, seen[what], least)
		}
	}
}

// TestTalk holds what makes a talk believable, in all conversations.
func TestTalk(t *testing.T) {
	t.Parallel()
	w := world(t, small)
	zones := map[chat.ID]*time.Location{}
	for p := range w.People() {
		zone, err := time.LoadLocation(p.TimeZone)
		if err != nil {
			t.Fatal(err)
		}
		zones[p.ID] = zone
	}
	authors, quick, slow, bursts, all := map[chat.ID]bool{}, 0, 0, 0, 0
	for c := range w.Conversations() {
		daylight := map[*time.Location]int{}
		for i, m := range c.Messages {
			all++
			authors[m.Author.ID] = true
			if m.DeletedAt == nil && m.Event == nil && (strings.TrimSpace(m.Body) != m.Body || m.Body == "" || utf8.RuneCountInString(m.Body) > chat.MaxBody) ||
				strings.ContainsAny(m.Body, "{}|[]") || strings.Contains(m.Body, `\n`) {
				t.Errorf("nobody writes %q", m.Body)
			}
			for _, member := range c.Members {
				zone := zones[member.PersonID]
				if hour := m.CreatedAt.In(zone).Hour(); hour >= 6 {
					daylight[zone]++
				}
			}
			if i == 0 {
				continue
			}
			before := c.Messages[i-1]
			gap := m.CreatedAt.Sub(before.CreatedAt)
			if gap <= 0 {
				t.Errorf("message %d was written %v after the one before it", m.Seq, gap)
			}
			switch {
			case gap < 2*time.Minute:
				quick++
			case gap > 8*time.Hour:
				slow++
			}
			if m.Author.ID == before.Author.ID && gap < time.Minute {
				bursts++
			}
		}
		// Somebody there was awake for all of it.
		if n := len(c.Messages); n > 0 && len(c.Members) < 20 && slices.Max(slices.Collect(maps.Values(daylight))) < n {
			t.Errorf("%s was written at night by everybody: %v of %d", c.ID, daylight, n)
		}
	}
	if len(authors) < small.People*9/10 {
		t.Errorf("only %d of %d people ever say anything", len(authors), small.People)
	}
	if quick < all/2 || slow < all/100 || bursts < all/20 {
		t.Errorf("of %d messages %d come quickly, %d after a long pause, %d from the same hand", all, quick, slow, bursts)
	}
}
