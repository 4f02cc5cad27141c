//go:build unix

package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/chat"
	"parley/chat/chattest"
	"parley/db"
	"parley/db/dbtest"
	"parley/jobs"
)

func TestMain(m *testing.M) { dbtest.Run(m) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// desk is where letters arrive in these tests; answer says how each attempt ends.
type desk struct {
	mu       sync.Mutex
	attempts []chat.Letter
	answer   func(ctx context.Context, attempt int) error
	worked   chan chat.Letter // one for each attempt that is over
}

func newDesk(answer func(ctx context.Context, attempt int) error) *desk {
	return &desk{answer: answer, worked: make(chan chat.Letter, 100)}
}

func (d *desk) DeliverLetter(ctx context.Context, letter chat.Letter) error {
	d.mu.Lock()
	d.attempts = append(d.attempts, letter)
	attempt := len(d.attempts)
	d.mu.Unlock()
	defer func() { d.worked <- letter }()
	if d.answer == nil {
		return nil
	}
	return d.answer(ctx, attempt)
}

func (d *desk) next(t *testing.T) chat.Letter {
	t.Helper()
	select {
	case letter := <-d.worked:
		return letter
	case <-time.After(40 * time.Second):
		t.Fatal("nobody works")
		return chat.Letter{}
	}
}

// log is a log that a test can read.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) lines(containing string) (lines []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		if strings.Contains(line, containing) {
			lines = append(lines, line)
		}
	}
	return lines
}

// work starts workers on the world's database, until the test ends or stop is called.
func work(t *testing.T, w *chattest.World, d *desk, l *log, options ...jobs.Option) (stop func()) {
	t.Helper()
	j, err := jobs.New(w.Store.Pool(), d, slog.New(slog.NewTextHandler(l, nil)), options...)
	must(t, err)
	must(t, j.Start(t.Context()))
	stop = sync.OnceFunc(func() { must(t, j.Close(context.WithoutCancel(t.Context()))) })
	t.Cleanup(stop)
	return stop
}

func letter() chat.Letter {
	return chat.Letter{
		Kind: chat.LetterConfirm, PersonID: chat.NewID(), Address: "mira@example.org", At: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
	}
}

// hasty does not wait where production would.
var hasty = jobs.WithPace(time.Millisecond, 10*time.Millisecond)

const jobsIn = "SELECT count(*) FROM river_job WHERE state = '%s'"

func TestLetters(t *testing.T) {
	t.Parallel()

	t.Run("a letter that is kept is worked at once, as it was kept", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		d := newDesk(nil)
		work(t, w, d, &log{})
		// The listener takes a moment; what came before it waits for the first look.
		w.Await(t, 1, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'")
		for _, one := range []chat.Letter{letter(), {Kind: chat.LetterReset, Login: "mira", At: letter().At}} {
			began := time.Now()
			must(t, w.Store.InsertLetter(t.Context(), one))
			if got := d.next(t); got != one {
				t.Errorf("got %+v", got)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it waited %v: nobody listens", took)
			}
		}
		w.Await(t, 2, fmt.Sprintf(jobsIn, "completed"))
	})

	t.Run("a letter of a transaction that is undone is not worked, one of a transaction that holds is", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		d := newDesk(nil)
		work(t, w, d, &log{})
		undo := errors.New("undo")
		err := w.Store.InTx(t.Context(), func(tx chat.Store) error { return errors.Join(tx.InsertLetter(t.Context(), letter()), undo) })
		if !errors.Is(err, undo) {
			t.Fatal(err)
		}
		kept := letter()
		must(t, w.Store.InTx(t.Context(), func(tx chat.Store) error { return tx.InsertLetter(t.Context(), kept) }))
		if got := d.next(t); got != kept {
			t.Errorf("got %+v", got)
		}
		if n := chattest.Value[int](t, w, "SELECT count(*) FROM river_job"); n != 1 {
			t.Errorf("%d jobs", n)
		}
	})

	t.Run("one that fails is tried again, with a line in the log for each time", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		l := &log{}
		d := newDesk(func(_ context.Context, attempt int) error {
			switch attempt {
			case 1:
				return errors.New("the mail server sleeps")
			case 2:
				panic("on purpose")
			}
			return nil
		})
		work(t, w, d, l, hasty)
		one := letter()
		must(t, w.Store.InsertLetter(t.Context(), one))
		for range 3 {
			if got := d.next(t); got != one {
				t.Errorf("got %+v", got)
			}
		}
		w.Await(t, 1, fmt.Sprintf(jobsIn, "completed"))
		if lines := l.lines("the mail server sleeps"); len(lines) != 1 || !strings.Contains(lines[0], "level=WARN") || !strings.Contains(lines[0], "will be tried again") {
			t.Errorf("the log says %q", lines)
		}
		if lines := l.lines("a job panicked"); len(lines) != 1 || !strings.Contains(lines[0], "jobs_test.go") {
			t.Errorf("the log says %q", lines)
		}
		if lines := l.lines("mira@example.org"); len(lines) != 0 {
			t.Errorf("the log holds the address: %q", lines)
		}
	})

	t.Run("one that never succeeds is given up after its last attempt, with one line", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		l := &log{}
		d := newDesk(func(context.Context, int) error { return errors.New("the mail server is gone") })
		work(t, w, d, l, hasty)
		must(t, w.Store.InsertLetter(t.Context(), letter()))
		w.Await(t, 1, fmt.Sprintf(jobsIn, "discarded"))
		if len(d.attempts) != 14 {
			t.Errorf("tried %d times", len(d.attempts))
		}
		if lines := l.lines("a job is given up"); len(lines) != 1 || !strings.Contains(lines[0], "level=ERROR") || !strings.Contains(lines[0], "attempt=14") {
			t.Errorf("the log says %q", lines)
		}
	})

	t.Run("one without a mailbox is not tried again", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		l := &log{}
		d := newDesk(func(context.Context, int) error { return fmt.Errorf("%w (550 5.1.1)", chat.ErrNoMailbox) })
		work(t, w, d, l)
		one := letter()
		must(t, w.Store.InsertLetter(t.Context(), one))
		w.Await(t, 1, fmt.Sprintf(jobsIn, "cancelled"))
		lines := l.lines("letter")
		if len(lines) != 1 || !strings.Contains(lines[0], one.PersonID.String()) || strings.Contains(lines[0], "mira") {
			t.Errorf("the log says %q", lines)
		}
	})

	t.Run("one whose worker was killed is taken up again", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		d := newDesk(nil)
		one := letter()
		must(t, w.Store.InsertLetter(t.Context(), one))
		w.Exec(t, "UPDATE river_job SET state = 'running', attempt = 1, attempted_at = now() - interval '3 minutes', attempted_by = '{gone}'")
		work(t, w, d, &log{}, hasty)
		if got := d.next(t); got != one {
			t.Errorf("got %+v", got)
		}
	})

	t.Run("of several nodes one works it", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Database(db.Options{MaxConns: 12}))
		d := newDesk(nil)
		for range 3 {
			work(t, w, d, &log{})
		}
		for range 20 {
			must(t, w.Store.InsertLetter(t.Context(), letter()))
		}
		w.Await(t, 20, fmt.Sprintf(jobsIn, "completed"))
		if len(d.attempts) != 20 {
			t.Errorf("worked %d times", len(d.attempts))
		}
	})
}

