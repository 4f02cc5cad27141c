//go:build unix

package db_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"parley/chat"
	"parley/chat/chattest"
	"parley/db"
)

const countUp = "UPDATE conversations SET change_seq = change_seq + 1 WHERE id = $1"

// TestSendThatWaits holds what a send needs in another transaction, so that it has to read the locked rows anew.
func TestSendThatWaits(t *testing.T) {
	t.Parallel()

	for name, c := range map[string]struct {
		change string // of the member's row
		code   chat.Code
	}{
		"a removed member's message does not get in":            {"UPDATE members SET until_change = 1 WHERE person_id = $1", chat.CodeClosed},
		"nor one where the conversation was closed":             {"UPDATE members SET closed = true WHERE person_id = $1", chat.CodeClosed},
		"nor one of somebody who was muted":                     {"UPDATE members SET muted_until = now() + interval '1 hour' WHERE person_id = $1", chat.CodeClosed},
		"nor one of somebody whose row is gone":                 {"DELETE FROM members WHERE person_id = $1", chat.CodeNotFound},
		"somebody else's removal does not concern it":           {"UPDATE members SET until_change = 1 WHERE person_id <> $1", ""},
		"positions that moved do not concern it":                {"UPDATE members SET read_seq = 1, unread_from = 1 WHERE person_id = $1", ""},
		"the end of a mute lets it in":                          {"UPDATE members SET muted_until = NULL WHERE person_id = $1", ""},
		"a removal that was undone in the same step lets it in": {"UPDATE members SET until_change = NULL WHERE person_id = $1", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := chattest.New(t)
			anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
			id := w.Group(t, "Garden", ben, anna)
			w.Say(t, anna, id, "before")

			held := w.Hold(t, c.change, anna.ID)
			held.Exec(countUp, id)
			var message chat.Message
			done := later(func() (err error) {
				message, err = w.Store.InsertMessage(t.Context(), draft(anna, id))
				return err
			})
			w.AwaitWaiting(t, 1)
			held.Commit()
			err := <-done
			if c.code != "" {
				refused(t, err, map[chat.Code]chat.Kind{chat.CodeClosed: chat.KindForbidden, chat.CodeNotFound: chat.KindNotFound}[c.code], c.code)
				if got := heads(t, w, id); got != [2]int64{1, 2} {
					t.Errorf("the counters moved: %v", got)
				}
				return
			}
			if err != nil || message.Seq != 2 || message.ChangeSeq != 3 {
				t.Errorf("got %+v, %v", message, err)
			}
		})
	}

	t.Run("a removal that is rolled back lets it in", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna := w.Person(t, "Anna")
		id := w.Direct(t, anna, anna)
		held := w.Hold(t, "UPDATE members SET until_change = 0")
		done := later(func() error { _, err := w.Store.InsertMessage(t.Context(), draft(anna, id)); return err })
		w.AwaitWaiting(t, 1)
		held.Rollback()
		must(t, <-done)
	})

	t.Run("a removal that comes while a send waits for the conversation comes after it", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna := w.Person(t, "Anna")
		id := w.Direct(t, anna, anna)
		held := w.Hold(t, countUp, id)
		var message chat.Message
		sent := later(func() (err error) {
			message, err = w.Store.InsertMessage(t.Context(), draft(anna, id))
			return err
		})
		w.AwaitWaiting(t, 1)
		removed := later(func() error {
			tx, err := w.DB.Conn().Begin(t.Context())
			if err != nil {
				return err
			}
			// The member's row first; where the opposite order were taken by either, this would be a deadlock.
			if _, err = tx.Exec(t.Context(), "UPDATE members SET until_change = 0 WHERE person_id = $1", anna.ID); err != nil {
				return err
			}
			if _, err = tx.Exec(t.Context(), countUp, id); err != nil {
				return err
			}
			return tx.Commit(t.Context())
		})
		w.AwaitWaiting(t, 2)
		held.Commit()
		must(t, <-sent)
		must(t, <-removed)
		if got := heads(t, w, id); message.ChangeSeq != 2 || got != [2]int64{1, 3} {
			t.Errorf("sent at %d, then %v", message.ChangeSeq, got)
		}
	})

	t.Run("of equal sends one is stored, and the others leave no hole", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna := w.Person(t, "Anna")
		id := w.Direct(t, anna, anna)
		n := draft(anna, id)
		held := w.Hold(t, countUp, id)
		var errs []error
		done := later(func() error {
			errs = together(3, func(int) error {
				n := n
				n.ID = chat.NewID()
				_, err := w.Store.InsertMessage(t.Context(), n)
				return err
			})
			return nil
		})
		w.AwaitWaiting(t, 3)
		held.Commit()
		<-done
		stored := slices.Index(errs, nil)
		if stored < 0 {
			t.Fatalf("got %v", errs)
		}
		for i, err := range errs {
			if i != stored {
				refused(t, err, chat.KindConflict, chat.CodeClientIDReused)
			}
		}
		next := value[chat.Message](t)(w.Store.InsertMessage(t.Context(), draft(anna, id)))
		if next.Seq != 2 || next.ChangeSeq != 3 {
			t.Errorf("the next one is %d, %d", next.Seq, next.ChangeSeq)
		}
	})

	t.Run("who waited longest is not stamped before who waited less", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		id := w.Direct(t, anna, ben)
		// A message of the future, as a clock that was put back leaves it.
		held := w.Hold(t, "UPDATE conversations SET last_activity_at = now() + interval '1 hour' WHERE id = $1", id)
		messages := make([]chat.Message, 2)
		done := later(func() error {
			errs := together(2, func(i int) (err error) {
				messages[i], err = w.Store.InsertMessage(t.Context(), draft([]chat.Viewer{anna, ben}[i], id))
				return err
			})
			return errs[0]
		})
		w.AwaitWaiting(t, 2)
		held.Commit()
		must(t, <-done)
		future := chattest.Value[bool](t, w, "SELECT bool_and(created_at > now() + interval '59 minutes') FROM messages")
		if !future || !messages[0].CreatedAt.Equal(messages[1].CreatedAt) {
			t.Errorf("stamped %v and %v", messages[0].CreatedAt, messages[1].CreatedAt)
		}
	})
}

