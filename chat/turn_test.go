//go:build unix

package chat_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"parley/chat"
	"parley/chat/chattest"
)

func TestManyLogIns(t *testing.T) {
	t.Parallel()

	t.Run("a burst of logins gets its answer within the bound, and the next one is served", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Limits())
		w.Person(t, "Anna")
		release := w.Chat.HoldHashing(20 * time.Millisecond)
		for _, err := range together(chat.LimitLoginGlobal.Burst/2, func(i int) error {
			_, err := w.Chat.LogIn(t.Context(), chat.Origin{Address: fmt.Sprint(i)}, fmt.Sprint("nobody", i), "wrong")
			return err
		}) {
			refused(t, err, chat.KindUnavailable, chat.CodeBusy)
		}
		release()
		_, err := w.Chat.LogIn(t.Context(), there, "anna", chattest.Password)
		must(t, err)
	})

	t.Run("whether there is such an account or not, busy is the same", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Limits())
		anna := w.Confirmed(t, w.Person(t, "Anna"), "anna@example.org")
		suspend(t, w, w.Person(t, "Ben"))
		w.Chat.HoldHashing(20 * time.Millisecond)
		for _, login := range []string{"anna", anna.Email, "ben", "nobody", "nobody@example.org", "\x00"} {
			_, err := w.Chat.LogIn(t.Context(), there, login, chattest.Password)
			refused(t, err, chat.KindUnavailable, chat.CodeBusy)
		}
	})

	t.Run("who is logged in goes before those who are not yet", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Limits())
		anna := w.Person(t, "Anna")
		var mu sync.Mutex
		var compared []string
		w.Chat.OnCompare(func(hash string) {
			mu.Lock()
			defer mu.Unlock()
			compared = append(compared, hash)
		})
		release := w.Chat.HoldHashing(time.Minute)
		const crowd = 5
		var all sync.WaitGroup
		for i := range crowd {
			all.Go(func() {
				_, err := w.Chat.LogIn(t.Context(), chat.Origin{Address: fmt.Sprint(i)}, "nobody", "wrong")
				refused(t, err, chat.KindInvalid, chat.CodeLogin)
			})
		}
		awaitWaiting(t, w, 0, crowd)
		changed := later(func() error { return w.Chat.ChangePassword(t.Context(), anna, chattest.Password, newPassword) })
		awaitWaiting(t, w, 1, crowd)
		release()
		must(t, <-changed)
		all.Wait()
		if i := slices.Index(compared, anna.PasswordHash); i != 0 {
			t.Errorf("number %d was hers", i)
		}
	})
}

// awaitWaiting returns once so many wait for a password to be hashed.
func awaitWaiting(t *testing.T, w *chattest.World, known, others int) {
	t.Helper()
	tick, over := time.NewTicker(time.Millisecond), time.After(20*time.Second)
	defer tick.Stop()
	for {
		k, o := w.Chat.Waiting()
		if k == known && o == others {
			return
		}
		select {
		case <-tick.C:
		case <-over:
			t.Fatalf("%d and %d wait", k, o)
		}
	}
}
