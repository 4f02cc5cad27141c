package chat

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Origin is where a request came from.
type Origin struct {
	Address   string // the client's IP address
	UserAgent string
	// Local says that the request was made on this machine itself, and by nobody through a proxy.
	Local bool
}

// RegisterInput is the form for signing up. Email, TimeZone and Language may be empty; SetupCode is needed only for the
// first account, Invitation where it is the rule that one is needed.
type RegisterInput struct {
	Username    string
	DisplayName string
	Email       string
	Password    string
	TimeZone    string
	Language    string
	SetupCode   string
	Invitation  string // the secret part of an invitation's link
}

// Gate says what the page for signing up has to show.
type Gate struct {
	// First: there is no account yet, and the next one becomes administrator.
	First bool
	// NeedsSetupCode: the first account, made from another machine, needs the code that the log shows.
	NeedsSetupCode bool
	// Open: an account can be made by anybody.
	Open bool
	// ByInvitation: an account can be made by whoever holds an invitation.
	ByInvitation bool
}

// Gate tells who may register from origin.
func (c *Chat) Gate(ctx context.Context, origin Origin) (Gate, error) {
	some, err := c.store.AnybodyThere(ctx)
	if err != nil {
		return Gate{}, err
	}
	if !some {
		return Gate{First: true, NeedsSetupCode: !origin.Local, Open: true}, nil
	}
	rule, err := c.registration(ctx, c.store)
	return Gate{Open: rule == RegistrationOpen, ByInvitation: rule == RegistrationInvite}, err
}

// SetupCode returns the code that makes the first account from another machine possible, making one if need be; empty
// once there is an account.
func (c *Chat) SetupCode(ctx context.Context) (string, error) {
	return c.store.EnsureSetupCode(ctx, secret()[:12])
}

// Register makes an account and logs it in. The very first one becomes administrator. An e-mail address counts only once
// it is confirmed, by the letter that goes there; one that somebody else has is taken like any other, so that nobody
// learns of it here. An invitation that comes along loses one use exactly when the account is made.
//
// Errors: invalid with fields, forbidden (registration_closed, invitation_needed), not_found (invitation_link), too_many,
// unavailable (busy).
func (c *Chat) Register(ctx context.Context, origin Origin, in RegisterInput) (Viewer, error) {
	buckets := []limited{{LimitRegisterGlobal, ""}}
	if in.Invitation == "" {
		buckets = append(buckets, limited{LimitRegisterByAddress, origin.Address})
	} // with one its own limit holds, below: a whole class may come from one address
	if err := c.allow(ctx, buckets...); err != nil {
		return Viewer{}, err
	}
	gate, err := c.Gate(ctx, origin)
	if err != nil {
		return Viewer{}, err
	}
	// Both are asked again below, with locks: here, so that no password is hashed in vain.
	switch {
	case in.Invitation != "":
		_, err = c.CheckInvitation(ctx, origin, in.Invitation)
	case gate.ByInvitation:
		err = refusedBy(RegistrationInvite, false)
	case !gate.Open:
		err = refusedBy(RegistrationClosed, false)
	}
	if err != nil {
		return Viewer{}, err
	}
	person, err := c.newPerson(ctx, in)
	if err != nil {
		return Viewer{}, err
	}
	write := person.EmailWanted != "" && c.reachable(ctx, person.EmailWanted)
	err = c.store.InTx(ctx, func(tx Store) error {
		first, code, err := tx.LockInstallation(ctx)
		if err != nil {
			return err
		}
		if first {
			if !origin.Local && subtle.ConstantTimeCompare([]byte(code), []byte(strings.TrimSpace(in.SetupCode))) != 1 {
				return invalid("setup_code", CodeSetupCode, nil)
			}
			person.Role = RoleAdministrator
			if err := tx.InsertPerson(ctx, person); err != nil {
				return err
			}
			return c.greet(ctx, tx, person, write)
		}
		// Of two who registered at once while there was nobody, the second is no longer the first.
		invitation, err := c.admit(ctx, tx, in.Invitation)
		if err != nil {
			return err
		}
		if err := tx.InsertPerson(ctx, person); err != nil {
			return err
		}
		if invitation != (ID{}) {
			if err := tx.UpdateInvitation(ctx, person.ID, invitation); err != nil {
				return err
			}
		}
		return c.greet(ctx, tx, person, write)
	})
	if CodeOf(err) == CodeUsernameTaken {
		return Viewer{}, c.usernameTaken(ctx, person.Username, in.DisplayName)
	}
	if err != nil {
		return Viewer{}, err
	}
	return c.startSession(ctx, origin, person)
}

