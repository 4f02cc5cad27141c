package demo

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"parley/chat"
)

// line is something said: by whom, what, and how long after the line before it.
type line struct {
	author  int // place among the members
	body    string
	event   *chat.GroupEvent // what happened, where nobody said anything
	subject int              // to whom, place among the members; -1 for nobody
	gap     time.Duration
	begins  bool // a new sitting, after a pause of any length
}

// talker makes what is said in one conversation.
type talker struct {
	*plan
	people []person
	rand   *rand.Rand
	places []place
	coming []happening // who is to come and to go, in order
	count  int         // how many are in the group
	lines  []line
	decks  map[deckOf]*deck
	recent []int // who spoke last, place among the members
	apart  bool  // what was said last stands apart
}

type deckOf struct {
	lang    *language
	section style
}

// deck gives each exchange of a section once before one comes again, and none again soon.
type deck struct {
	exchanges []exchange
	order     []int
	next      int
	worn      bool // has been gone through
}

func (d *deck) shuffle(r *rand.Rand) {
	d.next = 0
	if d.order == nil {
		d.order = r.Perm(len(d.exchanges))
		return
	}
	d.worn = true
	half := len(d.order) / 2 // each by itself, so that at least half lies between an exchange and its repetition
	for _, part := range [][]int{d.order[:half], d.order[half:]} {
		r.Shuffle(len(part), func(i, j int) { part[i], part[j] = part[j], part[i] })
	}
}

func (d *deck) draw(r *rand.Rand, speakers int) exchange {
	for {
		if d.next == len(d.order) {
			d.shuffle(r)
		}
		next := d.exchanges[d.order[d.next]]
		d.next++
		if next.speakers <= speakers && !(next.once && d.worn) {
			return next
		}
	}
}

// Sections that are no style of a conversation, but part of most.
const (
	sectionGroup style = "group"
	sectionBurst style = "burst" // somebody speaks alone
)

// mostSpeakers take part in one exchange.
const mostSpeakers = 4

// talk makes all lines: first what demo has seen, then what not, in which demo says nothing.
func (t *talker) talk() []line {
	t.lines = make([]line, 0, t.messages)
	t.decks = map[deckOf]*deck{}
	seen := t.messages - t.unread
	if t.kind == chat.KindGroup {
		t.begin()
	}
	for len(t.lines) < seen {
		t.exchange(seen, -1)
	}
	absent := -1
	for place, who := range t.members {
		if who == 0 {
			absent = place
		}
	}
	for len(t.lines) < t.messages {
		t.exchange(t.messages, absent)
	}
	t.settle()
	return t.lines
}

// happening is that somebody comes or goes.
type happening struct {
	after int // so many lines
	place int
	goes  bool
}

// begin is the line with which a group begins, and plans who comes and goes later.
func (t *talker) begin() {
	for i, p := range t.places {
		if p.joined > 0 {
			t.coming = append(t.coming, happening{after: int(p.joined), place: i})
		} else {
			t.count++
		}
		if p.until > 0 {
			t.coming = append(t.coming, happening{after: int(p.until), place: i, goes: true})
		}
	}
	slices.SortStableFunc(t.coming, func(a, b happening) int { return cmp.Compare(a.after, b.after) })
	t.happens(0, -1, chat.GroupEvent{Code: chat.EventCreated, Text: t.name})
}

func (t *talker) happens(author, subject int, event chat.GroupEvent) {
	event.Members = t.count
	gap := time.Duration((1 + 20*t.rand.Float64()) * float64(time.Minute))
	t.lines = append(t.lines, line{author: author, event: &event, subject: subject, gap: gap})
}

// comeAndGo adds the lines of those whose time has come, as long as there is room.
func (t *talker) comeAndGo(until int) {
	for len(t.coming) > 0 && t.coming[0].after <= len(t.lines) && len(t.lines) < until {
		h := t.coming[0]
		t.coming = t.coming[1:]
		place := &t.places[h.place]
		if h.goes {
			t.count--
			t.happens(h.place, h.place, chat.GroupEvent{Code: chat.EventLeft})
			place.until = int64(len(t.lines)) // that they left is the last they see
			continue
		}
		place.joined = int64(len(t.lines))
		if t.joined {
			place.from = place.joined
		}
		t.count++
		t.happens(t.rand.IntN(mostSpeakers), h.place, chat.GroupEvent{Code: chat.EventAdded})
	}
}

