//go:build unix

package chat_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/chat"
	"parley/chat/chattest"
)

// find returns the usernames of all pages of a search.
func find(t *testing.T, w *chattest.World, viewer chat.Viewer, q string) (usernames []string) {
	t.Helper()
	for after := ""; ; {
		page := value[chat.PeoplePage](t)(w.Chat.SearchPeople(t.Context(), viewer, q, after))
		if len(page.People) > 20 || (page.Next != "" && len(page.People) < 20) {
			t.Fatalf("a page of %d", len(page.People))
		}
		for _, person := range page.People {
			usernames = append(usernames, person.Username)
		}
		if after = page.Next; after == "" {
			return usernames
		}
	}
}

// call makes somebody with both names given.
func call(t *testing.T, w *chattest.World, username, displayName string) chat.Viewer {
	t.Helper()
	person := w.Person(t, "")
	w.Exec(t, "UPDATE people SET username = $2, display_name = $3 WHERE id = $1", person.ID, username, displayName)
	return value[chat.Viewer](t)(w.Chat.Viewer(t.Context(), person.SessionID))
}

func TestSearchPeople(t *testing.T) {
	t.Parallel()

	t.Run("the best comes first: the username, its beginning, the name's, a word's, anywhere", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		viewer := call(t, w, "zoe", "Zoe")
		call(t, w, "e1", "Susanna")
		call(t, w, "d1", "Maria Anna")
		call(t, w, "c2", "anna Z")
		call(t, w, "c1", "Anna A")
		call(t, w, "annabel", "Belle")
		call(t, w, "anna", "Zzz")
		want := []string{"anna", "annabel", "c1", "c2", "d1", "e1"}
		for _, q := range []string{"anna", "ANNA", " @Anna ", "ännÀ", "Ａnna"} {
			if got := find(t, w, viewer, q); !slices.Equal(got, want) {
				t.Errorf("%s: got %v", q, got)
			}
		}
		if got := find(t, w, viewer, "maria ann"); !slices.Equal(got, []string{"d1"}) {
			t.Errorf("two words: got %v", got)
		}
		if got := find(t, w, viewer, "nobody"); got != nil {
			t.Errorf("nobody: got %v", got)
		}
	})

	t.Run("accents and case are folded on both sides, in every script", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		viewer := call(t, w, "zoe", "Zoe")
		for username, name := range map[string]string{
			"p1": "Çelik Öztürk", "p2": "Łukasz", "p3": "Ольга Ёлкина", "p4": "李小龙", "p5": "عمر الشريف", "p6": "דניאל", "p7": "김영희", "p8": "Straße",
		} {
			call(t, w, username, name)
		}
		for q, username := range map[string]string{
			"celik": "p1", "OZTURK": "p1", "öztü": "p1", "lukasz": "p2", "ŁUKASZ": "p2", "ольга": "p3", "елкина": "p3", "ЁЛКИНА": "p3",
			"李": "p4", "小龙": "p4", "李小龙": "p4", "عمر": "p5", "الش": "p5", "דני": "p6", "김영": "p7", "strasse": "p8", "straße": "p8",
		} {
			if got := find(t, w, viewer, q); !slices.Equal(got, []string{username}) {
				t.Errorf("%s: got %v", q, got)
			}
		}
	})

	t.Run("one or two letters find the beginnings of words, in scripts that part no words every character", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		viewer := call(t, w, "zoe", "Zoe")
		for username, name := range map[string]string{
			"p1": "Jean-Luc Çelik", "p2": "Ludmila O’Hara", "p3": "Ольга Ёлкина", "p4": "李小龙", "p5": "김영희", "p6": "Мария ЛУ", "x.lulu_2": "Nobody", "p7": "ひらがな カタカナ",
		} {
			call(t, w, username, name)
		}
		for q, want := range map[string][]string{
			"l": {"p2", "p1", "x.lulu_2"}, "lu": {"p2", "p1", "x.lulu_2"}, "LÜ": {"p2", "p1", "x.lulu_2"}, "Ｌｕ": {"p2", "p1", "x.lulu_2"},
			"çe": {"p1"}, "C\u0327e": {"p1"}, "ua": nil, "el": nil, "ha": {"p2"}, "2": {"x.lulu_2"}, "е": {"p3"}, "ёл": {"p3"}, "ка": nil,
			"李": {"p4"}, "小": {"p4"}, "小龙": {"p4"}, "龙小": nil, "영": {"p5"}, "영희": {"p5"}, "лу": {"p6"}, "らが": {"p7"}, "ナ": {"p7"},
			"p4": {"p4"}, "no": {"x.lulu_2"},
		} {
			if got := find(t, w, viewer, q); !slices.Equal(got, want) {
				t.Errorf("%s: got %v instead of %v", q, got, want)
			}
		}
	})

	t.Run("everybody is sorted by name as people sort, accents and case aside", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		viewer := call(t, w, "p5", "zoe")
		for username, name := range map[string]string{"p4": "Zacharias", "p2": "Élodie", "p1": "Åsa", "p3": "Ëmil", "p0": "asa"} {
			call(t, w, username, name)
		}
		want := []string{"p0", "p1", "p2", "p3", "p4", "p5"}
		if got := find(t, w, viewer, ""); !slices.Equal(got[2:], want[2:]) || !slices.Contains(got[:2], "p0") || !slices.Contains(got[:2], "p1") {
			t.Errorf("everybody: got %v", got)
		}
		w.Exec(t, `UPDATE people SET display_name = 'P ' || display_name`)
		if got := find(t, w, viewer, "P "); !slices.Equal(got[2:], want[2:]) {
			t.Errorf("found: got %v", got)
		}
	})

	t.Run("what has a meaning in a pattern has none here, in its wide form neither", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		viewer := call(t, w, "zoe", "Zoe")
		call(t, w, "p1", "100% sure")
		call(t, w, "p2", "100 sure")
		call(t, w, "a_b", "Under")
		call(t, w, "axb", "Score")
		call(t, w, "p3", `Back\slash`)
		for q, want := range map[string][]string{
			"%": {"p1"}, "100%": {"p1"}, "0% s": {"p1"}, "_": {"a_b"}, "a_b": {"a_b"}, `\`: {"p3"}, `k\s`: {"p3"}, `\%`: nil, `a\_b`: nil,
			"％": {"p1"}, "＿": {"a_b"}, "＼": {"p3"}, "'": nil, "--": nil, "%%": nil, "__": nil,
		} {
			if got := find(t, w, viewer, q); !slices.Equal(got, want) {
				t.Errorf("%s: got %v instead of %v", q, got, want)
			}
		}
	})

	t.Run("only those whose account is active are found", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		viewer, ben := call(t, w, "anna", "Anna"), call(t, w, "ben", "Ben")
		for _, q := range []string{"ben", ""} {
			if got := find(t, w, viewer, q); !slices.Contains(got, "ben") {
				t.Fatalf("premise: %q: got %v", q, got)
			}
		}
		for _, state := range []string{"suspended", "closed"} {
			w.Exec(t, "UPDATE people SET state = $2 WHERE id = $1", ben.ID, state)
			for _, q := range []string{"ben", "b", ""} {
				if got := find(t, w, viewer, q); slices.Contains(got, "ben") {
					t.Errorf("%s: %q: got %v", state, q, got)
				}
			}
		}
	})

	t.Run("pages have neither gaps nor doubles, also among people of one name", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		viewer := w.Person(t, "Somebody")
		w.Exec(t, `
			INSERT INTO people (id, username, display_name, password_hash)
			SELECT gen_random_uuid(), 'same' || n, CASE WHEN n % 20 = 0 THEN 'Ännä' ELSE 'Anna' END, '' FROM generate_series(1, 65) n`)
		for _, q := range []string{"anna", "", "a", "same"} {
			got := find(t, w, viewer, q)
			if want := 65; q == "" && len(got) != want+1 || q != "" && len(got) != want {
				t.Errorf("%q: %d people", q, len(got))
			}
			slices.Sort(got)
			if len(slices.Compact(got)) != len(got) {
				t.Errorf("%q: somebody twice", q)
			}
		}
		everybody := 66
		page := value[chat.PeoplePage](t)(w.Chat.SearchPeople(t.Context(), viewer, "", ""))
		w.Exec(t, "INSERT INTO people (id, username, display_name, password_hash) VALUES (gen_random_uuid(), 'new', 'Aaa', '')")
		seen := len(page.People)
		for page.Next != "" {
			page = value[chat.PeoplePage](t)(w.Chat.SearchPeople(t.Context(), viewer, "", page.Next))
			seen += len(page.People)
		}
		if seen != everybody {
			t.Errorf("somebody new before the place moved the pages: %d", seen)
		}
	})

	t.Run("exactly a page has no next one", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		var viewer chat.Viewer
		for range 20 {
			viewer = w.Person(t, "")
		}
		page := value[chat.PeoplePage](t)(w.Chat.SearchPeople(t.Context(), viewer, "", ""))
		if len(page.People) != 20 || page.Next != "" {
			t.Errorf("%d people, next %q", len(page.People), page.Next)
		}
		w.Person(t, "")
		page = value[chat.PeoplePage](t)(w.Chat.SearchPeople(t.Context(), viewer, "", ""))
		if len(page.People) != 20 || page.Next == "" {
			t.Errorf("%d people, next %q", len(page.People), page.Next)
		}
	})

	t.Run("a cursor that nobody was given is harmless", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		viewer := w.Person(t, "Anna")
		cursor := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
		for _, after := range []string{
			"x", "%%%", "\x00", cursor("{}"), cursor("null"), cursor("[]"), cursor(`{"r":1e99}`), cursor(`{"r":-99999,"n":"","i":""}`), cursor(`{"n":"\u0000"}`),
			cursor(`{"n":"\ud800"}`), cursor(`{"r":"' OR 1=1"}`), cursor("{\"n\":\"\xff\"}"), strings.Repeat("a", 1<<20),
		} {
			for _, q := range []string{"", "ann"} {
				if _, err := w.Chat.SearchPeople(t.Context(), viewer, q, after); err != nil {
					t.Errorf("%.40q: %v", after, err)
				}
			}
		}
		for _, rank := range []int{9, 9999999999} {
			after := cursor(fmt.Sprintf(`{"r":%d,"n":"zzz","i":"%s"}`, rank, chat.NewID()))
			for _, q := range []string{"", "ann"} {
				if page := value[chat.PeoplePage](t)(w.Chat.SearchPeople(t.Context(), viewer, q, after)); len(page.People) != 0 || page.Next != "" {
					t.Errorf("behind the end: %v", page)
				}
			}
		}
	})
}

func TestPersonByUsername(t *testing.T) {
	t.Parallel()
	w := chattest.New(t)
	anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
	for _, username := range []string{"ben", "BEN"} {
		if profile := value[chat.Profile](t)(w.Chat.PersonByUsername(t.Context(), anna, username)); profile != (chat.Profile{Card: ben.Card}) {
			t.Errorf("got %v", profile)
		}
	}
	_, err := w.Chat.PersonByUsername(t.Context(), anna, "nobody")
	notFound(t, err)
	suspend(t, w, ben)
	_, err = w.Chat.PersonByUsername(t.Context(), anna, "ben")
	notFound(t, err)
	for _, username := range []string{"ben\x00", "b\xffen", ""} {
		_, err = w.Chat.PersonByUsername(t.Context(), anna, username)
		notFound(t, err)
	}
}

func TestSavePreferences(t *testing.T) {
	t.Parallel()
	w := chattest.New(t)
	anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")

	for i, theme := range []chat.Theme{chat.ThemeDark, chat.ThemeLight, chat.ThemeAuto} {
		must(t, w.Chat.SavePreferences(t.Context(), anna, chat.Preferences{TimeZone: "Asia/Tokyo", Theme: theme}))
		now := value[chat.Viewer](t)(w.Chat.Viewer(t.Context(), anna.SessionID))
		if now.Theme != theme || now.TimeZone != "Asia/Tokyo" || now.ViewSeq != int64(i+1) {
			t.Errorf("got %s, %s, %d", now.Theme, now.TimeZone, now.ViewSeq)
		}
		if heard := w.Heard(); len(heard) != 1 || heard[0] != (chat.PersonChanged{PersonID: anna.ID, ViewSeq: now.ViewSeq}) {
			t.Errorf("heard %v", heard)
		}
	}
	if now := value[chat.Viewer](t)(w.Chat.Viewer(t.Context(), ben.SessionID)); now.TimeZone != "UTC" || now.ViewSeq != 0 {
		t.Errorf("somebody else: %s, %d", now.TimeZone, now.ViewSeq)
	}

	got := wrong(t, w.Chat.SavePreferences(t.Context(), anna, chat.Preferences{TimeZone: "Mars/Olympus", Theme: "pink"}))
	if len(got) != 2 || got["time_zone"] != chat.CodeTimeZone || got["theme"] != chat.CodeTheme {
		t.Errorf("got %v", got)
	}
	if now := value[chat.Viewer](t)(w.Chat.Viewer(t.Context(), anna.SessionID)); now.TimeZone != "Asia/Tokyo" || len(w.Heard()) != 0 {
		t.Errorf("a refused change came through: %s", now.TimeZone)
	}
	notFound(t, w.Chat.SavePreferences(t.Context(), chat.Viewer{Person: chat.Person{Card: chat.Card{ID: chat.NewID()}}}, chat.Preferences{TimeZone: "UTC", Theme: chat.ThemeAuto}))
}

func TestChangeName(t *testing.T) {
	t.Parallel()

	t.Run("everybody sees the new name, also beside what was written before", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		id := w.Direct(t, anna, ben)
		w.Say(t, anna, id, "hello")
		w.Heard()
		must(t, w.Chat.ChangeName(t.Context(), anna, "  Anna   Lindqvist "))
		heard := w.Heard()
		if len(heard) != 2 || heard[0].(chat.PersonChanged).PersonID != anna.ID || heard[1] != (chat.CardChanged{PersonID: anna.ID, Seq: 1}) {
			t.Errorf("heard %v", heard)
		}
		page := value[chat.ConversationPage](t)(w.Chat.OpenConversation(t.Context(), ben, id, chat.Place{}))
		if author := page.Messages[0].Author; author.DisplayName != "Anna Lindqvist" || author.Seq != 1 || page.Other != author {
			t.Errorf("author %+v, other %+v", author, page.Other)
		}
		if page.At.IsZero() {
			t.Error("the page does not say when its names were read")
		}
	})

	t.Run("a name that is none is refused, and the same name changes nothing", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna := w.Person(t, "Anna")
		for name, code := range map[string]chat.Code{
			"": chat.CodeRequired, " \u200b": chat.CodeRequired, "a\x00b": chat.CodeBadText, strings.Repeat("é", 61): chat.CodeTooLong,
		} {
			if got := wrong(t, w.Chat.ChangeName(t.Context(), anna, name))["display_name"]; got != code {
				t.Errorf("%q: %s", name, got)
			}
		}
		must(t, w.Chat.ChangeName(t.Context(), anna, "Anna"))
		if heard := w.Heard(); len(heard) != 0 {
			t.Errorf("heard %v", heard)
		}
	})

	t.Run("cards are found by conversation, by person, and by the moment of their change", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben, eve := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Eve")
		id, elsewhere := w.Direct(t, anna, ben), w.Direct(t, ben, eve)
		w.Say(t, anna, id, "hello")
		group := w.Group(t, "Crew", anna, ben, eve)
		w.Say(t, anna, group, "hello")
		before := time.Now().Add(-time.Minute)
		must(t, w.Chat.ChangeName(t.Context(), anna, "Anna L."))
		all := []chat.ID{id, elsewhere, group}
		cards := value[[]chat.MemberCard](t)(w.Chat.CardsIn(t.Context(), all, nil, before))
		if len(cards) != 2 || cards[0].Card.DisplayName != "Anna L." || cards[0].ConversationID == elsewhere || cards[1].ConversationID == elsewhere {
			t.Errorf("changed: %v", cards)
		}
		if cards := value[[]chat.MemberCard](t)(w.Chat.CardsIn(t.Context(), all, nil, time.Now().Add(time.Minute))); len(cards) != 0 {
			t.Errorf("later: %v", cards)
		}
		if cards := value[[]chat.MemberCard](t)(w.Chat.CardsIn(t.Context(), []chat.ID{elsewhere}, []chat.ID{ben.ID, anna.ID}, time.Time{})); len(cards) != 1 || cards[0].Card.ID != ben.ID {
			t.Errorf("named: %v", cards)
		}
		changed := value[map[chat.ID]int64](t)(w.Chat.ChangedCards(t.Context(), before))
		if len(changed) != 1 || changed[anna.ID] != 1 {
			t.Errorf("changed: %v", changed)
		}
		showing := value[[]chat.ID](t)(w.Chat.ConversationsShowing(t.Context(), anna.ID))
		if len(showing) != 2 || !slices.Contains(showing, id) || !slices.Contains(showing, group) {
			t.Errorf("showing: %v", showing)
		}
		w.Say(t, eve, group, "my turn")
		if showing := value[[]chat.ID](t)(w.Chat.ConversationsShowing(t.Context(), anna.ID)); len(showing) != 1 || showing[0] != id {
			t.Errorf("showing, after somebody else wrote: %v", showing)
		}
	})
}
