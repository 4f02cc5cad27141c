//go:build linux

package main

import (
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// report gathers what was measured.
type report struct {
	out io.Writer

	mu     sync.Mutex
	order  []string
	counts map[string]int
	rows   map[string][]*measured
	notes  []string
}

// measured is one bound of one fault, and all that was measured of it.
type measured struct {
	what  string
	bound time.Duration
	least bool // the bound is the least that may be; otherwise the most
	took  []time.Duration
	left  time.Duration // the smallest distance; the bound is the one that it was to
}

// distance is how far a measurement is from its bound.
func (m measured) distance() time.Duration {
	if m.least {
		return m.took[0] - m.bound
	}
	return m.bound - m.took[0]
}

func newReport(out io.Writer) *report {
	return &report{out: out, counts: map[string]int{}, rows: map[string][]*measured{}}
}

func (r *report) say(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.out, format+"\n", args...)
}

// note is a line for the end of the report.
func (r *report) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if line := fmt.Sprintf(format, args...); !slices.Contains(r.notes, line) {
		r.notes = append(r.notes, line)
	}
}

// happened counts a fault.
func (r *report) happened(fault string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seenLocked(fault)
	r.counts[fault]++
}

func (r *report) seenLocked(fault string) {
	if !slices.Contains(r.order, fault) {
		r.order = append(r.order, fault)
	}
}

// measure takes one measurement.
func (r *report) measure(fault string, m measured) {
	m.left = m.distance()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seenLocked(fault)
	for _, known := range r.rows[fault] {
		if known.what == m.what {
			if known.took = append(known.took, m.took...); m.left < known.left {
				known.bound, known.left = m.bound, m.left
			}
			return
		}
	}
	r.rows[fault] = append(r.rows[fault], &m)
}

// table writes what was measured, in the form of docs/delivery.md.
func (r *report) table() {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintln(r.out, "\n| Fault | Times | Measured | Bound | Median | Worst | Left |\n|---|---|---|---|---|---|---|")
	for _, fault := range r.order {
		name, times := fault, fmt.Sprint(r.counts[fault])
		if len(r.rows[fault]) == 0 {
			fmt.Fprintf(r.out, "| %s | %s | | | | | |\n", name, times)
		}
		for _, m := range r.rows[fault] {
			slices.Sort(m.took)
			worst, bound := m.took[len(m.took)-1], short(m.bound)
			if m.least {
				worst, bound = m.took[0], "≥ "+bound
			}
			fmt.Fprintf(r.out, "| %s | %s | %s | %s | %s | %s | %s |\n",
				name, times, m.what, bound, short(m.took[(len(m.took)-1)/2]), short(worst), short(m.left))
			name, times = "", ""
		}
	}
	for _, note := range r.notes {
		fmt.Fprintln(r.out, "\n"+note)
	}
}

func short(d time.Duration) string {
	if d.Abs() < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}
