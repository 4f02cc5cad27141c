package chat

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

func TestPasswords(t *testing.T) {
	t.Parallel()

	t.Run("the stand-in for nobody's hash costs as much as anybody's", func(t *testing.T) {
		t.Parallel()
		for _, cost := range []int{4, 12, 31} {
			if got, err := bcrypt.Cost(newPasswords(cost, false).dummy); err != nil || got != cost {
				t.Errorf("%d: %d, %v", cost, got, err)
			}
		}
		p := newPasswords(4, false)
		if err := bcrypt.CompareHashAndPassword(p.dummy, []byte("x")); !errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
			t.Errorf("comparing did not go to the end: %v", err)
		}
	})

	t.Run("no more hash at once than half the cores", func(t *testing.T) {
		t.Parallel()
		p := newPasswords(4, false)
		most := int64(max(1, runtime.GOMAXPROCS(0)/2))
		var now, highest atomic.Int64
		p.compare = func(_, _ []byte) error {
			if n := now.Add(1); n > highest.Load() {
				highest.Store(n)
			}
			runtime.Gosched()
			now.Add(-1)
			return nil
		}
		var all sync.WaitGroup
		for range 20 * most {
			all.Go(func() {
				if match, err := p.matches(t.Context(), anybody, "hash", "password"); err != nil || !match {
					t.Errorf("got %v, %v", match, err)
				}
			})
		}
		all.Wait()
		if highest.Load() > most {
			t.Errorf("%d at once", highest.Load())
		}
	})

	t.Run("who waits for the others may give up", func(t *testing.T) {
		t.Parallel()
		p := newPasswords(4, false)
		p.turns.free = 0
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := p.matches(ctx, anybody, "hash", "password"); KindOf(err) != KindUnavailable {
			t.Errorf("got %v", err)
		}
		if _, err := p.hash(ctx, known, "password"); KindOf(err) != KindUnavailable {
			t.Errorf("got %v", err)
		}
	})

	t.Run("a hash matches its password alone", func(t *testing.T) {
		t.Parallel()
		hash, err := HashPassword("a horse named staple", 4)
		if err != nil || !PasswordMatches(hash, "a horse named staple") || PasswordMatches(hash, "a horse named stable") || PasswordMatches("", "") {
			t.Errorf("got %s, %v", hash, err)
		}
	})

	t.Run("a password that bcrypt refuses is an error", func(t *testing.T) {
		t.Parallel()
		if _, err := newPasswords(4, false).hash(t.Context(), known, strings.Repeat("a", 73)); err == nil || KindOf(err) != "" {
			t.Errorf("got %v", err)
		}
	})
}
