package views

import (
	"context"
	"time"

	"github.com/mileusna/useragent"

	"parley/chat"
)

// SessionsProps is the page of one's own sessions. Ended says how many have just been ended; below zero: none was asked
// for.
type SessionsProps struct {
	Sessions []SessionProps
	Ended    int
}

// SessionProps is one of them.
type SessionProps struct {
	ID         chat.ID
	Address    string
	UserAgent  string
	LastUsedAt time.Time
	Current    bool
	Now        time.Time
	Zone       *time.Location
}

// NewSessions makes props of the viewer's sessions, the present one first.
func NewSessions(sessions []chat.Session, viewer chat.Viewer, now time.Time) SessionsProps {
	p := SessionsProps{Ended: -1}
	zone := Zone(viewer.TimeZone)
	for _, current := range []bool{true, false} {
		for _, s := range sessions {
			if (s.ID == viewer.SessionID) == current {
				p.Sessions = append(p.Sessions, SessionProps{
					ID: s.ID, Address: s.Address, UserAgent: s.UserAgent, LastUsedAt: s.LastUsedAt,
					Current: current, Now: now, Zone: zone,
				})
			}
		}
	}
	return p
}

// device is what the browser says of itself, as far as it can be believed: "Firefox on Linux".
func (p *SessionProps) device(ctx context.Context) string {
	agent := useragent.Parse(p.UserAgent)
	switch {
	case agent.Name != "" && agent.OS != "":
		return T(ctx, "sessions.device", chat.Args{"Browser": agent.Name, "System": agent.OS})
	case agent.OS != "":
		return T(ctx, "sessions.program", chat.Args{"Name": agent.OS})
	case agent.Name != "":
		return T(ctx, "sessions.program", chat.Args{"Name": agent.Name})
	}
	return T(ctx, "sessions.unknown")
}

func (p *SessionProps) icon() string {
	if agent := useragent.Parse(p.UserAgent); agent.Mobile || agent.Tablet {
		return "smartphone"
	}
	return "monitor"
}

func sessionsEnded(ctx context.Context, n int) string {
	if n < 0 {
		return ""
	}
	return T(ctx, "sessions.ended", chat.Args{"Count": n})
}
