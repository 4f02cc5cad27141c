//go:build unix

package chat_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"parley/chat"
	"parley/chat/chattest"
)

// receipts are those of one author; nothing where the author sees none.
func receipts(t *testing.T, w *chattest.World, author chat.Viewer, id chat.ID) []chat.ReceiptRun {
	t.Helper()
	asked := chat.Authorship{ConversationID: id, PersonID: author.ID}
	all := value[map[chat.Authorship]chat.Receipts](t)(w.Chat.ReceiptsOf(t.Context(), []chat.Authorship{asked}))
	return all[asked].Runs
}

// painted are the receipts in the author's page.
func painted(t *testing.T, w *chattest.World, author chat.Viewer, id chat.ID) map[int64]chat.Receipt {
	t.Helper()
	return value[chat.ConversationPage](t)(w.Chat.OpenConversation(t.Context(), author, id, chat.Place{})).Receipts
}

func got(t *testing.T, w *chattest.World, viewer chat.Viewer, id chat.ID, delivered, read int64) {
	t.Helper()
	must(t, w.Chat.SavePositions(t.Context(), []chat.Position{{PersonID: viewer.ID, ConversationID: id, Delivered: delivered, Read: read}}))
}

func hide(t *testing.T, w *chattest.World, viewer chat.Viewer, hides bool) {
	t.Helper()
	must(t, w.Chat.SavePreferences(t.Context(), viewer, chat.Preferences{TimeZone: "UTC", Theme: chat.ThemeAuto, HidesReceipts: hides}))
}

func run(seq int64, delivered, read, of int) chat.ReceiptRun {
	return chat.ReceiptRun{Seq: seq, Receipt: chat.Receipt{Delivered: delivered, Read: read, Of: of}}
}

