package views

import (
	"context"
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

// unseen is somebody of whom nothing is known yet.
func unseen(person chat.ID) PresenceProps {
	return PresenceProps{PersonID: person.String()}
}

func (p *PresenceProps) word(ctx context.Context) string {
	switch p.State {
	case chat.PresenceOnline:
		return T(ctx, "presence.online")
	case chat.PresenceAway:
		return T(ctx, "presence.away")
	case chat.PresenceBusy:
		return T(ctx, "presence.busy")
	case chat.PresenceOffline:
		return T(ctx, "presence.offline")
	}
	return ""
}

// told says whether there is more of the status than that somebody is busy.
func (p *PresenceProps) told() bool { return p.Status.Emoji != "" || p.Status.Text != "" }

// until is the end of the status: within a day, so the time alone says when.
func (p *PresenceProps) until() string { return p.Status.Until.In(zoneOrUTC(p.Zone)).Format("15:04") }

// SeenTime says when somebody was last there: minutes ago, at a time of today, yesterday, or the date.
func SeenTime(ctx context.Context, at, now time.Time, zone *time.Location) string {
	zone = zoneOrUTC(zone)
	if age := now.Sub(at); age < time.Minute {
		return T(ctx, "presence.just_now") // a clock that is ahead, too
	} else if age < time.Hour {
		return T(ctx, "presence.ago", chat.Args{"Count": int(age / time.Minute)})
	}
	at, now = at.In(zone), now.In(zone)
	dates := &speech(ctx).dates
	switch age := dayNumber(now) - dayNumber(at); {
	case age <= 0:
		return dates.format(dates.at, at)
	case age == 1:
		return T(ctx, "presence.yesterday")
	case at.Year() == now.Year():
		return dates.format(dates.short, at)
	default:
		return dates.format(dates.shortYear, at)
	}
}

// writing is the sentence about who writes, with the names apart.
func writing(ctx context.Context, people []PersonProps) []segment {
	switch len(people) {
	case 0:
		return nil
	case 1:
		return cut(T(ctx, "typing.name", chat.Args{"Name": mark(0)}), people)
	case 2:
		return cut(T(ctx, "typing.names", chat.Args{"Name": mark(0), "Other": mark(1)}), people)
	}
	return []segment{{text: T(ctx, "typing.several")}}
}

// Presences are the places of a page where it is shown what somebody is seen as, for whoever asks what that is.
func (p *Page) Presences() []*PresenceProps {
	var places []*PresenceProps
	for i := range p.List {
		if p.List[i].HasPresence() {
			places = append(places, &p.List[i].Presence)
		}
	}
	return places
}

// Presences are such places of a stretch of the list.
func (p *ListProps) Presences() []*PresenceProps {
	page := Page{List: p.Rows}
	return page.Presences()
}

// Presences are such places of a conversation, and of the details beside it.
func (p *ConversationProps) Presences() []*PresenceProps {
	var places []*PresenceProps
	if p.HasPresence() {
		places = append(places, &p.Presence)
	}
	if p.Details != nil {
		places = append(places, p.Details.Presences()...)
	}
	return places
}

// Presences are such places of details.
func (p *DetailsProps) Presences() []*PresenceProps {
	if p.HasPresence() {
		return []*PresenceProps{&p.Presence}
	}
	return p.Members.Presences()
}

// Presences are such places of a list of members.
func (p *MembersProps) Presences() []*PresenceProps {
	var places []*PresenceProps
	for i := range p.Members {
		if !p.Members[i].Self {
			places = append(places, &p.Members[i].Presence)
		}
	}
	return places
}

// Presences are such places of a profile.
func (p *ProfileProps) Presences() []*PresenceProps {
	if p.Self {
		return nil
	}
	return []*PresenceProps{&p.Presence}
}
