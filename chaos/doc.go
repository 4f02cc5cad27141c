//go:build linux

// Chaos proves what docs/delivery.md promises: that an acknowledged message is never lost, doubled or out of order to
// anyone entitled, whatever process is killed, and that nobody else ever gets it.
//
//	go run ./chaos -seed 1 -minutes 10
//
// It builds the real binary and runs it as processes, over a PostgreSQL and a Redis of its own. Made-up people come
// through the doors that browsers come through, over lines that can fail as networks fail (line.go), and apply what they
// are told by the page's rules (chaos/page). What they do and see is written down (chaos/history). While they write to
// each other, join groups and leave them (crowd.go), the faults of the table (faults.go) happen to the processes and the
// lines; afterwards everything heals, and the nine checks look at the whole history.
//
// It is Linux only, keeps to the loopback interface and to one temporary folder, and takes everything that it started
// with it, however it ends; but for the private PostgreSQL of one stage (private.go), which outlives its node, where the
// harness itself is killed. The seed decides who writes what to whom, what fails and when; which request meets which fault is
// decided by the machine.
package main
