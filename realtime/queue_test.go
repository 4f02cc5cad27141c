package realtime

import (
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"parley/chat"
)

func TestPositionQueue(t *testing.T) {
	t.Parallel()
	q := newPositionQueue()
	person, conversation := chat.NewID(), chat.NewID()
	q.put(chat.Position{PersonID: person, ConversationID: conversation, Delivered: 9, Read: 2})
	q.put(chat.Position{PersonID: person, ConversationID: conversation, Delivered: 5, Read: 4})
	positions := q.take()
	if len(positions) != 1 || positions[0].Delivered != 9 || positions[0].Read != 4 {
		t.Errorf("got %+v", positions)
	}
	if again := q.take(); len(again) != 0 {
		t.Errorf("taken twice: %+v", again)
	}
}

func TestReceiptsAreNotedWhileTheyAreTaken(t *testing.T) {
	t.Parallel()
	q := newReceiptQueue()
	first, second := chat.NewID(), chat.NewID()
	q.note(first)
	taken := make(chan struct{})
	go func() {
		defer close(taken)
		q.take(time.Now(), func(chat.ID) *feed { // a feed that delivers holds its lock meanwhile, and notes
			q.note(second, first)
			return nil
		})
	}()
	select {
	case <-taken:
	case <-time.After(10 * time.Second):
		t.Fatal("the queue waits for a feed that waits for the queue")
	}
	if _, noted := q.noted[second][first]; !noted || len(q.noted) != 1 {
		t.Errorf("noted are %v", q.noted)
	}
}

func TestOutboxBounds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ frame, fit int }{
		"of large frames a mebibyte waits": {100 << 10, 10},
		"of small ones 256":                {10, maxQueueFrames - handedFrames},
	} {
		o := outbox{handed: handedFrames} // as many as melody takes, none of which goes
		fit := 0
		for o.put(make([]byte, c.frame)) {
			fit++
		}
		held := 0
		for _, frame := range o.waiting {
			held += len(frame)
		}
		if fit != c.fit || len(o.waiting) != fit || held != o.bytes || held > maxQueueBytes {
			t.Errorf("%s: %d fit, %d bytes are held, %d are counted", name, fit, held, o.bytes)
		}
	}
}

func TestPositionBounds(t *testing.T) {
	t.Parallel()
	q := newPositionQueue()
	much, little, conversation := chat.NewID(), chat.NewID(), chat.NewID()
	q.put(chat.Position{PersonID: much, ConversationID: conversation, Read: 1})
	for range 2 * positionsWaiting {
		q.put(chat.Position{PersonID: much, ConversationID: chat.NewID(), Read: 1})
	}
	q.put(chat.Position{PersonID: much, ConversationID: conversation, Read: 2}) // it waits already
	for range 3 {
		q.put(chat.Position{PersonID: little, ConversationID: chat.NewID(), Read: 1})
	}
	positions := q.take()
	if len(positions) != positionsWaiting+3 {
		t.Fatalf("%d wait", len(positions))
	}
	for i, p := range positions {
		if (p.PersonID == little) != (i < 3) {
			t.Errorf("number %d is %v", i, p)
		}
		if p.ConversationID == conversation && p.Read != 2 {
			t.Errorf("got %+v", p)
		}
	}
}

func TestAllowances(t *testing.T) {
	t.Parallel()
	a := newAllowances()
	ana, now := chat.NewID(), time.Now()
	mine := a.enter(ana)
	if mine == nil || a.enter(ana) != mine || a.enter(chat.NewID()) == mine {
		t.Fatal("each person has one, for all sockets")
	}
	a.leave(mine)
	if a.forget(now.Add(time.Hour)); a.of[ana] != mine {
		t.Error("one with a socket is forgotten")
	}
	a.leave(mine)
	if a.forget(now); a.of[ana] != mine {
		t.Error("what was taken is forgotten with the last socket")
	}
	opened := 0
	for a.enter(ana) != nil {
		a.leave(mine)
		opened++
	}
	if opened < openBurst-2 || a.of[ana].sockets != 0 {
		t.Errorf("sockets that come and go: %d", opened)
	}
	a.forget(now.Add(time.Hour))
	if _, kept := a.of[ana]; kept {
		t.Error("one that is whole again is kept")
	}
}

