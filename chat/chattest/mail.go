//go:build unix

package chattest

import (
	"context"
	"encoding/json"
	"sync"
	"testing"

	"parley/chat"
)

// outbox is a mailer that keeps what it is given.
type outbox struct {
	mu    sync.Mutex
	mails []chat.Mail
}

// Send implements chat.Mailer.
func (o *outbox) Send(_ context.Context, mail chat.Mail) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mails = append(o.mails, mail)
	return nil
}

// Letters takes the letters that are kept, in their order.
func (w *World) Letters(t testing.TB) []chat.Letter {
	t.Helper()
	var letters []chat.Letter
	for _, args := range Value[[]string](t, w, `
		WITH kept AS (DELETE FROM river_job RETURNING id, args)
		SELECT coalesce(array_agg(args::text ORDER BY id), '{}') FROM kept`) {
		var letter chat.Letter
		if err := json.Unmarshal([]byte(args), &letter); err != nil {
			t.Fatalf("chattest: a letter: %v", err)
		}
		letters = append(letters, letter)
	}
	return letters
}

// Mails delivers the letters that are kept, as a worker would, and returns what was sent.
func (w *World) Mails(t testing.TB) []chat.Mail {
	t.Helper()
	for _, letter := range w.Letters(t) {
		if err := w.Chat.DeliverLetter(t.Context(), letter); err != nil {
			t.Fatalf("chattest: deliver %s: %v", letter.Kind, err)
		}
	}
	w.outbox.mu.Lock()
	defer w.outbox.mu.Unlock()
	mails := w.outbox.mails
	w.outbox.mails = nil
	return mails
}

// Mail delivers the one letter that is kept, and fails the test unless it is of that kind.
func (w *World) Mail(t testing.TB, kind chat.LetterKind) chat.Mail {
	t.Helper()
	mails := w.Mails(t)
	if len(mails) != 1 || mails[0].Kind != kind {
		t.Fatalf("chattest: instead of one letter %s: %+v", kind, mails)
	}
	return mails[0]
}

// Confirmed is the person with a confirmed address.
func (w *World) Confirmed(t testing.TB, person chat.Viewer, address string) chat.Viewer {
	t.Helper()
	w.Exec(t, "UPDATE people SET email = $2, email_confirmed_at = now() WHERE id = $1", person.ID, address)
	viewer, err := w.Chat.Viewer(t.Context(), person.SessionID)
	if err != nil {
		t.Fatalf("chattest: %v", err)
	}
	return viewer
}
