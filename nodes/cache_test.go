package nodes_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"parley/chat"
	"parley/chat/chattest"
	"parley/nodes"
	"parley/nodes/nodestest"
)

// cache is that of a node, with a memory of its own.
func cache(r *nodes.Redis) *nodes.ViewerCache {
	return nodes.NewViewerCache(r, chat.NewMemoryViewerCache(time.Now))
}

// now is the time by Redis' own clock.
func now(t *testing.T, client *redis.Client) time.Time {
	t.Helper()
	at, err := client.Time(t.Context()).Result()
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// pass waits until so much time has passed for Redis.
func pass(t *testing.T, server *nodestest.Server, d time.Duration) {
	t.Helper()
	client := server.Client()
	end := now(t, client).Add(d)
	server.Await("time passes", func() bool { return !now(t, client).Before(end) })
}

// anybody is a viewer.
func anybody(name string) chat.Viewer {
	return chat.Viewer{
		Person: chat.Person{
			Card: chat.Card{ID: chat.NewID(), Username: "anna", DisplayName: name}, Role: chat.RoleMember, State: chat.StateActive,
			Email: "anna@example.org", EmailWanted: "wanted@example.org", PasswordHash: "$2a$12$hash", CreatedAt: time.UnixMicro(1).UTC(),
		},
		SessionID: chat.NewID(),
	}
}

func TestViewerCache(t *testing.T) {
	t.Parallel()

	t.Run("over Redis", func(t *testing.T) {
		t.Parallel()
		chattest.TestViewerCache(t, func(t *testing.T) (chat.ViewerCache, func(time.Duration)) {
			server := nodestest.Start(t)
			r := open(t, server.Config(), patient)
			t.Cleanup(func() {
				if r.Away() {
					t.Error("it was not Redis that remembered")
				}
			})
			return cache(r), func(d time.Duration) { pass(t, server, d) }
		})
	})

	t.Run("over a Redis that is away", func(t *testing.T) {
		t.Parallel()
		server := nodestest.Start(t)
		server.Kill()
		r := open(t, server.Config(), impatient)
		chattest.TestViewerCache(t, func(*testing.T) (chat.ViewerCache, func(time.Duration)) {
			clock := &chattest.Clock{}
			return nodes.NewViewerCache(r, chat.NewMemoryViewerCache(clock.Now)), clock.Advance
		})
	})

	// joined are the caches of two nodes over one Redis.
	joined := func(t *testing.T, server *nodestest.Server, timing nodes.Timing) (here, there *nodes.ViewerCache, away func() bool) {
		t.Helper()
		a, b := open(t, server.Config(), timing), open(t, server.Config(), timing)
		return cache(a), cache(b), func() bool { return a.Away() || b.Away() }
	}

	t.Run("what one node has read another remembers, and what one forgets another has forgotten at once", func(t *testing.T) {
		t.Parallel()
		here, there, _ := joined(t, nodestest.Start(t), patient)
		chattest.Patiently(t, "the other node remembers", func() bool {
			anna := anybody("Anna")
			chattest.Seen(t, here, anna.ID, "key", anna)
			got, read := chattest.Seen(t, there, anna.ID, "key", anna)
			if got.DisplayName != "Anna" {
				t.Errorf("got %+v", got)
			}
			here.Forget(t.Context(), anna.ID)
			if _, read := chattest.Seen(t, there, anna.ID, "key", anna); !read {
				t.Error("the other node remembers what was forgotten")
			}
			return !read
		})
	})

	t.Run("what another node reads while this one forgets is not remembered", func(t *testing.T) {
		t.Parallel()
		here, there, _ := joined(t, nodestest.Start(t), patient)
		anna := anybody("Anna")
		_, err := there.Viewer(t.Context(), anna.ID, "key", func(ctx context.Context) (chat.Viewer, bool, error) {
			here.Forget(ctx, anna.ID)
			// And somebody else begins anew.
			chattest.Seen(t, there, anna.ID, "another", anna)
			return anna, true, nil
		})
		if _, read := chattest.Seen(t, there, anna.ID, "key", anna); !read || err != nil {
			t.Errorf("it is remembered, %v", err)
		}
	})

	t.Run("of many who read and change at once at two nodes nobody is told what was before an answered change", func(t *testing.T) {
		t.Parallel()
		here, there, away := joined(t, nodestest.Start(t), patient)
		both := []chat.ViewerCache{here, there}
		chattest.Churn(t, both, both)
		chattest.Churn(t, []chat.ViewerCache{here}, []chat.ViewerCache{there})
		if away() {
			t.Error("it was not Redis that remembered")
		}
	})

	t.Run("what is said to a Redis that has stopped dead is not believed when it goes on", func(t *testing.T) {
		t.Parallel()
		server := nodestest.Start(t)
		here, there, away := joined(t, server, impatient)
		server.Await("it is used", func() bool { return !away() })
		began, anna := time.Now(), anybody("Anna")
		_, err := here.Viewer(t.Context(), anna.ID, "key", func(context.Context) (chat.Viewer, bool, error) {
			server.Freeze() // so that what is to be remembered is on its way
			return anna, true, nil
		})
		server.Await("time passes", func() bool { return time.Since(began) > chat.ViewerLife })
		server.Thaw()
		server.Await("it is used again", func() bool { return !away() })
		for _, cache := range []chat.ViewerCache{there, here} {
			renamed := anna
			renamed.DisplayName = "Anna B."
			if got, _ := chattest.Seen(t, cache, anna.ID, "key", renamed); got.DisplayName != "Anna B." || err != nil {
				t.Errorf("%s is believed, %v", got.DisplayName, err)
			}
		}
	})

	t.Run("who was forgotten while Redis did not hear is not let in by what it remembers", func(t *testing.T) {
		t.Parallel()
		server := nodestest.Start(t)
		here, _, away := joined(t, server, impatient)
		server.Await("it is used", func() bool { return !away() })
		anna := anybody("Anna")
		chattest.Patiently(t, "it is remembered, and Redis is back before it ends", func() bool {
			server.Await("it is used", func() bool { return !away() })
			began := time.Now()
			if chattest.Seen(t, here, anna.ID, "key", anna); away() {
				return false
			}
			server.Freeze()
			here.Forget(t.Context(), anna.ID)
			server.Kill() // what was on its way is lost, and so, for once, is what Redis knew: it is put there again
			server.Restart()
			other := cache(open(t, server.Config(), patient))
			chattest.Seen(t, other, anna.ID, "key", anna)
			server.Await("it is used again", func() bool { return !away() })
			if _, read := chattest.Seen(t, here, anna.ID, "key", anna); !read {
				t.Fatal("it is believed")
			}
			_, read := chattest.Seen(t, other, anna.ID, "key", anna)
			return !read && time.Since(began) < chat.ViewerLife
		})
	})

	t.Run("a Redis that was emptied while somebody read takes nothing in", func(t *testing.T) {
		t.Parallel()
		server := nodestest.Start(t)
		here, _, _ := joined(t, server, patient)
		anna := anybody("Anna")
		_, err := here.Viewer(t.Context(), anna.ID, "key", func(context.Context) (chat.Viewer, bool, error) {
			server.Flush() // and with it that somebody was forgotten
			return anna, true, nil
		})
		if _, read := chattest.Seen(t, here, anna.ID, "key", anna); !read || err != nil {
			t.Errorf("it is remembered, %v", err)
		}
	})

	t.Run("what stands in Redis lets nobody in, names nobody by its keys, and ends by itself", func(t *testing.T) {
		t.Parallel()
		server := nodestest.Start(t)
		here, _, _ := joined(t, server, patient)
		client := server.Client()
		found := 0
		chattest.Patiently(t, "it stands there", func() bool {
			anna := anybody("Anna")
			chattest.Seen(t, here, anna.ID, "the hash of a token", anna)
			keys, err := client.Keys(t.Context(), "parley:viewer:*").Result()
			if err != nil {
				t.Fatal(err)
			}
			for _, key := range keys {
				if life := client.PTTL(t.Context(), key).Val(); life < 0 && client.Exists(t.Context(), key).Val() == 1 || life > chat.ViewerLife {
					t.Errorf("%s lives for %v", key, life)
				}
				if !strings.HasPrefix(key, "parley:viewer:1:") || strings.Contains(key, anna.ID.String()) || len(key) > 60 {
					t.Errorf("there is a key %s", key)
				}
				for field, text := range client.HGetAll(t.Context(), key).Val() {
					for _, secret := range []string{"$2a$", "@example.org", "the hash of a token"} {
						if strings.Contains(field+text, secret) {
							t.Errorf("%q has %q", field, text)
						}
					}
					if strings.Contains(text, anna.ID.String()) {
						found++
					}
				}
			}
			return found > 0
		})
		server.Await("nothing is left", func() bool { return len(client.Keys(t.Context(), "parley:viewer:*").Val()) == 0 })
	})

	t.Run("what cannot be read is read anew from rows, and is no trouble with Redis", func(t *testing.T) {
		t.Parallel()
		server := nodestest.Start(t)
		here, _, away := joined(t, server, patient)
		client, anna := server.Client(), anybody("Anna")
		spoilt := false
		chattest.Patiently(t, "it is spoilt", func() bool {
			chattest.Seen(t, here, anna.ID, "key", anna)
			for _, key := range client.Keys(t.Context(), "parley:viewer:*").Val() {
				for field, text := range client.HGetAll(t.Context(), key).Val() {
					if field != "lease" {
						spoilt = client.HSet(t.Context(), key, field, text[:16]+"{").Err() == nil
					}
				}
			}
			return spoilt
		})
		if _, read := chattest.Seen(t, here, anna.ID, "key", anna); !read || away() {
			t.Error("it was read, or Redis is held to be away")
		}
	})

	for name, trouble := range map[string]func(*nodestest.Server){
		"stopped dead": (*nodestest.Server).Freeze, "killed": (*nodestest.Server).Kill,
		"slow": func(s *nodestest.Server) { s.Slow(500 * time.Millisecond) },
	} {
		t.Run("a Redis that is "+name+" slows a thousand requests by less than two seconds altogether", func(t *testing.T) {
			t.Parallel()
			server := nodestest.Start(t)
			here, _, away := joined(t, server, impatient)
			server.Await("it is used", func() bool { return !away() })
			trouble(server)
			began := time.Now()
			for i := range 1000 {
				anna := anybody("Anna")
				chattest.Seen(t, here, anna.ID, "key", anna)
				if i%10 == 0 {
					here.Forget(t.Context(), anna.ID)
				}
			}
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("it took %v", took)
			}
			if name == "stopped dead" {
				server.Thaw()
			}
		})
	}
}
