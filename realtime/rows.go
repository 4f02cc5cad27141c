package realtime

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"parley/chat"
)

// rowQueue gathers which list rows have changed, until the one goroutine that writes them has time: a busy
// conversation costs one statement per flush, whatever was sent meanwhile.
type rowQueue struct {
	mu     sync.Mutex
	batch  rowBatch
	due    time.Time             // before, no rows are read again
	held   map[chat.ID]time.Time // of a large conversation: before, its row is not read for all again
	open   map[chat.ID]struct{}  // of those held, the ones that wait for what their people acknowledge
	signal chan struct{}
}

// Rows are read at once where none were just before. What changes meanwhile waits, so that many changes cost one statement:
// nobody sees a row of a list come these milliseconds later.
const (
	rowsPause = 50 * time.Millisecond
	rowsMany  = 50 // members whose rows may be read as often as that; those of more wait for Timing.Rows
	// rowsTogether: what waits for [Timing.Rows] because it is open becomes due at multiples of this, many at a time.
	rowsTogether = 100 * time.Millisecond
	// totalsKept is how long at most a person's totals are taken for what they were: whatever tells of no row of theirs that
	// it changed cannot stay wrong.
	totalsKept = 30 * time.Second
)

// What is asked for in one statement. Each has its own bound of time, and what one of them did not bring is asked for
// again, nothing else: when everybody comes back at once, there is more to read than any bound of time for all of it.
const (
	rowsAtOnce   = 200 // conversations
	totalsAtOnce = 100 // people
	listsAtOnce  = 20  // people
)

type rowBatch struct {
	conversations map[chat.ID]audience
	besides       map[chat.ID]audience // of conversations for all members: people who may be none any more
	wholes        map[chat.ID]struct{} // people whose whole list is to be sent
}

// audience says who is to hear of a conversation's row: some of its members, or (nil) all.
type audience map[chat.ID]struct{}

func newRowQueue() *rowQueue {
	return &rowQueue{batch: newRowBatch(), held: map[chat.ID]time.Time{}, open: map[chat.ID]struct{}{}, signal: make(chan struct{}, 1)}
}

func newRowBatch() rowBatch {
	return rowBatch{conversations: map[chat.ID]audience{}, besides: map[chat.ID]audience{}, wholes: map[chat.ID]struct{}{}}
}

// conversation notes that the row of a conversation has changed for all its members.
func (q *rowQueue) conversation(id chat.ID) {
	q.mu.Lock()
	q.noteAllLocked(id)
	q.mu.Unlock()
	q.kick()
}

func (q *rowQueue) noteAllLocked(conversation chat.ID) {
	if people := q.batch.conversations[conversation]; people != nil {
		q.batch.besides[conversation] = people
	}
	q.batch.conversations[conversation] = nil
}

// shown is conversation for one that all of its people's pages have open. Their pages show what has changed, and will soon
// say that it was seen: the rows wait for that, and are read once for both.
func (q *rowQueue) shown(id chat.ID, now time.Time, pause time.Duration) {
	q.mu.Lock()
	_, held := q.held[id]
	if people, noted := q.batch.conversations[id]; !held && !(noted && people == nil) {
		q.held[id] = now.Add(pause).Truncate(rowsTogether).Add(rowsTogether)
		q.open[id] = struct{}{}
	}
	q.noteAllLocked(id)
	q.mu.Unlock()
	q.kick()
}

