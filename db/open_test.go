//go:build unix

package db_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"parley/chat"
	"parley/db"
	"parley/db/cluster"
	"parley/db/dbtest"
	"parley/migrations"
)

// said fails the test unless err says what, in one line and without the password.
func said(t *testing.T, err error, what string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	if s := err.Error(); !strings.Contains(s, what) || strings.ContainsAny(s, "\n\t") || strings.Contains(s, "hunter2") {
		t.Errorf("said %q", s)
	}
}

// variant is an address of the same server, changed.
func variant(t *testing.T, dsn string, change func(*url.URL)) string {
	t.Helper()
	u := value[*url.URL](t)(url.Parse(dsn))
	change(u)
	return u.String()
}

func TestOpen(t *testing.T) {
	t.Parallel()

	for _, dsn := range []string{
		"postgres://anna:hunter2@host:port/parley", "postgres://anna:hunter2@ho st/parley", "postgres://anna:hunter2%zz@host/parley",
		"host=localhost password=hunter2 sslmode=perhaps", "host=localhost password=hunter2 port=x", "postgres://anna:hunter2@host/parley?pool_max_conns=x",
		"host=localhost password='hunter2", "mysql://anna:hunter2@host/parley", "://hunter2",
	} {
		t.Run("a malformed address is not repeated", func(t *testing.T) {
			t.Parallel()
			_, err := db.Open(t.Context(), dsn, db.Options{})
			said(t, err, "malformed")
			if strings.Contains(dsn, "pool_max_conns") {
				return // pgxpool's own
			}
			_, err = db.Migrate(t.Context(), dsn)
			said(t, err, "malformed")
		})
	}

	t.Run("a server that cannot be reached is one line", func(t *testing.T) {
		t.Parallel()
		for _, dsn := range []string{
			"postgres://anna:hunter2@127.0.0.1:1/parley", "host=127.0.0.1,127.0.0.2,/nowhere port=1,2,3 user=anna password=hunter2 dbname=parley",
		} {
			_, err := db.Open(t.Context(), dsn, db.Options{})
			said(t, err, "the database does not answer")
			_, err = db.Migrate(t.Context(), dsn)
			said(t, err, "migrate")
		}
	})

	t.Run("each address that was tried is named once", func(t *testing.T) {
		t.Parallel()
		for dsn, addresses := range map[string][]string{
			"postgres://anna:hunter2@127.0.0.1:1/parley":                                    {"127.0.0.1:1 "},
			"postgres://anna:hunter2@127.0.0.1:1,127.0.0.2:2/parley":                        {"127.0.0.1:1 ", "127.0.0.2:2 "},
			"host=/nowhere port=3 user=anna password=hunter2 dbname=parley sslmode=disable": {"/nowhere/.s.PGSQL.3 "},
		} {
			_, err := db.Open(t.Context(), dsn, db.Options{})
			for _, address := range addresses {
				if n := strings.Count(err.Error(), address); n != 1 {
					t.Errorf("%s stands %d times in: %v", address, n, err)
				}
			}
		}
	})

	t.Run("a database that is not there is one line", func(t *testing.T) {
		t.Parallel()
		dsn := variant(t, dbtest.New(t).DSN, func(u *url.URL) { u.Path = "/missing"; u.User = url.UserPassword("parley", "hunter2") })
		_, err := db.Open(t.Context(), dsn, db.Options{})
		said(t, err, `database "missing" does not exist`)
	})

	t.Run("a request that has ended opens nothing", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := db.Open(ctx, dbtest.New(t).DSN, db.Options{})
		said(t, err, "does not answer")
	})

	t.Run("another encoding is refused", func(t *testing.T) {
		t.Parallel()
		dsn := dbtest.New(t).DSN
		admin := value[*pgx.Conn](t)(pgx.Connect(t.Context(), variant(t, dsn, func(u *url.URL) { u.Path = "/postgres"; u.User = url.User("postgres") })))
		defer func() { _ = admin.Close(context.WithoutCancel(t.Context())) }()
		for _, encoding := range []string{"LATIN1", "SQL_ASCII"} {
			name := strings.ToLower(encoding) + chat.NewID().String()[30:] // the tests may run several times
			_, err := admin.Exec(t.Context(), fmt.Sprintf("CREATE DATABASE %s OWNER parley ENCODING '%s' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0", name, encoding))
			must(t, err)
			_, err = db.Open(t.Context(), variant(t, dsn, func(u *url.URL) { u.Path = "/" + name }), db.Options{})
			said(t, err, "encoding is "+encoding)
		}
	})

	t.Run("an old server is refused", func(t *testing.T) {
		t.Parallel()
		d := dbtest.New(t)
		// What the server says of itself can be told otherwise by who comes first on the search path.
		_, err := d.Pool().Exec(t.Context(), `
			CREATE SCHEMA old;
			CREATE FUNCTION old.current_setting(text) RETURNS text LANGUAGE sql
				AS $$ SELECT CASE $1 WHEN 'server_version_num' THEN '140011' ELSE pg_catalog.current_setting($1) END $$`)
		must(t, err)
		old := variant(t, d.DSN, func(u *url.URL) {
			q := u.Query()
			q.Set("search_path", "old,pg_catalog,public")
			u.RawQuery = q.Encode()
		})
		_, err = db.Open(t.Context(), old, db.Options{})
		said(t, err, "is PostgreSQL 14; 15 or later")
	})

	t.Run("connections keep to the options and the bounds", func(t *testing.T) {
		t.Parallel()
		d := dbtest.New(t)
		store := value[*db.Store](t)(db.Open(t.Context(), d.DSN, db.Options{MaxConns: 3}))
		t.Cleanup(store.Close)
		release := make(chan struct{})
		entered := make(chan struct{})
		go func() {
			for range 3 {
				<-entered
			}
			close(release)
		}()
		for _, err := range together(3, func(int) error {
			return store.InTx(t.Context(), func(chat.Store) error { entered <- struct{}{}; <-release; return nil })
		}) {
			must(t, err)
		}
		var n int
		must(t, d.Pool().QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'parley'").Scan(&n))
		if n != 3 {
			t.Errorf("%d connections", n)
		}
	})
}

