//go:build linux || darwin

package cluster

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// secluded is root's machine with a place of its own for clusters whose data
// folder is closed.
func secluded(t *testing.T) *machine {
	t.Helper()
	asRoot(t)
	m := thisMachine()
	m.elsewhere = filepath.Join(filepath.Dir(place(t)), "elsewhere")
	return m
}

// private is a data folder that only root can reach.
func private(t *testing.T, m *machine) Config {
	t.Helper()
	parent, err := os.MkdirTemp(scratchData, "private")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(parent, "data")
	config := Config{DataDir: dir, Throwaway: true, machine: m}
	if open, err := (account{uid: stranger(t).uid}).mayEnter(filepath.Dir(dir)); open || err != nil {
		t.Fatalf("premise: %s is open, %v", dir, err)
	}
	t.Cleanup(func() {
		if err := Remove(context.Background(), config); err != nil && !t.Failed() {
			t.Error(err)
		}
	})
	return config
}

func TestElsewhere(t *testing.T) {
	t.Parallel()

	t.Run("where the server's user may not go, the cluster is in /var/lib/parley", func(t *testing.T) {
		t.Parallel()
		asRoot(t)
		config := private(t, nil)
		before, err := Locate(config.DataDir)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(config.DataDir); err == nil {
			t.Error("Locate made the data folder")
		}
		if !before.Elsewhere() || filepath.Dir(before.Cluster) != "/var/lib/parley" {
			t.Fatalf("it is in %s", before.Cluster)
		}
		c := started(t, config)
		query(t, c.DSN(), "SELECT 'there'")
		if c.site.Location != before {
			t.Errorf("%v is not %v", c.site.Location, before)
		}
		after, err := Locate(config.DataDir)
		if err != nil || after != before {
			t.Errorf("%v is not %v, %v", after, before, err)
		}
		recorded, err := os.ReadFile(filepath.Join(config.DataDir, "postgres.location"))
		if err != nil || strings.TrimSpace(string(recorded)) != before.Cluster {
			t.Errorf("recorded is %q, %v", recorded, err)
		}
		closed(t, c)
		if err := Remove(t.Context(), config); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(before.Cluster); err == nil {
			t.Error("Remove left the cluster")
		}
	})

	t.Run("where the user may go, the cluster is in the data folder", func(t *testing.T) {
		t.Parallel()
		dir := place(t)
		l, err := Locate(dir)
		if err != nil || l.Elsewhere() || l.Cluster != filepath.Join(dir, "postgres") {
			t.Errorf("%+v, %v", l, err)
		}
	})

	t.Run("a deleted data folder does not bring its old database back", func(t *testing.T) {
		t.Parallel()
		config := private(t, secluded(t))
		c := started(t, config)
		query(t, c.DSN(), "SELECT 'old' AS x INTO old")
		closed(t, c)
		if err := os.RemoveAll(config.DataDir); err != nil {
			t.Fatal(err)
		}
		fresh := started(t, config)
		if got := query(t, fresh.DSN(), "SELECT coalesce(to_regclass('old')::text, 'nothing')"); got != "nothing" {
			t.Errorf("there is %s", got)
		}
		if fresh.site.Location.Cluster != c.site.Location.Cluster+"-2" {
			t.Errorf("it is in %s", fresh.site.Location.Cluster)
		}
	})

	t.Run("a moved data folder keeps its database, a copied one is refused", func(t *testing.T) {
		t.Parallel()
		config := private(t, secluded(t))
		c := started(t, config)
		closed(t, c)
		copied := config
		copied.DataDir += "-copy"
		if out, err := exec.Command("cp", "-a", config.DataDir, copied.DataDir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		_, err := Start(t.Context(), copied)
		oneLine(t, err, "is a copy of "+config.DataDir)

		if err := os.RemoveAll(copied.DataDir); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(config.DataDir, copied.DataDir); err != nil {
			t.Fatal(err)
		}
		moved := started(t, copied)
		if moved.site.Location.Cluster != c.site.Location.Cluster {
			t.Errorf("it is in %s", moved.site.Location.Cluster)
		}
		closed(t, moved)
		if err := Remove(t.Context(), copied); err != nil {
			t.Error(err)
		}
	})

	t.Run("a record that names no folder is refused", func(t *testing.T) {
		t.Parallel()
		dir := place(t)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "postgres.location"), []byte("hello"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Locate(dir)
		oneLine(t, err, "does not name a folder")
		if err := os.Remove(filepath.Join(dir, "postgres.location")); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(dir, "postgres.location"), 0o700); err != nil {
			t.Fatal(err)
		}
		_, err = Locate(dir)
		oneLine(t, err, "is a directory")
		if err := os.Remove(filepath.Join(dir, "postgres.location")); err != nil {
			t.Fatal(err)
		}
	})
}

