package chat

import (
	"context"
	"slices"
	"time"
)

// Relation is what stands between two people, as one of them sees it. It is the one rule about blocks: whatever shows
// somebody to somebody, or lets one reach the other, asks it. Statements that show or touch many people ask the same of the
// table itself (db/block.go); what holds presence, typing or anything else in memory asks [Chat.Relations].
type Relation struct {
	Blocks    bool // the viewer has blocked the other
	BlockedBy bool // the other has blocked the viewer, who is never told
}

// Apart says whether neither sees of the other what is not said in a place that both are in, and neither may reach the
// other: no direct messages, no new conversation, no taking into a group, no invitation; no presence, last seen, typing,
// receipts, profile, picture, search, completion.
func (r Relation) Apart() bool { return r.Blocks || r.BlockedBy }

// Relations returns what stands between somebody and each of the others; those are left out to whom nothing does.
func (c *Chat) Relations(ctx context.Context, person ID, others []ID) (map[ID]Relation, error) {
	return c.store.Relations(ctx, person, others)
}

// Profile is what somebody may see of a person.
type Profile struct {
	Card
	Blocked bool // by the viewer, who sees no more than the name
}

// BlockedPerson is a line of the list of those whom somebody has blocked.
type BlockedPerson struct {
	Card
	Since time.Time
}

// BlockedPage is a page of that list, by name.
type BlockedPage struct {
	People []BlockedPerson
	Next   string // the cursor of the next page; empty at the end
}

const blockedPerPage = 50

// PersonToBlock returns somebody by id, whatever state the account is in and whoever has blocked whom: so the answer tells
// nothing of either. Errors: not_found, also for the viewer.
func (c *Chat) PersonToBlock(ctx context.Context, viewer Viewer, person ID) (Profile, error) {
	return c.store.PersonToBlock(ctx, viewer.ID, person)
}

// Blocked lists those whom the viewer has blocked; after is the Next of the page before.
func (c *Chat) Blocked(ctx context.Context, viewer Viewer, after string) (BlockedPage, error) {
	return c.store.Blocked(ctx, viewer.ID, after, blockedPerPage)
}

// BlockPerson sets two people apart; see [Relation.Apart]. Once more is no error. The pages of both are drawn anew, and
// nobody is told. Errors: not_found for somebody who is not there, conflict (oneself), too_many.
func (c *Chat) BlockPerson(ctx context.Context, viewer Viewer, person ID) error {
	if person == viewer.ID {
		return Conflict(CodeOneself, nil)
	}
	return c.relate(ctx, viewer, person, Store.InsertBlock)
}

// UnblockPerson ends what BlockPerson began; what the other has begun stays. Once more is no error. Errors: too_many.
func (c *Chat) UnblockPerson(ctx context.Context, viewer Viewer, person ID) error {
	return c.relate(ctx, viewer, person, Store.DeleteBlock)
}

// relate changes what stands between two people. Both of their rows are locked first, by everything that asks before it lets
// one reach the other (see Store.LockPeople); then the rows of their direct conversation, which is what a send locks.
func (c *Chat) relate(
	ctx context.Context, viewer Viewer, person ID, change func(tx Store, ctx context.Context, by, whom ID) (bool, error),
) error {
	if err := c.allow(ctx, limited{LimitBlock, viewer.ID.String()}); err != nil {
		return err
	}
	var told []PersonChanged
	err := c.store.InTx(ctx, func(tx Store) error {
		if err := tx.LockPeople(ctx, viewer.ID, person); err != nil {
			return err
		}
		changed, err := change(tx, ctx, viewer.ID, person)
		if err != nil || !changed {
			return err
		}
		if err := tx.UpdateClosed(ctx, viewer.ID, person); err != nil {
			return err
		}
		told, err = tx.RaiseViewSeq(ctx, viewer.ID, person)
		return err
	})
	if err != nil {
		return err
	}
	c.tellAll(ctx, told)
	return nil
}

// Conceals says whether a reader gets a message of the stretch as a line that does not say whose it is nor what: in a group,
// where the reader has blocked its author.
func (c Changes) Conceals(m Message, reader ID) bool {
	return concealable(m) && slices.Contains(c.BlockedBy[m.Author.ID], reader)
}

// concealable: what the system says of a group is said to everybody.
func concealable(m Message) bool { return m.Kind == MessageText }

// Conceal leaves of a message its place.
func (m Message) Conceal() Message {
	return Message{
		ID: m.ID, ConversationID: m.ConversationID, Seq: m.Seq, ChangeSeq: m.ChangeSeq, Kind: m.Kind, CreatedAt: m.CreatedAt,
		Concealed: true,
	}
}

// OpenMessage returns one message that the viewer may see, also one that is concealed. Errors: not_found.
func (c *Chat) OpenMessage(ctx context.Context, viewer Viewer, conversation, message ID) (Message, error) {
	page, err := c.store.ConversationPage(ctx, viewer.ID, conversation, Place{Around: message}, 2)
	if err != nil {
		return Message{}, err
	}
	for _, m := range page.Messages {
		if m.ID == message {
			return m, nil
		}
	}
	return Message{}, NotFound()
}
