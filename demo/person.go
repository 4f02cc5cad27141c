package demo

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"parley/chat"
)

type person struct {
	chat.Person
	lang   *language
	gender int
	zone   *time.Location
	joined time.Duration // how long before the end of the world
	habits habits
}

// habits are how somebody writes, which is most of what makes people sound different.
type habits struct {
	open   bool // no full stop at the end
	small  bool // begins small, where the language allows it
	bursts bool // sends each sentence by itself
	emoji  string
}

// speakers says how many people of each language there are, in proportion.
var speakers = []struct {
	code  string
	share int
}{
	{"en", 16}, {"de", 4}, {"es", 4}, {"fr", 4}, {"pt", 3}, {"sv", 2}, {"pl", 3}, {"uk", 3}, {"el", 2}, {"tr", 3},
	{"vi", 2}, {"ar", 4}, {"he", 2}, {"hi", 4}, {"ja", 4}, {"zh", 4},
}

// cast are the languages of the first people, whom the first person talks with, see wishes.
var cast = strings.Fields(`en en en ar en de ja zh en en de en he en fr uk hi es el pl tr ar pt sv vi en ja en de es en
	zh ar fr en en`)

// The longest name there is, and somebody who has only one.
const (
	longestName = "Maria-Magdalena Wilhelmine von Hohenfels und Oberwiesenthal"
	longNamed   = 10 // who bears it
)

const day = 24 * time.Hour

// Everybody has been there for a while, so that conversations have a past.
const (
	firstJoined = 1100 * day
	lastJoined  = 120 * day
)

func (w *World) makePeople(r *rand.Rand) []person {
	people := make([]person, w.settings.People)
	taken := map[string]bool{Username: true}
	given, family := bags{}, bags{}
	zones := map[string]*time.Location{}
	for i := range people {
		p := &people[i]
		p.lang = languages()[w.languageOf(r, i)]
		p.gender = r.IntN(2)
		p.ID = orderedID(r, i)
		p.Role, p.State, p.Theme = chat.RoleMember, chat.StateActive, chat.ThemeAuto
		p.Language, p.TimeZone = p.lang.code, pick(r, p.lang.zones)
		first, last := given.draw(r, p.lang.given[p.gender]), family.draw(r, p.lang.family[p.gender])
		p.DisplayName = displayName(r, p.lang, first, last)
		p.Username = w.username(r, first.folded, last.folded, taken)
		p.habits = makeHabits(r)
		// More and more people join as time goes on.
		progress := math.Sqrt(float64(i) / float64(len(people)))
		p.joined = lastJoined + time.Duration((1-progress)*float64(firstJoined-lastJoined))
		switch i {
		case 0:
			p.DisplayName, p.Username, p.Role, p.TimeZone = "Robin Winter", Username, chat.RoleAdministrator, w.zone.String()
			p.habits = habits{}
		case 1: // whom demo talks with most lives nearby
			p.Role, p.TimeZone = chat.RoleModerator, w.zone.String()
		case longNamed:
			p.DisplayName, p.Username, p.gender = longestName, "mm.hohenfels", female
		}
		taken[p.Username] = true
		if zones[p.TimeZone] == nil {
			zone, err := time.LoadLocation(p.TimeZone)
			if err != nil {
				panic(err) // a test loads them all, and the first person's is loaded already
			}
			zones[p.TimeZone] = zone
		}
		p.zone = zones[p.TimeZone]
		p.CreatedAt = w.settings.Now.Add(-p.joined).UTC().Truncate(time.Microsecond)
	}
	return people
}

// bags give each name of a list once before one comes again, so that few in a small world share theirs.
type bags map[*name][]int

func (b bags) draw(r *rand.Rand, names []name) name {
	list := &names[0]
	if len(b[list]) == 0 {
		b[list] = r.Perm(len(names))
	}
	next := b[list][0]
	b[list] = b[list][1:]
	return names[next]
}

func (w *World) languageOf(r *rand.Rand, i int) string {
	all := 0
	for _, s := range speakers {
		all += s.share
	}
	n := r.IntN(all)
	if i < len(cast) {
		return cast[i]
	}
	code := ""
	for _, s := range speakers {
		if code = s.code; n < s.share {
			break
		}
		n -= s.share
	}
	return code
}

// displayName is mostly both names, now and then what people make of themselves.
func displayName(r *rand.Rand, l *language, given, family name) string {
	first, last := given.written, family.written
	if l.familyFirst {
		first, last = last, first
	}
	full := first + l.glue + last
	switch r.IntN(60) {
	case 0:
		return given.written
	case 1:
		return full + " " + pick(r, []string{"🌻", "🍵", "🚲", "🎈", "🐚"})
	case 2:
		return strings.ToLower(given.written)
	}
	return full
}

// username is a free name in Latin letters, in one of the ways in which people choose theirs.
func (w *World) username(r *rand.Rand, given, family string, taken map[string]bool) string {
	given, family = fold(given), fold(family)
	base := given
	switch r.IntN(10) {
	case 0, 1, 2, 3:
		base = given + "." + family
	case 4, 5:
		base = given[:1] + family
	case 6:
		base = given + "_" + family
	case 7:
		base = given + strconv.Itoa(70+r.IntN(30))
	case 8:
		base = family + "." + given
	}
	base = strings.Trim(base[:min(len(base), chat.MaxUsername-6)], "._")
	for n := 1; ; n++ {
		candidate := base
		if n > 1 {
			candidate += strconv.Itoa(n)
		}
		if !taken[candidate] && chat.ValidUsername(candidate) {
			return candidate
		}
	}
}

// unaccented are Latin letters that do not come apart into a letter and an accent.
var unaccented = strings.NewReplacer("ß", "ss", "ł", "l", "ø", "o", "đ", "d", "ı", "i", "æ", "ae", "œ", "oe")

// fold leaves the letters a to z of a name.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, norm.NFD.String(unaccented.Replace(strings.Map(unicode.ToLower, name))))
}

func makeHabits(r *rand.Rand) habits {
	h := habits{open: chance(r, 45), small: chance(r, 12), bursts: chance(r, 25)}
	if chance(r, 30) {
		h.emoji = pick(r, []string{"🙂", "😊", "😄", "👍", "🙌", "✨", "😅", "💚"})
	}
	return h
}
