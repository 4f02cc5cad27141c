//go:build linux || darwin

package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// initialize makes the data: all of it under another name, which is given up
// only when everything is there. What a crash leaves behind is swept away by
// the next start.
func (s *site) initialize(ctx context.Context, b binaries, held *lock) error {
	fresh := s.path("data.new")
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	if err := os.Mkdir(fresh, 0o700); err != nil {
		return err
	}
	if err := os.Lchown(fresh, s.runAs.uid, s.runAs.gid); err != nil {
		return err
	}
	flags := append([]string{"-D", fresh, "--username=postgres", "--encoding=UTF8", "--data-checksums",
		"--auth-local=peer", "--auth-host=reject", "--no-instructions"}, localeFlags...)
	if s.throwaway {
		flags = append(flags, "--no-sync")
	}
	if err := s.run(ctx, held, "", filepath.Join(b.dir, "initdb"), flags...); err != nil {
		return err
	}
	// A server without a socket, for this process alone: one statement a line,
	// and the first error ends it.
	flags = []string{"--single", "-D", fresh, "-c", "exit_on_error=on", "-c", "dynamic_shared_memory_type=mmap"}
	if s.throwaway {
		flags = append(flags, "-F")
	}
	err := s.run(ctx, held, "CREATE ROLE parley LOGIN\nCREATE DATABASE parley OWNER parley\n",
		filepath.Join(b.dir, "postgres"), append(flags, "postgres")...)
	if err != nil {
		return err
	}
	if err := os.Rename(fresh, s.data()); err != nil {
		return err
	}
	return syncFolder(s.Cluster)
}

// run runs one of PostgreSQL's programs to its end. The program inherits the
// server's lock: if we are killed, nobody touches the data before it has ended
// too.
func (s *site) run(ctx context.Context, held *lock, input, program string, args ...string) error {
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env, cmd.SysProcAttr = "/", environment(), detached(s.runAs)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &output, &output
	cmd.ExtraFiles = []*os.File{held.file}
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, syscall.EPERM) {
		return fmt.Errorf("running %s as user %s: %w", filepath.Base(program), s.runAs, err)
	}
	return fmt.Errorf("%s failed: %s", filepath.Base(program), complaint(output.String(), err))
}

// complaint is the line of a program's output that says what went wrong, with
// the hint that may follow it. What a server that is starting answers to those
// who cannot wait for it is no complaint.
func complaint(output string, otherwise error) string {
	said, last := "", otherwise.Error()
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if said != "" {
			if _, hint, ok := strings.Cut(line, "HINT: "); ok {
				said += " (" + strings.TrimSpace(hint) + ")"
			}
			return said
		}
		for _, mark := range []string{"FATAL: ", "PANIC: ", "ERROR: ", "error: "} {
			what, ok := "", false
			if _, what, ok = strings.Cut(line, mark); !ok || said != "" {
				continue
			}
			if what = strings.TrimSpace(what); !strings.HasPrefix(what, "the database system is ") {
				said = what
			}
		}
		if line != "" {
			last = line
		}
	}
	if said != "" {
		return said
	}
	return last
}

// syncFolder makes a rename in the folder survive a power cut.
func syncFolder(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	err = dir.Sync()
	if errors.Is(err, fs.ErrInvalid) || errors.Is(err, syscall.EINVAL) {
		err = nil // not every file system knows this
	}
	return errors.Join(err, dir.Close())
}
