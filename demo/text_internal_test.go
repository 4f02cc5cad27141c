package demo

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

func TestLanguages(t *testing.T) {
	t.Parallel()
	for _, s := range speakers {
		if languages()[s.code] == nil {
			t.Errorf("nobody wrote down %s", s.code)
		}
	}
	for code, l := range languages() {
		for _, zone := range l.zones {
			if _, err := time.LoadLocation(zone); err != nil {
				t.Errorf("%s: %v", code, err)
			}
		}
		for _, names := range [][]name{l.given[male], l.given[female], l.family[male], l.family[female]} {
			if len(names) < 15 {
				t.Errorf("%s has only %d names of a kind", code, len(names))
			}
			for _, n := range names {
				if fold(n.folded) == "" || strings.ContainsAny(n.written, "=[]") {
					t.Errorf("%s: nothing is left of %q for a username", code, n.written)
				}
			}
		}
		for section, alone := range map[style]bool{styleWork: false, styleLife: false, sectionGroup: false, sectionBurst: true} {
			exchanges := l.sections[string(section)]
			if len(exchanges) < 5 || len(l.groups) < 5 {
				t.Errorf("%s has little to say of %s: %d", code, section, len(exchanges))
			}
			// Whoever is drawn for must find something, also when all that happens once has happened.
			if alone && !slices.ContainsFunc(exchanges, func(e exchange) bool { return e.speakers == 1 && !e.once }) {
				t.Errorf("%s: nobody can speak alone", code)
			}
			if !alone && !slices.ContainsFunc(exchanges, func(e exchange) bool { return e.speakers <= 3 && !e.once }) {
				t.Errorf("%s: %s needs too many people", code, section)
			}
		}
	}
	for _, section := range []style{styleNotes, styleEmoji} {
		if !slices.ContainsFunc(languages()["en"].sections[string(section)], func(e exchange) bool { return e.speakers == 1 && !e.once }) {
			t.Errorf("nobody can speak alone of %s", section)
		}
	}
}

// TestEveryTurn says every turn in all ways: none holds what is not for people's eyes, and each can be sent.
func TestEveryTurn(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	for code, l := range languages() {
		for section, exchanges := range l.sections {
			for _, e := range exchanges {
				for range 30 {
					s := scene{rand: r, lang: l, values: map[string]string{}, by: r.IntN(2), to: r.IntN(2)}
					for _, turn := range e.turns {
						text := s.say(turn.text)
						if text == "" || strings.ContainsAny(text, "{}[]|") || strings.Contains(text, "  ") {
							t.Errorf("%s, %s: %q", code, section, text)
						}
					}
				}
			}
		}
	}
}

func TestTemplate(t *testing.T) {
	t.Parallel()
	l := &language{
		code: "tr", lower: true, slots: map[string][]string{"day": {"istanbul"}},
		given: [2][]name{{{"Ali", "ali"}}, {{"Ali", "ali"}}},
	}
	say := func(template string, by, to int) string {
		t.Helper()
		parsed, err := l.template(template)
		if err != nil {
			t.Fatalf("%s: %v", template, err)
		}
		s := scene{rand: rand.New(rand.NewPCG(1, 1)), lang: l, values: map[string]string{}, by: by, to: to}
		return s.say(parsed)
	}
	for _, c := range []struct {
		template string
		by, to   int
		want     string
	}{
		{"plain", male, male, "plain"},
		{"in {day}", male, male, "in istanbul"},
		{"{day} in {day}. {day}?", male, male, "İstanbul in istanbul. İstanbul?"},
		{`a\n{day}`, male, male, "a\nİstanbul"},
		{"{name}!", male, male, "Ali!"},
		{"sûr[|e] et <le|la>", male, female, "sûr et la"},
		{"sûr[|e] et <le|la>", female, male, "sûre et le"},
		{"{[x|y] {day}|[x|y] {day}}", female, male, "y istanbul"},
		{"a | b", male, male, "a | b"},
	} {
		if got := say(c.template, c.by, c.to); got != c.want {
			t.Errorf("%s: got %q, want %q", c.template, got, c.want)
		}
	}
	for template, want := range map[string]string{
		"{day": "{ is not closed", "{night}": "no slot {night}", "[x]": "[ needs two forms", "<a|b|c>": "< needs two forms",
		"a}": `"}" closes nothing`, "{a]|b}": "{ is not closed", "{{day}}": "no slot", "{a|{b}": "no slot {b}",
	} {
		if _, err := l.template(template); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", template, err, want)
		}
	}
}

