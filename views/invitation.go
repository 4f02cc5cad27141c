package views

import (
	"context"
	"strconv"
	"time"

	"parley/chat"
)

// InvitedProps is the invitation behind the form for signing up. By is empty where nobody looked who made it.
type InvitedProps struct {
	Token string
	By    PersonProps
}

// AlreadyHereProps is the page behind an invitation for somebody who has an account already.
type AlreadyHereProps struct {
	Person PersonProps
}

// InvitationProps is an invitation as administrators see it.
type InvitationProps struct {
	ID        chat.ID
	Note      string
	By        PersonProps
	CreatedAt time.Time
	ExpiresAt *time.Time
	MaxUses   int // 0: no limit
	Uses      int
	State     chat.InvitationState
	Now       time.Time
	Zone      *time.Location
}

// NewInvitation makes props of an invitation.
func NewInvitation(i chat.Invitation, viewer chat.Viewer, now time.Time) InvitationProps {
	return InvitationProps{
		ID: i.ID, Note: i.Note, By: NewPerson(i.By), CreatedAt: i.CreatedAt, ExpiresAt: i.ExpiresAt,
		MaxUses: i.MaxUses, Uses: i.Uses, State: i.State, Now: now, Zone: Zone(viewer.TimeZone),
	}
}

// InvitationsProps is the page of all invitations, with the form for a new one. Done names what has just been done, if
// anything.
type InvitationsProps struct {
	Values      InvitationValues
	Link        string // that was just made, and is shown once
	Invitations []InvitationProps
	Next        string // the path of the next page; empty at the end
	Done        string
	Err         *chat.Error
}

// InvitationValues are what the form for a new invitation holds.
type InvitationValues struct {
	Note string
	Days string
	Uses string
}

// NewInvitations makes props of a page of invitations. The form proposes one account within a week.
func NewInvitations(page chat.InvitationPage, viewer chat.Viewer, now time.Time) InvitationsProps {
	p := InvitationsProps{Values: InvitationValues{Days: "7", Uses: "1"}}
	for _, i := range page.Invitations {
		p.Invitations = append(p.Invitations, NewInvitation(i, viewer, now))
	}
	if page.Next != "" {
		p.Next = AdministrationInvitationsAfterPath(page.Next)
	}
	return p
}

func daysOptions(ctx context.Context) []OptionProps {
	options := make([]OptionProps, 0, len(chat.InvitationDays))
	for _, days := range chat.InvitationDays {
		label := T(ctx, "invitations.for_ever")
		if days > 0 {
			label = T(ctx, "invitations.days", chat.Args{"Count": days})
		}
		options = append(options, OptionProps{Value: strconv.Itoa(days), Label: label})
	}
	return options
}

func usesOptions(ctx context.Context) []OptionProps {
	options := make([]OptionProps, 0, len(chat.InvitationUses))
	for _, uses := range chat.InvitationUses {
		label := T(ctx, "invitations.no_limit")
		if uses > 0 {
			label = T(ctx, "invitations.accounts", chat.Args{"Count": uses})
		}
		options = append(options, OptionProps{Value: strconv.Itoa(uses), Label: label})
	}
	return options
}

func (p *InvitationProps) state(ctx context.Context) string {
	switch p.State {
	case chat.InvitationUsable:
		return T(ctx, "invitations.usable")
	case chat.InvitationUsedUp:
		return T(ctx, "invitations.used_up")
	case chat.InvitationExpired:
		return T(ctx, "invitations.expired")
	case chat.InvitationRevoked:
		return T(ctx, "invitations.revoked")
	}
	return ""
}

// uses says how many accounts were made, and how many can be.
func (p *InvitationProps) uses(ctx context.Context) string {
	if p.MaxUses == 0 {
		return T(ctx, "invitations.uses", chat.Args{"Count": p.Uses})
	}
	return T(ctx, "invitations.uses_of", chat.Args{"Uses": p.Uses, "Max": p.MaxUses})
}

// ends says when the invitation ends, or ended.
func (p *InvitationProps) ends(ctx context.Context) string {
	switch {
	case p.ExpiresAt == nil:
		return T(ctx, "invitations.never_ends")
	case p.ExpiresAt.After(p.Now):
		return T(ctx, "invitations.ends", chat.Args{"Time": FullTime(ctx, *p.ExpiresAt, p.Zone)})
	}
	return T(ctx, "invitations.ended", chat.Args{"Time": FullTime(ctx, *p.ExpiresAt, p.Zone)})
}

// name is what an invitation is called in sentences.
func (p *InvitationProps) name(ctx context.Context) string {
	if p.Note == "" {
		return T(ctx, "invitations.without_note")
	}
	return Isolate(p.Note)
}

func invitationsDone(ctx context.Context, done string) string {
	if done == "revoked" {
		return T(ctx, "invitations.done_revoked")
	}
	return ""
}