// settle lets those stay who had no time to go, and those have been there from the beginning who had none to come.
func (t *talker) settle() {
	for _, h := range t.coming {
		if place := &t.places[h.place]; h.goes {
			place.until = 0
		} else {
			place.joined = 0
			t.count++
			for n := range t.lines {
				if t.lines[n].event != nil {
					t.lines[n].event.Members++
				}
			}
		}
	}
}

// exchange adds one exchange, cut off at a number of lines. Somebody may be absent.
func (t *talker) exchange(until, absent int) {
	able := min(len(t.members), mostSpeakers)
	if absent >= 0 && absent < mostSpeakers { // of the others not all are there at any time, see places
		able--
	}
	if until == 1 {
		able = 1 // a single message is nobody's answer
	}
	speakers := t.choose(able, absent)
	lang, section := t.subject(speakers, able)
	e := t.deck(lang, section).draw(t.rand, able)
	begins := len(t.lines) > 0 && (chance(t.rand, 40) || e.apart || t.apart)
	if t.apart = e.apart; absent >= 0 {
		begins = len(t.lines) > 0 && chance(t.rand, 8) // what somebody has not seen is not of months
	}
	gap := time.Duration((1 + 40*math.Pow(t.rand.Float64(), 2)) * float64(time.Minute))
	scene := scene{rand: t.rand, lang: lang, values: map[string]string{}}
	before := -1
	for n, turn := range e.turns {
		author := speakers[turn.speaker]
		by := &t.people[t.members[author]]
		scene.by, scene.to = by.gender, t.people[t.members[speakers[addressee(e, n)]]].gender
		for _, body := range by.habits.write(t.rand, lang, section, scene.say(turn.text)) {
			if absent < 0 {
				t.comeAndGo(until)
			}
			if seq := int64(len(t.lines) + 1); seq > int64(until) || !t.places[author].speaks(seq) {
				return // nothing more is to be said, or who was to answer has left
			}
			switch {
			case begins:
			case before == author:
				gap = typing(t.rand, body)
			case before >= 0:
				gap = typing(t.rand, body) + thinking(t.rand)
			}
			t.lines = append(t.lines, line{author: author, body: body, gap: gap, begins: begins})
			before, begins = author, false
		}
	}
}

// addressee is the speaker whom a turn answers, or who answers it.
func addressee(e exchange, n int) int {
	self := e.turns[n].speaker
	for i := n - 1; i >= 0; i-- {
		if e.turns[i].speaker != self {
			return e.turns[i].speaker
		}
	}
	for _, after := range e.turns[n:] {
		if after.speaker != self {
			return after.speaker
		}
	}
	return self
}

// choose is who takes part, places among the members: in a group rather those who come first, and who spoke just now.
func (t *talker) choose(able, absent int) []int {
	chosen := make([]int, 0, able)
	seq := int64(len(t.lines) + 1)
	taken := func(place int) bool {
		if place == absent || !t.places[place].speaks(seq) {
			return true
		}
		for _, other := range chosen {
			if other == place {
				return true
			}
		}
		return false
	}
	for tries := 0; len(chosen) < able; tries++ {
		place := t.rand.IntN(len(t.members))
		switch {
		case tries > 50: // the first are always there, see places
			place = tries % len(t.members)
		case len(t.members) > mostSpeakers && len(t.recent) > 0 && chance(t.rand, 50):
			place = pick(t.rand, t.recent)
		case len(t.members) > mostSpeakers:
			place = int(float64(len(t.members)) * math.Pow(t.rand.Float64(), 3))
		}
		if !taken(place) {
			chosen = append(chosen, place)
		}
	}
	t.recent = append(t.recent[:0], chosen...)
	return chosen
}

