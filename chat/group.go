package chat

import (
	"cmp"
	"context"
	"time"
	"unicode/utf8"
)

// MemberRole is what a member may do in a group.
type MemberRole string

// The roles in a group, from least to most. Administrators look after people, links and what the group says of itself;
// owners also say who is what. A group has an owner as long as anybody is in it.
const (
	MemberPlain         MemberRole = "member"
	MemberAdministrator MemberRole = "administrator"
	MemberOwner         MemberRole = "owner"
)

// rank orders the roles.
func (r MemberRole) rank() int {
	switch r {
	case MemberOwner:
		return 2
	case MemberAdministrator:
		return 1
	}
	return 0
}

// MayManage says whether the role looks after the group.
func (r MemberRole) MayManage() bool { return r.rank() > 0 }

// Outranks says whether r may remove somebody of the other role. Owners may remove everybody, each other too.
func (r MemberRole) Outranks(other MemberRole) bool {
	return r == MemberOwner || r.rank() > other.rank()
}

// Who says which members may do a thing.
type Who string

// The choices.
const (
	WhoMembers        Who = "members"
	WhoAdministrators Who = "administrators"
)

func (w Who) includes(role MemberRole) bool { return w == WhoMembers || role.MayManage() }

// History says what somebody who joins sees of the past.
type History string

// The choices.
const (
	HistoryAll    History = "all"
	HistoryJoined History = "joined"
)

// GroupSettings is what a group says of itself and lets people do.
type GroupSettings struct {
	Name        string
	Description string
	WhoAdds     Who
	WhoWrites   Who
	History     History
}

// Bounds of a group. People and members are counted in people, the others in characters.
const (
	MaxGroupName        = 80
	MaxGroupDescription = 500
	MaxGroupMembers     = 2000
	maxAddedAtOnce      = 200 // as many as the address of a page with all of them chosen carries through proxies
)

// EventCode names what happened in a group; the catalogue has the sentences, under "event." + code.
type EventCode string

// The events. GroupEvent.Subjects says whom each is about, the message's author who did it.
const (
	EventCreated   EventCode = "created"
	EventAdded     EventCode = "added"
	EventJoined    EventCode = "joined" // by a link
	EventRemoved   EventCode = "removed"
	EventLeft      EventCode = "left"
	EventRole      EventCode = "role"      // Role: what the subject is now
	EventRenamed   EventCode = "renamed"   // Text: the new name
	EventDescribed EventCode = "described" // Text: the new description, perhaps none
	EventRules     EventCode = "rules"     // who adds, who writes, what newcomers see
)

// GroupEvent is what a system message says. It is stored as it stands here.
type GroupEvent struct {
	Code    EventCode  `json:"code"`
	Text    string     `json:"text,omitempty"`
	Role    MemberRole `json:"role,omitempty"`
	Members int        `json:"members"` // how many are in the group since
	// Subjects are whom it is about, as their cards are now.
	Subjects []Card `json:"-"`
}

// CreateGroup makes a group of the viewer, who becomes its owner, and of up to 200 other active people; more are added to it
// later, 200 at a time. Errors: invalid (name,
// about, people), not_found for somebody who is not there, too_many.
func (c *Chat) CreateGroup(ctx context.Context, viewer Viewer, settings GroupSettings, people []ID) (ID, error) {
	settings = settings.clean().or(unchosen)
	if err := settings.check(); err != nil {
		return ID{}, err
	}
	people = others(people, viewer.ID)
	if len(people) > maxAddedAtOnce {
		return ID{}, invalid("people", CodeTooManyMembers, Args{"Max": maxAddedAtOnce, "Count": maxAddedAtOnce})
	}
	if err := c.allow(ctx, limited{LimitGroup, viewer.ID.String()}); err != nil {
		return ID{}, err
	}
	id := NewID()
	var told []PersonChanged
	err := c.inGroupTx(ctx, func(tx Store) error {
		if err := tx.LockPeople(ctx, append(people, viewer.ID)...); err != nil {
			return err
		}
		if err := tx.InsertGroup(ctx, id, viewer.ID, settings, people); err != nil {
			return err
		}
		var err error
		told, err = tx.RaiseViewSeq(ctx, append(people, viewer.ID)...)
		return err
	})
	if err != nil {
		return ID{}, err
	}
	c.tellAll(ctx, told)
	return id, nil
}

// others returns the ids without doubles and without the viewer's own.
func others(ids []ID, viewer ID) []ID {
	seen := map[ID]bool{viewer: true}
	kept := make([]ID, 0, len(ids))
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			kept = append(kept, id)
		}
	}
	return kept
}

