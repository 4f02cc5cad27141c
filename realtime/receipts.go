package realtime

import (
	"context"
	"encoding/json"
	"html"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"parley/chat"
)

// How far messages have come is told to their authors alone, and only where they have the conversation open. Positions say
// in which conversations something may have moved; what is sent is always the whole of it, read anew: so a hint, or a frame,
// that is lost, doubled or late harms nothing. One goroutine reads and sends, so that no page gets an older reading behind a
// newer one.

// receiptQueue gathers in which conversations receipts may have moved, and for which of the authors.
type receiptQueue struct {
	mu     sync.Mutex
	noted  map[chat.ID]audience
	signal chan struct{}
}

// authorsAtOnce is about how many authors are asked for in one statement.
const authorsAtOnce = 100

func newReceiptQueue() *receiptQueue {
	return &receiptQueue{noted: map[chat.ID]audience{}, signal: make(chan struct{}, 1)}
}

// note says that the receipts of these authors (none named: of all) are to be looked at.
func (q *receiptQueue) note(conversation chat.ID, authors ...chat.ID) {
	q.mu.Lock()
	q.noteLocked(conversation, authors)
	q.mu.Unlock()
	q.kick()
}

func (q *receiptQueue) noteLocked(conversation chat.ID, authors []chat.ID) {
	known, noted := q.noted[conversation]
	switch {
	case len(authors) == 0:
		q.noted[conversation] = nil
		return
	case noted && known == nil:
		return
	case known == nil:
		known = audience{}
		q.noted[conversation] = known
	}
	for _, author := range authors {
		known[author] = struct{}{}
	}
}

func (q *receiptQueue) kick() {
	select {
	case q.signal <- struct{}{}:
	default:
	}
}

func (q *receiptQueue) waiting() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.noted) > 0
}

