package realtime

import (
	"container/heap"
	"time"
)

// agenda says what is due when; each thing is due once.
type agenda[K comparable] struct {
	entries []entry[K] // a heap
	places  map[K]int
}

type entry[K comparable] struct {
	key K
	at  time.Time
}

func newAgenda[K comparable]() *agenda[K] { return &agenda[K]{places: map[K]int{}} }

// set makes something due at a moment, in place of when it was due before.
func (a *agenda[K]) set(key K, at time.Time) {
	if place, known := a.places[key]; known {
		a.entries[place].at = at
		heap.Fix(a, place)
		return
	}
	heap.Push(a, entry[K]{key, at})
}

func (a *agenda[K]) drop(key K) {
	if place, known := a.places[key]; known {
		heap.Remove(a, place)
	}
}

// take takes what is due.
func (a *agenda[K]) take(now time.Time) (due []K) {
	for len(a.entries) > 0 && !now.Before(a.entries[0].at) {
		e, _ := heap.Pop(a).(entry[K])
		due = append(due, e.key)
	}
	return due
}

// next is when something is due next; the zero time for never.
func (a *agenda[K]) next() time.Time {
	if len(a.entries) == 0 {
		return time.Time{}
	}
	return a.entries[0].at
}

// Len, Less, Swap, Push and Pop implement [heap.Interface].
func (a *agenda[K]) Len() int           { return len(a.entries) }
func (a *agenda[K]) Less(i, j int) bool { return a.entries[i].at.Before(a.entries[j].at) }
func (a *agenda[K]) Swap(i, j int) {
	a.entries[i], a.entries[j] = a.entries[j], a.entries[i]
	a.places[a.entries[i].key], a.places[a.entries[j].key] = i, j
}

func (a *agenda[K]) Push(x any) {
	e, _ := x.(entry[K])
	a.places[e.key] = len(a.entries)
	a.entries = append(a.entries, e)
}

func (a *agenda[K]) Pop() any {
	last := len(a.entries) - 1
	e := a.entries[last]
	a.entries[last] = entry[K]{}
	a.entries = a.entries[:last]
	delete(a.places, e.key)
	return e
}
