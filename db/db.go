// Package db keeps Parley's state in PostgreSQL: it implements chat.Store with plain SQL, one file per noun, the viewer's
// scope visible in each statement.
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/jmoiron/sqlx"
	pgxuuid "github.com/vgarvardt/pgx-google-uuid/v5"

	"parley/chat"
)

// maxTransaction bounds every statement and every idle transaction: nobody waits longer than 5 s for an answer, and half a
// second of them is for everything around. An open snapshot keeps dead versions of the conversations' counters alive, and
// sends into a hot conversation slow to a third within 40 s of it.
const maxTransaction = 4500 * time.Millisecond

// maxStatement is when the server ends a statement by itself, before we give up the connection that it runs on.
const maxStatement = maxTransaction - 500*time.Millisecond

// Store is chat.Store over one pool of connections.
type Store struct {
	pool  *pgxpool.Pool
	sqlx  *sqlx.DB
	on    sqlx.ExtContext // the pool, or the transaction that InTx opened
	watch *stopwatch      // nil: nobody wants to know how long statements take
}

var _ chat.Store = (*Store)(nil)

// Options change how a Store connects.
type Options struct {
	MaxConns int32           // default: pgxpool's (4, or the number of cores if higher)
	Tracer   pgx.QueryTracer // sees every statement
	Meter    Meter           // is told how long each takes
	Slow     time.Duration   // how long one may take before the log names it; 0: none is named
	Log      *slog.Logger    // default: slog's
}

// Open connects to the database that dsn names, and fails when it does not answer or cannot serve Parley, see
// suitable.go. It applies no migration.
func Open(ctx context.Context, dsn string, options Options) (*Store, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("the address of the database is malformed: %w", errAddress)
	}
	settle(config.ConnConfig)
	config.ConnConfig.RuntimeParams["statement_timeout"] = fmt.Sprint(maxStatement.Milliseconds())
	config.ConnConfig.RuntimeParams["idle_in_transaction_session_timeout"] = fmt.Sprint(maxTransaction.Milliseconds())
	config.ConnConfig.Tracer = options.Tracer
	watch := newStopwatch(options)
	if watch != nil {
		config.ConnConfig.Tracer = watch
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = maxTransaction
	}
	if options.MaxConns > 0 {
		config.MaxConns = options.MaxConns
	}
	// Without this each id of an array costs some 5 µs, because it goes by a text: more than all else that a node of a
	// thousand people does for a message.
	config.AfterConnect = func(_ context.Context, conn *pgx.Conn) error {
		pgxuuid.Register(conn.TypeMap())
		return nil
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", oneLine{err})
	}
	handle := sqlx.NewDb(stdlib.OpenDBFromPool(pool), "pgx")
	store := &Store{pool: pool, sqlx: handle, on: handle, watch: watch}
	if err := store.suitable(ctx); err != nil {
		store.Close()
		return nil, err
	}
	return store, nil
}

// settle sets what every connection of ours is like, whatever the database or the role was given as its default.
func settle(config *pgx.ConnConfig) {
	config.RuntimeParams["application_name"] = "parley"
	config.RuntimeParams["timezone"] = "UTC"
	// A locked row is read anew after waiting; at a higher level the statement would fail instead.
	config.RuntimeParams["default_transaction_isolation"] = "read committed"
	if config.RuntimeParams["search_path"] == "" {
		config.RuntimeParams["search_path"] = "public" // not "$user", public: a schema of the role's name would get the tables
	}
	// Of several servers it is the one that takes writes, also after they changed their parts.
	for _, other := range config.Fallbacks {
		if (other.Host != config.Host || other.Port != config.Port) && config.ValidateConnect == nil {
			config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
		}
	}
}

// errAddress is all that is said of an address that cannot be read: what pgx says of it may hold the password.
var errAddress = errors.New("expected postgres://user:password@host:port/database")

// oneLine says in one line what pgx says in several, one for each address that it tried, and one more for each that it
// tried without TLS as well: what was said already is not said again.
type oneLine struct{ error }

func (e oneLine) Error() string {
	var said string
	for line := range strings.Lines(e.error.Error()) {
		if line = strings.Join(strings.Fields(line), " "); !strings.Contains(said, line) {
			said += " " + line
		}
	}
	return strings.TrimSpace(said)
}

func (e oneLine) Unwrap() error { return e.error }

// Close ends all connections.
func (s *Store) Close() {
	if err := s.sqlx.Close(); err != nil {
		slog.Warn("closing the database", "error", err)
	}
	s.pool.Close()
}

