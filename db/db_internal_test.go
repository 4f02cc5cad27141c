package db

import (
	"errors"
	"testing"
)

func TestOneLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"it failed:\n\tone: refused\n\tone: refused\n\ttwo:  refused\n": "it failed: one: refused two: refused",
		"it failed: lookup x: no such host\nlookup x: no such host":     "it failed: lookup x: no such host",
		"it failed: one: refused\n\n":                                   "it failed: one: refused",
		"":                                                              "",
	} {
		if got := (oneLine{errors.New(text)}).Error(); got != want {
			t.Errorf("%q becomes %q", text, got)
		}
	}
}