func TestSocket(t *testing.T) {
	t.Parallel()

	// deep is a data folder whose cluster cannot hold a socket.
	deep := func(t *testing.T, name string) Config {
		t.Helper()
		m := thisMachine()
		m.short = filepath.Dir(place(t))
		m.elsewhere = filepath.Join(m.short, "elsewhere")
		config := Config{DataDir: filepath.Join(m.short, name, "data"), Throwaway: true, machine: m}
		t.Cleanup(func() {
			if err := Remove(context.Background(), config); err != nil && !t.Failed() {
				t.Error(err)
			}
		})
		return config
	}

	for what, name := range map[string]string{"long": strings.Repeat("long", 25), "strange": `a, 'b' "c" \d ünd %s`} {
		t.Run("a "+what+" path has its socket elsewhere", func(t *testing.T) {
			t.Parallel()
			config := deep(t, name)
			c := started(t, config)
			query(t, c.DSN(), "SELECT 'there'")
			socket := c.site.Location.Socket
			if strings.HasPrefix(socket, config.DataDir) || len(filepath.Join(socket, socketName)) > 107 {
				t.Errorf("the socket is in %s", socket)
			}
			if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("the socket's folder: %v, %v", info, err)
			}
		})
	}

	t.Run("a folder that somebody else put in its place is refused", func(t *testing.T) {
		t.Parallel()
		config := deep(t, strings.Repeat("long", 25))
		s, err := locate(config)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(s.Socket, 0o755); err != nil {
			t.Fatal(err)
		}
		_, err = Start(t.Context(), config)
		oneLine(t, err, s.Socket, "mode 0700")
		if err := os.Remove(s.Socket); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("/", s.Socket); err != nil {
			t.Fatal(err)
		}
		_, err = Start(t.Context(), config)
		oneLine(t, err, s.Socket, "mode 0700")
	})

	t.Run("an ordinary user's socket that would be too long is in /tmp", func(t *testing.T) {
		t.Parallel()
		m := thisMachine()
		if m.euid == 0 {
			m.euid = stranger(t).uid
		}
		s, err := locate(Config{DataDir: "/" + strings.Repeat("long", 25), machine: m})
		if err != nil || filepath.Dir(s.Socket) != "/tmp" {
			t.Errorf("%v, %v", s, err)
		}
	})
}