// TestLockOrder stops a statement at the first of its rows and takes the last one: whoever locks in another order than
// that of the keys holds the last one already, and both wait for each other. The rows were made in the opposite order.
func TestLockOrder(t *testing.T) {
	t.Parallel()
	descending := func(n int) (ids []chat.ID) {
		for range n {
			ids = append(ids, chat.NewID())
		}
		slices.SortFunc(ids, func(a, b chat.ID) int { return slices.Compare(b[:], a[:]) })
		return ids
	}

	t.Run("positions", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		ids := descending(5)
		var asked []chat.Position
		for _, id := range ids {
			w.Exec(t, "INSERT INTO conversations (id, kind, created_by, msg_seq) VALUES ($1, 'group', $2, 20)", id, anna.ID)
			for _, viewer := range []chat.Viewer{ben, anna} {
				w.Exec(t, "INSERT INTO members (conversation_id, person_id) VALUES ($1, $2)", id, viewer.ID)
				asked = append(asked, chat.Position{PersonID: viewer.ID, ConversationID: id, Read: 20})
			}
		}
		held := w.Hold(t, "SELECT FROM members WHERE conversation_id = $1 AND person_id = $2 FOR UPDATE", ids[4], anna.ID)
		results := make([][]chat.Move, 2)
		done := later(func() error {
			opposite := slices.Clone(asked)
			slices.Reverse(opposite)
			return errors.Join(together(2, func(i int) (err error) {
				results[i], _, err = w.Store.UpdatePositions(t.Context(), [][]chat.Position{asked, opposite}[i])
				return err
			})...)
		})
		w.AwaitWaiting(t, 2)
		held.Exec("SELECT FROM members WHERE conversation_id = $1 AND person_id = $2 FOR UPDATE", ids[0], ben.ID)
		held.Commit()
		must(t, <-done)
		if n := len(results[0]) + len(results[1]); n != len(asked) {
			t.Errorf("%d moved", n)
		}
	})

	t.Run("the members of a group", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		ids := descending(5)
		for _, id := range ids {
			p := newcomer()
			p.ID = id
			must(t, w.Store.InsertPerson(t.Context(), p))
		}
		group := w.Group(t, "Garden", w.Person(t, "Anna"))
		for _, id := range ids {
			w.Exec(t, "INSERT INTO members (conversation_id, person_id) VALUES ($1, $2)", group, id)
		}
		held := w.Hold(t, "SELECT FROM members WHERE person_id = $1 FOR UPDATE", ids[4])
		groups := make([]chat.LockedGroup, 2)
		done := later(func() error {
			opposite := slices.Clone(ids)
			slices.Reverse(opposite)
			return errors.Join(together(2, func(i int) error {
				return w.Store.InTx(t.Context(), func(tx chat.Store) (err error) {
					groups[i], err = tx.LockGroup(t.Context(), group, append([][]chat.ID{ids, opposite}[i], ids[2], ids[2]))
					return err
				})
			})...)
		})
		w.AwaitWaiting(t, 2)
		held.Exec("SELECT FROM members WHERE person_id = $1 FOR UPDATE", ids[0])
		held.Exec("SELECT FROM conversations FOR UPDATE") // the group comes last
		held.Exec("UPDATE members SET role = 'administrator' WHERE person_id = $1", ids[0])
		held.Commit()
		must(t, <-done)
		for _, g := range groups {
			if len(g.Members) != 5 || g.Members[ids[0]] != chat.MemberAdministrator || g.Members[ids[4]] != chat.MemberPlain || g.GroupSettings.Name != "Garden" {
				t.Errorf("got %+v", g)
			}
		}
	})

	t.Run("view counters", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		ids := descending(5)
		for _, id := range ids {
			p := newcomer()
			p.ID = id
			must(t, w.Store.InsertPerson(t.Context(), p))
		}
		held := w.Hold(t, "UPDATE people SET view_seq = 10 WHERE id = $1", ids[4])
		results := make([][]chat.PersonChanged, 2)
		done := later(func() error {
			opposite := slices.Clone(ids)
			slices.Reverse(opposite)
			return errors.Join(together(2, func(i int) (err error) {
				results[i], err = w.Store.RaiseViewSeq(t.Context(), [][]chat.ID{ids, opposite}[i]...)
				return err
			})...)
		})
		w.AwaitWaiting(t, 2)
		held.Exec("SELECT FROM people WHERE id = $1 FOR UPDATE", ids[0])
		held.Commit()
		must(t, <-done)
		seen := map[chat.PersonChanged]bool{}
		for _, changed := range slices.Concat(results...) {
			seen[changed] = true
		}
		now := value[map[chat.ID]int64](t)(w.Store.ViewSeqs(t.Context(), ids))
		for i, id := range ids {
			want := int64(2)
			if i == 4 {
				want = 12 // what was committed meanwhile is not lost
			}
			if now[id] != want || !seen[chat.PersonChanged{PersonID: id, ViewSeq: want}] || len(seen) != 10 {
				t.Errorf("%d: %d, told %v", i, now[id], seen)
			}
		}
	})
}