func TestReadLanguages(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"nonsense":                 "languages/xx.txt: line 1: expected key = value: nonsense",
		"# x\ncolour = blue":       "line 2: no such key",
		"[slots]\nday":             "line 2: expected key = value",
		"[work]\n\nHello":          "line 3: expected a turn",
		"[work]\nE: Hello":         "line 2: expected a turn",
		"[work]\nA: Hello {you":    "line 2: { is not closed",
		"[work]\nA: a\nB: {thing}": "line 3: no slot {thing}",
	} {
		files := fstest.MapFS{"languages/xx.txt": {Data: []byte(text)}}
		if _, err := readLanguages(files); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
	if _, err := readLanguages(fstest.MapFS{"languages/xx.txt/y": {}}); err == nil {
		t.Error("a folder was read as a language")
	}
}

func TestHabits(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"Yes.":                                {"Yes."},
		"It is done. Shall we go there now?":  {"It is done.", "Shall we go there now?"},
		"It is done. Okay?":                   {"It is done. Okay?"},
		"Last year.. I remember the last one": {"Last year..", "I remember the last one"},
		"例えばこれは文です。そしてこれは次の文です。":                {"例えばこれは文です。", "そしてこれは次の文です。"},
		"Version 1.2 of something that is long": {"Version 1.2 of something that is long"},
	} {
		if got := sentences(text); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for text, want := range map[string]string{"Yes.": "Yes", "Wait..": "Wait..", "はい。": "はい", "No?": "No?"} {
		if got := openEnd(text); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	english, german := languages()["en"], languages()["de"]
	for text, want := range map[string]string{"Yes": "yes", "WHAT": "WHAT", "okay": "okay", "": ""} {
		if got := english.small(text); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := german.small("Ja"); got != "Ja" {
		t.Errorf("got %q", got)
	}
	for text, want := range map[string]bool{"Yes": true, "Yes!": true, "はい": true, "Yes?": false, "نعم؟": false, "Yes 🎉": false} {
		if endsInWord(text) != want {
			t.Errorf("%q: got %v", text, !want)
		}
	}
}

func TestMisspelt(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"hello": "hlelo", "oo": "oo ", "x": "x ", "日本": "本日"} {
		if got := misspelt(text); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestRhythm(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	work := rhythm{zone: berlin, from: 8 * time.Hour, to: 18 * time.Hour, days: 5}
	life := rhythm{zone: berlin, from: 7 * time.Hour, to: 23 * time.Hour, days: 7}
	for _, c := range []struct {
		rhythm   rhythm
		at, want string // the moment nearest before it at which somebody is awake
	}{
		{work, "2026-03-04 15:20", "2026-03-04 15:20"},
		{work, "2026-03-04 08:00", "2026-03-04 08:00"},
		{work, "2026-03-04 07:59", "2026-03-03 18:00"},
		{work, "2026-03-04 23:00", "2026-03-04 18:00"},
		{work, "2026-03-07 12:00", "2026-03-06 18:00"}, // Saturday
		{work, "2026-03-09 03:00", "2026-03-06 18:00"}, // Monday
		{life, "2026-03-07 12:00", "2026-03-07 12:00"},
		{life, "2026-03-08 06:00", "2026-03-07 23:00"},
		{life, "2026-03-29 12:00", "2026-03-29 12:00"}, // an hour short
	} {
		at, err := time.ParseInLocation("2006-01-02 15:04", c.at, berlin)
		if err != nil {
			t.Fatal(err)
		}
		got := c.rhythm.at(c.rhythm.position(at))
		if rounded := got.Round(time.Microsecond).Format("2006-01-02 15:04"); rounded != c.want || got.After(at) {
			t.Errorf("%s: got %s, want %s", c.at, got, c.want)
		}
	}
	for _, r := range []rhythm{work, life} {
		before := time.Time{}
		for position := 9000 * r.length(); position < 9400*r.length(); position += r.length()/7 + 1 {
			if at := r.at(position); !at.After(before) || r.position(at) != position {
				t.Fatalf("%v is %s, after %s, and back %v", position, at, before, r.position(at))
			} else {
				before = at
			}
		}
	}
}
