package views

import (
	"context"
	"strconv"
	"strings"

	"parley/chat"
)

// EventProps is what a system message says.
type EventProps struct {
	Event  chat.GroupEvent
	Author PersonProps
	ByYou  bool
	Viewer chat.ID // among the subjects, or zero
}

// namedInEvent is how many people a sentence names before it counts the others.
const namedInEvent = 3

// segment is a piece of a sentence: text, or a person's name.
type segment struct {
	text   string
	person *PersonProps
}

// A sentence of the catalogue is asked for with these in place of the names, so that each name can stand in an element of
// its own. They are of Unicode's private use area: nobody's language has them.
const (
	markStart = '\uE000'
	markEnd   = '\uE001'
)

// mark stands for the n-th person in a sentence, until it is cut.
func mark(n int) string { return string(markStart) + strconv.Itoa(n) + string(markEnd) }

// segments is the sentence with its names apart.
func (p *EventProps) segments(ctx context.Context) []segment {
	people := []PersonProps{p.Author}
	var named []string
	for _, card := range p.Event.Subjects {
		if card.ID == p.Viewer {
			named = append([]string{T(ctx, "event.you")}, named...)
			continue
		}
		people = append(people, NewPerson(card))
		named = append(named, mark(len(people)-1))
	}
	return cut(p.sentence(ctx, chat.Args{"Actor": mark(0), "People": namesOf(ctx, named), "Text": Isolate(p.Event.Text)}), people)
}

// namesOf joins names: one, two, three, or three and the number of the others.
func namesOf(ctx context.Context, names []string) string {
	switch n := len(names); {
	case n == 0:
		return ""
	case n == 1:
		return names[0]
	case n <= namedInEvent:
		return T(ctx, "event.and", chat.Args{"Names": strings.Join(names[:n-1], ", "), "Last": names[n-1]})
	default:
		return T(ctx, "event.and_others", chat.Args{"Names": strings.Join(names[:namedInEvent], ", "), "Count": n - namedInEvent})
	}
}

func (p *EventProps) sentence(ctx context.Context, args chat.Args) string {
	you := p.ByYou
	switch p.Event.Code {
	case chat.EventCreated:
		return either(ctx, you, args, "event.created", "event.created_you")
	case chat.EventAdded:
		return either(ctx, you, args, "event.added", "event.added_you")
	case chat.EventJoined:
		return either(ctx, you, args, "event.joined", "event.joined_you")
	case chat.EventRemoved:
		return either(ctx, you, args, "event.removed", "event.removed_you")
	case chat.EventLeft:
		return either(ctx, you, args, "event.left", "event.left_you")
	case chat.EventRenamed:
		return either(ctx, you, args, "event.renamed", "event.renamed_you")
	case chat.EventDescribed:
		return either(ctx, you, args, "event.described", "event.described_you")
	case chat.EventRules:
		return either(ctx, you, args, "event.rules", "event.rules_you")
	case chat.EventRole:
		switch p.Event.Role {
		case chat.MemberOwner:
			return either(ctx, you, args, "event.owner", "event.owner_you")
		case chat.MemberAdministrator:
			return either(ctx, you, args, "event.administrator", "event.administrator_you")
		default:
			return either(ctx, you, args, "event.member", "event.member_you")
		}
	}
	return T(ctx, "event.unknown") // of a later version
}

func either(ctx context.Context, you bool, args chat.Args, by, byYou string) string {
	if you {
		return T(ctx, byYou, args)
	}
	return T(ctx, by, args)
}

// cut takes a sentence apart at the marks.
func cut(sentence string, people []PersonProps) []segment {
	var segments []segment
	for sentence != "" {
		before, rest, found := strings.Cut(sentence, string(markStart))
		if before != "" {
			segments = append(segments, segment{text: before})
		}
		if !found {
			break
		}
		number, after, _ := strings.Cut(rest, string(markEnd))
		if n, err := strconv.Atoi(number); err == nil && n < len(people) {
			segments = append(segments, segment{person: &people[n]})
		}
		sentence = after
	}
	return segments
}

// text is the whole sentence as a list's preview shows it.
func (p *EventProps) text(ctx context.Context) string {
	var b strings.Builder
	for _, s := range p.segments(ctx) {
		if s.person != nil {
			b.WriteString(Isolate(s.person.Name))
		} else {
			b.WriteString(s.text)
		}
	}
	return b.String()
}
