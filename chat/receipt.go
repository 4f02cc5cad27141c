package chat

import (
	"context"
	"slices"
	"time"
)

// MaxDelivered is the size up to which a group keeps what has reached its members' devices. In a larger one only what was
// read is kept: the other would be a write for each member and each message.
const MaxDelivered = 20

// ReceiptWindow is how many of a larger group's newest messages are counted anew whenever somebody reads; as many as a page
// holds.
const ReceiptWindow = 300

// Receipt says of one's own message how far it has come. It counts those who were in the conversation when it was sent,
// are in it still, and show receipts.
type Receipt struct {
	Delivered int // reached a device of so many; whoever has read it is among them
	Read      int // was read by so many
	Of        int // of so many
}

// Receipts are those of one author's messages in one conversation.
type Receipts struct {
	At    time.Time // by the database's clock
	From  int64     // of messages before this one nothing is said
	Runs  []ReceiptRun
	Large bool        // more than MaxDelivered members: only what was read is counted
	Mark  ReceiptMark // of what they were counted from; zero where there is none to see
}

// ReceiptMark is another one once what receipts are counted from is: Moved once a position in the conversation has moved, Who
// once others count.
type ReceiptMark struct {
	Moved, Who int64
}

// Settled says that no position that moves can change the receipts: all of the author's messages were read by everybody who
// counts.
func (r Receipts) Settled() bool {
	return !slices.ContainsFunc(r.Runs, func(run ReceiptRun) bool { return run.Delivered < run.Of || run.Read < run.Of })
}

// ReceiptRun holds for the author's messages up to Seq that are behind the run before it. What is behind the last run has
// reached nobody.
type ReceiptRun struct {
	Seq int64
	Receipt
}

// Authorship is a person's part in a conversation as author: what receipts are asked for by.
type Authorship struct {
	ConversationID ID
	PersonID       ID
}

// ReceiptPlace is how far a member whose receipts count has come.
type ReceiptPlace struct {
	PersonID  ID
	Joined    int64 // counts for the messages after this one
	Delivered int64 // at least Read
	Read      int64 // at least Joined
}

// ReceiptSource is what an author's receipts are counted from. Own are the author's messages at which the numbers may
// change, in order.
type ReceiptSource struct {
	Authorship
	From   int64
	Large  bool
	Own    []int64
	Places []ReceiptPlace // of everybody, the author included; shared, not to be changed
	Apart  []ID           // of them, from whom a block parts the author
}

// ReceiptsOf returns the receipts of each author; without runs where there is none to see, because the author is not in the
// conversation, shows no receipts, or has written nothing. An author's own messages alone are named in them, so nobody
// learns how far others have read what others wrote. Feeds push them.
func (c *Chat) ReceiptsOf(ctx context.Context, authors []Authorship) (map[Authorship]Receipts, error) {
	sources, at, err := c.store.ReceiptSources(ctx, authors)
	receipts := make(map[Authorship]Receipts, len(authors))
	for _, author := range authors {
		receipts[author] = Receipts{At: at}
	}
	tallies := map[ID]*tally{}
	for _, source := range sources {
		if tallies[source.ConversationID] == nil {
			tallies[source.ConversationID] = newTally(source.Places)
		}
		counted := source.count(tallies[source.ConversationID])
		counted.At = at
		receipts[source.Authorship] = counted
	}
	return receipts, err
}

// tally is how far the members of a conversation have come, each counter by itself and in order: made once for all authors.
type tally struct {
	joined, delivered, read []int64
	places                  map[ID]ReceiptPlace
	mark                    ReceiptMark
}

func newTally(places []ReceiptPlace) *tally {
	t := &tally{places: make(map[ID]ReceiptPlace, len(places))}
	for _, p := range places {
		t.places[p.PersonID] = p
		t.joined, t.delivered, t.read = append(t.joined, p.Joined), append(t.delivered, p.Delivered), append(t.read, p.Read)
		t.mark.Moved += p.Delivered + p.Read
		t.mark.Who += p.Joined + 31 // each counts, also who has joined at the beginning
	}
	for _, counters := range [][]int64{t.joined, t.delivered, t.read} {
		slices.Sort(counters)
	}
	return t
}

// count makes the runs: equal neighbours become one. Whoever has come later than a message has a Read that is at least as
// high, so what was read by those who count is what is read by all, less those. The author is left out, and whoever a block
// parts from the author.
func (s ReceiptSource) count(t *tally) Receipts {
	r := Receipts{From: s.From, Large: s.Large, Mark: t.mark}
	var out []ReceiptPlace
	for _, id := range append([]ID{s.PersonID}, s.Apart...) {
		if place, in := t.places[id]; in {
			out = append(out, place)
		}
	}
	others := func(counters []int64, of func(ReceiptPlace) int64, seq int64) int {
		n := fromOn(counters, seq)
		for _, place := range out {
			if of(place) >= seq {
				n--
			}
		}
		return n
	}
	joined := func(p ReceiptPlace) int64 { return p.Joined }
	delivered := func(p ReceiptPlace) int64 { return p.Delivered }
	read := func(p ReceiptPlace) int64 { return p.Read }
	all := len(t.joined) - len(out)
	if all == 0 {
		return r
	}
	for _, seq := range s.Own {
		late := others(t.joined, joined, seq)
		receipt := Receipt{
			Delivered: others(t.delivered, delivered, seq) - late, Read: others(t.read, read, seq) - late, Of: all - late,
		}
		if n := len(r.Runs); n > 0 && r.Runs[n-1].Receipt == receipt {
			r.Runs[n-1].Seq = seq
			continue
		}
		r.Runs = append(r.Runs, ReceiptRun{Seq: seq, Receipt: receipt})
	}
	return r
}

// fromOn is how many of the sorted numbers are at least n.
func fromOn(sorted []int64, n int64) int {
	below, _ := slices.BinarySearch(sorted, n)
	return len(sorted) - below
}

// ReceiptMarks returns the marks of conversations: for the sweep that repairs lost hints.
func (c *Chat) ReceiptMarks(ctx context.Context, conversations []ID) (map[ID]ReceiptMark, error) {
	return c.store.ReceiptMarks(ctx, conversations)
}

// MembershipsAmong returns those of the conversations that a person is in.
func (c *Chat) MembershipsAmong(ctx context.Context, person ID, conversations []ID) ([]ID, error) {
	return c.store.MembershipsAmong(ctx, person, conversations)
}

// ReceiverState says how far a message has come with one member.
type ReceiverState int

// The states, in the order of a list.
const (
	ReceiverRead ReceiverState = iota
	ReceiverReached
	ReceiverWaiting
)

// Receiver is a member whom a message was sent to.
type Receiver struct {
	Card
	State ReceiverState
}

// ReceiversPage is who has read a message, whom it has reached, and who waits for it, in that order and by name.
type ReceiversPage struct {
	Receipt
	Hidden bool // the viewer shows no receipts, and sees none
	Large  bool // only what was read is known
	People []Receiver
	Next   string // the cursor of the next page; empty at the end
}

// ReceiversPerPage is how many names come at once.
const ReceiversPerPage = 50

// Receivers says by name how far a message of the viewer's own has come; after is the Next of the page before. Errors:
// not_found for every other message, and where the viewer is in the conversation no more.
func (c *Chat) Receivers(ctx context.Context, viewer Viewer, conversation, message ID, after string) (ReceiversPage, error) {
	return c.store.Receivers(ctx, viewer.ID, conversation, message, after, ReceiversPerPage)
}
