//go:build linux || darwin

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// prepare locates the cluster and makes its folders, but no data yet.
func prepare(config Config) (*site, error) {
	s, err := locate(config)
	if err != nil || s.foreign {
		return s, err
	}
	if err := s.makeDataDir(); err != nil {
		return nil, s.unusable(err)
	}
	// Two first starts must agree on the place.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	deciding, err := waitLock(ctx, filepath.Join(s.DataDir, ".lock"), true)
	if err != nil {
		return nil, s.unusable(err)
	}
	defer deciding.release()
	if s, err = locate(config); err != nil {
		return nil, err
	}
	if err := s.makeFolders(); err != nil {
		return nil, s.unusable(err)
	}
	return s, nil
}

// makeDataDir creates the data folder if it is missing: closed to others, but
// open to pass through for the user the server runs as.
func (s *site) makeDataDir() error {
	if err := os.MkdirAll(filepath.Dir(s.DataDir), 0o755); err != nil {
		return err
	}
	err := os.Mkdir(s.DataDir, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil || s.machine.euid != 0 {
		return err
	}
	if err := os.Chown(s.DataDir, 0, s.runAs.gid); err != nil {
		return err
	}
	return os.Chmod(s.DataDir, 0o710)
}

// makeFolders creates the cluster's folder and what the server finds in it.
// Only data and socket belong to the user the server runs as: root must not
// write where that user could put a link.
func (s *site) makeFolders() error {
	if s.Elsewhere() {
		if err := s.makeElsewhere(); err != nil {
			return err
		}
	}
	root := s.machine.euid == 0
	pass := fs.FileMode(0o700)
	if root {
		pass = 0o711
	}
	if filepath.Dir(s.Socket) == s.machine.elsewhere {
		if err := folder(s.machine.elsewhere, 0o711); err != nil {
			return err
		}
	}
	for path, mode := range map[string]fs.FileMode{s.Cluster: pass, s.path("log"): 0o700, s.path("settings"): pass} {
		if err := folder(path, mode); err != nil {
			return err
		}
	}
	if err := s.makeLocks(); err != nil {
		return err
	}
	return s.makeSocketDir()
}

// makeLocks creates the lock files, so that root, attaching to the server of an
// ordinary user, finds them all and creates none.
func (s *site) makeLocks() error {
	for _, name := range []string{"serve.lock", "start.lock", "use.lock", "server.lock"} {
		file, err := os.OpenFile(s.path(name), os.O_CREATE|os.O_RDONLY, 0o600)
		if err != nil {
			return err
		}
		_ = file.Close() // nothing was written
	}
	return nil
}

// makeElsewhere records the place outside of the data folder, and notices a
// data folder that is a copy: it names the original's database.
func (s *site) makeElsewhere() error {
	if err := folder(s.machine.elsewhere, 0o711); err != nil {
		return err
	}
	if err := replaceFile(s.record(), s.Cluster+"\n", 0o644); err != nil {
		return err
	}
	if err := folder(s.Cluster, 0o711); err != nil {
		return err
	}
	origin, err := os.ReadFile(s.path("origin"))
	if from := strings.TrimSpace(string(origin)); err == nil && from != s.DataDir {
		named, _ := os.ReadFile(filepath.Join(from, filepath.Base(s.record())))
		if strings.TrimSpace(string(named)) == s.Cluster {
			return fmt.Errorf("%s is a copy of %s, whose database is in %s; to begin with an empty one delete %s", s.DataDir, from, s.Cluster, s.record())
		}
	}
	return replaceFile(s.path("origin"), s.DataDir+"\n", 0o600)
}

// makeSocketDir creates the socket's folder, or makes sure that the one which
// is there belongs to the server alone: /tmp is open to everybody.
func (s *site) makeSocketDir() error {
	err := os.Mkdir(s.Socket, 0o700)
	if err == nil && s.machine.euid == 0 {
		return os.Lchown(s.Socket, s.runAs.uid, s.runAs.gid)
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(s.Socket)
	if err != nil {
		return err
	}
	if uid, _ := ownerOf(s.Socket); !info.IsDir() || uid != s.runAs.uid || info.Mode().Perm() != 0o700 {
		return fmt.Errorf("%s must be a folder of user %s with mode 0700", s.Socket, s.runAs)
	}
	return nil
}

// folder creates a folder if it is missing and sets its mode, whatever the
// umask.
func folder(path string, mode fs.FileMode) error {
	if err := os.MkdirAll(path, mode); err != nil {
		return err
	}
	return os.Chmod(path, mode)
}

// replaceFile writes a file so that nobody ever sees half of it.
func replaceFile(path, content string, mode fs.FileMode) error {
	fresh := path + ".new"
	if err := os.WriteFile(fresh, []byte(content), mode); err != nil {
		return err
	}
	if err := os.Chmod(fresh, mode); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}
