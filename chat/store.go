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

	// InsertPerson. Errors: conflict (username_taken).
	InsertPerson(ctx context.Context, person Person) error
	FirstFreeUsername(ctx context.Context, candidates []string) (string, error)
	// PersonByLogin finds by username or confirmed e-mail address. Errors: not_found.
	PersonByLogin(ctx context.Context, login string) (Person, error)
	CardByUsername(ctx context.Context, username string) (Card, error)
	SearchPeople(ctx context.Context, folded, after string, limit int) (PeoplePage, error)
	// Preferences. Errors: not_found.
	Preferences(ctx context.Context, person ID) (Preferences, error)
	UpdatePreferences(ctx context.Context, person ID, p Preferences) (viewSeq int64, err error)
	// UpdatePassword replaces a password; before, where it is given, is the hash that must still hold. Errors: not_found.
	UpdatePassword(ctx context.Context, person ID, hash, before string) error
	// UpdateDisplayName also raises the versions of the view and of the card. Errors: not_found.
	UpdateDisplayName(ctx context.Context, person ID, name string) (viewSeq, cardSeq int64, err error)
	CardsIn(ctx context.Context, conversations, people []ID, since time.Time) ([]MemberCard, error)
	ChangedCards(ctx context.Context, since time.Time) (map[ID]int64, error)
	// ConversationsShowing returns the conversations whose list rows show the person's name.
	ConversationsShowing(ctx context.Context, person ID) ([]ID, error)
	UpdateRole(ctx context.Context, username string, role Role) (person ID, viewSeq int64, err error)
	RaiseViewSeq(ctx context.Context, people ...ID) ([]PersonChanged, error)
	ViewSeqs(ctx context.Context, people []ID) (map[ID]int64, error)

	InsertPasswordReset(ctx context.Context, person ID, hash []byte, life time.Duration) error
	// PersonByPasswordReset returns who may use the link. Errors: not_found (reset_link).
	PersonByPasswordReset(ctx context.Context, hash []byte) (Person, error)
	// UsePasswordReset takes the link and every other one of the same person. Errors: not_found (reset_link).
	UsePasswordReset(ctx context.Context, hash []byte) (ID, error)

	// InsertSession makes a session of an active person who still has that password. Errors: not_found.
	InsertSession(ctx context.Context, session Session, passwordHash string, life time.Duration) error
	// ViewerBySession also returns how long the session was not used. Errors: not_found.
	ViewerBySession(ctx context.Context, id ID, idle time.Duration) (Viewer, time.Duration, error)
	TouchSession(ctx context.Context, id ID, notWithin time.Duration) error
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

	// EnsureDirect returns the direct conversation of two active people, made under id if there was none, and to whom of
	// them it is new: both where it was made, the one who starts it where it was not in that person's list yet.
	// Errors: not_found.
	EnsureDirect(ctx context.Context, id, starter, other ID) (conversation ID, news []ID, err error)
	ConversationPage(ctx context.Context, viewer, id ID, place Place, limit int) (ConversationPage, error)
	Member(ctx context.Context, person, conversation ID) (Member, error)
	List(ctx context.Context, person ID, before *ListRow, limit int) (ListPage, error)
	Lists(ctx context.Context, people []ID, limit int) (map[ID]ListPage, error)
	RowsOf(ctx context.Context, conversations []ID) ([]ListRow, error)
	UnreadTotals(ctx context.Context, people []ID) (map[ID]int, error)
	Heads(ctx context.Context, conversations []ID) (map[ID]int64, error)
	Active(ctx context.Context, since time.Time) (map[ID]int64, time.Time, error)

	// InsertMessage. Errors: not_found, forbidden (closed), conflict (client_id_reused).
	InsertMessage(ctx context.Context, message NewMessage) (Message, error)
	MessageByClientID(ctx context.Context, author, clientID ID) (Message, []byte, error)
	ChangesSince(ctx context.Context, conversation ID, after int64, limit int) (Changes, error)
	// UpsertDraft keeps a draft; an empty one takes it away. Errors: not_found.
	UpsertDraft(ctx context.Context, person, conversation ID, body string) error
	// UpdatePositions returns those whose unread number may have changed.
	UpdatePositions(ctx context.Context, positions []Position) ([]Position, error)
}
