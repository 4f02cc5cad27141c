//go:build linux || darwin

package cluster

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// play is what another parley does. It says "ready" or what went wrong, and
// stops in order when its standard input ends.
func play(role string, args []string) int {
	ctx := context.Background()
	if role == "connect" {
		conn, err := pgx.Connect(ctx, args[0])
		if err != nil {
			fmt.Println(strings.ReplaceAll(err.Error(), "\n", " "))
			return 1
		}
		fmt.Println("ready")
		_ = conn.Close(ctx)
		return 0
	}
	config := Config{DataDir: args[0], Throwaway: role == "throwaway"}
	if len(args) > 1 {
		config.machine = thisMachine()
		config.machine.places = args[1:]
	}
	begin := Start
	if role == "attach" {
		begin = Attach
	}
	c, err := begin(ctx, config)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := c.Close(ctx); err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("closed")
	return 0
}

// A process is another parley.
type process struct {
	*exec.Cmd
	stdin io.WriteCloser
	lines *bufio.Scanner
}

// begin starts another parley; as may be nil.
func begin(t *testing.T, as *account, role string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(binary(t), args...)}
	p.Env = append(os.Environ(), roleVariable+"="+role)
	p.Dir = "/"
	p.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if as != nil {
		p.SysProcAttr.Credential = as.credential()
	}
	var err error
	if p.stdin, err = p.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.Stderr = os.Stderr
	p.lines = bufio.NewScanner(out)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill(); _ = p.Wait() })
	return p
}

// says reads the next line of the other parley.
func (p *process) says() string {
	if !p.lines.Scan() {
		return "nothing"
	}
	return p.lines.Text()
}

func (p *process) ready(t *testing.T) *process {
	t.Helper()
	if said := p.says(); said != "ready" {
		t.Fatalf("the other parley says %q", said)
	}
	return p
}

// kill ends the other parley without a chance to do anything.
func (p *process) kill() {
	_ = p.Process.Kill()
	_ = p.Wait()
}

// close asks the other parley to stop and returns what it says.
func (p *process) close() string {
	_ = p.stdin.Close()
	return p.says()
}

// binary is this test binary where every user can run it.
func binary(t *testing.T) string {
	t.Helper()
	path, err := copiedBinary()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var copiedBinary = sync.OnceValues(func() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	path := filepath.Join(scratch, "parley")
	return path, exec.Command("cp", self, path).Run()
})

// serverOn is the one server on a data folder; it fails if there are more.
func serverOn(t *testing.T, dataDir string) int {
	t.Helper()
	all := serversUnder(dataDir + "/")
	if len(all) != 1 {
		t.Fatalf("%d servers run on %s instead of one: %v", len(all), dataDir, all)
	}
	return all[0]
}

// serversUnder lists the servers whose data is below a path.
func serversUnder(path string) []int {
	serves := map[int]int{} // to the parent
	for _, p := range processes() {
		if len(p.args) > 2 && filepath.Base(p.args[0]) == "postgres" && p.args[1] == "-D" && strings.HasPrefix(p.args[2], path) {
			serves[p.pid] = p.parent
		}
	}
	var found []int
	for pid, parent := range serves {
		// A child has its parent's command line until it gives itself a name.
		if _, child := serves[parent]; !child {
			found = append(found, pid)
		}
	}
	return found
}

// An entry is one line of the table of processes.
type entry struct {
	pid, parent int
	args        []string
}

func processes() (all []entry) {
	if runtime.GOOS != "linux" {
		out, err := exec.Command("/bin/ps", "-axo", "pid=,ppid=,args=").Output()
		if err != nil {
			panic(err)
		}
		for line := range strings.Lines(string(out)) {
			if fields := strings.Fields(line); len(fields) > 2 {
				pid, _ := strconv.Atoi(fields[0])
				parent, _ := strconv.Atoi(fields[1])
				all = append(all, entry{pid, parent, fields[2:]})
			}
		}
		return all
	}
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		line, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		stat, err2 := os.ReadFile(filepath.Join(dir, "stat"))
		if err != nil || err2 != nil {
			continue // ended meanwhile
		}
		// pid (name) state parent …
		rest := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		pid, _ := strconv.Atoi(filepath.Base(dir))
		parent, _ := strconv.Atoi(rest[1])
		all = append(all, entry{pid, parent, strings.Split(string(bytes.TrimRight(line, "\x00")), "\x00")})
	}
	return all
}
