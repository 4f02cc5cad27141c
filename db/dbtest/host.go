//go:build linux || darwin

package dbtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"parley/db"
	"parley/db/cluster"
)

// A host starts at most one server, when the first test wants it.
type host struct {
	mu      sync.Mutex
	open    bool // between the beginning and the end of around
	started *server
	failed  error

	config cluster.Config // DataDir is filled in
}

// around runs the tests between opening and stopping.
func (h *host) around(tests func() int) error {
	h.mu.Lock()
	h.open = true
	h.mu.Unlock()
	tests()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open = false
	if h.started == nil {
		return nil
	}
	return h.started.stop(context.Background())
}

// server returns the server. What kept it from starting is told to every test
// that asks, but tried only once.
func (h *host) server() (*server, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.open {
		return nil, errors.New("the package needs func TestMain(m *testing.M) { dbtest.Run(m) }")
	}
	if h.started == nil && h.failed == nil {
		sweep(context.Background(), root(), time.Minute)
		h.started, h.failed = start(context.Background(), h.config, migrate)
	}
	return h.started, h.failed
}

// migrate fills the database that all others are copied from.
func migrate(ctx context.Context, dsn string) error {
	_, err := db.Migrate(ctx, dsn)
	return err
}

// root is where temporary folders are made: in memory where the system offers
// enough of it, because a database is a thousand files, and making them is most
// of what a test pays. TMPDIR names another place.
func root() string {
	const memory, enough = "/dev/shm", 1 << 30 // bytes
	var free syscall.Statfs_t
	if os.Getenv("TMPDIR") == "" && syscall.Statfs(memory, &free) == nil && free.Bavail*uint64(free.Bsize) >= enough {
		return memory
	}
	return os.TempDir()
}

// A server is a private PostgreSQL in a temporary folder.
type server struct {
	dir     string
	cluster *cluster.Cluster
	admin   *pgxpool.Pool
	count   atomic.Int64
}

// model is the database that the others are copied from.
const model = "migrated"

// prefix begins the name of every temporary folder of ours.
const prefix = "parley-dbtest-"

func start(ctx context.Context, config cluster.Config, migrate func(context.Context, string) error) (_ *server, err error) {
	s := &server{}
	if s.dir, err = os.MkdirTemp(root(), prefix); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop(context.WithoutCancel(ctx)))
		}
	}()
	// Started by root, the server runs as another user, who must pass here.
	if err := os.Chmod(s.dir, 0o711); err != nil {
		return nil, err
	}
	config.DataDir, config.Throwaway = s.dir, true
	if s.cluster, err = cluster.Start(ctx, config); err != nil {
		return nil, err
	}
	if s.admin, err = pgxpool.New(ctx, s.cluster.AdminDSN()); err != nil {
		return nil, err
	}
	if _, err := s.admin.Exec(ctx, "CREATE DATABASE "+model+" OWNER parley"); err != nil {
		return nil, err
	}
	if err := migrate(ctx, s.dsn(model)); err != nil {
		return nil, fmt.Errorf("migrating: %w", err)
	}
	if err := s.seal(ctx, model); err != nil {
		return nil, err
	}
	return s, nil
}

// seal closes a database to everybody: nobody can be connected to one while it
// is copied.
func (s *server) seal(ctx context.Context, name string) error {
	if _, err := s.admin.Exec(ctx, "ALTER DATABASE "+name+" ALLOW_CONNECTIONS false"); err != nil {
		return err
	}
	_, err := s.admin.Exec(ctx, "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = $1", name)
	return err
}

// stop ends the server and removes the folder. It works on one that was only
// half started.
func (s *server) stop(ctx context.Context) error {
	if s.admin != nil {
		s.admin.Close()
	}
	var err error
	if s.cluster != nil {
		err = s.cluster.Close(ctx)
	}
	return errors.Join(err, discard(ctx, s.dir))
}

// create makes a copy of a database and returns its name. Copying the files takes half
// the time of copying through the write-ahead log.
func (s *server) create(ctx context.Context, source string) (string, error) {
	name := fmt.Sprintf("test_%d", s.count.Add(1))
	_, err := s.admin.Exec(ctx, fmt.Sprintf("CREATE DATABASE %s OWNER parley TEMPLATE %s STRATEGY file_copy", name, source))
	return name, err
}

func (s *server) drop(ctx context.Context, name string) error {
	_, err := s.admin.Exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)")
	return err
}

// dsn is the address of one of the server's databases.
func (s *server) dsn(name string) string {
	address, err := url.Parse(s.cluster.DSN())
	if err != nil {
		panic(err) // the cluster has built it from parts
	}
	address.Path = "/" + name
	return address.String()
}

// sweep removes what killed test binaries left behind in a folder. A folder that is younger
// than age may belong to one that has not locked it yet.
func sweep(ctx context.Context, in string, age time.Duration) {
	left, _ := filepath.Glob(filepath.Join(in, prefix+"*")) // the pattern is well formed
	for _, dir := range left {
		if info, err := os.Lstat(dir); err == nil && info.IsDir() && time.Since(info.ModTime()) >= age {
			_ = discard(ctx, dir) // in use, or somebody else's
		}
	}
}

// discard stops and removes the server of a folder, and the folder, unless a
// living process uses it.
func discard(ctx context.Context, dir string) error {
	if err := cluster.Remove(ctx, cluster.Config{DataDir: dir}); err != nil {
		return err
	}
	return os.RemoveAll(dir)
}
