//go:build linux

package main

import (
	"hash/fnv"
	"os"
	"slices"
	"syscall"
	"time"
)

// calibration is what the machine can do at the moment, by work that is always the same.
type calibration struct {
	Loop float64 `json:"loop_ms"` // a fixed loop on one core, the median of three
	Sync float64 `json:"sync_ms"` // making 8 KiB durable in the folder of the run, the median of 21
}

// loops is some 50 ms of work.
const loops = 40

func calibrate(folder string) calibration {
	return calibration{Loop: median(3, spin), Sync: median(21, durable(folder))}
}

// median of so many times, in milliseconds.
func median(n int, work func()) float64 {
	took := make([]time.Duration, n)
	for i := range took {
		began := time.Now()
		work()
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return float64(took[n/2]) / float64(time.Millisecond)
}

func spin() {
	block := make([]byte, 1<<20)
	sum := fnv.New64a()
	for range loops {
		_, _ = sum.Write(block) // a hash cannot fail
	}
	if sum.Sum64() == 0 {
		panic("the work was left out")
	}
}

func durable(folder string) func() {
	block := make([]byte, 8<<10)
	return func() {
		f, err := os.CreateTemp(folder, "sync-")
		if err != nil {
			return
		}
		defer func() {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}()
		_, _ = f.Write(block)
		_ = syscall.Fdatasync(int(f.Fd()))
	}
}

// forgets says whether the folder lies in memory, where nothing is durable.
func forgets(folder string) bool {
	var fs syscall.Statfs_t
	const tmpfs = 0x01021994
	return syscall.Statfs(folder, &fs) == nil && int64(fs.Type) == tmpfs //nolint:unconvert // The type differs between architectures.
}
