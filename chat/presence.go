package chat

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds of presence.
const (
	// MaxWatched is how many people one page hears of.
	MaxWatched = 200
	// MaxTyping is the size of a group up to which it is shown who writes.
	MaxTyping = 100
	// MaxStatus is how many characters the text of a status may have.
	MaxStatus = 80
	// maxEmoji is the same for its emoji: one that is seen as one may be made of several, a family of seven.
	maxEmoji = 10
)

// Where says where somebody's pages are, as far as it is known.
type Where int

// The places. Nothing is shown of somebody of whom nothing is known.
const (
	WhereUnknown Where = iota
	WhereGone          // no page is open
	WhereAway          // pages are open, and nobody uses them: all are hidden, or nothing was done for [AwayAfter]
	WhereHere
)

// AwayAfter is how long nothing is done in any page of somebody until that counts as away.
const AwayAfter = 5 * time.Minute

// Whereabouts knows where people's pages are, on all nodes together.
type Whereabouts interface {
	// Where says it of each of these people. It waits for nothing that does not answer: of whom it knows nothing, it says nothing.
	Where(ctx context.Context, people []ID) map[ID]Where
}

// WithWhereabouts lets pages show who is there; without it they show nothing of it.
func WithWhereabouts(w Whereabouts) Option { return func(c *Chat) { c.whereabouts = w } }

// PresenceState is what somebody is seen as.
type PresenceState string

// The states; PresenceNone is shown as nothing.
const (
	PresenceNone    PresenceState = ""
	PresenceOnline  PresenceState = "online"
	PresenceAway    PresenceState = "away"
	PresenceBusy    PresenceState = "busy"
	PresenceOffline PresenceState = "offline"
)

// Status is what somebody tells of themselves for a while.
type Status struct {
	Busy  bool // asks not to be disturbed
	Emoji string
	Text  string
	Until *time.Time // nil: until it is taken away
}

// Empty says whether there is none.
func (s Status) Empty() bool { return !s.Busy && s.Emoji == "" && s.Text == "" }

// at is the status as it holds at a moment.
func (s Status) at(now time.Time) Status {
	if s.Until != nil && !now.Before(*s.Until) {
		return Status{}
	}
	return s
}

// Presence is what one person sees of another: nothing, where that is the zero value but for the id.
type Presence struct {
	PersonID ID
	State    PresenceState
	Status   Status
	LastSeen *time.Time // of somebody who is not seen to be there
}

// PresenceFacts are what is stored of somebody, for whoever decides by [PresenceFacts.Seen] what of it is seen.
type PresenceFacts struct {
	PersonID  ID
	Status    Status
	Invisible bool // seen as not there, whatever pages are open
	LastSeen  *time.Time
}

// Sought is whom to look for to find out where somebody is: of whoever is invisible it is somebody who was never there. So, as long
// as nothing is known of those who are absent, nothing is shown of them either. Its last byte is that of the person's, by which
// people are divided.
func (f PresenceFacts) Sought() ID {
	if f.Invisible {
		return ID{len(ID{}) - 1: f.PersonID[len(ID{})-1]}
	}
	return f.PersonID
}

// Pair is who looks, and at whom.
type Pair struct {
	Viewer ID
	Person ID
}

// Sight is what one may see of another: both only as far as the other may see the same of the first, so whoever hides theirs does
// not see others'. Blocks and closed accounts leave nothing.
type Sight struct {
	Presence bool // whether the person is there, and the status
	LastSeen bool
}

// Seen is the one place that decides what is seen of somebody. Whoever is invisible is like somebody whose last page was
// closed when that began.
func (f PresenceFacts) Seen(where Where, sight Sight, now time.Time) Presence {
	seen := Presence{PersonID: f.PersonID}
	if f.Invisible && where != WhereUnknown {
		where = WhereGone
	}
	if sight.Presence {
		seen.Status = f.Status.at(now)
		switch {
		case where == WhereUnknown:
		case where == WhereGone:
			seen.State = PresenceOffline
		case seen.Status.Busy:
			seen.State = PresenceBusy
		case where == WhereAway:
			seen.State = PresenceAway
		default:
			seen.State = PresenceOnline
		}
	}
	// Where the viewer may see whether the person is there, "last seen" means that they are not: so it has to be known.
	if sight.LastSeen && (!sight.Presence || where == WhereGone) {
		seen.LastSeen = f.LastSeen
	}
	return seen
}

// Sights returns what each of the pairs may see; pairs that may see nothing are left out. Feeds ask it, and ask again when either
// counter of view moves.
func (c *Chat) Sights(ctx context.Context, pairs []Pair) (map[Pair]Sight, error) {
	if len(pairs) == 0 {
		return nil, nil
	}
	sights, _, err := c.store.Sights(ctx, pairs)
	return sights, err
}

// PresenceFacts returns what is stored of these people; nothing of accounts that are not active.
func (c *Chat) PresenceFacts(ctx context.Context, people []ID) (map[ID]PresenceFacts, error) {
	if len(people) == 0 {
		return nil, nil
	}
	return c.store.PresenceFacts(ctx, people)
}

