package realtime

import (
	"context"
	"errors"
	"time"

	"parley/chat"
)

// sweepOverlap is how far back each sweep looks again: a transaction becomes visible up to 5 s after the time that its
// rows carry, and no transaction lives longer.
const sweepOverlap = 6 * time.Second

// sweepLoop repairs what hints did not say: they may be lost on the way from another node, and a subcommand of the
// binary sends none.
func (h *Hub) sweepLoop(ctx context.Context) {
	tick := time.NewTicker(h.timing.Sweep)
	defer tick.Stop()
	var since time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		h.allowances.forget(time.Now())
		if !h.anybody() {
			since = time.Time{}
			continue
		}
		query, cancel := context.WithTimeout(ctx, h.timing.Query)
		at, err := h.sweep(query, since)
		cancel()
		if err != nil && ctx.Err() == nil {
			h.log.Warn("sweep failed", "error", err)
			continue // and look from the same moment on, next time
		}
		since = at
	}
}

// sweep looks once. It returns the moment from which the next one has to look.
func (h *Hub) sweep(ctx context.Context, since time.Time) (time.Time, error) {
	for kind, times := range h.unheard.take() {
		for range times {
			h.meter.HintRepaired(kind)
		}
	}
	err := errors.Join(h.sweepEpoch(ctx), h.sweepConversations(ctx), h.sweepPeople(ctx), h.sweepSessions(ctx), h.sweepReceipts(ctx))
	if !since.IsZero() {
		err = errors.Join(err, h.sweepCards(ctx, since), h.sweepMoves(ctx, since))
	}
	active, now, activeErr := h.chat.Active(ctx, since)
	for id, changeSeq := range active {
		if known, ok := h.flushed.Load(id); !ok || known.(int64) != changeSeq {
			h.flushed.Store(id, changeSeq) // also where nobody here has a row of it; what cannot be read stays in the queue
			h.rows.conversation(id)
		}
	}
	h.flushed.Range(func(id, _ any) bool {
		if _, still := active[id.(chat.ID)]; !still {
			h.flushed.Delete(id)
		}
		return true
	})
	if activeErr == nil {
		err = errors.Join(err, h.sweepQuiet(ctx, since, now))
	}
	if h.rows.waiting() {
		h.rows.kick()
	}
	if h.receipts.waiting() {
		h.receipts.kick()
	}
	if h.watching.waiting() {
		kick(h.watching.asking)
	}
	return now.Add(-sweepOverlap), errors.Join(err, activeErr)
}

// sweepQuiet sends the rows of conversations whose quiet has ended since the last sweep, to those who had wanted it. That is
// no matter of what was committed when, so nothing is looked at twice; but whoever came before the first sweep may have been
// sent a list from before the end.
func (h *Hub) sweepQuiet(ctx context.Context, since, now time.Time) error {
	after := since.Add(sweepOverlap) // the moment of the last sweep
	if since.IsZero() {
		after = now.Add(-sweepOverlap)
	}
	ended, err := h.chat.QuietEnded(ctx, after, now)
	for person, conversations := range ended {
		if len(h.socketsOf(person)) > 0 {
			h.rows.ofPerson(person, conversations)
		}
	}
	return err
}

// sweepEpoch notices that the counters belong to another history: then every cursor is void, and so is every list.
func (h *Hub) sweepEpoch(ctx context.Context) error {
	epoch, err := h.chat.Epoch(ctx)
	if err != nil {
		return err
	}
	h.mu.Lock()
	other := h.epoch != epoch
	h.epoch = epoch
	feeds := make([]*feed, 0, len(h.feeds))
	for _, f := range h.feeds {
		feeds = append(feeds, f)
	}
	h.mu.Unlock()
	if !other {
		return nil
	}
	h.log.Warn("the database's history is another one; pages are fetched anew", "epoch", epoch)
	for _, f := range feeds {
		f.mu.Lock()
		f.resetLocked()
		f.mu.Unlock()
	}
	h.cards.Clear()
	h.watching.anew()
	for _, id := range h.connected() {
		h.rows.whole(id)
	}
	return nil
}

func (h *Hub) sweepConversations(ctx context.Context) error {
	ids := h.openConversations()
	if len(ids) == 0 {
		return nil
	}
	heads, err := h.chat.Heads(ctx, ids)
	for id, head := range heads {
		if f := h.feedOf(id); f != nil {
			f.swept(head)
		}
	}
	return err
}

func (h *Hub) sweepPeople(ctx context.Context) error {
	h.mu.RLock()
	ids := make([]chat.ID, 0, len(h.people))
	known := make(map[chat.ID]int64, len(h.people))
	for id, p := range h.people {
		ids = append(ids, id)
		known[id] = p.viewSeq
	}
	h.mu.RUnlock()
	shown := h.watching.known() // also of people who are not connected here
	for id := range shown {
		if _, connected := known[id]; !connected {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	seqs, err := h.chat.ViewSeqs(ctx, ids)
	for id, viewSeq := range seqs {
		if before, connected := known[id]; connected {
			h.sweepPerson(id, before, viewSeq)
		}
		if before, watched := shown[id]; watched {
			h.watching.changed(id, viewSeq, func(known int64) bool { return otherView(known, before, viewSeq) })
		}
	}
	return err
}

// sweepPerson is readPerson for what a sweep has found; it notes what no hint has said yet. Other nodes may not have heard of it
// either, and look for none but those who are connected to them.
func (h *Hub) sweepPerson(id chat.ID, before, viewSeq int64) {
	lost := false
	h.moveView(id, viewSeq, func(known int64) bool {
		if lost = viewSeq > known; lost {
			h.unheard.note(HintPerson, id, viewSeq)
		}
		return otherView(known, before, viewSeq)
	})
	if lost {
		h.link.Send(chat.PersonChanged{PersonID: id, ViewSeq: viewSeq})
	}
}

func (h *Hub) sweepSessions(ctx context.Context) error {
	h.mu.RLock()
	ids := make([]chat.ID, 0, len(h.sessions))
	for id := range h.sessions {
		ids = append(ids, id)
	}
	h.mu.RUnlock()
	if len(ids) == 0 {
		return nil
	}
	alive, err := h.chat.SessionsAlive(ctx, ids)
	if err != nil {
		return err
	}
	stands := make(map[chat.ID]struct{}, len(alive))
	for _, id := range alive {
		stands[id] = struct{}{}
	}
	for _, id := range ids {
		if _, ok := stands[id]; !ok {
			h.unheard.note(HintSession, id, 0)
			if !h.endSession(id) { // a hint has said so, or the page has gone
				h.unheard.heard(HintSession, id, 0)
			}
		}
	}
	return nil
}
