//go:build linux || darwin

// Package cluster runs Parley's private PostgreSQL: the embedded default for
// installations that name no database of their own. It finds the installed
// server binaries, makes a cluster under the data folder, keeps a server
// running on it and hands out the address. It knows nothing else of Parley.
//
// There is at most one server per data folder, whatever dies in whatever
// order. That rests on advisory locks (flock) in the cluster's folder, which
// the kernel lets go of when their holder is gone:
//
//   - serve.lock is held by the one Start, for its lifetime.
//   - start.lock is held by whoever looks for, starts or stops a server.
//   - use.lock is shared by everybody who attached; the last one out stops a
//     server that was started for the time of a command.
//   - server.lock is inherited by the server and all its processes, and by
//     initdb. As long as it is held, something still works on the data, even
//     if its parent was killed or it lives in another container, where
//     process numbers say nothing.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// ErrInUse says that another process serves the same data folder.
var ErrInUse = errors.New("the data folder is in use")

// ErrNotInstalled says that this machine has no PostgreSQL that can be used.
var ErrNotInstalled = errors.New("PostgreSQL is not installed")

// ErrOtherVersion says that the data was made by a major version of PostgreSQL
// whose binaries are not installed.
var ErrOtherVersion = errors.New("no matching PostgreSQL")

// Config says which data folder to serve and how.
type Config struct {
	// DataDir is the data folder. It is created if missing; relative paths
	// count from the working directory.
	DataDir string
	// Log receives what happens to the server; nil means silence. The server's
	// own log is the file Location.Log.
	Log *slog.Logger
	// Throwaway is for tests only: nothing is made durable (fsync,
	// synchronous_commit, full_page_writes, autovacuum off), 300 connections
	// are allowed, and on Linux the server dies with this process.
	Throwaway bool

	machine *machine // nil outside this package's own tests
}

func (c Config) log() *slog.Logger {
	if c.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return c.Log
}

// Cluster is a running server, or at least one that is being looked after.
type Cluster struct {
	site   *site
	log    *slog.Logger
	socket string
	server *server // while supervise runs, it alone touches this

	serve      *lock // held if this came from Start
	use        *lock // held if this came from Attach
	cancel     context.CancelFunc
	supervised chan struct{}

	once   sync.Once
	closed error
}

// Start serves the data folder: it makes the cluster if there is none, adopts
// a server that outlived its parley, recovers one that did not, and from then
// on restarts a server that dies. ctx bounds only the starting. A second Start
// on the same data fails with ErrInUse as long as the first one lives.
func Start(ctx context.Context, config Config) (*Cluster, error) {
	c, err := open(config)
	if err != nil {
		return nil, err
	}
	if c.site.foreign {
		return nil, c.site.foreignError()
	}
	c.serve, err = tryLock(c.site.path("serve.lock"), exclusive, true)
	if errors.Is(err, errHeld) {
		return nil, fmt.Errorf("%w: another parley (process %s) serves %s", ErrInUse, readWord(c.site.path("serve.lock")), c.site.DataDir)
	}
	if err != nil {
		return nil, err
	}
	c.serve.write(strconv.Itoa(os.Getpid()))
	if c.server, err = c.bring(ctx); err != nil {
		c.serve.release()
		return nil, err
	}
	c.socket = c.server.socket
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c.cancel, c.supervised = cancel, make(chan struct{})
	go c.supervise(background)
	return c, nil
}

// Attach is for commands beside the server: it uses the running cluster, and
// where none runs it starts one, which stops when the last command that uses
// it has closed (unless a Start took it over meanwhile).
func Attach(ctx context.Context, config Config) (*Cluster, error) {
	c, err := open(config)
	if err != nil {
		return nil, err
	}
	starting, err := waitLock(ctx, c.site.path("start.lock"), !c.site.foreign)
	if c.site.foreign && errors.Is(err, os.ErrNotExist) {
		return nil, c.site.foreignError()
	}
	if err != nil {
		return nil, err
	}
	defer starting.release()
	if c.use, err = tryLock(c.site.path("use.lock"), shared, !c.site.foreign); err != nil {
		return nil, err
	}
	server, adopted, err := c.site.ensure(ctx)
	if err != nil {
		c.use.release()
		return nil, err
	}
	c.server, c.socket = server, server.socket
	if !adopted {
		if err := os.WriteFile(c.site.path("temporary"), []byte(server.identity()), 0o600); err != nil {
			c.use.release()
			_ = c.site.stop(ctx, server.pid) // the error that led here is the one to tell
			return nil, err
		}
	}
	return c, nil
}

