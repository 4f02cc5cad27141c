//go:build linux

package main

import (
	"os"
	"runtime"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	t.Parallel()
	s, err := parseStat("42 (a (b) c) S 7 42 42 0 -1 4194304 99 0 0 0 150 50 3 4 20 0 1 0 5130952 3133440 384\n")
	if want := (stat{pid: 42, parent: 7, own: 2 * time.Second, reaped: 70 * time.Millisecond}); err != nil || s != want {
		t.Errorf("got %+v, %v; want %+v", s, err, want)
	}
	for _, wrong := range []string{"", "42", "42 (a) S 7", ") 42 (", "x (a) S 7 42 42 0 -1 4194304 99 0 0 0 150 50 3 4 20 0 1"} {
		if _, err := parseStat(wrong); err == nil {
			t.Errorf("%q is taken for a process", wrong)
		}
	}
}

func TestTime(t *testing.T) {
	t.Parallel()
	// A postmaster with two backends, of which one has a child; and a stranger.
	before := table{
		1: {pid: 1, own: 50, reaped: 1000},
		2: {pid: 2, parent: 1, own: 5, reaped: 100},
		3: {pid: 3, parent: 2, own: 10},
		4: {pid: 4, parent: 3, own: 1},
		5: {pid: 5, parent: 2, own: 20},
	}
	if got := before.time(2, true); got != 136 {
		t.Errorf("the tree took %d, want 136", got)
	}
	if got := before.time(2, false); got != 5 {
		t.Errorf("the process alone took %d, want 5", got)
	}
	// A backend works for 7 more and ends: nothing of it is lost.
	after := table{
		2: {pid: 2, parent: 1, own: 5, reaped: 100 + 10 + 1 + 7},
		5: {pid: 5, parent: 2, own: 20},
	}
	if got := after.time(2, true) - before.time(2, true); got != 7 {
		t.Errorf("between the two it took %d, want 7", got)
	}
	if got := before.time(9, true); got != 0 {
		t.Errorf("who is not there took %d", got)
	}
}

func TestFiner(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for _, test := range []struct{ ticks, threads, want time.Duration }{
		{20 * ms, 27 * ms, 27 * ms},
		{20 * ms, 20 * ms, 20 * ms},
		{20 * ms, 12 * ms, 20 * ms}, // a thread has ended
		{20 * ms, 0, 20 * ms},       // the kernel does not count so
		{20 * ms, 90 * ms, 20 * ms}, // and this cannot be
	} {
		if got := finer(test.ticks, test.threads); got != test.want {
			t.Errorf("%s and %s make %s", test.ticks, test.threads, got)
		}
	}
}

func TestMemory(t *testing.T) {
	t.Parallel()
	got := parseMemory([]byte("Name:\tx\nVmRSS:\t    60 kB\nRssAnon:\t 10 kB\nRssFile:\t 20 kB\nRssShmem:\t 30 kB\nThreads:\t1\n"))
	if want := (memory{resident: 60 << 10, anonymous: 10 << 10, file: 20 << 10, shared: 30 << 10}); got != want {
		t.Errorf("got %+v", got)
	}
	// What several share counts once.
	if got := heldBy([]memory{{anonymous: 1, file: 10, shared: 100}, {anonymous: 2, file: 20, shared: 50}}); got != 123 {
		t.Errorf("together they hold %d, want 123", got)
	}
}

func TestProcessor(t *testing.T) {
	t.Parallel()
	got := parseProcessor([]byte("cpu  1 2 3 1000 2000 4 5 6 0 0\ncpu0 9 9 9 9 9 9 9 9 0 0\n"))
	if want := (processor{busy: 15 * tick, steal: 6 * tick}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	parts := []part{{partTool, os.Getpid(), false}}
	before := read(parts)
	for time.Since(before.at) < 50*time.Millisecond { // work that shows
		spin()
	}
	after := read(parts)
	if after.time[partTool] <= before.time[partTool] || after.memory[partTool] == 0 || after.machine.busy == 0 {
		t.Errorf("before %+v, after %+v", before, after)
	}
	w := window{Subject: subjectParley}
	w.used(before, after)
	if w.Processor[partTool] <= 0 || w.Seconds <= 0 || w.Tool <= 0 || w.Tool > 1.5 {
		t.Errorf("got %+v", w)
	}
	w.tool(0.3)
	if w.Unmeasured = ""; w.Tool != 0.3 {
		t.Error("the tool's share is not noted")
	}
	if w.tool(0.34); w.Unmeasured == "" {
		t.Errorf("a tool that takes over a third of %d cores measures", runtime.NumCPU())
	}
}
