//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/chaos/process"
	"parley/db/cluster"
)

// system is the real binary as a process, with its private PostgreSQL and, where it is wanted, a Redis.
type system struct {
	folder, data string
	binary       string
	addr, admin  string // admin: where it says what it does, if it is to
	env          []string
	server       *process.Process
	redis        *process.Process
	postgres     int // the number of its first process
	place        cluster.Location
	people       []guest
}

// guest is somebody with a session.
type guest struct{ id, cookie string }

// build builds the real binary into the folder.
func build(ctx context.Context, folder string) (string, error) {
	binary := filepath.Join(folder, "parley")
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-trimpath", "-o", binary, "parley")
	if said, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building Parley: %w\n%s", err, said)
	}
	return binary, nil
}

// environment of the binary: nothing of what is set here, so that every run is alike.
func (s *system) environment() []string {
	return append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.folder, "PARLEY_ADDR=" + s.addr, "PARLEY_DATA_DIR=" + s.data,
		"PARLEY_LIMITS=off", "PARLEY_BCRYPT_COST=4", "PARLEY_REGISTRATION=open", "PARLEY_LOG_LEVEL=warn",
	}, s.env...)
}

// newSystem prepares one in a folder of its own; it starts nothing.
func newSystem(folder, name, binary string) (*system, error) {
	s := &system{folder: folder, data: filepath.Join(folder, name), binary: binary}
	var err error
	if s.addr, err = process.FreeAddr(); err != nil {
		return nil, err
	}
	return s, loopback(s.addr)
}

// lay lets `parley demo` make people, conversations, messages and sessions.
func (s *system) lay(ctx context.Context, people, conversations, messages int) error {
	sessions := filepath.Join(s.folder, "sessions")
	cmd := exec.CommandContext(ctx, s.binary, "demo", "--people", strconv.Itoa(people), "--conversations", strconv.Itoa(conversations),
		"--messages", strconv.Itoa(messages), "--sessions", sessions)
	cmd.Dir, cmd.Env = s.folder, s.environment()
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("parley demo: %w\n%s", err, said)
	}
	f, err := os.Open(sessions)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		id, cookie, _ := strings.Cut(lines.Text(), " ")
		s.people = append(s.people, guest{id: id, cookie: cookie})
	}
	return errors.Join(lines.Err(), os.Remove(sessions))
}

// laid says how far lay has come: of what is not committed the table's length alone tells.
func (s *system) laid(ctx context.Context) string {
	place, err := cluster.Locate(s.data)
	if err != nil {
		return "the database is on its way"
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsnAt(place))
	if err != nil {
		return "the database is on its way"
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var bytes int64
	if err := conn.QueryRow(ctx, "SELECT pg_database_size('parley')").Scan(&bytes); err != nil {
		return "the database is on its way"
	}
	return short(float64(bytes)/(1<<20)) + " MiB"
}

// withRedis starts a Redis for the server, which could do without.
func (s *system) withRedis() error {
	addr, err := process.FreeAddr()
	if err != nil {
		return err
	}
	host, port, _ := strings.Cut(addr, ":")
	s.redis, err = process.Launch(exec.Command("redis-server", "--bind", host, "--port", port, "--save", "", "--appendonly", "no"),
		filepath.Join(s.folder, "redis.log"))
	s.env = append(s.env, "PARLEY_REDIS_URL=redis://"+addr+"/0")
	return err
}

// withProfile lets the server listen for those who look after it, so that profiles can be had.
func (s *system) withProfile() (err error) {
	if s.admin, err = process.FreeAddr(); err == nil {
		s.env = append(s.env, "PARLEY_ADMIN_ADDR="+s.admin)
	}
	return err
}

// start starts the server, and says how long it took to the first answer.
func (s *system) start(ctx context.Context) (took time.Duration, err error) {
	cmd := exec.Command(s.binary, "serve")
	cmd.Dir, cmd.Env = s.folder, s.environment()
	began := time.Now()
	if s.server, err = process.Launch(cmd, s.data+".log"); err != nil {
		return 0, err
	}
	c := &caller{addr: s.addr}
	defer c.close()
	for {
		a, err := c.do(ctx, request{method: http.MethodGet, path: "/login"})
		if err == nil && a.status == http.StatusOK {
			took = time.Since(began)
			break
		}
		if !s.server.Alive() {
			return 0, fmt.Errorf("the server has ended, see %s.log", s.data)
		}
		if ctx.Err() != nil || time.Since(began) > time.Minute {
			return 0, fmt.Errorf("the server does not answer: %d, %w", a.status, err)
		}
		process.Sleep(ctx, 2*time.Millisecond)
	}
	if s.place, err = cluster.Locate(s.data); err != nil {
		return 0, err
	}
	first, err := os.ReadFile(filepath.Join(s.place.Cluster, "data", "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(first), "\n")
	s.postgres, err = strconv.Atoi(strings.TrimSpace(line))
	return took, err
}

// stop ends the server, and with it its PostgreSQL.
func (s *system) stop() error {
	if s.server == nil {
		return nil
	}
	err := s.server.End(syscall.SIGTERM, time.Minute)
	s.server = nil
	return err
}

// end ends and removes everything.
func (s *system) end() error {
	var errs []error
	if s.server != nil {
		s.server.Kill()
	}
	if s.redis != nil {
		s.redis.Kill()
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := cluster.Remove(ctx, cluster.Config{DataDir: s.data}); err != nil && !errors.Is(err, os.ErrNotExist) {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// dsn is the tool's own way into the database, for what no door tells and for the floor.
func (s *system) dsn() string { return dsnAt(s.place) }

func dsnAt(place cluster.Location) string {
	return "postgres://postgres@/parley?port=5432&sslmode=disable&host=" + place.Socket
}

// parts are those whose use is measured.
func (s *system) parts() []part {
	parts := []part{
		{partServer, s.server.PID(), false}, {partPostgres, s.postgres, true}, {partTool, os.Getpid(), false},
	}
	if s.redis != nil {
		parts = append(parts, part{partRedis, s.redis.PID(), false})
	}
	return parts
}
