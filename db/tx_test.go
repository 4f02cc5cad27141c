//go:build unix

package db_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"parley/chat"
	"parley/chat/chattest"
	"parley/db"
)

func people(t *testing.T, w *chattest.World) int {
	t.Helper()
	return chattest.Value[int](t, w, "SELECT count(*) FROM people")
}

func newcomer() chat.Person {
	id := chat.NewID()
	return chat.Person{
		Card: chat.Card{ID: id, Username: id.String()[4:], DisplayName: "N"},
		Role: chat.RoleMember, State: chat.StateActive, Theme: chat.ThemeAuto,
	}
}

// backend is the process that serves the only connection of a store.
func backend(t *testing.T, w *chattest.World) int {
	t.Helper()
	must(t, w.Store.Ping(t.Context()))
	return chattest.Value[int](t, w, "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'parley'")
}

func TestInTx(t *testing.T) {
	t.Parallel()
	single := chattest.Database(db.Options{MaxConns: 1})

	t.Run("what was done is there afterwards, and not before", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		err := w.Store.InTx(t.Context(), func(tx chat.Store) error {
			must(t, tx.InsertPerson(t.Context(), newcomer()))
			if there := value[bool](t)(tx.AnybodyThere(t.Context())); !there || people(t, w) != 0 {
				t.Errorf("inside: %v, outside: %d", there, people(t, w))
			}
			return nil
		})
		if err != nil || people(t, w) != 1 {
			t.Errorf("%d people, %v", people(t, w), err)
		}
	})

	t.Run("an error undoes it and comes out as it is", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, single)
		pid := backend(t, w)
		mine := errors.New("mine")
		err := w.Store.InTx(t.Context(), func(tx chat.Store) error {
			must(t, tx.InsertPerson(t.Context(), newcomer()))
			return mine
		})
		if !errors.Is(err, mine) || people(t, w) != 0 || backend(t, w) != pid {
			t.Errorf("%d people, %v, another connection: %v", people(t, w), err, backend(t, w) != pid)
		}
	})

	t.Run("a panic undoes it, gives the connection back, and goes on", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, single)
		pid := backend(t, w)
		func() {
			defer func() {
				if r := recover(); r != "mine" {
					t.Errorf("recovered %v", r)
				}
			}()
			_ = w.Store.InTx(t.Context(), func(tx chat.Store) error {
				must(t, tx.InsertPerson(t.Context(), newcomer()))
				panic("mine")
			})
		}()
		if people(t, w) != 0 || backend(t, w) != pid {
			t.Errorf("%d people, another connection: %v", people(t, w), backend(t, w) != pid)
		}
	})

	for name, swallow := range map[string]bool{
		"a request that ends refuses the next statement, and undoes it": false,
		"one that ends unnoticed is not committed":                      true,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := chattest.New(t, single)
			pid := backend(t, w)
			ctx, cancel := context.WithCancel(t.Context())
			err := w.Store.InTx(ctx, func(tx chat.Store) error {
				must(t, tx.InsertPerson(ctx, newcomer()))
				cancel()
				if swallow {
					return nil
				}
				return tx.InsertPerson(ctx, newcomer())
			})
			if !errors.Is(err, context.Canceled) || people(t, w) != 0 || backend(t, w) != pid {
				t.Errorf("%d people, %v, another connection: %v", people(t, w), err, backend(t, w) != pid)
			}
		})
	}

	t.Run("a request that ends while it waits for a lock lets go of its own", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, single)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		held := w.Hold(t, "SELECT FROM people WHERE id = $1 FOR UPDATE", ben.ID)
		ctx, cancel := context.WithCancel(t.Context())
		done := later(func() error {
			return w.Store.InTx(ctx, func(tx chat.Store) error {
				if err := tx.UpdatePassword(ctx, anna.ID, "new", ""); err != nil {
					return err
				}
				return tx.UpdatePassword(ctx, ben.ID, "new", "")
			})
		})
		w.AwaitWaiting(t, 1)
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		must(t, w.Store.UpdatePassword(t.Context(), anna.ID, "another", "")) // its row is free
		held.Commit()
		if n := chattest.Value[int](t, w, "SELECT count(*) FROM people WHERE password_hash = 'new'"); n != 0 {
			t.Error("it is stored")
		}
	})

	t.Run("one inside another is refused", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		err := w.Store.InTx(t.Context(), func(tx chat.Store) error {
			must(t, tx.InsertPerson(t.Context(), newcomer()))
			return tx.InTx(t.Context(), func(chat.Store) error { t.Error("it ran"); return nil })
		})
		if err == nil || !strings.Contains(err.Error(), "inside") || people(t, w) != 0 {
			t.Errorf("%d people, %v", people(t, w), err)
		}
	})

	t.Run("what is refused at the end is an error", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		w.Exec(t, "ALTER TABLE people ADD CONSTRAINT one_language UNIQUE (language) DEFERRABLE INITIALLY DEFERRED")
		err := w.Store.InTx(t.Context(), func(tx chat.Store) error {
			must(t, tx.InsertPerson(t.Context(), newcomer()))
			must(t, tx.InsertPerson(t.Context(), newcomer()))
			return nil
		})
		if err == nil || people(t, w) != 0 {
			t.Errorf("%d people, %v", people(t, w), err)
		}
	})

	t.Run("where no connection is free it waits no longer than the request", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, single)
		err := w.Store.InTx(t.Context(), func(chat.Store) error {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			unavailable(t, w.Store.InTx(ctx, func(chat.Store) error { t.Error("it ran"); return nil }))
			_, err := w.Store.AnybodyThere(ctx)
			unavailable(t, err)
			return nil
		})
		must(t, err)
		must(t, w.Store.Ping(t.Context()))
	})

	t.Run("a statement that waits for nearly 5 s is ended, and its connection lives on", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, single)
		anna := w.Person(t, "Anna")
		pid := backend(t, w)
		held := w.Hold(t, "SELECT FROM people FOR UPDATE")
		before := time.Now()
		unavailable(t, w.Store.UpdatePassword(t.Context(), anna.ID, "new", ""))
		if took := time.Since(before); took < 4*time.Second {
			t.Errorf("after %v", took)
		}
		held.Commit()
		if now := backend(t, w); now != pid {
			t.Error("the connection is another one")
		}
	})

	t.Run("a transaction that idles for 5 s is undone", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, single)
		before := time.Now()
		err := w.Store.InTx(t.Context(), func(tx chat.Store) error {
			must(t, tx.InsertPerson(t.Context(), newcomer()))
			w.Await(t, 1, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'")
			w.Await(t, 0, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'")
			return tx.InsertPerson(t.Context(), newcomer())
		})
		unavailable(t, err)
		if took := time.Since(before); took < 4*time.Second || people(t, w) != 0 {
			t.Errorf("after %v: %d people", took, people(t, w))
		}
		must(t, w.Store.Ping(t.Context()))
	})
}

