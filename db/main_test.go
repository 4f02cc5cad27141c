//go:build unix

package db_test

import (
	"sync"
	"testing"

	"parley/chat"
	"parley/chat/chattest"
	"parley/db/dbtest"
)

func TestMain(m *testing.M) { dbtest.Run(m) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// value is v, unless there was an error.
func value[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		must(t, err)
		return v
	}
}

// refused fails the test unless err is that refusal.
func refused(t *testing.T, err error, kind chat.Kind, code chat.Code) {
	t.Helper()
	if chat.KindOf(err) != kind || chat.CodeOf(err) != code {
		t.Errorf("got %v instead of %s: %s", err, kind, code)
	}
}

// unavailable fails the test unless err says that the database does not answer.
func unavailable(t *testing.T, err error) {
	t.Helper()
	refused(t, err, chat.KindUnavailable, chat.CodeUnavailable)
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

// draft is a message of somebody's that can be stored.
func draft(author chat.Viewer, conversation chat.ID) chat.NewMessage {
	return chat.NewMessage{
		ID: chat.NewID(), ConversationID: conversation, Author: author.Card, Body: "x", ClientID: chat.NewID(), RequestHash: []byte{1},
	}
}

// heads are a conversation's two counters.
func heads(t *testing.T, w *chattest.World, conversation chat.ID) [2]int64 {
	t.Helper()
	return [2]int64{
		chattest.Value[int64](t, w, "SELECT msg_seq FROM conversations WHERE id = $1", conversation),
		chattest.Value[int64](t, w, "SELECT change_seq FROM conversations WHERE id = $1", conversation),
	}
}
