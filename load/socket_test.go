//go:build linux

package main

import (
	"bufio"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSocket(t *testing.T) {
	t.Parallel()
	here, there := net.Pipe()
	s := &socket{conn: here, r: bufio.NewReaderSize(here, 16), ended: make(chan struct{})}
	var texts []string
	go s.listen(func(text []byte, _ time.Time) { texts = append(texts, string(text)) })
	_ = there.SetDeadline(time.Now().Add(10 * time.Second))
	write := func(b string) {
		t.Helper()
		if _, err := there.Write([]byte(b)); err != nil {
			t.Fatal(err)
		}
	}
	write("\x81\x05hello")
	long := strings.Repeat("x", 300)
	write("\x81\x7e\x01\x2c" + long)
	write("\x81\x7f\x00\x00\x00\x00\x00\x00\x01\x2c" + long)
	write("\x01\x03in ") // in two pieces, with a ping between
	write("\x89\x02hi")
	pong := make([]byte, 8)
	if _, err := bufio.NewReader(there).Read(pong); err != nil || string(pong) != "\x8a\x82\x00\x00\x00\x00hi" {
		t.Errorf("a ping is answered with %q, %v", pong, err)
	}
	write("\x80\x06pieces")
	write("\x88\x02\x03\xf4") // 1012
	<-s.ended
	if want := []string{"hello", long, long, "in pieces"}; !slices.Equal(texts, want) {
		t.Errorf("got %q", texts)
	}
	if s.code.Load() != 1012 || s.got.Load() != int64(5+300+300+9) {
		t.Errorf("code %d after %d bytes", s.code.Load(), s.got.Load())
	}
}

func TestMarks(t *testing.T) {
	t.Parallel()
	text := `{"type":"changes","html":"<li data-seq=\"7\">` + bodyOf(3, 12) + `</li><li data-seq=\"8\">` + bodyOf(3, 1_234_567) +
		`</li><li>` + bodyOf(4, 5) + `</li>` + markerBegin
	var found []int
	marks([]byte(text), 3, func(n int) { found = append(found, n) })
	if !slices.Equal(found, []int{12, 1_234_567}) {
		t.Errorf("found %v", found)
	}
	if got := lastSeq([]byte(text)); got != 8 {
		t.Errorf("the last message is %d", got)
	}
	if got := lastSeq([]byte(`{"type":"beat"}`)); got != 0 {
		t.Errorf("without a message: %d", got)
	}
	var s seen
	if !s.add(100) || !s.add(3) || s.add(100) {
		t.Error("what is seen for the first time is not told from what is not")
	}
}

func TestLoopback(t *testing.T) {
	t.Parallel()
	for addr, fine := range map[string]bool{
		"127.0.0.1:80": true, "127.3.2.1:80": true, "[::1]:80": true, "10.0.0.1:80": false, "example.org:80": false, "0.0.0.0:80": false, ":80": false, "127.0.0.1": false,
	} {
		if err := loopback(addr); (err == nil) != fine {
			t.Errorf("%s: %v", addr, err)
		}
	}
	if err := bareMelody("0.0.0.0:0"); err == nil {
		t.Error("the bare server listens for others")
	}
}

func TestForm(t *testing.T) {
	t.Parallel()
	if got := form("at seven, or half past? yes"); got != "at+seven%2C+or+half+past%3F+yes" {
		t.Errorf("got %s", got)
	}
}
