//go:build linux || darwin

package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestAttach(t *testing.T) {
	t.Parallel()

	t.Run("a command uses the running server and leaves it alone", func(t *testing.T) {
		t.Parallel()
		dir := furnished(t)
		c := started(t, Config{DataDir: dir, Throwaway: true})
		a := attached(t, Config{DataDir: dir})
		pid := serverOn(t, dir)
		query(t, a.DSN(), "SELECT 'attached'")
		if a.DSN() != c.DSN() || a.AdminDSN() != c.AdminDSN() {
			t.Errorf("%s is not %s", a.DSN(), c.DSN())
		}
		closed(t, a)
		if serverOn(t, dir) != pid {
			t.Error("another server runs")
		}
		query(t, c.DSN(), "SELECT 'there'")
	})

	t.Run("a command without a server has one for its time", func(t *testing.T) {
		t.Parallel()
		dir := place(t) // not even a cluster is there
		a := attached(t, Config{DataDir: dir, Throwaway: true})
		query(t, a.DSN(), "SELECT 'attached'")
		serverOn(t, dir)
		closed(t, a)
		if left := serversUnder(dir); len(left) > 0 {
			t.Errorf("still running: %v", left)
		}
	})

	t.Run("the last of several commands stops the server", func(t *testing.T) {
		t.Parallel()
		dir := furnished(t)
		first := begin(t, nil, "attach", dir).ready(t)
		second := attached(t, Config{DataDir: dir})
		third := attached(t, Config{DataDir: dir})
		pid := serverOn(t, dir)
		if said := first.close(); said != "closed" {
			t.Errorf("the one that started it says %s", said)
		}
		closed(t, second)
		query(t, third.DSN(), "SELECT 'still there'")
		if serverOn(t, dir) != pid {
			t.Error("another server runs")
		}
		closed(t, third)
		if left := serversUnder(dir); len(left) > 0 {
			t.Errorf("still running: %v", left)
		}
	})

	t.Run("a start takes over the server of a command", func(t *testing.T) {
		t.Parallel()
		dir := furnished(t)
		a := attached(t, Config{DataDir: dir})
		pid := serverOn(t, dir)
		c := started(t, Config{DataDir: dir})
		if serverOn(t, dir) != pid {
			t.Error("another server runs")
		}
		closed(t, a)
		query(t, c.DSN(), "SELECT 'there'")
		if serverOn(t, dir) != pid {
			t.Error("another server runs")
		}
		closed(t, c)
		if left := serversUnder(dir); len(left) > 0 {
			t.Errorf("still running: %v", left)
		}
	})

	t.Run("the server of a killed command is stopped by the next one", func(t *testing.T) {
		t.Parallel()
		dir := furnished(t)
		begin(t, nil, "attach", dir).ready(t).kill()
		pid := serverOn(t, dir)
		a := attached(t, Config{DataDir: dir})
		if serverOn(t, dir) != pid {
			t.Error("another server runs")
		}
		closed(t, a)
		if left := serversUnder(dir); len(left) > 0 {
			t.Errorf("still running: %v", left)
		}
	})

	t.Run("many at once, killed at random, never have two servers", func(t *testing.T) {
		t.Parallel()
		dir := furnished(t)
		roles := []string{"serve", "attach", "attach", "serve", "attach"}
		for round := range 3 {
			watching, stop := context.WithCancel(t.Context())
			seen := make(chan int)
			go func() {
				most := 0
				for pause(watching, time.Millisecond) == nil {
					most = max(most, len(serversUnder(dir)))
				}
				seen <- most
			}()
			var all sync.WaitGroup
			for i, role := range roles {
				p := begin(t, nil, role, dir)
				all.Go(func() {
					said := p.says()
					switch {
					case said == "ready" && (i+round)%2 == 0:
						p.kill()
					case said == "ready":
						_ = p.stdin.Close()
						_ = p.Wait()
					case role == "serve" && strings.Contains(said, "in use"):
					default:
						t.Errorf("%s says %s", role, said)
					}
				})
			}
			all.Wait()
			stop()
			if most := <-seen; most != 1 {
				t.Errorf("round %d: at most %d servers at once", round, most)
			}
		}
		c := started(t, Config{DataDir: dir})
		query(t, c.DSN(), "SELECT 'fine'")
		serverOn(t, dir)
	})

	t.Run("whoever waits for another one's start gives up with the context", func(t *testing.T) {
		t.Parallel()
		dir := furnished(t)
		s, err := prepare(Config{DataDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		starting, err := tryLock(s.path("start.lock"), exclusive, true)
		if err != nil {
			t.Fatal(err)
		}
		defer starting.release()
		soon, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		for name, f := range map[string]func(context.Context, Config) (*Cluster, error){"Start": Start, "Attach": Attach} {
			_, err := f(soon, Config{DataDir: dir})
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", name, err)
			}
			oneLine(t, err, "another parley")
		}
		if err := Remove(soon, Config{DataDir: dir}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Remove: %v", err)
		}
		if left := serversUnder(dir); len(left) > 0 {
			t.Errorf("running: %v", left)
		}
	})
}

// TestOwners is about a data folder that belongs to somebody else.
func TestOwners(t *testing.T) {
	t.Parallel()

	// belonging is a data folder of a stranger.
	belonging := func(t *testing.T) (string, account) {
		t.Helper()
		other := stranger(t)
		dir := furnished(t)
		if out, err := exec.Command("chown", "-R", fmt.Sprintf("%d:%d", other.uid, other.gid), dir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		return dir, other
	}

	t.Run("root attaches to an ordinary user's running server, and makes no file there", func(t *testing.T) {
		t.Parallel()
		dir, other := belonging(t)
		p := begin(t, &other, "serve", dir).ready(t)
		a := attached(t, Config{DataDir: dir})
		query(t, a.DSN(), "SELECT 'root'")
		if got := a.site.Location.User; got != other.name {
			t.Errorf("the server runs as %s", got)
		}
		closed(t, a)
		if _, err := Start(t.Context(), Config{DataDir: dir}); err == nil {
			t.Error("root could start")
		} else {
			oneLine(t, err, "run parley as that user", other.name)
		}
		oneLine(t, Remove(t.Context(), Config{DataDir: dir}), "run parley as that user")
		if said := p.close(); said != "closed" {
			t.Errorf("it says %s", said)
		}
		err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
			if uid, _ := ownerOf(path); uid != other.uid {
				t.Errorf("%s belongs to user %d", path, uid)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})

	t.Run("root starts nothing for an ordinary user", func(t *testing.T) {
		t.Parallel()
		dir, other := belonging(t)
		_ = begin(t, &other, "attach", dir).ready(t).close()
		_, err := Attach(t.Context(), Config{DataDir: dir})
		oneLine(t, err, "run parley as that user", other.name)
	})

	t.Run("a command's server of an ordinary user is stopped by root if root is last", func(t *testing.T) {
		t.Parallel()
		dir, other := belonging(t)
		p := begin(t, &other, "attach", dir).ready(t)
		a := attached(t, Config{DataDir: dir})
		if said := p.close(); said != "closed" {
			t.Errorf("it says %s", said)
		}
		query(t, a.DSN(), "SELECT 'still there'")
		closed(t, a)
		if left := serversUnder(dir); len(left) > 0 {
			t.Errorf("still running: %v", left)
		}
	})

	t.Run("root begins nothing in an ordinary user's data folder", func(t *testing.T) {
		t.Parallel()
		other := stranger(t)
		dir := place(t)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chown(dir, 0, 0) })
		if err := os.Chown(dir, other.uid, other.gid); err != nil {
			t.Fatal(err)
		}
		for name, f := range map[string]func(context.Context, Config) (*Cluster, error){"Start": Start, "Attach": Attach} {
			if _, err := f(t.Context(), Config{DataDir: dir}); err == nil {
				t.Errorf("%s: no error", name)
			} else {
				oneLine(t, err, "the data folder "+dir+" belongs to user "+other.name)
			}
		}
		if made, err := os.ReadDir(dir); err != nil || len(made) > 0 {
			t.Errorf("there is %v, %v", made, err)
		}
		// Not a user of this machine.
		if err := os.Chown(dir, 1234567, 1234567); err != nil {
			t.Fatal(err)
		}
		c := started(t, Config{DataDir: dir, Throwaway: true})
		query(t, c.DSN(), "SELECT 'there'")
	})

	t.Run("an ordinary user is told whose database it is", func(t *testing.T) {
		t.Parallel()
		dir := furnished(t)
		m := thisMachine()
		m.euid = stranger(t).uid
		_, err := locate(Config{DataDir: dir, machine: m})
		oneLine(t, err, "belongs to user root", "run parley as that user")
	})

	t.Run("data that belongs to root is refused", func(t *testing.T) {
		t.Parallel()
		asRoot(t)
		dir := furnished(t)
		data := filepath.Join(dir, "postgres", "data")
		uid, _ := ownerOf(data)
		if err := os.Chown(data, 0, 0); err != nil {
			t.Fatal(err)
		}
		_, err := Locate(dir)
		oneLine(t, err, data, "does not run as root")
		if err := os.Chown(data, uid, 0); err != nil {
			t.Fatal(err)
		}
	})
}
