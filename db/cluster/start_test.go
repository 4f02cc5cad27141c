//go:build linux || darwin

package cluster

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// TestAsOrdinaryUser runs all of this package's tests once more as somebody who
// is not root.
func TestAsOrdinaryUser(t *testing.T) {
	t.Parallel()
	nobody := stranger(t)
	home, err := os.MkdirTemp(scratch, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(home, nobody.uid, nobody.gid); err != nil {
		t.Fatal(err)
	}
	args := []string{"-test.v", "-test.timeout=5m"}
	if testing.Short() {
		args = append(args, "-test.short")
	}
	cmd := exec.CommandContext(t.Context(), binary(t), args...)
	cmd.Dir, cmd.Env = home, append(os.Environ(), "TMPDIR="+home, "HOME="+home)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: nobody.credential()}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("as user %s: %v\n%s", nobody, err, out)
	}
	if !strings.Contains(string(out), "--- PASS: TestStart") {
		t.Errorf("as user %s the tests did not run:\n%s", nobody, out)
	}
}

func TestStart(t *testing.T) {
	t.Parallel()

	t.Run("a first start makes the cluster as it must be", func(t *testing.T) {
		t.Parallel()
		dir := place(t)
		c := started(t, Config{DataDir: dir})
		for sql, want := range map[string]string{
			`SELECT current_user || '@' || current_database()`:                                               "parley@parley",
			`SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'parley'`:                 "UTF8",
			`SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'parley'`:                       "parley",
			`SELECT (rolsuper OR rolcreatedb OR rolcreaterole)::text FROM pg_roles WHERE rolname = 'parley'`: "false",
			`SHOW listen_addresses`: "",
			`SHOW jit`:              "off",
			`SHOW fsync`:            "on",
			`SHOW max_connections`:  "100",
			`SHOW data_checksums`:   "on",
			`SHOW TimeZone`:         "UTC",
		} {
			if got := query(t, c.DSN(), sql); got != want {
				t.Errorf("%s: %q instead of %q", sql, got, want)
			}
		}
		if localeFlags[0] == "--locale=C.UTF-8" {
			if got := query(t, c.DSN(), `SELECT datcollate || ' ' || datctype FROM pg_database WHERE datname = 'parley'`); got != "C.UTF-8 C.UTF-8" {
				t.Errorf("locale %s", got)
			}
		}
		l := c.site.Location
		if n := len(filepath.Join(l.Socket, socketName)); n > 107 {
			t.Errorf("the socket's path has %d bytes", n)
		}
		if info, err := os.Stat(l.Socket); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("the socket's folder is %v, %v", info.Mode(), err)
		}
		if uid, _ := ownerOf(filepath.Join(l.Cluster, "data")); uid == 0 {
			t.Error("the data belongs to root")
		}
	})

	t.Run("the role parley can create the extensions, and trigrams know Cyrillic", func(t *testing.T) {
		t.Parallel()
		c := started(t, Config{DataDir: furnished(t), Throwaway: true})
		conn := connect(t, c.DSN())
		for _, sql := range []string{"CREATE EXTENSION pg_trgm", "CREATE EXTENSION unaccent", "CREATE TABLE t (x text)"} {
			if _, err := conn.Exec(t.Context(), sql); err != nil {
				t.Errorf("%s: %v", sql, err)
			}
		}
		if n := query(t, c.DSN(), `SELECT cardinality(show_trgm('привет'))::text`); n != "7" {
			t.Errorf("%s trigrams", n)
		}
		if _, err := conn.Exec(t.Context(), "CREATE EXTENSION adminpack"); err == nil {
			t.Error("parley can create an extension that is not trusted")
		}
	})

	t.Run("the superuser's address is for backups", func(t *testing.T) {
		t.Parallel()
		c := started(t, Config{DataDir: furnished(t), Throwaway: true})
		if super := query(t, c.AdminDSN(), `SELECT rolsuper::text FROM pg_roles WHERE rolname = current_user`); super != "true" {
			t.Error("no superuser")
		}
		conn, err := pgconn.Connect(t.Context(), c.AdminDSN()+"&replication=true")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.Background())
		if _, err := conn.Exec(t.Context(), "IDENTIFY_SYSTEM").ReadAll(); err != nil {
			t.Error(err)
		}
	})

	t.Run("a second start on the same data is refused", func(t *testing.T) {
		t.Parallel()
		dir := furnished(t)
		c := started(t, Config{DataDir: dir, Throwaway: true})
		_, err := Start(t.Context(), Config{DataDir: dir})
		if !errors.Is(err, ErrInUse) {
			t.Errorf("got %v", err)
		}
		oneLine(t, err, "in use", dir, strconv.Itoa(os.Getpid()))
		if said := begin(t, nil, "serve", dir).says(); !strings.Contains(said, "in use") {
			t.Errorf("another process says %q", said)
		}
		closed(t, c)
		closed(t, c) // twice is no error
		again := started(t, Config{DataDir: dir, Throwaway: true})
		query(t, again.DSN(), "SELECT 'fine'")
	})

	t.Run("Ctrl+C in the terminal does not reach the server", func(t *testing.T) {
		t.Parallel()
		dir := furnished(t)
		p := begin(t, nil, "serve", dir).ready(t)
		pid := serverOn(t, dir)
		if err := syscall.Kill(-p.Process.Pid, syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		if err := p.Wait(); err == nil {
			t.Fatal("premise: the signal did not reach parley")
		}
		l, _ := Locate(dir)
		query(t, dsn(l.Socket, "parley", "parley"), "SELECT 'alive'")
		if now := serverOn(t, dir); now != pid {
			t.Error("another server runs")
		}
	})

	t.Run("a throwaway server dies with its process", func(t *testing.T) {
		t.Parallel()
		var attr syscall.SysProcAttr
		if bind(&attr); reflect.ValueOf(attr).IsZero() {
			t.Skip("this system tells no process of its parent's death")
		}
		dir := furnished(t)
		p := begin(t, nil, "throwaway", dir).ready(t)
		serverOn(t, dir)
		p.kill()
		eventually(t, "no server runs", func() bool { return len(serversUnder(dir)) == 0 })
	})

	t.Run("a pool keeps working over a stop and a start", func(t *testing.T) {
		t.Parallel()
		dir := furnished(t)
		c := started(t, Config{DataDir: dir, Throwaway: true})
		pool, err := pgxpool.New(t.Context(), c.DSN())
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		if err := pool.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		closed(t, c)
		started(t, Config{DataDir: dir, Throwaway: true})
		eventually(t, "the pool answers", func() bool { return pool.Ping(t.Context()) == nil })
	})
}