func TestBrokenConnections(t *testing.T) {
	t.Parallel()
	const terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'parley'"
	const connected = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'parley'"

	t.Run("a statement whose connection ends is unavailable, and the next one is not", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna := w.Person(t, "Anna")
		held := w.Hold(t, "SELECT FROM people FOR UPDATE")
		done := later(func() error { return w.Store.UpdatePassword(t.Context(), anna.ID, "new", "") })
		w.AwaitWaiting(t, 1)
		w.Exec(t, terminate)
		unavailable(t, <-done)
		held.Commit()
		must(t, w.Store.UpdatePassword(t.Context(), anna.ID, "another", ""))
	})

	t.Run("so is a transaction, wherever it is", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		kill := func() {
			t.Helper()
			w.Exec(t, terminate)
			w.Await(t, 0, connected)
		}
		unavailable(t, w.Store.InTx(t.Context(), func(tx chat.Store) error {
			must(t, tx.InsertPerson(t.Context(), newcomer()))
			kill()
			return tx.InsertPerson(t.Context(), newcomer())
		}))
		unavailable(t, w.Store.InTx(t.Context(), func(tx chat.Store) error {
			must(t, tx.InsertPerson(t.Context(), newcomer()))
			kill()
			return nil
		}))
		if people(t, w) != 0 {
			t.Errorf("%d people", people(t, w))
		}
		must(t, w.Store.InTx(t.Context(), func(tx chat.Store) error { return tx.InsertPerson(t.Context(), newcomer()) }))
	})

	t.Run("connections that ended while nobody used them cost one error each at most", func(t *testing.T) {
		t.Parallel()
		const most = 4
		w := chattest.New(t, chattest.Database(db.Options{MaxConns: most}))
		recovers := func(f func() error) {
			t.Helper()
			held := w.Hold(t, "LOCK TABLE installation")
			done := later(func() error {
				return errors.Join(together(most, func(int) error { _, err := w.Store.Epoch(t.Context()); return err })...)
			})
			w.AwaitWaiting(t, most)
			held.Commit()
			must(t, <-done)
			w.Exec(t, terminate)
			w.Await(t, 0, connected)
			for range most {
				err := f()
				if err == nil {
					return
				}
				unavailable(t, err)
			}
			must(t, f())
		}
		for range 3 {
			recovers(func() error { return w.Store.InsertPerson(t.Context(), newcomer()) })
			recovers(func() error {
				return w.Store.InTx(t.Context(), func(tx chat.Store) error { return tx.InsertPerson(t.Context(), newcomer()) })
			})
		}
		if n := people(t, w); n != 6 {
			t.Errorf("%d people", n)
		}
	})

	t.Run("a database that takes no more connections is unavailable", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		name := chattest.Value[string](t, w, "SELECT current_database()")
		w.Exec(t, "ALTER DATABASE "+name+" CONNECTION LIMIT 0")
		w.Exec(t, terminate)
		w.Await(t, 0, connected)
		unavailable(t, w.Store.Ping(t.Context()))
		_, err := w.Store.Epoch(t.Context())
		unavailable(t, err)
		unavailable(t, w.Store.InTx(t.Context(), func(chat.Store) error { return nil }))
		w.Exec(t, "ALTER DATABASE "+name+" CONNECTION LIMIT -1")
		must(t, w.Store.Ping(t.Context()))
	})

	t.Run("what is wrong with a statement is no unavailability", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		p := newcomer()
		p.Role = "emperor"
		if err := w.Store.InsertPerson(t.Context(), p); err == nil || chat.KindOf(err) != "" {
			t.Errorf("got %v", err)
		}
		p.Role = chat.RoleMember
		must(t, w.Store.InsertPerson(t.Context(), p))
		again := newcomer()
		again.ID = p.ID
		if err := w.Store.InsertPerson(t.Context(), again); err == nil || chat.KindOf(err) != "" {
			t.Errorf("got %v", err)
		}
		again = newcomer()
		again.Username = p.Username
		refused(t, w.Store.InsertPerson(t.Context(), again), chat.KindConflict, chat.CodeUsernameTaken)
	})
}
