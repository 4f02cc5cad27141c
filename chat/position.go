package chat

import "context"

// MaxUnread is the highest number of unread messages that is counted; MaxUnread+1 means more.
const MaxUnread = 99

// Position is how far somebody's pages have come in a conversation. Zero leaves a counter alone.
type Position struct {
	PersonID       ID
	ConversationID ID
	Delivered      int64 // reached one of the person's devices
	Read           int64 // was seen
}

// SavePositions moves delivered and read positions forward, in one statement and without the conversations' locks. A
// position beyond the conversation's end counts as its end; one in a conversation that is not the person's is ignored.
// Those whose unread number changed are announced.
func (c *Chat) SavePositions(ctx context.Context, positions []Position) error {
	if len(positions) == 0 {
		return nil
	}
	moved, err := c.store.UpdatePositions(ctx, positions)
	if err != nil {
		return err
	}
	byPerson := map[ID][]ID{}
	for _, p := range moved {
		byPerson[p.PersonID] = append(byPerson[p.PersonID], p.ConversationID)
	}
	for person, conversations := range byPerson {
		c.publish(ctx, PositionsMoved{PersonID: person, Conversations: conversations})
	}
	return nil
}

// MarkRead says that the viewer has read a conversation up to seq. Errors: not_found.
func (c *Chat) MarkRead(ctx context.Context, viewer Viewer, conversation ID, seq int64) error {
	if _, err := c.store.Member(ctx, viewer.ID, conversation); err != nil {
		return err
	}
	return c.SavePositions(ctx, []Position{{
		PersonID: viewer.ID, ConversationID: conversation, Delivered: seq, Read: seq,
	}})
}
