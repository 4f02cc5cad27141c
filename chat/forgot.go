package chat

import (
	"context"
	"strings"
)

// ForgotPassword lets a link for a new password be sent to whoever login names, by username or confirmed address. The
// answer is the same whether that is anybody: one job is kept in every case, and who it is for is found out by the one
// who works it. Errors: forbidden (no_mail), invalid (login), too_many.
func (c *Chat) ForgotPassword(ctx context.Context, origin Origin, login string) error {
	if !c.SendsMail() {
		return noMail()
	}
	login = strings.ToLower(strings.TrimSpace(login))
	if login == "" {
		return invalid("login", CodeRequired, nil)
	}
	if badText(login, false) || len(login) > MaxEmailBytes {
		login = "" // nobody's
	}
	if err := c.allow(ctx,
		limited{LimitForgotByAddress, origin.Address},
		limited{LimitForgotByAccount, login},
		limited{LimitForgotGlobal, ""}); err != nil {
		return err
	}
	return c.post(ctx, c.store, Letter{Kind: LetterReset, Login: login})
}