// take takes conversations that are due, until about as many authors are asked for as may be at once. Where nobody has a
// conversation open, there is nobody to tell. It also says how long it is until another one is due. A feed is asked without
// the queue's lock, since feeds note what is to be looked at while they hold their own.
func (q *receiptQueue) take(now time.Time, feedOf func(chat.ID) *feed) (asked []chat.Authorship, wait time.Duration) {
	q.mu.Lock()
	noted := q.noted
	q.noted = map[chat.ID]audience{}
	q.mu.Unlock()
	for id, audience := range noted {
		if len(asked) >= authorsAtOnce {
			break
		}
		authors, due := feedOf(id).readers(audience)
		if left := due.Sub(now); left > 0 && len(authors) > 0 {
			if wait == 0 || left < wait {
				wait = left
			}
			continue
		}
		delete(noted, id)
		for _, author := range authors {
			asked = append(asked, chat.Authorship{ConversationID: id, PersonID: author})
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for id, audience := range noted {
		q.noteLocked(id, slices.Collect(maps.Keys(audience)))
	}
	return asked, wait
}

// readers are the people who have the conversation open, as far as they are meant, and when they may be told again.
func (f *feed) readers(meant audience) (people []chat.ID, due time.Time) {
	if f == nil {
		return nil, due
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	seen := map[chat.ID]struct{}{}
	for sub := range f.subs {
		id := sub.socket.viewer.ID
		_, named := meant[id]
		if _, twice := seen[id]; !twice && (meant == nil || named) {
			seen[id] = struct{}{}
			people = append(people, id)
		}
	}
	return people, f.receiptsDue
}

func (h *Hub) feedOf(id chat.ID) *feed {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.feeds[id]
}

func (h *Hub) receiptsLoop(ctx context.Context) {
	due := time.NewTimer(time.Hour)
	defer due.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.receipts.signal:
		case <-due.C:
		}
		wait, more := time.Duration(0), true
		for more {
			wait, more = h.sendReceipts(ctx)
		}
		if wait > 0 {
			due.Reset(wait)
		}
	}
}

// sendReceipts sends some of what is due. It says whether there may be more, and how long it is until something else is due.
// What could not be read waits for the next sweep.
func (h *Hub) sendReceipts(ctx context.Context) (wait time.Duration, more bool) {
	asked, wait := h.receipts.take(time.Now(), h.feedOf)
	if len(asked) == 0 {
		return wait, false
	}
	receipts, err := bounded(ctx, h, func(ctx context.Context) (map[chat.Authorship]chat.Receipts, error) {
		return h.chat.ReceiptsOf(ctx, asked)
	})
	if err != nil {
		h.receipts.mu.Lock()
		for _, a := range asked {
			h.receipts.noteLocked(a.ConversationID, []chat.ID{a.PersonID})
		}
		h.receipts.mu.Unlock()
		if ctx.Err() == nil {
			h.log.Warn("receipts not read", "error", err)
		}
		return 0, false
	}
	for _, author := range asked {
		if f := h.feedOf(author.ConversationID); f != nil {
			f.sendReceipts(author, receipts[author], h.timing.Receipts)
		}
	}
	return wait, true
}

// sendReceipts hands one author's receipts to those of the author's pages that do not have them.
func (f *feed) sendReceipts(author chat.Authorship, r chat.Receipts, pause time.Duration) {
	said := runsOf(r)
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.Large {
		f.receiptsDue = time.Now().Add(pause)
	}
	var encoded []byte
	for sub := range f.subs {
		if sub.socket.viewer.ID != author.PersonID {
			continue
		}
		sub.settled, sub.said = r.Settled(), max(0, r.From-1)
		if len(said) > 0 {
			sub.said = said[len(said)-1][0]
		}
		if r.Mark != (chat.ReceiptMark{}) {
			sub.receiptMark = r.Mark
		}
		if sub.receipts != nil && slices.Equal(sub.receipts, said) {
			continue
		}
		if encoded == nil {
			encoded = frame{
				Type: frameReceipts, Conversation: author.ConversationID.String(), At: r.At.UnixMicro(), From: &r.From, Runs: said,
			}.encode()
		}
		sub.socket.write(encoded)
		sub.receipts = said
	}
}

// runsOf are the runs as a page gets them: seq, delivered, read, of how many.
func runsOf(r chat.Receipts) [][4]int64 {
	runs := make([][4]int64, 0, len(r.Runs))
	for _, run := range r.Runs {
		runs = append(runs, [4]int64{run.Seq, int64(run.Delivered), int64(run.Read), int64(run.Of)})
	}
	return runs
}

// writeReceipts is the same frame for a page that polls.
func (h *Hub) writeReceipts(ctx context.Context, b *strings.Builder, author chat.Authorship) error {
	receipts, err := h.chat.ReceiptsOf(ctx, []chat.Authorship{author})
	if err != nil {
		return err
	}
	r := receipts[author]
	runs, err := json.Marshal(runsOf(r))
	b.WriteString(`<div data-frame="receipts" data-conversation="` + author.ConversationID.String() +
		`" data-at="` + strconv.FormatInt(r.At.UnixMicro(), 10) + `" data-from="` + strconv.FormatInt(r.From, 10) +
		`" data-runs="` + html.EscapeString(string(runs)) + "\"></div>\n")
	return err
}

// receiptsChosen looks anew wherever a person's receipts have come or gone.
func (h *Hub) receiptsChosen(person chat.ID) {
	ctx, cancel := h.queryContext()
	defer cancel()
	among, err := h.chat.MembershipsAmong(ctx, person, h.openConversations())
	if err != nil {
		h.log.Warn("receipts not looked for", "person", person, "error", err) // the sweep does
	}
	for _, id := range among {
		h.receipts.note(id)
	}
}

// sweepReceipts finds what moved in open conversations without a hint.
func (h *Hub) sweepReceipts(ctx context.Context) error {
	ids := h.openConversations()
	if len(ids) == 0 {
		return nil
	}
	marks, err := h.chat.ReceiptMarks(ctx, ids)
	for id, mark := range marks {
		if f := h.feedOf(id); f != nil {
			if authors := f.moved(mark); len(authors) > 0 {
				h.receipts.note(id, authors...)
			}
		}
	}
	return err
}

// moved are the authors whose receipts were counted from something else than what has this mark, and may be others for it.
func (f *feed) moved(mark chat.ReceiptMark) (authors []chat.ID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for sub := range f.subs {
		if sub.receiptMark.Who != mark.Who || sub.receiptMark.Moved != mark.Moved && (f.head < f.wanted || !sub.settledLocked()) {
			authors = append(authors, sub.socket.viewer.ID)
		}
		sub.receiptMark = mark
	}
	return authors
}

// unsettled are the authors whose receipts may change when a member has got or read more; the zero ID stands for several.
// What is not delivered yet may be theirs, whoever wrote it.
func (f *feed) unsettled(by chat.ID) (authors []chat.ID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for sub := range f.subs {
		if id := sub.socket.viewer.ID; id != by && (f.head < f.wanted || !sub.live || !sub.settledLocked()) {
			authors = append(authors, id)
		}
	}
	return authors
}

// settledLocked says that the page was told what can move no more by what others read: the author has written nothing since.
func (sub *subscription) settledLocked() bool {
	return sub.receipts != nil && sub.settled && sub.wrote <= sub.said
}

// noteOwnLocked notes what the page was brought of its person's own.
func (sub *subscription) noteOwnLocked(messages []chat.Message) {
	for i := range messages { // a copy of each, for each of a thousand pages, would cost more than all else here
		if m := &messages[i]; m.Author.ID == sub.socket.viewer.ID && m.Kind == chat.MessageText {
			sub.wrote = max(sub.wrote, m.Seq)
		}
	}
}

// noteAuthorsLocked lets the receipts be looked at of those who wrote what was delivered late: that others had it may have
// been said before, when there was nothing of theirs to look at.
func (f *feed) noteAuthorsLocked(changes chat.Changes) {
	var authors []chat.ID
	for sub := range f.subs {
		if slices.ContainsFunc(changes.Messages, func(m chat.Message) bool { return m.Author.ID == sub.socket.viewer.ID }) {
			authors = append(authors, sub.socket.viewer.ID)
		}
	}
	if len(authors) > 0 {
		f.hub.receipts.note(f.id, authors...)
	}
}