// Presences returns what the viewer sees of these people, of at most [MaxWatched] of them, for a page. Of whom nothing is seen
// there is nothing in it.
func (c *Chat) Presences(ctx context.Context, viewer ID, people []ID) (map[ID]Presence, error) {
	people = slices.Compact(slices.SortedFunc(slices.Values(people), compareIDs))
	people = people[:min(len(people), MaxWatched)]
	if c.whereabouts == nil || len(people) == 0 {
		return nil, nil
	}
	pairs := make([]Pair, len(people))
	for i, person := range people {
		pairs[i] = Pair{Viewer: viewer, Person: person}
	}
	sights, facts, err := c.store.Sights(ctx, pairs)
	if err != nil || len(sights) == 0 {
		return nil, err
	}
	sought := make([]ID, 0, len(facts))
	for _, f := range facts {
		sought = append(sought, f.Sought())
	}
	where, now, seen := c.whereabouts.Where(ctx, sought), c.clock(), make(map[ID]Presence, len(facts))
	for id, f := range facts {
		seen[id] = f.Seen(where[f.Sought()], sights[Pair{Viewer: viewer, Person: id}], now)
	}
	return seen, nil
}

func compareIDs(a, b ID) int { return slices.Compare(a[:], b[:]) }

// NoteSeen writes down when people were last there: each so long ago. Of one person it writes once a minute at most, and nothing
// of whoever is invisible.
func (c *Chat) NoteSeen(ctx context.Context, ago map[ID]time.Duration) error {
	if len(ago) == 0 {
		return nil
	}
	return c.store.UpdateLastSeen(ctx, ago)
}

// CircleShared are those with whom somebody shares a conversation: a group that both are in, or a direct one in which something
// was said, and which is neither closed nor waits for an answer.
const CircleShared Circle = "shared"

// PresenceCircles are the circles that may see whether somebody is there, from the widest to the narrowest.
func PresenceCircles() []Circle { return []Circle{CircleEverybody, CircleShared, CircleNobody} }

// PresenceChoices are who may see what of somebody.
type PresenceChoices struct {
	Presence  Circle
	LastSeen  Circle
	Typing    bool // whether it is shown that the person writes, and the person sees it of others
	Invisible bool // is not there for anybody
}

// HidesPresence says whether nobody sees when the person is there. Then "delivered" is not kept either: it would tell.
func (p PresenceChoices) HidesPresence() bool { return p.Invisible || p.Presence == CircleNobody }

// PresenceChoices returns what the viewer has chosen. Errors: not_found.
func (c *Chat) PresenceChoices(ctx context.Context, viewer Viewer) (PresenceChoices, error) {
	return c.store.PresenceChoices(ctx, viewer.ID)
}

// SavePresenceChoices stores them; whoever sees the viewer, and the viewer's own pages, are told. Errors: invalid (presence,
// last_seen), too_many.
func (c *Chat) SavePresenceChoices(ctx context.Context, viewer Viewer, choices PresenceChoices) error {
	var wrong fieldErrors
	for _, field := range []struct {
		name   string
		circle Circle
	}{{"presence", choices.Presence}, {"last_seen", choices.LastSeen}} {
		if !slices.Contains(PresenceCircles(), field.circle) {
			wrong.add(field.name, CodeChoice, nil)
		}
	}
	if err := wrong.err(); err != nil {
		return err
	}
	if err := c.allow(ctx, limited{LimitSettings, viewer.ID.String()}); err != nil {
		return err
	}
	viewSeq, before, err := c.store.UpdatePresenceChoices(ctx, viewer.ID, choices)
	if err != nil {
		return err
	}
	c.publish(ctx, PersonChanged{PersonID: viewer.ID, ViewSeq: viewSeq})
	if before.HidesPresence() != choices.HidesPresence() {
		c.publish(ctx, ReceiptsChosen{PersonID: viewer.ID})
	}
	return nil
}

// StatusEnd says when a status goes away by itself.
type StatusEnd string

// The ends.
const (
	StatusStays    StatusEnd = "never"
	StatusHalfHour StatusEnd = "half_hour"
	StatusHour     StatusEnd = "hour"
	StatusHours    StatusEnd = "four_hours"
	StatusToday    StatusEnd = "today" // the next midnight where the person is
	StatusAt       StatusEnd = "at"    // the next moment at which it is that time where the person is
)

// StatusEnds are the ends, in the order in which they are offered.
func StatusEnds() []StatusEnd {
	return []StatusEnd{StatusStays, StatusHalfHour, StatusHour, StatusHours, StatusToday, StatusAt}
}

// StatusInput is a status as somebody gives it.
type StatusInput struct {
	Busy  bool
	Emoji string
	Text  string
	Ends  StatusEnd
	At    string // a time of day, 15:04, with StatusAt
}

