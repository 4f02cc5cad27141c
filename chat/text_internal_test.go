package chat

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func codeOf(wrong fieldErrors, field string) Code {
	f, _ := (&Error{Fields: wrong}).Field(field)
	return f.Code
}

func TestBlank(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]string{
		"nothing": "", "spaces": " \t\n\u00a0\u2003\u3000\u0085", "zero width": "\u200b\u200c\u200d\u2060\ufeff",
		"soft hyphens": "\u00ad\u00ad", "direction marks": "\u200e\u200f\u202a\u202e\u2066\u2069", "tags": "\U000e0041\U000e007f",
		"fillers of Hangul": "\u3164\u115f\u1160\uffa0", "blank of Braille": "\u2800", "a null note head": "\U0001d159",
		"variation selectors alone": "\ufe0e\ufe0f\U000e0100", "a grapheme joiner": "\u034f", "vowels of Khmer without shape": "\u17b4\u17b5",
		"control characters": "\x00\x07\x1b",
	} {
		t.Run(name, func(t *testing.T) {
			if !blank(s) {
				t.Errorf("%q shows something", s)
			}
		})
	}
	for name, s := range map[string]string{
		"a letter among them": "\u200b a\u200b", "an emoji with its selector": "❤\ufe0f", "one of Braille's dots": "\u2801",
		"a drawn format character": "\u06dd", "an annotation mark": "\ufffa", "a replacement character": "\ufffd", "a combining accent": "\u0301",
		"Hangul": "한", "an invalid byte": "\xff", "a joined family": "👩\u200d👧", "a hieroglyph joiner": "\U00013430",
	} {
		t.Run(name, func(t *testing.T) {
			if blank(s) {
				t.Errorf("%q shows nothing", s)
			}
		})
	}
}

func TestBadText(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"a\x00b", "\x1b[31m", "\xff\xfe", "a\x7f", "a\u0085b", "\xed\xa0\x80"} {
		if !badText(s, true) || !badText(s, false) {
			t.Errorf("%q passes", s)
		}
	}
	for _, s := range []string{"a\nb", "a\tb"} {
		if badText(s, true) || !badText(s, false) {
			t.Errorf("%q is for texts of several lines alone", s)
		}
	}
	if !badText("a\rb", true) {
		t.Error("a carriage return passes")
	}
}

func TestCleanBody(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a\r\nb\rc\nd":                 "a\nb\nc\nd",
		"\n \n\u200b\n  a\n\n  b \n\n": "  a\n\n  b",
		"a \t\n":                       "a",
		" \n ":                         "",
		"\r\n\r\n":                     "",
		"  indented":                   "  indented",
		"":                             "",
	} {
		if got := cleanBody(in); got != want {
			t.Errorf("%q became %q instead of %q", in, got, want)
		}
	}
}

func TestCleanQuery(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", MaxQuery)
	for in, want := range map[string]string{
		"  anna \t b\n": "anna b",
		"@anna":         "anna",
		"@ @anna@":      "anna@",
		"an\x00na\x1b":  "an na",
		"a\xffb\ufffdc": "a b c",
		long + "x":      long,
		strings.Repeat("a", MaxQuery-1) + " bcd ": strings.Repeat("a", MaxQuery-1),
		"@":       "",
		"100%_\\": "100%_\\",
	} {
		if got := cleanQuery(in); got != want {
			t.Errorf("%q became %q instead of %q", in, got, want)
		}
	}
}

