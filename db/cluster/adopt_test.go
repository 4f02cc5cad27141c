//go:build linux || darwin

package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// TestAdopt is about what a former parley left behind.
func TestAdopt(t *testing.T) {
	t.Parallel()

	t.Run("a server that outlived its parley is adopted with its data", func(t *testing.T) {
		t.Parallel()
		dir := furnished(t)
		first := begin(t, nil, "serve", dir).ready(t)
		pid := serverOn(t, dir)
		l, err := Locate(dir)
		if err != nil {
			t.Fatal(err)
		}
		query(t, dsn(l.Socket, "parley", "parley"), "SELECT 'kept' AS x INTO kept")
		first.kill()
		if now := serverOn(t, dir); now != pid {
			t.Fatalf("premise: the server did not live on")
		}
		var j journal
		c := started(t, Config{DataDir: dir, Log: j.logger()})
		if now := serverOn(t, dir); now != pid {
			t.Errorf("another server runs: %d instead of %d", now, pid)
		}
		if !j.has("adopted") {
			t.Error("nothing in the log")
		}
		if got := query(t, c.DSN(), "SELECT x FROM kept"); got != "kept" {
			t.Errorf("got %q", got)
		}
		closed(t, c)
		if left := serversUnder(dir); len(left) > 0 {
			t.Errorf("it still runs after Close: %v", left)
		}
	})

	t.Run("a server that was killed with its parley is recovered with its data", func(t *testing.T) {
		t.Parallel()
		dir := furnished(t)
		first := begin(t, nil, "serve", dir).ready(t)
		l, err := Locate(dir)
		if err != nil {
			t.Fatal(err)
		}
		query(t, dsn(l.Socket, "parley", "parley"), "SELECT 'kept' AS x INTO kept")
		first.kill()
		if err := syscall.Kill(serverOn(t, dir), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		for _, left := range []string{filepath.Join(l.Socket, socketName+".lock"), filepath.Join(l.Cluster, "data", "postmaster.pid")} {
			if _, err := os.Stat(left); err != nil {
				t.Errorf("premise: %v", err)
			}
		}
		c := started(t, Config{DataDir: dir})
		if got := query(t, c.DSN(), "SELECT x FROM kept"); got != "kept" {
			t.Errorf("got %q", got)
		}
		serverOn(t, dir)
	})

	t.Run("a server that is stopping is waited for", func(t *testing.T) {
		t.Parallel()
		dir := furnished(t)
		begin(t, nil, "serve", dir).ready(t).kill()
		first := serverOn(t, dir)
		l, err := Locate(dir)
		if err != nil {
			t.Fatal(err)
		}
		conn := connect(t, dsn(l.Socket, "parley", "parley"))
		// Asked this way, it first waits for its clients.
		if err := syscall.Kill(first, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		s, err := locate(Config{DataDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "the server is stopping", func() bool { return s.running().status == "stopping" })
		soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := Start(soon, Config{DataDir: dir}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("it was not waited for: %v", err)
		}
		if err := conn.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		c := started(t, Config{DataDir: dir})
		query(t, c.DSN(), "SELECT 'there'")
		if serverOn(t, dir) == first {
			t.Error("premise: the server did not stop")
		}
	})

	t.Run("a running server without Parley's database is refused", func(t *testing.T) {
		t.Parallel()
		dir := furnished(t)
		begin(t, nil, "serve", dir).ready(t).kill()
		l, err := Locate(dir)
		if err != nil {
			t.Fatal(err)
		}
		admin := connect(t, dsn(l.Socket, "postgres", "postgres"))
		if _, err := admin.Exec(t.Context(), "ALTER DATABASE parley RENAME TO other"); err != nil {
			t.Fatal(err)
		}
		for name, f := range map[string]func(context.Context, Config) (*Cluster, error){"Start": Start, "Attach": Attach} {
			if _, err := f(t.Context(), Config{DataDir: dir}); err == nil {
				t.Errorf("%s: no error", name)
			} else {
				oneLine(t, err, "cannot be used", "does not exist")
			}
		}
	})

	t.Run("a running server whose connections are all taken is adopted", func(t *testing.T) {
		t.Parallel()
		dir := furnished(t)
		begin(t, nil, "serve", dir).ready(t).kill()
		l, err := Locate(dir)
		if err != nil {
			t.Fatal(err)
		}
		address := dsn(l.Socket, "parley", "parley")
		admin := connect(t, dsn(l.Socket, "postgres", "postgres"))
		if _, err := admin.Exec(t.Context(), "ALTER ROLE parley CONNECTION LIMIT 1"); err != nil {
			t.Fatal(err)
		}
		connect(t, address)
		if _, err := pgconn.Connect(t.Context(), address); err == nil || !strings.Contains(err.Error(), "53300") {
			t.Fatalf("premise: %v", err)
		}
		started(t, Config{DataDir: dir})
	})

	t.Run("processes that do not let go of the data are named", func(t *testing.T) {
		t.Parallel()
		dir := furnished(t)
		m := thisMachine()
		m.patience, m.insist = 20*time.Millisecond, 10*time.Millisecond
		s, err := prepare(Config{DataDir: dir, machine: m})
		if err != nil {
			t.Fatal(err)
		}
		held, err := s.hold()
		if err != nil {
			t.Fatal(err)
		}
		defer held.release()
		_, err = Start(t.Context(), Config{DataDir: dir, machine: m})
		oneLine(t, err, "still work on", s.data())
		impatient, cancel := context.WithCancel(t.Context())
		cancel()
		oneLine(t, Remove(impatient, Config{DataDir: dir, machine: m}), "does not stop")
	})

	t.Run("files of a dead server whose process number was given away do no harm", func(t *testing.T) {
		t.Parallel()
		dir := furnished(t)
		s, err := prepare(Config{DataDir: dir, Throwaway: true})
		if err != nil {
			t.Fatal(err)
		}
		other := exec.Command("sleep", "60")
		other.SysProcAttr = &syscall.SysProcAttr{Credential: s.runAs.credential()}
		if err := other.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = other.Process.Kill(); _ = other.Wait() })
		file := filepath.Join(s.data(), "postmaster.pid")
		content := fmt.Sprintf("%d\n%s\n1\n5432\n%s\n\n1 1\nready   \n", other.Process.Pid, s.data(), s.Socket)
		for _, path := range []string{file, filepath.Join(s.Socket, socketName+".lock")} {
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chown(path, s.runAs.uid, s.runAs.gid); err != nil {
				t.Fatal(err)
			}
		}
		// Without our help PostgreSQL takes the other process for its twin.
		held, err := s.hold()
		if err != nil {
			t.Fatal(err)
		}
		b, err := s.matching(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.launch(t.Context(), b, held)
		held.release()
		oneLine(t, err, "already exists")

		c := started(t, Config{DataDir: dir, Throwaway: true})
		query(t, c.DSN(), "SELECT 'fine'")
	})
}
