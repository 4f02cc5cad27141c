//go:build linux || darwin

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

// The pace of restarts: the first one comes soon, since most often there was
// one accident; a server that lived for a while begins anew.
const (
	firstDelay  = 100 * time.Millisecond
	lastDelay   = 10 * time.Second
	livedAWhile = time.Minute
)

// supervise restarts the server when it dies, and keeps its log bounded.
func (c *Cluster) supervise(ctx context.Context) {
	defer close(c.supervised)
	housekeeping := time.NewTicker(c.site.machine.housekeeping)
	defer housekeeping.Stop()
	delay := firstDelay
	for {
		end := c.end(ctx)
		for alive := true; alive; {
			select {
			case <-ctx.Done():
				return
			case <-housekeeping.C:
				if err := bound(c.site.Log, maxLog); err != nil {
					c.log.Warn("the database server's log cannot be shortened", "err", err)
				}
			case <-end:
				alive = false
			}
		}
		if time.Since(c.server.since) > livedAWhile {
			delay = firstDelay
		}
		c.log.Warn("the database server died", "pid", c.server.pid, "log", c.site.Log, "restart_in", delay)
		for restarted := false; !restarted; delay = min(2*delay, lastDelay) {
			if pause(ctx, delay) != nil {
				return
			}
			next, err := c.bring(ctx)
			if err != nil {
				c.log.Error("the database server cannot be restarted", "err", err, "again_in", min(2*delay, lastDelay))
				continue
			}
			c.server, restarted = next, true
			c.log.Info("the database server runs again", "pid", next.pid)
		}
	}
}

// end is closed when the current server has ended. An adopted one is not our
// child, so we have to look.
func (c *Cluster) end(ctx context.Context) <-chan struct{} {
	if c.server.done != nil {
		return c.server.done
	}
	end := make(chan struct{})
	go func() {
		for c.stillThere() {
			if pause(ctx, 250*time.Millisecond) != nil {
				return
			}
		}
		close(end)
	}()
	return end
}

// stillThere looks for an adopted server, without disturbing somebody who is
// starting or stopping one.
func (c *Cluster) stillThere() bool {
	looking, err := tryLock(c.site.path("start.lock"), exclusive, true)
	if err != nil {
		return true
	}
	defer looking.release()
	return c.site.occupied(c.server.pid)
}

// occupied reports whether the server or any of its processes is alive.
func (s *site) occupied(pid int) bool {
	held, err := s.hold()
	if errors.Is(err, errHeld) {
		return true
	}
	if err == nil {
		held.release()
	}
	return pid > 0 && isServerOf(pid, s.data())
}

// stop ends the server with this process number, 0 for none: fast (clients are cut off, the
// data is in order), when that takes too long immediately (the next start
// recovers), and at last by force. The caller holds start.lock.
func (s *site) stop(ctx context.Context, pid int) error {
	steps := []struct {
		signal syscall.Signal
		wait   time.Duration
	}{{syscall.SIGINT, 30 * time.Second}, {syscall.SIGQUIT, s.machine.insist}, {syscall.SIGKILL, s.machine.insist}}
	for _, step := range steps {
		if !s.occupied(pid) {
			return nil
		}
		if pid > 0 && isServerOf(pid, s.data()) {
			if err := syscall.Kill(pid, step.signal); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("stopping the database server (process %d): %w", pid, err)
			}
		}
		waiting, cancel := context.WithTimeout(ctx, step.wait)
		for s.occupied(pid) && pause(waiting, pollEvery) == nil {
		}
		cancel()
		ctx = context.WithoutCancel(ctx) // who is in a hurry has given up the first step only
	}
	if s.occupied(pid) {
		return fmt.Errorf("the database server on %s does not stop", s.data())
	}
	return nil
}

// maxLog is the size in bytes from which the server's log is set aside.
const maxLog = 4 << 20

// bound sets a log aside when it has grown beyond size. The server keeps the
// file open, so the file stays and its content moves.
func bound(path string, size int64) error {
	log, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer log.Close()
	if info, err := log.Stat(); err != nil || info.Size() <= size {
		return err
	}
	old, err := os.OpenFile(path+".1", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(old, log)
	return errors.Join(err, old.Close(), log.Truncate(0))
}

// tail is the end of a log, from an offset on, at most 16 KiB.
func tail(log *os.File, from int64) string {
	content, _ := io.ReadAll(io.NewSectionReader(log, from, 16<<10))
	return string(content)
}
