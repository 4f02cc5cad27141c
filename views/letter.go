package views

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"parley/chat"
)

// Letter is an e-mail in somebody's language, to be written as plain text and as HTML.
type Letter struct {
	Language string
	Place    string // the host that people know this installation by
	Home     string // where it is
	Subject  string
	Greeting string
	Body     string
	Links    []LetterLink // the first one is what the letter is for
	Note     string       // how long the link works, where it ends
	Unasked  string       // for those who did not ask for the letter
}

// LetterLink leads from a letter to a page.
type LetterLink struct {
	Label string
	URL   string
}

// parts cuts the address into pieces between which a narrow page may break it.
func (l LetterLink) parts() (parts []string) {
	for part := range slices.Chunk([]byte(l.URL), 16) {
		parts = append(parts, string(part))
	}
	return parts
}

// NewLetter says what a mail has to say. base is where people reach this installation, without a slash at the end. The
// host is what tells letters of several installations apart, so that it stands in each subject.
func NewLetter(mail chat.Mail, base string) Letter {
	ctx := WithLanguage(context.Background(), mail.Language)
	place := base
	if u, err := url.Parse(base); err == nil && u.Host != "" {
		place = u.Host
	}
	at := mail.At.In(Zone(mail.TimeZone))
	args := chat.Args{
		"Place": place, "Username": mail.Username, "Name": Isolate(mail.Name), "Time": FullTime(ctx, at, at.Location()) + at.Format(" MST"),
	}
	letter := Letter{Language: LanguageOf(ctx), Place: place, Home: base, Greeting: T(ctx, "letter.greeting")}
	if mail.Name != "" {
		letter.Greeting = T(ctx, "letter.greeting_name", args)
	}
	link := func(label, path string) {
		letter.Links = append(letter.Links, LetterLink{Label: label, URL: base + path})
	}
	switch mail.Kind {
	case chat.LetterConfirm:
		letter.Subject, letter.Body = T(ctx, "letter.confirm_subject", args), T(ctx, "letter.confirm", args)
		link(T(ctx, "letter.confirm_link"), ConfirmPath(mail.Token))
		letter.Note = T(ctx, "letter.works_for_days", chat.Args{"Count": int(chat.EmailLinkLife / (24 * time.Hour))})
		letter.Unasked = T(ctx, "letter.confirm_unasked")
	case chat.LetterTaken:
		letter.Subject, letter.Body = T(ctx, "letter.taken_subject", args), T(ctx, "letter.taken", args)
		link(T(ctx, "letter.log_in"), LoginPath)
		link(T(ctx, "letter.new_password"), ForgotPath)
		letter.Unasked = T(ctx, "letter.taken_unasked")
	case chat.LetterReset:
		letter.Subject, letter.Body = T(ctx, "letter.reset_subject", args), T(ctx, "letter.reset", args)
		link(T(ctx, "letter.new_password"), ResetPath(mail.Token))
		letter.Note = T(ctx, "letter.works_for_minutes", chat.Args{"Count": int(chat.ResetLinkLife / time.Minute)})
		letter.Unasked = T(ctx, "letter.reset_unasked")
	case chat.LetterPasswordChanged:
		letter.Subject, letter.Body = T(ctx, "letter.password_changed_subject", args), T(ctx, "letter.password_changed", args)
		letter.Unasked = T(ctx, "letter.password_changed_unasked")
		link(T(ctx, "letter.new_password"), ForgotPath)
	case chat.LetterEmailChanged:
		letter.Subject, letter.Body = T(ctx, "letter.email_changed_subject", args), T(ctx, "letter.email_changed", args)
		letter.Unasked = T(ctx, "letter.email_changed_unasked")
		link(T(ctx, "letter.log_in"), LoginPath)
	}
	return letter
}

// noticeOnly says that nothing has to be done: the links are only for those who did not ask for it.
func (l *Letter) noticeOnly() bool { return l.Note == "" && len(l.Links) == 1 }

// Text is the letter as plain text. Lines are not broken: mail programs do that as wide as they are.
func (l *Letter) Text() string {
	var b strings.Builder
	paragraph := func(lines ...string) {
		for _, line := range lines {
			if line != "" {
				b.WriteString(line + "\n")
			}
		}
		b.WriteString("\n")
	}
	paragraph(l.Greeting)
	paragraph(l.Body)
	links := func() {
		for _, link := range l.Links {
			paragraph(link.Label+":", link.URL)
		}
	}
	if l.noticeOnly() {
		paragraph(l.Unasked)
		links()
	} else {
		links()
		paragraph(l.Note, l.Unasked)
	}
	b.WriteString("-- \n" + l.Home + "\n") // RFC 3676, 4.3: what follows is a signature
	return b.String()
}
