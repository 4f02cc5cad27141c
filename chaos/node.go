//go:build linux

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"parley/chaos/process"
)

// node is one process of the real binary, at an address that stays.
type node struct {
	name, addr string
	redis      string // the address it reaches Redis at, if it does
	root       string
	binary     string // it runs; the system's where it is empty
	env        []string
	ahead      time.Duration // of everybody else's clock
	process    *process.Process
	runs       int
}

// probe is compiled into the binary that is tried, and into no other: it tells what no door of Parley tells, see check 8.
const probe = `package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"syscall"
)

func init() {
	path := os.Getenv("CHAOS_PROBE")
	if path == "" {
		return
	}
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	go func() {
		for range asked {
			runtime.GC()
			runtime.GC()
			var memory runtime.MemStats
			runtime.ReadMemStats(&memory)
			if f, err := os.Create(path + ".goroutines"); err == nil {
				_ = pprof.Lookup("goroutine").WriteTo(f, 1)
				_ = f.Close()
			}
			stacks := make([]byte, 4<<20)
			stacks = stacks[:runtime.Stack(stacks, true)]
			ahead := bytes.Count(stacks, []byte("bgreader.(*BGReader).bgRead("))
			said, _ := json.Marshal(map[string]int64{"goroutines": int64(runtime.NumGoroutine() - ahead), "heap": int64(memory.HeapAlloc)})
			_ = os.WriteFile(path+".new", said, 0o644)
			_ = os.Rename(path+".new", path)
		}
	}()
}
`

// build builds the real binary into root under a name. Its sources are those in a folder, this module's where it is empty;
// only the probe is laid over them, and what else is given: the text of a file by its path.
func build(ctx context.Context, root, name, sources string, over map[string]string) (string, error) {
	list := exec.CommandContext(ctx, "go", "list", "-f", "{{.Dir}}", "parley")
	list.Dir = sources
	where, err := list.Output()
	if err != nil {
		return "", fmt.Errorf("where Parley's sources are: %w", err)
	}
	texts := map[string]string{filepath.Join(strings.TrimSpace(string(where)), "chaos_probe.go"): probe}
	maps.Copy(texts, over)
	replace := map[string]string{}
	for path, text := range texts {
		source := filepath.Join(root, name+"-"+filepath.Base(path))
		if err := os.WriteFile(source, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[path] = source
	}
	overlay := filepath.Join(root, name+"-overlay.json")
	replaced, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(overlay, replaced, 0o600); err != nil {
		return "", err
	}
	binary := filepath.Join(root, "bin", name)
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-overlay", overlay, "-o", binary, "parley")
	cmd.Dir = sources
	if said, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building Parley: %w\n%s", err, said)
	}
	return binary, nil
}

// start runs the binary. It does not wait until it answers, see ready.
func (n *node) start() error {
	cmd := exec.Command(cmp.Or(n.binary, filepath.Join(n.root, "bin", "parley")), "serve")
	cmd.Dir = n.root
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + n.root, "CHAOS_PROBE=" + n.probe(), "CHAOS_CLOCK=" + fmt.Sprint(int(n.ahead.Seconds())),
		"PARLEY_ADDR=" + n.addr, "PARLEY_DATA_DIR=" + n.data(),
		"PARLEY_REGISTRATION=open", "PARLEY_BCRYPT_COST=4",
	}, n.env...)
	var err error
	n.process, err = launch(cmd, filepath.Join(n.root, n.name+".log"))
	n.runs++
	return err
}

func (n *node) data() string  { return filepath.Join(n.root, "data-"+n.name) }
func (n *node) probe() string { return filepath.Join(n.root, n.name+".probe") }

// ready waits until the node says that it is.
func (n *node) ready(ctx context.Context, patience time.Duration) error {
	return until(ctx, patience, func(ctx context.Context) error {
		if !n.process.Alive() {
			return fmt.Errorf("node %s has ended, see %s.log", n.name, n.name)
		}
		status, err := n.get(ctx, "/readyz")
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("node %s answers %d", n.name, status)
		}
		return err
	})
}

func (n *node) get(ctx context.Context, path string) (status int, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.addr+path, nil)
	if err != nil {
		return 0, err
	}
	r.Close = true
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	_ = answer.Body.Close()
	return answer.StatusCode, nil
}

// holding is what a process holds.
type holding struct {
	Goroutines  int   `json:"goroutines"`
	Heap        int64 `json:"heap"` // after a collection
	descriptors int
}

// holds asks the process. Connections to the database and to Redis are not counted: how many of them stand idle is the
// pools' choice of the moment, and bounded by them. Nor are goroutines that read ahead on such a connection: pgx begins one
// where a write was slow, and it waits on, idle, until the connection is used again.
func (n *node) holds(ctx context.Context) (h holding, err error) {
	_ = os.Remove(n.probe())
	n.process.Signal(syscall.SIGUSR1)
	err = until(ctx, 10*time.Second, func(context.Context) error {
		said, err := os.ReadFile(n.probe())
		if err != nil {
			return err
		}
		return json.Unmarshal(said, &h)
	})
	if err != nil {
		return h, err
	}
	pooled, err := n.pooled()
	if err != nil {
		return h, err
	}
	dir := fmt.Sprintf("/proc/%d/fd", n.process.PID())
	open, err := os.ReadDir(dir)
	for _, descriptor := range open {
		to, err := os.Readlink(filepath.Join(dir, descriptor.Name()))
		if err == nil && !pooled[to] {
			h.descriptors++
		}
	}
	return h, err
}

// pooled are the sockets to the database, which are local, and those to Redis, as descriptors name them.
func (n *node) pooled() (map[string]bool, error) {
	pooled := map[string]bool{}
	local, err := os.ReadFile("/proc/net/unix")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(local)) {
		if fields := strings.Fields(line); len(fields) > 6 {
			pooled["socket:["+fields[6]+"]"] = true
		}
	}
	if n.redis == "" {
		return pooled, nil
	}
	_, port, err := splitAddr(n.redis)
	if err != nil {
		return nil, err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	calls, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(calls)) {
		if fields := strings.Fields(line); len(fields) > 9 && strings.HasSuffix(fields[2], fmt.Sprintf(":%04X", number)) {
			pooled["socket:["+fields[9]+"]"] = true
		}
	}
	return pooled, nil
}

func splitAddr(addr string) (host, port string, err error) { return net.SplitHostPort(addr) }
