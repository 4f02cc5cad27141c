package views

import (
	"time"

	"parley/chat"
)

// PresenceProps is what somebody is seen as, by one viewer.
type PresenceProps struct {
	PersonID string
	State    chat.PresenceState
	Status   chat.Status
	LastSeen *time.Time
	Now      time.Time
	Zone     *time.Location
}

// NewPresence makes it of what the rules let a viewer see.
func NewPresence(p chat.Presence, zone *time.Location, now time.Time) PresenceProps {
	return PresenceProps{PersonID: p.PersonID.String(), State: p.State, Status: p.Status, LastSeen: p.LastSeen, Now: now, Zone: zone}
}
