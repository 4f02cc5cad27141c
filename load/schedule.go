//go:build linux

package main

import (
	"context"
	"runtime"
	"syscall"
	"time"
)

// schedule says when sends are due. It knows nothing of how they fare.
type schedule struct {
	rate   float64 // a second
	warm   time.Duration
	length time.Duration // after the warm-up
}

// sends is how many there are in all, and how many of them are for warming up.
func (s schedule) sends() (all, warm int) {
	return int(s.rate * (s.warm + s.length).Seconds()), int(s.rate * s.warm.Seconds())
}

// due is when the send n is due, after the beginning.
func (s schedule) due(n int) time.Duration {
	return time.Duration(float64(n) / s.rate * float64(time.Second))
}

// run calls fire for each send when it is due, and at once for what is overdue; fire must not wait. It has a thread of its own
// and sleeps by the kernel's timer: the runtime's may be a millisecond late, which would count as the server's.
func (s schedule) run(ctx context.Context, begin time.Time, fire func(n int, due time.Time)) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	all, _ := s.sends()
	for n := range all {
		due := begin.Add(s.due(n))
		for {
			left := time.Until(due)
			if left <= 0 || ctx.Err() != nil {
				break
			}
			pause := syscall.NsecToTimespec(int64(min(left, 100*time.Millisecond)))
			_ = syscall.Nanosleep(&pause, nil) // a signal may wake it early: it looks again
		}
		if ctx.Err() != nil {
			return
		}
		fire(n, due)
	}
}
