//go:build linux

package main

import (
	"context"
	"sync"
	"testing"
	"time"

	"parley/chaos/process"
)

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
