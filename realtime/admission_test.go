package realtime

import (
	"log/slog"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"
	"time"

	"parley/chat"
	"parley/chat/chattest"
)

// crowd lets pages arrive within a second and come back as static/js/backoff.js says, and as they are told where they ask
// (static/js/socket.js); it returns how long after the first each of them was in.
func crowd(t *testing.T, pages, arrivals int) []time.Duration {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	now := start
	a := newAdmission(nodeSockets, arrivals, func() time.Time { return now })
	type trial struct {
		at      time.Time
		attempt int
		asked   time.Time
	}
	var waiting []trial
	for range pages {
		waiting = append(waiting, trial{at: start.Add(time.Duration(random.Int64N(int64(time.Second))))})
	}
	var in []time.Duration
	for trials := 0; len(waiting) > 0; trials++ {
		if trials > 100*pages {
			t.Fatal("they never get in")
		}
		first := 0
		for i, w := range waiting {
			if w.at.Before(waiting[first].at) {
				first = i
			}
		}
		w := waiting[first]
		now = w.at
		if a.crowded() == 0 && a.enter() == 0 {
			a.settle()
			in = append(in, now.Sub(start))
			waiting = slices.Delete(waiting, first, first+1)
			continue
		}
		wait := time.Duration(random.Float64() * float64(min(8*time.Second, 2*time.Second<<w.attempt)))
		if now.Sub(w.asked) >= 10*time.Second {
			w.asked = now
			if told := a.crowded(); told > 0 {
				wait = told
			}
		}
		waiting[first] = trial{at: now.Add(wait), attempt: w.attempt + 1, asked: w.asked}
	}
	sort.Slice(in, func(i, j int) bool { return in[i] < in[j] })
	return in
}

func TestAdmission(t *testing.T) {
	t.Parallel()

	t.Run("a thousand pages that arrive within a second are in within 30 s, at one core and at two", func(t *testing.T) {
		t.Parallel()
		for cores, bound := range map[int]time.Duration{1: 30 * time.Second, 2: 15 * time.Second} {
			in := crowd(t, 1000, cores*arrivalsPerCore)
			if last := in[len(in)-1]; last > bound {
				t.Errorf("at %d cores the last one is in after %v", cores, last)
			}
			// And no faster than they may come: the burst at once, then so many a second.
			if half := in[len(in)/2]; half < time.Duration(500-cores*arrivalsPerCore)*time.Second/time.Duration(cores*arrivalsPerCore) {
				t.Errorf("at %d cores half of them are in after %v", cores, half)
			}
			t.Logf("at %d cores half are in after %v, all after %v", cores, in[len(in)/2], in[len(in)-1])
		}
	})

	t.Run("a few never wait", func(t *testing.T) {
		t.Parallel()
		for _, at := range crowd(t, arrivalsPerCore, arrivalsPerCore) {
			if at > time.Second {
				t.Errorf("somebody is in after %v", at)
			}
		}
	})

	t.Run("ten thousand are held, and there is a most", func(t *testing.T) {
		t.Parallel()
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		a := newAdmission(nodeSockets, arrivalsPerCore, func() time.Time { return now })
		for range nodeSockets {
			now = now.Add(time.Second / arrivalsPerCore)
			if wait := a.enter(); wait > 0 {
				t.Fatalf("sent away for %v", wait)
			}
			a.settle()
		}
		now = now.Add(time.Minute)
		if a.crowded() != fullReturn || a.enter() != fullReturn {
			t.Error("one more is in")
		}
		a.leave()
		if a.crowded() > 0 || a.enter() > 0 {
			t.Error("nobody follows who has left")
		}
		if a.held.Load() != nodeSockets || nodeSockets < 10_000 {
			t.Errorf("it holds %d", a.held.Load())
		}
	})

	t.Run("no more are arriving at one time than the node gets done", func(t *testing.T) {
		t.Parallel()
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		a := newAdmission(nodeSockets, 30, func() time.Time { return now })
		for range 30 / arrivingPart {
			now = now.Add(time.Second)
			if a.crowded() > 0 || a.enter() > 0 {
				t.Fatal("premise: one who may come is sent away")
			}
		}
		now = now.Add(time.Second)
		if a.crowded() == 0 || a.enter() == 0 {
			t.Error("one more is in while ten are arriving")
		}
		a.settle()
		if a.crowded() > 0 || a.enter() > 0 {
			t.Error("nobody follows who has arrived")
		}
		if a.held.Load() != 30/arrivingPart+1 || a.arriving.Load() != 30/arrivingPart {
			t.Errorf("it holds %d, of whom %d are arriving", a.held.Load(), a.arriving.Load())
		}
	})

	t.Run("those who are sent away together do not come back together", func(t *testing.T) {
		t.Parallel()
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		a := newAdmission(10, 1, func() time.Time { return now })
		if a.enter() > 0 {
			t.Fatal("premise")
		}
		told := map[time.Duration]int{}
		for range 80 {
			told[a.crowded()]++
			told[a.enter()]++
		}
		for after := time.Second; after <= 8*time.Second; after += time.Second {
			if told[after] != 20 {
				t.Errorf("%d of 160 come back after %v", told[after], after)
			}
		}
		if a.held.Load() != 1 {
			t.Error("who was sent away has a place")
		}
	})
}

func TestAdmissionWithoutLimits(t *testing.T) {
	t.Parallel()
	w := chattest.New(t)
	for name, c := range map[string]struct {
		limits bool
		timing Timing
		all    bool
	}{
		"without limits anybody may arrive":              {all: true},
		"with limits not":                                {limits: true},
		"nor where it is said how many may, in any case": {timing: Timing{Arrivals: 100}},
	} {
		h := New(slog.New(slog.DiscardHandler), c.timing)
		if err := h.Start(t.Context(), chat.New(w.Store, h, chat.Settings{BcryptCost: 4, Limits: c.limits})); err != nil {
			t.Fatal(err)
		}
		const pages = 5000
		in := 0
		for range pages {
			if h.admission.crowded() == 0 && h.admission.enter() == 0 {
				in++
			}
		}
		if (in == pages) != c.all {
			t.Errorf("%s: %d of %d are in", name, in, pages)
		}
		h.Close(t.Context())
	}
}
