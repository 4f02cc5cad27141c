package command

import (
	"bytes"
	"testing"
	"time"
)

func TestProgressLine(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := progressLine{w: &out, all: 1_000_000}
	p.wipe() // before anything is drawn
	p.draw(5_000)
	p.draw(10_000) // too soon
	p.drawn = time.Now().Add(-time.Second)
	p.draw(412_000)
	p.wipe()
	if want := "\r5,000 of 1,000,000 messages\r412,000 of 1,000,000 messages\r\x1b[K"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
