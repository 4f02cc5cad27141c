package chat

import (
	"context"
	"time"

	"github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// memoryLimiterBuckets bounds the memory of a [MemoryLimiter], at some 200 bytes a bucket. When it is full the least
// recently used bucket goes: whoever floods it with addresses pushes out idle ones first.
const memoryLimiterBuckets = 65_536

// MemoryLimiter is the [Limiter] of a single node.
type MemoryLimiter struct {
	clock   Clock
	buckets *lru.Cache[string, *rate.Limiter]
}

// NewMemoryLimiter returns a limiter whose buckets live in this process.
func NewMemoryLimiter(clock Clock) *MemoryLimiter {
	buckets, err := lru.New[string, *rate.Limiter](memoryLimiterBuckets)
	if err != nil {
		panic(err) // only a size below one is an error
	}
	return &MemoryLimiter{clock: clock, buckets: buckets}
}

// Allow implements [Limiter].
func (m *MemoryLimiter) Allow(_ context.Context, limit Limit, key string) (bool, time.Duration) {
	name := limit.Name + "\x00" + key
	bucket, ok := m.buckets.Get(name)
	if !ok {
		fresh := rate.NewLimiter(rate.Every(limit.Every), limit.Burst)
		previous, existed, _ := m.buckets.PeekOrAdd(name, fresh)
		if bucket = fresh; existed {
			bucket = previous
		}
	}
	now := m.clock()
	reservation := bucket.ReserveN(now, 1)
	wait := reservation.DelayFrom(now)
	if wait == 0 {
		return true, 0
	}
	reservation.CancelAt(now)
	return false, wait
}
