package nodes_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"parley/config"
	"parley/nodes"
	"parley/nodes/nodestest"
)

// parsed reads an address as PARLEY_REDIS_URL gives it.
func parsed(t *testing.T, address string) config.Redis {
	t.Helper()
	server, ok := config.ParseRedis(config.Secret(address))
	if !ok {
		t.Fatalf("%s is no address", address)
	}
	return server
}

// works wants two nodes to count together and to hear each other.
func works(t *testing.T, server config.Redis) (here, there *nodes.Redis) {
	t.Helper()
	here, there = open(t, server, patient), open(t, server, patient)
	together(t, here, there)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	heard := there.Client().Subscribe(ctx, "parley:test")
	defer func() { _ = heard.Close() }()
	if _, err := heard.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	if err := here.Client().Publish(ctx, "parley:test", "hello").Err(); err != nil {
		t.Fatal(err)
	}
	if message, err := heard.ReceiveMessage(ctx); err != nil || message.Payload != "hello" {
		t.Fatalf("%v, %v", message, err)
	}
	return here, there
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	t.Run("one server, with a password and a number", func(t *testing.T) {
		t.Parallel()
		server := nodestest.Start(t, "--requirepass", "p@ss/word")
		works(t, parsed(t, "redis://:p%40ss%2Fword@"+server.Addr()+"/3"))
		client := redis.NewClient(&redis.Options{Addr: server.Addr(), Password: "p@ss/word", DB: 3})
		defer func() { _ = client.Close() }()
		if n := client.DBSize(t.Context()).Val(); n == 0 {
			t.Error("there is nothing in database 3")
		}
	})

	t.Run("one server behind a socket", func(t *testing.T) {
		t.Parallel()
		dir, err := os.MkdirTemp("", "redis") // t.TempDir() is too long for a socket
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		socket := filepath.Join(dir, "s")
		nodestest.Start(t, "--unixsocket", socket, "--requirepass", "secret")
		works(t, parsed(t, "unix://:secret@"+socket+"?db=1"))
	})

	t.Run("sentinels, which name another server when the first one dies", func(t *testing.T) {
		t.Parallel()
		first := nodestest.Start(t, "--requirepass", "secret", "--masterauth", "secret")
		host, port, _ := net.SplitHostPort(first.Addr())
		second := nodestest.Start(t, "--requirepass", "secret", "--masterauth", "secret", "--replicaof", host+" "+port,
			"--repl-diskless-sync-delay", "0")
		sentinel := nodestest.StartSentinel(t, fmt.Sprintf(
			"sentinel monitor main %s %s 1\nsentinel auth-pass main secret\nsentinel down-after-milliseconds main 500\n"+
				"sentinel failover-timeout main 5000\nrequirepass of-sentinels\n", host, port))
		replica := redis.NewClient(&redis.Options{Addr: second.Addr(), Password: "secret"})
		defer func() { _ = replica.Close() }()
		watcher := redis.NewSentinelClient(&redis.Options{Addr: sentinel.Addr(), Password: "of-sentinels"})
		defer func() { _ = watcher.Close() }()
		first.Await("the sentinel knows the second server, which has everything", func() bool {
			known, err := watcher.Replicas(t.Context(), "main").Result()
			return err == nil && len(known) == 1 && known[0]["master-link-status"] == "ok"
		})
		here, there := works(t, parsed(t, "redis+sentinel://:secret@"+sentinel.Addr()+"/main?sentinel_password=of-sentinels"))
		first.Kill()
		first.Await("it is noticed", func() bool { return here.Away() && there.Away() })
		first.Await("the second server is used", func() bool { return !here.Away() && !there.Away() })
		together(t, here, there)
		if role := replica.Do(t.Context(), "ROLE").Val(); fmt.Sprint(role)[:7] != "[master" {
			t.Errorf("the second server is %v", role)
		}
	})

	t.Run("a cluster, over both of its servers", func(t *testing.T) {
		t.Parallel()
		one, two := nodestest.Start(t, nodestest.ClusterArgs(t)...), nodestest.Start(t, nodestest.ClusterArgs(t)...)
		nodestest.Join(t, one, two)
		works(t, parsed(t, "redis+cluster://"+one.Addr()))
		works(t, parsed(t, "redis+cluster://"+one.Addr()+","+two.Addr()))
		for _, server := range []*nodestest.Server{one, two} {
			if n := server.Client().DBSize(t.Context()).Val(); n == 0 {
				t.Error("one of the servers has nothing")
			}
		}
	})
}

// together wants two nodes to share the buckets of many keys.
func together(t *testing.T, here, there *nodes.Redis) {
	t.Helper()
	limit := hourly
	limit.Name += fmt.Sprint(time.Now().UnixNano())
	for i := range 16 { // over all the servers of a cluster
		if n := spend(t, limit, fmt.Sprint(i), limiter(here), limiter(there)); n != limit.Burst {
			t.Errorf("key %d: %d instead of %d", i, n, limit.Burst)
		}
	}
}
