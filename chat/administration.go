package chat

import (
	"context"
	"strconv"
	"time"
)

// MayAdminister says whether the viewer sees the administration and acts there. For everybody else it is not there.
func (v Viewer) MayAdminister() bool { return v.Role == RoleAdministrator && v.State == StateActive }

// Account is what administrators see of a person.
type Account struct {
	Card
	Email          string // may be empty
	EmailConfirmed bool
	Role           Role
	State          State
	CreatedAt      time.Time
	LastUsedAt     *time.Time // exact to a minute; nil: not within the time that sessions are remembered
	Sessions       int        // that stand
	// InvitedBy made the invitation by which this person came; nil for those who came without one.
	InvitedBy      *Card
	InvitationID   ID
	InvitationNote string
}

// AccountFilter says which people an administrator asks for. The zero value is everybody.
type AccountFilter struct {
	Query      string // a part of name, username or e-mail address
	Role       Role
	State      State
	Invitation ID // who came by it
}

// AccountPage is a page of people, the newest account first.
type AccountPage struct {
	Accounts []Account
	Next     string // the cursor of the next page; empty at the end
}

const accountsPerPage = 50

// Accounts lists people for administrators. A role or a state that there is not asks for all of them. after is the Next of
// the page before. Errors: not_found, too_many.
func (c *Chat) Accounts(ctx context.Context, viewer Viewer, filter AccountFilter, after string) (AccountPage, error) {
	if !viewer.MayAdminister() {
		return AccountPage{}, NotFound()
	}
	if err := c.allow(ctx, limited{LimitSearch, viewer.ID.String()}); err != nil {
		return AccountPage{}, err
	}
	filter.Query = cleanQuery(filter.Query)
	if !validRole(filter.Role) {
		filter.Role = ""
	}
	if !validState(filter.State) {
		filter.State = ""
	}
	return c.store.Accounts(ctx, filter, after, accountsPerPage, SessionIdle)
}

// Account returns one person for administrators. Errors: not_found.
func (c *Chat) Account(ctx context.Context, viewer Viewer, person ID) (Account, error) {
	if !viewer.MayAdminister() {
		return Account{}, NotFound()
	}
	return c.store.Account(ctx, person, SessionIdle)
}

func validRole(role Role) bool {
	return role == RoleMember || role == RoleModerator || role == RoleAdministrator
}

func validState(state State) bool {
	return state == StateActive || state == StateSuspended || state == StateClosed
}

// act changes what it has to within tx, and says what is to be written down; nothing is, where the entry has no action.
// target is the person it is about, as its locked row says; others is how many active administrators there are beside it.
type act func(tx Store, target Person, others int) (AuditEntry, error)

// administer lets an administrator act, in one transaction with the entry that tells of it. target is the person whom it
// concerns; zero where it concerns none.
//
// Whoever acts must be an administrator still when the locks are held: somebody who was demoted or suspended meanwhile
// finds nothing here. All active administrators' rows are locked with the target's, in order of id, so that two who demote
// each other at once take turns, and the second finds itself no longer one. The order of locks: people in order of id, the
// installation, an invitation, sessions and links of a person, the end of the log.
//
// Errors: not_found, too_many, and those of do.
func (c *Chat) administer(ctx context.Context, viewer Viewer, origin Origin, target ID, do act) error {
	if !viewer.MayAdminister() {
		return NotFound()
	}
	if err := c.allow(ctx, limited{LimitAdminister, viewer.ID.String()}); err != nil {
		return err
	}
	return c.store.InTx(ctx, func(tx Store) error {
		people, err := tx.LockAdministrators(ctx, viewer.ID, target)
		if err != nil {
			return err
		}
		actor := Viewer{Person: people[viewer.ID]}
		concerned, found := people[target]
		// Whoever got another password meanwhile was to be kept out of what an older one had begun.
		if !actor.MayAdminister() || actor.PasswordHash != viewer.PasswordHash || target != (ID{}) && !found {
			return NotFound()
		}
		entry, err := do(tx, concerned, administratorsBeside(people, target))
		if err != nil || entry.Action == "" {
			return err
		}
		entry.ActorID, entry.TargetID, entry.Address = viewer.ID, orID(entry.TargetID, target), origin.Address
		return tx.AppendAudit(ctx, entry)
	})
}

