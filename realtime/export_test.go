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

// TypingTick ends the writing that is over, and says what had to wait.
func (h *Hub) TypingTick() { h.typingTick() }

// KnowsReaders says whether it is known here who may see that somebody writes, and so it has been said to them, or to nobody.
func (h *Hub) KnowsReaders(person, conversation chat.ID) bool {
	f := h.feedOf(conversation)
	if f == nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	own := f.writers.own[person]
	return own != nil && own.answer != nil
}

// PatientWithRedis lets a Redis take long to say where people are, on a machine that is busy.
func (h *Hub) PatientWithRedis(patience time.Duration) {
	if c, ok := h.connections.(*redisConnections); ok {
		c.patience = patience
	}
}
