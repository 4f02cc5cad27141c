//go:build linux

package main

import (
	"bufio"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// line is a way to a server: it passes on bytes, until it is told to fail as networks fail. It stands before Redis, and
// between each person and the nodes, where it does a proxy's part as well: a connection goes to the first node that takes
// it. toxiproxy knows neither of a second server nor of what goes through it; and the answer to one POST cannot be lost
// without knowing that.
type line struct {
	listener net.Listener

	mu      sync.Mutex
	servers []string // host:port; the first is preferred
	calls   map[*call]struct{}
	cut     bool
	losing  int           // how many answers to requests are still to be lost
	late    time.Duration // what answers wait
	behind  time.Duration // what sockets bring waits
	trickle int           // bytes a second of what the server sends through sockets; 0: as they come
}

// call is one connection through the line.
type call struct {
	client, server net.Conn
	socket, slow   bool
	at             string        // the server
	dead           chan struct{} // closed when nothing passes any more, although both ends stand
	deadOnce       sync.Once
	ended          chan struct{}
	endOnce        sync.Once
}

func newLine(servers ...string) (*line, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &line{listener: listener, servers: servers, calls: map[*call]struct{}{}}
	go l.accept()
	return l, nil
}

func (l *line) addr() string { return l.listener.Addr().String() }

func (l *line) close() {
	_ = l.listener.Close()
	l.Cut()
}

// Cut ends every connection, and every new one at once, until Mend.
func (l *line) Cut() {
	l.mu.Lock()
	l.cut = true
	l.mu.Unlock()
	l.end(func(*call) bool { return true })
}

// Mend lets connections through again.
func (l *line) Mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = false
}

// DropSockets ends the present sockets; new ones are let through.
func (l *line) DropSockets() { l.end(func(c *call) bool { return c.socket }) }

// turn sends everybody to the next server: the first one becomes the last, and its connections end.
func (l *line) turn() {
	l.mu.Lock()
	l.servers = append(slices.Clone(l.servers[1:]), l.servers[0])
	l.mu.Unlock()
	l.end(func(*call) bool { return true })
}

// Freeze leaves the present connections standing and lets nothing through them any more, as when a cable is pulled:
// neither end is told. New connections pass.
func (l *line) Freeze() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.calls {
		c.deadOnce.Do(func() { close(c.dead) })
	}
}

// frozen is how many sockets are dead, and have not been given up by both ends. Other connections may stand idle for as
// long as either end likes.
func (l *line) frozen() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.calls {
		select {
		case <-c.dead:
			if c.socket {
				n++
			}
		default:
		}
	}
	return n
}

// LoseAnswers lets the next n requests through, and cuts each connection when its answer comes.
func (l *line) LoseAnswers(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.losing = n
}

// HoldAnswers lets what the server answers to requests come later; sockets are not held.
func (l *line) HoldAnswers(late time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.late = late
}

// HoldPushes lets what the server sends through sockets come later; answers to requests are not held.
func (l *line) HoldPushes(behind time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.behind = behind
}

// Trickle lets through only so many bytes a second of what comes by sockets; 0 ends that. A negative number lets nothing
// through, and reads nothing either.
func (l *line) Trickle(bytes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.trickle = bytes
	for c := range l.calls {
		if tcp, ok := c.server.(*net.TCPConn); ok && c.slow && bytes == 0 {
			_ = tcp.SetReadBuffer(1 << 20) // or they would stay slow
		}
	}
}

func (l *line) end(which func(*call) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.calls {
		if which(c) {
			c.close()
		}
	}
}

func (c *call) close() {
	c.endOnce.Do(func() { close(c.ended) })
	for _, conn := range []net.Conn{c.client, c.server} {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // a reset, not a farewell
			_ = tcp.Close()
		}
	}
}

func (l *line) accept() {
	for {
		client, err := l.listener.Accept()
		if err != nil {
			return
		}
		go l.carry(client)
	}
}

func (l *line) carry(client net.Conn) {
	c := &call{client: client, dead: make(chan struct{}), ended: make(chan struct{})}
	from := bufio.NewReader(client)
	first, err := from.Peek(len("GET /ws"))
	if err != nil {
		c.close()
		return
	}
	c.socket = strings.EqualFold(string(first), "GET /ws")
	l.mu.Lock()
	servers := l.servers
	c.slow = c.socket && l.trickle != 0
	l.mu.Unlock()
	for _, c.at = range servers {
		if c.server, err = net.DialTimeout("tcp", c.at, 5*time.Second); err == nil {
			break
		}
	}
	if err != nil || c.server == nil || !l.admit(c) {
		c.close()
		return
	}
	defer l.forget(c)
	if tcp, ok := c.server.(*net.TCPConn); ok && c.slow {
		_ = tcp.SetReadBuffer(4 << 10) // or the kernel would read on for the slow one
	}
	done := make(chan struct{}, 2)
	pass := func(to net.Conn, from io.Reader) {
		defer func() { done <- struct{}{} }()
		l.pass(c, to, from)
		select {
		case <-c.dead:
			return // the other end is not told
		default:
		}
		// A farewell is passed on as one: a reset would overtake what was said last, such as a socket's closing code.
		if tcp, ok := to.(*net.TCPConn); ok {
			_ = tcp.CloseWrite()
		}
	}
	go pass(c.server, from)
	go pass(client, c.server)
	<-done
	<-done // a dead connection ends only when both ends have noticed
	_ = client.Close()
	_ = c.server.Close()
}

func (l *line) admit(c *call) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		return false
	}
	l.calls[c] = struct{}{}
	return true
}

func (l *line) forget(c *call) {
	c.endOnce.Do(func() { close(c.ended) })
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.calls, c)
}

func (l *line) pass(c *call, to io.Writer, from io.Reader) {
	buffer := make([]byte, 32<<10)
	answers := to == io.Writer(c.client)
	for {
		n, err := from.Read(buffer[:l.appetite(c, answers)])
		if n > 0 {
			if answers && !c.socket && l.lose() {
				c.close()
				return
			}
			if answers && !l.wait(c, n) {
				return
			}
			select {
			case <-c.dead: // read and thrown away
			default:
				if _, err := to.Write(buffer[:n]); err != nil {
					return
				}
			}
		}
		if err != nil {
			return
		}
	}
}

// appetite is how much is read at once.
func (l *line) appetite(c *call, answers bool) int {
	for {
		l.mu.Lock()
		trickle := l.trickle
		l.mu.Unlock()
		switch {
		case !answers || !c.socket || trickle == 0:
			return 32 << 10
		case trickle > 0:
			return min(trickle, 1<<10)
		}
		select { // frozen: nothing is read
		case <-c.ended:
			return 1
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// lose says whether an answer is one of those that are lost.
func (l *line) lose() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.losing > 0 {
		l.losing--
		return true
	}
	return false
}

// wait returns when what the server sent may go on; false when the connection has ended meanwhile.
func (l *line) wait(c *call, n int) bool {
	l.mu.Lock()
	pause := time.Duration(0)
	switch {
	case c.socket && l.trickle > 0:
		pause = time.Duration(n) * time.Second / time.Duration(l.trickle)
	case c.socket:
		pause = l.behind
	default:
		pause = l.late
	}
	l.mu.Unlock()
	if pause == 0 {
		return true
	}
	select {
	case <-c.ended:
		return false
	case <-time.After(pause):
		return true
	}
}
