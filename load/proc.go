//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of processor time in /proc, on every Linux.
const tick = 10 * time.Millisecond

// stat is what /proc says of a process.
type stat struct {
	pid, parent int
	own         time.Duration // processor time of it
	reaped      time.Duration // and of its children that have ended, and theirs
}

// parseStat reads a line of /proc/PID/stat.
func parseStat(line string) (s stat, err error) {
	begin, end := strings.IndexByte(line, '('), strings.LastIndexByte(line, ')') // a name may hold spaces and parentheses
	if begin < 0 || end < begin {
		return s, fmt.Errorf("no process: %q", line)
	}
	if s.pid, err = strconv.Atoi(strings.TrimSpace(line[:begin])); err != nil {
		return s, err
	}
	fields := strings.Fields(line[end+1:])
	if len(fields) < 15 {
		return s, fmt.Errorf("too short for a process: %q", line)
	}
	var numbers [5]int
	for i, at := range []int{1, 11, 12, 13, 14} { // ppid, utime, stime, cutime, cstime
		if numbers[i], err = strconv.Atoi(fields[at]); err != nil {
			return s, err
		}
	}
	s.parent = numbers[0]
	s.own = time.Duration(numbers[1]+numbers[2]) * tick
	s.reaped = time.Duration(numbers[3]+numbers[4]) * tick
	return s, nil
}

// table is all processes at one moment.
type table map[int]stat

func processes() table {
	t := table{}
	paths, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is well formed
	for _, path := range paths {
		line, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		if s, err := parseStat(string(line)); err == nil {
			s.own = finer(s.own, threads(filepath.Dir(path)))
			t[s.pid] = s
		}
	}
	return t
}

// threads is the processor time of all threads that a process has now, to the nanosecond.
func threads(process string) (sum time.Duration) {
	paths, _ := filepath.Glob(process + "/task/*/schedstat") // the pattern is well formed
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		word, _, _ := strings.Cut(string(text), " ")
		n, _ := strconv.ParseInt(word, 10, 64) // a number, where the kernel counts
		sum += time.Duration(n)
	}
	return sum
}

// finer takes the threads' word where it says the same as the process' but more exactly. Where threads have ended, or the
// kernel does not count so finely, it does not: then what is known to the tick has to do.
func finer(ticks, threads time.Duration) time.Duration {
	if threads >= ticks && threads < ticks+2*tick {
		return threads
	}
	return ticks
}

// tree is a process with all that descend from it.
func (t table) tree(root int) (pids []int) {
	if _, there := t[root]; !there {
		return nil
	}
	pids = []int{root}
	for i := 0; i < len(pids); i++ {
		for pid, s := range t {
			if s.parent == pids[i] {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// time is the processor time of a process alone, or with all that descend from it: those that have ended are counted by
// whoever waited for them, so that between two moments nothing is lost and nothing counts twice.
func (t table) time(root int, whole bool) (sum time.Duration) {
	if !whole {
		return t[root].own
	}
	for _, pid := range t.tree(root) {
		sum += t[pid].own + t[pid].reaped
	}
	return sum
}

// memory is what a process holds, in bytes.
type memory struct{ resident, anonymous, file, shared int64 }

func parseMemory(status []byte) (m memory) {
	for line := range bytes.Lines(status) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		to := map[string]*int64{"VmRSS": &m.resident, "RssAnon": &m.anonymous, "RssFile": &m.file, "RssShmem": &m.shared}[string(name)]
		if words := bytes.Fields(value); to != nil && len(words) > 0 {
			kib, _ := strconv.ParseInt(string(words[0]), 10, 64) // a number, on Linux
			*to = kib << 10
		}
	}
	return m
}

func memoryOf(pid int) memory {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // where it has ended it holds nothing
	return parseMemory(status)
}

// heldBy is what several processes hold together. What they share is counted once: as much as the one that has touched most.
func heldBy(all []memory) int64 {
	var anonymous, file, shared int64
	for _, m := range all {
		anonymous += m.anonymous
		file, shared = max(file, m.file), max(shared, m.shared)
	}
	return anonymous + file + shared
}

// processor is the whole machine's processor time since it started.
type processor struct{ busy, steal time.Duration }

func parseProcessor(stat []byte) (p processor) {
	line, _, _ := bytes.Cut(stat, []byte("\n"))
	for i, word := range bytes.Fields(line) { // cpu user nice system idle iowait irq softirq steal
		n, _ := strconv.Atoi(string(word))
		switch i {
		case 1, 2, 3, 6, 7:
			p.busy += time.Duration(n) * tick
		case 8:
			p.steal = time.Duration(n) * tick
		}
	}
	return p
}

// part is a process whose use is measured, with all that descend from it or without.
type part struct {
	name  string
	pid   int
	whole bool
}

// The parts that are told apart.
const (
	partServer   = "server" // Parley, or the bare server that is its floor
	partPostgres = "postgres"
	partRedis    = "redis"
	partTool     = "tool"
)

// reading is the use of everything at one moment.
type reading struct {
	at      time.Time
	time    map[string]time.Duration
	memory  map[string]int64
	machine processor
}

func read(parts []part) reading {
	r := reading{time: map[string]time.Duration{}, memory: map[string]int64{}}
	all := processes()
	machine, _ := os.ReadFile("/proc/stat")
	r.at, r.machine = time.Now(), parseProcessor(machine)
	for _, p := range parts {
		r.time[p.name] = all.time(p.pid, p.whole)
		if !p.whole {
			r.memory[p.name] = memoryOf(p.pid).resident
			continue
		}
		var held []memory
		for _, pid := range all.tree(p.pid) {
			held = append(held, memoryOf(pid))
		}
		r.memory[p.name] = heldBy(held)
	}
	return r
}
