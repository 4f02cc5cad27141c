// Package jobs does what nobody waits for: each kind of job calls one function of another room. River keeps the jobs in
// PostgreSQL, hands each to one node and tries again what failed.
//
// What River costs while there is nothing to do (v0.51.1, measured over a minute): 58 short statements, 24 of them begin
// and commit around its scheduler; 800 bytes of log, which nobody waits for, because who leads stands in an unlogged
// table; and one connection that listens. That one is taken out of the pool for good, and the pool opens another.
package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"parley/chat"
)

const (
	workers = 2 // letters are few, and a worker holds no connection while it waits for a mail server
	// attemptTimeout bounds one attempt. A job whose worker was killed is taken up again after abandonedAfter.
	attemptTimeout = 30 * time.Second
	abandonedAfter = 2 * time.Minute
	// stopTimeout is how long a worker may go on when the application ends; then its job is broken off and tried again.
	stopTimeout = 5 * time.Second
	// pollInterval is for what nobody speaks of: a second trial that comes soon after the first, or a word that was lost.
	// Of everything else the listener hears at once.
	pollInterval = 10 * time.Second
	// Done jobs are of no use and hold addresses; those given up are kept as long as somebody may look for them.
	keepDone    = time.Minute
	keepGivenUp = 24 * time.Hour
)

// Letters is what the worker of letters calls.
type Letters interface {
	DeliverLetter(ctx context.Context, letter chat.Letter) error
}

// Jobs is one node's part in the work.
type Jobs struct {
	client *river.Client[pgx.Tx]
}

// Option changes how jobs are worked; tests use them.
type Option func(*river.Config)

// WithPace replaces how long is waited after a failed attempt, and between two looks for jobs that nobody spoke of.
func WithPace(retry, poll time.Duration) Option {
	return func(c *river.Config) {
		c.RetryPolicy, c.FetchPollInterval, c.FetchCooldown = constant(retry), poll, poll
	}
}

type constant time.Duration

// NextRetry implements [river.ClientRetryPolicy].
func (c constant) NextRetry(*rivertype.JobRow) time.Time { return time.Now().Add(time.Duration(c)) }

// New prepares the work; [Jobs.Start] begins with it. Migrations must have run.
func New(pool *pgxpool.Pool, letters Letters, log *slog.Logger, options ...Option) (*Jobs, error) {
	all := river.NewWorkers()
	if err := river.AddWorkerSafely(all, &letterWorker{letters: letters, log: log}); err != nil {
		return nil, fmt.Errorf("jobs: %w", err)
	}
	config := &river.Config{
		Queues:                      map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: workers}},
		Workers:                     all,
		FetchPollInterval:           pollInterval,
		JobTimeout:                  attemptTimeout,
		RescueStuckJobsAfter:        abandonedAfter,
		SoftStopTimeout:             stopTimeout,
		CompletedJobRetentionPeriod: keepDone,
		CancelledJobRetentionPeriod: keepGivenUp,
		DiscardedJobRetentionPeriod: keepGivenUp,
		ReindexerIndexNames:         []string{}, // a table of a few rows needs none of it
		ErrorHandler:                failures{log},
		Logger:                      slog.New(quieter{log.Handler()}),
	}
	for _, option := range options {
		option(config)
	}
	client, err := river.NewClient(riverpgxv5.New(pool), config)
	if err != nil {
		return nil, fmt.Errorf("jobs: %w", err)
	}
	return &Jobs{client: client}, nil
}

// Start begins to work. The end of ctx ends nothing: [Jobs.Close] does.
func (j *Jobs) Start(ctx context.Context) error {
	if err := j.client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("jobs: %w", err)
	}
	return nil
}

// Close takes up no more jobs and waits for those that are being worked, for a few seconds; after that they are broken
// off, to be tried again elsewhere or later. What never started is closed already.
func (j *Jobs) Close(ctx context.Context) error {
	if err := j.client.Stop(ctx); err != nil {
		return fmt.Errorf("jobs: %w", err)
	}
	return nil
}

// failures writes one line for each failure. Errors of jobs hold no address and no secret, see [chat.Mailer].
type failures struct{ log *slog.Logger }

// HandleError implements [river.ErrorHandler].
func (f failures) HandleError(ctx context.Context, job *rivertype.JobRow, err error) *river.ErrorHandlerResult {
	line := []any{slog.String("job", job.Kind), slog.Int64("id", job.ID), slog.Int("attempt", job.Attempt), slog.Any("error", err)}
	if job.Attempt >= job.MaxAttempts {
		f.log.ErrorContext(ctx, "a job is given up", line...)
	} else {
		f.log.WarnContext(ctx, "a job failed and will be tried again", line...)
	}
	return nil
}

// HandlePanic implements [river.ErrorHandler].
func (f failures) HandlePanic(ctx context.Context, job *rivertype.JobRow, problem any, trace string) *river.ErrorHandlerResult {
	f.log.ErrorContext(ctx, "a job panicked", slog.String("job", job.Kind), slog.Int64("id", job.ID),
		slog.String("error", fmt.Sprintf("panic: %v\n%s", problem, trace)))
	return nil
}

// quieter is a log for River's own words, one level lower: what it calls an error, such as a database that does not
// answer for a moment, it deals with by itself; and what it has to say of starting and stopping is for debugging.
type quieter struct{ next slog.Handler }

func lower(level slog.Level) slog.Level { return level - (slog.LevelError - slog.LevelWarn) }

// Enabled implements [slog.Handler].
func (q quieter) Enabled(ctx context.Context, level slog.Level) bool {
	return q.next.Enabled(ctx, lower(level))
}

// Handle implements [slog.Handler].
func (q quieter) Handle(ctx context.Context, record slog.Record) error {
	record.Level = lower(record.Level)
	return q.next.Handle(ctx, record)
}

// WithAttrs implements [slog.Handler].
func (q quieter) WithAttrs(attrs []slog.Attr) slog.Handler { return quieter{q.next.WithAttrs(attrs)} }

// WithGroup implements [slog.Handler].
func (q quieter) WithGroup(name string) slog.Handler { return quieter{q.next.WithGroup(name)} }
