package chat

import (
	"context"
	"time"
)

// Publisher hears of what has happened, always after it was committed. It must not block: it is called while somebody
// waits for an answer.
type Publisher interface {
	Publish(ctx context.Context, event Event)
}

// Event is one of the types below. It says where to look: whoever hears of it reads the rows, so a lost or doubled event
// harms nothing. Where it says what is there, that only saves the looking.
type Event interface{ event() }

// ConversationChanged says that a conversation's change counter moved to ChangeSeq. Message is what somebody said with that
// change, where that is known: on the node that stored it.
type ConversationChanged struct {
	ConversationID ID
	ChangeSeq      int64
	Message        *Message
}

// PersonChanged says that what a person may see or do has changed; ViewSeq is the person's counter now.
type PersonChanged struct {
	PersonID ID
	ViewSeq  int64
}

// PositionsMoved says that rows of a person's list changed, without a message: those of these conversations. Moves are the
// numbers that [Chat.Moved] has for the same; from a node of an earlier version there are none.
type PositionsMoved struct {
	PersonID      ID
	Conversations []ID
	Moves         []int64
}

// ReceiptsMoved says that in these conversations members have got or read more than before, for others to see. By are the
// members who did, one for each conversation, the zero ID where there are several; from a node of an earlier version there
// are none.
type ReceiptsMoved struct {
	Conversations []ID
	By            []ID
}

// ReceiptsChosen says that a person shows receipts now, or shows them no more: in all conversations that the person is in.
type ReceiptsChosen struct {
	PersonID ID
}

// CardChanged says that what others see of a person has changed; Seq is the card's version now.
type CardChanged struct {
	PersonID ID
	Seq      int64
}

// DraftSaved says that what a person has begun to write in a conversation is another text now.
type DraftSaved struct {
	PersonID       ID
	ConversationID ID
}

// Typed says that a person writes in a conversation, for as long as is left, or has stopped: to those who may see it, and never
// what. It is stored nowhere, and told by no use case: nodes tell each other.
type Typed struct {
	ConversationID ID
	PersonID       ID
	Card           Card
	Readers        []ID
	Left           time.Duration
	Stopped        bool
}

// SessionsEnded says that these sessions are over, or that another token is to be had for what is left of the person's.
type SessionsEnded struct {
	PersonID ID // whose they are; at other nodes the zero ID
	Sessions []ID
}

// PresenceMoved says that these people may be somewhere else than before: there, away or gone.
type PresenceMoved struct {
	PersonIDs []ID
}

func (ConversationChanged) event() {}
func (PersonChanged) event()       {}
func (PositionsMoved) event()      {}
func (ReceiptsMoved) event()       {}
func (ReceiptsChosen) event()      {}
func (CardChanged) event()         {}
func (DraftSaved) event()          {}
func (SessionsEnded) event()       {}
func (Typed) event()               {}
func (PresenceMoved) event()       {}
