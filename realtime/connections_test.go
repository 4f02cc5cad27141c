package realtime

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"parley/chat"
	"parley/chat/chattest"
	"parley/nodes"
	"parley/nodes/nodestest"
)

// clock is one that only goes on when it is told to.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

const testLease, testAbsent = 600 * time.Millisecond, 250 * time.Millisecond

// overRedis are connections at a Redis, as another node has them.
func overRedis(t *testing.T, server *nodestest.Server) *redisConnections {
	t.Helper()
	client := nodes.Open(server.Config(), slog.New(slog.DiscardHandler), nodes.Timing{})
	t.Cleanup(func() { _ = client.Close() })
	c := newRedisConnections(client.Client(), slog.New(slog.DiscardHandler), testLease, testAbsent)
	c.patience = 2 * time.Second // of a machine that is busy
	return c
}

// passAt waits until so much time has passed for Redis.
func passAt(t *testing.T, server *nodestest.Server, d time.Duration) {
	t.Helper()
	client := server.Client()
	now := func() time.Time {
		at, err := client.Time(t.Context()).Result()
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	end := now().Add(d)
	server.Await("time passes", func() bool { return !now().Before(end) })
}

// TestConnections holds both kinds to the same.
func TestConnections(t *testing.T) {
	t.Parallel()
	t.Run("in memory", func(t *testing.T) {
		t.Parallel()
		testConnections(t, func(*testing.T) (connections, func(time.Duration)) {
			c := newClock()
			return newMemoryConnections(testLease, testAbsent, c.now), c.pass
		})
	})
	t.Run("in Redis", func(t *testing.T) {
		t.Parallel()
		testConnections(t, func(t *testing.T) (connections, func(time.Duration)) {
			server := nodestest.Start(t)
			return overRedis(t, server), func(d time.Duration) { passAt(t, server, d) }
		})
	})
	t.Run("in a cluster", func(t *testing.T) {
		t.Parallel()
		testConnections(t, func(t *testing.T) (connections, func(time.Duration)) {
			one, two := nodestest.Start(t, nodestest.ClusterArgs(t)...), nodestest.Start(t, nodestest.ClusterArgs(t)...)
			nodestest.Join(t, one, two)
			server := one.Config()
			server.Cluster, server.Addrs = true, []string{one.Addr()}
			client := nodes.Open(server, slog.New(slog.DiscardHandler), nodes.Timing{})
			t.Cleanup(func() { _ = client.Close() })
			c := newRedisConnections(client.Client(), slog.New(slog.DiscardHandler), testLease, testAbsent)
			c.patience = 5 * time.Second
			return c, func(d time.Duration) { passAt(t, one, d) }
		})
	})
}

func testConnections(t *testing.T, begin func(t *testing.T) (connections, func(time.Duration))) {
	here, away := chat.WhereHere, chat.WhereAway
	put := func(t *testing.T, c connections, node string, person chat.ID, states ...chat.Where) (moved bool) {
		t.Helper()
		h := holding{person: person}
		for i, state := range states {
			h.connections = append(h.connections, connection{int64(i + 1), state})
		}
		who, err := c.put(t.Context(), node, []holding{h})
		if err != nil {
			t.Fatal(err)
		}
		return len(who) == 1 && who[0] == person
	}
	where := func(t *testing.T, c connections, person chat.ID) chat.Where {
		t.Helper()
		all, err := c.where(t.Context(), []chat.ID{chat.NewID(), person})
		if err != nil {
			t.Fatal(err)
		}
		return all[person]
	}

	t.Run("the best of all connections of all nodes counts, and only what changes it is a move", func(t *testing.T) {
		t.Parallel()
		c, pass := begin(t)
		chattest.Patiently(t, "the leases hold for so long", func() bool {
			where(t, c, chat.NewID()) // from now on absence comes to be believed
			pass(testAbsent)
			person, started, right := chat.NewID(), time.Now(), true
			for i, step := range []struct {
				node   string
				states []chat.Where
				want   chat.Where
				moved  bool
			}{
				{"one", nil, chat.WhereUnknown, false},
				{"one", []chat.Where{away}, away, true},
				{"one", []chat.Where{away, here}, here, true},
				{"two", []chat.Where{here}, here, false},
				{"one", []chat.Where{away, away}, here, false},
				{"two", []chat.Where{away}, away, true},
				{"two", nil, away, false},
				{"two", []chat.Where{here, away}, here, true},
				{"one", nil, here, false},
				{"two", []chat.Where{here}, here, false},
			} {
				moved := put(t, c, step.node, person, step.states...)
				if got := where(t, c, person); step.want != chat.WhereUnknown && (got != step.want || moved != step.moved) {
					right = false
					if time.Since(started) < testLease/2 {
						t.Errorf("step %d: is %v, moved %v, want %v, %v", i, got, moved, step.want, step.moved)
					}
				}
			}
			return right
		})
	})

	t.Run("a connection that is not said again runs out, and one that is stays", func(t *testing.T) {
		t.Parallel()
		c, pass := begin(t)
		dead, alive := chat.NewID(), chat.NewID()
		where(t, c, dead)
		where(t, c, alive)
		put(t, c, "one", dead, here)
		chattest.Patiently(t, "it is said again in time", func() bool {
			put(t, c, "two", alive, away)
			pass(testLease / 2)
			if err := c.renew(t.Context(), "two", presenceShare(alive), []holding{{alive, []connection{{1, away}}}}); err != nil {
				t.Fatal(err)
			}
			pass(testLease/2 + 10*time.Millisecond)
			return where(t, c, alive) == away
		})
		if got := where(t, c, dead); got != chat.WhereGone {
			t.Errorf("it is still %v", got)
		}
		if !put(t, c, "two", dead, here) {
			t.Error("coming back is no move")
		}
	})

	t.Run("what has run out counts no more, also where others go on", func(t *testing.T) {
		t.Parallel()
		c, pass := begin(t)
		person := chat.NewID()
		where(t, c, person)
		pass(testAbsent)
		chattest.Patiently(t, "the leases hold for so long", func() bool {
			put(t, c, "one", person, here)
			put(t, c, "two", person, away)
			pass(testLease * 2 / 3)
			put(t, c, "two", person, away)
			pass(testLease*1/3 + 10*time.Millisecond)
			return where(t, c, person) == away && put(t, c, "two", person)
		})
		if got := where(t, c, person); got != chat.WhereGone {
			t.Errorf("it is still %v", got)
		}
	})

	t.Run("absence is believed only once everybody has had time to say that they are there, presence at once", func(t *testing.T) {
		t.Parallel()
		c, pass := begin(t)
		chattest.Patiently(t, "it is asked soon", func() bool {
			c, pass = begin(t)
			nobody, somebody, started := chat.NewID(), chat.NewID(), time.Now()
			first := where(t, c, nobody)
			put(t, c, "one", somebody, here)
			is := where(t, c, somebody)
			if time.Since(started) > testAbsent/2 {
				return false
			}
			if first != chat.WhereUnknown || is != here {
				t.Errorf("at first %v, and somebody who is there %v", first, is)
			}
			pass(testAbsent)
			if got := where(t, c, nobody); got != chat.WhereGone {
				t.Errorf("later %v", got)
			}
			return true
		})
	})

	t.Run("many are said and asked at once", func(t *testing.T) {
		t.Parallel()
		c, _ := begin(t)
		held := make([]holding, presenceAtOnce+1)
		people := make([]chat.ID, len(held))
		for i := range held {
			people[i] = chat.NewID()
			held[i] = holding{people[i], []connection{{1, here}}}
		}
		chattest.Patiently(t, "the leases hold for so long", func() bool {
			if moved, err := c.put(t.Context(), "one", held); err != nil {
				t.Fatalf("%d moved, %v", len(moved), err)
			}
			all, err := c.where(t.Context(), people)
			if err != nil {
				t.Fatal(err)
			}
			for _, id := range people {
				if all[id] != here {
					return false
				}
			}
			return true
		})
	})

	t.Run("nodes that speak at once lose nothing", func(t *testing.T) {
		t.Parallel()
		c, _ := begin(t)
		person := chat.NewID()
		chattest.Patiently(t, "the leases hold for so long", func() bool {
			var all sync.WaitGroup
			for _, node := range []string{"one", "two", "three", "four"} {
				all.Go(func() {
					for range 20 {
						if _, err := c.put(t.Context(), node, []holding{{person, []connection{{1, here}, {2, away}}}}); err != nil {
							t.Error(err)
						}
						if _, err := c.put(t.Context(), node, []holding{{person, []connection{{2, away}}}}); err != nil {
							t.Error(err)
						}
					}
				})
			}
			all.Wait()
			if where(t, c, person) != away {
				return false
			}
			for _, node := range []string{"one", "two", "three"} {
				put(t, c, node, person)
			}
			last := where(t, c, person)
			return last == away && put(t, c, "four", person)
		})
	})
}

func TestMemoryConnections(t *testing.T) {
	t.Parallel()
	c := newClock()
	m := newMemoryConnections(testLease, time.Minute, c.now)
	stays, goes := chat.NewID(), chat.NewID()
	_, _ = m.put(t.Context(), "one", []holding{{goes, []connection{{1, chat.WhereHere}}}})
	_, _ = m.put(t.Context(), "one", []holding{{goes, nil}})
	all, _ := m.where(t.Context(), []chat.ID{stays, goes})
	if all[goes] != chat.WhereGone || all[stays] != chat.WhereUnknown {
		t.Errorf("shortly after the start: %v", all)
	}
	c.pass(time.Minute)
	if all, _ = m.where(t.Context(), []chat.ID{stays, goes}); all[goes] != chat.WhereGone || all[stays] != chat.WhereGone {
		t.Errorf("later: %v", all)
	}
	if len(m.people) != 0 || len(m.left) != 0 {
		t.Errorf("%d and %d are still known", len(m.people), len(m.left))
	}
}

func TestRedisConnections(t *testing.T) {
	t.Parallel()
	person := chat.NewID()
	held := []holding{{person, []connection{{1, chat.WhereHere}}}}

	t.Run("emptied it knows nothing, and not that somebody is gone, until all have spoken again", func(t *testing.T) {
		t.Parallel()
		server := nodestest.Start(t)
		c := overRedis(t, server)
		chattest.Patiently(t, "it is asked soon", func() bool {
			_, _ = c.where(t.Context(), []chat.ID{person})
			passAt(t, server, testAbsent)
			if all, err := c.where(t.Context(), []chat.ID{person}); err != nil || all[person] != chat.WhereGone {
				t.Fatalf("premise: %v, %v", all, err)
			}
			server.Flush()
			started := time.Now()
			all, err := c.where(t.Context(), []chat.ID{person})
			if time.Since(started) > testAbsent/2 {
				return false
			}
			if err != nil || all[person] != chat.WhereUnknown {
				t.Errorf("%v, %v", all, err)
			}
			if err := c.renew(t.Context(), "one", presenceShare(person), held); err != nil {
				t.Error(err)
			}
			all, err = c.where(t.Context(), []chat.ID{person})
			if err != nil || all[person] != chat.WhereHere {
				t.Errorf("%v, %v", all, err)
			}
			_, _ = c.put(t.Context(), "one", []holding{{person: person}})
			return true
		})
	})

	t.Run("a clock that was put back is not waited for", func(t *testing.T) {
		t.Parallel()
		server := nodestest.Start(t)
		c, person := overRedis(t, server), chat.NewID()
		ahead := time.Now().Add(time.Hour).UnixMilli()
		server.Client().Set(t.Context(), presenceMark(presenceShare(person)), ahead, 0)
		where := func() chat.Where {
			all, err := c.where(t.Context(), []chat.ID{person})
			if err != nil {
				t.Fatal(err)
			}
			return all[person]
		}
		if at := where(); at != chat.WhereUnknown {
			t.Errorf("at once it is %d", at)
		}
		passAt(t, server, testAbsent)
		if at := where(); at != chat.WhereGone {
			t.Errorf("it is %d", at)
		}
	})

	t.Run("away it is asked once, then only by who says something, and absence waits after it", func(t *testing.T) {
		t.Parallel()
		server := nodestest.Start(t)
		c := overRedis(t, server)
		c.patience = presencePatience
		ask := func() error {
			_, err := c.where(t.Context(), []chat.ID{person})
			return err
		}
		server.Await("it answers", func() bool { return ask() == nil })
		server.Freeze()
		started := time.Now()
		if err := ask(); err == nil || errors.Is(err, errPresenceAway) || time.Since(started) < presencePatience/2 {
			t.Errorf("premise: after %v: %v", time.Since(started), err)
		}
		if err := ask(); !errors.Is(err, errPresenceAway) {
			t.Errorf("asked again: %v", err)
		}
		if _, err := c.put(t.Context(), "one", held); !errors.Is(err, errPresenceAway) {
			t.Errorf("said again at once: %v", err)
		}
		server.Thaw()
		c.mu.Lock()
		c.rest = time.Time{}
		c.mu.Unlock()
		if err := ask(); !errors.Is(err, errPresenceAway) {
			t.Errorf("somebody who is waited for tries it: %v", err)
		}
		server.Await("it is tried again", func() bool {
			return c.renew(context.Background(), "one", presenceShare(person), nil) == nil
		})
		c.mu.Lock()
		c.absent, c.failed = time.Millisecond, time.Now().Add(time.Hour)
		c.mu.Unlock()
		if all, err := c.where(t.Context(), []chat.ID{person}); err != nil || all[person] != chat.WhereUnknown {
			t.Errorf("just after it has come back: %v, %v", all, err)
		}
		c.mu.Lock()
		c.failed = time.Now().Add(-time.Second)
		c.mu.Unlock()
		if all, err := c.where(t.Context(), []chat.ID{person}); err != nil || all[person] != chat.WhereGone {
			t.Errorf("later: %v, %v", all, err)
		}
	})

	t.Run("what it keeps goes away by itself", func(t *testing.T) {
		t.Parallel()
		server := nodestest.Start(t)
		c := overRedis(t, server)
		if _, err := c.put(t.Context(), "one", held); err != nil {
			t.Fatal(err)
		}
		key := presenceKeys(person)[0]
		client := server.Client()
		if left := client.PTTL(t.Context(), key).Val(); left <= 0 || left > testLease {
			t.Errorf("it stays for %v", left)
		}
		server.Await("it goes", func() bool { return client.Exists(t.Context(), key).Val() == 0 })
	})
}