func TestReceipts(t *testing.T) {
	t.Parallel()

	t.Run("an author's message is stored, reaches a device, and is read", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		id := w.Direct(t, anna, ben)
		if runs := receipts(t, w, anna, id); runs != nil {
			t.Errorf("of nothing there is %v", runs)
		}
		for range 3 {
			w.Say(t, anna, id, "x")
		}
		for _, c := range []struct {
			delivered, read int64
			want            []chat.ReceiptRun
		}{
			{0, 0, []chat.ReceiptRun{run(3, 0, 0, 1)}},
			{2, 0, []chat.ReceiptRun{run(2, 1, 0, 1), run(3, 0, 0, 1)}},
			{3, 1, []chat.ReceiptRun{run(1, 1, 1, 1), run(3, 1, 0, 1)}},
			{0, 3, []chat.ReceiptRun{run(3, 1, 1, 1)}},
		} {
			got(t, w, ben, id, c.delivered, c.read)
			if runs := receipts(t, w, anna, id); !slices.Equal(runs, c.want) {
				t.Errorf("after %d, %d: %v, not %v", c.delivered, c.read, runs, c.want)
			}
		}
		if page := painted(t, w, anna, id); len(page) != 3 || page[3] != (chat.Receipt{Delivered: 1, Read: 1, Of: 1}) {
			t.Errorf("the page has %v", page)
		}
	})

	t.Run("only the author sees them, and only of the author's own messages", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben, cleo, eve := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Cleo"), w.Person(t, "Eve")
		id := w.Group(t, "Garden", anna, ben, cleo)
		w.Say(t, anna, id, "1")
		for range 3 {
			w.Say(t, ben, id, "2 to 4")
		}
		w.Say(t, anna, id, "5")
		got(t, w, cleo, id, 0, 3) // among Ben's messages
		if runs := receipts(t, w, anna, id); !slices.Equal(runs, []chat.ReceiptRun{run(1, 1, 1, 2), run(5, 0, 0, 2)}) {
			t.Errorf("Anna learns %v", runs)
		}
		if runs := receipts(t, w, ben, id); !slices.Equal(runs, []chat.ReceiptRun{run(3, 1, 1, 2), run(4, 0, 0, 2)}) {
			t.Errorf("Ben learns %v", runs)
		}
		for name, outsider := range map[string]chat.Viewer{"who has written nothing": cleo, "a stranger": eve} {
			if runs := receipts(t, w, outsider, id); len(runs) > 0 {
				t.Errorf("%s learns %v", name, runs)
			}
		}
		if page := painted(t, w, cleo, id); len(page) > 0 {
			t.Errorf("who has written nothing is shown %v", page)
		}
		if page := painted(t, w, ben, id); len(page) != 2 {
			t.Errorf("the author is shown %v", page)
		}
		w.Remove(t, id, ben)
		if runs, page := receipts(t, w, ben, id), painted(t, w, ben, id); len(runs)+len(page) > 0 {
			t.Errorf("a former member learns %v, %v", runs, page)
		}
	})

	t.Run("who came later, left, or shows none is in neither number", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben, cleo, dora := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Cleo"), w.Person(t, "Dora")
		id := value[chat.ID](t)(w.Chat.CreateGroup(t.Context(), anna, chat.GroupSettings{Name: "Garden"}, []chat.ID{ben.ID, cleo.ID}))
		first := w.Say(t, anna, id, "x")
		must(t, w.Chat.AddMembers(t.Context(), anna, id, []chat.ID{dora.ID}))
		last := w.Say(t, anna, id, "x")
		for _, reader := range []chat.Viewer{ben, cleo, dora} {
			got(t, w, reader, id, 0, last.Seq)
		}
		check := func(about string, want ...chat.ReceiptRun) {
			t.Helper()
			if runs := receipts(t, w, anna, id); !slices.Equal(runs, want) {
				t.Errorf("%s: %v, not %v", about, runs, want)
			}
			for _, run := range want {
				if page := painted(t, w, anna, id); page[run.Seq] != run.Receipt {
					t.Errorf("%s: the page has %v, not %v", about, page, want)
				}
			}
		}
		check("all of them", run(first.Seq, 2, 2, 2), run(last.Seq, 3, 3, 3))
		hide(t, w, ben, true)
		check("without Ben, who hides", run(first.Seq, 1, 1, 1), run(last.Seq, 2, 2, 2))
		hide(t, w, ben, false)
		check("with Ben again", run(first.Seq, 2, 2, 2), run(last.Seq, 3, 3, 3))
		must(t, w.Chat.RemoveMember(t.Context(), anna, id, cleo.ID))
		check("without Cleo, who was removed", run(first.Seq, 1, 1, 1), run(last.Seq, 2, 2, 2))
		must(t, w.Chat.AddMembers(t.Context(), anna, id, []chat.ID{cleo.ID}))
		check("Cleo came back after it", run(first.Seq, 1, 1, 1), run(last.Seq, 2, 2, 2))
		hide(t, w, anna, true)
		if runs, page := receipts(t, w, anna, id), painted(t, w, anna, id); len(runs)+len(page) > 0 {
			t.Errorf("who shows none sees %v, %v", runs, page)
		}
	})

	t.Run("what is read while they are off moves nothing for others, and does once they are on", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		id := w.Direct(t, anna, ben)
		w.Say(t, anna, id, "x")
		w.Say(t, anna, id, "x")
		hide(t, w, ben, true)
		w.Heard()
		got(t, w, ben, id, 1, 1)
		if p := positions(t, w, ben, id); p != [3]int64{1, 0, 0} {
			t.Errorf("the counters are %v", p)
		}
		for _, event := range w.Heard() {
			if e, ok := event.(chat.ReceiptsMoved); ok {
				t.Errorf("heard %v", e)
			}
		}
		hide(t, w, ben, false)
		if runs := receipts(t, w, anna, id); !slices.Equal(runs, []chat.ReceiptRun{run(2, 0, 0, 1)}) {
			t.Errorf("switched on, it is %v", runs)
		}
		got(t, w, ben, id, 2, 2)
		if runs := receipts(t, w, anna, id); !slices.Equal(runs, []chat.ReceiptRun{run(2, 1, 1, 1)}) {
			t.Errorf("read, it is %v", runs)
		}
	})

	t.Run("whoever hides or shows them is announced, and nobody who leaves it", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna := w.Person(t, "Anna")
		for i, hides := range []bool{false, true, true, false} {
			w.Heard()
			hide(t, w, anna, hides)
			announced := slices.Contains(w.Heard(), chat.Event(chat.ReceiptsChosen{PersonID: anna.ID}))
			if want := i == 1 || i == 3; announced != want {
				t.Errorf("%d: announced is %v", i, announced)
			}
		}
		if p := value[chat.Preferences](t)(w.Chat.Preferences(t.Context(), anna.ID)); p.HidesReceipts {
			t.Error("still hidden")
		}
	})

	t.Run("conversations in which something moved for others are announced once", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben, cleo := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Cleo")
		id := w.Group(t, "Garden", anna, ben, cleo)
		w.Say(t, anna, id, "x")
		w.Heard()
		both := []chat.Position{{PersonID: ben.ID, ConversationID: id, Delivered: 1}, {PersonID: cleo.ID, ConversationID: id, Read: 1}}
		moved := func(positions ...chat.Position) (found, by []chat.ID) {
			t.Helper()
			must(t, w.Chat.SavePositions(t.Context(), positions))
			for _, event := range w.Heard() {
				if e, ok := event.(chat.ReceiptsMoved); ok {
					found, by = append(found, e.Conversations...), append(by, e.By...)
				}
			}
			return found, by
		}
		if ids, by := moved(both...); !slices.Equal(ids, []chat.ID{id}) || !slices.Equal(by, []chat.ID{{}}) {
			t.Errorf("heard of %v by %v", ids, by)
		}
		if ids, _ := moved(both...); len(ids) > 0 {
			t.Errorf("nothing moved, heard of %v", ids)
		}
		if ids, by := moved(chat.Position{PersonID: ben.ID, ConversationID: id, Read: 1}); !slices.Equal(ids, []chat.ID{id}) || !slices.Equal(by, []chat.ID{ben.ID}) {
			t.Errorf("heard of %v by %v", ids, by)
		}
	})

	t.Run("a group of more than twenty keeps what was read and not what was delivered", func(t *testing.T) {
		t.Parallel()
		for _, size := range []int{chat.MaxDelivered, chat.MaxDelivered + 1} {
			w := chattest.New(t)
			people := make([]chat.Viewer, size)
			for n := range people {
				people[n] = w.Person(t, "")
			}
			id := w.Group(t, "Crowd", people...)
			w.Say(t, people[0], id, "x")
			got(t, w, people[1], id, 1, 0)
			got(t, w, people[2], id, 0, 1)
			delivered := 2
			if size > chat.MaxDelivered {
				delivered = 1
			}
			if runs := receipts(t, w, people[0], id); !slices.Equal(runs, []chat.ReceiptRun{run(1, delivered, 1, size-1)}) {
				t.Errorf("of %d it is %v", size, runs)
			}
			if p := positions(t, w, people[1], id); (p[1] == 1) != (size <= chat.MaxDelivered) {
				t.Errorf("of %d the counters are %v", size, p)
			}
		}
	})

	t.Run("what is deleted and what the system says have none", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		id := w.Group(t, "Garden", anna, ben)
		for range 3 {
			w.Say(t, anna, id, "x")
		}
		got(t, w, ben, id, 0, 3)
		if page := painted(t, w, anna, id); len(page) != 3 {
			t.Fatalf("premise: %v", page)
		}
		w.Exec(t, "UPDATE messages SET deleted_at = now() WHERE seq = 3")
		w.Exec(t, "UPDATE messages SET kind = 'system', event = '{}' WHERE seq = 2")
		if runs := receipts(t, w, anna, id); !slices.Equal(runs, []chat.ReceiptRun{run(1, 1, 1, 1)}) {
			t.Errorf("got %v", runs)
		}
		if page := painted(t, w, anna, id); len(page) != 1 {
			t.Errorf("the page has %v", page)
		}
	})
}

