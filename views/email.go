package views

import (
	"context"

	"parley/chat"
)

// EmailProps is the panel of one's e-mail address.
type EmailProps struct {
	Confirmed string // the address that holds, or empty
	Waiting   string // the one that waits to be confirmed, or empty
	SendsMail bool   // this server sends mail
	Value     string // as it stands in its field
	Err       *chat.Error
}

// NewAccount makes props of the viewer's account.
func NewAccount(viewer chat.Viewer, sendsMail bool) AccountProps {
	return AccountProps{Email: EmailProps{Confirmed: viewer.Email, Waiting: viewer.EmailWanted, SendsMail: sendsMail}}
}

// change is what the button does.
func (p *EmailProps) change(ctx context.Context) string {
	if p.Confirmed == "" && p.Waiting == "" {
		return T(ctx, "email.add")
	}
	return T(ctx, "email.change")
}

// emailSentence says what has just been done with an address.
func emailSentence(ctx context.Context, saved string) string {
	switch saved {
	case "email":
		return T(ctx, "email.saved")
	case "email_kept":
		return T(ctx, "email.saved_kept")
	case "email_same":
		return T(ctx, "email.saved_same")
	case "email_again":
		return T(ctx, "email.saved_again")
	case "email_cancelled":
		return T(ctx, "email.saved_cancelled")
	case "email_removed":
		return T(ctx, "email.saved_removed")
	case "email_confirmed":
		return T(ctx, "email.saved_confirmed")
	case "email_other":
		return T(ctx, "email.saved_other")
	}
	return ""
}

// ConfirmProps is the page behind a link that confirms an address.
type ConfirmProps struct {
	Token    string
	Address  string
	Username string
	Err      *chat.Error
}

// ForgotProps is the page of those who lost their password.
type ForgotProps struct {
	Login     string
	Sent      bool // the form was sent; whether a letter is, nobody learns
	SendsMail bool // this server sends mail
	Err       *chat.Error
}
