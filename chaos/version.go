//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// upgraded brings two nodes from an older version to this one, one after the other, while everybody goes on. In between the
// two versions serve the same people over the same database and the same Redis, and everybody is sent from one to the other.
func (p plan) upgraded(ctx context.Context, name string) (ok bool, err error) {
	if p.older == "" {
		p.report.note("Not tried: %s. No older version was named.", name)
		return true, nil
	}
	sources, err := checkout(ctx, p.root, p.older)
	if err != nil {
		return false, err
	}
	older, err := build(ctx, p.root, "parley-older", sources, nil)
	if err != nil {
		return false, err
	}
	w, err := p.system(ctx, options{nodes: 2, binary: older}, name)
	if err != nil {
		return false, err
	}
	defer w.end()
	p.report.happened(name)
	w.talk()
	live := func() {
		sleep(ctx, 6*time.Second)
		w.change()
		w.healed(ctx, name, back, whole)
	}
	live()
	for i := len(w.nodes) - 1; i >= 0; i-- { // the one that nobody prefers at first
		n := w.nodes[i]
		if err := n.process.End(syscall.SIGTERM, 40*time.Second); err != nil {
			return false, err
		}
		n.binary = p.binary
		if err := w.returns(ctx, n, name); err != nil {
			return false, err
		}
		for range 3 {
			live()
		}
	}
	found, err := w.judged(ctx, name)
	if err != nil {
		return false, err
	}
	return w.said(found), nil
}

// checkout lays a version's sources into a folder of its own.
func checkout(ctx context.Context, root, revision string) (folder string, err error) {
	folder = filepath.Join(root, "older")
	if err := os.Mkdir(folder, 0o700); err != nil {
		return "", err
	}
	archive, err := exec.CommandContext(ctx, "git", "archive", "--format=tar", revision).Output()
	if err != nil {
		return "", fmt.Errorf("the sources of %s: %w", revision, err)
	}
	unpack := exec.CommandContext(ctx, "tar", "-x", "-C", folder)
	unpack.Stdin = bytes.NewReader(archive)
	if said, err := unpack.CombinedOutput(); err != nil {
		return "", fmt.Errorf("the sources of %s: %w\n%s", revision, err, said)
	}
	return folder, nil
}