// BenchmarkStart is a warm start: the cluster is there and was stopped in order.
func BenchmarkStart(b *testing.B) {
	model, err := furniture()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		c, err := Start(b.Context(), Config{DataDir: model})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := c.Close(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

func TestPeers(t *testing.T) {
	t.Parallel()

	t.Run("root and the server's user may connect, nobody else", func(t *testing.T) {
		t.Parallel()
		other := stranger(t)
		c := started(t, Config{DataDir: furnished(t), Throwaway: true})
		if c.site.runAs.uid == other.uid {
			t.Skip("the server runs as the stranger")
		}
		// Even if the folder were open, the server would know who asks.
		for _, as := range []*account{nil, &c.site.runAs} {
			for _, address := range []string{c.DSN(), c.AdminDSN()} {
				begin(t, as, "connect", address).ready(t)
			}
		}
		if said := begin(t, &other, "connect", c.DSN()).says(); !strings.Contains(said, "permission denied") {
			t.Errorf("at the closed folder: %s", said)
		}
		for path, mode := range map[string]os.FileMode{c.site.Socket: 0o711, filepath.Join(c.site.Socket, socketName): 0o777, c.site.DataDir: 0o711} {
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
		}
		for _, address := range []string{c.DSN(), c.AdminDSN()} {
			if said := begin(t, &other, "connect", address).says(); !strings.Contains(said, "Peer authentication failed") {
				t.Errorf("at the open folder: %s", said)
			}
		}
	})

	t.Run("a role that is not ours is refused", func(t *testing.T) {
		t.Parallel()
		c := started(t, Config{DataDir: furnished(t), Throwaway: true})
		if _, err := connect(t, c.AdminDSN()).Exec(t.Context(), "CREATE ROLE another LOGIN"); err != nil {
			t.Fatal(err)
		}
		_, err := tryQuery(t.Context(), dsn(c.site.Socket, "another", "parley"), "SELECT 'in'")
		if err == nil || !strings.Contains(err.Error(), "authentication failed") {
			t.Errorf("got %v", err)
		}
	})
}

func TestAddress(t *testing.T) {
	for name, value := range map[string]string{"PGHOST": "elsewhere", "PGPORT": "1", "PGUSER": "x", "PGDATABASE": "x", "PGSSLMODE": "verify-full"} {
		t.Setenv(name, value)
	}
	c, err := pgconn.ParseConfig(dsn("/a/socket", "parley", "parley"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Host != "/a/socket" || c.Port != 5432 || c.User != "parley" || c.Database != "parley" || c.TLSConfig != nil || len(c.Fallbacks) > 0 {
		t.Errorf("the environment got between: %+v", c)
	}
}
