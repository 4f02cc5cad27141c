package cluster

import (
	"bytes"
	"fmt"
	"os"
	"syscall"
)

// localeFlags for initdb. SQL_ASCII or a plain C locale would leave trigrams
// without Cyrillic and Chinese.
var localeFlags = []string{"--locale=C.UTF-8"}

// detached is a process in a session of its own: Ctrl+C in the terminal
// reaches parley alone, which then stops it in order.
func detached(as account) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Credential: as.credential()}
}

// bind makes the process die (immediate shutdown) with the thread that starts
// it.
func bind(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGQUIT }

// isServerOf reports whether the process is a PostgreSQL server on the data.
// The command line can be read across users, without any privilege.
func isServerOf(pid int, data string) bool {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return false
	}
	args := bytes.Split(line, []byte{0})
	for _, arg := range args[1:] {
		if string(arg) == data {
			return bytes.HasSuffix(args[0], []byte("postgres"))
		}
	}
	return false
}