// TestStorm lets everything happen at once that takes the locks of members and conversations.
func TestStorm(t *testing.T) {
	t.Parallel()
	w := chattest.New(t, chattest.Database(db.Options{MaxConns: 12}))
	var people []chat.Viewer
	for range 6 {
		people = append(people, w.Person(t, ""))
	}
	conversations := []chat.ID{}
	for range 6 {
		conversations = append(conversations, w.Group(t, "", people...))
	}
	hot := conversations[0]
	pick := func() chat.ID {
		if rand.IntN(2) == 0 {
			return hot
		}
		return conversations[rand.IntN(len(conversations))]
	}
	ctx := t.Context()

	var mu sync.Mutex
	removals := map[chat.ID][]int64{} // the changes that removals and returns counted
	var sent, refusals atomic.Int64
	send := func(i int) error {
		for range 40 {
			_, err := w.Store.InsertMessage(ctx, draft(people[i%len(people)], pick()))
			switch {
			case err == nil:
				sent.Add(1)
			case chat.CodeOf(err) == chat.CodeClosed:
				refusals.Add(1)
			default:
				return err
			}
		}
		return nil
	}
	move := func(int) error {
		for n := range 30 {
			var positions []chat.Position
			for _, p := range rand.Perm(len(people) * len(conversations))[:12] {
				positions = append(positions, chat.Position{
					PersonID: people[p%len(people)].ID, ConversationID: conversations[p/len(people)], Delivered: int64(n * 4), Read: int64(n * 3),
				})
			}
			if _, _, err := w.Store.UpdatePositions(ctx, positions); err != nil {
				return err
			}
		}
		return nil
	}
	remove := func(int) error {
		conn := w.DB.Conn()
		for range 30 {
			id, person := pick(), people[rand.IntN(len(people))]
			tx, err := conn.Begin(ctx)
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `
				UPDATE members SET until_change = CASE WHEN until_change IS NULL THEN 1000000 END
				WHERE conversation_id = $1 AND person_id = $2`, id, person.ID); err != nil {
				return err
			}
			var change int64
			if err := tx.QueryRow(ctx, countUp+" RETURNING change_seq", id).Scan(&change); err != nil {
				return err
			}
			if err := tx.Commit(ctx); err != nil {
				return err
			}
			mu.Lock()
			removals[id] = append(removals[id], change)
			mu.Unlock()
		}
		return nil
	}
	look := func(i int) error {
		for range 20 {
			if _, err := w.Store.RaiseViewSeq(ctx, people[rand.IntN(6)].ID, people[rand.IntN(6)].ID, people[rand.IntN(6)].ID); err != nil {
				return err
			}
			if _, err := w.Store.ConversationPage(ctx, people[i%6].ID, pick(), chat.Place{}, 50); err != nil {
				return err
			}
		}
		return nil
	}
	work := []func(int) error{send, send, send, send, send, send, move, move, remove, remove, look}
	for _, err := range together(len(work), func(i int) error { return work[i](i) }) {
		if err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d messages sent, %d refused", sent.Load(), refusals.Load())
	if sent.Load() == 0 || refusals.Load() == 0 {
		t.Error("premise: nothing sent, or nothing refused")
	}

	for _, id := range conversations {
		all := value[chat.Changes](t)(w.Store.ChangesSince(ctx, id, 0, 1000))
		counted := slices.Clone(removals[id])
		for i, m := range all.Messages {
			counted = append(counted, m.ChangeSeq)
			if m.Seq != int64(i+1) {
				t.Errorf("message %d has seq %d", i+1, m.Seq)
			}
			if i > 0 && m.CreatedAt.Before(all.Messages[i-1].CreatedAt) {
				t.Errorf("message %d is older than the one before", i+1)
			}
		}
		slices.Sort(counted)
		for i, change := range counted {
			if change != int64(i+1) {
				t.Fatalf("change %d of %v is missing or double", i+1, counted)
			}
		}
		if got := heads(t, w, id); got != [2]int64{int64(len(all.Messages)), int64(len(counted))} {
			t.Errorf("counters %v for %d messages and %d changes", got, len(all.Messages), len(counted))
		}
	}
}

