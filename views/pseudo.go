package views

import (
	"strings"

	"github.com/nicksnyder/go-i18n/v2/i18n"
)

var accents = strings.NewReplacer(
	"a", "á", "b", "ƀ", "c", "ç", "d", "ð", "e", "é", "f", "ƒ", "g", "ĝ", "h", "ĥ", "i", "í", "j", "ĵ", "k", "ķ",
	"l", "ļ", "m", "ɱ", "n", "ñ", "o", "ó", "p", "þ", "q", "ǫ", "r", "ŕ", "s", "š", "t", "ţ", "u", "ú", "v", "ṽ",
	"w", "ŵ", "x", "ẋ", "y", "ý", "z", "ž",
	"A", "Á", "B", "Ɓ", "C", "Ç", "D", "Ð", "E", "É", "F", "Ƒ", "G", "Ĝ", "H", "Ĥ", "I", "Í", "J", "Ĵ", "K", "Ķ",
	"L", "Ļ", "M", "Ṁ", "N", "Ñ", "O", "Ó", "P", "Þ", "Q", "Ǫ", "R", "Ŕ", "S", "Š", "T", "Ţ", "U", "Ú", "V", "Ṽ",
	"W", "Ŵ", "X", "Ẋ", "Y", "Ý", "Z", "Ž",
)

func pseudoMessage(m *i18n.Message) *i18n.Message {
	p := &i18n.Message{ID: m.ID, Other: pseudoSentence(m.Other)}
	if m.One != "" {
		p.One = pseudoSentence(m.One)
	}
	return p
}

// pseudoSentence accents a sentence and leaves its gaps, {{.Name}} and {name}, alone.
func pseudoSentence(s string) string {
	var b strings.Builder
	b.WriteString("⟦")
	for s != "" {
		open := strings.IndexByte(s, '{')
		if open < 0 {
			break
		}
		b.WriteString(accents.Replace(s[:open]))
		end := open
		for end < len(s) && s[end] != '}' {
			end++
		}
		for end < len(s) && s[end] == '}' {
			end++
		}
		b.WriteString(s[open:end])
		s = s[end:]
	}
	b.WriteString(accents.Replace(s))
	b.WriteString("⟧")
	return b.String()
}
