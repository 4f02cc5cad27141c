package command_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"parley/program/programtest"
)

func TestMain(m *testing.M) {
	programtest.Perhaps()
	m.Run()
}

// patience is how long a test waits for the program to do what it should.
const patience = 60 * time.Second

// parley prepares the program in an empty working directory with nothing but the given environment.
func parley(t *testing.T, environ []string, args ...string) *exec.Cmd {
	t.Helper()
	path, err := programtest.Path()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = slices.Concat(programtest.Environ(t), []string{"PATH=" + os.Getenv("PATH"), "HOME=" + cmd.Dir}, environ)
	return cmd
}

// finish runs the program to its end.
func finish(t *testing.T, cmd *exec.Cmd) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// freeAddr returns a loopback address on which nothing listens.
func freeAddr(t *testing.T) string {
	t.Helper()
	l := listen(t)
	defer l.Close()
	return l.Addr().String()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// lastLine returns what the person at the terminal reads last.
func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

func TestBinaryRefuses(t *testing.T) {
	t.Parallel()
	taken := listen(t).Addr().String()
	silent := freeAddr(t)
	tests := []struct {
		name    string
		environ []string
		args    string
		code    int
		stderr  string // part of the last line
	}{
		{"an unknown name in the environment", []string{"PARLEY_ADRR=:80"}, "", 1, "parley: PARLEY_ADRR: there is no such setting; did you mean PARLEY_ADDR?"},
		{"a malformed value", []string{"PARLEY_BCRYPT_COST=much"}, "", 1, `parley: PARLEY_BCRYPT_COST="much": expected a number`},
		{"an argument it does not know", nil, "frob", 2, "parley: unexpected argument frob"},
		{"a port in use", []string{"PARLEY_ADDR=" + taken}, "", 1, "parley: the address " + taken + " is in use"},
		{"a database that does not answer", []string{"PARLEY_DATABASE_URL=postgres://u:hunter2@" + silent + "/parley", "PARLEY_ADDR=" + freeAddr(t)}, "serve", 1, silent},
		{"a data folder below a file", []string{"PARLEY_DATA_DIR=" + os.Args[0] + "/data", "PARLEY_ADDR=" + freeAddr(t)}, "serve", 1, "PARLEY_DATA_DIR"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := finish(t, parley(t, test.environ, strings.Fields(test.args)...))
			last := lastLine(got.stderr)
			if got.code != test.code || !strings.HasPrefix(last, "parley: ") || !strings.Contains(last, test.stderr) {
				t.Errorf("want exit code %d and %q, got %d and\n%s", test.code, test.stderr, got.code, got.stderr)
			}
			if strings.Contains(got.stderr+got.stdout, "hunter2") {
				t.Errorf("a password is shown:\n%s", got.stderr)
			}
			if strings.Contains(got.stderr, "goroutine ") {
				t.Errorf("it panicked:\n%s", got.stderr)
			}
		})
	}
}

func TestBinaryAnswers(t *testing.T) {
	t.Parallel()
	t.Run("--help", func(t *testing.T) {
		t.Parallel()
		got := finish(t, parley(t, nil, "--help"))
		if got.code != 0 || !strings.HasPrefix(got.stdout, "Usage: parley ") || got.stderr != "" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("version", func(t *testing.T) {
		t.Parallel()
		got := finish(t, parley(t, nil, "version"))
		if got.code != 0 || !strings.HasPrefix(got.stdout, "parley ") {
			t.Errorf("%+v", got)
		}
	})
	t.Run("config, without touching the disk", func(t *testing.T) {
		t.Parallel()
		cmd := parley(t, nil, "config")
		got := finish(t, cmd)
		left, err := os.ReadDir(cmd.Dir)
		if got.code != 0 || !strings.Contains(got.stdout, "PARLEY_DATA_DIR") || !strings.Contains(got.stdout, "PostgreSQL is in /") || err != nil || len(left) != 0 {
			t.Errorf("%+v; left behind: %v (%v)", got, left, err)
		}
	})
}

// TestBinaryServes starts the server, asks it how it is, and stops it the ways a person or a supervisor would.
func TestBinaryServes(t *testing.T) {
	t.Parallel()
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run("until "+signal.String(), func(t *testing.T) {
			t.Parallel()
			cmd := parley(t, []string{"PARLEY_ADDR=127.0.0.1:0"})
			stderr, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = cmd.Process.Kill() })
			lines := bufio.NewScanner(stderr)
			url := printedURL(t, lines)

			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/healthz", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil || response.StatusCode != http.StatusOK {
				t.Fatalf("%s/healthz: %v %v", url, response, err)
			}
			response.Body.Close()

			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			var rest []string
			for lines.Scan() {
				rest = append(rest, lines.Text())
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("it did not stop gracefully: %v\n%s", err, strings.Join(rest, "\n"))
			}
		})
	}
}

// printedURL reads the log until a line names the address under which the server answers.
func printedURL(t *testing.T, lines *bufio.Scanner) string {
	t.Helper()
	var read []string
	for lines.Scan() {
		read = append(read, lines.Text())
		var line struct{ URL string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.URL != "" {
			return line.URL
		}
	}
	t.Fatalf("the server never printed its address:\n%s", strings.Join(read, "\n"))
	return ""
}