func TestUnusable(t *testing.T) {
	t.Parallel()

	for what, path := range map[string]func(t *testing.T) string{
		"below a file": func(t *testing.T) string {
			file := filepath.Join(filepath.Dir(place(t)), "file")
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			return filepath.Join(file, "data")
		},
		"that is a file": func(t *testing.T) string {
			file := filepath.Join(filepath.Dir(place(t)), "file")
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			return file
		},
		"where nothing can be made": func(*testing.T) string { return "/proc/parley/data" },
		"that is not ours to write": func(t *testing.T) string {
			if os.Geteuid() == 0 {
				t.Skip("root may write everywhere")
			}
			dir := filepath.Dir(place(t))
			if err := os.Chmod(dir, 0o555); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.Chmod(dir, 0o755) })
			return filepath.Join(dir, "data")
		},
		"whose cluster is a file": func(t *testing.T) string {
			dir := place(t)
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, "postgres")
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.Remove(file) })
			return dir
		},
	} {
		t.Run("a data folder "+what+" gives one clear line", func(t *testing.T) {
			t.Parallel()
			dir := path(t)
			_, err := Start(t.Context(), Config{DataDir: dir})
			oneLine(t, err, "the data folder cannot be used", "PARLEY_DATA_DIR")
		})
	}

	t.Run("no data folder at all is an error", func(t *testing.T) {
		t.Parallel()
		_, err := Locate("")
		oneLine(t, err, "no data folder")
	})

	t.Run("a full disk gives one clear line, and room heals it", func(t *testing.T) {
		t.Parallel()
		asRoot(t)
		dir := place(t)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=20m,mode=755", "none", dir).CombinedOutput(); err != nil {
			t.Skipf("mounting is not allowed: %s", out)
		}
		t.Cleanup(func() {
			_ = Remove(context.Background(), Config{DataDir: dir})
			if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
		_, err := Start(t.Context(), Config{DataDir: dir, Throwaway: true})
		oneLine(t, err, "initdb failed", "space")
		if out, err := exec.Command("mount", "-o", "remount,size=200m", dir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		c := started(t, Config{DataDir: dir, Throwaway: true})
		query(t, c.DSN(), "SELECT 'healed'")
		closed(t, c)
	})
}

func TestAccounts(t *testing.T) {
	t.Parallel()

	t.Run("a user without a name is told that PostgreSQL needs one", func(t *testing.T) {
		t.Parallel()
		m := thisMachine()
		m.euid = 1234567
		_, err := locate(Config{DataDir: place(t), machine: m})
		oneLine(t, err, "user id 1234567", "/etc/passwd")
	})

	t.Run("root takes the first user that exists, and needs one", func(t *testing.T) {
		t.Parallel()
		m := thisMachine()
		m.euid = 0
		m.users = []string{"no-such-user", "nobody"}
		s := &site{machine: m}
		a, err := s.newcomer()
		if err != nil || a.name != "nobody" {
			t.Errorf("%v, %v", a, err)
		}
		m.users = m.users[:1]
		_, err = s.newcomer()
		oneLine(t, err, "no-such-user")
	})

	t.Run("the cluster can run as nobody", func(t *testing.T) {
		t.Parallel()
		asRoot(t)
		m := thisMachine()
		m.users = []string{"nobody"}
		c := started(t, Config{DataDir: place(t), Throwaway: true, machine: m})
		if c.site.Location.User != "nobody" {
			t.Errorf("it runs as %s", c.site.Location.User)
		}
		query(t, c.DSN(), "SELECT 'there'")
	})

	t.Run("an account without a name is its number", func(t *testing.T) {
		t.Parallel()
		if got := accountOf(1234567).String(); got != "1234567" {
			t.Errorf("got %s", got)
		}
	})

	t.Run("who may not change accounts is told so", func(t *testing.T) {
		t.Parallel()
		if os.Geteuid() == 0 {
			t.Skip("root may")
		}
		_, err := (account{uid: 1, name: "somebody"}).mayEnter("/")
		oneLine(t, err, "as user somebody", "not permitted")
		s := &site{runAs: account{uid: 1, name: "somebody"}}
		held, err := tryLock(filepath.Join(t.TempDir(), "lock"), exclusive, true)
		if err != nil {
			t.Fatal(err)
		}
		defer held.release()
		err = s.run(t.Context(), held, "", "/bin/sh", "-c", "true")
		oneLine(t, err, "as user somebody", "not permitted")
		if errors.Is(err, os.ErrNotExist) {
			t.Error(err)
		}
	})
}
