package cluster

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// localeFlags for initdb: macOS calls C.UTF-8 differently.
var localeFlags = []string{"--locale=C", "--lc-ctype=UTF-8"}

// detached is a process in a session of its own: Ctrl+C in the terminal
// reaches parley alone, which then stops it in order.
func detached(as account) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Credential: as.credential()}
}

// bind does nothing here: macOS tells no process of its parent's death.
func bind(*syscall.SysProcAttr) {}

// isServerOf reports whether the process is a PostgreSQL server on the data.
func isServerOf(pid int, data string) bool {
	line, err := exec.Command("/bin/ps", "-o", "args=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(line), "postgres -D "+data+" ")
}
