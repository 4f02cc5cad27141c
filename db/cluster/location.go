//go:build linux || darwin

package cluster

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// Location says where a cluster is or will be.
type Location struct {
	DataDir string // the data folder: absolute, symbolic links resolved
	Cluster string // the cluster's own folder: data, settings, locks
	Socket  string // the folder of the server's socket
	Log     string // the server's log file; at most two of 4 MiB are kept
	User    string // the operating system user the server runs as
}

// Elsewhere reports whether the cluster is outside of the data folder, because
// the user the server runs as may not enter that.
func (l Location) Elsewhere() bool { return filepath.Dir(l.Cluster) != l.DataDir }

// Locate says where the cluster of a data folder is, or will be when it is
// first started. It changes nothing.
func Locate(dataDir string) (Location, error) {
	s, err := locate(Config{DataDir: dataDir})
	if err != nil {
		return Location{}, err
	}
	return s.Location, nil
}

// A machine is what differs between computers, and in tests.
type machine struct {
	euid      int
	users     []string // whom a server started by root runs as: the first that exists
	elsewhere string   // where root puts clusters whose data folder is closed
	short     string   // where others put sockets whose path would be too long
	places    []string // patterns of folders with PostgreSQL's binaries
	path      string   // $PATH

	// How long a server may take to stop before the next stronger signal.
	insist time.Duration
	// How long to wait for processes on the data that are no server that is
	// starting: an initdb without its parent, the children of a killed server.
	patience time.Duration
	// How often the server's log is looked at.
	housekeeping time.Duration
}

func thisMachine() *machine {
	return &machine{
		euid:         os.Geteuid(),
		users:        []string{"postgres", "nobody"},
		elsewhere:    "/var/lib/parley",
		short:        "/tmp",
		places:       usualPlaces,
		path:         os.Getenv("PATH"),
		insist:       5 * time.Second,
		patience:     time.Minute,
		housekeeping: time.Minute,
	}
}

// A site is a location together with who may do what there.
type site struct {
	Location
	machine *machine
	runAs   account
	// foreign means that we are root and the cluster or the data folder belongs
	// to somebody who is not: then we may use a running server, but create
	// nothing in a folder where its owner could turn our paths elsewhere.
	foreign   bool
	throwaway bool
}

// locate finds the cluster without changing anything.
func locate(config Config) (*site, error) {
	s := &site{machine: config.machine, throwaway: config.Throwaway}
	if s.machine == nil {
		s.machine = thisMachine()
	}
	if config.DataDir == "" {
		return nil, errors.New("no data folder is named")
	}
	var err error
	if s.DataDir, err = realPath(config.DataDir); err != nil {
		return nil, s.unusable(err)
	}
	newcomer, err := s.newcomer()
	if err != nil {
		return nil, err
	}
	if s.Cluster, err = s.home(newcomer); err != nil {
		return nil, err
	}
	if s.runAs, err = s.owner(newcomer); err != nil {
		return nil, err
	}
	s.User = s.runAs.name
	s.Socket = s.socket()
	s.Log = s.path("log", "postgres.log")
	return s, nil
}

// path is a path inside the cluster's folder.
func (s *site) path(names ...string) string {
	return filepath.Join(append([]string{s.Cluster}, names...)...)
}

func (s *site) data() string { return s.path("data") }

// record is the file in the data folder that names a cluster kept elsewhere.
func (s *site) record() string { return filepath.Join(s.DataDir, "postgres.location") }

// newcomer is whom a cluster made now would belong to.
func (s *site) newcomer() (account, error) {
	if s.machine.euid != 0 {
		self := accountOf(s.machine.euid)
		if self.name == "" {
			// The server looks up the name of whoever connects, and so does initdb.
			return account{}, fmt.Errorf("PostgreSQL needs a name for user id %d: add it to /etc/passwd, or run as a user that has one", self.uid)
		}
		return self, nil
	}
	// A number without a name is no user of this machine: such a folder comes
	// into a container from outside.
	if uid, ok := ownerOf(s.DataDir); ok && uid != 0 {
		if a := accountOf(uid); a.name != "" {
			s.foreign = true
			return a, nil
		}
	}
	for _, name := range s.machine.users {
		if a, ok := accountNamed(name); ok {
			return a, nil
		}
	}
	return account{}, fmt.Errorf("PostgreSQL does not run as root, and none of its users exists here: %s", strings.Join(s.machine.users, ", "))
}

