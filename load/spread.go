//go:build linux

package main

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// The histograms go from a microsecond to five minutes, to three digits.
const (
	least  = int64(time.Microsecond)
	most   = int64(5 * time.Minute)
	digits = 3
)

// times collects durations, from many goroutines.
type times struct {
	mu sync.Mutex
	h  *hdrhistogram.Histogram
}

func newTimes() *times { return &times{h: hdrhistogram.New(least, most, digits)} }

func (t *times) add(d time.Duration) {
	n := min(max(int64(d), least), most)
	t.mu.Lock()
	defer t.mu.Unlock()
	_ = t.h.RecordValue(n) // within the bounds
}

// spread is how durations are spread, in milliseconds.
type spread struct {
	N     int64        `json:"n"`
	P50   float64      `json:"p50"`
	P95   float64      `json:"p95"`
	P99   float64      `json:"p99"`
	Max   float64      `json:"max"`
	Curve [][2]float64 `json:"curve,omitempty"` // percentile, milliseconds
}

// points are the percentiles of a curve.
var points = []float64{1, 5, 10, 25, 50, 75, 90, 95, 97.5, 99, 99.5, 99.9, 99.99, 100}

func (t *times) spread() spread {
	t.mu.Lock()
	defer t.mu.Unlock()
	ms := func(percentile float64) float64 {
		return float64(t.h.ValueAtPercentile(percentile)) / float64(time.Millisecond)
	}
	s := spread{N: t.h.TotalCount()}
	if s.N == 0 {
		return s
	}
	s.P50, s.P95, s.P99, s.Max = ms(50), ms(95), ms(99), float64(t.h.Max())/float64(time.Millisecond)
	for _, p := range points {
		s.Curve = append(s.Curve, [2]float64{p, ms(p)})
	}
	return s
}
