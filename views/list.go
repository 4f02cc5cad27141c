package views

import (
	"context"
	"strconv"
	"strings"
	"time"

	"parley/chat"
)

// ListRowProps is one conversation in the list.
type ListRowProps struct {
	ConversationID chat.ID
	Kind           chat.ConversationKind
	Name           string      // of a group
	Other          PersonProps // in a direct conversation
	Note           bool        // a direct conversation with oneself
	Preview        Preview
	ActivityAt     time.Time
	Now            time.Time
	Zone           *time.Location
	Change         int64
	Unread         int // 0 to chat.MaxUnread+1
	Draft          string
	Current        bool
}

// Preview is the beginning of a conversation's last message. By is set where its author is to be named.
type Preview struct {
	Mine    bool
	By      string
	Text    string
	Deleted bool
	Nothing bool // there is no message yet
}

// NewListRow makes props of a row for the viewer. current is the conversation that is open, or zero.
func NewListRow(row chat.ListRow, viewer chat.ID, zone *time.Location, now time.Time, current chat.ID) ListRowProps {
	p := ListRowProps{
		ConversationID: row.ConversationID, Kind: row.Kind, Name: row.Name, Other: NewPerson(row.Other),
		Note:       row.Kind == chat.KindDirect && row.Other.ID == viewer,
		ActivityAt: row.ActivityAt, Now: now, Zone: zone, Change: row.ChangeSeq, Unread: row.Unread,
		Draft:   strings.Join(strings.Fields(row.Draft), " "),
		Current: row.ConversationID == current && current != chat.ID{},
	}
	last := row.Last
	if last == nil {
		p.Preview.Nothing = true
		return p
	}
	p.Preview.Deleted = last.Deleted
	p.Preview.Text = strings.Join(strings.Fields(last.Body), " ")
	if last.Kind == chat.MessageSystem {
		return p
	}
	p.Preview.Mine = last.AuthorID == viewer && !p.Note
	if row.Kind == chat.KindGroup && !p.Preview.Mine {
		p.Preview.By = last.AuthorName
	}
	return p
}

func (p *ListRowProps) class() string {
	if p.Unread > 0 {
		return "row row--unread"
	}
	return "row"
}

// badge is the unread number as it is shown.
func (p *ListRowProps) badge() string {
	if p.Unread > chat.MaxUnread {
		return strconv.Itoa(chat.MaxUnread) + "+"
	}
	return strconv.Itoa(p.Unread)
}

// badgeText is the unread number as it is said.
func (p *ListRowProps) badgeText(ctx context.Context) string {
	if p.Unread > chat.MaxUnread {
		return T(ctx, "list.unread_many", chat.Args{"Count": chat.MaxUnread})
	}
	return T(ctx, "list.unread", chat.Args{"Count": p.Unread})
}

// ListProps is a stretch of the list. Older is the path of what comes behind it, Newest that of its beginning; either
// may be empty. Scripts put no newer conversation into a stretch that is not the beginning.
type ListProps struct {
	Rows   []ListRowProps
	Older  string
	Newest string
	// UnreadTotal is over the whole list.
	UnreadTotal int
}
