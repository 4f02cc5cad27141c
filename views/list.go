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
	Pinned         bool
	Quiet          bool
	Archived       bool
	Past           bool // the viewer is in it no more
	Current        bool
	Marks          int64         // how often it was marked as unread
	Undelivered    int64         // what a page may say to have got, for others to see; 0: there is nothing to say
	Presence       PresenceProps // of the other, in a direct conversation
}

// Preview is the beginning of a conversation's last message. By is set where its author is to be named.
type Preview struct {
	Mine      bool
	By        string
	Text      string
	Deleted   bool
	Event     *EventProps
	Nothing   bool // there is no message yet
	Concealed bool // it is by somebody whom the viewer has blocked
}

// NewListRow makes props of a row for the viewer. current is the conversation that is open, or zero.
func NewListRow(row chat.ListRow, viewer chat.ID, zone *time.Location, now time.Time, current chat.ID) ListRowProps {
	p := ListRowProps{
		ConversationID: row.ConversationID, Kind: row.Kind, Name: row.Name, Other: NewPerson(row.Other),
		Note:       row.Kind == chat.KindDirect && row.Other.ID == viewer,
		ActivityAt: row.ActivityAt, Now: now, Zone: zone, Change: row.ChangeSeq, Unread: row.Unread,
		Draft:  strings.Join(strings.Fields(row.Draft), " "),
		Pinned: row.Pinned, Quiet: row.Quiet, Archived: row.Archived, Past: row.Past,
		Marks: row.UnreadMarks, Undelivered: row.Undelivered,
		Current: row.ConversationID == current && current != chat.ID{},
	}
	if p.HasPresence() {
		p.Presence = unseen(p.Other.ID)
	}
	last := row.Last
	if last == nil {
		p.Preview.Nothing = true
		return p
	}
	if p.Preview.Concealed = last.Concealed; last.Concealed {
		return p
	}
	p.Preview.Deleted = last.Deleted
	p.Preview.Text = strings.Join(strings.Fields(last.Body), " ")
	if last.Event != nil {
		author := PersonProps{ID: last.AuthorID, Name: last.AuthorName}
		p.Preview.Event = &EventProps{Event: *last.Event, Author: author, ByYou: last.AuthorID == viewer, Viewer: viewer}
		return p
	}
	p.Preview.Mine = last.AuthorID == viewer && !p.Note
	if row.Kind == chat.KindGroup && !p.Preview.Mine {
		p.Preview.By = last.AuthorName
	}
	return p
}

// HasPresence says whether the row is about somebody else, who is there or is not.
func (p *ListRowProps) HasPresence() bool { return p.Kind == chat.KindDirect && !p.Note }

func (p *ListRowProps) class() string {
	class := "row"
	if p.Unread > 0 {
		class += " row--unread"
	}
	if p.Quiet {
		class += " row--quiet"
	}
	if p.Past {
		class += " row--past"
	}
	return class
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

// ListProps is a stretch of the list. Older is the path of what comes behind it, Newest that of the list's beginning;
// either may be empty.
type ListProps struct {
	Rows   []ListRowProps
	Older  string
	Newest string
	// Continued says that the stretch is not the beginning: then scripts put no newer conversation into it.
	Continued bool
	// Archived is how many conversations are archived; Away says that these are those.
	Archived int
	Away     bool
	// Requests is how many conversations wait for an answer.
	Requests int
	// UnreadTotal is over the whole list.
	UnreadTotal int
}
