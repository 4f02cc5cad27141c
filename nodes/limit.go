package nodes

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"parley/chat"
)

// limitPrefix begins the keys of buckets. What stands in one has a version of its own.
const limitPrefix = "parley:limit:1:"

// probing is the bucket that the watch takes from; nobody is refused by it.
var probing = chat.Limit{Name: "probe", Every: time.Millisecond, Burst: 1000}

// gcra takes one from a bucket, by the generic cell rate algorithm: what is kept is when the bucket is full again. It
// answers 0, or how many microseconds are to be waited and takes nothing.
//
// It reads Redis' own clock, so that nodes whose clocks differ count alike. Where that clock goes back, as it may when
// another server takes over, nobody waits longer than for an empty bucket. Microseconds are whole numbers well below 2^53,
// which is where Lua's stop being exact; libraries for this (redis_rate) count in fractions of seconds and are not exact
// at the boundary.
var gcra = redis.NewScript(`
	local every, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
	local clock = redis.call('TIME')
	local now = clock[1] * 1000000 + clock[2]
	local full = tonumber(redis.call('GET', KEYS[1]) or now)
	full = math.min(math.max(full, now), now + burst * every) + every
	local wait = full - now - burst * every
	if wait > 0 then
		return wait
	end
	redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000))
	return 0
`)

// take takes one from a bucket; wait is how long until there is one, if there is none.
func take(ctx context.Context, client redis.UniversalClient, limit chat.Limit, key string) (wait time.Duration, err error) {
	every := max(limit.Every.Microseconds(), 1)
	micros, err := gcra.Run(ctx, client, []string{bucket(limit, key)}, every, limit.Burst).Int64()
	return time.Duration(micros) * time.Microsecond, err
}

// bucket names a bucket. Whom it is for stands there as a hash: addresses and names of accounts are nothing for a place
// that whoever looks after Redis can list, and may be of any length.
func bucket(limit chat.Limit, key string) string {
	return limitPrefix + limit.Name + ":" + hashed(key)
}

// Limiter is the [chat.Limiter] of several nodes: each bucket is in Redis and theirs together. While Redis is away each
// node counts by itself, and does not begin anew: what it let through before counts.
type Limiter struct {
	redis *Redis
	alone chat.Limiter
}

// NewLimiter makes a limiter over the nodes' Redis, and over this node's own while that is away.
func NewLimiter(r *Redis, alone chat.Limiter) *Limiter { return &Limiter{redis: r, alone: alone} }

// Allow implements [chat.Limiter].
func (l *Limiter) Allow(ctx context.Context, limit chat.Limit, key string) (ok bool, retryAfter time.Duration) {
	var wait time.Duration
	err := l.redis.Ask(ctx, func(ctx context.Context, client redis.UniversalClient) (err error) {
		wait, err = take(ctx, client, limit, key)
		return err
	})
	if err != nil {
		return l.alone.Allow(ctx, limit, key)
	}
	if wait > 0 {
		return false, wait
	}
	l.alone.Allow(ctx, limit, key)
	return true, 0
}
