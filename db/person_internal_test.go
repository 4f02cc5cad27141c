package db

import (
	"encoding/base64"
	"strings"
	"testing"
	"unicode/utf8"

	"parley/chat"
)

func FuzzParseSearchCursor(f *testing.F) {
	encode := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	f.Add(searchCursor{Rank: 3, Name: "Ännä", ID: chat.NewID()}.String())
	for _, seed := range []string{"", "x", "\x00", encode("{}"), encode("null"), encode(`{"r":99}`), encode(`{"r":-99,"n":"\u0000"}`), encode(`{"n":"\ud800"}`), encode("{\"n\":\"\xff\"}")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		cursor := parseSearchCursor(text)
		if cursor.Rank < -1 || cursor.Rank > 9 || !utf8.ValidString(cursor.Name) || strings.ContainsRune(cursor.Name, 0) {
			t.Errorf("%q became %+v", text, cursor)
		}
		if again := parseSearchCursor(cursor.String()); again != cursor {
			t.Errorf("%+v, again %+v", cursor, again)
		}
	})
}
