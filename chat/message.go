package chat

import (
	"context"
	"crypto/sha256"
	"time"
	"unicode/utf8"
)

// MessageKind tells what people wrote from what the system says.
type MessageKind string

// The kinds of messages.
const (
	MessageText   MessageKind = "text"
	MessageSystem MessageKind = "system"
)

// Message is one message in its present form.
type Message struct {
	ID             ID
	ConversationID ID
	Seq            int64
	ChangeSeq      int64 // of its latest change
	Author         Card
	Kind           MessageKind
	Body           string      // empty once deleted, and in a system message
	Event          *GroupEvent // what a system message says
	ClientID       ID          // the sender's own id of the send; shown to the author alone
	CreatedAt      time.Time
	EditedAt       *time.Time
	DeletedAt      *time.Time
	// Concealed: only the message's place is there.
	Concealed bool
}

// Draft is what somebody wants to send. ClientID is chosen by the sender, one per send; a repeated send carries the
// same one.
type Draft struct {
	Body     string
	ClientID ID
}

// SendMessage stores a message and announces it. A repeated send answers with the first message, before any limit or
// rule, because a retry must not be refused where the original succeeded.
//
// Errors: invalid (body, client_id), not_found, forbidden (closed), conflict (client_id_reused: the id came with another
// content), too_many.
func (c *Chat) SendMessage(ctx context.Context, viewer Viewer, conversation ID, draft Draft) (Message, error) {
	draft.Body = cleanBody(draft.Body)
	hash := RequestHash(conversation, draft)
	message, err := c.firstSend(ctx, viewer, conversation, draft, hash)
	if kind := KindOf(err); kind == "" || kind == KindUnavailable {
		return message, err // stored; or the database does not answer, and is not asked twice
	}
	// Whatever refuses it now: what was stored before is the answer. That is asked only here, because almost every send is a
	// first one.
	if earlier, again := c.earlierSend(ctx, viewer, draft.ClientID, hash); KindOf(again) != KindNotFound {
		return earlier, again
	}
	return Message{}, err
}

// firstSend stores a message. Error conflict: a message with its ClientID is there.
func (c *Chat) firstSend(ctx context.Context, viewer Viewer, conversation ID, draft Draft, hash []byte) (Message, error) {
	if err := checkDraft(draft); err != nil {
		return Message{}, err
	}
	if err := c.allow(ctx, limited{LimitSend, viewer.ID.String()}); err != nil {
		return Message{}, err
	}
	message, err := c.store.InsertMessage(ctx, NewMessage{
		ID: NewID(), ConversationID: conversation, Author: viewer.Card,
		Body: draft.Body, ClientID: draft.ClientID, RequestHash: hash,
	})
	if err != nil {
		return Message{}, err
	}
	c.publish(ctx, ConversationChanged{ConversationID: conversation, ChangeSeq: message.ChangeSeq, Message: &message})
	c.meter.MessageStored(MessageText)
	if message.Seq == MaxUnanswered {
		c.tellUnanswered(ctx, viewer, conversation)
	}
	return message, nil
}

// tellUnanswered lets the pages of somebody who has written the last message that may be written without an answer hear of it,
// as they do when a conversation is closed. It is asked once in the life of a conversation, and the message stands: where it
// cannot be asked, the next send is refused and says so.
func (c *Chat) tellUnanswered(ctx context.Context, viewer Viewer, conversation ID) {
	member, err := c.store.Member(ctx, viewer.ID, conversation)
	if err != nil || !member.Closed {
		return
	}
	if told, err := c.store.RaiseViewSeq(ctx, viewer.ID); err == nil {
		c.tellAll(ctx, told)
	}
}

// earlierSend answers a send that was stored before. Errors: not_found when there was none, conflict when it was
// another one.
func (c *Chat) earlierSend(ctx context.Context, viewer Viewer, clientID ID, hash []byte) (Message, error) {
	message, storedHash, err := c.store.MessageByClientID(ctx, viewer.ID, clientID)
	if err != nil {
		return Message{}, err
	}
	if string(storedHash) != string(hash) {
		return Message{}, Conflict(CodeClientIDReused, nil)
	}
	c.meter.SendRepeated()
	return message, nil
}

func checkDraft(draft Draft) error {
	switch {
	case draft.ClientID == ID{}:
		return invalid("client_id", CodeClientID, nil)
	case badText(draft.Body, true):
		return invalid("body", CodeBadText, nil)
	case blank(draft.Body):
		return invalid("body", CodeRequired, nil)
	case utf8.RuneCountInString(draft.Body) > MaxBody:
		return invalid("body", CodeTooLong, Args{"Max": MaxBody, "Count": MaxBody})
	}
	return nil
}

// RequestHash tells a repeated send from another one under the same id. The draft's text is one that a message can have:
// as it was first sent, and cleaned.
func RequestHash(conversation ID, draft Draft) []byte {
	h := sha256.New()
	h.Write(conversation[:])
	h.Write([]byte(draft.Body))
	return h.Sum(nil)
}

// NewMessage is a message about to be stored; its numbers come from the conversation's row.
type NewMessage struct {
	ID             ID
	ConversationID ID
	Author         Card
	Body           string
	ClientID       ID
	RequestHash    []byte
}

// Changes is a stretch of a conversation's history: every message whose latest change lies in (From, To], in the order
// of the changes. To is where the reader stands afterwards, also when nothing in between is left to show.
type Changes struct {
	Kind     ConversationKind
	From     int64
	To       int64
	Head     int64 // the conversation's counter; To is lower only when the stretch was cut at its bound
	Messages []Message
	// Moved are the members whose part of the conversation began or ended at From or later, as they stood when the
	// messages were read. Nothing but what they may see is told of them.
	Moved map[ID]Member
	// BlockedBy says of authors, in a group, which of the readers at hand have blocked them, as it was when the messages were
	// read.
	BlockedBy map[ID][]ID
}

// Until is what of the stretch lies before a change and at it.
func (c Changes) Until(change int64) Changes {
	c.To = min(c.To, change)
	n := 0
	for n < len(c.Messages) && c.Messages[n].ChangeSeq <= change {
		n++
	}
	c.Messages = c.Messages[:n]
	return c
}

// Bounds of a replay. Beyond them a page is better fetched anew.
const (
	MaxReplayChanges = 200
	MaxReplayBytes   = 512 << 10
)

// ChangesSince reads a conversation's changes after a cursor, at most limit, for a feed; the feed asks
// [Member.Sees] for each subscriber, of the member it knows or, where Moved has one, of that. Errors: not_found.
func (c *Chat) ChangesSince(ctx context.Context, conversation ID, after int64, limit int) (Changes, error) {
	return c.store.ChangesSince(ctx, conversation, after, limit)
}

// ChangesFor reads the same for one person, together with that person's place in the conversation. Who is not in it any
// more gets none. Errors: not_found.
func (c *Chat) ChangesFor(ctx context.Context, viewer Viewer, conversation ID, after int64, limit int) (Member, Changes, error) {
	return c.store.ChangesFor(ctx, viewer.ID, conversation, after, limit)
}
