// Package chat is the domain of Parley: people, sessions, conversations, messages, and the rules about them.
//
// Pages, programs, sockets, jobs and the command line all come through here, so who may see or do a thing is decided
// once. The package knows no HTTP, no SQL and no HTML, and holds no sentence for people: a mistake is an [Error] with
// a code, and the edge makes the sentence in the reader's language.
package chat

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"time"

	"github.com/google/uuid"
)

// ID names a person, a session, a conversation or a message. New ones are UUID version 7, so that they fall together
// in an index.
type ID = uuid.UUID

// NewID returns a fresh ID.
func NewID() ID { return uuid.Must(uuid.NewV7()) }

// Clock tells the time; tests inject their own. Order never depends on it.
type Clock func() time.Time

// Settings are the choices of the operator that rules depend on.
type Settings struct {
	// Registration says who may make an account, from the second account on; empty where the administrators decide.
	Registration Registration
	// BcryptCost is the cost of a password hash; the default is 12.
	BcryptCost int
	// Limits switches rate limits; only load tests switch them off.
	Limits bool
}

// Chat is the domain's use cases over a store.
type Chat struct {
	store       Store
	publisher   Publisher
	mailer      Mailer // nil: no mail is sent
	limiter     Limiter
	viewers     ViewerCache // nil: rows are read at each request
	whereabouts Whereabouts // nil: nobody knows who is there
	passes      *passes
	meter       Meter
	clock       Clock
	settings    Settings
	passwords   *passwords
}

// Option changes how a Chat is made.
type Option func(*Chat)

// WithClock replaces the clock.
func WithClock(clock Clock) Option { return func(c *Chat) { c.clock = clock } }

// WithLimiter replaces the rate limiter that New makes (one in memory).
func WithLimiter(l Limiter) Option { return func(c *Chat) { c.limiter = l } }

// WithViewerCache lets the cache remember for a moment who stands behind a token; without it rows are read each time.
func WithViewerCache(viewers ViewerCache) Option { return func(c *Chat) { c.viewers = viewers } }

// New makes the domain over store; publisher hears of each change after it is committed.
func New(store Store, publisher Publisher, settings Settings, options ...Option) *Chat {
	if settings.BcryptCost == 0 {
		settings.BcryptCost = DefaultBcryptCost
	}
	c := &Chat{store: store, publisher: publisher, passes: newPasses(), meter: unmetered{}, clock: time.Now, settings: settings}
	for _, option := range options {
		option(c)
	}
	if c.limiter == nil {
		c.limiter = NewMemoryLimiter(c.clock)
	}
	c.limiter = meteredLimiter{c.limiter, c.meter}
	if !settings.Limits {
		c.limiter = unlimited{}
	}
	c.passwords = newPasswords(settings.BcryptCost, settings.Limits)
	return c
}

// Limited says whether rate limits hold.
func (c *Chat) Limited() bool { return c.settings.Limits }

// publish announces what is already committed. Announcing may fail or be late: feeds repair themselves, so nothing
// waits for it and nothing is undone. What is remembered of those concerned is forgotten first, because whoever hears of
// it asks at once.
func (c *Chat) publish(ctx context.Context, events ...Event) {
	ctx = context.WithoutCancel(ctx)
	c.forget(ctx, events...)
	for _, event := range events {
		c.publisher.Publish(ctx, event)
	}
}

// secret returns 256 random bits as text that fits into a link.
func secret() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the process instead
	return base64.RawURLEncoding.EncodeToString(b)
}
