//go:build linux

// Load measures what Parley's speed is, beside what the socket library and PostgreSQL can do at all.
//
//	go run ./load                    # everything: A, B, C, D, E, H
//	go run ./load -only B            # one scenario
//	go run ./load report results.jsonl -o docs/performance.md
//	go run ./load page results.jsonl -o report.html
//
// It builds the real binary, lets `parley demo` make people, conversations and sessions, starts the server with its private
// PostgreSQL (durable, with the settings it ships with), and comes through the doors that browsers come through: form posts
// and the page's sockets. A sample of a hundred signs up and logs in.
//
// How it measures:
//
//   - Sends follow a schedule that waits for nothing, and a time counts from the moment a send was due: what a slow server
//     makes wait is counted, not left out.
//   - Beside each figure stands its floor, measured right after it on the same machine, with the same schedule and the same
//     bytes: a bare melody server (scenarios A, C and E), the bare statement of a send by pgx on the same PostgreSQL (B and D).
//     Both are processes of their own, so that what they take is told apart from what this tool takes. The ratio to the floor
//     is the result; absolute figures come second, because machines differ.
//   - Processor time and memory come from /proc, for the server, PostgreSQL with all its backends (those that have ended
//     included), Redis and the tool itself, and for all the rest of the machine.
//   - Before each window a fixed piece of work is timed, and some writes to the disk, so that a noisy machine shows.
//   - A window in which the tool takes over a third of the machine counts as unmeasured.
//
// The sockets of the tool are no library's: it reads frames by itself, and of their content only as much as tells what it is
// (socket.go), because twenty thousand of them, and a thousand readers of the same message, have to cost little beside the
// server. Package gorilla/websocket, which keeps two buffers for each, would take over a third of a machine of two cores.
//
// It is Linux only, keeps to the loopback interface and to one temporary folder, and takes everything that it started with
// it; but for the private PostgreSQL, which outlives its server, where the tool itself is killed.
package main
