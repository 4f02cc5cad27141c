//go:build unix

package db_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/chat"
	"parley/chat/chattest"
	"parley/db"
)

// tally counts statements by name.
type tally struct {
	mu    sync.Mutex
	times map[string]int
	least float64
}

func newTally() *tally { return &tally{times: map[string]int{}, least: 1} }

// Statement implements db.Meter.
func (c *tally) Statement(name string) db.Observer { return counted{c, name} }

type counted struct {
	*tally
	name string
}

// Observe implements db.Observer.
func (c counted) Observe(seconds float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.times[c.name]++
	c.least = min(c.least, seconds)
}

// during returns what was counted while f ran.
func (c *tally) during(f func()) map[string]int {
	c.mu.Lock()
	c.times = map[string]int{}
	c.mu.Unlock()
	f()
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.times)
}

func TestNamesOfStatements(t *testing.T) {
	t.Parallel()
	count, also := newTally(), &listener{}
	w := chattest.New(t, chattest.Database(db.Options{Meter: count, Tracer: also}))
	ctx := t.Context()
	anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
	id := w.Direct(t, anna, ben)

	for what, c := range map[string]struct {
		do   func() error
		want map[string]int
	}{
		"a send": {
			func() error {
				_, err := w.Chat.SendMessage(ctx, anna, id, chat.Draft{Body: "x", ClientID: chat.NewID()})
				return err
			},
			map[string]int{"InsertMessage": 1},
		},
		"a list of rows": {
			func() error { _, err := w.Chat.Heads(ctx, []chat.ID{id}); return err }, map[string]int{"Heads": 1},
		},
		"a statement that must find its row": {
			func() error { return w.Store.RenewSession(ctx, anna.SessionID) }, map[string]int{"RenewSession": 1},
		},
		"what belongs to a cookie": {
			func() error { return w.Store.Tokens().DeleteCtx(ctx, "none") }, map[string]int{"DeleteCtx": 1},
		},
		"a transaction": {
			func() error {
				return w.Store.InTx(ctx, func(tx chat.Store) error { _, err := tx.Heads(ctx, []chat.ID{id}); return err })
			},
			map[string]int{"begin": 1, "Heads": 1, "commit": 1},
		},
		"a transaction that is undone": {
			func() error {
				if err := w.Store.InTx(ctx, func(chat.Store) error { return chat.NotFound() }); chat.KindOf(err) != chat.KindNotFound {
					return err
				}
				return nil
			},
			map[string]int{"begin": 1, "rollback": 1},
		},
		"what the queue of jobs asks": {
			func() error { _, err := w.Store.Pool().Exec(ctx, "-- name: JobInsert :one\nSELECT 1"); return err },
			map[string]int{"jobs": 1},
		},
		"what nobody of ours asks": {
			func() error { _, err := w.Store.Pool().Exec(ctx, "SELECT 1"); return err }, map[string]int{"other": 1},
		},
	} {
		t.Run(what, func(t *testing.T) {
			var got map[string]int
			heard := also.during(func() { got = count.during(func() { must(t, c.do()) }) })
			if !maps.Equal(got, c.want) {
				t.Errorf("counted %v", got)
			}
			sum := 0
			for _, times := range c.want {
				sum += times
			}
			if len(heard) != sum {
				t.Errorf("the other tracer heard %v", heard)
			}
		})
	}
	if count.least <= 0 {
		t.Errorf("a statement took %v s", count.least)
	}
}

func TestSlowStatements(t *testing.T) {
	t.Parallel()
	const canary = "canary-text-77"
	slow := func(t *testing.T, bound time.Duration) string {
		var log bytes.Buffer
		w := chattest.New(t, chattest.Database(db.Options{
			Slow: bound, Log: slog.New(slog.NewTextHandler(&log, nil)), MaxConns: 1,
		}))
		anna, ben := w.Person(t, canary), w.Person(t, "Ben")
		w.Say(t, anna, w.Direct(t, anna, ben), canary)
		if err := w.Store.InsertPerson(t.Context(), anna.Person); err == nil {
			t.Error("premise: nothing fails")
		}
		w.Store.Close()
		return log.String()
	}

	t.Run("a statement that takes long is named in the log, without what it was about", func(t *testing.T) {
		t.Parallel()
		text := slow(t, time.Nanosecond)
		for _, wanted := range []string{"level=WARN", `msg="slow statement"`, "statement=InsertMessage took=", "statement=InsertPerson took=", "failed=true"} {
			if !strings.Contains(text, wanted) {
				t.Errorf("the log lacks %s:\n%s", wanted, text)
			}
		}
		if strings.Contains(text, "canary") || strings.Contains(text, "INSERT") {
			t.Errorf("the log says too much:\n%s", text)
		}
	})

	t.Run("one that does not is not", func(t *testing.T) {
		t.Parallel()
		if text := slow(t, time.Hour); text != "" {
			t.Errorf("the log has\n%s", text)
		}
	})

	t.Run("nothing is named where no time is given", func(t *testing.T) {
		t.Parallel()
		if text := slow(t, 0); text != "" {
			t.Errorf("the log has\n%s", text)
		}
	})
}

// TestNamedStatementsEnd: what carries the name of a statement hides nothing of the context around it.
func TestNamedStatementsEnd(t *testing.T) {
	t.Parallel()
	w := chattest.New(t, chattest.Database(db.Options{Meter: newTally()}))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.Store.Heads(ctx, []chat.ID{chat.NewID()}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
