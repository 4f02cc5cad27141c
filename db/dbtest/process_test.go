//go:build linux || darwin

package dbtest

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// These tests run this test binary once more. With the variable set, only
// TestVictim runs there: it makes a database, says its address and, if so told,
// waits to be killed.
const victimVariable = "DBTEST_VICTIM"

func TestVictim(t *testing.T) {
	role := os.Getenv(victimVariable)
	if role == "" {
		t.Skip("only as another process")
	}
	fmt.Println(New(t).DSN)
	switch role {
	case "wait":
		_, _ = os.Stdin.Read(make([]byte, 1))
	case "fail":
		t.Fail()
	}
}

// again prepares this test binary as another process, with temporary folders of
// its own.
func again(t *testing.T, role string, args ...string) (_ *exec.Cmd, temp string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// What go test built is in a closed folder.
	copied := filepath.Join(folder(t, os.TempDir()), "tests")
	if out, err := exec.Command("cp", self, copied).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	temp = folder(t, root())
	cmd := exec.CommandContext(t.Context(), copied, args...)
	cmd.Dir, cmd.Env = temp, append(os.Environ(), "TMPDIR="+temp, victimVariable+"="+role)
	return cmd, temp
}

// folder is open to every user, and removed when the test ends.
func folder(t *testing.T, in string) string {
	t.Helper()
	dir, err := os.MkdirTemp(in, "pd-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func leftovers(t *testing.T, temp string) []string {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(temp, prefix+"*"))
	if err != nil {
		t.Fatal(err)
	}
	return left
}

func TestRun(t *testing.T) {
	t.Parallel()

	for role, code := range map[string]int{"pass": 0, "fail": 1} {
		t.Run("nothing is left after tests that "+role, func(t *testing.T) {
			t.Parallel()
			cmd, temp := again(t, role, "-test.run=^TestVictim$")
			out, _ := cmd.CombinedOutput()
			if got := cmd.ProcessState.ExitCode(); got != code {
				t.Errorf("exit code %d: %s", got, out)
			}
			dsn, _, _ := strings.Cut(string(out), "\n")
			if !strings.HasPrefix(dsn, "postgres://") {
				t.Fatalf("premise: there was no database: %s", out)
			}
			if left := leftovers(t, temp); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
			if conn, err := pgx.Connect(t.Context(), dsn); err == nil {
				_ = conn.Close(context.Background())
				t.Error("the server still runs")
			}
		})
	}

	t.Run("a killed test binary takes its server with it, and its folder is swept away", func(t *testing.T) {
		t.Parallel()
		if runtime.GOOS != "linux" {
			t.Skip("only Linux tells a process of its parent's death")
		}
		cmd, temp := again(t, "wait", "-test.run=^TestVictim$")
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		dsn, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		dsn = strings.TrimSpace(dsn)
		conn, err := pgx.Connect(t.Context(), dsn)
		if err != nil {
			t.Fatalf("premise: %v", err)
		}
		defer conn.Close(context.Background())

		sweep(t.Context(), temp, 0)
		if err := conn.Ping(t.Context()); err != nil {
			t.Errorf("a server in use was swept away: %v", err)
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		gone, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		// The session ends with the server: this waits for just that.
		if _, err := conn.Exec(gone, "SELECT pg_sleep(60)"); err == nil || gone.Err() != nil {
			t.Errorf("the server still runs: %v", err)
		}
		sweep(t.Context(), temp, time.Hour)
		if left := leftovers(t, temp); len(left) != 1 {
			t.Errorf("a young folder was swept away: %v", left)
		}
		sweep(t.Context(), temp, 0)
		if left := leftovers(t, temp); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	})
}

func TestRoot(t *testing.T) {
	t.Setenv("TMPDIR", "/a/place")
	if got := root(); got != "/a/place" {
		t.Errorf("TMPDIR is not heeded: %s", got)
	}
}

// TestAsOrdinaryUser runs the tests of New once more as somebody who is not
// root.
func TestAsOrdinaryUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Skip(err)
	}
	uid, _ := strconv.Atoi(nobody.Uid)
	gid, _ := strconv.Atoi(nobody.Gid)
	cmd, temp := again(t, "", "-test.run=^TestNew$|^TestFailures$", "-test.v")
	if err := os.Chown(temp, uid, gid); err != nil {
		t.Fatal(err)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestNew") {
		t.Errorf("%v: %s", err, out)
	}
	if left := leftovers(t, temp); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}