// administerPerson is administer where there must be a person whom it concerns.
func (c *Chat) administerPerson(ctx context.Context, viewer Viewer, origin Origin, person ID, do act) error {
	if person == (ID{}) {
		return NotFound()
	}
	return c.administer(ctx, viewer, origin, person, do)
}

func administratorsBeside(people map[ID]Person, one ID) (n int) {
	for id, person := range people {
		if id != one && person.Role == RoleAdministrator && person.State == StateActive {
			n++
		}
	}
	return n
}

func orID(id, otherwise ID) ID {
	if id == (ID{}) {
		return otherwise
	}
	return id
}

// changeable refuses what needs an account that is in use, or could be again.
func changeable(person Person, states ...State) error {
	for _, state := range states {
		if person.State == state {
			return nil
		}
	}
	return Conflict(CodeAccountState, nil)
}

// ChangeRole gives a person another role, on behalf of an administrator, who confirms it with the own password. The
// person's sessions get new tokens, and invitations that somebody made who is no administrator any more are revoked.
//
// Errors: not_found, invalid (role, current_password), conflict (last_administrator, account_state), too_many.
func (c *Chat) ChangeRole(ctx context.Context, viewer Viewer, origin Origin, person ID, role Role, password string) error {
	if !viewer.MayAdminister() {
		return NotFound()
	}
	if !validRole(role) {
		return invalid("role", CodeChoice, nil)
	}
	if err := c.confirm(ctx, viewer, password); err != nil {
		return err
	}
	var viewSeq int64
	err := c.administerPerson(ctx, viewer, origin, person, func(tx Store, target Person, others int) (entry AuditEntry, err error) {
		if err := changeable(target, StateActive, StateSuspended); err != nil {
			return entry, err
		}
		entry, viewSeq, err = changeRole(ctx, tx, target, role, others)
		return entry, err
	})
	if err == nil && viewSeq > 0 {
		c.publish(ctx, PersonChanged{PersonID: person, ViewSeq: viewSeq})
	}
	return err
}

// changeRole changes the role of somebody whose row is locked. The last administrator stays one.
func changeRole(ctx context.Context, tx Store, target Person, role Role, others int) (AuditEntry, int64, error) {
	if target.Role == role {
		return AuditEntry{}, 0, nil
	}
	if target.Role == RoleAdministrator && target.State == StateActive && others == 0 {
		return AuditEntry{}, 0, Conflict(CodeLastAdministrator, nil)
	}
	viewSeq, err := tx.UpdateRole(ctx, target.ID, role)
	if err != nil {
		return AuditEntry{}, 0, err
	}
	entry := AuditEntry{
		Action: AuditRole, TargetID: target.ID,
		Before: AuditFacts{"role": string(target.Role)}, After: AuditFacts{"role": string(role)},
	}
	if target.Role == RoleAdministrator {
		err = revokeInvitations(ctx, tx, target.ID, entry.After)
	}
	return entry, viewSeq, err
}

// revokeInvitations revokes what somebody made who ceases to be an administrator: the links may be all that is left to
// somebody who must not let others in any more.
func revokeInvitations(ctx context.Context, tx Store, person ID, facts AuditFacts) error {
	n, err := tx.RevokeInvitationsOf(ctx, person)
	if n > 0 {
		facts["invitations_revoked"] = strconv.FormatInt(n, 10)
	}
	return err
}

