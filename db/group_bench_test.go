//go:build unix

package db_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"parley/chat"
	"parley/chat/chattest"
)

// BenchmarkGroup measures how the size of a group shows in what people do with it: the large one should cost no more than
// three times what the small one does.
//
//	go test ./db -run '^$' -bench BenchmarkGroup -benchtime 500x -v
func BenchmarkGroup(b *testing.B) {
	for _, people := range []int{3000, 20_000} {
		b.Run(fmt.Sprintf("%d people", people), func(b *testing.B) { benchmarkGroup(b, people) })
	}
}

func benchmarkGroup(b *testing.B, people int) {
	medians := map[string][2]time.Duration{} // of the small group and of the large one
	var names []string
	for size, n := range []int{20, chat.MaxGroupMembers} {
		w := chattest.New(b)
		owner, guest := w.Person(b, "Owner"), w.Person(b, "Guest")
		id := crowded(b, w, owner, people, n)
		ctx := b.Context()
		measure := func(name string, do, undo func() error) {
			if size == 0 {
				names = append(names, name)
			}
			b.Run(fmt.Sprintf("%s, %d", name, n), func(b *testing.B) {
				var took []time.Duration
				for range b.N {
					started := time.Now()
					err := do()
					took = append(took, time.Since(started))
					if err == nil {
						b.StopTimer()
						err = undo()
						b.StartTimer()
					}
					if err != nil {
						b.Fatal(err)
					}
				}
				slices.Sort(took)
				both := medians[name]
				both[size] = took[len(took)/2]
				medians[name] = both
				b.ReportMetric(float64(both[size].Nanoseconds()), "ns/median")
			})
		}
		nothing := func() error { return nil }
		measure("opening", func() error {
			if _, err := w.Chat.OpenConversation(ctx, owner, id, chat.Place{}); err != nil {
				return err
			}
			return second(w.Chat.Details(ctx, owner, id))
		}, nothing)
		measure("listing the members", func() error { return second(w.Chat.Members(ctx, owner, id, "", "")) }, nothing)
		measure("looking for a member", func() error { return second(w.Chat.Members(ctx, owner, id, "person 1", "")) }, nothing)
		measure("adding somebody", func() error {
			return w.Chat.AddMembers(ctx, owner, id, []chat.ID{guest.ID})
		}, func() error {
			return w.Chat.RemoveMember(ctx, owner, id, guest.ID)
		})
	}
	for _, name := range names {
		small, large := medians[name][0], medians[name][1]
		b.Logf("%-22s %8v of 20, %8v of 2,000: %.1f times", name, small.Round(time.Microsecond), large.Round(time.Microsecond), float64(large)/float64(small))
	}
}

// crowded is a group of one less than n among so many people, in which others have written 200 messages that its owner has
// not read.
func crowded(b testing.TB, w *chattest.World, owner chat.Viewer, people, n int) chat.ID {
	b.Helper()
	w.Exec(b, `
		INSERT INTO people (id, username, display_name, password_hash)
		SELECT md5('p' || n)::uuid, 'person' || n, 'Person ' || md5('n' || n), '' FROM generate_series(1, $1::int) n`, people)
	id, err := w.Chat.CreateGroup(b.Context(), owner, chat.GroupSettings{Name: "Crowd"}, nil)
	if err != nil {
		b.Fatal(err)
	}
	w.Exec(b, `
		INSERT INTO members (conversation_id, person_id) SELECT $1, md5('p' || n)::uuid FROM generate_series(1, $2::int) n`, id, n-2)
	w.Exec(b, `
		INSERT INTO messages (id, conversation_id, seq, change_seq, author_id, body, client_id, request_hash, created_at, changed_at)
		SELECT gen_random_uuid(), $1, 1 + n, 1 + n, md5('p' || 1 + n % ($2 - 2))::uuid, 'Message ' || n, gen_random_uuid(), '', now(), now()
		FROM generate_series(1, 200) n`, id, n)
	w.Exec(b, "UPDATE conversations SET member_count = $2 - 1, msg_seq = 201, change_seq = 201 WHERE id = $1", id, n)
	for _, table := range []string{"people", "members", "messages", "conversations"} {
		w.Exec(b, "VACUUM ANALYZE "+table)
	}
	return id
}
