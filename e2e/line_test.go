//go:build unix

package e2e

import (
	"bufio"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// Line is one person's way to the server: it passes on bytes, until it is told to fail as networks fail. What goes
// through it is told apart only by its first line: the page's socket, or anything else.
type Line struct {
	listener net.Listener

	mu        sync.Mutex
	server    string // host:port
	calls     map[*call]struct{}
	cut       bool
	noSockets bool
	dialled   int           // sockets that were asked for
	gate      chan struct{} // not nil while held; closed when released
	answers   bool          // what is held is only what the server sends
}

// call is one connection through the line.
type call struct {
	client, server net.Conn
	socket         bool
	dead           chan struct{} // closed when nothing passes any more, although both ends stand
	deadOnce       sync.Once
}

func newLine(t testing.TB, server string) *Line {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("a line to the server: %v", err)
	}
	l := &Line{listener: listener, server: server, calls: map[*call]struct{}{}}
	go l.accept()
	t.Cleanup(func() {
		_ = listener.Close()
		l.Release()
		l.Cut()
	})
	return l
}

// URL is where the person finds the server.
func (l *Line) URL() string { return "http://" + l.listener.Addr().String() }

// leadTo sends new connections to another server.
func (l *Line) leadTo(server string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.server = server
}

// Cut ends every connection, and every new one at once, until Mend.
func (l *Line) Cut() {
	l.mu.Lock()
	l.cut = true
	l.mu.Unlock()
	l.end(func(*call) bool { return true })
}

// Mend lets connections through again.
func (l *Line) Mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut, l.noSockets = false, false
}

// DropSockets ends the present sockets; new ones are let through.
func (l *Line) DropSockets() { l.end(func(c *call) bool { return c.socket }) }

// ForbidSockets ends sockets and refuses new ones until Mend, as some proxies do. Everything else passes.
func (l *Line) ForbidSockets() {
	l.mu.Lock()
	l.noSockets = true
	l.mu.Unlock()
	l.DropSockets()
}

// Freeze leaves the present sockets standing and lets nothing through them any more, as when a cable is pulled: neither
// end is told. New connections pass.
func (l *Line) Freeze() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.calls {
		if c.socket {
			c.deadOnce.Do(func() { close(c.dead) })
		}
	}
}

// Hold keeps back all that is sent, in both directions, until Release.
func (l *Line) Hold() { l.hold(false) }

// HoldAnswers keeps back only what the server sends.
func (l *Line) HoldAnswers() { l.hold(true) }

func (l *Line) hold(answers bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gate == nil {
		l.gate = make(chan struct{})
	}
	l.answers = answers
}

// Release lets through what was held.
func (l *Line) Release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gate != nil {
		close(l.gate)
		l.gate = nil
	}
}

// Dialled is how often the page asked for a socket so far.
func (l *Line) Dialled() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dialled
}

func (l *Line) end(which func(*call) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.calls {
		if which(c) {
			c.close()
		}
	}
}

func (c *call) close() {
	for _, conn := range []net.Conn{c.client, c.server} {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // a reset, not a farewell
			_ = tcp.Close()
		}
	}
}

func (l *Line) accept() {
	for {
		client, err := l.listener.Accept()
		if err != nil {
			return
		}
		go l.carry(client)
	}
}

func (l *Line) carry(client net.Conn) {
	c := &call{client: client, dead: make(chan struct{})}
	from := bufio.NewReader(client)
	first, err := from.Peek(len("GET /ws"))
	if err != nil {
		c.close()
		return
	}
	c.socket = strings.EqualFold(string(first), "GET /ws")
	l.mu.Lock()
	server := l.server
	l.mu.Unlock()
	if c.server, err = net.Dial("tcp", server); err != nil || !l.admit(c) {
		c.close()
		return
	}
	defer l.forget(c)
	done := make(chan struct{}, 2)
	pass := func(to net.Conn, from io.Reader) {
		defer func() { done <- struct{}{} }()
		l.pass(c, to, from)
		// A farewell is passed on as one: a reset would overtake what was said last, such as a socket's closing code.
		if tcp, ok := to.(*net.TCPConn); ok {
			_ = tcp.CloseWrite()
		}
	}
	go pass(c.server, from)
	go pass(client, c.server)
	<-done
	<-done
	_ = client.Close()
	_ = c.server.Close()
}

// admit says whether the line takes a connection now.
func (l *Line) admit(c *call) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.socket {
		l.dialled++
	}
	if l.cut || c.socket && l.noSockets {
		return false
	}
	l.calls[c] = struct{}{}
	return true
}

func (l *Line) forget(c *call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.calls, c)
}

func (l *Line) pass(c *call, to io.Writer, from io.Reader) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			l.wait(to == c.client)
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

// wait returns when what goes that way is not held.
func (l *Line) wait(answer bool) {
	l.mu.Lock()
	gate := l.gate
	if l.answers && !answer {
		gate = nil
	}
	l.mu.Unlock()
	if gate != nil {
		<-gate
	}
}
