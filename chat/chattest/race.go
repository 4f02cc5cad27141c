//go:build unix

package chattest

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Held is a transaction of somebody else's, on a connection apart, which keeps its locks until it is ended.
type Held struct {
	t  testing.TB
	tx pgx.Tx
}

// Hold begins a transaction with a statement. What wants the same rows waits until the test ends it; a store's statement
// waits 5 s at most.
func (w *World) Hold(t testing.TB, sql string, args ...any) *Held {
	t.Helper()
	tx, err := w.DB.Conn().Begin(t.Context())
	if err != nil {
		t.Fatalf("chattest: hold: %v", err)
	}
	h := &Held{t: t, tx: tx}
	h.Exec(sql, args...)
	return h
}

// Exec does more in the same transaction.
func (h *Held) Exec(sql string, args ...any) {
	h.t.Helper()
	if _, err := h.tx.Exec(h.t.Context(), sql, args...); err != nil {
		h.t.Fatalf("chattest: %s: %v", sql, err)
	}
}

// Commit ends the transaction.
func (h *Held) Commit() {
	h.t.Helper()
	if err := h.tx.Commit(h.t.Context()); err != nil {
		h.t.Fatalf("chattest: commit: %v", err)
	}
}

// Rollback ends the transaction without a trace.
func (h *Held) Rollback() {
	h.t.Helper()
	if err := h.tx.Rollback(context.WithoutCancel(h.t.Context())); err != nil {
		h.t.Fatalf("chattest: roll back: %v", err)
	}
}

// AwaitWaiting returns once n statements or more wait for locks in this world's database.
func (w *World) AwaitWaiting(t testing.TB, n int) {
	t.Helper()
	w.Await(t, n, `
		SELECT least(count(*), $1) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`, n)
}

// Await asks the database until it answers with n.
func (w *World) Await(t testing.TB, n int, sql string, args ...any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for last := -1; ; {
		if err := w.DB.Pool().QueryRow(ctx, sql, args...).Scan(&last); err != nil && ctx.Err() == nil {
			t.Fatalf("chattest: %s: %v", sql, err)
		}
		if last == n {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("chattest: awaited %d, it is %d: %s", n, last, sql)
		case <-tick.C:
		}
	}
}
