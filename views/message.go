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
	Card     int64 // the version of what others see of them
}

// NewPerson makes props of a card.
func NewPerson(card chat.Card) PersonProps {
	return PersonProps{ID: card.ID, Username: card.Username, Name: card.DisplayName, Card: card.Seq}
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
	Concealed      bool        // there is its place alone
	Event          *EventProps // what a system message says
	Body           string
	At             time.Time
	Zone           *time.Location // nil in a pushed fragment: the time is UTC, and the page rewrites it
	Edited         bool
	Deleted        bool
	First, Last    bool // in its group
	Delivery       Delivery
	Receipt        chat.Receipt // of one's own
	ReadBy         bool         // it is said in words below
}

// NewMessageItem makes props of a message for a viewer. zone is the viewer's, or nil for a fragment that goes to people
// in several zones. First and Last are for [NewMessageList] to set; in a fragment the page derives them.
func NewMessageItem(m chat.Message, viewer chat.ID, zone *time.Location) MessageItemProps {
	p := MessageItemProps{
		ID: m.ID, ConversationID: m.ConversationID, Seq: m.Seq, Change: m.ChangeSeq,
		Author: NewPerson(m.Author), Mine: m.Author.ID == viewer, System: m.Kind == chat.MessageSystem, Concealed: m.Concealed,
		Body: m.Body, At: m.CreatedAt, Zone: zone,
		Edited: m.EditedAt != nil, Deleted: m.DeletedAt != nil, Delivery: DeliverySent,
	}
	if p.Mine && !p.System {
		p.ClientID = m.ClientID
	} else {
		p.Mine = false
	}
	if m.Event != nil {
		p.Event = &EventProps{Event: *m.Event, Author: p.Author, ByYou: m.Author.ID == viewer, Viewer: viewer}
	}
	return p
}

// class tells styles what there is to know. The author's tone colours the picture and the name.
func (p *MessageItemProps) class() string {
	if p.System {
		return "message message--system"
	}
	if p.Concealed {
		return "message message--concealed"
	}
	b := make([]byte, 0, 96)
	if p.Mine {
		b = append(b, "message message--mine"...)
	} else {
		b = append(append(b, "message "...), toneClass(p.Author.ID)...)
	}
	if p.First {
		b = append(b, " message--first"...)
	}
	if p.Last {
		b = append(b, " message--last"...)
	}
	switch {
	case p.Deleted:
		b = append(b, " message--deleted"...)
	case onlyEmoji(p.Body):
		b = append(b, " message--emoji"...)
	}
	if p.Edited && !p.Deleted {
		b = append(b, " message--edited"...)
	}
	switch p.Delivery {
	case DeliveryPending:
		b = append(b, " message--pending"...)
	case DeliveryFailed:
		b = append(b, " message--failed"...)
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
