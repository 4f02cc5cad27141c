package views

import (
	"context"
	"strings"

	"github.com/nicksnyder/go-i18n/v2/i18n"

	"parley/chat"
)

// WithLanguage says in which language the components below ctx speak. tag is a BCP 47 tag; where there is no catalogue
// for it, they speak English.
func WithLanguage(ctx context.Context, tag string) context.Context {
	return context.WithValue(ctx, languageKey, lexiconFor(tag))
}

// LanguageOf returns the tag of the language that components below ctx speak.
func LanguageOf(ctx context.Context) string { return speech(ctx).tag }

func speech(ctx context.Context) *lexicon {
	if l, ok := ctx.Value(languageKey).(*lexicon); ok {
		return l
	}
	return lexiconFor(sourceLanguage)
}

// T returns the sentence id in the language of ctx. args fill its gaps; "Count" also chooses the plural. What people
// wrote goes into a gap through [Isolate]. An id that is not in the catalogue comes back as it is; a test sees to it
// that there is none.
func T(ctx context.Context, id string, args ...chat.Args) string {
	l := speech(ctx)
	if len(args) == 0 {
		if sentence, ok := l.plain[id]; ok {
			return sentence
		}
		return id
	}
	config := &i18n.LocalizeConfig{MessageID: id, TemplateData: args[0]}
	if count, ok := args[0]["Count"]; ok {
		config.PluralCount = count
	}
	sentence, err := l.localizer.Localize(config)
	if err != nil {
		return id
	}
	return sentence
}

// Isolate wraps a name for use inside a sentence, so that its direction does not disturb the sentence's.
func Isolate(s string) string { return "\u2068" + s + "\u2069" }

// Sentence says err to a person. For an internal error (nil) it is a general one.
func Sentence(ctx context.Context, err *chat.Error) string {
	if err == nil {
		return T(ctx, "error.internal")
	}
	if seconds, _ := err.Args["Seconds"].(int); err.Code == chat.CodeTooMany && seconds >= 120 {
		return T(ctx, "error.too_many_minutes", chat.Args{"Count": (seconds + 59) / 60})
	}
	return codeSentence(ctx, err.Code, err.Args)
}

// FieldSentence says to a person what is wrong with a field.
func FieldSentence(ctx context.Context, err chat.FieldError) string {
	if err.Code == chat.CodeUsernameTaken && err.Args["Suggestion"] != "" && err.Args["Suggestion"] != nil {
		return T(ctx, "error.username_taken_try", err.Args)
	}
	return codeSentence(ctx, err.Code, err.Args)
}

func codeSentence(ctx context.Context, code chat.Code, args chat.Args) string {
	id := "error." + string(code)
	if _, plain := speech(ctx).plain[id]; plain || args == nil {
		return T(ctx, id)
	}
	return T(ctx, id, args)
}

// Direction is the writing direction of a language: "rtl" or "ltr".
func Direction(tag string) string {
	switch base, _, _ := strings.Cut(tag, "-"); base {
	case "ar", "dv", "fa", "he", "ku", "ps", "sd", "ug", "ur", "yi":
		return "rtl"
	}
	return "ltr"
}