// languageForm is that of a BCP 47 tag, of at most 35 characters (RFC 5646, 4.4.1).
var languageForm = regexp.MustCompile(`^[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,3}$`)

func (c *Chat) newPerson(ctx context.Context, in RegisterInput) (Person, error) {
	in.Username = strings.ToLower(strings.TrimSpace(in.Username))
	in.Email = strings.TrimSpace(in.Email)
	if !badText(in.DisplayName, false) {
		in.DisplayName = cleanLine(in.DisplayName)
	}
	if !ValidTimeZone(in.TimeZone) {
		in.TimeZone = "UTC" // a guess of the browser's: a wrong one is no mistake of the person's
	}
	if !languageForm.MatchString(in.Language) {
		in.Language = "en" // a guess as well
	}
	var wrong fieldErrors
	checkDisplayName(&wrong, in.DisplayName)
	named := len(wrong)
	if checkUsername(&wrong, in.Username); len(wrong) == named {
		// Whether it is free is decided when it is taken; here it is asked so that everything wrong is said at once.
		free, err := c.freeUsername(ctx, in.Username, in.DisplayName)
		if err != nil {
			return Person{}, err
		}
		if free != in.Username {
			wrong.add("username", CodeUsernameTaken, Args{"Suggestion": free})
		}
	}
	checkEmail(&wrong, in.Email)
	checkPassword(&wrong, in.Password, in.Username, in.Email, in.DisplayName)
	if err := wrong.err(); err != nil {
		return Person{}, err
	}
	hash, err := c.passwords.hash(ctx, anybody, in.Password)
	if err != nil {
		return Person{}, err
	}
	return Person{
		Card:         Card{ID: NewID(), Username: in.Username, DisplayName: in.DisplayName},
		EmailWanted:  in.Email,
		PasswordHash: hash,
		Role:         RoleMember,
		State:        StateActive,
		Language:     in.Language,
		TimeZone:     in.TimeZone,
		Theme:        ThemeAuto,
		CreatedAt:    c.clock(),
	}, nil
}

// freeUsername returns the name that was asked for, if nobody has it; otherwise one that is free, where one is found.
func (c *Chat) freeUsername(ctx context.Context, username, displayName string) (string, error) {
	candidates := []string{username}
	if dotted := strings.Join(strings.Fields(strings.ToLower(displayName)), "."); dotted != username {
		candidates = append(candidates, dotted)
	}
	for n := 2; n <= 5; n++ {
		candidates = append(candidates, fmt.Sprintf("%s%d", username, n))
	}
	usable := candidates[:0]
	for _, candidate := range candidates {
		if ValidUsername(candidate) {
			usable = append(usable, candidate)
		}
	}
	return c.store.FirstFreeUsername(ctx, usable)
}

// usernameTaken is the refusal of a name that somebody was faster to take.
func (c *Chat) usernameTaken(ctx context.Context, username, displayName string) error {
	free, err := c.freeUsername(ctx, username, displayName)
	if err != nil {
		return err
	}
	return invalid("username", CodeUsernameTaken, Args{"Suggestion": free})
}

