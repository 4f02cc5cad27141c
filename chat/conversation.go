package chat

import (
	"context"
	"slices"
	"time"
)

// ConversationKind tells direct conversations from groups.
type ConversationKind string

// The kinds. Two people have exactly one direct conversation; a note to oneself is one with oneself.
const (
	KindDirect ConversationKind = "direct"
	KindGroup  ConversationKind = "group"
)

// Conversation is what all its members share.
type Conversation struct {
	ID        ID
	Kind      ConversationKind
	Name      string // of a group
	MsgSeq    int64  // how many messages were created: the order
	ChangeSeq int64  // how many changes there were: the cursor
}

// Member is one person's place in a conversation.
type Member struct {
	ConversationID ID
	PersonID       ID
	Role           MemberRole
	FromSeq        int64  // sees the messages after this one
	UntilChange    *int64 // sees no change after this one, once set
	Past           []Stay // earlier stays, oldest first
	UnreadFrom     int64  // private: messages after this one are unread
	DeliveredSeq   int64
	ReadSeq        int64
	UnreadMarks    int64  // how often the member has marked it unread
	Closed         bool   // new messages are not possible here
	Muted          bool   // by those who look after the place: may not write for a while
	Draft          string // private: begun and not sent
	// Of those who are or were in the conversation: whom the member has blocked, and who has blocked the member.
	Blocks, BlockedBy []ID
	Request           RequestState // somebody whom the member does not let write first began the conversation
}

// Stay is a span of membership that is over: messages after FromSeq, changes up to UntilChange.
type Stay struct {
	FromSeq     int64
	UntilChange int64
}

// Sees says whether the member may see the message in its present form.
func (m Member) Sees(message Message) bool {
	if message.Seq > m.FromSeq && (m.UntilChange == nil || message.ChangeSeq <= *m.UntilChange) {
		return true
	}
	for _, stay := range m.Past {
		if message.Seq > stay.FromSeq && message.ChangeSeq <= stay.UntilChange {
			return true
		}
	}
	return false
}

// Present says whether the member is in the conversation now.
func (m Member) Present() bool { return m.UntilChange == nil }

// SeesLike says whether two members may see the same.
func (m Member) SeesLike(other Member) bool {
	if m.Present() != other.Present() || !m.Present() && *m.UntilChange != *other.UntilChange {
		return false
	}
	return m.FromSeq == other.FromSeq && slices.Equal(m.Past, other.Past)
}

// MessagesPerPage is how many messages a page holds.
const MessagesPerPage = 50

// Place is where in a conversation a page begins. The zero value is its end.
type Place struct {
	Before int64 // the newest messages before this seq
	After  int64 // the oldest messages after this seq
	Around ID    // this message in the middle
}

// ConversationPage is a conversation as one person sees it at one moment: counters and messages come from one
// statement, so a cursor taken from it misses nothing.
type ConversationPage struct {
	Conversation
	Epoch    string
	ViewSeq  int64
	At       time.Time // the database's clock: cards are as they were then
	Other    Card      // in a direct conversation; oneself in a note to oneself
	Member   Member
	Group    GroupSettings // of a group
	Members  int           // how many are in a group now
	Messages []Message     // in order of seq
	HasOlder bool
	HasNewer bool
	Unread   int // 0 to MaxUnread+1
	Around   ID  // the message the page was asked around, if any
	// Receipts of the viewer's own messages that have reached somebody, by seq.
	Receipts map[int64]Receipt
}

// StartDirect returns the one conversation of the viewer and another active person, made if need be. Both are told of
// a new one, and whoever starts one that the other has made and nobody has written in. With somebody from whom a block parts
// the viewer none is made, as if there were no such person. Errors: not_found, too_many.
func (c *Chat) StartDirect(ctx context.Context, viewer Viewer, other ID) (ID, error) {
	if err := c.allow(ctx, limited{LimitStart, viewer.ID.String()}); err != nil {
		return ID{}, err
	}
	var id ID
	var told []PersonChanged
	err := c.store.InTx(ctx, func(tx Store) error {
		var news []ID
		var err error
		if err = tx.LockPeople(ctx, viewer.ID, other); err != nil {
			return err
		}
		if id, news, err = tx.EnsureDirect(ctx, NewID(), viewer.ID, other); err != nil || len(news) == 0 {
			return err
		}
		told, err = tx.RaiseViewSeq(ctx, news...)
		return err
	})
	if err != nil {
		return ID{}, err
	}
	c.tellAll(ctx, told)
	return id, nil
}

// OpenConversation returns a page of a conversation. Errors: not_found for what is not there, for what is not the
// viewer's, and for a message to go around that is not in it.
func (c *Chat) OpenConversation(ctx context.Context, viewer Viewer, id ID, place Place) (ConversationPage, error) {
	page, err := c.store.ConversationPage(ctx, viewer.ID, id, place, MessagesPerPage)
	for i, message := range page.Messages {
		if page.Kind == KindGroup && concealable(message) && slices.Contains(page.Member.Blocks, message.Author.ID) {
			page.Messages[i] = message.Conceal()
		}
	}
	return page, err
}

