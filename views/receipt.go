package views

import (
	"context"
	"strconv"

	"parley/chat"
)

// ReceiversProps is who has read a message of one's own, and who has not.
type ReceiversProps struct {
	ConversationID chat.ID
	MessageID      chat.ID
	Receipt        chat.Receipt
	Hidden         bool // the viewer shows no receipts, and sees none
	People         []ReceiverProps
	Next           string // the cursor of what comes behind
}

// ReceiverProps is one of them.
type ReceiverProps struct {
	Person PersonProps
	State  chat.ReceiverState
	First  bool // of those in that state, on this page
}

// NewReceivers makes props of a page of receivers; continued says that another came before it.
func NewReceivers(conversation, message chat.ID, page chat.ReceiversPage) ReceiversProps {
	p := ReceiversProps{
		ConversationID: conversation, MessageID: message, Receipt: page.Receipt, Hidden: page.Hidden, Next: page.Next,
	}
	for _, r := range page.People {
		p.People = append(p.People, ReceiverProps{Person: NewPerson(r.Card), State: r.State})
	}
	return p
}

// MessageMenuProps is what can be done about a message.
type MessageMenuProps struct {
	Open      bool
	Receivers string // the path of who has read it; empty where that is not this person's to know
	Block     string // the path for blocking its author; empty for one's own
}

func receiverWords(ctx context.Context, state chat.ReceiverState) string {
	switch state {
	case chat.ReceiverRead:
		return T(ctx, "receipt.read")
	case chat.ReceiverReached:
		return T(ctx, "receipt.delivered")
	default:
		return T(ctx, "receipt.waiting")
	}
}

// tickState is how far a message has come: with everybody who counts, that is.
func tickState(r chat.Receipt) string {
	switch {
	case r.Of > 0 && r.Read == r.Of:
		return "read"
	case r.Of > 0 && r.Delivered == r.Of:
		return "delivered"
	default:
		return "sent"
	}
}

// tickWords says the same, and how many it is where there are several.
func tickWords(ctx context.Context, r chat.Receipt) string {
	switch {
	case r.Of > 1 && r.Read > 0:
		return readBySentence(ctx, r)
	case r.Of > 1 && r.Delivered > 0:
		return T(ctx, "receipt.delivered_to", chat.Args{"Delivered": r.Delivered, "Of": r.Of})
	}
	switch tickState(r) {
	case "read":
		return T(ctx, "receipt.read")
	case "delivered":
		return T(ctx, "receipt.delivered")
	default:
		return T(ctx, "message.sent")
	}
}

func readBySentence(ctx context.Context, r chat.Receipt) string {
	return T(ctx, "receipt.read_by", chat.Args{"Read": r.Read, "Of": r.Of})
}

// receiptText is a receipt as scripts read it.
func (p *MessageItemProps) receiptText() string {
	r := p.Receipt
	return strconv.Itoa(r.Delivered) + " " + strconv.Itoa(r.Read) + " " + strconv.Itoa(r.Of)
}

// markReadBy says it in words below the newest of one's own messages that somebody has read, where several can.
func markReadBy(items []MessageItemProps) {
	for n := len(items) - 1; n >= 0; n-- {
		if items[n].Receipt.Of > 1 && items[n].Receipt.Read > 0 {
			items[n].ReadBy = true
			return
		}
	}
}
