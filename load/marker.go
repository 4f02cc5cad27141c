//go:build linux

package main

import (
	"bytes"
	"fmt"
	"strconv"
)

// Each message that is sent says which one it is, by a word that nobody else writes, and that markup leaves as it is.
const (
	markerBegin  = "Lq7z8k2x"
	markerDigits = 7
)

// filler brings a message to about a hundred bytes, as long as what people write to each other.
const filler = " shall we meet at the station at seven, or is half past better for you and the others?"

// bodyOf is what is written in the send n of a window. Windows have numbers, so that what comes late from one is not taken
// for another's.
func bodyOf(window, n int) string {
	return fmt.Sprintf("%s%02d%0*d%s", markerBegin, window%100, markerDigits, n, filler)
}

// marks calls found for each message of the window that a text brings.
func marks(text []byte, window int, found func(n int)) {
	const length = len(markerBegin) + 2 + markerDigits
	for {
		i := bytes.Index(text, []byte(markerBegin))
		if i < 0 || len(text) < i+length {
			return
		}
		digits := text[i+len(markerBegin) : i+length]
		text = text[i+length:]
		if w, err := strconv.Atoi(string(digits[:2])); err != nil || w != window%100 {
			continue
		}
		if n, err := strconv.Atoi(string(digits[2:])); err == nil {
			found(n)
		}
	}
}

// seen is which messages a socket was brought. One goroutine alone touches it.
type seen []uint64

// add says whether it is the first time.
func (s *seen) add(n int) bool {
	for len(*s) <= n/64 {
		*s = append(*s, 0)
	}
	bit := uint64(1) << (n % 64)
	first := (*s)[n/64]&bit == 0
	(*s)[n/64] |= bit
	return first
}