// subject is what is talked about next, and in which language.
func (t *talker) subject(speakers []int, able int) (*language, style) {
	lang, english := t.lang, languages()["en"]
	n := t.rand.IntN(100)
	switch t.style {
	case styleNotes, styleEmoji:
		return english, t.style
	case styleMixed:
		if own := t.people[t.members[speakers[0]]].lang; n < 35 {
			return own, sectionBurst
		}
		lang = english
	case styleLinks, styleLong:
		if n < 50 && able > 1 {
			return english, t.style
		}
	}
	section := styleLife
	if t.style == styleWork && chance(t.rand, 80) || chance(t.rand, 10) {
		section = styleWork
	}
	switch n = t.rand.IntN(100); {
	case able == 1 || n < 12:
		return lang, sectionBurst
	case n < 14 && t.style != styleWork:
		return english, styleEmoji
	case n < 18 && lang == english:
		return english, styleLinks
	case n < 20 && lang == english:
		return english, styleLong
	case n < 70 && len(t.members) > 2 && able > 2:
		return lang, sectionGroup
	case len(t.members) > 12: // too many for what concerns two
		return lang, styleWork
	}
	return lang, section
}

func (t *talker) deck(lang *language, section style) *deck {
	key := deckOf{lang, section}
	if t.decks[key] == nil {
		t.decks[key] = &deck{exchanges: lang.sections[string(section)]}
	}
	return t.decks[key]
}

// write is how somebody writes a text: as one message, or a few.
func (h habits) write(r *rand.Rand, lang *language, section style, text string) []string {
	if section == styleNotes || section == styleEmoji || section == styleLong || strings.Contains(text, "\n") ||
		strings.Contains(text, "://") {
		return []string{text}
	}
	parts := []string{text}
	if h.bursts && chance(r, 60) {
		parts = sentences(text)
	}
	for i := range parts {
		if h.open && chance(r, 85) || chance(r, 10) {
			parts[i] = openEnd(parts[i])
		}
		if h.small && chance(r, 80) {
			parts[i] = lang.small(parts[i])
		}
	}
	if last := &parts[len(parts)-1]; h.emoji != "" && section != styleWork && chance(r, 14) && endsInWord(*last) {
		*last += " " + h.emoji
	}
	return parts
}

// sentences cuts a text behind its sentences, where that leaves more than a word or two.
func sentences(text string) []string {
	var parts []string
	for from := 0; ; {
		at := strings.IndexAny(text[from:], ".?!。？！")
		if at < 0 {
			return append(parts, text)
		}
		_, size := utf8.DecodeRuneInString(text[from+at:])
		end := from + at + size
		if rest := strings.TrimLeft(text[end:], " "); utf8.RuneCountInString(rest) > 8 && end > 8 &&
			(rest != text[end:] || size > 1) {
			parts, text, from = append(parts, text[:end]), rest, 0
			continue
		}
		if from = end; from == len(text) {
			return append(parts, text)
		}
	}
}

// openEnd takes one full stop off the end.
func openEnd(text string) string {
	for _, stop := range []string{".", "。", "।"} {
		if cut, found := strings.CutSuffix(text, stop); found && !strings.HasSuffix(cut, stop) {
			return cut
		}
	}
	return text
}

// endsInWord says whether a text ends in a letter or a sentence's end, so that an emoji is no answer to another.
func endsInWord(text string) bool {
	last, _ := utf8.DecodeLastRuneInString(text)
	return last < 0x2000 && !strings.ContainsRune("?;؟", last) || last >= 0x3000 && last < 0xa000
}

// typing is how long a text takes to write.
func typing(r *rand.Rand, body string) time.Duration {
	seconds := 1.5 + float64(utf8.RuneCountInString(body))/(3+5*r.Float64())
	return time.Duration(min(seconds, 240) * float64(time.Second))
}

// thinking is how long somebody takes to answer: mostly not long.
func thinking(r *rand.Rand) time.Duration {
	seconds := 20 * r.ExpFloat64()
	if chance(r, 12) {
		seconds = 60 + 1200*r.Float64()
	}
	return time.Duration(seconds * float64(time.Second))
}