func TestRowQueue(t *testing.T) {
	t.Parallel()
	ana, ben, conversation := chat.NewID(), chat.NewID(), chat.NewID()
	var minutes atomic.Int64
	late := func() time.Time { return time.Now().Add(time.Duration(minutes.Add(1)) * time.Minute) } // after any pause

	t.Run("people gather until all are meant, and then all stay meant", func(t *testing.T) {
		t.Parallel()
		q := newRowQueue()
		q.ofPerson(ana, []chat.ID{conversation})
		q.ofPerson(ben, []chat.ID{conversation})
		q.mu.Lock()
		if people := q.batch.conversations[conversation]; len(people) != 2 {
			t.Errorf("audience %v", people)
		}
		q.mu.Unlock()
		q.conversation(conversation)
		q.ofPerson(ana, []chat.ID{conversation})
		if people := q.take(late()).conversations[conversation]; people != nil {
			t.Errorf("audience %v", people)
		}
	})

	t.Run("what is put back waits, for whom it was and whoever has been noted since", func(t *testing.T) {
		t.Parallel()
		q := newRowQueue()
		all := chat.NewID()
		q.ofPerson(ana, []chat.ID{conversation, all})
		q.conversation(all)
		q.whole(ben)
		batch := q.take(late())
		if q.waiting() {
			t.Fatal("still waiting after being taken")
		}
		q.ofPerson(ben, []chat.ID{conversation, all})
		q.putBack(batch)
		again := q.take(late())
		people, ok := again.conversations[conversation]
		if _, noted := people[ana]; !ok || len(people) != 2 || !noted || len(again.wholes) != 1 {
			t.Errorf("got %+v", again)
		}
		if people, ok := again.conversations[all]; !ok || people != nil {
			t.Errorf("not for everybody: %+v", people)
		}
	})

	t.Run("whom a row is for by name is told beside all its members, whichever was noted first", func(t *testing.T) {
		t.Parallel()
		for _, first := range []bool{true, false} {
			q := newRowQueue()
			if first {
				q.ofPerson(ana, []chat.ID{conversation})
			}
			q.conversation(conversation)
			if !first {
				q.ofPerson(ana, []chat.ID{conversation})
			}
			q.putBack(q.take(late()))
			batch := q.take(late())
			_, named := batch.besides[conversation][ana]
			if people, noted := batch.conversations[conversation]; !noted || people != nil || !named {
				t.Errorf("named first %v: got %+v", first, batch)
			}
			if batch = q.take(late()); len(batch.conversations)+len(batch.besides) > 0 {
				t.Errorf("left: %+v", batch)
			}
		}
	})

	t.Run("more than is asked for at once waits for the next time", func(t *testing.T) {
		t.Parallel()
		q := newRowQueue()
		for range rowsAtOnce + 1 {
			q.conversation(chat.NewID())
		}
		for range listsAtOnce + 1 {
			q.whole(chat.NewID())
		}
		for _, want := range [][2]int{{rowsAtOnce, listsAtOnce}, {1, 1}, {0, 0}} {
			if batch := q.take(late()); len(batch.conversations) != want[0] || len(batch.wholes) != want[1] {
				t.Errorf("%d conversations, %d lists, wanted %v", len(batch.conversations), len(batch.wholes), want)
			}
		}
	})
}

func TestStretchBehindTheHead(t *testing.T) {
	t.Parallel()
	// A stretch that was read before somebody newly subscribed moved the head is dropped, not taken for a shorter history.
	f := &feed{hub: New(slog.New(slog.DiscardHandler), Timing{}), subs: map[*subscription]struct{}{}, head: 7, wanted: 9}
	f.deliverLocked(chat.Changes{From: 3, To: 5, Head: 5})
	if f.head != 7 || f.wanted != 9 {
		t.Errorf("head %d, wanted %d", f.head, f.wanted)
	}
	if seq := f.hub.viewSeqOf(chat.NewID()); seq != 0 {
		t.Errorf("somebody without a socket has view %d", seq)
	}
}

func TestRowPause(t *testing.T) {
	t.Parallel()
	q := newRowQueue()
	small, large, now := chat.NewID(), chat.NewID(), time.Now()
	if wait, some := q.next(now); some {
		t.Errorf("nothing has to wait for %v", wait)
	}
	q.conversation(small)
	if wait, some := q.next(now); wait != 0 || !some {
		t.Errorf("the first has to wait for %v", wait)
	}
	q.take(now)
	q.conversation(small)
	q.conversation(large)
	q.hold(large, now.Add(time.Second))
	if wait, some := q.next(now.Add(rowsPause / 2)); wait != rowsPause/2 || !some {
		t.Errorf("the second has to wait for %v", wait)
	}
	if taken := q.take(now.Add(rowsPause / 2)); len(taken.conversations) > 0 {
		t.Errorf("taken before its time: %+v", taken)
	}
	q.whole(chat.NewID())
	if wait, some := q.next(now.Add(rowsPause / 2)); wait != 0 || !some {
		t.Errorf("a whole list has to wait for %v", wait)
	}
	if taken := q.take(now.Add(rowsPause)); len(taken.conversations) != 1 || len(taken.wholes) != 1 {
		t.Errorf("taken %+v", taken)
	}
	if wait, some := q.next(now.Add(rowsPause)); wait != time.Second-rowsPause || !some {
		t.Errorf("a large conversation has to wait for %v", wait)
	}
	if taken := q.take(now.Add(time.Second - 1)); len(taken.conversations) > 0 {
		t.Errorf("taken before its time: %+v", taken)
	}
	if taken := q.take(now.Add(time.Second)); len(taken.conversations) != 1 {
		t.Errorf("taken %+v", taken)
	}
	q.hold(large, now.Add(3*time.Second))
	q.ofPerson(chat.NewID(), []chat.ID{large})
	if taken := q.take(now.Add(2 * time.Second)); len(taken.conversations) != 1 {
		t.Errorf("what is for one person has to wait: %+v", taken)
	}
	if len(q.held) != 1 || len(q.take(now.Add(4*time.Second)).conversations) > 0 || len(q.held) > 0 {
		t.Errorf("still held: %v", q.held)
	}
}
