package views

import (
	"time"

	"parley/chat"
)

// groupWithin is how soon after the message before it a message still belongs to the same group.
const groupWithin = 5 * time.Minute

// MessageListProps is the log of a conversation: messages with day lines and the unread line between them.
type MessageListProps struct {
	ConversationID chat.ID
	Epoch          string
	View           int64 // the viewer's view counter
	Change         int64 // the cursor
	At             time.Time
	First, Last    int64 // seq of the first and the last message; 0 when there is none
	MsgSeq         int64 // how many messages the conversation has
	UnreadFrom     int64 // messages after this one are unread
	Marks          int64 // how often it was marked as unread
	HasOlder       bool
	HasNewer       bool
	Group          bool // several people: authors are named
	Entries        []LogEntry
}

// LogEntry is one line of the log: a day line, the unread line, or a message.
type LogEntry struct {
	Day     *DayProps
	Unread  bool
	Message *MessageItemProps
}

// DayProps is the line above the messages of a day.
type DayProps struct {
	At   time.Time
	Now  time.Time
	Zone *time.Location
}

// date is the day as scripts read it.
func (p *DayProps) date() string { return p.At.In(zoneOrUTC(p.Zone)).Format(time.DateOnly) }

// NewMessageList makes the log of a page, in the viewer's time zone.
func NewMessageList(page chat.ConversationPage, viewer chat.Viewer, now time.Time) MessageListProps {
	p := MessageListProps{
		ConversationID: page.ID, Epoch: page.Epoch, View: page.ViewSeq, Change: page.ChangeSeq, At: page.At,
		MsgSeq:     page.MsgSeq,
		UnreadFrom: page.Member.UnreadFrom, Marks: page.Member.UnreadMarks, HasOlder: page.HasOlder, HasNewer: page.HasNewer,
		Group: page.Kind == chat.KindGroup,
	}
	if n := len(page.Messages); n > 0 {
		p.First, p.Last = page.Messages[0].Seq, page.Messages[n-1].Seq
	}
	zone := Zone(viewer.TimeZone)
	items := make([]MessageItemProps, len(page.Messages))
	p.Entries = make([]LogEntry, 0, len(items)+4)
	unread := unreadAt(page, viewer.ID)
	for n, message := range page.Messages {
		item := &items[n]
		*item = NewMessageItem(message, viewer.ID, zone)
		item.Receipt = page.Receipts[message.Seq]
		newDay := n == 0 || !sameDay(items[n-1].At, item.At, zone)
		item.First = newDay || n == unread || !sameGroup(&items[n-1], item)
		if item.First && n > 0 {
			items[n-1].Last = true
		}
		if newDay {
			p.Entries = append(p.Entries, LogEntry{Day: &DayProps{At: item.At, Now: now, Zone: zone}})
		}
		if n == unread {
			p.Entries = append(p.Entries, LogEntry{Unread: true})
		}
		p.Entries = append(p.Entries, LogEntry{Message: item})
	}
	if n := len(items); n > 0 {
		items[n-1].Last = true
	}
	markReadBy(items)
	return p
}

// unreadAt returns the index of the first unread message, or -1 where nothing is unread, or where the first one stands
// on an older page.
func unreadAt(page chat.ConversationPage, viewer chat.ID) int {
	if len(page.Messages) == 0 || page.HasOlder && page.Messages[0].Seq > page.Member.UnreadFrom+1 {
		return -1
	}
	for n, m := range page.Messages {
		if m.Seq > page.Member.UnreadFrom && m.Author.ID != viewer && m.Kind != chat.MessageSystem && !m.Concealed && m.DeletedAt == nil {
			return n
		}
	}
	return -1
}

// sameGroup says whether a message goes on where the one before it ended. Both are on the same day.
func sameGroup(before, message *MessageItemProps) bool {
	gap := message.At.Truncate(time.Second).Sub(before.At.Truncate(time.Second))
	return !before.System && !message.System && !before.Concealed && !message.Concealed && before.Author.ID == message.Author.ID && gap <= groupWithin
}

func sameDay(a, b time.Time, zone *time.Location) bool {
	ay, am, ad := a.In(zone).Date()
	by, bm, bd := b.In(zone).Date()
	return ay == by && am == bm && ad == bd
}
