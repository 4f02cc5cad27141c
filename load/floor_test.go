//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"parley/chaos/process"
	"parley/chat"
	"parley/chat/chattest"
	"parley/db/dbtest"
)

func TestMain(m *testing.M) { dbtest.Run(m) }

// The bare insert stores what Parley would store, and refuses what Parley would refuse: it is the same statement.
func TestBareInsert(t *testing.T) {
	t.Parallel()
	w := chattest.New(t)
	anna, ben, cem := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Cem")
	known, asked := w.Direct(t, anna, ben), w.Direct(t, anna, cem)
	w.Exec(t, "UPDATE members SET request = 'pending' WHERE conversation_id = $1 AND person_id = $2", asked, cem.ID)
	insert := func(conversation chat.ID, a, b chat.Viewer, n int) (result inserted) {
		t.Helper()
		todo, err := json.Marshal(inserts{
			DSN: w.DB.DSN, Connections: 2, Rate: 1000, Length: time.Duration(n) * time.Millisecond, Window: 1,
			Pairs: []pair{{Conversation: conversation.String(), A: a.ID.String(), B: b.ID.String()}},
		})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := bareInsert(t.Context(), bytes.NewReader(todo), &out); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(out.Bytes(), &result); err != nil {
			t.Fatal(err)
		}
		return result
	}
	stored := func(conversation chat.ID) int64 {
		return chattest.Value[int64](t, w, "SELECT count(*) FROM messages WHERE conversation_id = $1", conversation)
	}
	const many = chat.MaxUnanswered + 3
	if got := insert(known, anna, ben, many); got.Failed != 0 || got.Sends != many || got.Stored.N != many || stored(known) != many {
		t.Errorf("%+v, %d stored", got, stored(known))
	}
	// Who is asked whether it is wanted cannot write before an answer, and who asks, only so much.
	if got := insert(asked, cem, cem, 2); got.Failed != 2 || stored(asked) != 0 {
		t.Errorf("who has not answered writes: %+v, %d stored", got, stored(asked))
	}
	if got := insert(asked, anna, anna, many); got.Failed != 3 || stored(asked) != chat.MaxUnanswered {
		t.Errorf("who waits for an answer goes on: %+v, %d stored", got, stored(asked))
	}
}

// The bare server, the sockets and the posts of this tool understand each other: what is measured with them is what happens.
func TestBareMelody(t *testing.T) {
	t.Parallel()
	addr, err := process.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = bareMelody(addr) }()
	c := &caller{addr: addr}
	t.Cleanup(c.close)
	err = process.Until(t.Context(), 10*time.Second, func(ctx context.Context) error {
		_, err := c.do(ctx, request{method: "GET", path: "/"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	const sockets, list, frame, sends = 20, 5_000, 900, 5
	h := &hall{addr: addr}
	t.Cleanup(h.leave)
	upgrade, establish := newTimes(), newTimes()
	failed, err := h.fill(t.Context(), sockets, func(int) (string, guest) { return "/ws?hello=5000", guest{} }, upgrade, establish, func(int) {})
	if err != nil || failed > 0 || len(h.seats) != sockets || establish.spread().N != sockets {
		t.Fatalf("%d sockets, %d failed, %v", len(h.seats), failed, err)
	}
	b := newBoard(7, schedule{rate: 1000, length: sends * time.Millisecond}, sockets, sockets)
	b.begin = time.Now()
	h.now.Store(b)
	var work sync.WaitGroup
	for n := range sends {
		work.Go(func() {
			own := &caller{addr: addr}
			defer own.close()
			a, err := own.do(t.Context(), request{method: "POST", path: "/send?frame=900", form: "body=" + form(bodyOf(7, n))})
			if err != nil || a.status != 200 {
				t.Errorf("%d, %v", a.status, err)
				return
			}
			b.acknowledged(n, time.Now())
		})
	}
	work.Wait()
	err = process.Until(t.Context(), 10*time.Second, func(context.Context) error {
		if b.missing() > 0 || b.delivered.spread().N < sockets*sends {
			return context.DeadlineExceeded
		}
		return nil
	})
	var w window
	b.into(&w)
	if err != nil || w.Deliveries != sockets*sends || w.Lost+w.Doubled+w.Failed != 0 {
		t.Errorf("%d deliveries, %d lost, %d doubled, %d failed: %v", w.Deliveries, w.Lost, w.Doubled, w.Failed, err)
	}
	if got := h.frame(); got != frame {
		t.Errorf("frames have %d bytes, want %d", got, frame)
	}
	if got := int(h.received()); got != 150+list+sends*frame {
		t.Errorf("each got %d bytes, want %d", got, 150+list+sends*frame)
	}
}
