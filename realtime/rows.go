package realtime

import (
	"context"
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
		people, noted := q.batch.conversations[id]
		if noted && people == nil {
			continue
		}
		if people == nil {
			people = audience{}
			q.batch.conversations[id] = people
		}
		people[person] = struct{}{}
	}
	q.mu.Unlock()
	q.kick()
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

func (q *rowQueue) take() rowBatch {
	q.mu.Lock()
	defer q.mu.Unlock()
	batch := q.batch
	q.batch = newRowBatch()
	return batch
}

// putBack keeps what could not be read until the next sweep.
func (q *rowQueue) putBack(batch rowBatch) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for id := range batch.conversations {
		q.batch.conversations[id] = nil
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
		batch := h.rows.take()
		if err := h.sendRows(ctx, batch); err != nil && ctx.Err() == nil {
			h.log.Warn("list rows not read", "error", err)
			h.rows.putBack(batch)
		}
	}
}

func (h *Hub) sendRows(ctx context.Context, batch rowBatch) error {
	ctx, cancel := context.WithTimeout(ctx, h.timing.Query)
	defer cancel()
	if err := h.sendChangedRows(ctx, batch.conversations); err != nil {
		return err
	}
	for person := range batch.wholes {
		if err := h.sendList(ctx, person); err != nil {
			return err
		}
	}
	return nil
}

func (h *Hub) sendChangedRows(ctx context.Context, conversations map[chat.ID]audience) error {
	if len(conversations) == 0 || !h.anybody() {
		return nil
	}
	ids := make([]chat.ID, 0, len(conversations))
	var named []chat.ID // who may have left, and still has a row
	for id, people := range conversations {
		ids = append(ids, id)
		for person := range people {
			named = append(named, person)
		}
	}
	rows, err := h.chat.RowsOf(ctx, ids, named)
	if err != nil {
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
	if len(connected) == 0 {
		return nil
	}
	totals, err := h.chat.UnreadTotals(ctx, connected)
	if err != nil {
		return err
	}
	for _, person := range connected {
		h.sendToPerson(person, "rows", byPerson[person], totals[person])
	}
	return nil
}

func (h *Hub) sendList(ctx context.Context, person chat.ID) error {
	sockets := h.socketsOf(person)
	if len(sockets) == 0 {
		return nil
	}
	page, err := h.chat.List(ctx, sockets[0].viewer, nil)
	if err != nil {
		return err
	}
	h.sendToPerson(person, "list", page.Rows, page.UnreadTotal)
	return nil
}

func (h *Hub) sendToPerson(person chat.ID, kind string, rows []chat.ListRow, total int) {
	sockets := h.socketsOf(person)
	if len(sockets) == 0 {
		return
	}
	html := renderRows(sockets[0].viewer, rows, time.Now())
	encoded := frame{Type: kind, HTML: html, Total: &total}.encode()
	for _, s := range sockets {
		s.write(encoded)
	}
}

func (h *Hub) anybody() bool { return h.Sockets() > 0 }
