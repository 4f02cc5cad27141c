package chat

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// memoryLimiterBuckets bounds the memory of a [MemoryLimiter], at some 200 bytes a bucket: so many are by address, and so
// many are others. When they are full the least recently used one goes. Whoever has a whole network of addresses can push
// out those of others, and nothing but those: what an account has left is not forgotten for it.
const memoryLimiterBuckets = 65_536

// MemoryLimiter is the [Limiter] of a single node.
type MemoryLimiter struct {
	clock     Clock
	mu        sync.Mutex
	addresses buckets
	others    buckets
}

// buckets says when each is full again.
type buckets = *simplelru.LRU[string, time.Time]

// NewMemoryLimiter returns a limiter whose buckets live in this process.
func NewMemoryLimiter(clock Clock) *MemoryLimiter {
	return newMemoryLimiter(clock, memoryLimiterBuckets)
}

func newMemoryLimiter(clock Clock, size int) *MemoryLimiter {
	return &MemoryLimiter{clock: clock, addresses: newBuckets(size), others: newBuckets(size)}
}

func newBuckets(size int) buckets {
	b, err := simplelru.NewLRU[string, time.Time](size, nil)
	if err != nil {
		panic(err) // only a size below one is an error
	}
	return b
}

// Allow implements [Limiter].
func (m *MemoryLimiter) Allow(_ context.Context, limit Limit, key string) (bool, time.Duration) {
	name, now := limit.Name+"\x00"+key, m.clock()
	m.mu.Lock()
	defer m.mu.Unlock()
	buckets := m.others
	if limit.ByAddress {
		buckets = m.addresses
	}
	full, _ := buckets.Get(name)
	if full.Before(now) {
		full = now
	}
	full = full.Add(limit.Every)
	if wait := full.Sub(now) - time.Duration(limit.Burst)*limit.Every; wait > 0 {
		return false, wait
	}
	buckets.Add(name, full)
	return true, 0
}
