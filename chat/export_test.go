package chat

import "time"

// OnCompare lets tests see which hashes passwords are compared with.
func (c *Chat) OnCompare(f func(hash string)) {
	compare := c.passwords.compare
	c.passwords.compare = func(hash, password []byte) error {
		f(string(hash))
		return compare(hash, password)
	}
}

// NewMemoryLimiterOf is a limiter with so many buckets.
var NewMemoryLimiterOf = newMemoryLimiter

// AuditBatch is how many entries of the log are read at once.
const AuditBatch = auditBatch

// HoldHashing takes every place in which a password is hashed, and lets nobody wait longer than patience. release gives
// one of them back.
func (c *Chat) HoldHashing(patience time.Duration) (release func()) {
	c.passwords.turns.mu.Lock()
	defer c.passwords.turns.mu.Unlock()
	c.passwords.turns.free, c.passwords.turns.patience = 0, patience
	return c.passwords.turns.release
}

// Waiting is how many people whom one knows, and how many others, wait for a password to be hashed.
func (c *Chat) Waiting() (knownOnes, others int) {
	c.passwords.turns.mu.Lock()
	defer c.passwords.turns.mu.Unlock()
	return len(c.passwords.turns.waiting[known]), len(c.passwords.turns.waiting[anybody])
}

// NewMemoryViewerCacheOf is a cache of so many viewers.
var NewMemoryViewerCacheOf = newMemoryViewerCache
