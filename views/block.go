package views

import (
	"context"
	"net/url"
	"time"

	"parley/chat"
)

// BlocksProps is the list of those whom the viewer has blocked.
type BlocksProps struct {
	People []BlockedProps
	Next   string // the cursor of the next page; empty at the end
	Reach  chat.Reach
	Saved  string // names what has just been done, if anything
	Err    *chat.Error
}

// BlockedProps is one of them.
type BlockedProps struct {
	Person PersonProps
	Since  time.Time
	Now    time.Time
	Zone   *time.Location
}

// NewBlocks makes props of a page of the list.
func NewBlocks(reach chat.Reach, page chat.BlockedPage, viewer chat.Viewer, now time.Time) BlocksProps {
	p := BlocksProps{Reach: reach, Next: page.Next}
	for _, blocked := range page.People {
		p.People = append(p.People, BlockedProps{
			Person: NewPerson(blocked.Card), Since: blocked.Since, Now: now, Zone: Zone(viewer.TimeZone),
		})
	}
	return p
}

// BlockProps is what a block of somebody does, before it is done; or the way back.
type BlockProps struct {
	Person  PersonProps
	Blocked bool
	Err     *chat.Error
}

// blockSentence says what has just been done, by a word of the page's address; any other word says nothing.
func blockSentence(ctx context.Context, saved string) string {
	switch saved {
	case "yes":
		return T(ctx, "settings.saved")
	case "blocked":
		return T(ctx, "block.done")
	case "unblocked":
		return T(ctx, "block.undone")
	}
	return ""
}

// BlocksAfterPath continues the list of the blocked; after is the cursor of the page before.
func BlocksAfterPath(after string) string {
	return BlocksPath + "?" + url.Values{"after": {after}}.Encode()
}

// circles are the circles to choose from.
func circles(ctx context.Context) []OptionProps {
	return []OptionProps{
		{Value: string(chat.CircleEverybody), Label: T(ctx, "reach.everybody")},
		{Value: string(chat.CircleGroups), Label: T(ctx, "reach.groups")},
		{Value: string(chat.CircleNobody), Label: T(ctx, "reach.nobody")},
	}
}
