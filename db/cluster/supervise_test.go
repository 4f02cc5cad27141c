//go:build linux || darwin

package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestSupervise(t *testing.T) {
	t.Parallel()

	// answers waits until the address works again and returns the new server.
	answers := func(t *testing.T, c *Cluster, address string) int {
		t.Helper()
		eventually(t, "the server answers at "+address, func() bool {
			_, err := tryQuery(t.Context(), address, "SELECT 'back'")
			return err == nil
		})
		return serverOn(t, c.site.DataDir)
	}

	t.Run("a server that dies is restarted, with its data, at the same address", func(t *testing.T) {
		t.Parallel()
		dir := furnished(t)
		var j journal
		c := started(t, Config{DataDir: dir, Log: j.logger()})
		query(t, c.DSN(), "SELECT 'kept' AS x INTO kept")
		address, first := c.DSN(), serverOn(t, dir)
		for range 2 {
			if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			second := answers(t, c, address)
			if second == first {
				t.Fatal("premise: the server did not die")
			}
			if got := query(t, address, "SELECT x FROM kept"); got != "kept" {
				t.Errorf("got %s", got)
			}
			first = second
		}
		if !j.has("died") || !j.has("runs again") {
			t.Error("nothing in the log")
		}
		closed(t, c)
		if left := serversUnder(dir); len(left) > 0 {
			t.Errorf("still running: %v", left)
		}
	})

	t.Run("an adopted server that dies is restarted", func(t *testing.T) {
		t.Parallel()
		dir := furnished(t)
		begin(t, nil, "serve", dir).ready(t).kill()
		first := serverOn(t, dir)
		c := started(t, Config{DataDir: dir})
		if serverOn(t, dir) != first {
			t.Fatal("premise: it was not adopted")
		}
		if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if answers(t, c, c.DSN()) == first {
			t.Error("premise: the server did not die")
		}
	})

	t.Run("it goes on trying until the server can be restarted", func(t *testing.T) {
		t.Parallel()
		dir := furnished(t)
		m, link := linked(t)
		var j journal
		c := started(t, Config{DataDir: dir, Throwaway: true, Log: j.logger(), machine: m})
		target, err := os.Readlink(link)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(link); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(serverOn(t, dir), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the failure is in the log", func() bool { return j.has("cannot be restarted") })
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
		answers(t, c, c.DSN())
	})

	t.Run("Close ends the trying", func(t *testing.T) {
		t.Parallel()
		dir := furnished(t)
		m, link := linked(t)
		var j journal
		c := started(t, Config{DataDir: dir, Throwaway: true, Log: j.logger(), machine: m})
		if err := os.Remove(link); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(serverOn(t, dir), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the failure is in the log", func() bool { return j.has("cannot be restarted") })
		closed(t, c)
	})

	t.Run("a server started by hand is adopted too, and stopped", func(t *testing.T) {
		t.Parallel()
		dir := furnished(t)
		s, err := prepare(Config{DataDir: dir, Throwaway: true})
		if err != nil {
			t.Fatal(err)
		}
		b, err := s.matching(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		other, err := tryLock(filepath.Join(t.TempDir(), "another.lock"), exclusive, true)
		if err != nil {
			t.Fatal(err)
		}
		defer other.release()
		if _, err := s.launch(t.Context(), b, other); err != nil {
			t.Fatal(err)
		}
		pid := serverOn(t, dir)
		c := started(t, Config{DataDir: dir, Throwaway: true})
		if serverOn(t, dir) != pid {
			t.Error("another server runs")
		}
		closed(t, c)
		if left := serversUnder(dir); len(left) > 0 {
			t.Errorf("still running: %v", left)
		}
	})
}

func TestClose(t *testing.T) {
	t.Parallel()

	t.Run("clients at work do not hold it up", func(t *testing.T) {
		t.Parallel()
		c := started(t, Config{DataDir: furnished(t), Throwaway: true})
		conn := connect(t, c.DSN())
		if _, err := conn.Exec(t.Context(), "BEGIN"); err != nil {
			t.Fatal(err)
		}
		cut := make(chan error)
		go func() {
			_, err := conn.Exec(t.Context(), "SELECT pg_sleep(60)")
			cut <- err
		}()
		eventually(t, "the client is at work", func() bool {
			n, err := tryQuery(t.Context(), c.AdminDSN(), "SELECT count(*)::text FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
			return err == nil && n == "1"
		})
		closed(t, c)
		if err := <-cut; err == nil {
			t.Error("premise: the client was not at work")
		}
	})

	t.Run("a server that does not answer is stopped by force", func(t *testing.T) {
		t.Parallel()
		dir := furnished(t)
		m := thisMachine()
		m.insist = 2 * time.Second
		c := started(t, Config{DataDir: dir, Throwaway: true, machine: m})
		if err := syscall.Kill(serverOn(t, dir), syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		impatient, cancel := context.WithCancel(t.Context())
		cancel()
		if err := c.Close(impatient); err != nil {
			t.Error(err)
		}
		if left := serversUnder(dir); len(left) > 0 {
			t.Errorf("still running: %v", left)
		}
	})

	t.Run("a deleted folder does not keep the server alive", func(t *testing.T) {
		t.Parallel()
		dir := furnished(t)
		c := started(t, Config{DataDir: dir, Throwaway: true})
		pid := serverOn(t, dir)
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		closed(t, c)
		if isServerOf(pid, c.site.data()) {
			t.Error("still running")
		}
	})

	t.Run("a folder somebody uses cannot be removed", func(t *testing.T) {
		t.Parallel()
		for _, role := range []string{"serve", "attach"} {
			dir := furnished(t)
			p := begin(t, nil, role, dir).ready(t)
			if err := Remove(t.Context(), Config{DataDir: dir}); !errors.Is(err, ErrInUse) {
				t.Errorf("%s: %v", role, err)
			}
			p.kill()
			serverOn(t, dir)
			if err := Remove(t.Context(), Config{DataDir: dir}); err != nil {
				t.Errorf("after its end: %v", err)
			}
			if left := serversUnder(dir); len(left) > 0 {
				t.Errorf("still running: %v", left)
			}
		}
	})

	t.Run("what Remove does not find is no error", func(t *testing.T) {
		t.Parallel()
		if err := Remove(t.Context(), Config{DataDir: place(t)}); err != nil {
			t.Error(err)
		}
	})
}

func TestLog(t *testing.T) {
	t.Parallel()

	t.Run("it is set aside when it has grown", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "postgres.log")
		log, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		want := map[int][2]string{0: {"line 0\n", ""}, 1: {"", "line 0\nline 1\n"}, 2: {"line 2\n", "line 0\nline 1\n"}, 3: {"", "line 2\nline 3\n"}}
		for i := range len(want) {
			if _, err := fmt.Fprintf(log, "line %d\n", i); err != nil {
				t.Fatal(err)
			}
			if err := bound(path, 10); err != nil {
				t.Fatal(err)
			}
			now, _ := os.ReadFile(path)
			old, _ := os.ReadFile(path + ".1")
			if got := [2]string{string(now), string(old)}; got != want[i] {
				t.Errorf("after line %d: %q", i, got)
			}
		}
		if err := bound(filepath.Join(t.TempDir(), "none"), 10); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("without a log: %v", err)
		}
		if err := os.Remove(path + ".1"); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(path+".1", 0o700); err != nil {
			t.Fatal(err)
		}
		if _, err := log.WriteString("a long line of text\n"); err != nil {
			t.Fatal(err)
		}
		if err := bound(path, 10); err == nil {
			t.Error("no error where nothing can be set aside")
		}
	})

	t.Run("the supervisor looks after it", func(t *testing.T) {
		t.Parallel()
		m := thisMachine()
		m.housekeeping = 5 * time.Millisecond
		var j journal
		c := started(t, Config{DataDir: furnished(t), Throwaway: true, Log: j.logger(), machine: m})
		if err := os.Truncate(c.site.Location.Log, maxLog+1); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the log is set aside", func() bool {
			info, err := os.Stat(c.site.Location.Log + ".1")
			return err == nil && info.Size() > maxLog
		})
		if err := os.Rename(c.site.Location.Log, c.site.Location.Log+".2"); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the failure is in the log", func() bool { return j.has("cannot be shortened") })
	})

	t.Run("what people wrote does not stand in it", func(t *testing.T) {
		t.Parallel()
		c := started(t, Config{DataDir: furnished(t), Throwaway: true})
		conn := connect(t, c.DSN())
		for _, sql := range []string{
			"CREATE TABLE said (body text UNIQUE CHECK (length(body) < 20))",
			"INSERT INTO said VALUES ('a secret')",
			"INSERT INTO said VALUES ('a secret')",
			"INSERT INTO said VALUES ('a secret that is much too long')",
		} {
			_, _ = conn.Exec(t.Context(), sql)
		}
		content, err := os.ReadFile(c.site.Location.Log)
		if err != nil || !strings.Contains(string(content), "duplicate key") || !strings.Contains(string(content), "check constraint") {
			t.Errorf("premise: the errors are logged: %v\n%s", err, content)
		}
		if strings.Contains(string(content), "secret") {
			t.Errorf("the log tells it:\n%s", content)
		}
	})

	t.Run("the line that matters is found", func(t *testing.T) {
		t.Parallel()
		for output, want := range map[string]string{
			"":                "exit status 1",
			"first\n\nlast\n": "last",
			"2026 [1] LOG:  begins\n2026 [1] FATAL:  no room\n2026 [1] LOG:  ends\n":                 "no room",
			"ERROR:  wrote only 1 of 2\nHINT:  Check free disk space.\nchild exited\n":               "wrote only 1 of 2 (Check free disk space.)",
			"initdb: error: no such thing":                                                           "no such thing",
			"[2] FATAL:  the database system is starting up\n[1] PANIC:  could not write: no room\n": "could not write: no room",
		} {
			if got := complaint(output, errors.New("exit status 1")); got != want {
				t.Errorf("%q: %q instead of %q", output, got, want)
			}
		}
	})
}
