package chat

import (
	"context"
	"time"
)

// MaxUnread is the highest number of unread messages that is counted; MaxUnread+1 means more.
const MaxUnread = 99

// Position is how far somebody's pages have come in a conversation. Zero leaves a counter alone.
type Position struct {
	PersonID       ID
	ConversationID ID
	Delivered      int64 // reached one of the person's devices
	Read           int64 // was seen
	// Marks is the number of the latest mark (see MarkUnread) that whoever says this knows of. Nil: there is no page that
	// could be behind, so that it counts in any case.
	Marks *int64
}

// SavePositions moves delivered and read positions forward, in one statement and without the conversations' locks. A
// position beyond the conversation's end counts as its end; one in a conversation that is not the person's is ignored.
// What others may see of it moves only for those who show receipts. Those whose unread number changed are announced, and
// the conversations in which others may see something new.
func (c *Chat) SavePositions(ctx context.Context, positions []Position) error {
	if len(positions) == 0 {
		return nil
	}
	moved, shown, err := c.store.UpdatePositions(ctx, positions)
	if err != nil {
		return err
	}
	byPerson := map[ID]PositionsMoved{}
	for _, m := range moved {
		of := byPerson[m.PersonID]
		byPerson[m.PersonID] = PositionsMoved{m.PersonID, append(of.Conversations, m.ConversationID), append(of.Moves, m.Number)}
	}
	for _, event := range byPerson {
		c.publish(ctx, event)
	}
	if len(shown) > 0 {
		c.publish(ctx, ReceiptsMoved{Conversations: shown, By: moversOf(shown, positions)})
	}
	return nil
}

// moversOf are the people who said a position in each of the conversations, the zero ID where there are several.
func moversOf(conversations []ID, positions []Position) []ID {
	by := make(map[ID]ID, len(conversations))
	for _, p := range positions {
		if other, known := by[p.ConversationID]; known && other != p.PersonID {
			by[p.ConversationID] = ID{}
			continue
		}
		by[p.ConversationID] = p.PersonID
	}
	movers := make([]ID, len(conversations))
	for i, id := range conversations {
		movers[i] = by[id]
	}
	return movers
}

// MarkRead says how far a conversation has reached the viewer, and how far it was read; whose position it is is not asked.
// Errors: not_found.
func (c *Chat) MarkRead(ctx context.Context, viewer Viewer, p Position) error {
	if _, err := c.store.Member(ctx, viewer.ID, p.ConversationID); err != nil {
		return err
	}
	p.PersonID, p.Delivered = viewer.ID, max(p.Delivered, p.Read)
	return c.SavePositions(ctx, []Position{p})
}

// MarkUnread says that the viewer wants a conversation to be unread from the message seq on. What was unread before stays
// so, and what others may see of the viewer's reading does not move. Whatever a page says that it saw before it has heard
// of the mark moves nothing back. Errors: not_found, also for a former member.
func (c *Chat) MarkUnread(ctx context.Context, viewer Viewer, conversation ID, seq int64) error {
	move, err := c.store.UpdateUnreadFrom(ctx, viewer.ID, conversation, seq-1)
	if err != nil {
		return err
	}
	c.publish(ctx, PositionsMoved{viewer.ID, []ID{conversation}, []int64{move}})
	return nil
}

// Move is a change of one row of a person's list that no message tells of.
type Move struct {
	Number         int64 // grows, but not in the order in which moves become visible
	PersonID       ID
	ConversationID ID
}

// Moved returns what moved since a moment by the database's clock, and forgets what is older than a minute. A node that has
// not heard of a move sends the row all the same.
func (c *Chat) Moved(ctx context.Context, since time.Time) ([]Move, error) {
	return c.store.Moved(ctx, since)
}
