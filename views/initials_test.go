package views

import (
	"testing"

	"parley/chat"
)

func TestInitials(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Mira Okafor":          "MO",
		"mira":                 "M",
		"Ludwig van Beethoven": "LB",
		"  spaced   out  ":     "SO",
		"Fieldwork 2026":       "F2",
		"Élise d’Arc":          "ÉD",
		"E\u0301lise":          "E\u0301",
		"王小明":                  "王",
		"Дмитрий Соколов":      "ДС",
		"نور العلي":            "ن\u200cا",
		"יעל כהן":              "יכ",
		"🌻 Sunny":              "🌻S",
		"👩🏽\u200d🚀":            "👩🏽\u200d🚀",
		"🇳🇬 Ada":               "🇳🇬A",
		"(Jo) \"Max\"":         "JM",
		"किरण दास":             "किदा",
		"\u202eevil":           "E",
		"ǆ":                    "ǅ",
		"Yuki 山本":              "Y",
		"山本 Yuki":              "山",
		"Yuki 山本 Tanaka":       "YT",
		"山本 ゆき":                "山ゆ",
		"タナカ 山本":               "タ山",
		"김 민준":                 "김민",
		"Дмитрий Smith":        "Д",
		"Νίκος Papadopoulos":   "Ν",
		"نور Smith":            "ن",
		"José Αλέξης":          "J",
		"Գոռ Petrosyan":        "Գ",
		"Anna 2":               "A2",
		"2 Анна":               "2А",
		"Anna 🌻":               "A🌻",
		"- — -":                "",
		"":                     "",
	} {
		if got := Initials(name); got != want {
			t.Errorf("%q: got %q, wanted %q", name, got, want)
		}
	}
}

func TestTone(t *testing.T) {
	t.Parallel()
	counts := map[string]int{}
	for range 6000 {
		id := chat.NewID()
		if first, second := toneClass(id), toneClass(id); first != second {
			t.Fatal("a person changed colour")
		}
		counts[toneClass(id)]++
	}
	for n := 1; n <= tones; n++ {
		if c := counts["tone-"+string(rune('0'+n))]; c < 700 || c > 1300 {
			t.Errorf("tone %d was given %d of 6000 times", n, c)
		}
	}
}

func TestOnlyEmoji(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"🌻": true, "🌻🌻🌻": true, "🌻 🌻": true, "🌻🌻🌻🌻": false,
		"❤️": true, "❤": false, "👩🏽\u200d🚀🏳️\u200d🌈": true, "🇳🇬": true, "1️⃣": true, "#️⃣": true, "⭐": true,
		"©️": true, "©": false, "‼️": true, "↔️": true,
		"": false, "1": false, "123": false, "#": false, "a": false, "🌻a": false, "a🌻": false, "ok 🌻": false, "é": false, "王": false,
		"…": false, " 🌻": false, "🌻\n🌻": false, "\xff": false, "🌻\ufe0f": true,
	} {
		if got := onlyEmoji(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
