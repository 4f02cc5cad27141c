package realtime

import (
	"context"

	"parley/chat"
)

// Link carries hints between the nodes of an installation. It is needed for speed alone: what it loses, the sweep of each
// node finds. So it may drop, double and reorder.
type Link interface {
	// Send hands an event to the other nodes. It never waits.
	Send(event chat.Event)
	// Listen calls hear with each event of another node, until ctx ends.
	Listen(ctx context.Context, hear func(event chat.Event))
	// Close ends what the link holds.
	Close() error
}

// alone is the link of a single node.
type alone struct{}

func (alone) Send(chat.Event) {}

func (alone) Listen(ctx context.Context, _ func(chat.Event)) { <-ctx.Done() }

func (alone) Close() error { return nil }
