//go:build linux || darwin

// Package dbtest hands tests a real database: one private PostgreSQL per test
// binary, started on first use, and in it a fresh copy of the migrated database
// for every test that asks.
//
//	func TestMain(m *testing.M) { dbtest.Run(m) }
//
//	func TestSomething(t *testing.T) {
//		t.Parallel()
//		d := dbtest.New(t)
//		… d.DSN, d.Pool(), d.Conn() …
//	}
//
// It imports parley/db for the migrations, so tests of that package stand in
// package db_test.
package dbtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Run runs a package's tests and stops the server at the end; it is all that
// TestMain has to do. A test binary that is killed takes its server with it (on
// Linux), and the next one removes its folder.
func Run(m *testing.M) {
	if err := here.around(m.Run); err != nil {
		fmt.Fprintln(os.Stderr, "dbtest:", err)
		os.Exit(1)
	}
}

// here is this test binary's server.
var here = &host{}

// A DB is a database of one test's own. The role is parley, who owns it and is
// no superuser, as in production.
type DB struct {
	// DSN is the address, for every form of pgx.
	DSN string

	t      testing.TB
	server *server
	name   string
	model  bool // others are copied from it: it stays
	pool   func() *pgxpool.Pool
}

// An Option changes what New makes.
type Option func(*options)

type options struct{ source string }

// Empty makes a database without tables, for tests of the migrations.
func Empty() Option { return func(o *options) { o.source = "template1" } }

// A Model is a database that has something in it, of which New makes copies: a
// world that many tests begin with costs them no more than an empty one.
type Model struct{ name string }

// From makes a copy of a model.
func From(m *Model) Option { return func(o *options) { o.source = m.name } }

// Model makes the database one that others are copied from. Nobody can use it
// itself from then on: its pool is closed, and who else is connected is cut.
func (d *DB) Model(ctx context.Context) (*Model, error) {
	d.model = true
	d.pool().Close()
	return &Model{d.name}, d.server.seal(ctx, d.name)
}

// New makes a database and drops it when the test ends, with whatever is still
// connected. It may be called from parallel tests; all databases of a test
// binary together take 300 connections.
func New(t testing.TB, opts ...Option) *DB {
	t.Helper()
	return here.new(t, opts...)
}

func (h *host) new(t testing.TB, opts ...Option) *DB {
	t.Helper()
	o := options{source: model}
	for _, set := range opts {
		set(&o)
	}
	server, err := h.server()
	if err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	name, err := server.create(t.Context(), o.source)
	if err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	d := &DB{DSN: server.dsn(name), t: t, server: server, name: name}
	t.Cleanup(func() {
		if d.model {
			return
		}
		if err := server.drop(context.Background(), name); err != nil {
			t.Errorf("dbtest: %v", err)
		}
	})
	d.pool = sync.OnceValue(d.open)
	return d
}

// Pool is a pool on the database: the same at every call, closed when the test
// ends. A test that has not given back a connection by then fails.
func (d *DB) Pool() *pgxpool.Pool {
	d.t.Helper()
	return d.pool()
}

func (d *DB) open() *pgxpool.Pool {
	pool, err := pgxpool.New(d.t.Context(), d.DSN)
	if err != nil {
		d.t.Fatalf("dbtest: %v", err)
	}
	d.t.Cleanup(func() {
		if err := closePool(pool, 5*time.Second); err != nil {
			d.t.Errorf("dbtest: %v", err)
		}
	})
	return pool
}

// closePool closes a pool, which waits for all connections that are in use.
func closePool(pool *pgxpool.Pool, patience time.Duration) error {
	done := make(chan struct{})
	go func() {
		pool.Close()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-time.After(patience):
		return errors.New("a connection was not given back to the pool")
	}
}

// Conn is a connection of its own, apart from the pool: a new one at every
// call, closed when the test ends.
func (d *DB) Conn() *pgx.Conn {
	d.t.Helper()
	conn, err := pgx.Connect(d.t.Context(), d.DSN)
	if err != nil {
		d.t.Fatalf("dbtest: %v", err)
	}
	d.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}
