package chat

import (
	"context"
	"time"
)

// Notify says of which messages in a conversation somebody wants to be told.
type Notify string

// The choices.
const (
	NotifyAll      Notify = "all"
	NotifyMentions Notify = "mentions"
	NotifyNothing  Notify = "nothing"
)

// Quiet says for how long a conversation makes no noise.
type Quiet string

// The choices.
const (
	QuietOff      Quiet = "off"
	QuietHour     Quiet = "hour"
	QuietTomorrow Quiet = "tomorrow" // eight in the morning of the next day, where the person is
	QuietAlways   Quiet = "always"
)

// morning is the hour at which "until tomorrow" ends.
const morning = 8

// Choices are what a member makes of a conversation; nil leaves one as it is. They are nobody else's business, and change
// nothing about what the member may see.
type Choices struct {
	Quiet    *Quiet
	Pinned   *bool
	Archived *bool
	Notify   *Notify
}

// forever stands for no end.
var forever = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// until is the moment at which the quiet ends, in the person's time zone; the zero moment where there is none.
func (q Quiet) until(now time.Time, zone string) (time.Time, bool) {
	switch q {
	case QuietOff:
		return time.Time{}, true
	case QuietHour:
		return now.Add(time.Hour), true
	case QuietTomorrow:
		place, err := time.LoadLocation(zone)
		if err != nil {
			place = time.UTC
		}
		local := now.In(place)
		return time.Date(local.Year(), local.Month(), local.Day()+1, morning, 0, 0, 0, place), true
	case QuietAlways:
		return forever, true
	}
	return time.Time{}, false
}

// NewChoices are choices as a store takes them.
type NewChoices struct {
	QuietUntil *time.Time // the zero moment: not quiet
	Pinned     *bool
	Archived   *bool
	Notify     *Notify
}

// Choose stores what the viewer makes of a conversation; the viewer's lists are told. A former member, for whom
// nothing makes noise any more, may still archive and pin. Errors: invalid (quiet, notify), not_found, forbidden (not_member),
// too_many.
func (c *Chat) Choose(ctx context.Context, viewer Viewer, conversation ID, choices Choices) error {
	stored := NewChoices{Pinned: choices.Pinned, Archived: choices.Archived, Notify: choices.Notify}
	var wrong fieldErrors
	if choices.Quiet != nil {
		until, ok := choices.Quiet.until(c.clock(), viewer.TimeZone)
		if !ok {
			wrong.add("quiet", CodeChoice, nil)
		}
		stored.QuietUntil = &until
	}
	if choices.Notify != nil {
		switch *choices.Notify {
		case NotifyAll, NotifyMentions, NotifyNothing:
		default:
			wrong.add("notify", CodeChoice, nil)
		}
	}
	if err := wrong.err(); err != nil {
		return err
	}
	if err := c.allow(ctx, limited{LimitSettings, viewer.ID.String()}); err != nil {
		return err
	}
	if choices.Quiet != nil || choices.Notify != nil {
		member, err := c.store.Member(ctx, viewer.ID, conversation)
		if err != nil {
			return err
		}
		if !member.Present() {
			return forbidden(CodeNotMember)
		}
	}
	move, err := c.store.UpdateChoices(ctx, viewer.ID, conversation, stored)
	if err != nil {
		return err
	}
	c.publish(ctx, PositionsMoved{viewer.ID, []ID{conversation}, []int64{move}})
	return nil
}

// QuietEnded returns, by person, the conversations that make noise again since a moment after the first and up to the second,
// by the database's clock. Feeds push their rows: nobody has done anything that would tell of it.
func (c *Chat) QuietEnded(ctx context.Context, after, until time.Time) (map[ID][]ID, error) {
	return c.store.QuietEnded(ctx, after, until)
}
