//go:build linux || darwin

package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
)

const (
	exclusive = syscall.LOCK_EX
	shared    = syscall.LOCK_SH
)

// errHeld says that somebody else holds the lock.
var errHeld = errors.New("lock is held")

// pollEvery is how often locks and starting servers are looked at. A server
// needs about 25 ms to start.
const pollEvery = 2 * time.Millisecond

// A lock is an advisory lock on an open file; the kernel releases it when the
// last process that has this opening of the file is gone.
type lock struct{ file *os.File }

// tryLock takes the lock or fails at once with errHeld. Without create a
// missing file is an error: root must not leave files of its own in a folder
// of somebody else.
func tryLock(path string, how int, create bool) (*lock, error) {
	flags := os.O_RDWR | syscall.O_NOFOLLOW
	if create {
		flags |= os.O_CREATE
	}
	for {
		file, err := os.OpenFile(path, flags, 0o600)
		if err != nil {
			return nil, err
		}
		if err := flock(file, how|syscall.LOCK_NB); err != nil {
			_ = file.Close()
			if errors.Is(err, syscall.EWOULDBLOCK) {
				return nil, errHeld
			}
			return nil, fmt.Errorf("locking %s: %w", path, err)
		}
		// Between opening and locking the file may have been removed: then the
		// lock is on a file that nobody else will ever see.
		if there, err := os.Stat(path); err == nil {
			if mine, err := file.Stat(); err == nil && os.SameFile(there, mine) {
				return &lock{file}, nil
			}
		}
		_ = file.Close()
	}
}

// waitLock takes the exclusive lock as soon as it is free.
func waitLock(ctx context.Context, path string, create bool) (*lock, error) {
	for {
		l, err := tryLock(path, exclusive, create)
		if !errors.Is(err, errHeld) {
			return l, err
		}
		if err := pause(ctx, pollEvery); err != nil {
			return nil, fmt.Errorf("waiting for another parley to finish starting or stopping the database (%s): %w", path, err)
		}
	}
}

// release unlocks, also for processes that inherited the opening.
func (l *lock) release() error {
	return errors.Join(flock(l.file, syscall.LOCK_UN), l.file.Close())
}

// hand closes the file but leaves the lock to the processes that inherited it.
func (l *lock) hand() { _ = l.file.Close() }

// write leaves a word in the file for people and messages. That it cannot be
// written harms nothing.
func (l *lock) write(word string) {
	if l.file.Truncate(0) == nil {
		_, _ = l.file.WriteAt([]byte(word+"\n"), 0)
	}
}

func readWord(path string) string {
	b, err := os.ReadFile(path)
	if err != nil || len(b) == 0 {
		return "unknown"
	}
	return strings.TrimSpace(string(b))
}

func flock(file *os.File, how int) error {
	for {
		if err := syscall.Flock(int(file.Fd()), how); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// pause waits, or returns the context's error if that ends first.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