func TestCheckUsername(t *testing.T) {
	t.Parallel()
	for username, want := range map[string]Code{
		"":                      CodeRequired,
		"a":                     CodeTooShort,
		"é":                     CodeTooShort,
		"ab":                    "",
		"a.b-c_d9":              "",
		"007":                   "",
		strings.Repeat("a", 32): "",
		strings.Repeat("a", 33): CodeTooLong,
		strings.Repeat("é", 32): CodeUsernameForm,
		"Anna":                  CodeUsernameForm, // registering makes it small before
		"an na":                 CodeUsernameForm,
		"anna@example.org":      CodeUsernameForm,
		".anna":                 CodeUsernameForm,
		"anna.":                 CodeUsernameForm,
		"-a":                    CodeUsernameForm,
		"a_":                    CodeUsernameForm,
		"аnna":                  CodeUsernameForm, // the first letter is Cyrillic
		"an/na":                 CodeUsernameForm,
		"anna\n":                CodeUsernameForm,
		"an\x00na":              CodeUsernameForm,
		"admin":                 CodeUsernameTaken,
		"me":                    CodeUsernameTaken,
		"admins":                "",
	} {
		var wrong fieldErrors
		checkUsername(&wrong, username)
		if got := codeOf(wrong, "username"); got != want {
			t.Errorf("%q: %q instead of %q", username, got, want)
		}
		if ValidUsername(username) != (want == "") {
			t.Errorf("%q is said to be valid, or not", username)
		}
	}
}

func TestCheckDisplayName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]Code{
		"":                          CodeRequired,
		"\u200b\u3164":              CodeRequired,
		"\u2800":                    CodeRequired,
		"A":                         "",
		"李雷":                        "",
		"عمر\u200f":                 "",
		strings.Repeat("é", 60):     "",
		strings.Repeat("é", 61):     CodeTooLong,
		"An\x00na":                  CodeBadText,
		"An\nna":                    CodeBadText,
		"An\xffna":                  CodeBadText,
		"<script>alert(1)</script>": "",
	} {
		var wrong fieldErrors
		checkDisplayName(&wrong, name)
		if got := codeOf(wrong, "display_name"); got != want {
			t.Errorf("%q: %q instead of %q", name, got, want)
		}
	}
}

func TestCheckEmail(t *testing.T) {
	t.Parallel()
	host := "@" + strings.Repeat("a", 60) + ".example"
	longest := strings.Repeat("a", MaxEmailBytes-len(host)) + host
	for email, want := range map[string]Code{
		"":                                  "",
		"anna@example.org":                  "",
		"Anna+parley@example.org":           "",
		"änna@exämple.org":                  "",
		longest:                             "",
		"a" + longest:                       CodeEmailForm,
		"anna":                              CodeEmailForm,
		"anna@":                             CodeEmailForm,
		"@example.org":                      CodeEmailForm,
		"anna@example.org, ben@example.org": CodeEmailForm,
		"Anna <anna@example.org>":           CodeEmailForm,
		"<anna@example.org>":                CodeEmailForm,
		"anna @example.org":                 CodeEmailForm,
		"anna@example.org\r\nBcc: x@y.z":    CodeEmailForm,
		"an\x00na@example.org":              CodeEmailForm,
		"anna@[127.0.0.1]":                  CodeEmailForm,
		"anna@-example.org":                 CodeEmailForm,
		"anna@exa_mple.org":                 CodeEmailForm,
		"anna@bücher.example":               "",
		"änna@example.org":                  "",
		"anna@localhost":                    "",
	} {
		var wrong fieldErrors
		checkEmail(&wrong, email)
		if got := codeOf(wrong, "email"); got != want {
			t.Errorf("%q: %q instead of %q", email, got, want)
		}
	}
}

func TestCheckPassword(t *testing.T) {
	t.Parallel()
	names := []string{"anna.schmidt", "Anna@example.org", "Anna Schmidt", ""}
	for password, want := range map[string]Code{
		"":                                  CodeRequired,
		"1234567":                           CodePasswordTooShort,
		"éééa":                              CodePasswordTooShort, // 7 bytes
		"éééé":                              CodePasswordCommon,   // 8 bytes, but one character
		"éèéè":                              "",                   // 8 bytes
		"xk3!qz7u":                          "",
		strings.Repeat("xk3!qz7u", 9):       "", // 72 bytes
		strings.Repeat("xk3!qz7u", 9) + "a": CodePasswordTooLong,
		strings.Repeat("é", 36) + "a":       CodePasswordTooLong, // 37 characters, 73 bytes
		strings.Repeat("èé", 18):            "",                  // 36 characters, 72 bytes
		"password":                          CodePasswordCommon,
		"PassWord":                          CodePasswordCommon,
		"!qaz2wsx":                          CodePasswordCommon,
		"aaaaaaaaaaaaaaaaa":                 CodePasswordCommon,
		"        ":                          CodePasswordCommon,
		"Anna.Schmidt":                      CodePasswordLikeName,
		"anna@EXAMPLE.org":                  CodePasswordLikeName,
		"anna schmidt":                      CodePasswordLikeName,
		"anna.schmidt2":                     "",
		"xk3!\x00qz7u":                      CodeBadText,
		"\xff\xfe\xfd\xfc\xff\xfe\xfd\xfc":  CodeBadText,
		"xk3!\xffqz7u":                      CodeBadText,
	} {
		var wrong fieldErrors
		checkPassword(&wrong, password, names...)
		if got := codeOf(wrong, "password"); got != want {
			t.Errorf("%q: %q instead of %q", password, got, want)
		}
	}
}

