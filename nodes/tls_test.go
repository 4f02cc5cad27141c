package nodes_test

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"parley/chat"
	"parley/chat/chattest"
	"parley/nodes"
	"parley/nodes/nodestest"
)

// authority is the one that this process knows, by the variable that the documentation names.
var authority *nodestest.Authority

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "authority")
		if err == nil {
			defer func() { _ = os.RemoveAll(dir) }()
			authority, err = nodestest.NewAuthority(dir)
		}
		if err == nil {
			err = os.Setenv("SSL_CERT_FILE", authority.File)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

func TestTLS(t *testing.T) {
	t.Parallel()

	t.Run("nodes count together, hear each other and remember over TLS, and over nothing else", func(t *testing.T) {
		t.Parallel()
		args, addr := authority.Args(t)
		server := nodestest.Start(t, append(args, "--requirepass", "p@ss/word")...)
		here, there := works(t, parsed(t, "rediss://:p%40ss%2Fword@"+addr+"/3"))
		chattest.Patiently(t, "the other node remembers", func() bool {
			anna := anybody("Anna")
			chattest.Seen(t, cache(here), anna.ID, "key", anna)
			_, read := chattest.Seen(t, cache(there), anna.ID, "key", anna)
			return !read
		})
		client := server.Client()
		if err := client.Do(t.Context(), "AUTH", "p@ss/word").Err(); err != nil {
			t.Fatal(err)
		}
		ours := 0
		for line := range strings.Lines(client.ClientList(t.Context()).Val()) {
			if strings.Contains(line, " name=parley ") {
				if ours++; !strings.Contains(line, " laddr="+addr+" ") {
					t.Errorf("a connection without TLS: %s", line)
				}
			}
		}
		if ours < 2 {
			t.Errorf("%d connections", ours)
		}
	})

	t.Run("a cluster over TLS, its servers among themselves too", func(t *testing.T) {
		t.Parallel()
		start := func() (*nodestest.Server, string) {
			args, addr := authority.Args(t)
			return nodestest.Start(t, append(append(nodestest.ClusterArgs(t), args...), "--tls-cluster", "yes")...), addr
		}
		one, addr := start()
		two, _ := start()
		nodestest.Join(t, one, two)
		works(t, parsed(t, "rediss+cluster://"+addr))
		for _, server := range []*nodestest.Server{one, two} {
			if n := server.Client().DBSize(t.Context()).Val(); n == 0 {
				t.Error("one of the servers has nothing")
			}
		}
	})

	for name, c := range map[string]struct {
		start func(t *testing.T) (server *nodestest.Server, addr string)
		says  string
	}{
		"whose certificate an unknown authority has signed": {func(t *testing.T) (*nodestest.Server, string) {
			other, err := nodestest.NewAuthority(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			args, addr := other.Args(t)
			return nodestest.Start(t, args...), addr
		}, "certificate signed by unknown authority"},
		"whose certificate is for another name": {func(t *testing.T) (*nodestest.Server, string) {
			args, addr := authority.Args(t, "redis.example.org")
			return nodestest.Start(t, args...), addr
		}, "cannot validate certificate for 127.0.0.1"},
	} {
		t.Run("a server "+name+" is refused in one clear line, and everything goes on without it", func(t *testing.T) {
			t.Parallel()
			server, addr := c.start(t)
			log := &notebook{}
			r := nodes.Open(parsed(t, "rediss://:topsecret@"+addr), slog.New(slog.NewTextHandler(log, nil)),
				nodes.Timing{Patience: 20 * time.Second, Watch: time.Millisecond})
			server.Await("it is told of", func() bool { return r.Away() && log.String() != "" })
			for range 3 {
				if ok, _ := limiter(r).Allow(t.Context(), chat.LimitSearch, "anna"); !ok {
					t.Error("refused")
				}
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, c.says) || strings.Contains(text, "topsecret") {
				t.Errorf("it says %s", text)
			}
		})
	}
}