func (s GroupSettings) clean() GroupSettings {
	if !badText(s.Name, false) {
		s.Name = cleanLine(s.Name)
	}
	s.Description = cleanBody(s.Description)
	return s
}

// unchosen is what holds in a new group where nothing else was said.
var unchosen = GroupSettings{WhoAdds: WhoMembers, WhoWrites: WhoMembers, History: HistoryAll}

// or takes the choices that were left out from elsewhere.
func (s GroupSettings) or(other GroupSettings) GroupSettings {
	s.WhoAdds = cmp.Or(s.WhoAdds, other.WhoAdds)
	s.WhoWrites = cmp.Or(s.WhoWrites, other.WhoWrites)
	s.History = cmp.Or(s.History, other.History)
	return s
}

func (s GroupSettings) check() error {
	var wrong fieldErrors
	switch {
	case badText(s.Name, false):
		wrong.add("name", CodeBadText, nil)
	case blank(s.Name):
		wrong.add("name", CodeRequired, nil)
	case utf8.RuneCountInString(s.Name) > MaxGroupName:
		wrong.add("name", CodeTooLong, Args{"Max": MaxGroupName, "Count": MaxGroupName})
	}
	switch {
	case badText(s.Description, true):
		wrong.add("about", CodeBadText, nil)
	case utf8.RuneCountInString(s.Description) > MaxGroupDescription:
		wrong.add("about", CodeTooLong, Args{"Max": MaxGroupDescription, "Count": MaxGroupDescription})
	}
	for field, who := range map[string]Who{"who_adds": s.WhoAdds, "who_writes": s.WhoWrites} {
		if who != WhoMembers && who != WhoAdministrators {
			wrong.add(field, CodeChoice, nil)
		}
	}
	if s.History != HistoryAll && s.History != HistoryJoined {
		wrong.add("history", CodeChoice, nil)
	}
	return wrong.err()
}

// LockedGroup is a group whose row, and whose rows of the people at hand, are held until the end of the transaction: what
// it says cannot change before what follows from it is stored.
type LockedGroup struct {
	Conversation
	GroupSettings
	MemberCount int
	// Members are the present members among the people at hand.
	Members map[ID]MemberRole
	// Removed are those among them who were removed and have not been added since.
	Removed map[ID]bool
}

// changeGroup lets decide look at a locked group and change it, as the viewer, in one transaction. people are those whose
// membership may change. What decide returns is announced.
//
// Errors: not_found where the viewer is not in that group now, and what decide refuses.
func (c *Chat) changeGroup(
	ctx context.Context, viewer Viewer, group ID, people []ID, decide func(tx Store, g LockedGroup) ([]ID, error),
) error {
	if err := c.allow(ctx, limited{LimitGroup, viewer.ID.String()}); err != nil {
		return err
	}
	var told []PersonChanged
	var head int64
	err := c.inGroupTx(ctx, func(tx Store) error {
		g, err := tx.LockGroup(ctx, group, append([]ID{viewer.ID}, people...))
		if err != nil {
			return err
		}
		if _, in := g.Members[viewer.ID]; !in {
			return NotFound()
		}
		affected, err := decide(tx, g)
		if err != nil {
			return err
		}
		if len(affected) > 0 {
			if told, err = tx.RaiseViewSeq(ctx, affected...); err != nil {
				return err
			}
		}
		heads, err := tx.Heads(ctx, []ID{group})
		head = heads[group]
		return err
	})
	if err != nil {
		return err
	}
	c.publish(ctx, ConversationChanged{ConversationID: group, ChangeSeq: head})
	c.tellAll(ctx, told)
	return nil
}

func (c *Chat) tellAll(ctx context.Context, told []PersonChanged) {
	events := make([]Event, 0, len(told))
	for _, event := range told {
		events = append(events, event)
	}
	c.publish(ctx, events...)
}

func forbidden(code Code) error { return &Error{Kind: KindForbidden, Code: code} }

// AddMembers takes people into a group, those who were in it before too; who is in it already stays as they are.
//
// Errors: invalid (people), not_found also for somebody who is not there, from whom a block parts the viewer, or who does not let
// the viewer do it, forbidden (not_yours_to_do), conflict (too_many_members).
func (c *Chat) AddMembers(ctx context.Context, viewer Viewer, group ID, people []ID) error {
	people = others(people, viewer.ID)
	switch {
	case len(people) == 0:
		return invalid("people", CodeRequired, nil)
	case len(people) > maxAddedAtOnce:
		return invalid("people", CodeTooManyMembers, Args{"Max": maxAddedAtOnce, "Count": maxAddedAtOnce})
	}
	return c.changeGroup(ctx, viewer, group, people, func(tx Store, g LockedGroup) ([]ID, error) {
		if !g.WhoAdds.includes(g.Members[viewer.ID]) {
			return nil, forbidden(CodeNotYoursToDo)
		}
		added, err := c.takeIn(ctx, tx, g, viewer.ID, people)
		if err != nil || len(added) == 0 {
			return nil, err
		}
		return added, tx.InsertEvent(ctx, g.ID, viewer.ID, added, GroupEvent{Code: EventAdded, Members: g.MemberCount + len(added)})
	})
}

