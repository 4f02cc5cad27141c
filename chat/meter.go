package chat

import (
	"context"
	"time"
)

// Meter is told what is to be counted, after it has happened. Its methods must not wait: somebody waits for an answer.
type Meter interface {
	// MessageStored: what somebody wrote, or what the system says, is committed.
	MessageStored(kind MessageKind)
	// SendRepeated: a send was answered with the message that it had stored before.
	SendRepeated()
	// LoginFailed: name and password did not go together. What a limit refuses before they are compared is none.
	LoginFailed()
	// LimitReached: a limit let something not through.
	LimitReached(limit Limit)
	// ViewerAsked: a request asked who stands behind its token, and that was remembered or had to be read.
	ViewerAsked(remembered bool)
}

// WithMeter lets meter count; without it nothing is counted.
func WithMeter(meter Meter) Option { return func(c *Chat) { c.meter = meter } }

type unmetered struct{}

func (unmetered) MessageStored(MessageKind) {}
func (unmetered) SendRepeated()             {}
func (unmetered) LoginFailed()              {}
func (unmetered) LimitReached(Limit)        {}
func (unmetered) ViewerAsked(bool)          {}

// meteredLimiter tells of what another limiter refuses.
type meteredLimiter struct {
	Limiter
	meter Meter
}

// Allow implements [Limiter].
func (l meteredLimiter) Allow(ctx context.Context, limit Limit, key string) (bool, time.Duration) {
	ok, wait := l.Limiter.Allow(ctx, limit, key)
	if !ok {
		l.meter.LimitReached(limit)
	}
	return ok, wait
}

// saying counts what the system says in a transaction.
type saying struct {
	Store
	events *int
}

// InsertGroup implements [Store]. A group begins with an event.
func (s saying) InsertGroup(ctx context.Context, id, owner ID, settings GroupSettings, people []ID) error {
	*s.events++
	return s.Store.InsertGroup(ctx, id, owner, settings, people)
}

// InsertEvent implements [Store].
func (s saying) InsertEvent(ctx context.Context, group, author ID, subjects []ID, event GroupEvent) error {
	*s.events++
	return s.Store.InsertEvent(ctx, group, author, subjects, event)
}

// inGroupTx is InTx for what the system says in groups: it is told to the meter once it is committed.
func (c *Chat) inGroupTx(ctx context.Context, f func(tx Store) error) error {
	events := 0
	err := c.store.InTx(ctx, func(tx Store) error { return f(saying{tx, &events}) })
	for i := 0; err == nil && i < events; i++ {
		c.meter.MessageStored(MessageSystem)
	}
	return err
}
