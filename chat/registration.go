package chat

import "context"

// Registration says who may make an account, from the second one on.
type Registration string

// The ways of registering.
const (
	RegistrationOpen   Registration = "open"   // anybody, with an invitation or without
	RegistrationInvite Registration = "invite" // whoever holds an invitation
	RegistrationClosed Registration = "closed" // nobody, whatever invitation they hold
)

// RegistrationRule is who may register, and who decides that.
type RegistrationRule struct {
	Registration Registration
	// Fixed: the operator has decided, and the administrators cannot.
	Fixed bool
}

// registration is the rule in force: the operator's, and where there is none, the administrators'.
func (c *Chat) registration(ctx context.Context, store Store) (Registration, error) {
	if c.settings.Registration != "" {
		return c.settings.Registration, nil
	}
	return store.Registration(ctx)
}

// admit decides, within the transaction of a registration that is not the first, whether it may be made. It takes one use
// of the invitation that came along, if one did, and returns that invitation; the zero ID where none did. The installation's
// row is locked by then, so the rule cannot change before the end of the transaction.
//
// Errors: forbidden (registration_closed, invitation_needed), not_found (invitation_link).
func (c *Chat) admit(ctx context.Context, tx Store, token string) (ID, error) {
	rule, err := c.registration(ctx, tx)
	if err == nil {
		err = refusedBy(rule, token != "")
	}
	if err != nil || token == "" {
		return ID{}, err
	}
	return tx.UseInvitation(ctx, tokenHash(token))
}

// refusedBy says why somebody may not register.
func refusedBy(rule Registration, invited bool) error {
	switch {
	case rule == RegistrationClosed:
		return &Error{Kind: KindForbidden, Code: CodeRegistrationClosed}
	case rule == RegistrationInvite && !invited:
		return &Error{Kind: KindForbidden, Code: CodeInvitationNeeded}
	}
	return nil
}

// RegistrationRule returns the rule in force. It is for administrators. Errors: not_found.
func (c *Chat) RegistrationRule(ctx context.Context, viewer Viewer) (RegistrationRule, error) {
	if !viewer.MayAdminister() {
		return RegistrationRule{}, NotFound()
	}
	rule, err := c.registration(ctx, c.store)
	return RegistrationRule{Registration: rule, Fixed: c.settings.Registration != ""}, err
}

// SetRegistration changes the rule, where the operator has not fixed it. It is for administrators.
// Errors: not_found, invalid (registration), forbidden (registration_fixed), too_many.
func (c *Chat) SetRegistration(ctx context.Context, viewer Viewer, origin Origin, rule Registration) error {
	if !viewer.MayAdminister() {
		return NotFound()
	}
	switch rule {
	case RegistrationOpen, RegistrationInvite, RegistrationClosed:
	default:
		return invalid("registration", CodeChoice, nil)
	}
	if c.settings.Registration != "" {
		return &Error{Kind: KindForbidden, Code: CodeRegistrationFixed}
	}
	return c.administer(ctx, viewer, origin, ID{}, func(tx Store, _ Person, _ int) (AuditEntry, error) {
		before, err := tx.Registration(ctx)
		if err != nil || before == rule {
			return AuditEntry{}, err
		}
		return AuditEntry{
			Action: AuditRegistration,
			Before: AuditFacts{"registration": string(before)}, After: AuditFacts{"registration": string(rule)},
		}, tx.UpdateRegistration(ctx, rule)
	})
}