// ripe takes the open conversations that have waited long enough.
func (q *rowQueue) ripe(now time.Time) (ids []chat.ID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for id := range q.open {
		if until, held := q.held[id]; !held || !now.Before(until) {
			ids = append(ids, id)
			delete(q.open, id)
		}
	}
	return ids
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
	audiences := q.batch.conversations
	if people, noted := audiences[conversation]; noted && people == nil {
		audiences = q.batch.besides
	}
	if audiences[conversation] == nil {
		audiences[conversation] = audience{}
	}
	audiences[conversation][person] = struct{}{}
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
func (q *rowQueue) take(now time.Time) rowBatch {
	q.mu.Lock()
	defer q.mu.Unlock()
	maps.DeleteFunc(q.held, func(_ chat.ID, until time.Time) bool { return !now.Before(until) })
	taken := newRowBatch()
	taken.wholes = some(q.batch.wholes, listsAtOnce, func(chat.ID) bool { return true })
	if !now.Before(q.due) {
		taken.conversations = some(q.batch.conversations, rowsAtOnce, func(id chat.ID) bool { return !q.heldLocked(id) })
	}
	if len(taken.conversations) > 0 {
		q.due = now.Add(rowsPause)
	}
	for id := range taken.conversations {
		if people := q.batch.besides[id]; people != nil {
			taken.besides[id] = people
			delete(q.batch.besides, id)
		}
	}
	return taken
}

// some takes up to n entries out of a map, of those that may be taken.
func some[K comparable, V any](from map[K]V, n int, may func(K) bool) map[K]V {
	taken := make(map[K]V, min(n, len(from)))
	for key, value := range from {
		if len(taken) == n {
			break
		}
		if may(key) {
			taken[key] = value
			delete(from, key)
		}
	}
	return taken
}

// heldLocked says whether a conversation's row has to wait: where only some are to hear of it, it does not.
func (q *rowQueue) heldLocked(conversation chat.ID) bool {
	_, held := q.held[conversation]
	return held && q.batch.conversations[conversation] == nil
}

// hold lets a conversation's row wait.
func (q *rowQueue) hold(conversation chat.ID, until time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.held[conversation] = until
}

// next says how long what waits has to wait, and whether anything does.
func (q *rowQueue) next(now time.Time) (wait time.Duration, some bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.batch.wholes) > 0 {
		return 0, true
	}
	for id := range q.batch.conversations {
		due := q.due
		if q.heldLocked(id) {
			due = later(due, q.held[id])
		}
		if until := max(0, due.Sub(now)); !some || until < wait {
			wait, some = until, true
		}
	}
	return wait, some
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// putBack keeps what could not be read until the next sweep, for whom it was.
func (q *rowQueue) putBack(batch rowBatch) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for id, people := range batch.conversations {
		if people == nil {
			q.noteAllLocked(id)
		}
		for person := range people {
			q.noteLocked(id, person)
		}
	}
	for id, people := range batch.besides {
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
	for read := true; ; {
		var due <-chan time.Time
		if wait, some := h.rows.next(time.Now()); some && read { // what could not be read waits for the next signal
			due = time.After(wait)
		}
		select {
		case <-ctx.Done():
			return
		case <-h.rows.signal:
		case <-due:
		}
		read = h.sendRows(ctx)
	}
}

// sendRows sends some of what waits, and says whether all of it could be read.
func (h *Hub) sendRows(ctx context.Context) bool {
	now := time.Now()
	h.writeSeen(ctx, h.rows.ripe(now))
	batch := h.rows.take(now)
	err := errors.Join(h.sendChangedRows(ctx, batch), h.sendLists(ctx, batch.wholes))
	if err != nil && ctx.Err() == nil {
		h.log.Warn("list rows not read", "error", err)
	}
	return err == nil
}

// writeSeen writes what the people of these conversations have acknowledged: what moves with it is noted, and read with the
// rows that have waited for it. What cannot be written waits like all others.
func (h *Hub) writeSeen(ctx context.Context, conversations []chat.ID) {
	var people []chat.ID
	for _, id := range conversations {
		readers, _ := h.feedOf(id).readers(nil)
		people = append(people, readers...)
	}
	if len(people) > 0 {
		h.writePositions(ctx, h.positions.takeOf(people))
	}
}

// betweenTwo says whether a feed is of a direct conversation that every page of both its people has open.
func (h *Hub) betweenTwo(f *feed) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.kind != chat.KindDirect {
		return false
	}
	pages := map[chat.ID]int{}
	for sub := range f.subs {
		if sub.live {
			pages[sub.socket.viewer.ID]++
		}
	}
	for person, n := range pages {
		if p := h.people[person]; p == nil || len(p.sockets) != n {
			return false
		}
	}
	return len(pages) == 2
}