// TestReceiptsAgree compares what is counted from places, what the page's statement counts, and what counting one by one
// says, in histories made by chance.
func TestReceiptsAgree(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 1))
			w := chattest.New(t)
			size := []int{2, 3, 5, 8, chat.MaxDelivered + 2, chat.MaxDelivered}[seed]
			people := make([]chat.Viewer, size)
			for n := range people {
				people[n] = w.Person(t, "")
			}
			id := w.Group(t, "Chance", people...)
			var mine []int64
			for range 40 {
				author := people[r.IntN(min(size, 3))]
				if m := w.Say(t, author, id, "x"); author.ID == people[0].ID {
					mine = append(mine, m.Seq)
				}
			}
			places := map[chat.ID][3]int64{}
			for _, p := range people[1:] {
				joined := r.Int64N(20)
				read := joined + r.Int64N(41-joined)
				delivered := read + r.Int64N(41-read)
				w.Exec(t, "UPDATE members SET joined_seq = $1, read_seq = $2, delivered_seq = $3 WHERE person_id = $4", joined, read, delivered, p.ID)
				if size > chat.MaxDelivered {
					delivered = read
				}
				places[p.ID] = [3]int64{joined, delivered, read}
			}
			page, runs := painted(t, w, people[0], id), receipts(t, w, people[0], id)
			for _, seq := range mine {
				var want chat.Receipt
				for _, p := range places {
					if p[0] < seq {
						want.Of++
						want.Delivered += int(min(1, max(0, p[1]-seq+1)))
						want.Read += int(min(1, max(0, p[2]-seq+1)))
					}
				}
				at := slices.IndexFunc(runs, func(r chat.ReceiptRun) bool { return r.Seq >= seq })
				if at < 0 || runs[at].Receipt != want {
					t.Errorf("message %d: the runs %v say %d, it is %v", seq, runs, at, want)
				}
				if want.Delivered > 0 && page[seq] != want || want.Delivered == 0 && page[seq] != (chat.Receipt{}) {
					t.Errorf("message %d: the page says %v, it is %v", seq, page[seq], want)
				}
			}
		})
	}
}

