//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// The operations of a frame (RFC 6455, 5.2).
const (
	opText  = 1
	opClose = 8
	opPing  = 9
	opPong  = 10
)

// socket is a page's socket as far as this tool needs one: it reads text frames, answers pings, and sends small frames.
type socket struct {
	conn  net.Conn
	r     *bufio.Reader
	got   atomic.Int64 // bytes of text so far
	code  atomic.Int64 // that the server closed it with
	ended chan struct{}

	writing sync.Mutex
}

// buffers are for contents; a socket that waits holds none.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

// source is the address that the socket n comes from. One address has some 28,000 ports for connections to the same server,
// and those that were closed a minute ago count.
func source(n int) net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+n%16))} }

// dial opens a socket and returns once the server has agreed to it.
func dial(ctx context.Context, n int, addr, path, cookie string) (*socket, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	dialer := net.Dialer{LocalAddr: source(n), KeepAlive: -1, Control: latePort}
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	s := &socket{conn: conn, r: bufio.NewReaderSize(conn, 512), ended: make(chan struct{})}
	_ = conn.SetDeadline(time.Now().Add(patience))
	// The key is any: it guards against proxies that answer from a cache, and there is none.
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nOrigin: http://%s\r\nCookie: %s\r\nConnection: Upgrade\r\n"+
		"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: cGFybGV5IGxvYWQgdG9vbA==\r\n\r\n",
		path, addr, addr, cookie); err != nil {
		_ = conn.Close()
		return nil, err
	}
	if err := s.agreed(); err != nil {
		_ = conn.Close()
		return nil, err
	}
	_ = conn.SetDeadline(time.Time{})
	return s, nil
}

// agreed reads the answer to the question for a socket. Whether it is one is all that counts of it: net/http would make a map
// of its headers, on the machine that this tool shares with what it measures.
func (s *socket) agreed() error {
	const switching = "HTTP/1.1 101 "
	status, err := s.r.ReadSlice('\n')
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(status, []byte(switching)) {
		return fmt.Errorf("a socket is answered with %q", bytes.TrimSpace(status))
	}
	for begun := true; ; {
		line, err := s.r.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
		if begun && string(line) == "\r\n" {
			return nil
		}
		begun = err == nil // a long line comes in pieces
	}
}

// latePort lets the kernel choose the port when it knows both ends, so that the same one serves several source addresses.
func latePort(_, _ string, c syscall.RawConn) error {
	const bindAddressNoPort = 24 // IP_BIND_ADDRESS_NO_PORT
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, bindAddressNoPort, 1)
	})
	if err != nil {
		return err
	}
	return failed
}

// listen reads until the socket ends, and hands over each text; its bytes hold only during the call.
func (s *socket) listen(take func(text []byte, at time.Time)) {
	defer close(s.ended)
	defer s.conn.Close()
	var whole *[]byte
	for {
		op, final, length, err := s.head()
		if err != nil {
			return
		}
		if op >= opClose {
			if err := s.control(op, length); err != nil {
				return
			}
			continue
		}
		if whole == nil {
			whole = buffers.Get().(*[]byte)
			*whole = (*whole)[:0]
		}
		if *whole, err = appendFrom(*whole, s.r, length); err != nil {
			return
		}
		if !final {
			continue
		}
		s.got.Add(int64(len(*whole)))
		take(*whole, time.Now())
		if cap(*whole) <= 64<<10 {
			buffers.Put(whole)
		}
		whole = nil
	}
}

// appendFrom reads so many bytes more.
func appendFrom(b []byte, r io.Reader, n int) ([]byte, error) {
	begin := len(b)
	if need := begin + n; need > cap(b) {
		b = append(make([]byte, 0, need), b...)
	}
	b = b[:begin+n]
	_, err := io.ReadFull(r, b[begin:])
	return b, err
}

// head reads a frame's beginning. A server's frames are not masked.
func (s *socket) head() (op byte, final bool, length int, err error) {
	var b [8]byte
	if _, err = io.ReadFull(s.r, b[:2]); err != nil {
		return 0, false, 0, err
	}
	op, final, length = b[0]&0x0f, b[0]&0x80 != 0, int(b[1])
	switch length {
	case 126:
		_, err = io.ReadFull(s.r, b[:2])
		length = int(binary.BigEndian.Uint16(b[:2]))
	case 127:
		_, err = io.ReadFull(s.r, b[:8])
		if n := binary.BigEndian.Uint64(b[:8]); n <= 64<<20 {
			length = int(n)
		} else if err == nil {
			err = fmt.Errorf("a frame of %d bytes", n)
		}
	default:
		if length > 127 {
			err = fmt.Errorf("a server's frame is masked")
		}
	}
	return op, final, length, err
}

func (s *socket) control(op byte, length int) error {
	content, err := appendFrom(nil, s.r, length)
	switch {
	case err != nil:
		return err
	case op == opPing:
		return s.write(opPong, content)
	case op == opClose:
		if len(content) >= 2 {
			s.code.Store(int64(binary.BigEndian.Uint16(content)))
		}
		return io.EOF
	}
	return nil
}

// say sends a text.
func (s *socket) say(text string) error { return s.write(opText, []byte(text)) }

// write sends a frame. It is masked, as a client's has to be, by zeros: that is allowed, and leaves the content as it is.
func (s *socket) write(op byte, content []byte) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	b := make([]byte, 0, 14+len(content))
	b = append(b, 0x80|op)
	if n := len(content); n < 126 {
		b = append(b, 0x80|byte(n))
	} else {
		b = append(b, 0x80|126)
		b = binary.BigEndian.AppendUint16(b, uint16(n))
	}
	b = append(b, 0, 0, 0, 0)
	_ = s.conn.SetWriteDeadline(time.Now().Add(patience))
	_, err := s.conn.Write(append(b, content...))
	return err
}

// close ends it as closing a window does.
func (s *socket) close() { _ = s.conn.Close() }

// What a frame of Parley's begins with, by its type.
var (
	isHello    = []byte(`{"type":"hello"`)
	isChanges  = []byte(`{"type":"changes"`)
	isResumed  = []byte(`{"type":"resumed"`)
	isTyping   = []byte(`{"type":"typing"`)
	isPresence = []byte(`{"type":"presence"`)
)

func is(text, kind []byte) bool { return bytes.HasPrefix(text, kind) }
