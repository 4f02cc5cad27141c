package views

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"

	"parley/chat"
)

// tones is how many colours initials have.
const tones = 6

// toneClass is a person's colour: the same on each page, for good.
func toneClass(id chat.ID) string {
	h := uint32(2166136261) // FNV-1a
	for _, b := range id {
		h = (h ^ uint32(b)) * 16777619
	}
	return toneClasses[h%tones]
}

var toneClasses = [tones]string{"tone-1", "tone-2", "tone-3", "tone-4", "tone-5", "tone-6"}

// Initials stand for a picture: the first character of the first and of the last word, as people count characters. In a
// name that is written in two scripts both are of the first word's: letters of two have nothing to say together.
func Initials(name string) string {
	var first, last string
	for _, word := range strings.Fields(name) {
		initial := initialOf(word)
		switch {
		case initial == "":
		case first == "":
			first = initial
		case together(first, initial):
			last = initial
		}
	}
	if last != "" && joins(first) && joins(last) {
		return first + "\u200c" + last // letters of a joined script would melt into one
	}
	return first + last
}

// initialOf is the first letter, digit or symbol of a word; punctuation before it does not count.
func initialOf(word string) string {
	word = strings.TrimLeftFunc(word, func(r rune) bool { return unicode.IsPunct(r) || unicode.Is(unicode.Cf, r) })
	if word == "" {
		return ""
	}
	cluster, _, _, _ := uniseg.FirstGraphemeClusterInString(word, -1)
	return strings.ToTitle(cluster)
}

// together says whether two initials are of one script, or one of them is no letter of any.
func together(a, b string) bool {
	if a[0] < utf8.RuneSelf && b[0] < utf8.RuneSelf {
		return true // mostly
	}
	first, second := scriptOf(a), scriptOf(b)
	return first == second || first == "" || second == ""
}

// usual are the scripts that most names are written in, looked at before all the others.
var usual = []string{"Latin", "Han", "Cyrillic", "Arabic", "Hangul", "Hebrew", "Greek", "Devanagari", "Hiragana", "Katakana", "Common"}

// scriptOf names the script of an initial; what digits, signs and pictures are written in has no name. Japanese is
// written in three at once.
func scriptOf(cluster string) string {
	r, _ := utf8.DecodeRuneInString(cluster)
	name := ""
	if n := slices.IndexFunc(usual, func(name string) bool { return unicode.Is(unicode.Scripts[name], r) }); n >= 0 {
		name = usual[n]
	} else {
		for other, script := range unicode.Scripts {
			if unicode.Is(script, r) {
				name = other
				break
			}
		}
	}
	switch name {
	case "Hiragana", "Katakana":
		return "Han"
	case "Common", "Inherited":
		return ""
	}
	return name
}

func joins(cluster string) bool {
	for _, r := range cluster {
		return unicode.In(r, unicode.Arabic, unicode.Syriac, unicode.Nko, unicode.Mongolian)
	}
	return false
}
