package views

import (
	"context"
	"time"

	"parley/chat"
)

// ConversationProps is a conversation in the pane.
type ConversationProps struct {
	ID      chat.ID
	Kind    chat.ConversationKind
	Name    string      // of a group
	Other   PersonProps // in a direct conversation
	Note    bool        // a direct conversation with oneself
	Members int         // of a group
	Past    bool        // the viewer is in it no more
	// Details stand beside it on a wide screen, where the viewer left them open.
	Details  *DetailsProps
	Log      MessageListProps
	Composer ComposerProps
	Unread   int // 0 to chat.MaxUnread+1
	// FirstUnread says that the first unread message lies above what is shown.
	FirstUnread bool
	// Acts are for the message that the page is around, if any.
	Acts *MessageActsProps
	// Presence is of the other, in a direct conversation.
	Presence PresenceProps
}

// HasPresence says whether it is about somebody else, who is there or is not.
func (p *ConversationProps) HasPresence() bool { return p.Kind == chat.KindDirect && !p.Note }

// MessageActsProps is what can be done about one message.
type MessageActsProps struct {
	ConversationID chat.ID
	MessageID      chat.ID
	Seq            int64
	Mine           bool    // one's own, that others may have read
	Author         chat.ID // of somebody else's; zero where there is none to see
}

// ComposerProps is the form for writing. Where Closed, there is a sentence instead.
type ComposerProps struct {
	ConversationID chat.ID
	ClientID       chat.ID
	As             chat.ID // who writes: the form is refused where somebody else is logged in by then
	To             string  // whom the text goes to; empty in a note to oneself
	Body           string  // the draft, or what a refusal gives back; where Closed, only the latter is shown
	Drafted        bool    // a draft is stored
	Err            *chat.Error
	Other          chat.ID // in a direct conversation
	Closed         string  // why writing is not possible, as the end of a key of the catalogue; empty where it is
}

// NewConversation makes props of a page. clientID is the fresh id of the next send. After a refused send the caller
// sets Composer.Body and Composer.Err.
func NewConversation(page chat.ConversationPage, viewer chat.Viewer, now time.Time, clientID chat.ID) ConversationProps {
	p := ConversationProps{
		ID: page.ID, Kind: page.Kind, Name: page.Name, Other: NewPerson(page.Other),
		Note:    page.Kind == chat.KindDirect && page.Other.ID == viewer.ID,
		Members: page.Members, Past: !page.Member.Present(),
		Log:    NewMessageList(page, viewer, now),
		Unread: page.Unread, FirstUnread: beginsBehindUnread(page),
		Acts: actsFor(page, viewer.ID),
	}
	p.Composer = ComposerProps{
		ConversationID: page.ID, ClientID: clientID, As: viewer.ID, Closed: closedReason(page),
		Body: page.Member.Draft, Drafted: page.Member.Draft != "",
	}
	if p.Kind == chat.KindDirect {
		p.Composer.Other = page.Other.ID
	}
	if p.HasPresence() {
		p.Presence = unseen(page.Other.ID)
	}
	switch {
	case p.Kind == chat.KindGroup:
		p.Composer.To = p.Name
	case !p.Note:
		p.Composer.To = p.Other.Name
	}
	return p
}

// beginsBehindUnread says whether something unread lies above the first message of a page.
func beginsBehindUnread(page chat.ConversationPage) bool {
	return page.Unread > 0 && page.HasOlder && len(page.Messages) > 0 && page.Messages[0].Seq > page.Member.UnreadFrom+1
}

// actsFor are for the message that a page is around, where the viewer still takes part.
func actsFor(page chat.ConversationPage, viewer chat.ID) *MessageActsProps {
	if page.Around == (chat.ID{}) || !page.Member.Present() {
		return nil
	}
	for _, m := range page.Messages {
		if m.ID == page.Around {
			mine := m.Author.ID == viewer && m.Kind == chat.MessageText && m.DeletedAt == nil
			acts := &MessageActsProps{ConversationID: page.ID, MessageID: m.ID, Seq: m.Seq, Mine: mine}
			if m.Author.ID != viewer && m.Kind == chat.MessageText {
				acts.Author = m.Author.ID
			}
			return acts
		}
	}
	return nil
}

// closedReason says why the viewer cannot write, or nothing.
func closedReason(page chat.ConversationPage) string {
	switch m := page.Member; {
	case m.MayWrite(page.Kind, page.Group.WhoWrites):
		return ""
	case !m.Present():
		return "past"
	case m.Closed:
		return "closed"
	case m.Request == chat.RequestPending:
		return "request"
	case m.Muted:
		return "muted"
	default:
		return "administrators"
	}
}

func (p *ComposerProps) closedSentence(ctx context.Context) string {
	switch p.Closed {
	case "past":
		return T(ctx, "conversation.past")
	case "request":
		return T(ctx, "request.ask")
	case "muted":
		return T(ctx, "conversation.muted")
	case "administrators":
		return T(ctx, "conversation.administrators")
	}
	return T(ctx, "conversation.closed")
}

func (p *ConversationProps) title(ctx context.Context) string {
	switch {
	case p.Kind == chat.KindGroup:
		return p.Name
	case p.Note:
		return T(ctx, "conversation.note")
	default:
		return p.Other.Name
	}
}

func (p *ComposerProps) placeholder(ctx context.Context) string {
	if p.To == "" {
		return T(ctx, "composer.placeholder_note")
	}
	return T(ctx, "composer.placeholder", chat.Args{"Name": Isolate(p.To)})
}

// keepFirstLine: HTML drops a line feed at the beginning of a textarea, so there must be one to drop.
func keepFirstLine(text string) string {
	if text == "" {
		return ""
	}
	return "\n" + text
}

// errorSentence prefers what is wrong with the text to what is wrong as a whole.
func (p *ComposerProps) errorSentence(ctx context.Context) string { return sendSentence(ctx, p.Err) }

func sendSentence(ctx context.Context, err *chat.Error) string {
	if err != nil && len(err.Fields) > 0 {
		return FieldSentence(ctx, err.Fields[0])
	}
	return Sentence(ctx, err)
}

func sendCode(err *chat.Error) string {
	switch {
	case err == nil:
		return "internal"
	case len(err.Fields) > 0:
		return string(err.Fields[0].Code)
	default:
		return string(err.Code)
	}
}