// LogIn checks a username or a confirmed e-mail address with a password. What is wrong is never told apart, by text or
// by time. Errors: invalid (login), too_many, unavailable (busy).
func (c *Chat) LogIn(ctx context.Context, origin Origin, login, password string) (Viewer, error) {
	login = strings.ToLower(strings.TrimSpace(login))
	if badText(login, false) || len(login) > MaxEmailBytes {
		login = "" // nobody's
	}
	if err := c.allow(ctx,
		limited{LimitLoginByAddress, origin.Address},
		limited{LimitLoginByAccount, login},
		limited{LimitLoginGlobal, ""}); err != nil {
		return Viewer{}, err
	}
	person, err := c.store.PersonByLogin(ctx, login)
	if err != nil && KindOf(err) != KindNotFound {
		return Viewer{}, err
	}
	// Whether the person's own bucket is empty must not be seen: it would tell whose address it is that was guessed at.
	// So it is asked for nobody as well, and where it is empty no password is the right one.
	key := "login " + login
	if person.ID != (ID{}) {
		key = person.ID.String()
	}
	within, _ := c.limiter.Allow(ctx, LimitLoginByPerson, key)
	match, err := c.passwords.matches(ctx, anybody, person.PasswordHash, password)
	if err != nil {
		return Viewer{}, err
	}
	if !match || !within || person.State != StateActive {
		c.meter.LoginFailed()
		return Viewer{}, &Error{Kind: KindInvalid, Code: CodeLogin}
	}
	return c.startSession(ctx, origin, person)
}

// ResetLinkLife is how long a link for a new password works.
const ResetLinkLife = time.Hour

// MakeResetLink returns the secret part of a link with which the person sets a new password, once, within
// [ResetLinkLife]. It is the operator's, who hands it over. Errors: not_found, conflict (account_state).
func (c *Chat) MakeResetLink(ctx context.Context, username string) (string, error) {
	token := secret()
	return token, c.store.InTx(ctx, func(tx Store) error {
		person, err := tx.PersonByLogin(ctx, strings.ToLower(username))
		if err != nil {
			return err
		}
		if err := changeable(person, StateActive); err != nil {
			return err // the link would not work
		}
		if err := tx.InsertPasswordReset(ctx, person.ID, tokenHash(token), ResetLinkLife); err != nil {
			return err
		}
		return tx.AppendAudit(ctx, AuditEntry{Action: AuditResetLink, TargetID: person.ID})
	})
}

// CheckResetLink says whether a link can still be used. Errors: not_found (reset_link), too_many.
func (c *Chat) CheckResetLink(ctx context.Context, origin Origin, token string) error {
	_, err := c.personByResetLink(ctx, origin, token)
	return err
}

func (c *Chat) personByResetLink(ctx context.Context, origin Origin, token string) (Person, error) {
	if err := c.allow(ctx, limited{LimitResetByAddress, origin.Address}); err != nil {
		return Person{}, err
	}
	return c.store.PersonByPasswordReset(ctx, tokenHash(token))
}

// ResetPassword sets a new password, ends every session of the person and voids every link, also one that would confirm
// another address: whoever asked for that knew the password before.
// Errors: not_found (reset_link), invalid, too_many.
func (c *Chat) ResetPassword(ctx context.Context, origin Origin, token, password string) error {
	person, err := c.personByResetLink(ctx, origin, token)
	if err != nil {
		return err
	}
	var wrong fieldErrors
	checkPassword(&wrong, password, person.Username, person.Email, person.EmailWanted, person.DisplayName)
	if err := wrong.err(); err != nil {
		return err
	}
	hash, err := c.passwords.hash(ctx, known, password)
	if err != nil {
		return err
	}
	var ended []ID
	err = c.store.InTx(ctx, func(tx Store) error {
		id, err := tx.UsePasswordReset(ctx, tokenHash(token))
		if err != nil {
			return err
		}
		// The password first: from then on no session is made with the old one, and those made before are seen.
		if err := tx.UpdatePassword(ctx, id, hash, ""); err != nil {
			return err
		}
		if err := tx.VoidLinks(ctx, id); err != nil {
			return err
		}
		if ended, err = tx.RevokeSessionsOf(ctx, id, ID{}); err != nil {
			return err
		}
		return c.passwordChanged(ctx, tx, person)
	})
	if err != nil {
		return err
	}
	c.publish(ctx, SessionsEnded{PersonID: person.ID, Sessions: ended})
	return nil
}

