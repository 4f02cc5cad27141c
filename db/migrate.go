package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"parley/migrations"
)

// Migrate brings the database that dsn names up to date, our tables and then River's, under an advisory lock, so that
// several nodes may start at once. It returns the names of the migrations that it applied.
func Migrate(ctx context.Context, dsn string) (applied []string, err error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("migrate: the address of the database is malformed: %w", errAddress)
	}
	settle(config.ConnConfig)
	config.MaxConns = 3 // the lock's, goose's, River's
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", oneLine{err})
	}
	defer pool.Close()
	handle := stdlib.OpenDBFromPool(pool)
	defer handle.Close()
	if err := locked(ctx, handle, func() error {
		ours, err := migrateOurs(ctx, handle)
		if err != nil {
			return err
		}
		rivers, err := migrateRiver(ctx, pool)
		applied = append(ours, rivers...)
		return err
	}); err != nil {
		return nil, fmt.Errorf("migrate: %w", oneLine{err})
	}
	return applied, nil
}

// locked runs f while nobody else migrates this database.
func locked(ctx context.Context, handle *sql.DB, f func() error) (err error) {
	// Asked for the lock once a second, for five minutes: the first node may have much to do.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
	if err != nil {
		return err
	}
	conn, err := handle.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := locker.SessionLock(ctx, conn); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, locker.SessionUnlock(context.WithoutCancel(ctx), conn)) }()
	return f()
}

func migrateOurs(ctx context.Context, handle *sql.DB) ([]string, error) {
	// Numbers are given when work on a change begins, so that a lower one may be finished later.
	provider, err := goose.NewProvider(goose.DialectPostgres, handle, migrations.FS, goose.WithAllowOutofOrder(true))
	if err != nil {
		return nil, err
	}
	results, err := provider.Up(ctx)
	applied := make([]string, 0, len(results))
	for _, result := range results {
		applied = append(applied, result.Source.Path)
	}
	return applied, err
}

func migrateRiver(ctx context.Context, pool *pgxpool.Pool) ([]string, error) {
	migrator, err := riverMigrator(pool)
	if err != nil {
		return nil, err
	}
	result, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	if err != nil {
		return nil, err
	}
	applied := make([]string, 0, len(result.Versions))
	for _, version := range result.Versions {
		applied = append(applied, fmt.Sprintf("river_%03d", version.Version))
	}
	return applied, nil
}

func riverMigrator(pool *pgxpool.Pool) (*rivermigrate.Migrator[pgx.Tx], error) {
	return rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
}

// riverMigrations is how many migrations of River's there are.
var riverMigrations = sync.OnceValues(func() (int, error) {
	migrator, err := riverMigrator(nil)
	if err != nil {
		return 0, err
	}
	return len(migrator.AllVersions()), nil
})

// Migrated fails while the database lacks a migration that this binary carries.
func (s *Store) Migrated(ctx context.Context) error {
	files, err := migrations.FS.ReadDir(".")
	if err != nil {
		return err
	}
	rivers, err := riverMigrations()
	if err != nil {
		return err
	}
	var applied struct {
		Ours  int `db:"ours"`
		River int `db:"river"`
	}
	if err := s.get(ctx, &applied, `
		SELECT (SELECT count(DISTINCT version_id) FROM goose_db_version WHERE is_applied AND version_id > 0) AS ours,
			(SELECT count(*) FROM river_migration WHERE line = 'main') AS river`); err != nil {
		return err
	}
	if applied.Ours < len(files) || applied.River < rivers {
		return fmt.Errorf("%d of %d migrations are applied, and %d of River's %d", applied.Ours, len(files), applied.River, rivers)
	}
	return nil
}
