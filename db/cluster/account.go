//go:build linux || darwin

package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// An account is a user of the operating system. Its name is empty if it has
// none.
type account struct {
	uid, gid int
	name     string
}

func (a account) String() string {
	if a.name == "" {
		return strconv.Itoa(a.uid)
	}
	return a.name
}

func accountNamed(name string) (account, bool) {
	u, err := user.Lookup(name)
	if err != nil {
		return account{}, false
	}
	return accountFrom(u), true
}

func accountOf(uid int) account {
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return account{uid: uid, gid: uid}
	}
	return accountFrom(u)
}

func accountFrom(u *user.User) account {
	uid, _ := strconv.Atoi(u.Uid) // numbers, on every Unix
	gid, _ := strconv.Atoi(u.Gid)
	return account{uid: uid, gid: gid, name: u.Username}
}

// credential makes a child process run as the account; nil if it does anyway.
func (a account) credential() *syscall.Credential {
	if a.uid == os.Geteuid() {
		return nil
	}
	return &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
}

// mayEnter asks the kernel whether the account can reach a folder, so that
// access lists and read-only rules of all kinds count: a child takes on the
// account, enters the folder and then finds no program to run.
func (a account) mayEnter(dir string) (bool, error) {
	_, err := os.StartProcess(filepath.Join(dir, ".no-such-program"), []string{""}, &os.ProcAttr{
		Dir: dir,
		Sys: &syscall.SysProcAttr{Credential: a.credential()},
	})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return true, nil
	case errors.Is(err, syscall.EACCES):
		return false, nil
	default:
		return false, fmt.Errorf("running as user %s: %w", a, err)
	}
}
