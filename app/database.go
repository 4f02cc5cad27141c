package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"parley/config"
	"parley/db"
	"parley/db/cluster"
)

// database is the store with whatever had to be started for it.
type database struct {
	dsn     string
	store   *db.Store
	cluster *cluster.Cluster // nil with a database of the operator's
}

// purpose says who opens the database.
type purpose bool

const (
	serving   purpose = true  // the one server on a data folder
	commanded purpose = false // a subcommand, beside a server or alone
)

// openDatabase reaches the operator's database, or starts (serving) or joins (commanded) the embedded one.
func openDatabase(
	ctx context.Context, cfg config.Config, log *slog.Logger, why purpose, options db.Options,
) (*database, error) {
	d := &database{dsn: string(cfg.DatabaseURL)}
	if d.dsn == "" {
		open := cluster.Attach
		if why == serving {
			open = cluster.Start
		}
		var err error
		if d.cluster, err = open(ctx, cluster.Config{DataDir: cfg.DataDir, Log: log}); err != nil {
			return nil, err
		}
		d.dsn = d.cluster.DSN()
	}
	timed, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	var err error
	if d.store, err = db.Open(timed, d.dsn, options); err != nil {
		if d.cluster == nil {
			err = fmt.Errorf("PARLEY_DATABASE_URL: %w", err)
		}
		return nil, errors.Join(err, d.close(context.WithoutCancel(ctx)))
	}
	return d, nil
}

// Cluster returns the folder of the embedded database's cluster, which is below the data folder or, where that is closed
// to the user that PostgreSQL runs as, elsewhere.
func Cluster(cfg config.Config) (string, error) {
	location, err := cluster.Locate(cfg.DataDir)
	return location.Cluster, err
}

func (d *database) close(ctx context.Context) error {
	if d.store != nil {
		d.store.Close()
	}
	if d.cluster == nil {
		return nil
	}
	return d.cluster.Close(ctx)
}