// home is the cluster's folder: recorded, found, or chosen.
func (s *site) home(newcomer account) (string, error) {
	inside := filepath.Join(s.DataDir, "postgres")
	recorded, err := os.ReadFile(s.record())
	if err == nil {
		if path := strings.TrimSpace(string(recorded)); filepath.IsAbs(path) {
			return path, nil
		}
		return "", fmt.Errorf("%s does not name a folder", s.record())
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", s.unusable(err)
	}
	if _, err := os.Lstat(inside); err == nil || s.machine.euid != 0 {
		return inside, nil
	}
	open, err := newcomer.mayEnter(existing(s.DataDir))
	if err != nil || open {
		return inside, err
	}
	// A cluster that stands there without a record belonged to a data folder
	// that was deleted. Its data must not come back unasked.
	for n := 1; ; n++ {
		path := filepath.Join(s.machine.elsewhere, hash(s.DataDir))
		if n > 1 {
			path = fmt.Sprintf("%s-%d", path, n)
		}
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			return path, nil
		} else if err != nil {
			return "", err
		}
	}
}

// owner is whom the server runs as: whoever owns the data already, otherwise
// the newcomer.
func (s *site) owner(newcomer account) (account, error) {
	folder, ok := ownerOf(s.Cluster)
	if !ok {
		return newcomer, nil
	}
	if folder != s.machine.euid {
		s.foreign = true
		if s.machine.euid != 0 {
			return account{}, s.foreignError()
		}
	}
	data, ok := ownerOf(s.data())
	if !ok {
		return newcomer, nil
	}
	if data == 0 {
		return account{}, fmt.Errorf("%s belongs to root, and PostgreSQL does not run as root: give it to the user it shall run as", s.data())
	}
	return accountOf(data), nil
}

func (s *site) foreignError() error {
	what, path := "database", s.Cluster
	uid, ok := ownerOf(path)
	if !ok || uid == s.machine.euid {
		what, path = "data folder", s.DataDir
		uid, _ = ownerOf(path)
	}
	return fmt.Errorf("the %s %s belongs to user %s: run parley as that user", what, path, accountOf(uid))
}

// maxSocketPath is the longest path of a socket that every system takes:
// sockaddr_un holds 108 bytes on Linux and 104 on macOS, each with a final 0.
const maxSocketPath = 103

const socketName = ".s.PGSQL.5432"

// plain matches paths that need no quoting in a list of folders and addresses.
var plain = regexp.MustCompile(`^[A-Za-z0-9/._-]+$`)

func (s *site) socket() string {
	path := s.path("socket")
	if len(path)+1+len(socketName) <= maxSocketPath && plain.MatchString(path) {
		return path
	}
	if s.machine.euid == 0 && !s.foreign {
		return filepath.Join(s.machine.elsewhere, hash(s.Cluster)+".s")
	}
	return filepath.Join(s.machine.short, "parley-"+hash(s.Cluster))
}

// unusable is the one line for a data folder that does not work.
func (s *site) unusable(err error) error {
	return fmt.Errorf("the data folder cannot be used: %w (PARLEY_DATA_DIR names another)", err)
}

func hash(path string) string {
	sum := sha256.Sum256([]byte(path))
	return hex.EncodeToString(sum[:8])
}

// realPath resolves the symbolic links of the part of a path that exists.
func realPath(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	rest := ""
	for {
		real, err := filepath.EvalSymlinks(path)
		if err == nil {
			return filepath.Join(real, rest), nil
		}
		if !errors.Is(err, fs.ErrNotExist) || path == "/" {
			return "", err
		}
		path, rest = filepath.Dir(path), filepath.Join(filepath.Base(path), rest)
	}
}

// existing is the nearest folder above path, or path itself, that exists.
func existing(path string) string {
	for {
		if _, err := os.Lstat(path); err == nil || path == "/" {
			return path
		}
		path = filepath.Dir(path)
	}
}

func ownerOf(path string) (uid int, ok bool) {
	info, err := os.Lstat(path)
	if err != nil {
		return 0, false
	}
	return int(info.Sys().(*syscall.Stat_t).Uid), true
}
