//go:build linux

package main

import (
	"fmt"
	"sync/atomic"
	"time"
)

// board is what became of the sends of one window.
type board struct {
	number int // of the window
	begin  time.Time
	plan   schedule
	warm   int // so many sends are for warming up, and are not counted in times
	want   int // by how many sockets each send is to be received
	sends  []fate
	skip   func(n int, s *seat) bool // whether a send does not count at a seat; nil: all count

	bound time.Duration // see hopeless; 0: none
	grace time.Duration // how long what was sent may take; 0: as long as usual

	delivered, answered, late *times
	reached                   map[int]*times // by how many sockets, from the moment the send was due
	order                     []int          // of reached
	doubled, errors           atomic.Int64
	left, slow, there         atomic.Int64 // sends that left the schedule; deliveries beyond the bound; all deliveries
}

// fate is what became of one send.
type fate struct {
	sent     atomic.Bool  // an answer said so
	received atomic.Int32 // by so many sockets
}

// newBoard is for sends of which each is to be received by want sockets; what is asked besides is how long it takes to so
// many of them.
func newBoard(number int, plan schedule, want int, reached ...int) *board {
	all, warm := plan.sends()
	b := &board{
		number: number, plan: plan, warm: warm, want: want, sends: make([]fate, all), reached: map[int]*times{}, order: reached,
		delivered: newTimes(), answered: newTimes(), late: newTimes(),
	}
	for _, n := range reached {
		b.reached[n] = newTimes()
	}
	return b
}

// fired notes when a send left the schedule: how late the tool is.
func (b *board) fired(n int, due time.Time) {
	b.left.Add(1)
	b.note(b.late, n, time.Since(due))
}

// hopeless says that the bound cannot be kept any more: over a twentieth of all deliveries took longer already, or a whole
// second's are on their way. Then a window need not be sent to its end, and what piles up need not be waited for.
func (b *board) hopeless() bool {
	if b.bound == 0 {
		return false
	}
	all := float64(b.want * (len(b.sends) - b.warm))
	return float64(b.slow.Load()) > all/20 || float64(b.left.Load()*int64(b.want)-b.there.Load()) > max(50, b.plan.rate)*float64(b.want)
}

// far says how far a window has come.
func (b *board) far() string {
	return fmt.Sprintf("%s of %s sent, %s of %s deliveries, %s failed", whole(b.left.Load()), whole(len(b.sends)),
		whole(b.there.Load()), whole(len(b.sends)*b.want), whole(b.errors.Load()))
}

// acknowledged notes an answer.
func (b *board) acknowledged(n int, at time.Time) {
	b.sends[n].sent.Store(true)
	b.note(b.answered, n, at.Sub(b.due(n)))
}

func (b *board) due(n int) time.Time { return b.begin.Add(b.plan.due(n)) }

func (b *board) note(t *times, n int, d time.Duration) {
	if n >= b.warm {
		t.add(d)
	}
}

// receive notes that a socket was brought a send, and whether for the first time.
func (b *board) receive(n int, first bool, at time.Time) {
	if n < 0 || n >= len(b.sends) {
		return
	}
	if !first {
		b.doubled.Add(1)
		return
	}
	took := at.Sub(b.due(n))
	b.there.Add(1)
	if n >= b.warm && b.bound > 0 && took > b.bound {
		b.slow.Add(1)
	}
	b.note(b.delivered, n, took)
	if t := b.reached[int(b.sends[n].received.Add(1))]; t != nil {
		b.note(t, n, took)
	}
}

// missing is how many deliveries are still to come: those of the sends that were acknowledged, and of the others none.
func (b *board) missing() (deliveries int) {
	for i := range b.sends {
		if b.sends[i].sent.Load() {
			deliveries += max(0, b.want-int(b.sends[i].received.Load()))
		}
	}
	return deliveries
}

// unsent is how many sends were never acknowledged.
func (b *board) unsent() (sends int) {
	for i := range b.sends {
		if !b.sends[i].sent.Load() {
			sends++
		}
	}
	return sends
}
