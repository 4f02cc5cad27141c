package realtime

import (
	"context"
	"maps"
	"slices"
	"time"

	"parley/chat"
)

// FramesIn are the types of the frames that a page may send.
func FramesIn() []string { return slices.Sorted(maps.Keys(framesIn)) }

// Hear is what a hint of another node does.
func (h *Hub) Hear(event chat.Event) { h.hear(event) }

// SweepNow sweeps once.
func (h *Hub) SweepNow(ctx context.Context) { _, _ = h.sweep(ctx, time.Now().Add(-sweepOverlap)) }

// MostArriving sets how many may be arriving at one time.
func (h *Hub) MostArriving(most int64) { h.admission.mostArriving = most }

// PatientWithRedis lets a Redis take long to say where people are, on a machine that is busy.
func (h *Hub) PatientWithRedis(patience time.Duration) {
	if c, ok := h.connections.(*redisConnections); ok {
		c.patience = patience
	}
}
