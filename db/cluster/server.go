//go:build linux || darwin

package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// A server is one run of a PostgreSQL server on the data.
type server struct {
	running
	since time.Time
	done  chan struct{} // closed when our child has ended; nil if it is not our child
}

// running is what postmaster.pid says. The zero value is no server.
type running struct {
	pid     int
	started string // seconds since 1970
	socket  string
	status  string // starting, stopping, ready, standby; empty while unknown
}

// identity tells this run from every other one.
func (r running) identity() string { return fmt.Sprintf("%d %s", r.pid, r.started) }

func (s *site) running() running {
	content, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	if err != nil {
		return running{}
	}
	lines := strings.Split(string(content), "\n")
	for len(lines) < 8 {
		lines = append(lines, "")
	}
	pid, _ := strconv.Atoi(lines[0])
	return running{pid: pid, started: lines[2], socket: lines[4], status: strings.TrimSpace(lines[7])}
}

// hold takes the lock that every process on the data inherits. errHeld means
// that at least one of them is alive.
func (s *site) hold() (*lock, error) { return tryLock(s.path("server.lock"), exclusive, !s.foreign) }

// ensure returns a server that takes connections: the one that runs, adopted,
// or a new one. The caller holds start.lock.
func (s *site) ensure(ctx context.Context) (_ *server, adopted bool, err error) {
	lost := time.Now()
	for {
		held, err := s.hold()
		r := s.running()
		switch {
		case err == nil && r.pid > 0 && isServerOf(r.pid, s.data()):
			held.release() // started by hand, without our lock
		case s.foreign && (err == nil || errors.Is(err, os.ErrNotExist)):
			return nil, false, s.foreignError()
		case err == nil:
			server, err := s.start(ctx, held)
			return server, false, err
		case !errors.Is(err, errHeld):
			return nil, false, err
		}
		switch r.status {
		case "ready":
			if err := s.ask(ctx, r); err == nil {
				return &server{running: r, since: time.Now()}, true, nil
			} else if !temporarily(err) {
				return nil, false, fmt.Errorf("the running database server (process %d) cannot be used: %w", r.pid, err)
			}
		case "starting", "stopping":
			if isServerOf(r.pid, s.data()) {
				lost = time.Now() // recovering after a crash may take long
			}
		}
		if time.Since(lost) > s.machine.patience {
			return nil, false, fmt.Errorf("processes of a former database server still work on %s; end those whose names begin with \"postgres:\" and try again", s.data())
		}
		if err := pause(ctx, pollEvery); err != nil {
			return nil, false, fmt.Errorf("waiting for the running database server: %w", err)
		}
	}
}

// ask finds out whether the server talks to us; that it has no connection to
// spare is an answer too.
func (s *site) ask(ctx context.Context, r running) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := pgconn.Connect(ctx, dsn(r.socket, "parley", "parley"))
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == "53300" {
		return nil
	}
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// temporarily reports whether an error in connecting may pass by waiting:
// nobody listens yet or any more, or the server is starting up or shutting down.
func temporarily(err error) bool {
	var refused *pgconn.PgError
	return !errors.As(err, &refused) || strings.HasPrefix(refused.Code, "57P")
}

// start makes the data if there is none and runs a server on it. It takes over
// the server's lock.
func (s *site) start(ctx context.Context, held *lock) (*server, error) {
	defer held.hand()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var b binaries
	_, err := os.Lstat(s.data())
	switch {
	case err == nil:
		b, err = s.matching(ctx)
	case errors.Is(err, os.ErrNotExist):
		if b, err = s.machine.newest(ctx, s.runAs); err == nil {
			err = s.initialize(ctx, b, held)
		}
	}
	if err != nil {
		return nil, err
	}
	for _, step := range []func() error{s.makeSocketDir, s.writeSettings, s.forget} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return s.launch(ctx, b, held)
}

// forget removes the traces of a server whose process number now belongs to
// something else, as happens when a container starts again: PostgreSQL would
// take that for its twin. The lock has told that none is alive.
func (s *site) forget() error {
	pid := s.running().pid
	if pid <= 0 || errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return nil // PostgreSQL sees for itself that this one is gone
	}
	for _, path := range []string{filepath.Join(s.data(), "postmaster.pid"), filepath.Join(s.Socket, socketName+".lock")} {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// launch runs a server and waits until it takes connections.
func (s *site) launch(ctx context.Context, b binaries, held *lock) (*server, error) {
	log, err := os.OpenFile(s.Log, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	before, err := log.Seek(0, 2)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), filepath.Join(b.dir, "postgres"), s.arguments()...)
	cmd.Dir, cmd.Env, cmd.SysProcAttr = "/", environment(), detached(s.runAs)
	cmd.Stdout, cmd.Stderr = log, log // a file, so that the server can outlive us
	cmd.ExtraFiles = []*os.File{held.file}
	if s.throwaway {
		bind(cmd.SysProcAttr)
	}
	started, done := make(chan error), make(chan struct{})
	go func() {
		defer close(done)
		if s.throwaway {
			// The server dies with the thread that started it, so that thread
			// must last; as its goroutine ends without unlocking, it serves
			// nothing else.
			runtime.LockOSThread()
		}
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // the log says why it ended
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting the database server as user %s: %w", s.runAs, err)
	}
	for {
		if r := s.running(); r.pid == cmd.Process.Pid && r.status == "ready" {
			return &server{running: r, since: time.Now(), done: done}, nil
		}
		select {
		case <-done:
			return nil, fmt.Errorf("the database server does not start: %s (more in %s)", complaint(tail(log, before), errors.New(cmd.ProcessState.String())), s.Log)
		case <-ctx.Done():
			_ = cmd.Process.Signal(syscall.SIGQUIT)
			<-done
			return nil, fmt.Errorf("waiting for the database server to start: %w", ctx.Err())
		case <-time.After(pollEvery):
		}
	}
}