func TestReceiptsOfWhoHidesPresence(t *testing.T) {
	t.Parallel()
	everybody, shared := chat.CircleEverybody, chat.CircleShared
	for about, c := range map[string]struct {
		chat.PresenceChoices
		hides bool // what is delivered from now on
		drops bool // and what was before: otherwise it would tell when somebody became invisible
	}{
		"nobody sees when they are there": {chat.PresenceChoices{Presence: chat.CircleNobody, LastSeen: everybody}, true, true},
		"they are invisible":              {chat.PresenceChoices{Presence: everybody, LastSeen: everybody, Invisible: true}, true, false},
		"some see when they are there":    {chat.PresenceChoices{Presence: shared, LastSeen: chat.CircleNobody}, false, false},
	} {
		t.Run("where "+about, func(t *testing.T) {
			t.Parallel()
			w := chattest.New(t)
			anna, ben, cleo := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Cleo")
			id := w.Group(t, "Garden", anna, ben, cleo)
			last := chat.Message{}
			for range 3 {
				last = w.Say(t, anna, id, "x")
			}
			check := func(about string, runs []chat.ReceiptRun, state chat.ReceiverState) {
				t.Helper()
				if got := receipts(t, w, anna, id); !slices.Equal(got, runs) {
					t.Errorf("%s: %v, not %v", about, got, runs)
				}
				for _, run := range runs {
					if page := painted(t, w, anna, id); run.Delivered > 0 && page[run.Seq] != run.Receipt || run.Delivered == 0 && page[run.Seq] != (chat.Receipt{}) {
						t.Errorf("%s: the page has %v, not %v", about, page, runs)
					}
				}
				page := value[chat.ReceiversPage](t)(w.Chat.Receivers(t.Context(), anna, id, last.ID, ""))
				if !slices.Contains(page.People, chat.Receiver{Card: ben.Card, State: state}) || page.Receipt != runs[len(runs)-1].Receipt {
					t.Errorf("%s: the list has %+v", about, page)
				}
			}
			delivered := []chat.ReceiptRun{run(1, 1, 1, 2), run(3, 1, 0, 2)}
			readAlone := []chat.ReceiptRun{run(1, 1, 1, 2), run(3, 0, 0, 2)}
			state := func(drops bool) ([]chat.ReceiptRun, chat.ReceiverState) {
				if drops {
					return readAlone, chat.ReceiverWaiting
				}
				return delivered, chat.ReceiverReached
			}
			marks := func() chat.ReceiptMark {
				return value[map[chat.ID]chat.ReceiptMark](t)(w.Chat.ReceiptMarks(t.Context(), []chat.ID{id}))[id]
			}
			stored := func() int64 {
				return chattest.Value[int64](t, w, "SELECT delivered_seq FROM members WHERE person_id = $1 AND conversation_id = $2", ben.ID, id)
			}

			got(t, w, ben, id, 2, 1)
			got(t, w, ben, id, 3, 1)
			check("before", delivered, chat.ReceiverReached)
			before := marks()
			must(t, w.Chat.SavePresenceChoices(t.Context(), ben, c.PresenceChoices))
			runs, is := state(c.drops)
			check("what was stored", runs, is)
			if moved := marks() != before; moved != c.drops {
				t.Errorf("the sweep finds it: %v", moved)
			}
			last = w.Say(t, anna, id, "x")
			w.Heard()
			got(t, w, ben, id, 4, 1)
			if kept := stored() == 4; kept == c.hides {
				t.Errorf("stored is %d", stored())
			}
			got(t, w, ben, id, 4, 4)
			check("what is read counts", []chat.ReceiptRun{run(4, 1, 1, 2)}, chat.ReceiverRead)

			last = w.Say(t, anna, id, "x")
			got(t, w, ben, id, 5, 4)
			must(t, w.Chat.SavePresenceChoices(t.Context(), ben, chat.PresenceChoices{Presence: shared, LastSeen: shared}))
			if c.hides {
				check("shown again, it was not kept", []chat.ReceiptRun{run(4, 1, 1, 2), run(5, 0, 0, 2)}, chat.ReceiverWaiting)
			}
			got(t, w, ben, id, 5, 4)
			check("shown again", []chat.ReceiptRun{run(4, 1, 1, 2), run(5, 1, 0, 2)}, chat.ReceiverReached)
		})
	}
}

