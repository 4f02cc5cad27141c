//go:build unix

package chat_test

import (
	"errors"
	"sync"
	"testing"

	"parley/chat"
	"parley/chat/chattest"
	"parley/db/dbtest"
)

func TestMain(m *testing.M) { dbtest.Run(m) }

// refused fails the test unless err is that refusal.
func refused(t *testing.T, err error, kind chat.Kind, code chat.Code) {
	t.Helper()
	if chat.KindOf(err) != kind || chat.CodeOf(err) != code {
		t.Errorf("got %v instead of %s: %s", err, kind, code)
	}
}

// notFound fails the test unless err is exactly what is said of things that are not there.
func notFound(t *testing.T, err error) {
	t.Helper()
	if err == nil || err.Error() != chat.NotFound().Error() {
		t.Errorf("got %v", err)
	}
}

// wrong is what a form was refused with, by field.
func wrong(t *testing.T, err error) map[string]chat.Code {
	t.Helper()
	var e *chat.Error
	if !errors.As(err, &e) || e.Kind != chat.KindInvalid {
		t.Fatalf("got %v", err)
	}
	fields := map[string]chat.Code{}
	for _, f := range e.Fields {
		fields[f.Field] = f.Code
	}
	return fields
}

// value is v, unless there was an error.
func value[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// together runs f n times at once and returns the errors, nil where there was none.
func together(n int, f func(i int) error) []error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = f(i) })
	}
	all.Wait()
	return errs
}

// later runs f and hands over its error.
func later(f func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	return done
}

// successes counts.
func successes(errs []error) (n int) {
	for _, err := range errs {
		if err == nil {
			n++
		}
	}
	return n
}

// told are the people who were told that what they may see has changed.
func told(events []chat.Event) (people []chat.ID) {
	for _, event := range events {
		if e, ok := event.(chat.PersonChanged); ok {
			people = append(people, e.PersonID)
		}
	}
	return people
}

func suspend(t *testing.T, w *chattest.World, person chat.Viewer) {
	t.Helper()
	w.Exec(t, "UPDATE people SET state = 'suspended' WHERE id = $1", person.ID)
}

// takeAway lets every statement on a table fail from now on, with an error that is nobody's refusal.
func takeAway(t *testing.T, w *chattest.World, table string) {
	t.Helper()
	w.Exec(t, "ALTER TABLE "+table+" RENAME TO taken_away")
}

// internal fails the test unless err is an error that no person is told.
func internal(t *testing.T, err error) {
	t.Helper()
	if err == nil || chat.KindOf(err) != "" {
		t.Errorf("got %v", err)
	}
}
