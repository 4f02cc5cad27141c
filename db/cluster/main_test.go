//go:build linux || darwin

package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// A test binary started again with this variable is another parley: "serve",
// "throwaway" or "attach" a data folder, or "connect" to an address.
const roleVariable = "CLUSTER_TEST_ROLE"

// Where this run's folders are, open to every user: for programs, and for data.
// Making the thousand files of a cluster is much cheaper in memory, from where
// programs may not be run.
var scratch, scratchData string

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		os.Exit(play(role, os.Args[1:]))
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	memory := "/dev/shm"
	if _, err := os.Stat(memory); err != nil {
		memory = ""
	}
	for in, dir := range map[string]*string{"": &scratch, memory: &scratchData} {
		if *dir, err = os.MkdirTemp(in, "pc-"); err != nil {
			panic(err)
		}
		defer os.RemoveAll(*dir)
		if err := os.Chmod(*dir, 0o755); err != nil {
			panic(err)
		}
	}
	if scratchData == "" {
		scratchData = scratch
	}
	code := m.Run()
	if left := append(serversUnder(scratch), serversUnder(scratchData)...); len(left) > 0 {
		fmt.Println("FAIL: database servers were left running:", left)
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		return 1
	}
	return code
}

// place makes a data folder's path of its own, and sees to it that the cluster
// is gone at the end.
func place(t *testing.T) string {
	t.Helper()
	parent, err := os.MkdirTemp(scratchData, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(parent, 0o755); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(parent, "data")
	t.Cleanup(func() {
		if err := Remove(context.Background(), Config{DataDir: dir}); err != nil && !t.Failed() {
			t.Errorf("removing the cluster: %v", err)
		}
		_ = os.RemoveAll(parent)
	})
	return dir
}

// furnished is a data folder with a cluster that does not run.
func furnished(t *testing.T) string {
	t.Helper()
	model, err := furniture()
	if err != nil {
		t.Fatal(err)
	}
	dir := place(t)
	if out, err := exec.Command("cp", "-a", model, dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return dir
}

var furniture = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(scratchData, "model")
	c, err := Start(context.Background(), Config{DataDir: dir, Throwaway: true})
	if err != nil {
		return "", err
	}
	return dir, c.Close(context.Background())
})

// started is a Start that is closed at the end of the test.
func started(t *testing.T, config Config) *Cluster {
	t.Helper()
	c, err := Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

// attached is an Attach that is closed at the end of the test.
func attached(t *testing.T, config Config) *Cluster {
	t.Helper()
	c, err := Attach(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

func closed(t *testing.T, c *Cluster) {
	t.Helper()
	if err := c.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// query runs one statement and returns its only value as text.
func query(t *testing.T, dsn, sql string) string {
	t.Helper()
	value, err := tryQuery(t.Context(), dsn, sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return value
}

func tryQuery(ctx context.Context, dsn, sql string) (string, error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	var value string
	err = conn.QueryRow(ctx, sql).Scan(&value)
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	return value, err
}

// eventually waits for a condition, 20 s at most.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); {
		if time.Now().After(deadline) {
			t.Fatalf("still not so: %s", what)
		}
		if err := pause(t.Context(), 5*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
}

// oneLine fails unless the error is one line that contains the words.
func oneLine(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("more than one line: %q", err)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not say %q", err, word)
		}
	}
}

// asRoot skips what only root can set up.
func asRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
}

// stranger is a user who is neither root nor whom the server runs as.
func stranger(t *testing.T) account {
	t.Helper()
	asRoot(t)
	a, ok := accountNamed("nobody")
	if !ok {
		t.Skip("there is no user nobody")
	}
	return a
}

// A journal collects what is logged.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) has(words string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Contains(j.text.String(), words)
}

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }
