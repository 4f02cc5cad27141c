//go:build linux

package main

import (
	"errors"
	"math"
	"testing"
	"time"
)

func TestSchedule(t *testing.T) {
	t.Parallel()
	t.Run("sends are due evenly, and the warm-up is no part of the length", func(t *testing.T) {
		t.Parallel()
		plan := schedule{rate: 200, warm: time.Second, length: 2 * time.Second}
		if all, warm := plan.sends(); all != 600 || warm != 200 {
			t.Errorf("%d sends, %d of them for warming up", all, warm)
		}
		if due := plan.due(300); due != 1500*time.Millisecond {
			t.Errorf("the send 300 is due after %s", due)
		}
	})
	t.Run("what is overdue is sent at once, due when it was due", func(t *testing.T) {
		t.Parallel()
		plan := schedule{rate: 1000, length: 20 * time.Millisecond}
		begin := time.Now().Add(-time.Hour)
		fired := 0
		started := time.Now()
		plan.run(t.Context(), begin, func(n int, due time.Time) {
			if n != fired || !due.Equal(begin.Add(time.Duration(n)*time.Millisecond)) {
				t.Errorf("the send %d comes as number %d, due %s", n, fired, due.Sub(begin))
			}
			fired++
		})
		if fired != 20 || time.Since(started) > 10*time.Second {
			t.Errorf("%d sends in %s", fired, time.Since(started))
		}
	})
	t.Run("nothing is sent before it is due", func(t *testing.T) {
		t.Parallel()
		plan := schedule{rate: 100, length: 50 * time.Millisecond}
		plan.run(t.Context(), time.Now().Add(5*time.Millisecond), func(n int, due time.Time) {
			if early := time.Until(due); early > 0 {
				t.Errorf("the send %d is %s early", n, early)
			}
		})
	})
}

func TestBoard(t *testing.T) {
	t.Parallel()
	// 10 sends a second, of which the first is for warming up. The server stalls: everything is answered and delivered at
	// the end of the second.
	stalled := func() *board {
		b := newBoard(1, schedule{rate: 10, warm: 100 * time.Millisecond, length: 900 * time.Millisecond}, 2, 1, 2)
		b.begin = time.Now()
		return b
	}
	t.Run("a time counts from the moment a send was due", func(t *testing.T) {
		t.Parallel()
		b := stalled()
		end := b.begin.Add(time.Second)
		for n := range b.sends {
			b.acknowledged(n, end)
			b.receive(n, true, end)
			b.receive(n, true, end.Add(time.Second))
		}
		var w window
		b.into(&w)
		for name, want := range map[string][2]float64{ // the median, and the longest
			timeAnswered: {500, 900}, timeDelivered: {900, 1900}, time50: {500, 900}, time95: {1500, 1900},
		} {
			got := w.Times[name]
			if math.Abs(got.P50-want[0]) > 5 || math.Abs(got.Max-want[1]) > 5 {
				t.Errorf("%s: %.0f and %.0f ms, want %.0f and %.0f", name, got.P50, got.Max, want[0], want[1])
			}
		}
		if w.Sends != 9 || w.Deliveries != 18 || w.Times[timeAnswered].N != 9 {
			t.Errorf("%d sends, %d deliveries, %d answers", w.Sends, w.Deliveries, w.Times[timeAnswered].N)
		}
		if w.Lost != 0 || w.Doubled != 0 || w.Failed != 0 {
			t.Errorf("%d lost, %d doubled, %d failed", w.Lost, w.Doubled, w.Failed)
		}
	})
	t.Run("what is acknowledged and does not come is lost; what comes twice is doubled; what is not acknowledged failed", func(t *testing.T) {
		t.Parallel()
		b := stalled()
		for n := range len(b.sends) - 1 {
			b.acknowledged(n, time.Now())
			b.receive(n, true, time.Now())
			if n > 2 {
				b.receive(n, true, time.Now())
			}
		}
		b.receive(5, false, time.Now())
		b.receive(1_000, true, time.Now()) // no send of this window
		var w window
		b.into(&w)
		if w.Lost != 3 || w.Doubled != 1 || w.Failed != 1 {
			t.Errorf("%d lost, %d doubled, %d failed; want 3, 1, 1", w.Lost, w.Doubled, w.Failed)
		}
	})
}

func TestHopeless(t *testing.T) {
	t.Parallel()
	plan := schedule{rate: 100, length: 4 * time.Second}
	for name, c := range map[string]struct {
		bound                time.Duration
		fired, prompt, tardy int
		want                 bool
	}{
		"a twentieth may be slow":            {bound: time.Millisecond, fired: 100, prompt: 60, tardy: 20},
		"more may not":                       {bound: time.Millisecond, fired: 100, prompt: 60, tardy: 21, want: true},
		"without a bound anything may":       {fired: 400, prompt: 1, tardy: 21},
		"a second's sends may be on the way": {bound: time.Millisecond, fired: 100},
		"more not":                           {bound: time.Millisecond, fired: 101, want: true},
	} {
		b := newBoard(1, plan, 1)
		b.begin, b.bound = time.Now(), c.bound
		for n := range c.fired {
			b.fired(n, b.due(n))
		}
		for n := range c.prompt + c.tardy {
			at := b.due(n)
			if n >= c.prompt {
				at = at.Add(time.Second)
			}
			b.receive(n, true, at)
		}
		if got := b.hopeless(); got != c.want {
			t.Errorf("%s: hopeless is %t", name, got)
		}
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ limit, most, want float64 }{
		{limit: 1_700, most: 50_000, want: 1_600}, // 200, 400, 800, 1600, not 3200, not 2400, not 2000, not 1800
		{limit: 2_999, most: 50_000, want: 2_800}, // 2400, 2800, not 3000 (1600 + 3200 → 2400 → 2800)
		{limit: 1e9, most: 1_000, want: 800},
		{limit: 60, most: 50_000, want: 50}, // not 200, not 100, 50, not 75, not 62.5, not 56.25 …
		{limit: 1, most: 50_000, want: 0},
	} {
		stalls := 0
		got, err := search(200, test.most, 3, func(rate float64) (bool, error) {
			if stalls++; stalls == 1 {
				return false, nil // once, whatever the rate
			}
			return rate <= test.limit, nil
		})
		if err != nil || math.Abs(got-test.want) > 0.13*test.want || got > test.limit {
			t.Errorf("up to %g holds: found %g, %v; want about %g", test.limit, got, err, test.want)
		}
	}
	failure := errTest{}
	if _, err := search(200, 1000, 3, func(float64) (bool, error) { return false, failure }); !errors.Is(err, failure) {
		t.Errorf("got %v", err)
	}
}

type errTest struct{}

func (errTest) Error() string { return "no more" }
