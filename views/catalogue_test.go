package views

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"parley/chat"
)

var (
	sentenceUse  = regexp.MustCompile(`\bT\(ctx, "([a-z_]+\.[a-z0-9_]+)"`)
	sentencePair = regexp.MustCompile(`\beither\(ctx, you, args, "([a-z_]+\.[a-z0-9_]+)", "([a-z_]+\.[a-z0-9_]+)"`)
	fieldUse     = regexp.MustCompile(`(?:wrong\.add|invalid)\("([a-z_]+)"`)
)

// codes reads the constants of type Code out of the domain's source.
func codes(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../chat/error.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Code" {
			value, _ := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			found = append(found, value)
		}
		return true
	})
	if len(found) < 20 {
		t.Fatalf("only %d codes found in the source", len(found))
	}
	return found
}

func sources(t *testing.T, patterns ...string) string {
	t.Helper()
	var all strings.Builder
	for _, pattern := range patterns {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("nothing matches %s: %v", pattern, err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, "_templ.go") {
				continue
			}
			content, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(content)
		}
	}
	return all.String()
}

// wanted is every sentence that is asked for somewhere.
func wanted(t *testing.T) map[string]bool {
	t.Helper()
	ids := map[string]bool{}
	for _, m := range sentenceUse.FindAllStringSubmatch(sources(t, "*.templ", "*.go", "gallery/*.templ", "gallery/*.go"), -1) {
		ids[m[1]] = true
	}
	for _, m := range sentencePair.FindAllStringSubmatch(sources(t, "*.go"), -1) {
		ids[m[1]], ids[m[2]] = true, true
	}
	for _, code := range codes(t) {
		ids["error."+code] = true
	}
	for _, m := range fieldUse.FindAllStringSubmatch(sources(t, "../chat/*.go"), -1) {
		ids["field."+m[1]] = true
	}
	for _, status := range []string{"400", "403", "404", "405", "409", "413", "422", "429", "500", "503"} {
		ids["failure."+status] = true
	}
	for _, pattern := range []string{"short", "short_year", "long", "long_year", "full", "weekdays", "weekdays_short", "months", "months_short"} {
		ids["date."+pattern] = true
	}
	return ids
}

func TestCatalogue(t *testing.T) {
	t.Parallel()
	there := map[string]bool{}
	for _, message := range allMessages(t) {
		there[message] = true
	}
	t.Run("no sentence is missing", func(t *testing.T) {
		t.Parallel()
		for id := range wanted(t) {
			if !there[id] {
				t.Errorf("%s is asked for and not in the catalogue", id)
			}
		}
	})
	t.Run("no sentence is unused", func(t *testing.T) {
		t.Parallel()
		asked := wanted(t)
		for id := range there {
			if !asked[id] {
				t.Errorf("%s is in the catalogue and never asked for", id)
			}
		}
	})
	t.Run("no sentence shouts or speaks jargon", func(t *testing.T) {
		t.Parallel()
		content, err := os.ReadFile("locales/en.toml")
		if err != nil {
			t.Fatal(err)
		}
		for n, line := range strings.Split(string(content), "\n") {
			if strings.HasPrefix(line, "#") {
				continue
			}
			for _, bad := range []string{"!", "invalid", "Invalid", "Oops", "null", "bad request", "please contact"} {
				if _, sentence, found := strings.Cut(line, " = "); found && strings.Contains(sentence, bad) {
					t.Errorf("line %d: %s", n+1, line)
				}
			}
		}
	})
	t.Run("each name list has its length", func(t *testing.T) {
		t.Parallel()
		for _, tag := range Languages() {
			d := lexiconFor(tag).dates
			if len(d.months) != 12 || len(d.monthsShort) != 12 || len(d.weekdays) != 7 || len(d.weekdaysShort) != 7 {
				t.Errorf("%s: %d %d months, %d %d weekdays", tag, len(d.months), len(d.monthsShort), len(d.weekdays), len(d.weekdaysShort))
			}
		}
	})
}

func allMessages(t *testing.T) []string {
	t.Helper()
	content, err := os.ReadFile("locales/en.toml")
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	section := ""
	for _, line := range strings.Split(string(content), "\n") {
		if name, ok := strings.CutPrefix(line, "["); ok {
			section = strings.TrimSuffix(name, "]")
			continue
		}
		key, _, found := strings.Cut(line, " = ")
		switch {
		case !found || strings.HasPrefix(line, "#"), key == "one":
		case key == "other":
			ids = append(ids, section)
		default:
			ids = append(ids, section+"."+key)
		}
	}
	if len(ids) < 100 || len(slices.Compact(slices.Sorted(slices.Values(ids)))) != len(ids) {
		t.Fatalf("%d sentences read, or some twice", len(ids))
	}
	return ids
}

