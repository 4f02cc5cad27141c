package chat

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"time"
)

// LetterKind says what a letter is about.
type LetterKind string

// The kinds of letters.
const (
	// LetterConfirm goes to an address that somebody wants: is it really theirs?
	LetterConfirm LetterKind = "confirm"
	// LetterTaken goes there instead where the address is confirmed for another account: you have an account here.
	LetterTaken LetterKind = "taken"
	// LetterReset brings a link for a new password.
	LetterReset LetterKind = "reset"
	// LetterPasswordChanged says that there is a new password.
	LetterPasswordChanged LetterKind = "password_changed"
	// LetterEmailChanged goes to the address that was the account's until now.
	LetterEmailChanged LetterKind = "email_changed"
)

// LetterKinds lists every kind.
func LetterKinds() []LetterKind {
	return []LetterKind{LetterConfirm, LetterTaken, LetterReset, LetterPasswordChanged, LetterEmailChanged}
}

// JobLetter is the kind of job under which a [Letter] is kept until it is sent.
const JobLetter = "letter"

// Letter is what is kept of a letter until it is sent. It holds no text and no secret: both are made at the last moment,
// from what holds then.
type Letter struct {
	Kind LetterKind `json:"kind"`
	// PersonID is whom it is about; zero in a LetterReset, where Login says what somebody typed.
	PersonID ID     `json:"person_id,omitzero"`
	Address  string `json:"address,omitempty"`
	Login    string `json:"login,omitempty"`
	// Under is, in a LetterConfirm, the fingerprint of the password that held when it was asked for. Once there is another
	// one the letter is void: whoever asked for it may be whom the new password is to keep out.
	Under string `json:"under,omitempty"`
	// At is when it happened.
	At time.Time `json:"at"`
}

// Mail is a letter with everything that its text needs.
type Mail struct {
	Kind    LetterKind
	Address string
	// Name is how the person is addressed. It is empty where the address is not confirmed: then a stranger may have typed
	// both, and a letter must not carry a stranger's words to an address of the stranger's choice.
	Name     string
	Username string
	Language string // BCP 47
	TimeZone string // IANA name
	// Token is the secret part of the link in a LetterConfirm and a LetterReset.
	Token string
	At    time.Time
}

// Mailer sends mail. It must be safe for concurrent use, and end soon when ctx does. Its errors go into logs and hold
// neither an address nor a token.
type Mailer interface {
	// Send returns once the mail server has taken the mail. Errors: [ErrNoMailbox]; any other may pass.
	Send(ctx context.Context, mail Mail) error
}

// ErrNoMailbox says that there is no such mailbox, so that trying again is in vain.
var ErrNoMailbox = errors.New("there is no such mailbox")

// WithMailer lets this installation send mail.
func WithMailer(m Mailer) Option { return func(c *Chat) { c.mailer = m } }

// SendsMail says whether this installation sends mail.
func (c *Chat) SendsMail() bool { return c.mailer != nil }

// post keeps a letter, to be sent once the transaction of store is committed; without a mailer it keeps nothing. Nobody
// ever waits for a mail server.
func (c *Chat) post(ctx context.Context, store Store, letter Letter) error {
	if c.mailer == nil {
		return nil
	}
	letter.At = c.clock()
	return store.InsertLetter(ctx, letter)
}

// confirmation is the letter that asks an address whether it is the person's.
func confirmation(person Person, address string) Letter {
	return Letter{Kind: LetterConfirm, PersonID: person.ID, Address: address, Under: fingerprint(person.PasswordHash)}
}

// fingerprint tells one stored password from the next, and nothing else of it: bcrypt's hash holds 128 bits of salt.
func fingerprint(passwordHash string) string {
	sum := sha256.Sum256([]byte(passwordHash))
	return hex.EncodeToString(sum[:8])
}

// reachable says whether one more letter may go to an address that somebody typed. It may be a stranger's, who must not
// be flooded from here by however many accounts. Whoever typed it is not told: that others typed it too is a secret.
func (c *Chat) reachable(ctx context.Context, address string) bool {
	ok, _ := c.limiter.Allow(ctx, LimitLettersTo, strings.ToLower(address))
	return ok
}

// DeliverLetter writes a kept letter and sends it. What the letter was about may be over by now, or never have been:
// then none is sent, and that is no error. Errors: those of the store and of [Mailer].
func (c *Chat) DeliverLetter(ctx context.Context, letter Letter) error {
	mail, err := c.writeLetter(ctx, letter)
	if KindOf(err) == KindNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	return c.mailer.Send(ctx, mail)
}

// writeLetter makes the link of a letter, where it has one, and stores its hash. Errors: not_found where there is nobody
// to write to.
func (c *Chat) writeLetter(ctx context.Context, letter Letter) (Mail, error) {
	switch letter.Kind {
	case LetterConfirm:
		return c.writeConfirmation(ctx, letter)
	case LetterReset:
		return c.writeReset(ctx, letter)
	case LetterPasswordChanged, LetterEmailChanged:
		person, err := c.store.PersonByID(ctx, letter.PersonID)
		if err != nil {
			return Mail{}, err
		}
		return mailTo(person, letter.Address, letter), nil
	}
	return Mail{}, NotFound() // of a later version, which was taken back
}

// mailTo addresses a person whose address this is.
func mailTo(person Person, address string, letter Letter) Mail {
	return Mail{
		Kind: letter.Kind, Address: address, Name: person.DisplayName, Username: person.Username,
		Language: person.Language, TimeZone: person.TimeZone, At: letter.At,
	}
}

// writeConfirmation asks the wanted address, or tells the person whose confirmed address it is. The one who typed it
// cannot see which.
func (c *Chat) writeConfirmation(ctx context.Context, letter Letter) (Mail, error) {
	person, err := c.store.PersonByID(ctx, letter.PersonID)
	if err != nil {
		return Mail{}, err
	}
	if person.EmailWanted != letter.Address || fingerprint(person.PasswordHash) != letter.Under {
		return Mail{}, NotFound()
	}
	owner, err := c.store.PersonByLogin(ctx, strings.ToLower(letter.Address))
	switch {
	case err == nil && owner.State != StateActive:
		return Mail{}, NotFound()
	case err == nil:
		letter.Kind = LetterTaken
		return mailTo(owner, owner.Email, letter), nil
	case KindOf(err) != KindNotFound:
		return Mail{}, err
	}
	token := secret()
	err = c.store.ReplaceEmailConfirmation(
		ctx, person.ID, letter.Address, person.PasswordHash, tokenHash(token), EmailLinkLife)
	if err != nil {
		return Mail{}, err
	}
	mail := mailTo(person, letter.Address, letter)
	mail.Name, mail.Token = "", token
	return mail, nil
}

// writeReset finds out whether what was typed is anybody's, with an address that is confirmed. The letter goes there and
// never to what was typed.
func (c *Chat) writeReset(ctx context.Context, letter Letter) (Mail, error) {
	person, err := c.store.PersonByLogin(ctx, letter.Login)
	if err != nil {
		return Mail{}, err
	}
	if person.State != StateActive || person.Email == "" {
		return Mail{}, NotFound()
	}
	token := secret()
	if err := c.store.InsertPasswordResetByMail(ctx, person.ID, person.Email, tokenHash(token), ResetLinkLife); err != nil {
		return Mail{}, err
	}
	mail := mailTo(person, person.Email, letter)
	mail.Token = token
	return mail, nil
}
