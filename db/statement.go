package db

import (
	"context"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// Meter is told how long statements take.
type Meter interface {
	// Statement returns what is told of each statement of that name. It is asked once for a name, or a few times.
	Statement(name string) Observer
}

// Observer is told how many seconds a statement took, from asking for it until its last row was read. The wait for a
// connection is none of it.
type Observer interface{ Observe(seconds float64) }

// The names of statements that no function of ours asked.
const (
	beginning = "begin"
	ending    = "commit"
	undoing   = "rollback"
	jobbing   = "jobs"  // the queue's own
	anyOther  = "other" // looking whether the database answers, and whether it is suitable
)

// stopwatch takes the time of statements, and names in the log those that take long. A statement is called like the
// function that asks it, such as InsertMessage.
type stopwatch struct {
	meter Meter           // or nil
	slow  time.Duration   // 0: nothing is named
	log   *slog.Logger    // for what is slow
	next  pgx.QueryTracer // or nil

	named sync.Map // name → *watched
	asked sync.Map // place in the program → *watched
}

var _ pgx.QueryTracer = (*stopwatch)(nil)

// watched is all that is known of the statements of a name.
type watched struct {
	name string
	told Observer
}

// running is one statement on its way, a context that the tracer finds again.
type running struct {
	context.Context
	of    *watched
	began time.Time
}

type runningKey struct{}

// Value implements [context.Context].
func (r *running) Value(key any) any {
	if key == (runningKey{}) {
		return r
	}
	return r.Context.Value(key)
}

// newStopwatch returns nil where nobody wants to know.
func newStopwatch(options Options) *stopwatch {
	if options.Meter == nil && options.Slow <= 0 {
		return nil
	}
	log := options.Log
	if log == nil {
		log = slog.Default()
	}
	return &stopwatch{meter: options.Meter, slow: options.Slow, log: log, next: options.Tracer}
}

// ask names the statement that is asked next with the context returned, like the function that calls the caller of ask.
func (w *stopwatch) ask(ctx context.Context) context.Context {
	if w == nil {
		return ctx
	}
	var place [1]uintptr
	runtime.Callers(3, place[:])
	of, known := w.asked.Load(place[0])
	if !known {
		frame, _ := runtime.CallersFrames(place[:]).Next()
		of, _ = w.asked.LoadOrStore(place[0], w.watch(functionName(frame.Function)))
	}
	return &running{Context: ctx, of: of.(*watched)}
}

func (w *stopwatch) watch(name string) *watched {
	if known, ok := w.named.Load(name); ok {
		return known.(*watched)
	}
	fresh := &watched{name: name}
	if w.meter != nil {
		fresh.told = w.meter.Statement(name)
	}
	known, _ := w.named.LoadOrStore(name, fresh)
	return known.(*watched)
}

// functionName is what a function or a method is called without its package and receiver; what is inside it is called like
// it: parley/db.(*Store).InsertMessage.func1 is InsertMessage.
func functionName(full string) string {
	name := full[strings.LastIndexByte(full, '/')+1:]
	_, name, _ = strings.Cut(name, ".") // the package
	if i := strings.Index(name, ".func"); i >= 0 {
		name = name[:i]
	}
	return name[strings.LastIndexByte(name, '.')+1:]
}

// TraceQueryStart implements [pgx.QueryTracer].
func (w *stopwatch) TraceQueryStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if w.next != nil {
		ctx = w.next.TraceQueryStart(ctx, conn, data)
	}
	if r, ok := ctx.Value(runningKey{}).(*running); ok {
		r.began = time.Now()
		return ctx
	}
	name := anyOther
	switch sql := data.SQL; {
	case strings.HasPrefix(sql, "begin"):
		name = beginning
	case sql == "commit":
		name = ending
	case sql == "rollback":
		name = undoing
	case strings.HasPrefix(strings.TrimSpace(sql), "-- name: "): // as sqlc writes them
		name = jobbing
	}
	return &running{Context: ctx, of: w.watch(name), began: time.Now()}
}

// TraceQueryEnd implements [pgx.QueryTracer].
func (w *stopwatch) TraceQueryEnd(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryEndData) {
	if r, ok := ctx.Value(runningKey{}).(*running); ok {
		took := time.Since(r.began)
		if r.of.told != nil {
			r.of.told.Observe(took.Seconds())
		}
		if w.slow > 0 && took >= w.slow {
			// No argument, and no error, which may repeat one.
			w.log.Warn("slow statement", "statement", r.of.name, "took", took, "failed", data.Err != nil)
		}
	}
	if w.next != nil {
		w.next.TraceQueryEnd(ctx, conn, data)
	}
}