func TestCommonPasswords(t *testing.T) {
	t.Parallel()
	if n := len(commonPasswords()); n < 10_000 {
		t.Errorf("only %d", n)
	}
	for password := range commonPasswords() {
		if len(password) < MinPasswordBytes || password != strings.ToLower(password) {
			t.Errorf("%q can never be hit", password)
		}
	}
}

func TestTimeZones(t *testing.T) {
	t.Parallel()
	zones := TimeZones()
	for _, zone := range zones {
		if !ValidTimeZone(zone) {
			t.Errorf("%s is offered and not known", zone)
		}
	}
	zones[0] = "changed"
	if TimeZones()[0] == "changed" {
		t.Error("the list can be changed")
	}
	for _, zone := range []string{"", "Local", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "Europe/Berlin\x00", strings.Repeat("a", 65)} {
		if ValidTimeZone(zone) {
			t.Errorf("%q is valid", zone)
		}
	}
}

func FuzzCleanBody(f *testing.F) {
	for _, seed := range []string{"", "a", "\r\n\r\n a \r\n", "\u200b\n\u3000\nx\n\u200b", "\xff\n\x00", "\n\n\n", " \u2028\n "} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		body := cleanBody(s)
		if again := cleanBody(body); again != body {
			t.Errorf("%q, again %q", body, again)
		}
		if strings.ContainsRune(body, '\r') || strings.TrimRightFunc(body, unicode.IsSpace) != body || len(body) > len(s) {
			t.Errorf("%q became %q", s, body)
		}
		if !strings.Contains(unifyLines(s), body) {
			t.Errorf("%q is no part of %q", body, s)
		}
		if blank(body) != blank(s) || badText(body, true) && !badText(unifyLines(s), true) {
			t.Errorf("%q became another text: %q", s, body)
		}
		for _, r := range unifyLines(s) {
			if visible(r) && !strings.ContainsRune(body, r) {
				t.Errorf("%q lost %q", body, r)
			}
		}
	})
}

func FuzzCleanQuery(f *testing.F) {
	for _, seed := range []string{"", "@", "@@ a", "100%_\\", strings.Repeat("a ", 80), "\xff\x00\ufffd", "a\u2028b", "é\u0301"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q := cleanQuery(s)
		if again := cleanQuery(q); again != q {
			t.Errorf("%q, again %q", q, again)
		}
		if !utf8.ValidString(q) || badText(q, false) || utf8.RuneCountInString(q) > MaxQuery || strings.TrimSpace(q) != q {
			t.Errorf("%q became %q", s, q)
		}
	})
}

func FuzzCheckUsername(f *testing.F) {
	for _, seed := range []string{"", "a", "anna", "a.b", "-a", "a-", "Anna", "admin", "anna\n", "аnna", "a@b", "\xff\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var wrong fieldErrors
		checkUsername(&wrong, s)
		if len(wrong) > 1 {
			t.Fatalf("%q: %v", s, wrong)
		}
		if wrong != nil {
			return
		}
		ends := strings.Trim(s, "._-") == s
		plain := strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789._-") == ""
		if len(s) < MinUsername || len(s) > MaxUsername || !ends || !plain || reservedUsernames[s] {
			t.Errorf("%q passes", s)
		}
	})
}
