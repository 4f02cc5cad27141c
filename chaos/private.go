//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"parley/db/cluster"
)

// privateBack is how long a node may take to bring its private PostgreSQL back once that can run: it tries again at most
// 10 s later, PostgreSQL recovers first, and a page that was told to wait waits for up to 5 s.
const privateBack = 20 * time.Second

// moveLog puts the write-ahead log of the only node's private PostgreSQL into a folder, and connects to that PostgreSQL.
func (w *world) moveLog(ctx context.Context, to string) error {
	n := w.nodes[0]
	if err := n.process.End(syscall.SIGTERM, 40*time.Second); err != nil { // and PostgreSQL with it
		return err
	}
	place, err := cluster.Locate(n.data())
	if err != nil {
		return err
	}
	from := filepath.Join(place.Cluster, "data", "pg_wal")
	to = filepath.Join(to, "wal")
	if said, err := exec.CommandContext(ctx, "cp", "-a", from, to).CombinedOutput(); err != nil {
		return fmt.Errorf("copying the write-ahead log: %w: %s", err, said)
	}
	if err := errors.Join(os.RemoveAll(from), os.Symlink(to, from)); err != nil {
		return err
	}
	if err := n.start(); err != nil {
		return err
	}
	if err := n.ready(ctx, time.Minute); err != nil {
		return err
	}
	w.database, err = pgxpool.New(ctx, "postgres://postgres@/parley?port=5432&sslmode=disable&host="+place.Socket)
	return err
}

// removePrivate ends the private PostgreSQL, which outlives its node, and takes it away; its log is kept with the others.
func (w *world) removePrivate() {
	data := w.nodes[0].data()
	place, err := cluster.Locate(data)
	if err != nil {
		return
	}
	if log, err := os.ReadFile(place.Log); err == nil {
		_ = os.WriteFile(filepath.Join(w.options.root, "postgres.log"), log, 0o600) //nolint:gosec // The folder is the run's own.
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := cluster.Remove(ctx, cluster.Config{DataDir: data}); err != nil && !strings.Contains(err.Error(), "no such file") {
		w.report.say("  the private PostgreSQL could not be taken away: %v", err)
	}
}
