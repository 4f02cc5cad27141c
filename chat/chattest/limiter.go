package chattest

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/chat"
)

// TestLimiter holds a limiter to what [chat.Limiter] says. begin makes one whose buckets are full, and what lets so much
// time pass for it; time that passes by itself does no harm, as long as it is no hour.
func TestLimiter(t *testing.T, begin func(t *testing.T) (limiter chat.Limiter, pass func(time.Duration))) {
	limit := chat.Limit{Name: "one", Every: time.Hour, Burst: 5}

	t.Run("the boundary is exact, and a refusal takes nothing", func(t *testing.T) {
		t.Parallel()
		l, pass := begin(t)
		began := time.Now()
		allowed := func(n int) {
			t.Helper()
			for i := range n {
				if ok, wait := l.Allow(t.Context(), limit, "anna"); !ok || wait != 0 {
					t.Errorf("%d of %d: %v, %v", i+1, n, ok, wait)
				}
			}
		}
		refused := func(wanted time.Duration) {
			t.Helper()
			ok, wait := l.Allow(t.Context(), limit, "anna")
			if ok || wait > wanted || wait < wanted-time.Since(began)-time.Millisecond {
				t.Errorf("%v, %v instead of %v", ok, wait, wanted)
			}
		}
		allowed(5)
		refused(time.Hour)
		refused(time.Hour)
		pass(59 * time.Minute)
		refused(time.Minute)
		pass(time.Minute)
		allowed(1)
		refused(time.Hour)
		pass(4 * time.Hour)
		allowed(4)
		refused(time.Hour)
		pass(1000 * time.Hour) // it is full, and no fuller
		allowed(5)
		refused(time.Hour)
	})

	t.Run("each key and each limit has a bucket of its own", func(t *testing.T) {
		t.Parallel()
		l, _ := begin(t)
		one := chat.Limit{Name: "one", Every: time.Hour, Burst: 1}
		two := chat.Limit{Name: "two", Every: time.Hour, Burst: 1}
		for _, c := range []struct {
			limit chat.Limit
			key   string
			want  bool
		}{
			{one, "a", true}, {one, "b", true}, {two, "a", true}, {one, "", true}, {one, "a", false}, {two, "a", false},
			{one, "b", false}, {one, "", false}, {one, "a\x00\xff{b}\r\n", true}, {one, "a\x00\xff{b}\r\n", false},
		} {
			if ok, _ := l.Allow(t.Context(), c.limit, c.key); ok != c.want {
				t.Errorf("%s %q: %v", c.limit.Name, c.key, ok)
			}
		}
	})

	t.Run("many at once get exactly the burst, and the refused take nothing", func(t *testing.T) {
		t.Parallel()
		l, pass := begin(t)
		for _, want := range []int32{5, 3} {
			var all sync.WaitGroup
			var allowed atomic.Int32
			for range 50 {
				all.Go(func() {
					if ok, _ := l.Allow(t.Context(), limit, "anna"); ok {
						allowed.Add(1)
					}
				})
			}
			all.Wait()
			if n := allowed.Load(); n != want {
				t.Errorf("%d instead of %d", n, want)
			}
			pass(3 * time.Hour)
		}
	})
}