// Membership returns the viewer's place in a conversation, for a feed that joins. Errors: not_found.
func (c *Chat) Membership(ctx context.Context, viewer Viewer, id ID) (Member, error) {
	return c.store.Member(ctx, viewer.ID, id)
}

// Epoch names the history that counters belong to. After a restore it is another one, and every cursor is void.
func (c *Chat) Epoch(ctx context.Context) (string, error) { return c.store.Epoch(ctx) }

// ListRow is a conversation as it stands in one person's list.
type ListRow struct {
	ConversationID ID
	PersonID       ID // whose list
	Kind           ConversationKind
	Name           string // of a group
	Other          Card   // in a direct conversation
	ActivityAt     time.Time
	ChangeSeq      int64
	Last           *LastMessage // nil while there is none
	Unread         int          // 0 to MaxUnread+1
	Pinned         bool
	Quiet          bool // makes no noise now
	Archived       bool
	Past           bool   // the person is in it no more
	Waiting        bool   // for the person's answer whether it is wanted: it stands among the requests, and in no list
	Draft          string // the beginning of what the person has begun to write, PreviewLength characters at most
	UnreadMarks    int64  // how often the person has marked it unread
	// Undelivered is the end of the conversation where it is worth saying that this has reached a device of the person's:
	// others would see it, and do not know it yet. Otherwise 0.
	Undelivered int64
}

// LastMessage is a list row's preview.
type LastMessage struct {
	AuthorID   ID
	AuthorName string
	Kind       MessageKind
	Body       string      // the beginning, PreviewLength characters at most
	Event      *GroupEvent // of a system message
	Deleted    bool
	Concealed  bool // by somebody whom the person has blocked: neither author nor text is there
	At         time.Time
}

// PreviewLength bounds a list row's preview, in characters.
const PreviewLength = 140

// ListPage is the newest part of a person's list.
type ListPage struct {
	Rows    []ListRow // by last activity, newest first
	HasMore bool
	// UnreadTotal is the number of conversations with something unread, over the whole list; those that are quiet or
	// archived do not count.
	UnreadTotal int
	// Archived is how many conversations are archived.
	Archived int
	// Requests is how many conversations wait for an answer, see Requests.
	Requests int
}

// ListLength is how many conversations a page's list holds; the others are reached by searching, or page by page.
const ListLength = 100

// List returns the viewer's conversations, pinned ones first, then by last activity; before continues behind the last row
// of a page.
func (c *Chat) List(ctx context.Context, viewer Viewer, before *ListRow) (ListPage, error) {
	return c.store.List(ctx, viewer.ID, false, before, ListLength)
}

// Archive returns those that the viewer has archived, in the same way.
func (c *Chat) Archive(ctx context.Context, viewer Viewer, before *ListRow) (ListPage, error) {
	return c.store.List(ctx, viewer.ID, true, before, ListLength)
}

// Lists returns the beginning of each person's list. Feeds push them.
func (c *Chat) Lists(ctx context.Context, people []ID) (map[ID]ListPage, error) {
	return c.store.Lists(ctx, people, ListLength)
}

// RowsOf returns, for each of the conversations, the row of each of the people who is in it now, and of the others who is or
// was in it. Feeds push them to those who are connected: of a large group that may be a few.
func (c *Chat) RowsOf(ctx context.Context, conversations, present, others []ID) ([]ListRow, error) {
	return c.store.RowsOf(ctx, conversations, present, others)
}

// ListTotals are the numbers of a whole list, as in ListPage.
type ListTotals struct {
	Unread, Archived, Requests int
	Of                         *Counted // what was counted; nil where it is much, or not known
}

// Counted are the conversations that make up a person's totals, as of one moment.
type Counted struct {
	Unread, Archived []ID
}

// MaxCounted is how many conversations the totals of a list name.
const MaxCounted = 20

// Holds says that the totals are the same with this row of the list as they were before it.
func (t ListTotals) Holds(row ListRow) bool {
	return t.Of != nil && t.Requests == 0 && !row.Waiting &&
		slices.Contains(t.Of.Unread, row.ConversationID) == (row.Unread > 0 && !row.Quiet && !row.Archived) &&
		slices.Contains(t.Of.Archived, row.ConversationID) == row.Archived
}

// ListTotals returns the totals of each person's list; who is missing has none of any.
func (c *Chat) ListTotals(ctx context.Context, people []ID) (map[ID]ListTotals, error) {
	return c.store.ListTotals(ctx, people)
}

// Heads returns the change counter of each conversation, for the sweep that repairs lost hints.
func (c *Chat) Heads(ctx context.Context, conversations []ID) (map[ID]int64, error) {
	return c.store.Heads(ctx, conversations)
}

// ViewSeqs returns the view counter of each person, for the same sweep.
func (c *Chat) ViewSeqs(ctx context.Context, people []ID) (map[ID]int64, error) {
	return c.store.ViewSeqs(ctx, people)
}

// Active returns the conversations that changed after the moment since, by the database's clock, and the moment of
// asking. The zero moment asks for nothing but the clock.
func (c *Chat) Active(ctx context.Context, since time.Time) (map[ID]int64, time.Time, error) {
	return c.store.Active(ctx, since)
}
