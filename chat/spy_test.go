//go:build unix

package chat_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"parley/db"
)

// spy hears every statement.
type spy struct {
	mu         sync.Mutex
	statements []string
}

func (s *spy) options() db.Options { return db.Options{Tracer: s, MaxConns: 1} }

func (s *spy) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.statements = append(s.statements, strings.Join(strings.Fields(data.SQL), " "))
	return ctx
}

func (s *spy) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// during returns what was asked of the database while f ran.
func (s *spy) during(f func()) []string {
	s.mu.Lock()
	s.statements = nil
	s.mu.Unlock()
	f()
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.statements)
}

// alike fails the test unless the same was asked of the database both times, and something was.
func alike(t *testing.T, one, other []string) {
	t.Helper()
	if !slices.Equal(one, other) || len(one) == 0 {
		t.Errorf("these differ:\n%s\n\n%s", strings.Join(one, "\n"), strings.Join(other, "\n"))
	}
}