// ChangePassword sets a new password in place of the current one, ends the viewer's other sessions and voids every link.
// The present session goes on, under a new token. Errors: invalid (current_password, password), too_many.
func (c *Chat) ChangePassword(ctx context.Context, viewer Viewer, current, password string) error {
	if err := c.confirm(ctx, viewer, current); err != nil {
		return err
	}
	var wrong fieldErrors
	checkPassword(&wrong, password, viewer.Username, viewer.Email, viewer.EmailWanted, viewer.DisplayName)
	if err := wrong.err(); err != nil {
		return err
	}
	hash, err := c.passwords.hash(ctx, known, password)
	if err != nil {
		return err
	}
	var ended []ID
	err = c.store.InTx(ctx, func(tx Store) error {
		// The password first, as in ResetPassword.
		if err := tx.UpdatePassword(ctx, viewer.ID, hash, viewer.PasswordHash); err != nil {
			return err
		}
		if err := tx.VoidLinks(ctx, viewer.ID); err != nil {
			return err
		}
		if ended, err = tx.RevokeSessionsOf(ctx, viewer.ID, viewer.SessionID); err != nil {
			return err
		}
		if err := tx.RenewSession(ctx, viewer.SessionID); err != nil {
			return err
		}
		return c.passwordChanged(ctx, tx, viewer.Person)
	})
	if err != nil {
		return passwordReplaced(err)
	}
	c.publish(ctx, SessionsEnded{PersonID: viewer.ID, Sessions: ended})
	return nil
}

// greet writes to the address that came with a new account, where it is to be confirmed.
func (c *Chat) greet(ctx context.Context, tx Store, person Person, write bool) error {
	if !write {
		return nil
	}
	return c.post(ctx, tx, confirmation(person, person.EmailWanted))
}

// passwordChanged tells a person by mail, in case it was somebody else.
func (c *Chat) passwordChanged(ctx context.Context, tx Store, person Person) error {
	if person.Email == "" {
		return nil
	}
	return c.post(ctx, tx, Letter{Kind: LetterPasswordChanged, PersonID: person.ID, Address: person.Email})
}

func tokenHash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// CreateAccount makes an account on behalf of the operator, whatever registration says. The first account becomes
// administrator here too. Errors: invalid with fields.
func (c *Chat) CreateAccount(ctx context.Context, in RegisterInput, role Role) (Person, error) {
	person, err := c.newPerson(ctx, in)
	if err != nil {
		return Person{}, err
	}
	person.Role = role
	err = c.store.InTx(ctx, func(tx Store) error {
		first, _, err := tx.LockInstallation(ctx)
		if err != nil {
			return err
		}
		if first {
			person.Role = RoleAdministrator
		}
		if err := tx.InsertPerson(ctx, person); err != nil {
			return err
		}
		return tx.AppendAudit(ctx, AuditEntry{
			Action: AuditCreate, TargetID: person.ID, After: AuditFacts{"role": string(person.Role)},
		})
	})
	if CodeOf(err) == CodeUsernameTaken {
		return Person{}, c.usernameTaken(ctx, person.Username, in.DisplayName)
	}
	if err != nil {
		return Person{}, err
	}
	return person, nil
}

// Promote gives a person a role, on behalf of the operator; the person's sessions get new tokens. The last administrator
// stays one. Errors: not_found, conflict (last_administrator).
func (c *Chat) Promote(ctx context.Context, username string, role Role) error {
	var id ID
	var viewSeq int64
	err := c.store.InTx(ctx, func(tx Store) error {
		person, err := tx.PersonByLogin(ctx, strings.ToLower(username))
		if err != nil {
			return err
		}
		people, err := tx.LockAdministrators(ctx, person.ID)
		if err != nil {
			return err
		}
		id = person.ID
		var entry AuditEntry
		entry, viewSeq, err = changeRole(ctx, tx, people[id], role, administratorsBeside(people, id))
		if err != nil || entry.Action == "" {
			return err
		}
		return tx.AppendAudit(ctx, entry)
	})
	if err == nil && viewSeq > 0 {
		c.publish(ctx, PersonChanged{PersonID: id, ViewSeq: viewSeq})
	}
	return err
}
