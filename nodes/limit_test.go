package nodes_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"parley/chat"
	"parley/chat/chattest"
	"parley/config"
	"parley/nodes"
	"parley/nodes/nodestest"
)

var quiet = slog.New(slog.DiscardHandler)

// patient waits for Redis even where the machine is busy; impatient is as it is for people, but looks often.
var (
	patient   = nodes.Timing{Patience: 20 * time.Second, Watch: 20 * time.Millisecond}
	impatient = nodes.Timing{Watch: 20 * time.Millisecond}
)

func open(t testing.TB, server config.Redis, timing nodes.Timing) *nodes.Redis {
	t.Helper()
	r := nodes.Open(server, quiet, timing)
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// limiter is that of a node, with a memory of its own.
func limiter(r *nodes.Redis) *nodes.Limiter {
	return nodes.NewLimiter(r, chat.NewMemoryLimiter(time.Now))
}

// hourly is a limit that no test lives to see refilled.
var hourly = chat.Limit{Name: "login", Every: time.Hour, Burst: 10}

// spend takes from a bucket until it is refused, and returns how often it was not.
func spend(t *testing.T, limit chat.Limit, key string, limiters ...chat.Limiter) (allowed int) {
	t.Helper()
	for refused := 0; refused < len(limiters); {
		for _, l := range limiters {
			if ok, _ := l.Allow(t.Context(), limit, key); !ok {
				refused++
				continue
			}
			if allowed++; allowed > 100*limit.Burst {
				t.Fatal("there is no end to it")
			}
		}
	}
	return allowed
}

// pass lets time pass for all buckets: each is full so much sooner.
var passing = redis.NewScript(`
	for _, key in ipairs(redis.call('KEYS', 'parley:limit:1:*')) do
		redis.call('SET', key, string.format('%.0f', redis.call('GET', key) - ARGV[1]), 'KEEPTTL')
	end
`)

func TestLimiter(t *testing.T) {
	t.Parallel()
	login := hourly

	t.Run("over Redis", func(t *testing.T) {
		t.Parallel()
		chattest.TestLimiter(t, func(t *testing.T) (chat.Limiter, func(time.Duration)) {
			server := nodestest.Start(t)
			r, client := open(t, server.Config(), patient), server.Client()
			t.Cleanup(func() {
				if r.Away() {
					t.Error("it was not Redis that counted")
				}
			})
			return limiter(r), func(d time.Duration) {
				if err := passing.Run(t.Context(), client, nil, d.Microseconds()).Err(); err != nil && !errors.Is(err, redis.Nil) {
					t.Error(err)
				}
			}
		})
	})

	t.Run("over a Redis that is away", func(t *testing.T) {
		t.Parallel()
		server := nodestest.Start(t)
		server.Kill()
		r := open(t, server.Config(), impatient)
		chattest.TestLimiter(t, func(*testing.T) (chat.Limiter, func(time.Duration)) {
			var mu sync.Mutex
			now := time.Now()
			clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
			return nodes.NewLimiter(r, chat.NewMemoryLimiter(clock)),
				func(d time.Duration) { mu.Lock(); defer mu.Unlock(); now = now.Add(d) }
		})
	})

	t.Run("two nodes share each bucket", func(t *testing.T) {
		t.Parallel()
		server := nodestest.Start(t)
		here, there := limiter(open(t, server.Config(), patient)), limiter(open(t, server.Config(), patient))
		if n := spend(t, login, "anna", here, there); n != login.Burst {
			t.Errorf("%d instead of %d", n, login.Burst)
		}
		if n := spend(t, login, "ben", there); n != login.Burst {
			t.Errorf("another key: %d instead of %d", n, login.Burst)
		}
	})

	t.Run("a Redis whose clock goes back makes nobody wait for longer than an empty bucket", func(t *testing.T) {
		t.Parallel()
		server := nodestest.Start(t)
		l, client := limiter(open(t, server.Config(), patient)), server.Client()
		spend(t, login, "anna", l)
		if err := passing.Run(t.Context(), client, nil, -(1000 * time.Hour).Microseconds()).Err(); err != nil && !errors.Is(err, redis.Nil) {
			t.Fatal(err)
		}
		if ok, wait := l.Allow(t.Context(), login, "anna"); ok || wait > login.Every {
			t.Errorf("%v, %v", ok, wait)
		}
	})

	t.Run("no bucket outlives the time in which it is full, and none names anybody", func(t *testing.T) {
		t.Parallel()
		server := nodestest.Start(t)
		l, client := limiter(open(t, server.Config(), patient)), server.Client()
		spend(t, login, "anna@example.org", l)
		keys, err := client.Keys(t.Context(), "*").Result()
		if err != nil || len(keys) < 1 {
			t.Fatalf("%v, %v", keys, err)
		}
		for _, key := range keys {
			// 0 is less than a millisecond.
			if life := client.PTTL(t.Context(), key).Val(); life < 0 && client.Exists(t.Context(), key).Val() == 1 || life > 10*time.Hour {
				t.Errorf("%s lives for %v", key, life)
			}
			if strings.Contains(key, "anna") || !strings.HasPrefix(key, "parley:limit:1:") {
				t.Errorf("there is a key %s", key)
			}
		}
	})

	t.Run("with Redis cut each node goes on counting from what it let through", func(t *testing.T) {
		t.Parallel()
		server := nodestest.Start(t)
		redisHere, redisThere := open(t, server.Config(), patient), open(t, server.Config(), patient)
		here, there := limiter(redisHere), limiter(redisThere)
		if n := spend(t, login, "anna", here); n != login.Burst {
			t.Fatalf("premise: %d", n)
		}
		server.Kill()
		server.Await("both have noticed", func() bool { return redisHere.Away() && redisThere.Away() })
		if ok, _ := here.Allow(t.Context(), login, "anna"); ok {
			t.Error("it begins anew because Redis went away")
		}
		if n := spend(t, login, "anna", there); n != login.Burst {
			t.Errorf("the other node lets %d through", n)
		}
		server.Restart()
		server.Await("both have noticed", func() bool { return !redisHere.Away() && !redisThere.Away() })
		if n := spend(t, login, "ben", here, there); n != login.Burst {
			t.Errorf("with Redis again it is %d", n)
		}
	})

	t.Run("a Redis that was emptied is filled again", func(t *testing.T) {
		t.Parallel()
		server := nodestest.Start(t)
		here, there := limiter(open(t, server.Config(), patient)), limiter(open(t, server.Config(), patient))
		spend(t, login, "anna", here, there)
		server.Flush()
		if n := spend(t, login, "anna", here, there); n != login.Burst {
			t.Errorf("%d instead of %d", n, login.Burst)
		}
	})
}

func TestBreaker(t *testing.T) {
	t.Parallel()

	// What a person waits is measured; the bound is wide enough for a machine that is busy otherwise.
	const bound = 2 * time.Second
	search := chat.Limit{Name: "search", Every: time.Second, Burst: 1_000_000}
	for name, trouble := range map[string]struct{ begin, end func(*nodestest.Server) }{
		"stopped dead": {(*nodestest.Server).Freeze, (*nodestest.Server).Thaw},
		"killed":       {(*nodestest.Server).Kill, (*nodestest.Server).Restart},
		"slow": {
			func(s *nodestest.Server) { s.Slow(500 * time.Millisecond) }, func(s *nodestest.Server) { s.Slow(0) },
		},
	} {
		t.Run("a Redis that is "+name+" slows a thousand requests by less than two seconds altogether", func(t *testing.T) {
			t.Parallel()
			server := nodestest.Start(t)
			r := open(t, server.Config(), impatient)
			l := limiter(r)
			used := func() bool {
				l.Allow(t.Context(), search, "anna")
				return server.Client().Exists(t.Context(), nodes.Bucket(search, "anna")).Val() == 1
			}
			server.Await("it is used", used)
			trouble.begin(server)
			began := time.Now()
			for range 1000 {
				if ok, _ := l.Allow(t.Context(), search, "anna"); !ok {
					t.Fatal("refused")
				}
			}
			if took := time.Since(began); took > bound {
				t.Errorf("it took %v", took)
			}
			server.Await("it is noticed", r.Away)
			trouble.end(server)
			server.Flush()
			server.Await("it is used again", used)
		})
	}

	t.Run("who stops waiting breaks nothing off", func(t *testing.T) {
		t.Parallel()
		server := nodestest.Start(t)
		r := open(t, server.Config(), patient)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if ok, _ := limiter(r).Allow(ctx, search, "anna"); !ok || r.Away() {
			t.Error("Redis was given up")
		}
	})

	t.Run("trouble and its end are told of once", func(t *testing.T) {
		t.Parallel()
		server := nodestest.Start(t, "--requirepass", "topsecret")
		log := &notebook{}
		address := strings.Replace(string(server.Address()), "redis://", "redis://:topsecret@", 1)
		settings, ok := config.ParseRedis(config.Secret(address))
		if !ok {
			t.Fatal("the address is none")
		}
		r := nodes.Open(settings, slog.New(slog.NewTextHandler(log, nil)), patient)
		for range 3 {
			server.Kill()
			server.Await("it is noticed", r.Away)
			server.Restart()
			server.Await("it is used again", func() bool { return !r.Away() })
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if text := log.String(); strings.Count(text, "slow or away") != 1 || strings.Count(text, "answers again") != 1 ||
			!strings.Contains(text, "error=") || strings.Contains(text, "topsecret") {
			t.Errorf("it says %s", text)
		}
	})

	t.Run("a Redis that does not let this installation in is one that is away", func(t *testing.T) {
		t.Parallel()
		server := nodestest.Start(t, "--requirepass", "topsecret")
		log := &notebook{}
		r := nodes.Open(server.Config(), slog.New(slog.NewTextHandler(log, nil)), patient)
		defer func() { _ = r.Close() }()
		server.Await("it is noticed", r.Away)
		if ok, _ := limiter(r).Allow(t.Context(), search, "anna"); !ok {
			t.Error("refused")
		}
		if text := log.String(); !strings.Contains(text, "NOAUTH") {
			t.Errorf("it says %s", text)
		}
	})
}

// notebook is a log that can be read while it is written.
type notebook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (n *notebook) Write(b []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.Write(b)
}

func (n *notebook) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.String()
}
