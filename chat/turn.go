package chat

import (
	"context"
	"slices"
	"sync"
	"time"
)

// rank says who goes first where all wait for the same.
type rank int

// The ranks. Whoever is known (logged in, or holding a link that only they were sent) does not wait behind people whom
// nobody knows yet, because anybody can be as many of those as they like.
const (
	known rank = iota
	anybody
	ranks
)

// turns lets a number of people at once do what takes all of a core. Whoever finds no place waits, those of each rank in
// the order in which they came; known ones go before all others.
//
// Where the wait is bounded, no more wait of each rank than can have their turn within the bound, and nobody longer.
type turns struct {
	most     int           // of each rank; 0: any number
	patience time.Duration // 0: any time

	mu      sync.Mutex
	free    int
	waiting [ranks][]chan struct{} // only where nothing is free
}

// take waits for a turn, which release gives on. Errors: unavailable, with busy where too many wait or it took too long.
func (t *turns) take(ctx context.Context, r rank) error {
	t.mu.Lock()
	if t.free > 0 {
		t.free--
		t.mu.Unlock()
		return nil
	}
	if t.most > 0 && len(t.waiting[r]) >= t.most {
		t.mu.Unlock()
		return t.busy()
	}
	mine := make(chan struct{})
	t.waiting[r] = append(t.waiting[r], mine)
	t.mu.Unlock()

	var over <-chan time.Time
	if t.patience > 0 {
		timer := time.NewTimer(t.patience)
		defer timer.Stop()
		over = timer.C
	}
	var refusal error
	select {
	case <-mine:
		return nil
	case <-over:
		refusal = t.busy()
	case <-ctx.Done():
		refusal = Unavailable(ctx.Err())
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.Index(t.waiting[r], mine)
	if i < 0 {
		return nil // it came in this very moment
	}
	t.waiting[r] = slices.Delete(t.waiting[r], i, i+1)
	return refusal
}

func (t *turns) release() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for r, waiting := range t.waiting {
		if len(waiting) > 0 {
			close(waiting[0])
			t.waiting[r] = waiting[1:]
			return
		}
	}
	t.free++
}

// busy is the refusal of somebody who did nothing wrong: the others are too many.
func (t *turns) busy() error {
	return &Error{Kind: KindUnavailable, Code: CodeBusy, RetryAfter: t.patience}
}
