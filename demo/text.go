package demo

import (
	"embed"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// The words of the world, one file for each language, made to be written by hand:
//
//	key = value                  zones, order of names, see readLanguage
//	[section]                    what follows belongs to it
//	A: Did the {thing} come?     a turn of an exchange; an empty line ends the exchange
//	B: {Not yet.|Yes!}           A to D are different people
//	once                         before its first turn: no conversation has the exchange twice
//	apart                        before its first turn: nothing else is said in the same sitting
//
// Within a turn {thing} is any value of that slot, the same one throughout the exchange; {name} is somebody's first name;
// {x|y} is one of these; [x|y] fits the gender of who writes (men's form first), <x|y> that of who is written to; \n
// is a line feed. These may stand inside each other.
//
//go:embed languages/*.txt
var languageFiles embed.FS

type language struct {
	code        string
	zones       []string
	familyFirst bool
	glue        string // between the parts of a name
	lower       bool   // people in a hurry begin small
	given       [2][]name
	family      [2][]name
	groups      []string
	slots       map[string][]string
	sections    map[string][]exchange
}

// name is a part of a name, and what a username makes of it.
type name struct{ written, folded string }

// The two forms of names and words that depend on gender.
const (
	male = iota
	female
)

// exchange is a few messages that belong together.
type exchange struct {
	turns    []turn
	speakers int
	once     bool
	apart    bool
}

type turn struct {
	speaker int
	text    template
}

// languages are all there are, by code.
var languages = sync.OnceValue(func() map[string]*language {
	all, err := readLanguages(languageFiles)
	if err != nil {
		panic(err) // the files are compiled in
	}
	return all
})

func readLanguages(files fs.FS) (map[string]*language, error) {
	names, err := fs.Glob(files, "languages/*.txt")
	if err != nil {
		return nil, err
	}
	all := map[string]*language{}
	for _, file := range names {
		text, err := fs.ReadFile(files, file)
		if err != nil {
			return nil, err
		}
		code := strings.TrimSuffix(path.Base(file), ".txt")
		if all[code], err = readLanguage(code, string(text)); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	return all, nil
}

func readLanguage(code, text string) (*language, error) {
	l := &language{code: code, glue: " ", slots: map[string][]string{}, sections: map[string][]exchange{}}
	section := ""
	var open exchange
	end := func() {
		if len(open.turns) > 0 {
			l.sections[section] = append(l.sections[section], open)
		}
		open = exchange{}
	}
	for n, line := range strings.Split(text+"\n", "\n") {
		wrong := func(what string) error { return fmt.Errorf("line %d: %s: %s", n+1, what, line) }
		line = strings.TrimSpace(line)
		switch {
		case line == "":
			end()
		case line[0] == '#':
		case line[0] == '[':
			end()
			section = strings.Trim(line, "[]")
		case section == "" || section == "slots":
			key, value, found := strings.Cut(line, " = ")
			if !found {
				return nil, wrong("expected key = value")
			}
			if section == "slots" {
				l.slots[key] = splitList(value, "|")
			} else if !l.set(key, value) {
				return nil, wrong("no such key")
			}
		case section == "groups":
			l.groups = append(l.groups, line)
		case l.named(section, line):
		case line == "once":
			open.once = true
		case line == "apart":
			open.apart = true
		default:
			speaker := strings.IndexByte("ABCD", line[0])
			if speaker < 0 || !strings.HasPrefix(line[1:], ": ") {
				return nil, wrong("expected a turn such as A: Hello")
			}
			text, err := l.template(line[3:])
			if err != nil {
				return nil, wrong(err.Error())
			}
			open.turns = append(open.turns, turn{speaker, text})
			open.speakers = max(open.speakers, speaker+1)
		}
	}
	return l, nil
}

func (l *language) set(key, value string) bool {
	switch key {
	case "zones":
		l.zones = splitList(value, "|")
	case "order":
		l.familyFirst = value == "family given"
	case "join":
		l.glue = "" // none
	case "lower":
		l.lower = true
	default:
		return false
	}
	return true
}

// named takes a line of names, and says whether the section is one of names.
func (l *language) named(section, line string) bool {
	part, gender, _ := strings.Cut(section, " ")
	lists := map[string]*[2][]name{"given": &l.given, "family": &l.family}[part]
	if lists == nil {
		return false
	}
	for _, text := range splitList(line, ",") {
		written, folded, found := strings.Cut(text, "=")
		if !found {
			folded = written
		}
		if gender != "f" {
			lists[male] = append(lists[male], name{written, folded})
		}
		if gender != "m" {
			lists[female] = append(lists[female], name{written, folded})
		}
	}
	return true
}

func splitList(s, separator string) []string {
	parts := strings.Split(s, separator)
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

// template is a text with gaps.
type template []node

// node is a stretch of a template: text, a slot, or alternatives, of which kind says how one is chosen.
type node struct {
	kind         byte // 't', 's', '{', '[', '<'
	text         string
	alternatives []template
}

var closing = map[byte]byte{'{': '}', '[': ']', '<': '>'}

func (l *language) template(text string) (template, error) {
	t, rest, err := l.parse(strings.ReplaceAll(text, `\n`, "\n"), "")
	if err == nil && rest != "" {
		err = fmt.Errorf("%q closes nothing", rest[:1])
	}
	return t, err
}

// parse reads up to one of the characters in until, which it leaves.
func (l *language) parse(text, until string) (template, string, error) {
	var t template
	for text != "" && !strings.ContainsRune(until, rune(text[0])) {
		end, isGap := closing[text[0]]
		if !isGap {
			n := strings.IndexAny(text, "{[<}]>"+until)
			if n < 0 {
				n = len(text)
			}
			if n == 0 {
				return nil, text, nil // something closes that was not opened
			}
			t, text = append(t, node{kind: 't', text: text[:n]}), text[n:]
			continue
		}
		gap := node{kind: text[0]}
		for text[0] != end {
			var alternative template
			var err error
			if alternative, text, err = l.parse(text[1:], "|"+string(end)); err != nil {
				return nil, text, err
			}
			if text == "" || text[0] != '|' && text[0] != end {
				return nil, text, fmt.Errorf("%c is not closed", gap.kind)
			}
			gap.alternatives = append(gap.alternatives, alternative)
		}
		text = text[1:]
		if gap.kind == '{' && len(gap.alternatives) == 1 {
			var ok bool
			if gap, ok = l.slot(gap.alternatives[0]); !ok {
				return nil, text, fmt.Errorf("no slot {%s}", gap.text)
			}
		} else if gap.kind != '{' && len(gap.alternatives) != 2 {
			return nil, text, fmt.Errorf("%c needs two forms", gap.kind)
		}
		t = append(t, gap)
	}
	return t, text, nil
}

func (l *language) slot(inside template) (node, bool) {
	if len(inside) != 1 || inside[0].kind != 't' {
		return node{}, false
	}
	slot := node{kind: 's', text: inside[0].text}
	return slot, slot.text == "name" || l.slots[slot.text] != nil
}

// scene is what an exchange is told in: who speaks, and what its slots hold.
type scene struct {
	rand   *rand.Rand
	lang   *language
	values map[string]string
	by, to int // gender
	text   []byte
}

// say is a turn's text.
func (s *scene) say(t template) string {
	s.text = s.text[:0]
	s.write(t)
	return strings.TrimSpace(string(s.text))
}

func (s *scene) write(t template) {
	for i := range t {
		switch n := &t[i]; n.kind {
		case 't':
			s.text = append(s.text, n.text...)
		case 's':
			value := s.value(n.text)
			if s.atBeginning() {
				first, size := utf8.DecodeRuneInString(value)
				s.text = utf8.AppendRune(s.text, s.lang.title(first))
				value = value[size:]
			}
			s.text = append(s.text, value...)
		case '[':
			s.write(n.alternatives[s.by])
		case '<':
			s.write(n.alternatives[s.to])
		default:
			s.write(pick(s.rand, n.alternatives))
		}
	}
}

// value is what a slot holds for the length of the exchange.
func (s *scene) value(slot string) string {
	value, ok := s.values[slot]
	if !ok {
		if slot == "name" {
			value = pick(s.rand, s.lang.given[s.rand.IntN(2)]).written
		} else {
			value = pick(s.rand, s.lang.slots[slot])
		}
		s.values[slot] = value
	}
	return value
}

// atBeginning says whether a sentence begins here.
func (s *scene) atBeginning() bool {
	before := strings.TrimRight(string(s.text[max(0, len(s.text)-2):]), " ")
	return before == "" || strings.Contains(".?!\n", before[len(before)-1:])
}

// title is the capital form of a letter as the language writes it.
func (l *language) title(r rune) rune {
	if l.code == "tr" {
		return unicode.TurkishCase.ToTitle(r)
	}
	return unicode.ToTitle(r)
}

// small is a text that begins small, unless that would look wrong.
func (l *language) small(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	second, _ := utf8.DecodeRuneInString(text[size:])
	if !l.lower || !unicode.IsUpper(first) || unicode.IsUpper(second) {
		return text
	}
	return string(unicode.ToLower(first)) + text[size:]
}
