package chat

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestTurns(t *testing.T) {
	t.Parallel()

	busy := func(t *testing.T, err error) {
		t.Helper()
		var e *Error
		if !errors.As(err, &e) || e.Kind != KindUnavailable || e.Code != CodeBusy || e.RetryAfter != hashPatience {
			t.Errorf("got %v", err)
		}
	}

	t.Run("nobody waits longer than the bound, and the place of who gave up is nobody's", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			q := &turns{free: 1, most: 10, patience: hashPatience}
			if err := q.take(t.Context(), anybody); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			busy(t, q.take(t.Context(), anybody))
			busy(t, q.take(t.Context(), known))
			if took := time.Since(began); took != 2*hashPatience {
				t.Errorf("they waited %v", took)
			}
			q.release()
			for _, r := range []rank{known, anybody} {
				if err := q.take(t.Context(), r); err != nil {
					t.Errorf("it is free, and %v", err)
				}
				q.release()
			}
		})
	})

	t.Run("whoever finds enough waiting is told at once", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			q := newPasswords(DefaultBcryptCost, true).turns
			if q.most < 10*hashSlots() || q.most > 40*hashSlots() {
				t.Errorf("%d may wait for %d slots", q.most, hashSlots())
			}
			q.free = 0
			var all sync.WaitGroup
			for range q.most {
				all.Go(func() { busy(t, q.take(t.Context(), anybody)) })
			}
			synctest.Wait()
			began := time.Now()
			busy(t, q.take(t.Context(), anybody))
			if took := time.Since(began); took != 0 {
				t.Errorf("it took %v", took)
			}
			// A known one still finds a place to wait in.
			all.Go(func() {
				if err := q.take(t.Context(), known); err != nil {
					t.Errorf("a known one: %v", err)
				}
			})
			synctest.Wait()
			q.release()
			all.Wait()
		})
	})

	t.Run("known ones go first, otherwise whoever came first", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			q := &turns{most: 10, patience: hashPatience}
			var served []string
			var all sync.WaitGroup
			wait := func(name string, r rank) {
				all.Go(func() {
					if err := q.take(t.Context(), r); err != nil {
						t.Errorf("%s: %v", name, err)
					}
					served = append(served, name) // one after the other
					q.release()
				})
				synctest.Wait()
			}
			wait("first", anybody)
			wait("second", anybody)
			wait("known", known)
			wait("known, too", known)
			q.release()
			all.Wait()
			if want := []string{"known", "known, too", "first", "second"}; !slices.Equal(served, want) {
				t.Errorf("served %v", served)
			}
			if q.free != 1 {
				t.Errorf("%d free in the end", q.free)
			}
		})
	})

	t.Run("who gives up is passed over", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			q := newPasswords(4, false).turns // where nothing is bounded
			q.free = 0
			ctx, cancel := context.WithCancel(t.Context())
			var all sync.WaitGroup
			all.Go(func() {
				if err := q.take(ctx, anybody); CodeOf(err) != CodeUnavailable {
					t.Errorf("got %v", err)
				}
			})
			synctest.Wait()
			all.Go(func() {
				if err := q.take(t.Context(), anybody); err != nil {
					t.Error(err)
				}
			})
			time.Sleep(time.Hour) // by the clock of this test
			cancel()
			synctest.Wait()
			q.release()
			all.Wait()
		})
	})
}
