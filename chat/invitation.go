package chat

import (
	"context"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// Invitation is a link with which people make accounts.
type Invitation struct {
	ID        ID
	Note      string // for administrators; may be empty
	By        Card   // who made it
	CreatedAt time.Time
	ExpiresAt *time.Time // nil: never
	MaxUses   int        // 0: no limit
	Uses      int
	State     InvitationState
}

// InvitationState says whether an invitation can be used, and if not, why.
type InvitationState string

// The states, the first that holds counting.
const (
	InvitationRevoked InvitationState = "revoked"
	InvitationUsedUp  InvitationState = "used_up"
	InvitationExpired InvitationState = "expired"
	InvitationUsable  InvitationState = "usable"
)

// InvitationPage is a page of invitations, the newest first.
type InvitationPage struct {
	Invitations []Invitation
	Next        string // the cursor of the next page; empty at the end
}

const invitationsPerPage = 50

// MaxNote bounds an invitation's note, in characters.
const MaxNote = 100

// What can be chosen of an invitation: days until it ends, and accounts that it makes. 0: never, and no limit.
var (
	InvitationDays = []int{1, 7, 30, 90, 0}
	InvitationUses = []int{1, 5, 25, 100, 0}
)

// InvitationInput is the form for a new invitation. Days and Uses are among [InvitationDays] and [InvitationUses].
type InvitationInput struct {
	Note string
	Days int
	Uses int
}

// Invite makes an invitation and returns the secret part of its link, which nothing but its hash is kept of. It is for
// administrators. Errors: not_found, invalid (note, days, uses), too_many.
func (c *Chat) Invite(ctx context.Context, viewer Viewer, origin Origin, in InvitationInput) (Invitation, string, error) {
	if !viewer.MayAdminister() {
		return Invitation{}, "", NotFound()
	}
	var wrong fieldErrors
	if badText(in.Note, false) {
		wrong.add("note", CodeBadText, nil)
	} else if in.Note = cleanLine(in.Note); utf8.RuneCountInString(in.Note) > MaxNote {
		wrong.add("note", CodeTooLong, Args{"Max": MaxNote, "Count": MaxNote})
	}
	if !slices.Contains(InvitationDays, in.Days) {
		wrong.add("days", CodeChoice, nil)
	}
	if !slices.Contains(InvitationUses, in.Uses) {
		wrong.add("uses", CodeChoice, nil)
	}
	if err := wrong.err(); err != nil {
		return Invitation{}, "", err
	}
	token := secret()
	made := Invitation{ID: NewID(), Note: in.Note, By: viewer.Card, MaxUses: in.Uses, State: InvitationUsable}
	err := c.administer(ctx, viewer, origin, ID{}, func(tx Store, _ Person, _ int) (AuditEntry, error) {
		var err error
		made.CreatedAt, made.ExpiresAt, err = tx.InsertInvitation(ctx, made, tokenHash(token), time.Duration(in.Days)*24*time.Hour)
		return AuditEntry{
			Action: AuditInvite, TargetID: made.ID,
			After: AuditFacts{"days": strconv.Itoa(in.Days), "uses": strconv.Itoa(in.Uses)},
		}, err
	})
	if err != nil {
		return Invitation{}, "", err
	}
	return made, token, nil
}

// Invitations lists all there ever were, for administrators. after is the Next of the page before. Errors: not_found.
func (c *Chat) Invitations(ctx context.Context, viewer Viewer, after string) (InvitationPage, error) {
	if !viewer.MayAdminister() {
		return InvitationPage{}, NotFound()
	}
	return c.store.Invitations(ctx, after, invitationsPerPage)
}

// Invitation returns one invitation, for administrators. Errors: not_found.
func (c *Chat) Invitation(ctx context.Context, viewer Viewer, id ID) (Invitation, error) {
	if !viewer.MayAdminister() {
		return Invitation{}, NotFound()
	}
	return c.store.Invitation(ctx, id)
}

// RevokeInvitation makes an invitation useless, on behalf of an administrator. Twice is no error.
// Errors: not_found, too_many.
func (c *Chat) RevokeInvitation(ctx context.Context, viewer Viewer, origin Origin, id ID) error {
	return c.administer(ctx, viewer, origin, ID{}, func(tx Store, _ Person, _ int) (AuditEntry, error) {
		uses, revoked, err := tx.RevokeInvitation(ctx, id)
		if err != nil || !revoked {
			return AuditEntry{}, err
		}
		return AuditEntry{Action: AuditRevoke, TargetID: id, Before: AuditFacts{"uses": strconv.Itoa(uses)}}, nil
	})
}

// CheckInvitation returns the invitation that a link opens, while accounts can be made with it. Why they cannot is told of
// the whole installation only, and never of a link. Errors: forbidden (registration_closed), not_found (invitation_link),
// too_many.
func (c *Chat) CheckInvitation(ctx context.Context, origin Origin, token string) (Invitation, error) {
	if err := c.allow(ctx, limited{LimitInvitationByAddress, origin.Address}); err != nil {
		return Invitation{}, err
	}
	rule, err := c.registration(ctx, c.store)
	if err == nil {
		err = refusedBy(rule, true)
	}
	if err != nil {
		return Invitation{}, err
	}
	return c.store.UsableInvitation(ctx, tokenHash(token))
}
