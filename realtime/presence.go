package realtime

import (
	"context"

	"parley/chat"
)

// connection is one open page of somebody, or one that was just left, at a node.
type connection struct {
	number int64      // of the socket; each of a node has another one
	state  chat.Where // WhereHere or WhereAway
}

// holding is all that a node has of somebody.
type holding struct {
	person      chat.ID
	connections []connection
}

// connections are the pages of all people at all nodes. What a node has is said whole each time, so saying it twice, or late,
// harms nothing, and it runs out unless it is said again: what a node had that is no more goes away by itself.
type connections interface {
	// put says what a node has of these people, in place of all that it said of them before. It returns those who are elsewhere by
	// that than they were, all nodes taken together.
	put(ctx context.Context, node string, held []holding) (moved []chat.ID, err error)
	// renew is put for all of whom a node has anything in a share of the people, also where that is nobody.
	renew(ctx context.Context, node string, share int, held []holding) (moved []chat.ID, err error)
	// where says where people are. Of whom it has nothing it says that they are gone, unless it may have been told nothing yet.
	where(ctx context.Context, people []chat.ID) (map[chat.ID]chat.Where, error)
}
