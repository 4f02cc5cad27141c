package views

import (
	"embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

//go:embed locales/*.toml
var localeFiles embed.FS

// PseudoLanguage is English with every letter accented and every sentence in ⟦⟧. It shows, in tests and to whoever
// looks, which words do not come from the catalogue and what happens to a layout when sentences grow.
const PseudoLanguage = "en-XA"

const sourceLanguage = "en"

// lexicon is the catalogue in one language.
type lexicon struct {
	tag       string
	plain     map[string]string // sentences without gaps
	localizer *i18n.Localizer   // for the others
	dates     datePatterns
}

var lexicons = sync.OnceValue(func() map[string]*lexicon {
	bundle := i18n.NewBundle(language.Make(sourceLanguage))
	bundle.RegisterUnmarshalFunc("toml", toml.Unmarshal)
	file, err := bundle.LoadMessageFileFS(localeFiles, "locales/en.toml")
	if err != nil {
		panic(fmt.Errorf("the message catalogue: %w", err)) // embedded: a mistake is seen by the first test
	}
	pseudo := make([]*i18n.Message, len(file.Messages))
	for n, message := range file.Messages {
		pseudo[n] = pseudoMessage(message)
	}
	bundle.MustAddMessages(language.Make(PseudoLanguage), pseudo...)
	return map[string]*lexicon{
		sourceLanguage: newLexicon(bundle, sourceLanguage, file.Messages),
		PseudoLanguage: newLexicon(bundle, PseudoLanguage, pseudo),
	}
})

func newLexicon(bundle *i18n.Bundle, tag string, messages []*i18n.Message) *lexicon {
	l := &lexicon{tag: tag, plain: map[string]string{}, localizer: i18n.NewLocalizer(bundle, tag)}
	for _, message := range messages {
		if message.One == "" && !strings.Contains(message.Other, "{{") {
			l.plain[message.ID] = message.Other
		}
	}
	l.dates = newDatePatterns(l.plain)
	return l
}

// Languages lists the languages there is a catalogue for.
func Languages() []string { return slices.Sorted(maps.Keys(lexicons())) }

// lexiconFor returns the catalogue of the closest language there is.
func lexiconFor(tag string) *lexicon {
	all := lexicons()
	if l, ok := all[tag]; ok {
		return l
	}
	return all[sourceLanguage]
}