// until is when it ends; the zero time where it does not.
func (in StatusInput) until(now time.Time, zone string) (time.Time, bool) {
	place, err := time.LoadLocation(zone)
	if err != nil {
		place = time.UTC
	}
	switch in.Ends {
	case StatusStays:
		return time.Time{}, true
	case StatusHalfHour:
		return now.Add(30 * time.Minute), true
	case StatusHour:
		return now.Add(time.Hour), true
	case StatusHours:
		return now.Add(4 * time.Hour), true
	case StatusToday:
		return nextTime(now, place, 0, 0), true
	case StatusAt:
		at, err := time.Parse("15:04", in.At)
		if err != nil {
			return time.Time{}, false
		}
		return nextTime(now, place, at.Hour(), at.Minute()), true
	}
	return time.Time{}, false
}

// nextTime is the next moment at which clocks in that place show that time. Where they are put back over it, there are two of
// them in one day; where they are put forward over it, it is that long after they are.
func nextTime(now time.Time, place *time.Location, hour, minute int) time.Time {
	local := now.In(place)
	for days := 0; ; days++ {
		shown := time.Date(local.Year(), local.Month(), local.Day()+days, hour, minute, 0, 0, time.UTC)
		_, before := shown.Add(-24 * time.Hour).In(place).Zone()
		_, after := shown.Add(24 * time.Hour).In(place).Zone()
		first := shown.Add(-time.Duration(before) * time.Second).In(place)
		second := shown.Add(-time.Duration(after) * time.Second).In(place)
		shows := func(t time.Time) bool { return t.Hour() == hour && t.Minute() == minute }
		switch {
		case first.After(now) && (shows(first) || !shows(second)):
			return first
		case second.After(now) && shows(second):
			return second
		}
	}
}

// Status returns the viewer's own as it is now.
func (c *Chat) Status(ctx context.Context, viewer Viewer) (Status, error) {
	facts, err := c.store.PresenceFacts(ctx, []ID{viewer.ID})
	return facts[viewer.ID].Status.at(c.clock()), err
}

// SaveStatus stores it; an empty one takes away what was there. Whoever sees the viewer is told. Errors: invalid (emoji, text,
// ends, at), too_many.
func (c *Chat) SaveStatus(ctx context.Context, viewer Viewer, in StatusInput) error {
	var wrong fieldErrors
	status := Status{Busy: in.Busy, Emoji: cleanLine(in.Emoji), Text: cleanLine(in.Text)}
	if blank(status.Text) {
		status.Text = ""
	}
	if status.Emoji != "" && (badText(in.Emoji, false) || !oneEmoji(status.Emoji)) {
		wrong.add("emoji", CodeEmoji, nil)
	}
	switch {
	case badText(in.Text, false):
		wrong.add("text", CodeBadText, nil)
	case utf8.RuneCountInString(status.Text) > MaxStatus:
		wrong.add("text", CodeTooLong, Args{"Max": MaxStatus, "Count": MaxStatus})
	}
	until, ok := in.until(c.clock(), viewer.TimeZone)
	switch {
	case ok && !until.IsZero():
		status.Until = &until
	case !ok && in.Ends == StatusAt:
		wrong.add("at", CodeTime, nil)
	case !ok:
		wrong.add("ends", CodeChoice, nil)
	}
	if err := wrong.err(); err != nil {
		return err
	}
	if status.Empty() {
		status.Until = nil
	}
	if err := c.allow(ctx, limited{LimitSettings, viewer.ID.String()}); err != nil {
		return err
	}
	viewSeq, err := c.store.UpdateStatus(ctx, viewer.ID, status)
	if err != nil {
		return err
	}
	c.publish(ctx, PersonChanged{PersonID: viewer.ID, ViewSeq: viewSeq})
	return nil
}

// oneEmoji says whether that is one emoji, or several that are seen as one: joined, a flag's two letters, a key. Whether there
// is a picture of it only the reader's device knows.
func oneEmoji(s string) bool {
	var last rune
	flags, n := 0, 0
	for _, r := range s {
		switch {
		case r >= 0x1f1e6 && r <= 0x1f1ff:
			flags++
		case r >= 0x1f3fb && r <= 0x1f3ff, r == 0xfe0f, r == 0x20e3, r == joiner, r >= 0xe0020 && r <= 0xe007f:
			if n == 0 {
				return false
			}
		case n > 0 && last != joiner:
			return false
		case r >= 0x80 && unicode.In(r, unicode.So, unicode.Sm), r == '\u203c', r == '\u2049', r == '\u3030', r == '\u2139':
		case n == 0 && (r == '#' || r == '*' || r >= '0' && r <= '9') && strings.HasSuffix(s, "\u20e3"):
		default:
			return false
		}
		last = r
		n++
	}
	return n <= maxEmoji && last != joiner && (flags == 0 || flags == 2 && n == 2)
}

// joiner makes one picture of what stands before it and behind it.
const joiner = '\u200d'

// Writing is somebody who writes in a conversation, and who may see it.
type Writing struct {
	Card    Card
	Readers []ID // never the writer
}

// Writing returns it; without readers where it is shown to nobody: a block, a request, a choice of either, a larger group than
// [MaxTyping]. Errors: not_found for somebody who is not in the conversation.
func (c *Chat) Writing(ctx context.Context, person, conversation ID) (Writing, error) {
	return c.store.Writing(ctx, person, conversation)
}
