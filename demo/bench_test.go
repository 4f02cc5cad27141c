package demo_test

import (
	"testing"

	"parley/demo"
)

func BenchmarkWorld(b *testing.B) {
	for b.Loop() {
		w, err := demo.New(demo.Settings{People: 10000, Conversations: 100000, Messages: 1000000, Seed: 1, Now: now})
		if err != nil {
			b.Fatal(err)
		}
		for range w.Conversations() {
		}
	}
}
