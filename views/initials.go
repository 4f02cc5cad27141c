package views

import (
	"strings"
	"unicode"

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

// Initials stand for a picture: the first character of the first and of the last word, as people count characters.
func Initials(name string) string {
	var first, last string
	for _, word := range strings.Fields(name) {
		initial := initialOf(word)
		switch {
		case initial == "":
		case first == "":
			first = initial
		default:
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

func joins(cluster string) bool {
	for _, r := range cluster {
		return unicode.In(r, unicode.Arabic, unicode.Syriac, unicode.Nko, unicode.Mongolian)
	}
	return false
}