// Suspend shuts a person out, on behalf of an administrator, who confirms it with the own password: every session ends,
// none is made, and invitations that the person made are revoked. Somebody suspended already stays so.
//
// Errors: not_found, invalid (current_password), conflict (oneself, last_administrator, account_state), too_many.
func (c *Chat) Suspend(ctx context.Context, viewer Viewer, origin Origin, person ID, password string) error {
	if !viewer.MayAdminister() {
		return NotFound()
	}
	if person == viewer.ID {
		return Conflict(CodeOneself, nil)
	}
	if err := c.confirm(ctx, viewer, password); err != nil {
		return err
	}
	var events []Event
	err := c.administerPerson(ctx, viewer, origin, person, func(tx Store, target Person, others int) (AuditEntry, error) {
		events = nil
		if target.State == StateSuspended {
			return AuditEntry{}, nil
		}
		if err := changeable(target, StateActive); err != nil {
			return AuditEntry{}, err
		}
		if target.Role == RoleAdministrator && others == 0 {
			return AuditEntry{}, Conflict(CodeLastAdministrator, nil)
		}
		// The state first, as in setting a password: from then on no session is made, and those made before are seen.
		viewSeq, err := tx.UpdateState(ctx, person, StateSuspended)
		if err != nil {
			return AuditEntry{}, err
		}
		entry := AuditEntry{
			Action: AuditSuspend,
			Before: AuditFacts{"state": string(target.State)}, After: AuditFacts{"state": string(StateSuspended)},
		}
		if err := revokeInvitations(ctx, tx, person, entry.After); err != nil {
			return AuditEntry{}, err
		}
		ended, err := tx.RevokeSessionsOf(ctx, person, ID{})
		events = []Event{PersonChanged{PersonID: person, ViewSeq: viewSeq}, SessionsEnded{PersonID: person, Sessions: ended}}
		return entry, err
	})
	if err != nil {
		return err
	}
	c.publish(ctx, events...)
	return nil
}

// Restore lets somebody suspended in again. Sessions and invitations that ended do not come back.
// Errors: not_found, conflict (account_state), too_many.
func (c *Chat) Restore(ctx context.Context, viewer Viewer, origin Origin, person ID) error {
	var viewSeq int64
	err := c.administerPerson(ctx, viewer, origin, person, func(tx Store, target Person, _ int) (entry AuditEntry, err error) {
		if target.State == StateActive {
			return entry, nil
		}
		if err := changeable(target, StateSuspended); err != nil {
			return entry, err
		}
		viewSeq, err = tx.UpdateState(ctx, person, StateActive)
		return AuditEntry{
			Action: AuditRestore,
			Before: AuditFacts{"state": string(target.State)}, After: AuditFacts{"state": string(StateActive)},
		}, err
	})
	if err == nil && viewSeq > 0 {
		c.publish(ctx, PersonChanged{PersonID: person, ViewSeq: viewSeq})
	}
	return err
}

// LogOutEverywhere ends every session of a person, on behalf of an administrator. Errors: not_found, too_many.
func (c *Chat) LogOutEverywhere(ctx context.Context, viewer Viewer, origin Origin, person ID) error {
	var ended []ID
	err := c.administerPerson(ctx, viewer, origin, person, func(tx Store, _ Person, _ int) (entry AuditEntry, err error) {
		ended, err = tx.RevokeSessionsOf(ctx, person, ID{})
		return AuditEntry{
			Action: AuditLogOut, After: AuditFacts{"sessions_ended": strconv.Itoa(len(ended))},
		}, err
	})
	if err != nil {
		return err
	}
	c.publish(ctx, SessionsEnded{PersonID: person, Sessions: ended})
	return nil
}

// MakeResetLinkFor returns the secret part of a link with which somebody else sets a new password, as [Chat.MakeResetLink]
// does, on behalf of an administrator. Whoever holds it can be that person, so the own password confirms it.
//
// Errors: not_found, invalid (current_password), conflict (oneself, account_state), too_many.
func (c *Chat) MakeResetLinkFor(ctx context.Context, viewer Viewer, origin Origin, person ID, password string) (string, error) {
	if !viewer.MayAdminister() {
		return "", NotFound()
	}
	if person == viewer.ID {
		return "", Conflict(CodeOneself, nil)
	}
	if err := c.confirm(ctx, viewer, password); err != nil {
		return "", err
	}
	token := secret()
	err := c.administerPerson(ctx, viewer, origin, person, func(tx Store, target Person, _ int) (AuditEntry, error) {
		if err := changeable(target, StateActive); err != nil {
			return AuditEntry{}, err
		}
		return AuditEntry{Action: AuditResetLink}, tx.InsertPasswordReset(ctx, person, tokenHash(token), ResetLinkLife)
	})
	if err != nil {
		return "", err
	}
	return token, nil
}
