//go:build linux

package main

import (
	"bytes"
	"os/exec"
	"testing"
)

// TestDelivery is the short run: one seed, the faults that take no more than a few seconds, and bounds that hold on two
// cores with something else to do. `make chaos` runs the whole table.
func TestDelivery(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it starts real processes")
	}
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("no Redis here; scripts/install.sh test installs one")
	}
	var out bytes.Buffer
	ok, err := plan{seed: 1, brief: true, people: 6, rate: 50, slack: 4}.run(t.Context(), &out)
	if err != nil || !ok {
		t.Errorf("%v\n%s", err, out.String())
	} else {
		t.Log(out.String())
	}
}
