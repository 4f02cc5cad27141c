package chat

import (
	"net/mail"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Bounds of what people fill in, in characters unless said otherwise.
const (
	MaxBody        = 10_000
	MaxDisplayName = 60
	MinUsername    = 2
	MaxUsername    = 32
	MaxEmailBytes  = 254 // RFC 5321, 4.5.3.1.3
	MaxQuery       = 100
	// MaxDraft lets somebody write too much first and cut afterwards.
	MaxDraft = 2 * MaxBody
)

var usernameForm = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$`)

// reservedUsernames would be mistaken for the installation itself.
var reservedUsernames = map[string]bool{
	"admin": true, "administrator": true, "moderator": true, "parley": true, "root": true, "support": true,
	"system": true, "everyone": true, "here": true, "all": true, "me": true,
}

// badText says whether s holds what no field may hold: invalid UTF-8, NUL and other control characters but for tab and
// line feed.
func badText(s string, multiline bool) bool {
	if !utf8.ValidString(s) {
		return true
	}
	return strings.ContainsFunc(s, func(r rune) bool {
		if multiline && (r == '\n' || r == '\t') {
			return false
		}
		return unicode.IsControl(r)
	})
}

// blank says whether s shows nothing: white space, and characters without a shape.
func blank(s string) bool { return !strings.ContainsFunc(s, visible) }

// visible follows Unicode's Default_Ignorable_Code_Point, which is derived from other properties (DerivedCoreProperties,
// Unicode 15), and knows the two blanks outside of it.
func visible(r rune) bool {
	switch {
	case r == '\u2800', r == '\U0001d159': // the empty pattern of Braille, the note head that is none
		return false
	case unicode.Is(unicode.Prepended_Concatenation_Mark, r), r >= 0xfff9 && r <= 0xfffb, r >= 0x13430 && r <= 0x1343f:
		return true // of category Cf, and drawn
	}
	return !unicode.IsSpace(r) && !unicode.IsControl(r) &&
		!unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

// unifyLines turns the line ends that forms send (CR LF) into line feeds.
func unifyLines(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// cleanBody is the text of a message as it is stored: lines end in a line feed, empty lines at the start and white
// space at the end are gone.
func cleanBody(s string) string {
	s = unifyLines(s)
	for {
		line, rest, found := strings.Cut(s, "\n")
		if !found || !blank(line) {
			break
		}
		s = rest
	}
	return strings.TrimRightFunc(s, unicode.IsSpace)
}

func cleanLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// cleanQuery makes a search text of whatever was typed: what cannot stand in a name is a space.
func cleanQuery(q string) string {
	q = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(q, " "))
	q = strings.TrimLeft(cleanLine(q), "@ ")
	if runes := []rune(q); len(runes) > MaxQuery {
		q = strings.TrimRight(string(runes[:MaxQuery]), " ")
	}
	return q
}

func checkUsername(wrong *fieldErrors, username string) {
	switch n := utf8.RuneCountInString(username); {
	case username == "":
		wrong.add("username", CodeRequired, nil)
	case n < MinUsername:
		wrong.add("username", CodeTooShort, Args{"Min": MinUsername, "Count": MinUsername})
	case n > MaxUsername:
		wrong.add("username", CodeTooLong, Args{"Max": MaxUsername, "Count": MaxUsername})
	case !usernameForm.MatchString(username):
		wrong.add("username", CodeUsernameForm, nil)
	case reservedUsernames[username]:
		wrong.add("username", CodeUsernameTaken, Args{"Suggestion": ""})
	}
}

// ValidUsername says whether somebody could have that username, were it free.
func ValidUsername(username string) bool {
	var wrong fieldErrors
	checkUsername(&wrong, username)
	return wrong == nil
}

func checkDisplayName(wrong *fieldErrors, name string) {
	switch {
	case badText(name, false):
		wrong.add("display_name", CodeBadText, nil)
	case blank(name):
		wrong.add("display_name", CodeRequired, nil)
	case utf8.RuneCountInString(name) > MaxDisplayName:
		wrong.add("display_name", CodeTooLong, Args{"Max": MaxDisplayName, "Count": MaxDisplayName})
	}
}

func checkEmail(wrong *fieldErrors, email string) {
	if email == "" {
		return
	}
	address, err := mail.ParseAddress(email)
	if err != nil || address.Address != email || len(email) > MaxEmailBytes || badText(email, false) {
		wrong.add("email", CodeEmailForm, nil)
		return
	}
	// The domain is a name of the name system, in whatever script, and never an address in numbers.
	if _, err := idna.Lookup.ToASCII(email[strings.LastIndexByte(email, '@')+1:]); err != nil {
		wrong.add("email", CodeEmailForm, nil)
	}
}