func TestServerStops(t *testing.T) {
	t.Parallel()
	dir := value[string](t)(os.MkdirTemp("", "parley-db-test-"))
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o711)) // the server may run as another user
	config := cluster.Config{DataDir: dir, Throwaway: true}
	background := context.WithoutCancel(t.Context())
	server := value[*cluster.Cluster](t)(cluster.Start(background, config))
	t.Cleanup(func() {
		_ = server.Close(background)
		if err := cluster.Remove(background, config); err != nil {
			t.Error(err)
		}
	})
	_, err := db.Migrate(t.Context(), server.DSN())
	must(t, err)
	store := value[*db.Store](t)(db.Open(t.Context(), server.DSN(), db.Options{}))
	t.Cleanup(store.Close)
	epoch := value[string](t)(store.Epoch(t.Context()))

	must(t, server.Close(background))
	for range 3 {
		_, err := store.Epoch(t.Context())
		unavailable(t, err)
	}
	unavailable(t, store.Ping(t.Context()))
	unavailable(t, store.InTx(t.Context(), func(chat.Store) error { return nil }))
	if err := store.Migrated(t.Context()); chat.KindOf(err) != chat.KindUnavailable {
		t.Errorf("got %v", err)
	}
	_, err = db.Open(t.Context(), server.DSN(), db.Options{})
	said(t, err, "does not answer")

	server = value[*cluster.Cluster](t)(cluster.Start(background, config))
	if again, err := store.Epoch(t.Context()); err != nil || again != epoch {
		t.Errorf("the server is back: %s instead of %s, %v", again, epoch, err)
	}
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	files := value[[]os.DirEntry](t)(migrations.FS.ReadDir("."))
	const rivers = 8 // a new version of River may bring more

	t.Run("it runs once, and nothing is left to do", func(t *testing.T) {
		t.Parallel()
		d := dbtest.New(t, dbtest.Empty())
		store := value[*db.Store](t)(db.Open(t.Context(), d.DSN, db.Options{}))
		t.Cleanup(store.Close)
		if err := store.Migrated(t.Context()); err == nil {
			t.Error("an empty database is said to be migrated")
		}
		applied := value[[]string](t)(db.Migrate(t.Context(), d.DSN))
		if len(applied) != len(files)+rivers || applied[0] != "00001_ground.sql" || applied[len(files)] != "river_001" {
			t.Errorf("applied %v", applied)
		}
		if again := value[[]string](t)(db.Migrate(t.Context(), d.DSN)); len(again) != 0 {
			t.Errorf("applied %v again", again)
		}
		must(t, store.Migrated(t.Context()))
		must(t, store.InsertPerson(t.Context(), newcomer()))
	})

	t.Run("several nodes at once run it once", func(t *testing.T) {
		t.Parallel()
		d := dbtest.New(t, dbtest.Empty())
		applied := make([][]string, 4)
		for _, err := range together(4, func(i int) (err error) {
			applied[i], err = db.Migrate(t.Context(), d.DSN)
			return err
		}) {
			must(t, err)
		}
		n := 0
		for _, names := range applied {
			n += len(names)
		}
		if n != len(files)+rivers {
			t.Errorf("applied %v", applied)
		}
	})

	t.Run("down takes everything away, and up brings it back", func(t *testing.T) {
		t.Parallel()
		d := dbtest.New(t)
		store := value[*db.Store](t)(db.Open(t.Context(), d.DSN, db.Options{}))
		t.Cleanup(store.Close)
		must(t, store.Migrated(t.Context()))
		config := value[*pgx.ConnConfig](t)(pgx.ParseConfig(d.DSN))
		handle := stdlib.OpenDB(*config)
		defer func() { _ = handle.Close() }()
		provider := value[*goose.Provider](t)(goose.NewProvider(goose.DialectPostgres, handle, migrations.FS))
		_, err := provider.DownTo(t.Context(), 0)
		must(t, err)
		if err := store.Migrated(t.Context()); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("0 of %d", len(files))) {
			t.Errorf("got %v", err)
		}
		var left []string
		must(t, d.Pool().QueryRow(t.Context(), `
			SELECT coalesce(array_agg(name), '{}') FROM (
				SELECT relname::text AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE 'goose%' AND relname NOT LIKE 'river%'
				UNION ALL
				SELECT proname::text FROM pg_proc p WHERE pronamespace = 'public'::regnamespace AND proname NOT LIKE 'river%'
					AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = p.oid AND deptype = 'e')
			) things`).Scan(&left))
		if len(left) != 0 {
			t.Errorf("left are %v", left)
		}
		if applied := value[[]string](t)(db.Migrate(t.Context(), d.DSN)); len(applied) != len(files) {
			t.Errorf("applied %v", applied)
		}
		must(t, store.Migrated(t.Context()))
		must(t, store.InsertPerson(t.Context(), newcomer()))
	})

	t.Run("a migration of River's that is missing is noticed, and applied", func(t *testing.T) {
		t.Parallel()
		d := dbtest.New(t)
		store := value[*db.Store](t)(db.Open(t.Context(), d.DSN, db.Options{}))
		t.Cleanup(store.Close)
		_, err := d.Pool().Exec(t.Context(), "DELETE FROM river_migration WHERE version = 8")
		must(t, err)
		said(t, store.Migrated(t.Context()), "and 7 of River's 8")
		if applied := value[[]string](t)(db.Migrate(t.Context(), d.DSN)); !slices.Equal(applied, []string{"river_008"}) {
			t.Errorf("applied %v", applied)
		}
		must(t, store.Migrated(t.Context()))
	})

	t.Run("one with a lower number than the last may come later", func(t *testing.T) {
		t.Parallel()
		d := dbtest.New(t)
		config := value[*pgx.ConnConfig](t)(pgx.ParseConfig(d.DSN))
		handle := stdlib.OpenDB(*config)
		defer func() { _ = handle.Close() }()
		provider := value[*goose.Provider](t)(goose.NewProvider(goose.DialectPostgres, handle, migrations.FS))
		_, err := provider.ApplyVersion(t.Context(), 2, false)
		must(t, err)
		if applied := value[[]string](t)(db.Migrate(t.Context(), d.DSN)); !slices.Equal(applied, []string{"00002_mail.sql"}) {
			t.Errorf("applied %v", applied)
		}
	})

	t.Run("addresses that were not confirmed wait for it afterwards", func(t *testing.T) {
		t.Parallel()
		d := dbtest.New(t)
		config := value[*pgx.ConnConfig](t)(pgx.ParseConfig(d.DSN))
		handle := stdlib.OpenDB(*config)
		defer func() { _ = handle.Close() }()
		provider := value[*goose.Provider](t)(goose.NewProvider(goose.DialectPostgres, handle, migrations.FS))
		_, err := provider.ApplyVersion(t.Context(), 2, false)
		must(t, err)
		_, err = d.Pool().Exec(t.Context(), `
			INSERT INTO people (id, username, display_name, password_hash, email, email_confirmed_at)
			SELECT gen_random_uuid(), username, '', '', email, confirmed FROM (VALUES
				('anna', 'a@example.org', now()), ('ben', 'a@example.org', NULL), ('cleo', NULL, NULL), ('dora', NULL, now())
			) p (username, email, confirmed)`)
		must(t, err)
		addresses := func() (all []string) {
			rows, _ := d.Pool().Query(t.Context(), `
				SELECT username || ' ' || coalesce(email, '-') || ' ' || coalesce(email_wanted, '-') || ' ' || (email_confirmed_at IS NOT NULL)
				FROM people ORDER BY username`)
			return value[[]string](t)(pgx.CollectRows(rows, pgx.RowTo[string]))
		}
		value[[]string](t)(db.Migrate(t.Context(), d.DSN))
		want := []string{"anna a@example.org - true", "ben - a@example.org false", "cleo - - false", "dora - - false"}
		if got := addresses(); !slices.Equal(got, want) {
			t.Errorf("got %v", got)
		}
		_, err = provider.ApplyVersion(t.Context(), 2, false)
		must(t, err)
		value[[]string](t)(db.Migrate(t.Context(), d.DSN))
		if got := addresses(); !slices.Equal(got, want) {
			t.Errorf("down and up: got %v", got)
		}
	})

	t.Run("one that fails leaves nothing half done", func(t *testing.T) {
		t.Parallel()
		d := dbtest.New(t, dbtest.Empty())
		_, err := d.Pool().Exec(t.Context(), "CREATE TABLE members (x int)")
		must(t, err)
		_, err = db.Migrate(t.Context(), d.DSN)
		said(t, err, "migrate: ")
		var there bool
		must(t, d.Pool().QueryRow(t.Context(), "SELECT to_regclass('people') IS NOT NULL").Scan(&there))
		if there {
			t.Error("a table of it is there")
		}
	})
}
