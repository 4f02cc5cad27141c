package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const profile = `mode: set
parley/chat/a.go:1.1,2.2 8 1
parley/chat/a.go:3.1,4.2 2 0
parley/chat/sub/b.go:1.1,2.2 10 0
parley/chat/sub/b.go:1.1,2.2 10 1
parley/chatter/c.go:1.1,2.2 20 0
parley/views/d_templ.go:1.1,2.2 1000 0
`

func judged(t *testing.T, profile string, args ...string) (string, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "coverage.out")
	if err := os.WriteFile(file, []byte(profile), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	err := run(append([]string{"-profile", file}, args...), &out)
	return out.String(), err
}

func TestGate(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, args, problem string
	}{
		{"without floors all is well", "", ""},
		{"the total is met", "-total 45", ""},
		{"the total is missed", "-total 45.1", "45.0 % in total, at least 45.1 % is wanted"},
		{"a folder counts with what is below it, and not with what starts alike", "chat=90", ""},
		{"a folder below its floor", "chat=90.1", "90.0 % in chat, at least 90.1 % is wanted"},
		{"a folder that does not exist yet", "realtime=95", ""},
		{"everything too low is named", "-total 50 chatter=1 chat=95", "45.0 % in total, at least 50 % is wanted; 90.0 % in chat, at least 95 % is wanted; 0.0 % in chatter, at least 1 % is wanted"},
		{"a floor that is no number", "chat=much", `"chat=much" is not folder=percent`},
		{"a floor without a folder", "=95", `"=95" is not folder=percent`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := judged(t, profile, strings.Fields(test.args)...)
			if test.problem == "" && err != nil || test.problem != "" && (err == nil || !strings.HasSuffix(err.Error(), test.problem)) {
				t.Errorf("got %v, want %q", err, test.problem)
			}
		})
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	got, err := judged(t, profile, "-files", "2")
	want := "  80.0 %  parley/chat\n 100.0 %  parley/chat/sub\n   0.0 %  parley/chatter\n  45.0 %  in total, 18 of 40 statements\n" +
		"  20 statements not reached in parley/chatter/c.go\n   2 statements not reached in parley/chat/a.go\n"
	if err != nil || got != want {
		t.Errorf("error %v\n got %q\nwant %q", err, got, want)
	}
}

func TestBadProfiles(t *testing.T) {
	t.Parallel()
	if _, err := judged(t, "mode: set\n"); err == nil {
		t.Error("an empty profile passes")
	}
	if _, err := judged(t, "nonsense\n"); err == nil || !strings.Contains(err.Error(), `"nonsense"`) {
		t.Errorf("nonsense: %v", err)
	}
	if err := run([]string{"-profile", filepath.Join(t.TempDir(), "missing")}, &strings.Builder{}); err == nil {
		t.Error("a missing profile passes")
	}
}
