//go:build linux

package main

import (
	"context"
	"time"
)

// fault is a row of the table.
type fault struct {
	name  string
	nodes int  // with how many nodes it is tried
	brief bool // also in the short run of make test
	twice bool // it weighs more: it happens twice as often
	run   func(ctx context.Context, w *world, name string) error
}

// faults is the table, in the order of docs/delivery.md.
var faults = []fault{
	{name: "kill -9 of the only node", nodes: 1, brief: true, twice: true, run: killOnly},
}

// killOnly kills the only node. Its successor comes at the same address, as a service's does.
func killOnly(ctx context.Context, w *world, name string) error {
	n := w.nodes[0]
	n.process.kill()
	sleep(ctx, time.Duration(w.random.IntN(1000))*time.Millisecond)
	return w.returns(ctx, n, name)
}

// returns starts a node that has ended, and measures until everything is well again.
func (w *world) returns(ctx context.Context, n *node, name string) error {
	began := time.Now()
	if err := n.start(); err != nil {
		return err
	}
	w.took(name, "the node is ready", 0, 20*time.Second, n.ready(ctx, time.Minute), &began)
	w.healed(ctx, name, 20*time.Second, 5*time.Second)
	return nil
}