func (h *Hub) sendChangedRows(ctx context.Context, batch rowBatch) error {
	if len(batch.conversations) == 0 || !h.anybody() {
		return nil
	}
	rows, err := h.readRows(ctx, batch)
	if err != nil {
		h.rows.putBack(rowBatch{conversations: batch.conversations, besides: batch.besides})
		return err
	}
	byPerson := map[chat.ID][]chat.ListRow{}
	readers := map[chat.ID]int{}
	for _, row := range rows {
		if readers[row.ConversationID]++; readers[row.ConversationID] == rowsMany+1 && batch.conversations[row.ConversationID] == nil {
			h.rows.hold(row.ConversationID, time.Now().Add(h.timing.Rows))
		}
		byPerson[row.PersonID] = append(byPerson[row.PersonID], row)
		if people, asked := batch.conversations[row.ConversationID]; asked && people == nil {
			h.flushed.Store(row.ConversationID, row.ChangeSeq) // where only some were told, the sweep has to tell the others
		}
	}
	connected := make([]chat.ID, 0, len(byPerson))
	for person, rows := range byPerson {
		p := h.personOf(person)
		switch {
		case p == nil:
		case time.Now().Before(p.totalsUntil) && !slices.ContainsFunc(rows, func(row chat.ListRow) bool { return !p.totals.Holds(row) }):
			h.sendToPerson(person, frameRows, rows, p.totals)
		default:
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
		until := time.Now().Add(totalsKept)
		for _, person := range people {
			t, some := totals[person]
			if !some {
				t.Of = &chat.Counted{}
			}
			if p := h.personOf(person); p != nil {
				p.totals, p.totalsUntil = t, until
			}
			h.sendToPerson(person, frameRows, byPerson[person], t)
		}
		connected = connected[len(people):]
	}
	return nil
}

// readRows reads the rows of conversations that somebody at this node is to hear of, and no others': those that all members
// are to hear of for whoever is connected, the rest for whom they are named.
func (h *Hub) readRows(ctx context.Context, batch rowBatch) ([]chat.ListRow, error) {
	var forAll, forSome, named []chat.ID
	hears := map[chat.ID]audience{}
	for id, people := range batch.conversations {
		if people == nil {
			forAll = append(forAll, id)
			if people = batch.besides[id]; people == nil {
				continue
			}
		}
		hears[id] = people
		forSome = append(forSome, id)
	}
	var rows []chat.ListRow
	known := map[[2]chat.ID]struct{}{}
	if len(forAll) > 0 {
		present := h.presentIn(forAll)
		read, err := bounded(ctx, h, func(ctx context.Context) ([]chat.ListRow, error) {
			return h.chat.RowsOf(ctx, forAll, present, nil)
		})
		if err != nil {
			return nil, err
		}
		rows = read
		for _, row := range rows {
			known[[2]chat.ID{row.ConversationID, row.PersonID}] = struct{}{}
		}
	}
	forSome = slices.DeleteFunc(forSome, func(id chat.ID) bool { // what is there need not be read again
		before := len(named)
		for person := range hears[id] {
			if _, told := known[[2]chat.ID{id, person}]; !told && len(h.socketsOf(person)) > 0 {
				named = append(named, person)
			}
		}
		return len(named) == before
	})
	if len(named) > 0 {
		read, err := bounded(ctx, h, func(ctx context.Context) ([]chat.ListRow, error) {
			return h.chat.RowsOf(ctx, forSome, nil, named) // who may have left, and still has a row
		})
		if err != nil {
			return nil, err
		}
		for _, row := range read {
			_, told := known[[2]chat.ID{row.ConversationID, row.PersonID}]
			if _, heard := hears[row.ConversationID][row.PersonID]; heard && !told {
				rows = append(rows, row)
			}
		}
	}
	return rows, nil
}

// presentIn are people among whom everybody with a socket here is who is in one of the conversations: those who have them
// open, where nobody else can be in them.
func (h *Hub) presentIn(conversations []chat.ID) (people []chat.ID) {
	for _, id := range conversations {
		f := h.feedOf(id)
		if f == nil || !h.betweenTwo(f) {
			return h.connected()
		}
		readers, _ := f.readers(nil)
		people = append(people, readers...)
	}
	return people
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
	arriving := h.arriving(connected)
	lists, err := bounded(ctx, h, func(ctx context.Context) (map[chat.ID]chat.ListPage, error) {
		return h.chat.Lists(ctx, connected)
	})
	if err != nil {
		h.rows.putBack(rowBatch{wholes: people})
		return err
	}
	for _, person := range connected {
		list := lists[person]
		if p := h.personOf(person); p != nil {
			p.totals = chat.ListTotals{} // of which nothing is known but their numbers
		}
		h.sendToPerson(person, frameList, list.Rows, chat.ListTotals{
			Unread: list.UnreadTotal, Archived: list.Archived, Requests: list.Requests,
		})
	}
	return h.revokeArriving(ctx, arriving)
}

// arriving are those sockets of these people that have no list yet.
func (h *Hub) arriving(people []chat.ID) (arriving []*Socket) {
	for _, person := range people {
		for _, s := range h.socketsOf(person) {
			if !s.settled.Load() {
				arriving = append(arriving, s)
			}
		}
	}
	return arriving
}

// revokeArriving closes those whose session ended after it was asked for their request, and before the socket could be found
// by it. Where it cannot be read the sweep finds them.
func (h *Hub) revokeArriving(ctx context.Context, arriving []*Socket) error {
	if len(arriving) == 0 {
		return nil
	}
	sessions := make([]chat.ID, len(arriving))
	for i, s := range arriving {
		sessions[i] = s.viewer.SessionID
	}
	alive, err := bounded(ctx, h, func(ctx context.Context) ([]chat.ID, error) {
		return h.chat.SessionsAlive(ctx, sessions)
	})
	if err != nil {
		return err
	}
	for _, s := range arriving {
		if !slices.Contains(alive, s.viewer.SessionID) {
			s.close(ClosedRevoked)
		}
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
	f := frame{Type: kind, HTML: html, Total: &totals.Unread, Archived: &totals.Archived, Requests: &totals.Requests}
	if kind == frameList {
		f.Epoch = h.currentEpoch()
	}
	encoded := f.encode()
	for _, s := range sockets {
		s.write(encoded)
		if kind == frameList {
			s.settle()
		}
	}
}

func (h *Hub) anybody() bool { return h.Sockets() > 0 }