func TestT(t *testing.T) {
	t.Parallel()
	english := WithLanguage(context.Background(), "en")
	pseudo := WithLanguage(context.Background(), PseudoLanguage)
	for _, test := range []struct {
		name, want string
		got        string
	}{
		{"a sentence", "Log in", T(english, "login.submit")},
		{"no language means English", "Log in", T(context.Background(), "login.submit")},
		{"an unknown language means English", "Log in", T(WithLanguage(context.Background(), "tlh"), "login.submit")},
		{"the singular", "Please use 1 character at most.", T(english, "error.too_long", chat.Args{"Count": 1})},
		{"the plural", "Please use 60 characters at most.", T(english, "error.too_long", chat.Args{"Count": 60})},
		{"a gap", "Mira · Parley", T(english, "app.title", chat.Args{"Title": "Mira"})},
		{"a sentence that is not there", "no.such", T(english, "no.such")},
		{"a sentence with a gap that is not there", "no.such", T(english, "no.such", chat.Args{"Count": 1})},
		{"the pseudo-language", "⟦Ļóĝ íñ⟧", T(pseudo, "login.submit")},
		{"the pseudo-language's plural", "⟦Þļéášé úšé 60 çĥáŕáçţéŕš áţ ɱóšţ.⟧", T(pseudo, "error.too_long", chat.Args{"Count": 60})},
		{"the pseudo-language leaves gaps alone", "⟦{count} ñéŵ⟧", T(pseudo, "page.new_other")},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if test.got != test.want {
				t.Errorf("got %q, wanted %q", test.got, test.want)
			}
		})
	}
	if got := Languages(); !slices.Equal(got, []string{"en", "en-XA"}) {
		t.Errorf("languages: %v", got)
	}
	if LanguageOf(pseudo) != PseudoLanguage || LanguageOf(context.Background()) != "en" {
		t.Error("a context forgot its language")
	}
	if Direction("ar-EG") != "rtl" || Direction("he") != "rtl" || Direction("en") != "ltr" || Direction(PseudoLanguage) != "ltr" {
		t.Error("a language runs the wrong way")
	}
}

func TestSentence(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for _, test := range []struct {
		name, want string
		got        string
	}{
		{"an internal error", "That was our mistake. It is noted, and trying again may help.", Sentence(ctx, nil)},
		{"a code without gaps", "You may not do that here.", Sentence(ctx, &chat.Error{Code: chat.CodeForbidden})},
		{"a code without gaps, with arguments", "You may not do that here.", Sentence(ctx, &chat.Error{Code: chat.CodeForbidden, Args: chat.Args{"Count": 2}})},
		{"a code with a number", "That was a little fast. Please wait 1 second.", Sentence(ctx, &chat.Error{Code: chat.CodeTooMany, Args: chat.Args{"Count": 1}})},
		{"a wait of minutes", "That was a little fast. Please wait 3 minutes.", Sentence(ctx, &chat.Error{Code: chat.CodeTooMany, Args: chat.Args{"Count": 121, "Seconds": 121}})},
		{"a field", "Please use at least 2 characters.", FieldSentence(ctx, chat.FieldError{Code: chat.CodeTooShort, Args: chat.Args{"Count": 2}})},
		{"a taken name with another", "Somebody has that one already. Try mira2?", FieldSentence(ctx, chat.FieldError{Code: chat.CodeUsernameTaken, Args: chat.Args{"Suggestion": "mira2"}})},
		{"a taken name without another", "Somebody has that one already.", FieldSentence(ctx, chat.FieldError{Code: chat.CodeUsernameTaken, Args: chat.Args{"Suggestion": ""}})},
		{"a taken name without arguments", "Somebody has that one already.", FieldSentence(ctx, chat.FieldError{Code: chat.CodeUsernameTaken})},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if test.got != test.want {
				t.Errorf("got %q, wanted %q", test.got, test.want)
			}
		})
	}
	t.Run("every code is said, and none by its name", func(t *testing.T) {
		t.Parallel()
		for _, code := range codes(t) {
			got := Sentence(ctx, &chat.Error{Code: chat.Code(code), Args: chat.Args{"Count": 3}})
			if strings.Contains(got, "error.") || strings.Contains(got, "<no value>") || got == "" {
				t.Errorf("%s: %q", code, got)
			}
		}
	})
}