func TestReceivers(t *testing.T) {
	t.Parallel()

	t.Run("the author learns who has read, whom it has reached and who waits, by name", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben, cleo, dora, hugo := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Cleo"), w.Person(t, "Dora"), w.Person(t, "Hugo")
		id := w.Group(t, "Garden", anna, ben, cleo, dora, hugo)
		m := w.Say(t, anna, id, "x")
		got(t, w, dora, id, 0, 1)
		got(t, w, cleo, id, 1, 0)
		got(t, w, hugo, id, 1, 1)
		hide(t, w, hugo, true)
		page := value[chat.ReceiversPage](t)(w.Chat.Receivers(t.Context(), anna, id, m.ID, ""))
		want := []chat.Receiver{{Card: dora.Card, State: chat.ReceiverRead}, {Card: cleo.Card, State: chat.ReceiverReached}, {Card: ben.Card, State: chat.ReceiverWaiting}}
		if !slices.Equal(page.People, want) || page.Receipt != (chat.Receipt{Delivered: 2, Read: 1, Of: 3}) || page.Next != "" || page.Hidden {
			t.Errorf("got %+v", page)
		}
		hide(t, w, anna, true)
		page = value[chat.ReceiversPage](t)(w.Chat.Receivers(t.Context(), anna, id, m.ID, ""))
		if !page.Hidden || len(page.People) > 0 || page.Receipt != (chat.Receipt{}) {
			t.Errorf("who hides gets %+v", page)
		}
	})

	t.Run("nobody else learns anything, not even that there is something to learn", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben, eve := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Eve")
		id, other := w.Group(t, "Garden", anna, ben), w.Group(t, "Other", anna, ben)
		m := w.Say(t, anna, id, "x")
		value[chat.ReceiversPage](t)(w.Chat.Receivers(t.Context(), anna, id, m.ID, ""))
		for _, viewer := range []chat.Viewer{ben, eve} {
			_, err := w.Chat.Receivers(t.Context(), viewer, id, m.ID, "")
			notFound(t, err)
		}
		_, err := w.Chat.Receivers(t.Context(), anna, other, m.ID, "")
		notFound(t, err)
		w.Remove(t, id, anna)
		_, err = w.Chat.Receivers(t.Context(), anna, id, m.ID, "")
		notFound(t, err)
	})

	t.Run("names come fifty at a time", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		people := []chat.Viewer{w.Person(t, "Anna")}
		for n := range 60 {
			people = append(people, w.Person(t, fmt.Sprintf("Reader %02d", 60-n)))
		}
		id := w.Group(t, "Crowd", people...)
		m := w.Say(t, people[0], id, "x")
		for _, p := range people[11:] {
			got(t, w, p, id, 0, 1)
		}
		first := value[chat.ReceiversPage](t)(w.Chat.Receivers(t.Context(), people[0], id, m.ID, ""))
		if len(first.People) != chat.ReceiversPerPage || first.Next == "" || !first.Large {
			t.Fatalf("%d names, next %q", len(first.People), first.Next)
		}
		second := value[chat.ReceiversPage](t)(w.Chat.Receivers(t.Context(), people[0], id, m.ID, first.Next))
		all := slices.Concat(first.People, second.People)
		if len(all) != 60 || second.Next != "" || second.Receipt != (chat.Receipt{Delivered: 50, Read: 50, Of: 60}) {
			t.Fatalf("%d names, %+v", len(all), second.Receipt)
		}
		for n, p := range all {
			if wantState := chat.ReceiverState(2 * (n / 50)); p.State != wantState {
				t.Errorf("%d: %s is %v", n, p.DisplayName, p.State)
			}
		}
		if all[0].DisplayName != "Reader 01" || all[50].DisplayName != "Reader 51" {
			t.Errorf("the order is %s … %s", all[0].DisplayName, all[50].DisplayName)
		}
	})
}

