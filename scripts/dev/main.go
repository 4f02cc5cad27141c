// Dev runs Parley for people who change it, and shows every saved file in the browser:
//
//   - a .templ file: templ writes the new text beside the running server, and the page reloads;
//   - a file under static/, which the server reads from disk in development: the page reloads;
//   - Go code, a sentence of the catalogue, a migration: the server is built anew, and when that worked, restarted.
//
// The browser talks to templ's proxy, which adds the script that reloads.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

const (
	interval  = 75 * time.Millisecond  // between two looks at the files
	patience  = 30 * time.Second       // for a new server to answer
	pause     = 700 * time.Millisecond // between two reloads: a page that is loading hears nothing
	binary    = "bin/parley-dev"
	textFiles = ".cache/templ" // where templ keeps the text of edited templates
)

func main() {
	port := flag.Int("port", 7331, "port of the proxy that the browser talks to")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *port); err != nil {
		fmt.Fprintln(os.Stderr, "dev:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, port int) error {
	addr := os.Getenv("PARLEY_ADDR")
	if addr == "" {
		addr = "127.0.0.1:8080"
	}
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return fmt.Errorf("PARLEY_ADDR: %w", err)
	}
	texts, err := filepath.Abs(textFiles)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(texts, 0o700); err != nil {
		return err
	}
	d := &dev{addr: addr, proxy: "http://127.0.0.1:" + strconv.Itoa(port)}
	d.environ = append(os.Environ(), "PARLEY_DEV=on", "PARLEY_ADDR="+addr, "TEMPL_DEV_MODE=true", "TEMPL_DEV_MODE_ROOT="+texts)
	if os.Getenv("PARLEY_BASE_URL") == "" {
		d.environ = append(d.environ, "PARLEY_BASE_URL="+d.proxy)
	}
	templ, err := d.startTempl(port)
	if err != nil {
		return err
	}
	defer func() {
		_ = d.stop(templ)
	}()
	return d.loop(ctx)
}

// dev is one session of development.
type dev struct {
	addr    string // of the server
	proxy   string // what the browser talks to
	environ []string
	server  *process
	loaded  time.Time // when pages were told to load again
}

// process is a child with a way to wait for it more than once.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{}
}

func (d *dev) start(name string, args ...string) (*process, error) {
	cmd := exec.Command(name, args...) //nolint:noctx // A child is stopped gently, see stop.
	cmd.Env, cmd.Stdout, cmd.Stderr = d.environ, os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd, make(chan struct{})}
	go func() {
		defer close(p.exited)
		_ = cmd.Wait()
	}()
	return p, nil
}

// stop asks a child to end and waits until it has: the server takes its PostgreSQL with it.
func (d *dev) stop(p *process) error {
	if p == nil {
		return nil
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-p.exited
	return nil
}

// startTempl starts templ's watcher and proxy. It is given go.mod to watch too, because its proxy starts with the first
// watched file that is no template.
func (d *dev) startTempl(port int) (*process, error) {
	tool, err := exec.Command("go", "tool", "-n", "templ").Output() //nolint:noctx // It only prints a path.
	if err != nil {
		return nil, fmt.Errorf("go tool -n templ: %w", err)
	}
	path := string(tool[:len(tool)-1])
	return d.start(path, "generate", "--watch", "--watch-pattern", `(\.templ$)|(/go\.mod$)`, "--open-browser=false", "--log-level", "warn",
		"--proxy", "http://"+d.addr, "--proxybind", "127.0.0.1", "--proxyport", strconv.Itoa(port))
}

// loop looks at the files until ctx ends. A change counts once the files have been quiet for one look.
func (d *dev) loop(ctx context.Context) error {
	defer func() { _ = d.stop(d.server) }()
	files := newLooker(os.DirFS("."))
	acted, err := files.look()
	if err != nil {
		return err
	}
	if d.rebuild(ctx) {
		fmt.Printf("\nParley for development: %s (Ctrl+C stops it)\n\n", d.proxy)
	}
	last := acted
	for ticks := time.NewTicker(interval); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
		now, err := files.look()
		if errors.Is(err, fs.ErrNotExist) {
			continue // A file went away while we looked.
		} else if err != nil {
			return err
		}
		quiet := len(compare(last, now)) == 0
		last = now
		changed := compare(acted, now)
		if !quiet || len(changed) == 0 {
			continue
		}
		acted = now
		d.act(ctx, changed)
	}
}

func (d *dev) act(ctx context.Context, changed []string) {
	worst := ignore
	for _, name := range changed {
		worst = max(worst, effect(name))
	}
	if worst == rebuild {
		fmt.Printf("dev: %s changed, building …\n", changed[0])
		if !d.rebuild(ctx) {
			return
		}
	}
	if worst != ignore {
		d.reload(ctx)
	}
}

// rebuild builds the server and, where that worked, replaces the running one; it reports whether the new one answers.
// The paths of the source stay in this binary (no -trimpath): templ finds a template's text by them.
func (d *dev) rebuild(ctx context.Context) bool {
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, ".")
	build.Stdout, build.Stderr = os.Stdout, os.Stderr
	if build.Run() != nil {
		fmt.Println("dev: the build failed; the server before it keeps running")
		return false
	}
	err := d.stop(d.server)
	if err == nil {
		d.server, err = d.start(binary, "serve")
	}
	if err == nil {
		err = d.answers(ctx)
	}
	if err != nil && ctx.Err() == nil {
		fmt.Println("dev: the server does not run:", err)
	}
	return err == nil
}

// answers waits until the server is healthy.
func (d *dev) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+d.addr+"/healthz", http.NoBody)
		if err != nil {
			return err
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			response.Body.Close()
			return nil
		}
		select {
		case <-d.server.exited:
			return errors.New("it ended, see above")
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(interval / 3):
		}
	}
}

// reload tells the open pages to load again.
func (d *dev) reload(ctx context.Context) {
	select {
	case <-ctx.Done():
		return
	case <-time.After(time.Until(d.loaded.Add(pause))):
	}
	d.loaded = time.Now()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, d.proxy+"/_templ/reload/events", http.NoBody)
	if err == nil {
		var response *http.Response
		if response, err = http.DefaultClient.Do(request); err == nil {
			response.Body.Close()
		}
	}
	if err != nil && ctx.Err() == nil {
		fmt.Println("dev: the browser could not be told:", err)
	}
}
