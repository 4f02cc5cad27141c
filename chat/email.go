package chat

import (
	"context"
	"strings"
	"time"
)

// EmailLinkLife is how long a link that confirms an address works: a week, as in the documentation of
// django-registration, so that a letter that comes late on a Friday still does on Monday. It proves who reads the address
// and nothing else: it logs nobody in.
const EmailLinkLife = 7 * 24 * time.Hour

// ChangeEmail notes the address that the viewer wants, and writes to it. Until it is confirmed the present one, if any,
// goes on to hold. An address that somebody else has is taken like any other, so that nobody learns of it here.
// Errors: invalid (current_password, email), too_many.
func (c *Chat) ChangeEmail(ctx context.Context, viewer Viewer, current, email string) error {
	if err := c.confirm(ctx, viewer, current); err != nil {
		return err
	}
	email = strings.TrimSpace(email)
	var wrong fieldErrors
	if email == "" {
		wrong.add("email", CodeRequired, nil)
	}
	checkEmail(&wrong, email)
	if err := wrong.err(); err != nil {
		return err
	}
	if strings.EqualFold(email, viewer.Email) {
		return c.CancelEmail(ctx, viewer) // it is confirmed already
	}
	if err := c.allow(ctx, limited{LimitEmail, viewer.ID.String()}); err != nil {
		return err
	}
	write := c.reachable(ctx, email)
	return c.store.InTx(ctx, func(tx Store) error {
		if err := tx.UpdateEmailWanted(ctx, viewer.ID, email, viewer.PasswordHash); err != nil {
			return passwordReplaced(err)
		}
		if !write {
			return nil
		}
		return c.post(ctx, tx, confirmation(viewer.Person, email))
	})
}

// SendConfirmation writes once more to the address that the viewer wants; links sent before are void as soon as that
// letter is made. Errors: not_found where none is waiting, forbidden (no_mail), too_many.
func (c *Chat) SendConfirmation(ctx context.Context, viewer Viewer) error {
	if viewer.EmailWanted == "" {
		return NotFound()
	}
	if !c.SendsMail() {
		return noMail()
	}
	if err := c.allow(ctx, limited{LimitEmail, viewer.ID.String()}); err != nil {
		return err
	}
	if !c.reachable(ctx, viewer.EmailWanted) {
		return nil
	}
	return c.post(ctx, c.store, confirmation(viewer.Person, viewer.EmailWanted))
}

// CancelEmail forgets the address that the viewer wanted; links to it are void. The confirmed one stays. Twice is no error.
func (c *Chat) CancelEmail(ctx context.Context, viewer Viewer) error {
	return c.store.UpdateEmailWanted(ctx, viewer.ID, "", "")
}

// RemoveEmail forgets the viewer's addresses, the confirmed one and the wanted one, and voids every link that was sent to
// them. Errors: invalid (current_password), too_many.
func (c *Chat) RemoveEmail(ctx context.Context, viewer Viewer, current string) error {
	if err := c.confirm(ctx, viewer, current); err != nil {
		return err
	}
	return c.store.InTx(ctx, func(tx Store) error {
		before, err := tx.DeleteEmail(ctx, viewer.ID, viewer.PasswordHash)
		if err != nil {
			return passwordReplaced(err)
		}
		return c.emailChanged(ctx, tx, viewer.ID, before, "")
	})
}

// CheckEmailLink returns who wants which address (EmailWanted) confirmed by the link, as long as it works.
// Errors: not_found (email_link), too_many.
func (c *Chat) CheckEmailLink(ctx context.Context, origin Origin, token string) (Person, error) {
	if err := c.allow(ctx, limited{LimitEmailLinkByAddress, origin.Address}); err != nil {
		return Person{}, err
	}
	return c.store.PersonByEmailConfirmation(ctx, tokenHash(token))
}

// ConfirmEmail makes the wanted address the person's, and uses the link up. It logs nobody in, and it ends no session:
// whoever is logged in is so by the password, which stays. Links for a new password, which went to the address before,
// are void. Errors: not_found (email_link), conflict (email_taken) where another account was faster, too_many.
func (c *Chat) ConfirmEmail(ctx context.Context, origin Origin, token string) (person ID, err error) {
	if err := c.allow(ctx, limited{LimitEmailLinkByAddress, origin.Address}); err != nil {
		return person, err
	}
	err = c.store.InTx(ctx, func(tx Store) error {
		confirmed, before, err := tx.UseEmailConfirmation(ctx, tokenHash(token))
		if err != nil {
			return err
		}
		person = confirmed.ID
		return c.emailChanged(ctx, tx, confirmed.ID, before, confirmed.Email)
	})
	return person, err
}

// emailChanged does what follows when a person's address has become another one. The person's row is written already.
func (c *Chat) emailChanged(ctx context.Context, tx Store, person ID, before, now string) error {
	if err := tx.VoidLinks(ctx, person); err != nil {
		return err
	}
	if before == "" || strings.EqualFold(before, now) {
		return nil
	}
	return c.post(ctx, tx, Letter{Kind: LetterEmailChanged, PersonID: person, Address: before})
}

func noMail() error { return &Error{Kind: KindForbidden, Code: CodeNoMail} }
