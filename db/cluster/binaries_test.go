//go:build linux || darwin

package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fake makes a folder with programs that are shell scripts, where every user
// can run them; name is the folder's, below one of its own.
func fake(t *testing.T, name string, scripts map[string]string) string {
	t.Helper()
	dir, err := os.MkdirTemp(scratch, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(dir, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for program, script := range scripts {
		if err := os.WriteFile(filepath.Join(dir, program), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// real are the binaries the other tests run with.
func realBinaries(t *testing.T) binaries {
	t.Helper()
	m := thisMachine()
	self, err := (&site{machine: m}).newcomer()
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.newest(t.Context(), self)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// linked is a machine that knows the real binaries only through a link.
func linked(t *testing.T) (*machine, string) {
	t.Helper()
	link := filepath.Join(fake(t, fmt.Sprintf("postgresql/%d", realBinaries(t).major), nil), "bin")
	if err := os.Symlink(realBinaries(t).dir, link); err != nil {
		t.Fatal(err)
	}
	m := thisMachine()
	m.places, m.path = []string{link}, ""
	return m, link
}

// version makes postgres and initdb that know nothing but a version.
func version(name string) map[string]string {
	return map[string]string{"initdb": "exit 1", "postgres": "echo 'postgres (PostgreSQL) " + name + "'"}
}

func TestBinaries(t *testing.T) {
	t.Parallel()

	choose := func(t *testing.T, path string, places ...string) (binaries, error) {
		t.Helper()
		m := thisMachine()
		m.places, m.path = places, path
		return m.newest(t.Context(), accountOf(m.euid))
	}

	t.Run("the newest is taken, wherever it is", func(t *testing.T) {
		t.Parallel()
		debian := filepath.Dir(filepath.Dir(fake(t, "postgresql/16/bin", version("16.1"))))
		if err := os.MkdirAll(filepath.Join(debian, "99", "bin"), 0o755); err != nil { // removed, the folder stayed
			t.Fatal(err)
		}
		brew := fake(t, "postgresql@17/bin", version("unknown"))
		inPath := fake(t, "bin", version("18.2 (Homebrew)"))
		onlyServer := fake(t, "other", map[string]string{"postgres": "echo 'postgres (PostgreSQL) 30.1'"})
		broken := fake(t, "broken", map[string]string{"initdb": "exit 1", "postgres": "exit 1"})
		silent := fake(t, "silent", map[string]string{"initdb": "exit 1", "postgres": "echo hello"})
		for want, got := range map[int]func() (binaries, error){
			16: func() (binaries, error) { return choose(t, "", debian+"/*/bin") },
			17: func() (binaries, error) { return choose(t, "", debian+"/*/bin", brew) },
			18: func() (binaries, error) {
				path := strings.Join([]string{"relative", onlyServer, broken, silent, inPath}, string(filepath.ListSeparator))
				return choose(t, path, debian+"/*/bin", brew)
			},
		} {
			if b, err := got(); err != nil || b.major != want {
				t.Errorf("%+v, %v instead of %d", b, err, want)
			}
		}
	})

	t.Run("without any, one line says what to install", func(t *testing.T) {
		t.Parallel()
		m := thisMachine()
		m.places, m.path = nil, ""
		dir := place(t)
		_, err := Start(t.Context(), Config{DataDir: dir, machine: m})
		if !errors.Is(err, ErrNotInstalled) {
			t.Errorf("got %v", err)
		}
		oneLine(t, err, "apt install postgresql", "brew install postgresql@17", "PARLEY_DATABASE_URL")
		_, err = Attach(t.Context(), Config{DataDir: dir, machine: m})
		if !errors.Is(err, ErrNotInstalled) {
			t.Errorf("got %v", err)
		}
	})

	t.Run("too old ones are named", func(t *testing.T) {
		t.Parallel()
		_, err := choose(t, "", fake(t, "postgresql/13/bin", version("13.1")), fake(t, "postgresql/14/bin", version("14.1")))
		if !errors.Is(err, ErrNotInstalled) {
			t.Errorf("got %v", err)
		}
		oneLine(t, err, "15 or later", "found only 14 and 13")
	})

	t.Run("data of another version says what to do", func(t *testing.T) {
		t.Parallel()
		dir := furnished(t)
		file := filepath.Join(dir, "postgres", "data", "PG_VERSION")
		if err := os.WriteFile(file, []byte("98\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Start(t.Context(), Config{DataDir: dir})
		if !errors.Is(err, ErrOtherVersion) {
			t.Errorf("got %v", err)
		}
		oneLine(t, err, "made by version 98", "postgresql-98", "pg_upgrade", "dump and restore", fmt.Sprint("found only ", realBinaries(t).major))

		m := thisMachine()
		m.places, m.path = nil, ""
		_, err = Start(t.Context(), Config{DataDir: dir, machine: m})
		if !errors.Is(err, ErrNotInstalled) {
			t.Errorf("got %v", err)
		}
		oneLine(t, err, "needs version 98", "postgresql-98")

		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		_, err = Start(t.Context(), Config{DataDir: dir})
		oneLine(t, err, "PG_VERSION")
	})

	t.Run("data keeps its version when a newer one is installed", func(t *testing.T) {
		t.Parallel()
		dir := furnished(t)
		m := thisMachine()
		m.places = append([]string{fake(t, "postgresql/97/bin", version("97.1"))}, m.places...)
		c := started(t, Config{DataDir: dir, Throwaway: true, machine: m})
		query(t, c.DSN(), "SELECT 'there'")
	})
}

func TestInitialize(t *testing.T) {
	t.Parallel()

	machineWith := func(dir string) *machine {
		m := thisMachine()
		m.places, m.path = []string{dir}, ""
		return m
	}
	scripts := func(t *testing.T, initdb, postgres string) string {
		b := realBinaries(t)
		replace := strings.NewReplacer("REAL", b.dir)
		return fake(t, fmt.Sprintf("postgresql/%d/bin", b.major), map[string]string{"initdb": replace.Replace(initdb), "postgres": replace.Replace(postgres)})
	}

	t.Run("killed in the middle, it begins again, after the old initdb has ended", func(t *testing.T) {
		t.Parallel()
		dir := place(t)
		marks := filepath.Dir(place(t))
		if err := os.Chmod(marks, 0o777); err != nil {
			t.Fatal(err)
		}
		began, goOn := filepath.Join(marks, "began"), filepath.Join(marks, "go-on")
		slow := scripts(t, "touch "+began+"; until [ -e "+goOn+" ]; do sleep 0.05; done; exec REAL/initdb \"$@\"", "exec REAL/postgres \"$@\"")
		p := begin(t, nil, "serve", dir, slow)
		eventually(t, "initdb began", func() bool { _, err := os.Stat(began); return err == nil })
		p.kill()
		fresh := filepath.Join(dir, "postgres", "data.new")
		if _, err := os.Stat(fresh); err != nil {
			t.Fatalf("premise: %v", err)
		}
		type result struct {
			c   *Cluster
			err error
		}
		next := make(chan result, 1)
		go func() {
			c, err := Start(context.WithoutCancel(t.Context()), Config{DataDir: dir, Throwaway: true})
			next <- result{c, err}
		}()
		// It holds its lock, which means that it waits for the old one.
		eventually(t, "the next start waits", func() bool {
			l, err := tryLock(filepath.Join(dir, "postgres", "start.lock"), exclusive, true)
			if err == nil {
				_ = l.release()
			}
			return errors.Is(err, errHeld)
		})
		select {
		case r := <-next:
			t.Fatalf("the next start did not wait: %v", r.err)
		default:
		}
		if err := os.WriteFile(goOn, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		r := <-next
		if r.err != nil {
			t.Fatal(r.err)
		}
		t.Cleanup(func() { _ = r.c.Close(context.Background()) })
		query(t, r.c.DSN(), "SELECT 'there'")
		serverOn(t, dir)
		if _, err := os.Stat(fresh); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("left over: %v", err)
		}
	})

	t.Run("a failing initdb gives one line and leaves no data", func(t *testing.T) {
		t.Parallel()
		for _, broken := range []string{
			scripts(t, "echo 'some words'; echo 'initdb: error: it is Monday' >&2; exit 1", "exit 1"),
			scripts(t, "exit 0", "echo 'FATAL:  it is Monday' >&2; exit 1"),
		} {
			dir := place(t)
			_, err := Start(t.Context(), Config{DataDir: dir, machine: machineWith(broken)})
			oneLine(t, err, " failed: it is Monday")
			if _, err := os.Stat(filepath.Join(dir, "postgres", "data")); err == nil {
				t.Error("there is data")
			}
		}
	})

	t.Run("a stop in the middle ends it", func(t *testing.T) {
		t.Parallel()
		dir := place(t)
		soon, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		_, err := Start(soon, Config{DataDir: dir, machine: machineWith(scripts(t, "exec sleep 60", ""))})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})

	t.Run("a server that ends at once gives one line", func(t *testing.T) {
		t.Parallel()
		for script, want := range map[string]string{
			"echo 'FATAL:  it is Monday' >&2; exit 1": "does not start: it is Monday",
			"exit 3": "does not start: exit status 3",
		} {
			_, err := Start(t.Context(), Config{DataDir: furnished(t), machine: machineWith(scripts(t, "", script))})
			oneLine(t, err, want, "postgres.log")
		}
	})

	t.Run("a server that never gets ready is given up with the context", func(t *testing.T) {
		t.Parallel()
		dir := furnished(t)
		began, cancel := context.WithCancel(t.Context())
		go func() {
			defer cancel()
			for pause(t.Context(), time.Millisecond) == nil {
				if log, _ := os.ReadFile(filepath.Join(dir, "postgres", "log", "postgres.log")); strings.Contains(string(log), "began") {
					return
				}
			}
		}()
		_, err := Start(began, Config{DataDir: dir, machine: machineWith(scripts(t, "", "echo began; exec sleep 60"))})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		oneLine(t, err, "waiting for the database server to start")
	})

	t.Run("a server that cannot be run gives one line", func(t *testing.T) {
		t.Parallel()
		bin := scripts(t, "", "")
		if err := os.WriteFile(filepath.Join(bin, "postgres"), []byte("#!/no/such/shell\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		_, err := Start(t.Context(), Config{DataDir: furnished(t), machine: machineWith(bin)})
		oneLine(t, err, "starting the database server as user")
	})
}
