package views

import (
	"context"
	"time"

	"parley/chat"
)

// RecordProps is a person as administrators see them; in chat it is an Account, which is one's own to people.
type RecordProps struct {
	Person         PersonProps
	Email          string
	EmailConfirmed bool
	Role           chat.Role
	State          chat.State
	CreatedAt      time.Time
	LastUsedAt     *time.Time
	Sessions       int
	InvitedBy      *PersonProps
	InvitationID   chat.ID
	InvitationNote string
	Self           bool
	Now            time.Time
	Zone           *time.Location
}

// NewRecord makes props of an account.
func NewRecord(a chat.Account, viewer chat.Viewer, now time.Time) RecordProps {
	p := RecordProps{
		Person: NewPerson(a.Card), Email: a.Email, EmailConfirmed: a.EmailConfirmed, Role: a.Role, State: a.State,
		CreatedAt: a.CreatedAt, LastUsedAt: a.LastUsedAt, Sessions: a.Sessions,
		InvitationID: a.InvitationID, InvitationNote: a.InvitationNote,
		Self: a.ID == viewer.ID, Now: now, Zone: Zone(viewer.TimeZone),
	}
	if a.InvitedBy != nil {
		by := NewPerson(*a.InvitedBy)
		p.InvitedBy = &by
	}
	return p
}

// RecordsProps is the list of people.
type RecordsProps struct {
	Filter  chat.AccountFilter
	Records []RecordProps
	Next    string // the path of the next page; empty at the end
	// Invitation is the one that these people came by, where that is what was asked.
	Invitation *InvitationProps
	Err        *chat.Error
}

// NewRecords makes props of a page of people.
func NewRecords(filter chat.AccountFilter, page chat.AccountPage, viewer chat.Viewer, now time.Time) RecordsProps {
	p := RecordsProps{Filter: filter}
	for _, account := range page.Accounts {
		p.Records = append(p.Records, NewRecord(account, viewer, now))
	}
	if page.Next != "" {
		p.Next = AdministrationPeopleSearchPath(filter, page.Next)
	}
	return p
}

// RecordPageProps is one person with what administrators can do, and have done. Done names what has just been done, if
// anything.
type RecordPageProps struct {
	Record  RecordProps
	Entries []AuditEntryProps
	Done    string
	Err     *chat.Error
}

// RecordStepProps is a step about one person that is confirmed with the administrator's own password.
type RecordStepProps struct {
	Record RecordProps
	Role   chat.Role // as chosen, where it is about that
	Link   string    // that was just made, and is shown once
	Err    *chat.Error
}

// RegistrationProps is the choice of who may make an account.
type RegistrationProps struct {
	Rule  chat.RegistrationRule
	Saved bool
	Err   *chat.Error
}

func administrationTabs(ctx context.Context, current string) TabsProps {
	tab := func(label, path string) Tab { return Tab{Label: label, Path: path, Current: path == current} }
	return TabsProps{Label: T(ctx, "administration.title"), Tabs: []Tab{
		tab(T(ctx, "administration.people"), AdministrationPeoplePath),
		tab(T(ctx, "administration.invitations"), AdministrationInvitationsPath),
		tab(T(ctx, "administration.registration"), AdministrationRegistrationPath),
		tab(T(ctx, "administration.log"), AdministrationLogPath),
	}}
}

func roleName(ctx context.Context, role chat.Role) string {
	switch role {
	case chat.RoleMember:
		return T(ctx, "role.member")
	case chat.RoleModerator:
		return T(ctx, "role.moderator")
	case chat.RoleAdministrator:
		return T(ctx, "role.administrator")
	}
	return ""
}

func stateName(ctx context.Context, state chat.State) string {
	switch state {
	case chat.StateActive:
		return T(ctx, "state.active")
	case chat.StateSuspended:
		return T(ctx, "state.suspended")
	case chat.StateClosed:
		return T(ctx, "state.closed")
	}
	return ""
}

func roleOptions(ctx context.Context) []OptionProps {
	options := []OptionProps{{Label: T(ctx, "records.every_role")}}
	for _, role := range []chat.Role{chat.RoleMember, chat.RoleModerator, chat.RoleAdministrator} {
		options = append(options, OptionProps{Value: string(role), Label: roleName(ctx, role)})
	}
	return options
}

func stateOptions(ctx context.Context) []OptionProps {
	options := []OptionProps{{Label: T(ctx, "records.every_state")}}
	for _, state := range []chat.State{chat.StateActive, chat.StateSuspended, chat.StateClosed} {
		options = append(options, OptionProps{Value: string(state), Label: stateName(ctx, state)})
	}
	return options
}

func roleChoice(ctx context.Context, present chat.Role) ChoiceProps {
	return ChoiceProps{Name: "role", Legend: T(ctx, "field.role"), Present: string(present), Options: []ChoiceOptionProps{
		{Value: string(chat.RoleMember), Label: T(ctx, "role.member"), Hint: T(ctx, "role.member_hint"), Icon: "user"},
		{Value: string(chat.RoleModerator), Label: T(ctx, "role.moderator"), Hint: T(ctx, "role.moderator_hint"), Icon: "flag"},
		{Value: string(chat.RoleAdministrator), Label: T(ctx, "role.administrator"), Hint: T(ctx, "role.administrator_hint"), Icon: "shield"},
	}}
}

// presentHint is the sentence of what is chosen at present.
func (p ChoiceProps) presentHint() string {
	for _, option := range p.Options {
		if option.Value == p.Present {
			return option.Hint
		}
	}
	return ""
}

func registrationChoice(ctx context.Context, present chat.Registration) ChoiceProps {
	p := ChoiceProps{Name: "registration", Legend: T(ctx, "field.registration"), Present: string(present)}
	for _, rule := range []chat.Registration{chat.RegistrationOpen, chat.RegistrationInvite, chat.RegistrationClosed} {
		p.Options = append(p.Options, registrationOption(ctx, rule))
	}
	return p
}

func registrationOption(ctx context.Context, rule chat.Registration) ChoiceOptionProps {
	p := ChoiceOptionProps{Value: string(rule)}
	switch rule {
	case chat.RegistrationOpen:
		p.Label, p.Hint, p.Icon = T(ctx, "registration.open"), T(ctx, "registration.open_hint"), "globe"
	case chat.RegistrationInvite:
		p.Label, p.Hint, p.Icon = T(ctx, "registration.invite"), T(ctx, "registration.invite_hint"), "ticket"
	case chat.RegistrationClosed:
		p.Label, p.Hint, p.Icon = T(ctx, "registration.shut"), T(ctx, "registration.shut_hint"), "lock"
	}
	return p
}

// recordDone says what has just been done to somebody; a word that is none of ours says nothing.
func recordDone(ctx context.Context, p RecordPageProps) string {
	name := chat.Args{"Name": Isolate(p.Record.Person.Name)}
	switch p.Done {
	case "role":
		return T(ctx, "record.done_role", chat.Args{"Name": Isolate(p.Record.Person.Name), "Role": roleName(ctx, p.Record.Role)})
	case "suspended":
		return T(ctx, "record.done_suspended", name)
	case "restored":
		return T(ctx, "record.done_restored", name)
	case "logged-out":
		return T(ctx, "record.done_logged_out", name)
	}
	return ""
}

func registrationSaved(ctx context.Context, saved bool) string {
	if saved {
		return T(ctx, "registration.saved")
	}
	return ""
}
