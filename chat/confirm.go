package chat

import (
	"context"
	"errors"
)

// confirm makes sure that whoever acts knows the viewer's password: for steps that a borrowed device must not be enough
// for. Guessing is limited as in logging in. Errors: invalid (current_password), too_many, unavailable (busy).
func (c *Chat) confirm(ctx context.Context, viewer Viewer, password string) error {
	if password == "" {
		return invalid("current_password", CodeRequired, nil)
	}
	if err := c.allow(ctx, limited{LimitConfirm, viewer.ID.String()}); err != nil {
		return err
	}
	if viewer.PasswordHash == "" {
		return errors.New("chat: the viewer was remembered, and comes without a password: ask for a fresh one")
	}
	match, err := c.passwords.matches(ctx, known, viewer.PasswordHash, password)
	if err != nil {
		return err
	}
	if !match {
		return invalid("current_password", CodePasswordWrong, nil)
	}
	return nil
}

// passwordReplaced is the refusal of a step whose password was replaced since it was compared: what was typed is no
// longer the current one.
func passwordReplaced(err error) error {
	if KindOf(err) == KindNotFound {
		return invalid("current_password", CodePasswordWrong, nil)
	}
	return err
}
