package views

import (
	"time"

	"github.com/google/uuid"

	"parley/chat"
)

// Delivery is how far an own message has come.
type Delivery string

// The stages. A message that came out of the database was sent.
const (
	DeliverySent    Delivery = "sent"
	DeliveryPending Delivery = "pending"
	DeliveryFailed  Delivery = "failed"
)

// PersonProps is somebody as pages show people.
type PersonProps struct {
	ID       chat.ID
	Username string
	Name     string
}

// NewPerson makes props of a card.
func NewPerson(card chat.Card) PersonProps {
	return PersonProps{ID: card.ID, Username: card.Username, Name: card.DisplayName}
}

// MessageItemProps is one message in the log.
type MessageItemProps struct {
	ID             chat.ID
	ConversationID chat.ID
	ClientID       chat.ID // the sender's own id of the send; zero for everybody else
	Seq            int64
	Change         int64
	Author         PersonProps
	Mine           bool
	System         bool
	Body           string
	At             time.Time
	Zone           *time.Location // nil in a pushed fragment: the time is UTC, and the page rewrites it
	Edited         bool
	Deleted        bool
	First, Last    bool // in its group
	Delivery       Delivery
}

// NewMessageItem makes props of a message for a viewer. zone is the viewer's, or nil for a fragment that goes to people
// in several zones. First and Last are for [NewMessageList] to set; in a fragment the page derives them.
func NewMessageItem(m chat.Message, viewer chat.ID, zone *time.Location) MessageItemProps {
	p := MessageItemProps{
		ID: m.ID, ConversationID: m.ConversationID, Seq: m.Seq, Change: m.ChangeSeq,
		Author: NewPerson(m.Author), Mine: m.Author.ID == viewer, System: m.Kind == chat.MessageSystem,
		Body: m.Body, At: m.CreatedAt, Zone: zone,
		Edited: m.EditedAt != nil, Deleted: m.DeletedAt != nil, Delivery: DeliverySent,
	}
	if p.Mine && !p.System {
		p.ClientID = m.ClientID
	} else {
		p.Mine = false
	}
	return p
}

func (p *MessageItemProps) class() string {
	switch {
	case p.System:
		return "message message--system"
	case p.First || p.Last || p.Edited || p.Deleted || p.Delivery != DeliverySent || onlyEmoji(p.Body):
		return p.longClass()
	case p.Mine:
		return "message message--mine"
	default:
		return "message"
	}
}

func (p *MessageItemProps) longClass() string {
	b := make([]byte, 0, 128)
	b = append(b, "message"...)
	for _, part := range [...]struct {
		is   bool
		name string
	}{
		{p.Mine, " message--mine"}, {p.First, " message--first"}, {p.Last, " message--last"},
		{p.Deleted, " message--deleted"}, {p.Edited && !p.Deleted, " message--edited"},
		{p.Delivery == DeliveryPending, " message--pending"}, {p.Delivery == DeliveryFailed, " message--failed"},
		{!p.Deleted && onlyEmoji(p.Body), " message--emoji"},
	} {
		if part.is {
			b = append(b, part.name...)
		}
	}
	return string(b)
}

func (p *MessageItemProps) hasClientID() bool { return p.ClientID != uuid.Nil }

func (p *MessageItemProps) clock() string {
	return p.At.In(zoneOrUTC(p.Zone)).Format("15:04")
}

// SentMessageProps answers a send: the message, and the id for the next one.
type SentMessageProps struct {
	Message      MessageItemProps
	NextClientID chat.ID
}
