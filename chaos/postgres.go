//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/chaos/process"
)

// postgres is a PostgreSQL of the run's own, from the installed server binaries. Unlike the one that the application
// starts for itself nobody looks after it: when it is killed it stays so.
type postgres struct {
	bin, dir string
	small    string              // a folder for the data alone, without the write-ahead log; empty: with it
	as       *syscall.Credential // who it runs as; nil for whoever runs the harness
	server   *process.Process
}

// newPostgres makes a cluster under root and starts it. It stores as surely as in production: only then a restart in the
// middle of everything means something.
func newPostgres(ctx context.Context, root, small string) (*postgres, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres") // Debian's place; the pattern is well formed
	slices.SortFunc(found, func(a, b string) int { return len(a) - len(b) })
	if path, err := exec.LookPath("postgres"); err == nil && len(found) == 0 {
		found = append(found, path)
	}
	if len(found) == 0 {
		return nil, errors.New("PostgreSQL's server is needed (make test installs it)")
	}
	path, err := filepath.EvalSymlinks(found[len(found)-1])
	if err != nil {
		return nil, err
	}
	p := &postgres{bin: filepath.Dir(path), dir: filepath.Join(root, "postgres"), small: small}
	if err := os.MkdirAll(p.socket(), 0o700); err != nil {
		return nil, err
	}
	if os.Geteuid() == 0 { // it refuses root
		account, err := user.Lookup("postgres")
		if err != nil {
			return nil, err
		}
		uid, _ := strconv.Atoi(account.Uid) // numbers, on Linux
		gid, _ := strconv.Atoi(account.Gid)
		p.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		for _, dir := range []string{p.dir, p.socket(), small} {
			if dir == "" {
				continue
			}
			if err := os.Chown(dir, uid, gid); err != nil {
				return nil, err
			}
		}
	}
	flags := []string{"-D", p.data(), "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--auth=trust", "--no-instructions"}
	if small != "" {
		flags = append(flags, "--waldir="+filepath.Join(p.dir, "wal"))
	}
	if err := p.run(ctx, "initdb", flags...); err != nil {
		return nil, err
	}
	if err := p.start(ctx); err != nil {
		return nil, err
	}
	conn, err := pgx.Connect(ctx, p.url("postgres", "postgres"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(ctx) }()
	for _, statement := range []string{"CREATE ROLE parley LOGIN", "CREATE DATABASE parley OWNER parley"} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *postgres) data() string {
	if p.small != "" {
		return filepath.Join(p.small, "data")
	}
	return filepath.Join(p.dir, "data")
}
func (p *postgres) socket() string { return filepath.Join(p.dir, "s") }
func (p *postgres) log() string    { return filepath.Join(p.dir, "..", "postgres.log") }

func (p *postgres) url(role, database string) string {
	return fmt.Sprintf("postgres://%s@/%s?host=%s&port=5432&sslmode=disable", role, database, p.socket())
}

// run runs one of PostgreSQL's programs to its end.
func (p *postgres) run(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(p.bin, name), args...)
	cmd.Dir, cmd.Env = "/", []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.as}
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, said)
	}
	return nil
}

// start runs the server and waits until it takes connections.
func (p *postgres) start(ctx context.Context) error {
	cmd := exec.Command(filepath.Join(p.bin, "postgres"), "-D", p.data(), "-c", "listen_addresses=",
		"-c", "unix_socket_directories="+p.socket(), "-c", "max_connections=100", "-c", "shared_buffers=64MB",
		"-c", "dynamic_shared_memory_type=mmap", "-c", "timezone=UTC", "-c", "log_min_error_statement=panic")
	cmd.Dir, cmd.Env = "/", []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.as}
	var err error
	if p.server, err = launch(cmd, p.log()); err != nil {
		return err
	}
	return until(ctx, time.Minute, func(ctx context.Context) error {
		if !p.server.Alive() {
			return fmt.Errorf("PostgreSQL has ended, see %s", p.log())
		}
		conn, err := pgx.Connect(ctx, p.url("postgres", "postgres"))
		if err != nil {
			return err
		}
		return conn.Close(ctx)
	})
}

// stopNow is an immediate shutdown: nothing is finished, and the next start recovers.
func (p *postgres) stopNow() { _ = p.server.End(syscall.SIGQUIT, 10*time.Second) }

// freeze stops all of its processes where they are; thaw lets them go on.
func (p *postgres) freeze() { p.signalAll(syscall.SIGSTOP) }
func (p *postgres) thaw()   { p.signalAll(syscall.SIGCONT) }

func (p *postgres) signalAll(s syscall.Signal) {
	pid := p.server.PID()
	p.server.Signal(s) // first: then there are no new ones
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for _, word := range strings.Fields(string(children)) {
		if child, err := strconv.Atoi(word); err == nil {
			_ = syscall.Kill(child, s) // it may have ended
		}
	}
}

// copyData keeps what is stored now, for restore. The server must be stopped.
func (p *postgres) copyData(ctx context.Context, to string) error {
	return exec.CommandContext(ctx, "cp", "-a", p.data(), filepath.Join(p.dir, to)).Run()
}

// restore puts back what copyData kept, as docs/self-hosting.md says: the next start begins a new timeline. The server must
// be stopped.
func (p *postgres) restore(ctx context.Context, from string) error {
	if err := os.RemoveAll(p.data()); err != nil {
		return err
	}
	if err := exec.CommandContext(ctx, "cp", "-a", filepath.Join(p.dir, from), p.data()).Run(); err != nil {
		return err
	}
	settings, err := os.OpenFile(filepath.Join(p.data(), "postgresql.auto.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer settings.Close()
	if _, err := settings.WriteString("restore_command = 'false'\n"); err != nil {
		return err
	}
	signal := filepath.Join(p.data(), "recovery.signal")
	if err := os.WriteFile(signal, nil, 0o600); err != nil {
		return err
	}
	if p.as != nil {
		return os.Chown(signal, int(p.as.Uid), int(p.as.Gid))
	}
	return nil
}
