package views

import (
	"context"
	"slices"
	"time"

	"parley/chat"
)

// DetailsProps is what there is to know about a conversation, and to do with it.
type DetailsProps struct {
	ID          chat.ID
	Kind        chat.ConversationKind
	Name        string // of a group
	Description string
	MemberCount int
	Other       PersonProps // in a direct conversation
	Note        bool
	Past        bool // the viewer is in it no more
	Blocked     bool // the other, by the viewer
	Manages     bool // looks after the group
	Pinned      bool
	Archived    bool
	QuietUntil  *time.Time
	Notify      chat.Notify
	Zone        *time.Location
	Members     MembersProps
	Cursor      chat.Cursor
	Saved       string
	Err         *chat.Error
	Presence    PresenceProps // of the other, in a direct conversation
}

// HasPresence says whether they are about somebody else, who is there or is not.
func (p *DetailsProps) HasPresence() bool { return !p.isGroup() && !p.Note }

func (p *DetailsProps) isGroup() bool { return p.Kind == chat.KindGroup }

// quietForGood says whether the quiet has no end that anybody will see.
func (p *DetailsProps) quietForGood() bool { return p.QuietUntil != nil && p.QuietUntil.Year() > 9000 }

// NewDetails makes props of a conversation and of the first page of its members.
func NewDetails(d chat.Details, members chat.MembersPage, viewer chat.Viewer) DetailsProps {
	p := DetailsProps{
		ID: d.ID, Kind: d.Kind, Name: d.Group.Name, Description: d.Group.Description, MemberCount: d.MemberCount,
		Other: NewPerson(d.Other), Note: d.Kind == chat.KindDirect && d.Other.ID == viewer.ID,
		Blocked: slices.Contains(d.Member.Blocks, d.Other.ID),
		Past:    !d.Member.Present(), Manages: d.Member.Role.MayManage(),
		Pinned: d.Pinned, Archived: d.Archived, QuietUntil: d.QuietUntil, Notify: d.Notify, Zone: Zone(viewer.TimeZone),
		Members: NewMembers(d, members, "", viewer), Cursor: d.Cursor,
	}
	if p.HasPresence() {
		p.Presence = unseen(d.Other.ID)
	}
	return p
}

func (p *DetailsProps) pinText(ctx context.Context) string {
	if p.Pinned {
		return T(ctx, "details.pinned")
	}
	return T(ctx, "details.pin")
}

func (p *DetailsProps) archiveText(ctx context.Context) string {
	if p.Archived {
		return T(ctx, "details.archived")
	}
	return T(ctx, "details.archive")
}

func (p *DetailsProps) quiets(ctx context.Context) []Option {
	options := []Option{
		{string(chat.QuietHour), T(ctx, "details.quiet_hour")}, {string(chat.QuietTomorrow), T(ctx, "details.quiet_tomorrow")},
		{string(chat.QuietAlways), T(ctx, "details.quiet_for_good")},
	}
	if p.QuietUntil != nil {
		options = append([]Option{{string(chat.QuietOff), T(ctx, "details.quiet_off")}}, options...)
	}
	return options
}

func (p *DetailsProps) notifies(ctx context.Context) []Option {
	return []Option{
		{string(chat.NotifyAll), T(ctx, "details.notify_all")}, {string(chat.NotifyMentions), T(ctx, "details.notify_mentions")},
		{string(chat.NotifyNothing), T(ctx, "details.notify_nothing")},
	}
}

// MembersProps is a page of a group's members, as one of them sees it.
type MembersProps struct {
	ID      chat.ID
	Role    chat.MemberRole // the viewer's
	MayAdd  bool
	Query   string
	Members []MemberProps
	Next    string // the cursor of the next page; empty at the end
	Err     *chat.Error
	Cursor  chat.Cursor
}

// MemberProps is one member.
type MemberProps struct {
	Person   PersonProps
	Role     chat.MemberRole
	Self     bool
	Presence PresenceProps // of anybody but the viewer
}

// NewMembers makes props of a page of members.
func NewMembers(d chat.Details, page chat.MembersPage, query string, viewer chat.Viewer) MembersProps {
	p := MembersProps{
		ID: d.ID, Role: d.Member.Role, MayAdd: d.MayAdd(), Query: query, Next: page.Next, Cursor: d.Cursor,
	}
	for _, m := range page.Members {
		line := MemberProps{Person: NewPerson(m.Card), Role: m.Role, Self: m.ID == viewer.ID}
		if !line.Self {
			line.Presence = unseen(m.ID)
		}
		p.Members = append(p.Members, line)
	}
	return p
}

// mayChange says whether there is anything that the viewer can do about the member: of others at least a block.
func (p *MembersProps) mayChange(m MemberProps) bool {
	return !m.Self || p.Role == chat.MemberOwner
}

// MembersNewProps is the form for taking people into a group.
type MembersNewProps struct {
	ID     chat.ID
	Picker PickerProps
	Err    *chat.Error
}

// MemberPageProps is what can be done about a member.
type MemberPageProps struct {
	ID         chat.ID
	Member     MemberProps
	MaySetRole bool
	MayRemove  bool
	Err        *chat.Error
}

// roleText names a role that is worth naming.
func roleText(ctx context.Context, role chat.MemberRole) string {
	switch role {
	case chat.MemberOwner:
		return T(ctx, "group.owner")
	case chat.MemberAdministrator:
		return T(ctx, "group.administrator")
	}
	return ""
}

func memberRoles(ctx context.Context) []Option {
	return []Option{
		{string(chat.MemberPlain), T(ctx, "group.member")}, {string(chat.MemberAdministrator), T(ctx, "group.administrator")},
		{string(chat.MemberOwner), T(ctx, "group.owner")},
	}
}
