//go:build unix

package db_test

import (
	"context"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"parley/chat"
	"parley/db"
	"parley/db/cluster"
	"parley/db/dbtest"
)

// superuser is a connection to the tests' server, to one of its databases.
func superuser(t *testing.T, database string) *pgx.Conn {
	t.Helper()
	dsn := variant(t, dbtest.New(t).DSN, func(u *url.URL) { u.Path = "/" + database; u.User = url.User("postgres") })
	conn := value[*pgx.Conn](t)(pgx.Connect(t.Context(), dsn))
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// external makes a database as an operator would, whose role is the one that the returned address names.
func external(t *testing.T, options string) (name, role, dsn string) {
	t.Helper()
	admin := superuser(t, "postgres")
	name = "external" + chat.NewID().String()[24:] // the tests may run several times
	role = "Role-" + name
	for _, statement := range []string{
		"CREATE ROLE " + quoted(role) + " LOGIN",
		"CREATE DATABASE " + name + " TEMPLATE template0 ENCODING 'UTF8' " + options,
	} {
		_, err := admin.Exec(t.Context(), statement)
		must(t, err)
	}
	t.Cleanup(func() {
		for _, statement := range []string{"DROP DATABASE " + name + " WITH (FORCE)", "DROP ROLE " + quoted(role)} {
			if _, err := admin.Exec(context.Background(), statement); err != nil {
				t.Error(err)
			}
		}
	})
	// The server knows us by peer authentication as parley; a role of another name is taken on after connecting.
	dsn = variant(t, dbtest.New(t).DSN, func(u *url.URL) {
		u.Path = "/" + name
		q := u.Query()
		q.Set("role", role)
		u.RawQuery = q.Encode()
	})
	_, err := admin.Exec(t.Context(), "GRANT "+quoted(role)+" TO parley")
	must(t, err)
	return name, role, dsn
}

func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }

// opens opens a database that must serve Parley, up to the last migration.
func opens(t *testing.T, dsn string) *db.Store {
	t.Helper()
	store := value[*db.Store](t)(db.Open(t.Context(), dsn, db.Options{}))
	t.Cleanup(store.Close)
	_, err := db.Migrate(t.Context(), dsn)
	must(t, err)
	must(t, store.Migrated(t.Context()))
	must(t, store.InsertPerson(t.Context(), newcomer()))
	return store
}

func refuses(t *testing.T, dsn string, says ...string) {
	t.Helper()
	_, err := db.Open(t.Context(), dsn, db.Options{})
	for _, what := range says {
		said(t, err, what)
	}
}

func TestLocales(t *testing.T) {
	t.Parallel()
	var major int
	must(t, superuser(t, "postgres").QueryRow(t.Context(), "SELECT current_setting('server_version_num')::int / 10000").Scan(&major))
	for _, c := range []struct {
		name, options string
		from          int // the first version that knows it
		good          bool
	}{
		{"C", "LC_COLLATE 'C' LC_CTYPE 'C'", 15, false},
		{"POSIX", "LC_COLLATE 'POSIX' LC_CTYPE 'POSIX'", 15, false},
		{"C.UTF-8", "LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'", 15, true},
		{"C that knows the letters", "LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'", 15, true},
		{"ICU", "LOCALE_PROVIDER icu ICU_LOCALE 'und' LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'", 15, true},
		{"ICU over C, without trigrams", "LOCALE_PROVIDER icu ICU_LOCALE 'und' LC_COLLATE 'C' LC_CTYPE 'C'", 15, false},
		{"ICU for Turkish, where I is ı", "LOCALE_PROVIDER icu ICU_LOCALE 'tr' LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'", 15, false},
		{"the builtin C.UTF-8", "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'", 17, true},
		{"the builtin C.UTF-8 over C, without trigrams", "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LC_COLLATE 'C' LC_CTYPE 'C'", 17, false},
		{"the builtin C", "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C' LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'", 17, false},
		{"the builtin PG_UNICODE_FAST", "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'PG_UNICODE_FAST' LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'", 18, true},
	} {
		if major < c.from {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			name, role, dsn := external(t, c.options)
			_, err := superuser(t, name).Exec(t.Context(), "ALTER DATABASE "+name+" OWNER TO "+quoted(role))
			must(t, err)
			if c.good {
				opens(t, dsn)
			} else {
				refuses(t, dsn, "locale", "CREATE DATABASE")
			}
		})
	}
}