// Pool is the one pool of connections, for what brings its own statements.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }

// Ping says whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return translate(s.sqlx.PingContext(ctx)) }

// InTx implements chat.Store. The end of ctx refuses the next statement and the commit, but not the rollback, so that the
// connection lives on; and no transaction outlives maxTransaction, however slow f is.
func (s *Store) InTx(ctx context.Context, f func(tx chat.Store) error) error {
	if s.on != sqlx.ExtContext(s.sqlx) {
		return errors.New("db: a transaction inside a transaction")
	}
	acquiring, acquired := bound(ctx)
	conn, err := s.sqlx.Connx(acquiring)
	acquired()
	if err != nil {
		return translate(err)
	}
	defer func() { _ = conn.Close() }() // gives it back to the pool, which looks after it
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), maxTransaction)
	defer cancel()
	tx, err := conn.BeginTxx(bounded, nil)
	if err != nil {
		return translate(err)
	}
	// After the commit it does nothing; otherwise the error that led here is the one to tell. It runs on a panic too.
	defer func() { _ = tx.Rollback() }()
	if err := f(&Store{pool: s.pool, sqlx: s.sqlx, on: tx, watch: s.watch}); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return translate(err)
	}
	return translate(tx.Commit())
}

// bound gives a statement the time that one may take, the wait for a connection included. The server keeps to it by
// itself, unless it has stopped dead: then there is nobody to say so, and people would wait as long as it does.
func bound(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, maxTransaction)
}

// get reads one row. No row is chat.NotFound.
func (s *Store) get(ctx context.Context, dest any, query string, args ...any) error {
	ctx, cancel := bound(s.watch.ask(ctx))
	defer cancel()
	return translate(sqlx.GetContext(ctx, s.on, dest, query, args...))
}

// list reads all rows.
func (s *Store) list(ctx context.Context, dest any, query string, args ...any) error {
	ctx, cancel := bound(s.watch.ask(ctx))
	defer cancel()
	return translate(sqlx.SelectContext(ctx, s.on, dest, query, args...))
}

// exec runs a statement and returns how many rows it changed.
func (s *Store) exec(ctx context.Context, query string, args ...any) (int64, error) {
	return s.run(s.watch.ask(ctx), query, args...)
}

func (s *Store) run(ctx context.Context, query string, args ...any) (int64, error) {
	ctx, cancel := bound(ctx)
	defer cancel()
	result, err := s.on.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, translate(err)
	}
	return result.RowsAffected()
}

// change runs a statement that must find its row.
func (s *Store) change(ctx context.Context, query string, args ...any) error {
	n, err := s.run(s.watch.ask(ctx), query, args...)
	if err == nil && n == 0 {
		return chat.NotFound()
	}
	return err
}

// The named constraints that people can run into.
var constraints = map[string]chat.Code{
	"people_username_key":              chat.CodeUsernameTaken,
	"people_email":                     chat.CodeEmailTaken,
	"messages_author_id_client_id_key": chat.CodeClientIDReused,
}

// translate turns what the driver says into the domain's refusals, where it is one.
func translate(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, sql.ErrNoRows) {
		return chat.NotFound()
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch {
		case pg.Code == "23505":
			if code, ok := constraints[pg.ConstraintName]; ok {
				return chat.Conflict(code, err)
			}
		case strings.HasPrefix(pg.Code, "57P"), strings.HasPrefix(pg.Code, "08"), strings.HasPrefix(pg.Code, "53"),
			pg.Code == "57014", pg.Code == "25P03", pg.Code == "55P03", pg.Code == "25006":
			// Shutting down, starting up; connection lost; too many connections, no memory, no disk; a statement or a
			// transaction took too long; a lock that must not be waited for; a server that became a standby.
			return chat.Unavailable(err)
		}
		return err
	}
	var connect *pgconn.ConnectError
	var network net.Error
	if errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, sql.ErrTxDone) || // which outlived maxTransaction
		pgconn.SafeToRetry(err) || isBrokenConnection(err) {
		return chat.Unavailable(err)
	}
	return err
}

// isBrokenConnection recognises a connection that ended in the middle of a statement, and a pool that was closed, which
// pgx and database/sql report in words.
func isBrokenConnection(err error) bool {
	text := err.Error()
	return strings.Contains(text, "unexpected EOF") || strings.Contains(text, "conn closed") ||
		strings.Contains(text, "bad connection") || strings.Contains(text, "closed pool") ||
		strings.Contains(text, "database is closed")
}
