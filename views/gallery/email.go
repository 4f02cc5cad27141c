package gallery

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/a-h/templ"

	"parley/chat"
	"parley/views"
)

func accountPage() Component {
	state := func(name string, props views.AccountProps) State {
		return State{Name: name, Page: func(p views.Page) templ.Component { return views.AccountPage(loggedIn(p, chat.ID{}), props) }}
	}
	wrong := func(field string, code chat.Code) *chat.Error {
		return &chat.Error{Kind: chat.KindInvalid, Code: chat.CodeInvalid, Fields: []chat.FieldError{{Field: field, Code: code}}}
	}
	confirmed := views.EmailProps{SendsMail: true, Confirmed: "lena@example.org"}
	waiting := views.EmailProps{SendsMail: true, Waiting: "lena.sorensen@example.org"}
	both := views.EmailProps{SendsMail: true, Confirmed: "lena@example.org", Waiting: "lena.sorensen@a-rather-long-name-of-a-mail-domain.example.org"}
	refused := both
	refused.Value, refused.Err = "lena@", wrong("email", chat.CodeEmailForm)
	guessed := confirmed
	guessed.Value, guessed.Err = "lena.sorensen@example.org", wrong("current_password", chat.CodePasswordWrong)
	return Component{Name: "account-page", Group: "Pages with the list", States: []State{
		state("plain", views.AccountProps{Email: views.EmailProps{SendsMail: true}}),
		state("confirmed", views.AccountProps{Email: confirmed}),
		state("waiting", views.AccountProps{Email: waiting, Saved: "email"}),
		state("both", views.AccountProps{Email: both}),
		state("no-mail", views.AccountProps{Email: views.EmailProps{}}),
		state("no-mail-waiting", views.AccountProps{Email: views.EmailProps{Waiting: "lena@example.org"}, Saved: "email_kept"}),
		state("wrong-address", views.AccountProps{Email: refused}),
		state("wrong-password-for-address", views.AccountProps{Email: guessed}),
		state("saved", views.AccountProps{Email: confirmed, Saved: "password"}),
		state("wrong", views.AccountProps{Email: confirmed, Err: wrong("current_password", chat.CodePasswordWrong)}),
	}}
}

func forgotPage() Component {
	state := func(name string, props views.ForgotProps) State {
		return State{Name: name, Page: func(p views.Page) templ.Component { return views.ForgotPage(p, props) }}
	}
	return Component{Name: "forgot-page", Group: "Pages at the gate", States: []State{
		state("empty", views.ForgotProps{SendsMail: true}),
		state("wrong", views.ForgotProps{SendsMail: true, Err: &chat.Error{
			Kind: chat.KindInvalid, Code: chat.CodeInvalid, Fields: []chat.FieldError{{Field: "login", Code: chat.CodeRequired}},
		}}),
		state("too-fast", views.ForgotProps{SendsMail: true, Login: "lena", Err: &chat.Error{
			Kind: chat.KindTooMany, Code: chat.CodeTooMany, Args: chat.Args{"Count": 540, "Seconds": 540},
		}}),
		state("sent", views.ForgotProps{SendsMail: true, Sent: true}),
		state("no-mail", views.ForgotProps{}),
	}}
}

func confirmPage() Component {
	return Component{Name: "confirm-page", Group: "Pages at the gate", States: []State{{Name: "plain", Page: func(p views.Page) templ.Component {
		return views.ConfirmPage(p, views.ConfirmProps{Token: "abc", Address: "lena@example.org", Username: "lena"})
	}}}}
}

// letters shows each letter as a mail program does, and as plain text.
func letters() []Component {
	pages := Component{Name: "letter", Group: "Letters"}
	texts := Component{Name: "letter-text", Group: "Letters", Stage: "pad"}
	for _, kind := range chat.LetterKinds() {
		name := strings.ReplaceAll(string(kind), "_", "-")
		pages.States = append(pages.States, State{Name: name, Page: func(p views.Page) templ.Component {
			return views.LetterPage(letter(kind, p.Language))
		}})
		texts.States = append(texts.States, State{Name: name, View: templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
			l := letter(kind, views.LanguageOf(ctx))
			return letterText(l.Subject, l.Text()).Render(ctx, w)
		})})
	}
	return []Component{pages, texts}
}

func letter(kind chat.LetterKind, language string) views.Letter {
	mail := chat.Mail{
		Kind: kind, Address: "lena@example.org", Name: "Lena Sørensen", Username: "lena", Language: language,
		TimeZone: "Europe/Berlin", Token: "Q2FuIHlvdSByZWFkIHRoaXM_IEl0IGlzIG5vIHNlY3JldA", At: now.Add(-time.Minute),
	}
	if kind == chat.LetterConfirm {
		mail.Name = ""
	}
	return views.NewLetter(mail, "https://chat.example.org")
}
