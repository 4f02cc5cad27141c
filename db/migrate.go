package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"parley/migrations"
)

// Migrate brings the database that dsn names up to date, under an advisory lock, so that several nodes may start at
// once. It returns the names of the migrations that it applied.
func Migrate(ctx context.Context, dsn string) ([]string, error) {
	provider, handle, err := migrator(dsn)
	if err != nil {
		return nil, err
	}
	defer handle.Close()
	results, err := provider.Up(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", oneLine{err})
	}
	applied := make([]string, 0, len(results))
	for _, result := range results {
		applied = append(applied, result.Source.Path)
	}
	return applied, nil
}

// Migrated fails while the database lacks a migration that this binary carries.
func (s *Store) Migrated(ctx context.Context) error {
	files, err := migrations.FS.ReadDir(".")
	if err != nil {
		return err
	}
	var applied int
	if err := s.get(ctx, &applied, `
		SELECT count(DISTINCT version_id) FROM goose_db_version WHERE is_applied AND version_id > 0`); err != nil {
		return err
	}
	if applied < len(files) {
		return fmt.Errorf("%d of %d migrations are applied", applied, len(files))
	}
	return nil
}

func migrator(dsn string) (*goose.Provider, *sql.DB, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, nil, fmt.Errorf("migrate: the address of the database is malformed: %w", errAddress)
	}
	settle(config)
	// Asked for the lock once a second, for five minutes: the first node may have much to do.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
	if err != nil {
		return nil, nil, fmt.Errorf("migrate: %w", err)
	}
	handle := stdlib.OpenDB(*config)
	provider, err := goose.NewProvider(goose.DialectPostgres, handle, migrations.FS, goose.WithSessionLocker(locker))
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("migrate: %w", err), handle.Close())
	}
	return provider, handle, nil
}