func TestClose(t *testing.T) {
	t.Parallel()

	t.Run("what is being worked is finished", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		begun, on := make(chan bool), make(chan bool)
		d := newDesk(func(context.Context, int) error {
			close(begun)
			<-on
			return nil
		})
		stop := work(t, w, d, &log{})
		must(t, w.Store.InsertLetter(t.Context(), letter()))
		<-begun
		stopped := make(chan bool)
		go func() { stop(); close(stopped) }()
		close(on)
		<-stopped
		if n := chattest.Value[int](t, w, fmt.Sprintf(jobsIn, "completed")); n != 1 {
			t.Error("it was not finished")
		}
	})

	t.Run("what takes too long is broken off, and waits for somebody else", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		begun := make(chan bool)
		d := newDesk(func(ctx context.Context, attempt int) error {
			if attempt == 1 {
				close(begun)
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		})
		stop := work(t, w, d, &log{})
		one := letter()
		must(t, w.Store.InsertLetter(t.Context(), one))
		<-begun
		began := time.Now()
		stop()
		if took := time.Since(began); took > 15*time.Second {
			t.Errorf("stopping took %v", took)
		}
		d.next(t)
		work(t, w, d, &log{}, hasty)
		if got := d.next(t); got != one {
			t.Errorf("got %+v", got)
		}
	})

	t.Run("what never started is closed already", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		j, err := jobs.New(w.Store.Pool(), newDesk(nil), slog.New(slog.DiscardHandler))
		must(t, err)
		must(t, j.Close(t.Context()))
	})
}

func TestThePoolKeepsItsConnections(t *testing.T) {
	t.Parallel()
	const size = 4
	w := chattest.New(t, chattest.Database(db.Options{MaxConns: size}))
	d := newDesk(nil)
	work(t, w, d, &log{})
	w.Await(t, 1, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for range size {
		conn, err := w.Store.Pool().Acquire(ctx)
		if err != nil {
			t.Fatalf("River holds connections of the pool: %v", err)
		}
		defer conn.Release()
	}
	// And while all of them are busy, nothing is lost.
	_, err := w.DB.Conn().Exec(ctx, `INSERT INTO river_job (kind, args, max_attempts) VALUES ('letter', '{"kind": "confirm"}', 2)`)
	must(t, err)
}

func TestLogOfRiver(t *testing.T) {
	t.Parallel()
	w := chattest.New(t)
	l := &log{}
	stop := work(t, w, newDesk(nil), l)
	w.Await(t, 1, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'")
	stop()
	if lines := l.lines(""); len(lines) != 0 {
		t.Errorf("starting and stopping is news: %q", lines)
	}
}