func open(config Config) (*Cluster, error) {
	s, err := prepare(config)
	if err != nil {
		return nil, err
	}
	return &Cluster{site: s, log: config.log()}, nil
}

// bring makes the server run for the one Start of this data folder.
func (c *Cluster) bring(ctx context.Context) (*server, error) {
	starting, err := waitLock(ctx, c.site.path("start.lock"), true)
	if err != nil {
		return nil, err
	}
	defer starting.release()
	server, adopted, err := c.site.ensure(ctx)
	if err != nil {
		return nil, err
	}
	if adopted {
		c.log.Info("adopted a running database server", "pid", server.pid)
	}
	// From now on the server is ours, also if a command had started it.
	if err := os.Remove(c.site.path("temporary")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return server, nil
}

// DSN is the address of Parley's database, for role and database parley. It
// stays valid when the server is restarted. Every form of pgx takes it.
func (c *Cluster) DSN() string { return dsn(c.socket, "parley", "parley") }

// AdminDSN is the address for the superuser and the database postgres: for
// backups, and for tests that make databases.
func (c *Cluster) AdminDSN() string { return dsn(c.socket, "postgres", "postgres") }

// Close stops the server if this process is in charge of it and leaves it alone
// if it only attached. It asks for a fast shutdown; when ctx ends or 30 s have
// passed, it insists. It returns an error only if the server is still there.
// Closing twice is no error.
func (c *Cluster) Close(ctx context.Context) error {
	c.once.Do(func() { c.closed = c.close(ctx) })
	return c.closed
}

func (c *Cluster) close(ctx context.Context) error {
	if c.serve != nil {
		c.cancel()
		<-c.supervised
		defer c.serve.release()
	} else if !c.temporary() {
		return c.use.release()
	}
	// Whoever starts a server holds this lock until it runs, and that must not
	// keep a stopping process forever. Another one's start is not ours to stop.
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), lockPatience)
	defer cancel()
	starting, err := waitLock(patience, c.site.path("start.lock"), !c.site.foreign)
	if errors.Is(err, os.ErrNotExist) {
		return c.site.stop(ctx, c.server.pid) // the folder was deleted under us
	}
	if err != nil {
		return err
	}
	defer starting.release()
	if c.serve == nil {
		c.use.release()
		last, err := tryLock(c.site.path("use.lock"), exclusive, !c.site.foreign)
		if errors.Is(err, errHeld) {
			return nil // the other one stops it
		}
		if err != nil {
			return err
		}
		defer last.release()
		if !c.temporary() {
			return nil // taken over by a Start
		}
	}
	return c.site.stop(ctx, c.server.pid)
}

// temporary reports whether the running server was started by a command and
// has not been taken over since.
func (c *Cluster) temporary() bool {
	marked, err := os.ReadFile(c.site.path("temporary"))
	return err == nil && string(marked) == c.site.running().identity()
}

// lockPatience is how long Close waits for somebody else's start or stop.
const lockPatience = 15 * time.Second

// Remove stops the server of a data folder that nobody serves and deletes the
// cluster with all its data. Other things in the data folder stay. It fails
// with ErrInUse while somebody serves or uses it.
func Remove(ctx context.Context, config Config) error {
	s, err := locate(config)
	if err != nil {
		return err
	}
	if s.foreign {
		return s.foreignError()
	}
	if _, err := os.Stat(s.Cluster); err == nil {
		starting, err := waitLock(ctx, s.path("start.lock"), true)
		if err != nil {
			return err
		}
		defer starting.release()
		for _, name := range []string{"serve.lock", "use.lock"} {
			l, err := tryLock(s.path(name), exclusive, true)
			if errors.Is(err, errHeld) {
				return fmt.Errorf("%w: %s", ErrInUse, s.DataDir)
			}
			if err != nil {
				return err
			}
			defer l.release()
		}
		if err := s.stop(ctx, s.running().pid); err != nil {
			return err
		}
	}
	for _, path := range []string{s.Cluster, s.Socket, s.record()} {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	if filepath.Dir(s.Cluster) == s.machine.elsewhere {
		_ = os.Remove(s.machine.elsewhere) // only if it is empty
	}
	return nil
}