// takeIn makes members of those of the people who are none, and returns them; by is who does it.
func (c *Chat) takeIn(ctx context.Context, tx Store, g LockedGroup, by ID, people []ID) ([]ID, error) {
	added := make([]ID, 0, len(people))
	for _, id := range people {
		if _, in := g.Members[id]; !in {
			added = append(added, id)
		}
	}
	if len(added) == 0 {
		return nil, nil
	}
	if g.MemberCount+len(added) > MaxGroupMembers {
		return nil, &Error{Kind: KindConflict, Code: CodeTooManyMembers, Args: Args{"Max": MaxGroupMembers, "Count": MaxGroupMembers}}
	}
	if err := tx.LockPeople(ctx, append(added, by)...); err != nil {
		return nil, err
	}
	return added, tx.UpsertMembers(ctx, g.ID, by, added)
}

// RemoveMember ends somebody's membership. What that person saw until now stays to be seen, and nothing new; the way back is
// to be added again, and no link.
// Errors: not_found, forbidden (not_yours_to_do).
func (c *Chat) RemoveMember(ctx context.Context, viewer Viewer, group, person ID) error {
	if person == viewer.ID {
		return c.LeaveGroup(ctx, viewer, group)
	}
	return c.changeGroup(ctx, viewer, group, []ID{person}, func(tx Store, g LockedGroup) ([]ID, error) {
		role, in := g.Members[person]
		switch {
		case !in:
			return nil, NotFound()
		case !g.Members[viewer.ID].Outranks(role):
			return nil, forbidden(CodeNotYoursToDo)
		}
		return []ID{person}, c.dismiss(ctx, tx, g, person, viewer.ID, EventRemoved)
	})
}

// dismiss ends a membership; the event that says so is the last thing the person sees.
func (c *Chat) dismiss(ctx context.Context, tx Store, g LockedGroup, person, by ID, code EventCode) error {
	event := GroupEvent{Code: code, Members: g.MemberCount - 1}
	if err := tx.InsertEvent(ctx, g.ID, by, []ID{person}, event); err != nil {
		return err
	}
	return tx.EndMembership(ctx, g.ID, person, code == EventRemoved)
}

// LeaveGroup ends the viewer's own membership. The last owner hands over first, unless nobody else is there.
// Errors: not_found, conflict (last_owner).
func (c *Chat) LeaveGroup(ctx context.Context, viewer Viewer, group ID) error {
	return c.changeGroup(ctx, viewer, group, nil, func(tx Store, g LockedGroup) ([]ID, error) {
		if g.MemberCount > 1 {
			if err := c.keepsOwner(ctx, tx, g, viewer.ID); err != nil {
				return nil, err
			}
		}
		return []ID{viewer.ID}, c.dismiss(ctx, tx, g, viewer.ID, viewer.ID, EventLeft)
	})
}

// keepsOwner refuses to let the last owner go whose account can be used: the others could not look after the group.
func (c *Chat) keepsOwner(ctx context.Context, tx Store, g LockedGroup, going ID) error {
	if g.Members[going] != MemberOwner {
		return nil
	}
	others, err := tx.CountOwners(ctx, g.ID, going)
	if err == nil && others == 0 {
		return Conflict(CodeLastOwner, nil)
	}
	return err
}

// SetMemberRole says what somebody is in a group. Only owners do; an owner may also give up the own role, unless nobody
// else has it. Errors: invalid (role), not_found, forbidden (not_yours_to_do), conflict (last_owner).
func (c *Chat) SetMemberRole(ctx context.Context, viewer Viewer, group, person ID, role MemberRole) error {
	switch role {
	case MemberPlain, MemberAdministrator, MemberOwner:
	default:
		return invalid("role", CodeChoice, nil)
	}
	return c.changeGroup(ctx, viewer, group, []ID{person}, func(tx Store, g LockedGroup) ([]ID, error) {
		present, in := g.Members[person]
		switch {
		case !in:
			return nil, NotFound()
		case g.Members[viewer.ID] != MemberOwner:
			return nil, forbidden(CodeNotYoursToDo)
		case present == role:
			return nil, nil
		}
		if err := c.keepsOwner(ctx, tx, g, person); err != nil {
			return nil, err
		}
		if err := tx.UpdateMemberRole(ctx, group, person, role); err != nil {
			return nil, err
		}
		event := GroupEvent{Code: EventRole, Role: role, Members: g.MemberCount}
		return []ID{person}, tx.InsertEvent(ctx, group, viewer.ID, []ID{person}, event)
	})
}

