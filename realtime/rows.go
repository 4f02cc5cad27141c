package realtime

import (
	"context"
	"errors"
	"sync"
	"time"

	"parley/chat"
)

// rowQueue gathers which list rows have changed, until the one goroutine that writes them has time: a busy
// conversation costs one statement per flush, whatever was sent meanwhile.
type rowQueue struct {
	mu     sync.Mutex
	batch  rowBatch
	signal chan struct{}
}

// What is asked for in one statement. Each has its own bound of time, and what one of them did not bring is asked for
// again, nothing else: when everybody comes back at once, there is more to read than any bound of time for all of it.
const (
	rowsAtOnce   = 200 // conversations
	totalsAtOnce = 100 // people
	listsAtOnce  = 20  // people
)

type rowBatch struct {
	conversations map[chat.ID]audience
	wholes        map[chat.ID]struct{} // people whose whole list is to be sent
}

// audience says who is to hear of a conversation's row: some of its members, or (nil) all.
type audience map[chat.ID]struct{}

func newRowQueue() *rowQueue {
	return &rowQueue{batch: newRowBatch(), signal: make(chan struct{}, 1)}
}

func newRowBatch() rowBatch {
	return rowBatch{conversations: map[chat.ID]audience{}, wholes: map[chat.ID]struct{}{}}
}

// conversation notes that the row of a conversation has changed for all its members.
func (q *rowQueue) conversation(id chat.ID) {
	q.mu.Lock()
	q.batch.conversations[id] = nil
	q.mu.Unlock()
	q.kick()
}

// ofPerson notes that rows have changed for one person alone.
func (q *rowQueue) ofPerson(person chat.ID, conversations []chat.ID) {
	q.mu.Lock()
	for _, id := range conversations {
		q.noteLocked(id, person)
	}
	q.mu.Unlock()
	q.kick()
}

func (q *rowQueue) noteLocked(conversation, person chat.ID) {
	people, noted := q.batch.conversations[conversation]
	if noted && people == nil {
		return
	}
	if people == nil {
		people = audience{}
		q.batch.conversations[conversation] = people
	}
	people[person] = struct{}{}
}

// whole notes that a person's list is to be sent from the beginning.
func (q *rowQueue) whole(person chat.ID) {
	q.mu.Lock()
	q.batch.wholes[person] = struct{}{}
	q.mu.Unlock()
	q.kick()
}

func (q *rowQueue) kick() {
	select {
	case q.signal <- struct{}{}:
	default:
	}
}

// take takes what is to be written next, as much as is asked for at once of either kind: so whoever waits for a message
// waits for a few lists at most, however many are to be sent.
func (q *rowQueue) take() rowBatch {
	q.mu.Lock()
	defer q.mu.Unlock()
	return rowBatch{conversations: some(q.batch.conversations, rowsAtOnce), wholes: some(q.batch.wholes, listsAtOnce)}
}

// some takes up to n entries out of a map.
func some[K comparable, V any](from map[K]V, n int) map[K]V {
	taken := make(map[K]V, min(n, len(from)))
	for key, value := range from {
		if len(taken) == n {
			break
		}
		taken[key] = value
		delete(from, key)
	}
	return taken
}

// putBack keeps what could not be read until the next sweep, for whom it was.
func (q *rowQueue) putBack(batch rowBatch) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for id, people := range batch.conversations {
		if people == nil {
			q.batch.conversations[id] = nil
		}
		for person := range people {
			q.noteLocked(id, person)
		}
	}
	for id := range batch.wholes {
		q.batch.wholes[id] = struct{}{}
	}
}

func (q *rowQueue) waiting() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.batch.conversations)+len(q.batch.wholes) > 0
}

func (h *Hub) rowsLoop(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.rows.signal:
		}
		for h.sendRows(ctx) && h.rows.waiting() {
		}
	}
}

// sendRows sends some of what waits, and says whether all of it could be read.
func (h *Hub) sendRows(ctx context.Context) bool {
	batch := h.rows.take()
	err := errors.Join(h.sendChangedRows(ctx, batch.conversations), h.sendLists(ctx, batch.wholes))
	if err != nil && ctx.Err() == nil {
		h.log.Warn("list rows not read", "error", err)
	}
	return err == nil
}