func TestRights(t *testing.T) {
	t.Parallel()
	const locale = "LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'"

	t.Run("whoever may make neither tables nor extensions is told what to run, and it helps", func(t *testing.T) {
		t.Parallel()
		name, role, dsn := external(t, locale)
		refuses(t, dsn, "may not create tables", "ALTER DATABASE "+quoted(name)+" OWNER TO "+quoted(role), "GRANT CREATE ON SCHEMA public TO "+quoted(role))
		_, err := superuser(t, name).Exec(t.Context(), "ALTER DATABASE "+quoted(name)+" OWNER TO "+quoted(role))
		must(t, err)
		opens(t, dsn)
	})

	t.Run("whoever may make tables but no extensions is told what to run, and it helps", func(t *testing.T) {
		t.Parallel()
		name, role, dsn := external(t, locale)
		admin := superuser(t, name)
		_, err := admin.Exec(t.Context(), "GRANT CREATE ON SCHEMA public TO "+quoted(role))
		must(t, err)
		const remedy = "CREATE EXTENSION pg_trgm; CREATE EXTENSION unaccent"
		refuses(t, dsn, "may not create the extensions", remedy)
		_, err = admin.Exec(t.Context(), remedy)
		must(t, err)
		opens(t, dsn)
	})

	t.Run("extensions in another schema are refused", func(t *testing.T) {
		t.Parallel()
		name, role, dsn := external(t, locale)
		admin := superuser(t, name)
		_, err := admin.Exec(t.Context(), "ALTER DATABASE "+name+" OWNER TO "+quoted(role)+
			"; CREATE SCHEMA extensions; GRANT USAGE ON SCHEMA extensions TO PUBLIC; CREATE EXTENSION unaccent SCHEMA extensions")
		must(t, err)
		const remedy = "ALTER EXTENSION unaccent SET SCHEMA public"
		refuses(t, dsn, "the extension unaccent is in the schema extensions", remedy)
		_, err = admin.Exec(t.Context(), remedy)
		must(t, err)
		opens(t, dsn)
	})

	t.Run("a schema of the role's own gets no tables", func(t *testing.T) {
		t.Parallel()
		name, role, dsn := external(t, locale)
		_, err := superuser(t, name).Exec(t.Context(), "ALTER DATABASE "+name+" OWNER TO "+quoted(role)+"; CREATE SCHEMA AUTHORIZATION "+quoted(role)+
			"; CREATE SCHEMA AUTHORIZATION parley")
		must(t, err)
		store := opens(t, dsn)
		if _, err := store.Epoch(t.Context()); err != nil {
			t.Error(err)
		}
		refuses(t, variant(t, dsn, func(u *url.URL) { u.RawQuery += "&search_path=nowhere" }), "schema is \"\"; public is needed")
	})

	t.Run("a server without the extensions is told which package has them", func(t *testing.T) {
		t.Parallel()
		for _, code := range []string{"0A000", "58P01"} { // as the versions have it
			d := dbtest.New(t, dbtest.Empty())
			admin := superuser(t, strings.TrimPrefix(value[*url.URL](t)(url.Parse(d.DSN)).Path, "/"))
			_, err := admin.Exec(t.Context(), `
				CREATE FUNCTION lacking() RETURNS event_trigger LANGUAGE plpgsql AS
					$$ BEGIN RAISE EXCEPTION 'extension "pg_trgm" is not available' USING ERRCODE = '`+code+`'; END $$;
				CREATE EVENT TRIGGER lacking ON ddl_command_start WHEN TAG IN ('CREATE EXTENSION') EXECUTE FUNCTION lacking()`)
			must(t, err)
			refuses(t, d.DSN, "lacks the extension pg_trgm", "postgresql-contrib")
		}
	})

	t.Run("checking leaves nothing behind", func(t *testing.T) {
		t.Parallel()
		d := dbtest.New(t, dbtest.Empty())
		value[*db.Store](t)(db.Open(t.Context(), d.DSN, db.Options{})).Close()
		var n int
		must(t, d.Pool().QueryRow(t.Context(), "SELECT count(*) FROM pg_extension WHERE extname <> 'plpgsql'").Scan(&n))
		if n != 0 {
			t.Errorf("%d extensions are there", n)
		}
	})

	t.Run("several nodes may check and migrate an empty database at once", func(t *testing.T) {
		t.Parallel()
		d := dbtest.New(t, dbtest.Empty())
		for _, err := range together(6, func(int) error {
			store, err := db.Open(t.Context(), d.DSN, db.Options{MaxConns: 2})
			if err != nil {
				return err
			}
			defer store.Close()
			_, err = db.Migrate(t.Context(), d.DSN)
			return err
		}) {
			must(t, err)
		}
	})

	t.Run("a server that does not show its identity still has an epoch", func(t *testing.T) {
		t.Parallel()
		d := dbtest.New(t)
		store := value[*db.Store](t)(db.Open(t.Context(), d.DSN, db.Options{}))
		t.Cleanup(store.Close)
		shown := value[string](t)(store.Epoch(t.Context()))
		admin := superuser(t, strings.TrimPrefix(value[*url.URL](t)(url.Parse(d.DSN)).Path, "/"))
		_, err := admin.Exec(t.Context(), "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
		must(t, err)
		if hidden := value[string](t)(store.Epoch(t.Context())); hidden != shown[:36]+".unknown" {
			t.Errorf("the epoch is %s after %s", hidden, shown)
		}
	})
}

func TestStandby(t *testing.T) {
	t.Parallel()

	t.Run("a standby is refused", func(t *testing.T) {
		t.Parallel()
		d := dbtest.New(t)
		_, err := d.Pool().Exec(t.Context(), `
			CREATE SCHEMA standby; CREATE FUNCTION standby.pg_is_in_recovery() RETURNS bool LANGUAGE sql AS 'SELECT true'`)
		must(t, err)
		refuses(t, variant(t, d.DSN, func(u *url.URL) { u.RawQuery += "&search_path=standby,pg_catalog,public" }), "is a standby", "the primary")
	})

	t.Run("a database that takes no writes is refused, and one that takes none any more is unavailable", func(t *testing.T) {
		t.Parallel()
		d := dbtest.New(t)
		store := value[*db.Store](t)(db.Open(t.Context(), d.DSN, db.Options{}))
		t.Cleanup(store.Close)
		name := strings.TrimPrefix(value[*url.URL](t)(url.Parse(d.DSN)).Path, "/")
		_, err := d.Pool().Exec(t.Context(), "ALTER DATABASE "+name+" SET default_transaction_read_only = on")
		must(t, err)
		refuses(t, d.DSN, "takes no writes")
		_, err = superuser(t, "postgres").Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND application_name = 'parley'", name)
		must(t, err)
		for range 2 { // the pool may first hand out a connection that was ended
			unavailable(t, store.InsertPerson(t.Context(), newcomer()))
		}
	})

	t.Run("of several servers the one that takes writes is used", func(t *testing.T) {
		t.Parallel()
		d := dbtest.New(t)
		here := value[*url.URL](t)(url.Parse(d.DSN))
		name := strings.TrimPrefix(here.Path, "/")
		dir := value[string](t)(os.MkdirTemp("", "parley-db-test-"))
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		must(t, os.Chmod(dir, 0o711)) // the server may run as another user
		config := cluster.Config{DataDir: dir, Throwaway: true}
		background := context.WithoutCancel(t.Context())
		other := value[*cluster.Cluster](t)(cluster.Start(background, config))
		t.Cleanup(func() {
			_ = other.Close(background)
			if err := cluster.Remove(background, config); err != nil {
				t.Error(err)
			}
		})
		admin := value[*pgx.Conn](t)(pgx.Connect(t.Context(), other.AdminDSN()))
		defer func() { _ = admin.Close(background) }()
		_, err := admin.Exec(t.Context(), "CREATE DATABASE "+name+" OWNER parley")
		must(t, err)
		_, err = admin.Exec(t.Context(), "ALTER ROLE parley SET default_transaction_read_only = on")
		must(t, err)
		at := value[cluster.Location](t)(cluster.Locate(config.DataDir))
		both := variant(t, d.DSN, func(u *url.URL) {
			q := u.Query()
			q.Set("host", at.Socket+","+here.Query().Get("host"))
			q.Set("port", "5432,5432")
			u.RawQuery = q.Encode()
		})
		opens(t, both)
		refuses(t, variant(t, other.DSN(), func(u *url.URL) {
			u.Path = "/" + name
			q := u.Query()
			q.Set("host", at.Socket+",/nowhere")
			q.Set("port", "5432,5432")
			u.RawQuery = q.Encode()
		}), "read only connection")
	})
}