func TestMarkUnread(t *testing.T) {
	t.Parallel()
	w := chattest.New(t)
	anna, ben, eve := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Eve")
	id := w.Group(t, "Garden", anna, ben)
	for range 5 {
		w.Say(t, ben, id, "x")
	}
	got(t, w, anna, id, 0, 5)
	w.Heard()
	must(t, w.Chat.MarkUnread(t.Context(), anna, id, 3))
	if p := positions(t, w, anna, id); p != [3]int64{2, 5, 5} {
		t.Errorf("the counters are %v", p)
	}
	if n := unread(t, w, anna, id); n != 3 {
		t.Errorf("%d are unread", n)
	}
	heard := w.Heard()
	if len(heard) != 1 {
		t.Fatalf("heard %v", heard)
	}
	if e := heard[0].(chat.PositionsMoved); e.PersonID != anna.ID || !slices.Equal(e.Conversations, []chat.ID{id}) {
		t.Errorf("heard %v", e)
	}
	if runs := receipts(t, w, ben, id); !slices.Equal(runs, []chat.ReceiptRun{run(5, 1, 1, 1)}) {
		t.Errorf("for others it went back: %v", runs)
	}

	says := func(read int64, marks *int64) [3]int64 {
		t.Helper()
		must(t, w.Chat.SavePositions(t.Context(), []chat.Position{{PersonID: anna.ID, ConversationID: id, Read: read, Marks: marks}}))
		return positions(t, w, anna, id)
	}
	before, now := int64(0), int64(1)
	if p := says(5, &before); p != [3]int64{2, 5, 5} {
		t.Errorf("a page that has not heard of the mark undid it: %v", p)
	}
	if p := says(4, &now); p != [3]int64{4, 5, 5} {
		t.Errorf("a page that has heard of it moved nothing: %v", p)
	}
	must(t, w.Chat.MarkUnread(t.Context(), anna, id, 5)) // all of it is unread from further up already
	must(t, w.Chat.MarkUnread(t.Context(), anna, id, -7))
	if p := positions(t, w, anna, id); p != [3]int64{0, 5, 5} {
		t.Errorf("the counters are %v", p)
	}
	must(t, w.Chat.MarkRead(t.Context(), anna, chat.Position{ConversationID: id, Read: 5})) // by a form, which is never behind
	if p := positions(t, w, anna, id); p != [3]int64{5, 5, 5} {
		t.Errorf("the counters are %v", p)
	}
	notFound(t, w.Chat.MarkUnread(t.Context(), eve, id, 1))
	w.Remove(t, id, anna)
	notFound(t, w.Chat.MarkUnread(t.Context(), anna, id, 1))
	if p := positions(t, w, ben, id); p != [3]int64{} {
		t.Errorf("the other's moved: %v", p)
	}
}
