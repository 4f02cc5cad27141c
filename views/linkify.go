package views

import (
	"net/url"
	"regexp"
	"strings"
	"sync"
	"unicode"

	"mvdan.cc/xurls/v2"
)

// Segment is a stretch of a message's text: a link where Href is set.
type Segment struct {
	Text string
	Href string
}

var linkForm = sync.OnceValue(func() *regexp.Regexp {
	form, err := xurls.StrictMatchingScheme(`(?i:https?://|mailto:)`)
	if err != nil {
		panic(err) // the pattern is a constant
	}
	return form
})

// Linkify cuts a text into plain stretches and links. Only http, https and mailto become links.
func Linkify(text string) []Segment {
	if !mayHoldLink(text) {
		return []Segment{{Text: text}}
	}
	var segments []Segment
	end := 0
	for _, at := range linkForm().FindAllStringIndex(text, -1) {
		link := trimLink(text[at[0]:at[1]])
		if !safeLink(link) {
			continue
		}
		if at[0] > end {
			segments = append(segments, Segment{Text: text[end:at[0]]})
		}
		segments = append(segments, Segment{Text: link, Href: link})
		end = at[0] + len(link)
	}
	if end < len(text) {
		segments = append(segments, Segment{Text: text[end:]})
	}
	return segments
}

// mayHoldLink is quick: nearly no message holds a link, and the regular expression is slow.
func mayHoldLink(text string) bool {
	for rest := text; ; {
		colon := strings.IndexByte(rest, ':')
		if colon < 0 {
			return false
		}
		if strings.HasPrefix(rest[colon:], "://") || colon >= 6 && strings.EqualFold(rest[colon-6:colon], "mailto") {
			return true
		}
		rest = rest[colon+1:]
	}
}

// trimLink ends a link before what only looks like a part of it: quotes, and invisible characters that would make the
// link read differently from where it leads.
func trimLink(link string) string {
	if cut := strings.IndexFunc(link, func(r rune) bool {
		return unicode.Is(unicode.Cf, r) || unicode.IsSpace(r) || strings.ContainsRune("\"<>“”„«»‘’", r)
	}); cut >= 0 {
		link = link[:cut]
	}
	return strings.TrimRight(link, ".,;:!?'")
}

func safeLink(link string) bool {
	u, err := url.Parse(link)
	if err != nil {
		return false
	}
	switch strings.ToLower(u.Scheme) {
	case "http", "https":
		return u.Host != ""
	case "mailto":
		return strings.Contains(u.Opaque, "@")
	}
	return false
}
