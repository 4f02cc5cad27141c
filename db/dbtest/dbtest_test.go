//go:build linux || darwin

package dbtest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"parley/db"
)

func TestMain(m *testing.M) { Run(m) }

func value[T any](t *testing.T, pool *pgxpool.Pool, sql string) (v T) {
	t.Helper()
	if err := pool.QueryRow(t.Context(), sql).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func TestNew(t *testing.T) {
	t.Parallel()

	t.Run("the database is migrated", func(t *testing.T) {
		t.Parallel()
		d := New(t)
		applied, err := db.Migrate(t.Context(), d.DSN)
		if err != nil || len(applied) > 0 {
			t.Errorf("migrations were still to do: %v, %v", applied, err)
		}
		if n := value[int](t, d.Pool(), "SELECT count(*) FROM installation"); n != 1 {
			t.Errorf("%d rows", n)
		}
	})

	t.Run("an empty database has no tables and can be migrated", func(t *testing.T) {
		t.Parallel()
		d := New(t, Empty())
		if n := value[int](t, d.Pool(), "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"); n != 0 {
			t.Errorf("%d tables", n)
		}
		applied, err := db.Migrate(t.Context(), d.DSN)
		if err != nil || len(applied) == 0 {
			t.Errorf("applied %v, %v", applied, err)
		}
	})

	t.Run("what one test writes no other test sees", func(t *testing.T) {
		t.Parallel()
		a, b := New(t), New(t)
		if _, err := a.Pool().Exec(t.Context(), "CREATE TABLE mine (x int)"); err != nil {
			t.Fatal(err)
		}
		const there = "SELECT to_regclass('mine') IS NOT NULL"
		if !value[bool](t, a.Pool(), there) {
			t.Error("premise: the table is not there")
		}
		if value[bool](t, b.Pool(), there) {
			t.Error("the table is in the other database")
		}
	})

	t.Run("the role owns its database and is no superuser", func(t *testing.T) {
		t.Parallel()
		pool := New(t).Pool()
		if who := value[string](t, pool, "SELECT current_user"); who != "parley" {
			t.Errorf("it is %s", who)
		}
		if !value[bool](t, pool, "SELECT pg_get_userbyid(datdba) = current_user FROM pg_database WHERE datname = current_database()") {
			t.Error("it owns nothing")
		}
		if value[bool](t, pool, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") {
			t.Error("it is a superuser")
		}
	})

	t.Run("connections are apart from the pool and from each other", func(t *testing.T) {
		t.Parallel()
		d := New(t)
		if first, second := d.Pool(), d.Pool(); first != second {
			t.Error("two pools")
		}
		pids := map[uint32]bool{}
		for _, conn := range []*pgx.Conn{d.Conn(), d.Conn()} {
			pids[conn.PgConn().PID()] = true
		}
		pids[value[uint32](t, d.Pool(), "SELECT pg_backend_pid()")] = true
		if len(pids) != 3 {
			t.Errorf("%d sessions instead of 3", len(pids))
		}
	})

	t.Run("the database is gone after the test, also with a session left open", func(t *testing.T) {
		t.Parallel()
		var dsn string
		var left *pgx.Conn
		t.Run("inner", func(t *testing.T) {
			dsn = New(t).DSN
			var err error
			if left, err = pgx.Connect(t.Context(), dsn); err != nil {
				t.Fatal(err)
			}
		})
		if err := left.Ping(t.Context()); err == nil {
			t.Error("the session lives")
		}
		_, err := pgx.Connect(t.Context(), dsn)
		var refused *pgconn.PgError
		if !errors.As(err, &refused) || refused.Code != "3D000" {
			t.Errorf("connecting: %v", err)
		}
	})

	t.Run("many tests at once get their databases", func(t *testing.T) {
		t.Parallel()
		for range 16 {
			t.Run("one of many", func(t *testing.T) {
				t.Parallel()
				value[int](t, New(t).Pool(), "SELECT count(*) FROM installation")
			})
		}
	})
}

// BenchmarkCreate is what a test pays for its database.
func BenchmarkCreate(b *testing.B) {
	server, err := here.server()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		name, err := server.create(b.Context(), model)
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := server.drop(b.Context(), name); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// A patient is a test that may fail without harm.
type patient struct {
	testing.TB
	said     []string
	cleanups []func()
}

type fatal struct{}

func (p *patient) Helper()                  {}
func (p *patient) Context() context.Context { return context.Background() }
func (p *patient) Cleanup(f func())         { p.cleanups = append(p.cleanups, f) }
func (p *patient) Errorf(format string, args ...any) {
	for _, arg := range args {
		p.said = append(p.said, format+" "+arg.(error).Error())
	}
}

func (p *patient) Fatalf(format string, args ...any) {
	p.Errorf(format, args...)
	panic(fatal{})
}

// examine runs f as a test would and returns what it was failed with.
func examine(t *testing.T, f func(testing.TB)) string {
	t.Helper()
	p := &patient{TB: t}
	func() {
		defer func() {
			if r := recover(); r != nil && r != any(fatal{}) {
				panic(r)
			}
		}()
		f(p)
	}()
	for i := range p.cleanups {
		p.cleanups[len(p.cleanups)-1-i]()
	}
	return strings.Join(p.said, "; ")
}

func TestFailures(t *testing.T) {
	t.Parallel()

	t.Run("a package without Run is told so", func(t *testing.T) {
		t.Parallel()
		if said := examine(t, func(t testing.TB) { (&host{}).new(t) }); !strings.Contains(said, "TestMain") {
			t.Errorf("said %q", said)
		}
	})

	t.Run("a server that could not start is tried once and leaves nothing", func(t *testing.T) {
		t.Parallel()
		var address string
		_, failure := start(t.Context(), here.config, func(_ context.Context, dsn string) error {
			address = dsn
			return errors.New("this migration is wrong")
		})
		if failure == nil || !strings.Contains(failure.Error(), "this migration is wrong") {
			t.Fatalf("got %v", failure)
		}
		config, err := pgconn.ParseConfig(address)
		if err != nil {
			t.Fatal(err)
		}
		folder := filepath.Dir(filepath.Dir(config.Host))
		if !strings.HasPrefix(filepath.Base(folder), prefix) {
			t.Fatalf("premise: %s is not the temporary folder", folder)
		}
		if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("its folder: %v", err)
		}
		h := &host{open: true, failed: failure}
		for range 2 {
			if _, again := h.server(); !errors.Is(again, failure) {
				t.Errorf("got %v", again)
			}
		}
	})

	t.Run("a start that is given up leaves nothing, at whatever point", func(t *testing.T) {
		t.Parallel()
		var folder string
		begun, cancel := context.WithCancel(t.Context())
		_, err := start(begun, here.config, func(_ context.Context, dsn string) error {
			config, err := pgconn.ParseConfig(dsn)
			folder = filepath.Dir(filepath.Dir(config.Host))
			cancel()
			return err
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("after the migrations: %v", err)
		}
		if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("its folder: %v", err)
		}
		_, err = start(begun, here.config, migrate)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("before the server: %v", err)
		}
	})

	t.Run("a connection that is not given back fails the test", func(t *testing.T) {
		t.Parallel()
		pool := New(t).Pool()
		conn, err := pool.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := closePool(pool, time.Millisecond); err == nil {
			t.Error("no error")
		}
		conn.Release()
	})

	t.Run("a database that cannot be made, reached or dropped fails the test", func(t *testing.T) {
		t.Parallel()
		New(t)
		running, err := here.server()
		if err != nil {
			t.Fatal(err)
		}
		for what, f := range map[string]func(testing.TB){
			"copied": func(t testing.TB) {
				closed, err := pgxpool.New(context.Background(), running.dsn("missing"))
				if err != nil {
					panic(err)
				}
				closed.Close()
				(&host{open: true, started: &server{cluster: running.cluster, admin: closed}}).new(t)
			},
			"made": func(t testing.TB) { (&host{open: true, failed: errors.New("no server")}).new(t) },
			"pool": func(t testing.TB) { (&DB{DSN: "not an address", t: t}).open() },
			"conn": func(t testing.TB) { (&DB{DSN: running.dsn("missing"), t: t}).Conn() },
			"dropped": func(t testing.TB) {
				config, err := pgconn.ParseConfig(New(t).DSN)
				if err == nil {
					err = running.drop(context.Background(), config.Database)
				}
				if err != nil {
					panic(err)
				}
			},
		} {
			if said := examine(t, f); !strings.Contains(said, "dbtest: ") {
				t.Errorf("%s: said %q", what, said)
			}
		}
	})
}
