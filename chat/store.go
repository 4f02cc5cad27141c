package chat

import (
	"context"
	"time"
)

// Store is what the domain needs of a database. Refusals come back as [Error]; anything else is internal.
type Store interface {
	// InTx runs f in one transaction; an error from f rolls it back and comes out. Inside, f uses tx alone.
	InTx(ctx context.Context, f func(tx Store) error) error

	// Epoch is the stored epoch together with PostgreSQL's system identifier and timeline.
	Epoch(ctx context.Context) (string, error)
	// AnybodyThere says whether there is an account.
	AnybodyThere(ctx context.Context) (bool, error)
	// EnsureSetupCode stores code unless there is one, and returns what is stored; empty once there is an account.
	EnsureSetupCode(ctx context.Context, code string) (string, error)
	// LockInstallation makes registrations take turns until the end of the transaction; first while nobody is there.
	LockInstallation(ctx context.Context) (first bool, setupCode string, err error)
	// Registration is who may make an account, as administrators chose.
	Registration(ctx context.Context) (Registration, error)
	UpdateRegistration(ctx context.Context, rule Registration) error

	// InsertPerson. Errors: conflict (username_taken).
	InsertPerson(ctx context.Context, person Person) error
	FirstFreeUsername(ctx context.Context, candidates []string) (string, error)
	// PersonByLogin finds by username or confirmed e-mail address. Errors: not_found.
	PersonByLogin(ctx context.Context, login string) (Person, error)
	// Cards are those of active people whom the viewer may take into a group.
	Cards(ctx context.Context, viewer ID, people []ID) ([]Card, error)
	// PersonByID. Errors: not_found.
	PersonByID(ctx context.Context, id ID) (Person, error)
	// ProfileByUsername is of an active person who has not blocked the viewer. Errors: not_found.
	ProfileByUsername(ctx context.Context, viewer ID, username string) (Profile, error)
	// SearchPeople finds those who let the viewer find them; where toAdd, only those whom the viewer may take into a group.
	SearchPeople(ctx context.Context, viewer ID, folded, after string, toAdd bool, limit int) (PeoplePage, error)
	// Preferences. Errors: not_found.
	Preferences(ctx context.Context, person ID) (Preferences, error)
	// UpdatePreferences also says whether receipts were hidden before. Errors: not_found.
	UpdatePreferences(ctx context.Context, person ID, p Preferences) (viewSeq int64, hid bool, err error)
	// UpdatePassword replaces a password; before, where it is given, is the hash that must still hold. Errors: not_found.
	UpdatePassword(ctx context.Context, person ID, hash, before string) error
	// UpdateDisplayName also raises the versions of the view and of the card. Errors: not_found.
	UpdateDisplayName(ctx context.Context, person ID, name string) (viewSeq, cardSeq int64, err error)
	CardsIn(ctx context.Context, conversations, people []ID, since time.Time) ([]MemberCard, error)
	ChangedCards(ctx context.Context, since time.Time) (map[ID]int64, error)
	// ConversationsShowing returns the conversations whose list rows show the person's name.
	ConversationsShowing(ctx context.Context, person ID) ([]ID, error)
	// UpdateRole also asks for new tokens of the person's sessions.
	UpdateRole(ctx context.Context, person ID, role Role) (viewSeq int64, err error)
	UpdateState(ctx context.Context, person ID, state State) (viewSeq int64, err error)
	RaiseViewSeq(ctx context.Context, people ...ID) ([]PersonChanged, error)
	ViewSeqs(ctx context.Context, people []ID) (map[ID]int64, error)

	// LockPeople holds the rows of people, in the order of their ids, until the end of the transaction. Who blocks somebody
	// holds both; so does whoever is about to reach somebody, and finds then what stands between them.
	LockPeople(ctx context.Context, people ...ID) error
	// InsertBlock says whether there was none. Errors: not_found for somebody who is not there.
	InsertBlock(ctx context.Context, blocker, blocked ID) (made bool, err error)
	// DeleteBlock says whether there was one.
	DeleteBlock(ctx context.Context, blocker, blocked ID) (ended bool, err error)
	// UpdateClosed notes in both rows of the direct conversation of two people, if there is one, whether new messages are
	// possible there.
	UpdateClosed(ctx context.Context, a, b ID) error
	Relations(ctx context.Context, viewer ID, people []ID) (map[ID]Relation, error)
	// PersonToBlock. Errors: not_found.
	PersonToBlock(ctx context.Context, viewer, person ID) (Profile, error)
	Blocked(ctx context.Context, viewer ID, after string, limit int) (BlockedPage, error)

	// Reach. Errors: not_found.
	Reach(ctx context.Context, person ID) (Reach, error)
	UpdateReach(ctx context.Context, person ID, reach Reach) error
	// DecideRequests decides anew, by whom the person lets write first now, which conversations wait for the person's answer:
	// of those that others have begun, and nobody has written in, nor the person opened. It must run in a transaction that has
	// locked the person.
	DecideRequests(ctx context.Context, person ID) error
	Requests(ctx context.Context, person ID, limit int) ([]ListRow, error)
	// UpdateRequest answers one that waits. Errors: not_found.
	UpdateRequest(ctx context.Context, person, conversation ID, answer RequestState) error

	// InsertLetter keeps a letter to be sent, from the commit on.
	InsertLetter(ctx context.Context, letter Letter) error
	// UpdateEmailWanted replaces the address that waits to be confirmed (by none, where it is empty) and voids its link;
	// password, where it is given, is the hash that must still hold. Errors: not_found.
	UpdateEmailWanted(ctx context.Context, person ID, email, password string) error
	// DeleteEmail forgets both addresses, voids the link, and returns the confirmed one; password is the hash that must
	// still hold. Errors: not_found.
	DeleteEmail(ctx context.Context, person ID, password string) (before string, err error)
	// ReplaceEmailConfirmation makes the one link that confirms an address, as long as that is wanted and the password's
	// hash is still this one. Errors: not_found.
	ReplaceEmailConfirmation(ctx context.Context, person ID, email, password string, hash []byte, life time.Duration) error
	// PersonByEmailConfirmation returns whose link it is, as long as it works. Errors: not_found (email_link).
	PersonByEmailConfirmation(ctx context.Context, hash []byte) (Person, error)
	// UseEmailConfirmation takes the link and makes the wanted address the person's. It returns the person as it is now,
	// and the confirmed address before. Errors: not_found (email_link), conflict (email_taken).
	UseEmailConfirmation(ctx context.Context, hash []byte) (person Person, before string, err error)

	InsertPasswordReset(ctx context.Context, person ID, hash []byte, life time.Duration) error
	// InsertPasswordResetByMail is for an active person whose confirmed address is still that one. Errors: not_found.
	InsertPasswordResetByMail(ctx context.Context, person ID, email string, hash []byte, life time.Duration) error
	// VoidLinks voids every link of the person: those for another password, and the one that confirms an address.
	VoidLinks(ctx context.Context, person ID) error
	// PersonByPasswordReset returns who may use the link. Errors: not_found (reset_link).
	PersonByPasswordReset(ctx context.Context, hash []byte) (Person, error)
	// UsePasswordReset takes the link and every other one of the same person. Errors: not_found (reset_link).
	UsePasswordReset(ctx context.Context, hash []byte) (ID, error)

	// InsertSession makes a session of an active person who still has that password. Errors: not_found.
	InsertSession(ctx context.Context, session Session, passwordHash string, life time.Duration) error
	// ViewerBySession also returns how long the session was not used. Errors: not_found.
	ViewerBySession(ctx context.Context, id ID, idle time.Duration) (Viewer, time.Duration, error)
	// ViewerByToken is ViewerBySession as long as there is the token whose hash that is. Errors: not_found.
	ViewerByToken(ctx context.Context, id ID, tokenHash string, idle time.Duration) (Viewer, time.Duration, error)
	// TouchSession notes a use, from an address unless that is empty.
	TouchSession(ctx context.Context, id ID, address string, notWithin time.Duration) error
	ClearRenew(ctx context.Context, id ID) error
	RevokeSession(ctx context.Context, id ID) error
	// RevokeSessionOf ends a session of the person's. Errors: not_found where none of that id stands.
	RevokeSessionOf(ctx context.Context, person, id ID, idle time.Duration) error
	// RevokeSessionsOf ends all sessions of a person but one (the zero ID: all), and returns those that stood.
	RevokeSessionsOf(ctx context.Context, person, but ID) ([]ID, error)
	// RenewSession asks for a new token at the session's next request.
	RenewSession(ctx context.Context, id ID) error
	SessionsOf(ctx context.Context, person ID, idle time.Duration) ([]Session, error)
	SessionsAlive(ctx context.Context, ids []ID, idle time.Duration) ([]ID, error)
	DeleteEndedSessions(ctx context.Context, idle time.Duration) (int64, error)

	// LockAdministrators locks the rows of these people and of all active administrators, and returns them as they are then.
	LockAdministrators(ctx context.Context, people ...ID) (map[ID]Person, error)
	Accounts(ctx context.Context, filter AccountFilter, after string, limit int, idle time.Duration) (AccountPage, error)
	Account(ctx context.Context, person ID, idle time.Duration) (Account, error)

	// InsertInvitation makes one that lives so long; 0 is for ever.
	InsertInvitation(ctx context.Context, invitation Invitation, hash []byte, life time.Duration) (made time.Time, ends *time.Time, err error)
	Invitations(ctx context.Context, after string, limit int) (InvitationPage, error)
	Invitation(ctx context.Context, id ID) (Invitation, error)
	// UsableInvitation. Errors: not_found (invitation_link).
	UsableInvitation(ctx context.Context, hash []byte) (Invitation, error)
	// UseInvitation takes one use. Errors: not_found (invitation_link).
	UseInvitation(ctx context.Context, hash []byte) (ID, error)
	// UpdateInvitation notes by which invitation a person came.
	UpdateInvitation(ctx context.Context, person, invitation ID) error
	// RevokeInvitation returns how often it was used; revoked is false where it was revoked before. Errors: not_found.
	RevokeInvitation(ctx context.Context, id ID) (uses int, revoked bool, err error)
	RevokeInvitationsOf(ctx context.Context, person ID) (int64, error)

	// AppendAudit adds an entry to the end of the log, which is locked until the transaction ends.
	AppendAudit(ctx context.Context, entry AuditEntry) error
	Audit(ctx context.Context, target ID, before int64, limit int) (AuditPage, error)
	// AuditAfter returns the entries behind a seq in order, and the end of the log as the same statement sees it.
	AuditAfter(ctx context.Context, seq int64, limit int) (entries []AuditEntry, head AuditEntry, err error)

	// EnsureDirect returns the direct conversation of two active people, made under id if there was none, and to whom of
	// them it is new: both where it was made, the one who starts it where it was not in that person's list yet.
	// The two are locked. Errors: not_found, also where a block parts the two and there was none.
	EnsureDirect(ctx context.Context, id, starter, other ID) (conversation ID, news []ID, err error)
	ConversationPage(ctx context.Context, viewer, id ID, place Place, limit int) (ConversationPage, error)
	Member(ctx context.Context, person, conversation ID) (Member, error)
	List(ctx context.Context, person ID, archived bool, before *ListRow, limit int) (ListPage, error)
	Lists(ctx context.Context, people []ID, limit int) (map[ID]ListPage, error)
	RowsOf(ctx context.Context, conversations, present, others []ID) ([]ListRow, error)
	ListTotals(ctx context.Context, people []ID) (map[ID]ListTotals, error)
	Heads(ctx context.Context, conversations []ID) (map[ID]int64, error)
	Active(ctx context.Context, since time.Time) (map[ID]int64, time.Time, error)

	// InsertGroup makes a group whose first message says so. The people are locked. Errors: not_found for somebody who is not
	// active, or is parted by a block from the owner.
	InsertGroup(ctx context.Context, id, owner ID, settings GroupSettings, people []ID) error
	// LockGroup holds the members' rows of these people, in the order of their ids, and then the group's row, until the
	// end of the transaction. Errors: not_found.
	LockGroup(ctx context.Context, group ID, people []ID) (LockedGroup, error)
	// UpsertMembers makes members of people who are none, on behalf of somebody from whom no block parts them. The group and
	// the people are locked. Errors: not_found.
	UpsertMembers(ctx context.Context, group, by ID, people []ID) error
	// EndMembership lets somebody see what there is up to now; who was removed comes back only by being added. The group
	// is locked.
	EndMembership(ctx context.Context, group, person ID, removed bool) error
	// CountOwners counts the active owners but for one person.
	CountOwners(ctx context.Context, group, but ID) (int, error)
	UpdateMemberRole(ctx context.Context, group, person ID, role MemberRole) error
	UpdateGroup(ctx context.Context, group ID, settings GroupSettings) error
	// InsertEvent appends a system message and stores how many members there are since. The group is locked.
	InsertEvent(ctx context.Context, group, author ID, subjects []ID, event GroupEvent) error
	Details(ctx context.Context, viewer, conversation ID) (Details, error)
	GroupMember(ctx context.Context, viewer, group, person ID) (GroupMember, error)
	Members(ctx context.Context, viewer, group ID, folded, after string, limit int) (MembersPage, error)

	// InsertGroupLink. Errors: conflict (too_many_links).
	InsertGroupLink(ctx context.Context, id, group, by ID, hash []byte, life time.Duration, uses, most int) error
	GroupLinks(ctx context.Context, group ID) ([]GroupLink, error)
	RevokeGroupLink(ctx context.Context, group, link ID) error
	// GroupByLink and UseGroupLink. Errors: not_found (group_link), also where a block parts the viewer from who made the
	// link, and for GroupByLink where the viewer was removed.
	GroupByLink(ctx context.Context, viewer ID, hash []byte) (GroupInvitation, error)
	UseGroupLink(ctx context.Context, viewer ID, hash []byte) error

	// Sights leaves out pairs of which one may see nothing of the other. It returns what is stored of those seen, too.
	Sights(ctx context.Context, pairs []Pair) (map[Pair]Sight, map[ID]PresenceFacts, error)
	PresenceFacts(ctx context.Context, people []ID) (map[ID]PresenceFacts, error)
	// UpdateLastSeen notes when people were last there, each so long ago; at most once a minute.
	UpdateLastSeen(ctx context.Context, ago map[ID]time.Duration) error
	PresenceChoices(ctx context.Context, person ID) (PresenceChoices, error)
	UpdatePresenceChoices(ctx context.Context, person ID, choices PresenceChoices) (viewSeq int64, before PresenceChoices, err error)
	UpdateStatus(ctx context.Context, person ID, status Status) (viewSeq int64, err error)
	// Writing. Errors: not_found.
	Writing(ctx context.Context, person, conversation ID) (Writing, error)

	// QuietEnded returns, by person, where quiet has ended after one moment and up to another.
	QuietEnded(ctx context.Context, after, until time.Time) (map[ID][]ID, error)
	// UpdateChoices. Errors: not_found.
	UpdateChoices(ctx context.Context, person, conversation ID, choices NewChoices) (move int64, err error)

	// InsertMessage. Errors: not_found, forbidden (closed), conflict (client_id_reused).
	InsertMessage(ctx context.Context, message NewMessage) (Message, error)
	MessageByClientID(ctx context.Context, author, clientID ID) (Message, []byte, error)
	ChangesSince(ctx context.Context, conversation ID, after int64, limit int) (Changes, error)
	ChangesFor(ctx context.Context, person, conversation ID, after int64, limit int) (Member, Changes, error)
	// UpsertDraft keeps a draft; an empty one takes it away. Errors: not_found.
	UpsertDraft(ctx context.Context, person, conversation ID, body string) error
	// UpdatePositions returns those whose unread number may have changed, and the conversations in which what others may
	// see has moved, each once.
	UpdatePositions(ctx context.Context, positions []Position) (moved []Move, shown []ID, err error)
	// UpdateUnreadFrom moves it back, never forward, and counts the mark; it returns the move's number. Errors: not_found.
	UpdateUnreadFrom(ctx context.Context, person, conversation ID, from int64) (move int64, err error)
	Moved(ctx context.Context, since time.Time) ([]Move, error)

	// ReceiptSources leaves out who is not in the conversation, and who shows no receipts. It returns the moment, too.
	ReceiptSources(ctx context.Context, authors []Authorship) ([]ReceiptSource, time.Time, error)
	ReceiptMarks(ctx context.Context, conversations []ID) (map[ID]ReceiptMark, error)
	MembershipsAmong(ctx context.Context, person ID, conversations []ID) ([]ID, error)
	Receivers(ctx context.Context, viewer, conversation, message ID, after string, limit int) (ReceiversPage, error)
}
