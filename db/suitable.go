package db

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jmoiron/sqlx"
)

// suitable fails, in one line that says what to do, when the database cannot serve Parley. What a locale can do is asked
// of the functions that need it: its name tells little, because four providers of locales exist, and trigrams come from
// the C library's (LC_CTYPE) also where everything else comes from another.
func (s *Store) suitable(ctx context.Context) error {
	if err := s.server(ctx); err != nil {
		return err
	}
	var base struct {
		Name   string `db:"name"`
		Role   string `db:"role"`
		Schema string `db:"schema"`
		Folds  bool   `db:"folds"`
		Tables bool   `db:"tables"`
	}
	err := s.sqlx.GetContext(ctx, &base, `
		SELECT current_database() AS name, current_user AS role, coalesce(current_schema(), '') AS schema,
			lower('IЖΩ') = 'iжω' AS folds,
			coalesce(to_regclass('public.goose_db_version') IS NOT NULL
				OR has_schema_privilege(to_regnamespace('public'), 'CREATE'), false) AS tables`)
	switch name, role := quote(base.Name), quote(base.Role); {
	case err != nil:
		return fmt.Errorf("the database does not answer: %w", oneLine{err})
	case base.Schema != "public":
		return fmt.Errorf("the database's schema is %q; public is needed (search_path in the address, CREATE SCHEMA public)", base.Schema)
	case !base.Folds:
		return errLocale
	case !base.Tables:
		return fmt.Errorf("the role %s may not create tables (ALTER DATABASE %s OWNER TO %[1]s, or GRANT CREATE ON SCHEMA public TO %[1]s)", role, name)
	default:
		return s.extensions(ctx, name, role)
	}
}

// errLocale refuses a database that folds only the letters of English, where a search for "жук" would not find "Жук".
var errLocale = errors.New("the database's locale does not know the letters of all languages, or has rules of its own for I; " +
	"one like C.UTF-8 is needed, for LC_CTYPE too (CREATE DATABASE … LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8' ENCODING 'UTF8' TEMPLATE template0)")

func (s *Store) server(ctx context.Context) error {
	var server struct {
		Version  int    `db:"version"`
		Encoding string `db:"encoding"`
		Standby  bool   `db:"standby"`
		ReadOnly bool   `db:"read_only"`
	}
	err := s.sqlx.GetContext(ctx, &server, `
		SELECT current_setting('server_version_num')::int AS version, current_setting('server_encoding') AS encoding,
			pg_is_in_recovery() AS standby, current_setting('transaction_read_only')::bool AS read_only`)
	switch {
	case err != nil:
		return fmt.Errorf("the database does not answer: %w", oneLine{err})
	case server.Version < 150000:
		return fmt.Errorf("the database is PostgreSQL %d; 15 or later is needed", server.Version/10000)
	case server.Encoding != "UTF8":
		return fmt.Errorf("the database's encoding is %s; UTF8 is needed (CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0)", server.Encoding)
	case server.Standby:
		return errors.New("the database is a standby, which takes no writes; the address must name the primary, or all of them (host1,host2)")
	case server.ReadOnly:
		return errors.New("the database takes no writes: default_transaction_read_only is on")
	}
	return nil
}

// extensions makes the two extensions, if they are missing, asks for trigrams, and takes everything back. Making them is
// left to the migration: two nodes may do this at once, or one while the other migrates.
func (s *Store) extensions(ctx context.Context, name, role string) error {
	err := s.extensionsOnce(ctx, name, role)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "23505" { // somebody else just made them for good
		err = s.extensionsOnce(ctx, name, role)
	}
	return err
}

func (s *Store) extensionsOnce(ctx context.Context, name, role string) error {
	tx, err := s.sqlx.BeginTxx(ctx, nil)
	if err != nil {
		return fmt.Errorf("the database does not answer: %w", oneLine{err})
	}
	defer func() { _ = tx.Rollback() }()
	for _, extension := range []string{"pg_trgm", "unaccent"} {
		if err := makeExtension(ctx, tx, extension, name, role); err != nil {
			return err
		}
	}
	var trigrams int
	if err := tx.GetContext(ctx, &trigrams, `SELECT least(cardinality(public.show_trgm('жук')), cardinality(public.show_trgm('你好')))`); err != nil {
		return fmt.Errorf("the database makes no trigrams: %w", oneLine{err})
	}
	if trigrams == 0 {
		return errLocale
	}
	return nil
}

func makeExtension(ctx context.Context, tx *sqlx.Tx, extension, name, role string) error {
	_, err := tx.ExecContext(ctx, "CREATE EXTENSION IF NOT EXISTS "+extension)
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &pg) && pg.Code == "42501":
		return fmt.Errorf("the role %s may not create the extensions pg_trgm and unaccent (ALTER DATABASE %s OWNER TO %[1]s, "+
			"or as a superuser in this database CREATE EXTENSION pg_trgm; CREATE EXTENSION unaccent)", role, name)
	case errors.As(err, &pg) && (pg.Code == "0A000" || pg.Code == "58P01"):
		return fmt.Errorf("the database's server lacks the extension %s (install its package of contributed extensions, often postgresql-contrib)", extension)
	case err != nil:
		return fmt.Errorf("the extension %s cannot be used: %w", extension, oneLine{err})
	}
	var schema string
	if err := tx.GetContext(ctx, &schema, `SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = $1`, extension); err != nil {
		return fmt.Errorf("the extension %s cannot be used: %w", extension, oneLine{err})
	}
	if schema != "public" {
		return fmt.Errorf("the extension %s is in the schema %s; public is needed (ALTER EXTENSION %[1]s SET SCHEMA public)", extension, schema)
	}
	return nil
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }
