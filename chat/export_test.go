package chat

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