// TestPoll follows a conversation while it is written to: nothing may appear behind the cursor.
func TestPoll(t *testing.T) {
	t.Parallel()
	const writers, each = 8, 40
	w := chattest.New(t, chattest.Database(db.Options{MaxConns: writers + 2}))
	var people []chat.Viewer
	for range writers {
		people = append(people, w.Person(t, ""))
	}
	id := w.Group(t, "", people...)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := later(func() error {
		for _, err := range together(writers, func(i int) error {
			for range each {
				if _, err := w.Store.InsertMessage(ctx, draft(people[i], id)); err != nil {
					return err
				}
			}
			return nil
		}) {
			if err != nil {
				return err
			}
		}
		return nil
	})
	var cursor, polls int64
	for writing := true; writing || cursor < writers*each; polls++ {
		select {
		case err := <-done:
			must(t, err)
			writing = false
		default:
		}
		changes := value[chat.Changes](t)(w.Store.ChangesSince(ctx, id, cursor, 7))
		if changes.From != cursor || changes.To < cursor || changes.Head < changes.To {
			t.Fatalf("at %d: %d to %d of %d", cursor, changes.From, changes.To, changes.Head)
		}
		for i, m := range changes.Messages {
			if m.ChangeSeq != cursor+int64(i)+1 || m.Seq != m.ChangeSeq {
				t.Fatalf("behind %d comes %d", cursor, m.ChangeSeq)
			}
		}
		if changes.To != cursor+int64(len(changes.Messages)) {
			t.Fatalf("at %d: %d messages up to %d", cursor, len(changes.Messages), changes.To)
		}
		cursor = changes.To
	}
	t.Logf("%d polls for %d messages", polls, cursor)
	if cursor != writers*each || polls < writers*each/7 {
		t.Errorf("%d messages in %d polls", cursor, polls)
	}
}
