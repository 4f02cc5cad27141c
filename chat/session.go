package chat

import (
	"context"
	"strings"
	"time"
)

// How long a session lasts: SessionLife from logging in, and no longer than SessionIdle without use. Both are compared
// by the database's clock.
const (
	SessionLife = 365 * 24 * time.Hour
	SessionIdle = 30 * 24 * time.Hour
	// sessionTouch bounds how often use is written down.
	sessionTouch = time.Minute
)

// Session is one login of a person.
type Session struct {
	ID         ID
	PersonID   ID
	Address    string
	UserAgent  string
	CreatedAt  time.Time
	LastUsedAt time.Time // exact to a minute
}

func (c *Chat) startSession(ctx context.Context, origin Origin, person Person) (Viewer, error) {
	agent := strings.ToValidUTF8(strings.ReplaceAll(origin.UserAgent, "\x00", ""), "")
	session := Session{
		ID: NewID(), PersonID: person.ID, Address: origin.Address, UserAgent: agent[:min(len(agent), 300)],
	}
	session.UserAgent = strings.ToValidUTF8(session.UserAgent, "")
	err := c.store.InsertSession(ctx, session, person.PasswordHash, SessionLife)
	if KindOf(err) == KindNotFound {
		// Since the password was compared it was changed, or the account suspended.
		return Viewer{}, &Error{Kind: KindInvalid, Code: CodeLogin}
	}
	if err != nil {
		return Viewer{}, err
	}
	return Viewer{Person: person, SessionID: session.ID}, nil
}

// Viewer returns who stands behind a session. Role, state and the end of the session are read anew each time.
// Errors: unauthenticated.
func (c *Chat) Viewer(ctx context.Context, sessionID ID) (Viewer, error) {
	return c.ViewerAt(ctx, sessionID, "")
}

// ViewerAt is Viewer for a request from an address, which is noted with the last use of the session, so that people see
// from where theirs are used. Errors: unauthenticated.
func (c *Chat) ViewerAt(ctx context.Context, sessionID ID, address string) (Viewer, error) {
	viewer, idle, err := c.store.ViewerBySession(ctx, sessionID, SessionIdle)
	return c.seen(ctx, viewer, idle, address, err)
}

// seen is what follows when a viewer was read from rows, or was not: the session is in use.
func (c *Chat) seen(ctx context.Context, viewer Viewer, idle time.Duration, address string, err error) (Viewer, error) {
	if KindOf(err) == KindNotFound {
		return Viewer{}, Unauthenticated()
	}
	if err != nil {
		return Viewer{}, err
	}
	if idle > sessionTouch {
		if err := c.store.TouchSession(ctx, viewer.SessionID, address, sessionTouch); err != nil {
			return Viewer{}, err
		}
	}
	return viewer, nil
}

// Renewed notes that the viewer's session has got its new token.
func (c *Chat) Renewed(ctx context.Context, viewer Viewer) error {
	if err := c.store.ClearRenew(ctx, viewer.SessionID); err != nil {
		return err
	}
	if c.viewers != nil {
		c.viewers.Forget(context.WithoutCancel(ctx), viewer.ID) // who came by the old one
	}
	return nil
}

// LogOut ends the session. Its sockets are closed.
func (c *Chat) LogOut(ctx context.Context, viewer Viewer) error {
	if err := c.store.RevokeSession(ctx, viewer.SessionID); err != nil {
		return err
	}
	c.publish(ctx, SessionsEnded{PersonID: viewer.ID, Sessions: []ID{viewer.SessionID}})
	return nil
}

// Sessions lists the viewer's own sessions that stand, the last used first.
func (c *Chat) Sessions(ctx context.Context, viewer Viewer) ([]Session, error) {
	return c.store.SessionsOf(ctx, viewer.ID, SessionIdle)
}

// EndSession ends one of the viewer's sessions; its sockets are closed. Errors: not_found for what is not there, what has
// ended already, and what is somebody else's.
func (c *Chat) EndSession(ctx context.Context, viewer Viewer, session ID) error {
	if err := c.store.RevokeSessionOf(ctx, viewer.ID, session, SessionIdle); err != nil {
		return err
	}
	c.publish(ctx, SessionsEnded{PersonID: viewer.ID, Sessions: []ID{session}})
	return nil
}

// EndOtherSessions ends every session of the viewer's but the present one, and says how many that were.
func (c *Chat) EndOtherSessions(ctx context.Context, viewer Viewer) (int, error) {
	ended, err := c.store.RevokeSessionsOf(ctx, viewer.ID, viewer.SessionID)
	if err != nil {
		return 0, err
	}
	c.publish(ctx, SessionsEnded{PersonID: viewer.ID, Sessions: ended})
	return len(ended), nil
}

// SessionsAlive returns those of the sessions that still stand.
func (c *Chat) SessionsAlive(ctx context.Context, sessions []ID) ([]ID, error) {
	return c.store.SessionsAlive(ctx, sessions, SessionIdle)
}

// SweepSessions deletes what ended long ago. It returns how many rows went.
func (c *Chat) SweepSessions(ctx context.Context) (int64, error) {
	return c.store.DeleteEndedSessions(ctx, SessionIdle)
}