// UpdateGroup changes what a group says of itself and lets people do; a choice that is left out stays as it is. Errors:
// invalid, not_found, forbidden (not_yours_to_do), too_many.
func (c *Chat) UpdateGroup(ctx context.Context, viewer Viewer, group ID, settings GroupSettings) error {
	settings = settings.clean()
	if err := settings.or(unchosen).check(); err != nil {
		return err
	}
	return c.changeGroup(ctx, viewer, group, nil, func(tx Store, g LockedGroup) ([]ID, error) {
		settings := settings.or(g.GroupSettings)
		if !g.Members[viewer.ID].MayManage() {
			return nil, forbidden(CodeNotYoursToDo)
		}
		if settings == g.GroupSettings {
			return nil, nil
		}
		if err := tx.UpdateGroup(ctx, group, settings); err != nil {
			return nil, err
		}
		for _, event := range settings.changesFrom(g.GroupSettings) {
			event.Members = g.MemberCount
			if err := tx.InsertEvent(ctx, group, viewer.ID, nil, event); err != nil {
				return nil, err
			}
		}
		return nil, nil
	})
}

func (s GroupSettings) changesFrom(before GroupSettings) []GroupEvent {
	var events []GroupEvent
	if s.Name != before.Name {
		events = append(events, GroupEvent{Code: EventRenamed, Text: s.Name})
	}
	if s.Description != before.Description {
		events = append(events, GroupEvent{Code: EventDescribed, Text: s.Description})
	}
	if s.WhoAdds != before.WhoAdds || s.WhoWrites != before.WhoWrites || s.History != before.History {
		events = append(events, GroupEvent{Code: EventRules})
	}
	return events
}

// Details is a conversation as somebody sees it who is in it or was: what it says of itself, and what the person makes of
// it. For a former member it is as it was.
type Details struct {
	ID          ID
	Kind        ConversationKind
	Group       GroupSettings // of a group
	MemberCount int           // of a group
	CreatedAt   time.Time
	Other       Card // in a direct conversation; oneself in a note to oneself
	Member      Member
	Pinned      bool
	Archived    bool
	QuietUntil  *time.Time // nil: it makes noise
	Notify      Notify
	Cursor      Cursor
}

// Cursor is where a conversation stood when a page was drawn, for following it from there on; see ConversationPage.
type Cursor struct {
	Epoch              string
	ChangeSeq, ViewSeq int64
	At                 time.Time
}

// MayAdd says whether the person may take others into the group.
func (d Details) MayAdd() bool {
	return d.Kind == KindGroup && d.Member.Present() && d.Group.WhoAdds.includes(d.Member.Role)
}

// MayWrite says whether the person may write in the conversation.
func (m Member) MayWrite(kind ConversationKind, who Who) bool {
	return m.Present() && !m.Closed && !m.Muted && m.Request == "" && (kind != KindGroup || who.includes(m.Role))
}

// GroupMember is a line of the list of members.
type GroupMember struct {
	Card
	Role     MemberRole
	JoinedAt time.Time
}

// MembersPage is a page of the list of members: those who look after the group first, then by name.
type MembersPage struct {
	Members []GroupMember
	Next    string // the cursor of the next page; empty at the end
}

const membersPerPage = 50

// Details shows what there is to know about a conversation. Errors: not_found.
func (c *Chat) Details(ctx context.Context, viewer Viewer, conversation ID) (Details, error) {
	return c.store.Details(ctx, viewer.ID, conversation)
}

// MemberOf returns one present member, for whom the viewer is in the group too. Errors: not_found.
func (c *Chat) MemberOf(ctx context.Context, viewer Viewer, group, person ID) (GroupMember, error) {
	return c.store.GroupMember(ctx, viewer.ID, group, person)
}

// Members lists a group's present members whose name or username contains q; after is the Next of the page before. Only
// who is in the group now may ask. The first of all members stand beside an open conversation and count as no search.
// Errors: not_found, too_many.
func (c *Chat) Members(ctx context.Context, viewer Viewer, group ID, q, after string) (MembersPage, error) {
	if q = cleanQuery(q); q != "" || after != "" {
		if err := c.allow(ctx, limited{LimitSearch, viewer.ID.String()}); err != nil {
			return MembersPage{}, err
		}
	}
	return c.store.Members(ctx, viewer.ID, group, q, after, membersPerPage)
}
