package chat

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// memoryLimiterBuckets bounds the memory of a [MemoryLimiter], at some 200 bytes a bucket. When it is full the least
// recently used bucket goes: whoever floods it with addresses pushes out idle ones first.
const memoryLimiterBuckets = 65_536

// MemoryLimiter is the [Limiter] of a single node.
type MemoryLimiter struct {
	clock Clock
	mu    sync.Mutex
	full  *simplelru.LRU[string, time.Time] // when each bucket is full again
}

// NewMemoryLimiter returns a limiter whose buckets live in this process.
func NewMemoryLimiter(clock Clock) *MemoryLimiter {
	return newMemoryLimiter(clock, memoryLimiterBuckets)
}

func newMemoryLimiter(clock Clock, buckets int) *MemoryLimiter {
	full, err := simplelru.NewLRU[string, time.Time](buckets, nil)
	if err != nil {
		panic(err) // only a size below one is an error
	}
	return &MemoryLimiter{clock: clock, full: full}
}

// Allow implements [Limiter].
func (m *MemoryLimiter) Allow(_ context.Context, limit Limit, key string) (bool, time.Duration) {
	name, now := limit.Name+"\x00"+key, m.clock()
	m.mu.Lock()
	defer m.mu.Unlock()
	full, _ := m.full.Get(name)
	if full.Before(now) {
		full = now
	}
	full = full.Add(limit.Every)
	if wait := full.Sub(now) - time.Duration(limit.Burst)*limit.Every; wait > 0 {
		return false, wait
	}
	m.full.Add(name, full)
	return true, 0
}
