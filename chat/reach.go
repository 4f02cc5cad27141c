package chat

import "context"

// Circle says whom somebody lets do a thing.
type Circle string

// The circles.
const (
	CircleEverybody Circle = "everybody"
	CircleGroups    Circle = "groups" // those who are in a group with the person
	CircleNobody    Circle = "nobody"
)

// Circles are the circles, from the widest to the narrowest.
func Circles() []Circle { return []Circle{CircleEverybody, CircleGroups, CircleNobody} }

// Reach is who may reach somebody, as that person chose. A block goes before it.
type Reach struct {
	Writes Circle // who writes to the person first; what others write waits for an answer
	Adds   Circle // who takes the person into a group; for others there is no such person to take in
	Finds  Circle // whom a search shows the person
}

// Reach returns what the viewer has chosen. Errors: not_found.
func (c *Chat) Reach(ctx context.Context, viewer Viewer) (Reach, error) {
	return c.store.Reach(ctx, viewer.ID)
}

// SaveReach stores it; conversations and groups that are there stay. But a conversation that nobody has written in is there for
// nobody but who has begun it: with the first message it waits for an answer, or not, as the choice is now. Errors: invalid, too_many.
func (c *Chat) SaveReach(ctx context.Context, viewer Viewer, reach Reach) error {
	var wrong fieldErrors
	for _, field := range []struct {
		name   string
		circle Circle
	}{{"may_write", reach.Writes}, {"may_add", reach.Adds}, {"may_find", reach.Finds}} {
		switch field.circle {
		case CircleEverybody, CircleGroups, CircleNobody:
		default:
			wrong.add(field.name, CodeChoice, nil)
		}
	}
	if err := wrong.err(); err != nil {
		return err
	}
	if err := c.allow(ctx, limited{LimitSettings, viewer.ID.String()}); err != nil {
		return err
	}
	return c.store.InTx(ctx, func(tx Store) error {
		if err := tx.UpdateReach(ctx, viewer.ID, reach); err != nil {
			return err
		}
		return tx.DecideRequests(ctx, viewer.ID)
	})
}

// RequestState says of a member that somebody else began the conversation whom the member does not let write first.
type RequestState string

// The states. Without one the conversation is like any other.
const (
	RequestPending  RequestState = "pending"
	RequestDeclined RequestState = "declined"
)

// MaxUnanswered is how many messages somebody may write whose request waits for an answer. Then new ones are not possible,
// in the words of a closed account, until it is accepted.
const MaxUnanswered = 5

// maxRequests is how many requests are shown at once; the oldest wait until others are answered.
const maxRequests = 50

// Requests returns the conversations that wait for the viewer's answer, newest first: in the form of list rows, though they
// stand in no list, count in no number and make no noise.
func (c *Chat) Requests(ctx context.Context, viewer Viewer) ([]ListRow, error) {
	return c.store.Requests(ctx, viewer.ID, maxRequests)
}

// AcceptRequest makes a conversation that waits for an answer one like any other. Errors: not_found, too_many.
func (c *Chat) AcceptRequest(ctx context.Context, viewer Viewer, conversation ID) error {
	return c.answerRequest(ctx, viewer, conversation, "")
}

// DeclineRequest closes it for both; nobody is told why. Whoever declined may still begin the conversation. Errors: not_found,
// too_many.
func (c *Chat) DeclineRequest(ctx context.Context, viewer Viewer, conversation ID) error {
	return c.answerRequest(ctx, viewer, conversation, RequestDeclined)
}

func (c *Chat) answerRequest(ctx context.Context, viewer Viewer, conversation ID, answer RequestState) error {
	if err := c.allow(ctx, limited{LimitBlock, viewer.ID.String()}); err != nil {
		return err
	}
	details, err := c.store.Details(ctx, viewer.ID, conversation)
	if err != nil {
		return err
	}
	var told []PersonChanged
	err = c.store.InTx(ctx, func(tx Store) error {
		if err := tx.LockPeople(ctx, viewer.ID, details.Other.ID); err != nil {
			return err
		}
		if err := tx.UpdateRequest(ctx, viewer.ID, conversation, answer); err != nil {
			return err
		}
		if err := tx.UpdateClosed(ctx, viewer.ID, details.Other.ID); err != nil {
			return err
		}
		told, err = tx.RaiseViewSeq(ctx, viewer.ID, details.Other.ID)
		return err
	})
	if err != nil {
		return err
	}
	c.tellAll(ctx, told)
	return nil
}
