package db_test

import (
	"context"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"parley/chat"
	"parley/db"
	"parley/db/dbtest"
)

// frozen is a way to a database on which, once it is frozen, everything stands still and nobody is told.
type frozen struct {
	dsn  string
	ice  chan struct{} // closed: nothing passes any more
	over chan struct{}
	once sync.Once
}

func (f *frozen) end() { f.once.Do(func() { close(f.over) }) }

func newFrozen(t *testing.T, d *dbtest.DB) *frozen {
	t.Helper()
	address, err := url.Parse(d.DSN)
	if err != nil {
		t.Fatal(err)
	}
	const socket = ".s.PGSQL.5432"
	server := filepath.Join(address.Query().Get("host"), socket)
	dir, err := os.MkdirTemp("", "frozen") // t.TempDir() is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", filepath.Join(dir, socket))
	if err != nil {
		t.Fatal(err)
	}
	query := address.Query()
	query.Set("host", dir)
	address.RawQuery = query.Encode()
	f := &frozen{dsn: address.String(), ice: make(chan struct{}), over: make(chan struct{})}
	t.Cleanup(func() {
		f.end()
		_ = listener.Close()
		_ = os.RemoveAll(dir)
	})
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			conn, err := net.Dial("unix", server)
			if err != nil {
				_ = client.Close()
				continue
			}
			for _, way := range [][2]net.Conn{{client, conn}, {conn, client}} {
				go f.pass(way[1], way[0])
			}
		}
	}()
	return f
}

func (f *frozen) pass(to, from net.Conn) {
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		select {
		case <-f.ice:
			<-f.over
			return
		default:
		}
		if err != nil {
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// TestFrozen is about a server that answers nothing any more, not even that a statement took too long.
func TestFrozen(t *testing.T) {
	t.Parallel()
	for name, ask := range map[string]func(ctx context.Context, s *db.Store) error{
		"a reading": func(ctx context.Context, s *db.Store) error { _, err := s.Epoch(ctx); return err },
		"a list": func(ctx context.Context, s *db.Store) error {
			_, err := s.ViewSeqs(ctx, []chat.ID{chat.NewID()})
			return err
		},
		"a transaction": func(ctx context.Context, s *db.Store) error {
			return s.InTx(ctx, func(tx chat.Store) error { _, err := tx.Epoch(ctx); return err })
		},
		"a statement within a transaction": func(ctx context.Context, s *db.Store) error {
			return s.InTx(ctx, func(tx chat.Store) error { _, err := tx.RaiseViewSeq(ctx, chat.NewID()); return err })
		},
	} {
		t.Run(name+" ends without an answer", func(t *testing.T) {
			t.Parallel()
			f := newFrozen(t, dbtest.New(t))
			s, err := db.Open(t.Context(), f.dsn, db.Options{MaxConns: 1})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Close)
			t.Cleanup(f.end) // before: closing waits for answers, too
			if err := ask(t.Context(), s); err != nil {
				t.Fatalf("premise: %v", err)
			}
			close(f.ice)
			began := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			if err := ask(ctx, s); chat.KindOf(err) != chat.KindUnavailable || ctx.Err() != nil {
				t.Errorf("after %s: %v", time.Since(began), err)
			}
		})
	}
}