func (h *Hub) sendChangedRows(ctx context.Context, conversations map[chat.ID]audience) error {
	if len(conversations) == 0 || !h.anybody() {
		return nil
	}
	rows, err := h.readRows(ctx, conversations)
	if err != nil {
		h.rows.putBack(rowBatch{conversations: conversations})
		return err
	}
	byPerson := map[chat.ID][]chat.ListRow{}
	for _, row := range rows {
		people := conversations[row.ConversationID]
		if _, heard := people[row.PersonID]; people == nil || heard {
			byPerson[row.PersonID] = append(byPerson[row.PersonID], row)
		}
		h.flushed.Store(row.ConversationID, row.ChangeSeq)
	}
	connected := make([]chat.ID, 0, len(byPerson))
	for person := range byPerson {
		if len(h.socketsOf(person)) > 0 {
			connected = append(connected, person)
		}
	}
	for len(connected) > 0 {
		people := connected[:min(totalsAtOnce, len(connected))]
		totals, err := bounded(ctx, h, func(ctx context.Context) (map[chat.ID]chat.ListTotals, error) {
			return h.chat.ListTotals(ctx, people)
		})
		if err != nil {
			h.rows.putBack(rowBatch{conversations: audiences(byPerson, connected)})
			return err
		}
		for _, person := range people {
			h.sendToPerson(person, frameRows, byPerson[person], totals[person])
		}
		connected = connected[len(people):]
	}
	return nil
}

// readRows reads the rows of conversations that somebody at this node is to hear of, and no others': those that all members
// are to hear of for whoever is connected, the rest for whom they are named.
func (h *Hub) readRows(ctx context.Context, conversations map[chat.ID]audience) ([]chat.ListRow, error) {
	var forAll, forSome, named []chat.ID
	for id, people := range conversations {
		if people == nil {
			forAll = append(forAll, id)
			continue
		}
		forSome = append(forSome, id)
		for person := range people {
			if len(h.socketsOf(person)) > 0 {
				named = append(named, person)
			}
		}
	}
	var rows []chat.ListRow
	if len(forAll) > 0 {
		present := h.connected()
		read, err := bounded(ctx, h, func(ctx context.Context) ([]chat.ListRow, error) {
			return h.chat.RowsOf(ctx, forAll, present, nil)
		})
		if err != nil {
			return nil, err
		}
		rows = read
	}
	if len(named) > 0 {
		read, err := bounded(ctx, h, func(ctx context.Context) ([]chat.ListRow, error) {
			return h.chat.RowsOf(ctx, forSome, nil, named) // who may have left, and still has a row
		})
		if err != nil {
			return nil, err
		}
		rows = append(rows, read...)
	}
	return rows, nil
}

// connected are the people with a socket on this node.
func (h *Hub) connected() []chat.ID {
	h.mu.RLock()
	defer h.mu.RUnlock()
	ids := make([]chat.ID, 0, len(h.people))
	for id := range h.people {
		ids = append(ids, id)
	}
	return ids
}

// audiences turns rows by person around: for each conversation those of the people who have a row of it.
func audiences(rows map[chat.ID][]chat.ListRow, people []chat.ID) map[chat.ID]audience {
	conversations := map[chat.ID]audience{}
	for _, person := range people {
		for _, row := range rows[person] {
			if conversations[row.ConversationID] == nil {
				conversations[row.ConversationID] = audience{}
			}
			conversations[row.ConversationID][person] = struct{}{}
		}
	}
	return conversations
}

func (h *Hub) sendLists(ctx context.Context, people map[chat.ID]struct{}) error {
	connected := make([]chat.ID, 0, len(people))
	for person := range people {
		if len(h.socketsOf(person)) > 0 {
			connected = append(connected, person)
		}
	}
	if len(connected) == 0 {
		return nil
	}
	lists, err := bounded(ctx, h, func(ctx context.Context) (map[chat.ID]chat.ListPage, error) {
		return h.chat.Lists(ctx, connected)
	})
	if err != nil {
		h.rows.putBack(rowBatch{wholes: people})
		return err
	}
	for _, person := range connected {
		list := lists[person]
		h.sendToPerson(person, frameList, list.Rows, chat.ListTotals{Unread: list.UnreadTotal, Archived: list.Archived})
	}
	return nil
}

// bounded gives one statement the time that one may take.
func bounded[T any](ctx context.Context, h *Hub, ask func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, h.timing.Query)
	defer cancel()
	return ask(ctx)
}

func (h *Hub) sendToPerson(person chat.ID, kind frameType, rows []chat.ListRow, totals chat.ListTotals) {
	sockets := h.socketsOf(person)
	if len(sockets) == 0 {
		return
	}
	html := renderRows(sockets[0].viewer, rows, time.Now())
	f := frame{Type: kind, HTML: html, Total: &totals.Unread, Archived: &totals.Archived}
	if kind == frameList {
		f.Epoch = h.currentEpoch()
	}
	encoded := f.encode()
	for _, s := range sockets {
		s.write(encoded)
	}
}

func (h *Hub) anybody() bool { return h.Sockets() > 0 }
