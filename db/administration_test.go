//go:build unix

package db_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"parley/chat"
	"parley/chat/chattest"
	"parley/db"
)

// TestUsesOfAnInvitation takes uses by the statement alone, without the lock of the installation that registrations hold.
func TestUsesOfAnInvitation(t *testing.T) {
	t.Parallel()
	const comers, uses = 20, 3
	set := func(t *testing.T) (*chattest.World, []byte) {
		w := chattest.New(t, chattest.Database(db.Options{MaxConns: comers}))
		hash := []byte("the hash of a link")
		_, _, err := w.Store.InsertInvitation(t.Context(), chat.Invitation{ID: chat.NewID(), By: w.Person(t, "Boss").Card, MaxUses: uses}, hash, time.Hour)
		must(t, err)
		return w, hash
	}
	counted := func(t *testing.T, w *chattest.World, errs []error, want int) {
		t.Helper()
		taken := 0
		for _, err := range errs {
			if err == nil {
				taken++
				continue
			}
			refused(t, err, chat.KindNotFound, chat.CodeInvitationLink)
		}
		if left := chattest.Value[int](t, w, "SELECT uses FROM invitations"); taken != want || left != want {
			t.Errorf("%d taken, %d counted, want %d", taken, left, want)
		}
	}

	t.Run("of twenty at once three get one", func(t *testing.T) {
		t.Parallel()
		w, hash := set(t)
		held := w.Hold(t, "SELECT FROM invitations FOR UPDATE")
		var errs []error
		done := later(func() error {
			errs = together(comers, func(int) error { _, err := w.Store.UseInvitation(t.Context(), hash); return err })
			return nil
		})
		w.AwaitWaiting(t, comers)
		held.Commit()
		<-done
		counted(t, w, errs, uses)
	})

	t.Run("a use that is rolled back is free again for those who waited", func(t *testing.T) {
		t.Parallel()
		w, hash := set(t)
		held := w.Hold(t, "UPDATE invitations SET uses = 3")
		var errs []error
		done := later(func() error {
			errs = together(comers, func(int) error { _, err := w.Store.UseInvitation(t.Context(), hash); return err })
			return nil
		})
		w.AwaitWaiting(t, comers)
		held.Rollback()
		<-done
		counted(t, w, errs, uses)
	})

	t.Run("of two revocations at once one counts", func(t *testing.T) {
		t.Parallel()
		w, _ := set(t)
		id := chattest.Value[chat.ID](t, w, "SELECT id FROM invitations")
		held := w.Hold(t, "UPDATE invitations SET uses = 2")
		results := make([]bool, 2)
		seen := make([]int, 2)
		done := later(func() error {
			return errors.Join(together(2, func(i int) (err error) {
				seen[i], results[i], err = w.Store.RevokeInvitation(t.Context(), id)
				return err
			})...)
		})
		w.AwaitWaiting(t, 2)
		held.Commit()
		must(t, <-done)
		if results[0] == results[1] || seen[0] != 2 || seen[1] != 2 {
			t.Errorf("revoked: %v, used %v", results, seen)
		}
	})

	t.Run("more uses than there are cannot be counted, whoever tries", func(t *testing.T) {
		t.Parallel()
		w, _ := set(t)
		if _, err := w.DB.Pool().Exec(t.Context(), "UPDATE invitations SET uses = 4"); err == nil {
			t.Error("counted")
		}
	})
}

// TestLockOfAdministrators stops at the first row and takes the last one, as TestLockOrder does.
func TestLockOfAdministrators(t *testing.T) {
	t.Parallel()
	w := chattest.New(t)
	var ids []chat.ID
	for range 5 {
		ids = append(ids, w.Administrator(t, "").ID)
	}
	member, moderator, suspended := w.Person(t, ""), w.Person(t, ""), w.Administrator(t, "")
	w.Exec(t, "UPDATE people SET role = 'moderator' WHERE id = $1", moderator.ID)
	w.Exec(t, "UPDATE people SET state = 'suspended' WHERE id = $1", suspended.ID)
	slices.SortFunc(ids, func(a, b chat.ID) int { return slices.Compare(a[:], b[:]) })

	held := w.Hold(t, "UPDATE people SET role = 'member' WHERE id = $1", ids[0])
	results := make([]map[chat.ID]chat.Person, 2)
	done := later(func() error {
		return errors.Join(together(2, func(i int) error {
			return w.Store.InTx(context.WithoutCancel(t.Context()), func(tx chat.Store) (err error) {
				results[i], err = tx.LockAdministrators(t.Context(), [][]chat.ID{{member.ID}, {ids[4], member.ID}}[i]...)
				return err
			})
		})...)
	})
	w.AwaitWaiting(t, 2)
	held.Exec("SELECT FROM people WHERE id = $1 FOR UPDATE", ids[4])
	held.Exec("SELECT FROM people WHERE id = $1 FOR UPDATE", member.ID)
	held.Commit()
	must(t, <-done)
	for _, people := range results {
		// Who ceased to be one meanwhile is not among them.
		if len(people) != 5 || people[member.ID].Role != chat.RoleMember || people[ids[4]].Role != chat.RoleAdministrator {
			t.Errorf("locked %d", len(people))
		}
		for _, id := range []chat.ID{ids[0], moderator.ID, suspended.ID} {
			if _, there := people[id]; there {
				t.Errorf("%v is locked", id)
			}
		}
	}
}
