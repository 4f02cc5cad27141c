// Package nodes holds what the nodes of an installation share beside the database: one client of Redis, and the counts of
// rate limits and the viewers of the last second that are kept there.
//
// Redis is for speed and for counting together, never for correctness: whoever asks it has something else to fall back
// on, and whoever asks it while somebody waits asks through a circuit breaker, so that a Redis that is slow or away slows
// nobody down.
package nodes

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/sony/gobreaker/v2"

	"parley/config"
)

// Timing of the room. The zero value of each field stands for the default in the comment.
type Timing struct {
	// Patience is how long Redis may take where a person waits: 50 ms. Answers come within one or two in a network that
	// nodes share, so what takes this long is no pause but trouble; and once in an outage nobody notices so much.
	Patience time.Duration
	// Watch is how often Redis is looked at: 1 s. So long may an outage go on here after it is over.
	Watch time.Duration
	// Silence is how often trouble with Redis is told of: 1 min.
	Silence time.Duration
}

func (t Timing) withDefaults() Timing {
	set := func(d *time.Duration, value time.Duration) {
		if *d == 0 {
			*d = value
		}
	}
	set(&t.Patience, 50*time.Millisecond)
	set(&t.Watch, time.Second)
	set(&t.Silence, time.Minute)
	return t
}

// networkPatience bounds what nobody waits for: making a connection, a hint to other nodes, a look whether Redis is back.
const networkPatience = time.Second

// ErrAway is what asking Redis ends with, at once, while it is away.
var ErrAway = errors.New("redis is away")

// Redis is a node's one client of the Redis that joins the nodes, and what it knows of how that is.
type Redis struct {
	client  redis.UniversalClient
	breaker *gobreaker.CircuitBreaker[struct{}]
	timing  Timing
	log     *slog.Logger
	end     context.CancelFunc
	watcher sync.WaitGroup

	mu      sync.Mutex
	trouble error     // what came back last
	outage  bool      // it was told of, and not yet that it is over
	told    time.Time // when
}

func init() {
	// What the library writes to standard error by itself is no line of our log; whatever fails comes back as an error.
	redis.SetLogger(silent{})
}

type silent struct{}

// Printf implements go-redis' interface for logs.
func (silent) Printf(context.Context, string, ...any) {}

// Open makes the client. It does not wait for Redis to answer.
func Open(server config.Redis, log *slog.Logger, timing Timing) *Redis {
	ctx, end := context.WithCancel(context.Background())
	r := &Redis{client: redis.NewUniversalClient(options(server)), timing: timing.withDefaults(), log: log, end: end}
	r.breaker = gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		// The first failure opens it: all that is lost is that this node counts by itself for a moment, whereas each
		// further trial would be somebody's to wait for.
		ReadyToTrip: func(gobreaker.Counts) bool { return true },
		// Open it lets nothing through but what the watch tries, which has its own time: see Ask.
		Timeout:       time.Nanosecond,
		IsExcluded:    func(err error) bool { return errors.Is(err, context.Canceled) }, // this node ends
		OnStateChange: func(_ string, _, to gobreaker.State) { r.tell(to) },
	})
	r.watcher.Go(func() { r.watch(ctx) })
	return r
}

// options says what the library must know of a server, sentinels or a cluster.
func options(server config.Redis) *redis.UniversalOptions {
	o := &redis.UniversalOptions{
		Addrs: server.Addrs, MasterName: server.Master, IsClusterMode: server.Cluster, DB: server.Database,
		Username: server.User, Password: string(server.Password),
		SentinelUsername: server.SentinelUser, SentinelPassword: string(server.SentinelPassword),
		// Whoever asks has something to fall back on, so nothing is tried twice.
		MaxRetries: -1, DialerRetries: 1,
		DialTimeout: networkPatience, ReadTimeout: networkPatience, WriteTimeout: networkPatience, PoolTimeout: networkPatience,
		ContextTimeoutEnabled: true,
		ClientName:            "parley",
	}
	if server.TLS {
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12} // each server by the name that it was asked for by
	}
	return o
}

// Client is the library's client, for what nobody waits for. What somebody waits for goes through [Redis.Ask].
func (r *Redis) Client() redis.UniversalClient { return r.client }

// Away says whether Redis was slow or away when it was asked last; then nobody asks it but the watch.
func (r *Redis) Away() bool { return r.breaker.State() != gobreaker.StateClosed }

// Ask lets ask speak to Redis for Timing.Patience at most. While Redis is away it does not, but returns [ErrAway] at once.
// That the caller stops waiting breaks nothing off, because a connection that is broken off has to be made anew.
func (r *Redis) Ask(ctx context.Context, ask func(ctx context.Context, client redis.UniversalClient) error) error {
	if r.Away() {
		return ErrAway
	}
	return r.try(func() error {
		timed, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.timing.Patience)
		defer cancel()
		return ask(timed, r.client)
	})
}

// try does something of which the breaker is told how it ended.
func (r *Redis) try(work func() error) error {
	_, err := r.breaker.Execute(func() (struct{}, error) {
		err := work()
		if err != nil {
			r.mu.Lock()
			r.trouble = err
			r.mu.Unlock()
		}
		return struct{}{}, err
	})
	return err
}

// watch finds out that Redis is away before somebody has to, and that it is back.
func (r *Redis) watch(ctx context.Context) {
	tick := time.NewTicker(r.timing.Watch)
	defer tick.Stop()
	for {
		_ = r.try(func() error { return r.probe(ctx) })
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// probe does what requests do: first without hurry, because a connection may have to be made and a script to be loaded,
// and then as fast as it has to be where a person waits.
func (r *Redis) probe(ctx context.Context) error {
	for _, patience := range []time.Duration{networkPatience, r.timing.Patience} {
		timed, cancel := context.WithTimeout(ctx, patience)
		_, err := take(timed, r.client, probing, "")
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}

// tell says that Redis is away, once in a while, and that it is back where it was said that it was away.
func (r *Redis) tell(state gobreaker.State) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case state == gobreaker.StateOpen && !r.outage && time.Since(r.told) >= r.timing.Silence:
		r.outage, r.told = true, time.Now()
		r.log.Warn("Redis is slow or away; this node counts rate limits and remembers viewers by itself", "error", r.trouble)
	case state == gobreaker.StateClosed && r.outage:
		r.outage = false
		r.log.Info("Redis answers again")
	}
}

// Close ends the client.
func (r *Redis) Close() error {
	r.end()
	r.watcher.Wait()
	if err := r.client.Close(); err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	return nil
}
