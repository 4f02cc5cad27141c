// Package nodestest hands tests a Redis of their own, which they may kill, stop dead, empty and slow down.
package nodestest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"parley/config"
)

const patience = 30 * time.Second

// Server is a Redis that ends with the test.
type Server struct {
	t       testing.TB
	addr    string // host:port
	args    []string
	process *exec.Cmd
	line    *toxiproxy.Proxy // what Address leads through
}

// Start starts a Redis, with further arguments of redis-server if there are any, and waits until it answers.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	s := &Server{t: t, addr: freeAddr(t), args: args}
	t.Cleanup(s.Kill)
	s.Restart()
	proxies := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	s.line = toxiproxy.NewProxy(proxies, "redis", "127.0.0.1:0", s.addr)
	if err := s.line.Start(); err != nil {
		t.Fatalf("nodestest: %v", err)
	}
	t.Cleanup(s.line.Stop)
	return s
}

func freeAddr(t testing.TB) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("nodestest: %v", err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// Addr is the server's own host:port.
func (s *Server) Addr() string { return s.addr }

// Address is what PARLEY_REDIS_URL would say. It leads to the server through a line, see [Server.Slow].
func (s *Server) Address() config.Secret { return config.Secret("redis://" + s.line.Listen) }

// Config is the same, read.
func (s *Server) Config() config.Redis {
	parsed, ok := config.ParseRedis(s.Address())
	if !ok {
		s.t.Fatalf("nodestest: %s is no address", string(s.Address()))
	}
	return parsed
}

// Restart starts the server, empty, after [Server.Kill].
func (s *Server) Restart() {
	s.t.Helper()
	host, port, _ := net.SplitHostPort(s.addr)
	args := []string{"--bind", host, "--port", port, "--save", "", "--appendonly", "no", "--dir", s.t.TempDir()}
	if len(s.args) > 0 && !strings.HasPrefix(s.args[0], "-") { // a file of configuration comes first, and --sentinel last
		args = append([]string{s.args[0]}, append(args[:4:4], s.args[1:]...)...)
	} else {
		args = append(args, s.args...)
	}
	s.process = exec.CommandContext(context.Background(), "redis-server", args...) // until Kill
	if err := s.process.Start(); err != nil {
		s.t.Fatalf("Redis is needed (make test installs it): %v", err)
	}
	client := s.Client()
	s.Await("it answers", func() bool {
		err := client.Ping(context.Background()).Err()
		var answer redis.Error // that a password is wanted, say
		return err == nil || errors.As(err, &answer)
	})
}

// Client speaks to the server, past the line. It ends with the test.
func (s *Server) Client() *redis.Client {
	client := redis.NewClient(&redis.Options{Addr: s.addr, MaxRetries: -1, DialerRetries: 1})
	s.t.Cleanup(func() { _ = client.Close() })
	return client
}

// Kill ends the server at once; what was in it is lost.
func (s *Server) Kill() {
	s.signal(syscall.SIGKILL)
	_ = s.process.Wait()
}

// Freeze stops the server dead: connections stand, and nothing comes. [Server.Thaw] lets it go on.
func (s *Server) Freeze() { s.signal(syscall.SIGSTOP) }

// Thaw lets the server go on after [Server.Freeze].
func (s *Server) Thaw() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(signal os.Signal) {
	if err := s.process.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.t.Errorf("nodestest: %v", err)
	}
}

// Flush takes everything out of the server.
func (s *Server) Flush() {
	s.t.Helper()
	if err := s.Client().FlushAll(context.Background()).Err(); err != nil {
		s.t.Fatalf("nodestest: %v", err)
	}
}

// Slow makes every answer late; 0 makes them come at once again.
func (s *Server) Slow(by time.Duration) {
	s.t.Helper()
	s.line.Toxics.ResetToxics(context.Background())
	if by == 0 {
		return
	}
	toxic := fmt.Sprintf(`{"name": "slow", "type": "latency", "attributes": {"latency": %d}}`, by.Milliseconds())
	if _, err := s.line.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
		s.t.Fatalf("nodestest: %v", err)
	}
}

// Await asks again and again until it holds.
func (s *Server) Await(what string, holds func() bool) {
	s.t.Helper()
	tick, deadline := time.NewTicker(5*time.Millisecond), time.After(patience)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			s.t.Fatalf("in vain: %s", what)
		}
	}
}

// StartSentinel starts a sentinel with these lines of configuration, and waits until it answers.
func StartSentinel(t testing.TB, lines string) *Server {
	t.Helper()
	file := filepath.Join(t.TempDir(), "sentinel.conf") // which a sentinel writes, too
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		t.Fatalf("nodestest: %v", err)
	}
	return Start(t, file, "--sentinel")
}

// ClusterArgs are what [Start] needs for a server of a cluster. Its servers speak to each other by a port of their own.
func ClusterArgs(t testing.TB) []string {
	_, port, _ := net.SplitHostPort(freeAddr(t))
	return []string{"--cluster-enabled", "yes", "--cluster-port", port, "--cluster-config-file", "nodes.conf"}
}

// Join makes a cluster of two servers, each of which has half of all keys.
func Join(t testing.TB, one, two *Server) {
	t.Helper()
	ctx := context.Background()
	a, b := one.Client(), two.Client()
	host, port, _ := net.SplitHostPort(two.addr)
	for _, err := range []error{
		a.ClusterAddSlotsRange(ctx, 0, 8191).Err(), b.ClusterAddSlotsRange(ctx, 8192, 16383).Err(),
		b.Do(ctx, "CLUSTER", "SET-CONFIG-EPOCH", 2).Err(),
		a.Do(ctx, "CLUSTER", "MEET", host, port, two.args[3]).Err(),
	} {
		if err != nil {
			t.Fatalf("nodestest: %v", err)
		}
	}
	one.Await("the cluster stands", func() bool {
		whole := func(c *redis.Client) bool {
			info := c.ClusterInfo(ctx).Val()
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_slots_ok:16384")
		}
		return whole(a) && whole(b)
	})
}
