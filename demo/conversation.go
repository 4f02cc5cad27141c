package demo

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"parley/chat"
)

// Conversation is one with all there is in it.
type Conversation struct {
	chat.Conversation
	CreatedBy      chat.ID
	CreatedAt      time.Time
	LastActivityAt time.Time // of the last that somebody said
	About          string    // of a group
	OnlyNew        bool      // newcomers to the group see nothing of the past
	MemberCount    int       // of a group; 0 otherwise
	Members        []Member
	Messages       []Message // in order of seq
}

// Member is somebody's place in a conversation.
type Member struct {
	chat.Member
	FromChange int64
	JoinedSeq  int64 // how many messages there were when the member came
	JoinedAt   time.Time
	LeftAt     *time.Time
	LeftSeq    *int64
	EndSeq     int64  // the last message that there is for this member
	GroupName  string // as the member knows it
	// The member's own choices. A draft is one, too.
	Pinned, Archived, Quiet bool
}

// Message is one in its present form, and how it was sent.
type Message struct {
	chat.Message
	RequestHash []byte
	ChangedAt   time.Time
}

// How many of a hundred messages were changed after they had been sent.
const (
	editedPercent  = 2.5
	deletedPercent = 0.8
)

// place is when somebody was a member, in numbers of messages: after joined, and up to until, which is 0 for those who
// are still there. What they see begins after from.
type place struct{ joined, from, until int64 }

func (p place) speaks(seq int64) bool { return seq > p.joined && (p.until == 0 || seq <= p.until) }

// later is a change of a message after it was sent: an edit or a deletion.
type later struct {
	message int // place among the messages
	deleted bool
	after   time.Duration
	at      time.Time
}

func (w *World) conversation(i int) Conversation {
	p := &w.plans[i]
	r := w.rand(streamConversations + i)
	c := Conversation{CreatedBy: w.people[p.members[0]].ID}
	c.ID, c.Kind, c.Name, c.About, c.OnlyNew = orderedID(r, i), p.kind, p.name, p.about, p.joined
	t := &talker{plan: p, people: w.people, rand: r, places: places(r, p)}
	lines := t.talk()
	c.Messages = make([]Message, len(lines))
	var changes []later
	for n, line := range lines {
		by := &w.people[p.members[line.author]]
		m := &c.Messages[n]
		m.ID, m.ClientID, m.ConversationID = orderedID(r, p.first+n), randomID(r), c.ID
		m.Seq, m.Author, m.Kind, m.Body = int64(n+1), by.Card, chat.MessageText, line.body
		if line.event != nil {
			m.Kind, m.ClientID, m.Event, m.RequestHash = chat.MessageSystem, m.ID, line.event, []byte{}
			if line.subject >= 0 {
				m.Event.Subjects = []chat.Card{w.people[p.members[line.subject]].Card}
			}
			continue
		}
		sent := line.body
		if change, ok := change(r, p, n, t.places[line.author]); ok {
			if changes = append(changes, change); !change.deleted {
				sent = misspelt(sent)
			}
		}
		m.RequestHash = chat.RequestHash(c.ID, chat.Draft{Body: sent, ClientID: m.ClientID})
	}
	c.MemberCount = t.count
	c.Members = w.makeMembers(r, p, c.ID, t.places, lines)

	times := w.times(r, p, lines)
	c.CreatedAt, c.LastActivityAt = times[0], times[0]
	for n := range c.Messages {
		c.Messages[n].CreatedAt, c.Messages[n].ChangedAt = times[n+1], times[n+1]
		if lines[n].event == nil {
			c.LastActivityAt = times[n+1]
		}
	}
	for n, place := range t.places {
		m := &c.Members[n]
		if m.JoinedAt = times[0]; place.joined > 0 {
			m.JoinedAt = times[place.joined+1]
		}
		if place.until > 0 {
			m.LeftSeq, m.LeftAt = &t.places[n].until, &times[place.until]
		}
	}
	w.count(&c, t.places, changes)
	return c
}

// places are when people were members. The first four have always been there, so that there is always somebody to talk,
// and so has demo.
func places(r *rand.Rand, p *plan) []place {
	places := make([]place, len(p.members))
	for i := mostSpeakers; i < len(places); i++ {
		if p.members[i] == 0 {
			continue
		}
		if chance(r, 20) {
			places[i].joined = int64(r.IntN(p.messages + 1))
		}
		if left := p.messages - int(places[i].joined); left > 0 && chance(r, 4) {
			places[i].until = places[i].joined + 1 + int64(r.IntN(left))
		}
	}
	return places
}

// change says whether, and how, a message was changed later. Who left changes nothing any more.
func change(r *rand.Rand, p *plan, n int, by place) (later, bool) {
	luck := 100 * r.Float64()
	after := time.Duration((8 + 300*r.Float64()*r.Float64()) * float64(time.Second))
	last := n == p.messages-1
	switch {
	case last && p.endsDeleted:
		luck = 0
	case by.until > 0 || n >= p.messages-p.unread:
		return later{}, false
	}
	return later{message: n, deleted: luck < deletedPercent, after: after}, luck < deletedPercent+editedPercent
}

// misspelt is what stood there before somebody edited it: two letters were the wrong way round.
func misspelt(text string) string {
	runes := []rune(text)
	middle := len(runes) / 2
	if middle > 0 && runes[middle] != runes[middle-1] {
		runes[middle], runes[middle-1] = runes[middle-1], runes[middle]
		return string(runes)
	}
	return text + " "
}

// members are the people's places, their counters but for those of changes.
func (w *World) makeMembers(r *rand.Rand, p *plan, id chat.ID, places []place, lines []line) []Member {
	spoke := make([]int64, len(places)) // seq of the last message
	for n, line := range lines {
		if line.event == nil {
			spoke[line.author] = int64(n + 1)
		}
	}
	members := make([]Member, len(places))
	for i, place := range places {
		m := &members[i]
		m.ConversationID, m.PersonID, m.FromSeq, m.Role = id, w.people[p.members[i]].ID, place.from, chat.MemberPlain
		m.JoinedSeq = place.joined
		if p.kind == chat.KindGroup {
			switch {
			case i == 0:
				m.Role = chat.MemberOwner
			case i < mostSpeakers && chance(r, 35):
				m.Role = chat.MemberAdministrator
			}
		}
		seen := place.joined
		if p.kind == chat.KindGroup {
			seen = max(seen, 1) // that it began
		}
		end := int64(len(lines))
		if place.until > 0 {
			end = place.until
		}
		behind := behind(r)
		if p.members[i] == 0 {
			behind = int64(p.unread)
		}
		m.ReadSeq = min(end, max(seen, spoke[i], end-behind)) // who writes has read what stands above
		m.UnreadFrom, m.DeliveredSeq, m.EndSeq, m.GroupName = m.ReadSeq, end, end, p.name
		if chance(r, 15) {
			m.DeliveredSeq = m.ReadSeq + (end-m.ReadSeq)/2 // their devices are off
		}
		if p.members[i] != 0 && chance(r, 2) {
			m.UnreadFrom, m.UnreadMarks = max(seen, m.UnreadFrom-2), 1
		}
		if place.until > 0 {
			m.UnreadFrom = end // what was unread stays unread for nobody
		} else {
			w.choose(r, p, m, p.members[i])
		}
	}
	return members
}

// choose is what somebody makes of a conversation.
func (w *World) choose(r *rand.Rand, p *plan, m *Member, who int) {
	if who == 0 {
		m.Pinned, m.Archived, m.Quiet, m.Draft = p.choices.pinned, p.choices.archived, p.choices.quiet, p.choices.draft
		return
	}
	m.Pinned, m.Archived, m.Quiet = chance(r, 3), chance(r, 2), chance(r, 3)
	if chance(r, 2) {
		l := w.people[who].lang
		s := scene{rand: r, lang: l, values: map[string]string{}, by: w.people[who].gender, to: w.people[who].gender}
		m.Draft = s.say(pick(r, l.sections[string(sectionBurst)]).turns[0].text)
	}
}

// behind is how many messages somebody has not read.
func behind(r *rand.Rand) int64 {
	switch n := r.IntN(100); {
	case n < 75:
		return 0
	case n < 82:
		return 1
	case n < 92:
		return int64(2 + r.IntN(12))
	default:
		return int64(15 + r.IntN(400))
	}
}

// times are when the conversation was opened, and when each line was written. They end where the plan says and go
// backwards from there, in the rhythm of those who talk.
func (w *World) times(r *rand.Rand, p *plan, lines []line) []time.Time {
	rhythm := w.rhythm(r, p)
	end := rhythm.position(w.settings.Now.Add(-p.age)) - time.Duration(r.IntN(int(time.Minute)))
	youngest := p.members[0]
	for _, who := range p.members {
		if w.people[who].joined < w.people[youngest].joined {
			youngest = who
		}
	}
	span := end - rhythm.position(w.settings.Now.Add(-w.people[youngest].joined))

	// What is said at one sitting takes its time. The rest, as much as there is for so many words, lies between sittings.
	var talking, weights float64
	pauses := make([]float64, len(lines))
	for n, line := range lines {
		if line.begins {
			pauses[n] = math.Exp(1.3 * r.NormFloat64())
			weights += pauses[n]
		} else {
			talking += float64(line.gap)
		}
	}
	daily := 0.5 * math.Exp(r.Float64()*math.Log(30)) // messages
	wanted := float64(len(lines)) / daily * float64(rhythm.length())
	resting := max(min(wanted, float64(span))-talking, weights*float64(20*time.Minute))
	slower := min(1, 0.98*float64(span)/(talking+resting+1))

	times := make([]time.Time, len(lines)+1)
	at := end
	for n := len(lines) - 1; n >= 0; n-- {
		times[n+1] = rhythm.at(at).UTC().Truncate(time.Microsecond)
		gap := float64(lines[n].gap)
		if lines[n].begins {
			gap = resting * pauses[n] / weights
		}
		at -= max(time.Duration(slower*gap), time.Millisecond)
	}
	times[0] = rhythm.at(at).UTC().Truncate(time.Microsecond)
	return times
}

// rhythm is that of where somebody lives: demo, who is to believe it, or else the last one.
func (w *World) rhythm(r *rand.Rand, p *plan) rhythm {
	lives := p.members[len(p.members)-1]
	if slices.Contains(p.members, 0) {
		lives = 0
	}
	minutes := func(n int) time.Duration { return time.Duration(r.IntN(n*60)) * time.Second }
	rhythm := rhythm{zone: w.people[lives].zone, from: 7*time.Hour + minutes(90), to: 22*time.Hour + minutes(100), days: 7}
	if p.style == styleWork {
		rhythm.from, rhythm.to, rhythm.days = 8*time.Hour+minutes(60), 17*time.Hour+minutes(90), 5
	}
	return rhythm
}

// count runs through all that happened, in order of time, and counts it as the conversation did.
func (w *World) count(c *Conversation, places []place, changes []later) {
	for i := range changes {
		change := &changes[i]
		change.at = c.Messages[change.message].CreatedAt.Add(change.after)
		if change.at.After(w.settings.Now) {
			change.at = w.settings.Now.UTC().Truncate(time.Microsecond)
		}
	}
	slices.SortStableFunc(changes, func(a, b later) int { return a.at.Compare(b.at) })
	until := func(next time.Time) {
		for len(changes) > 0 && (next.IsZero() || changes[0].at.Before(next)) {
			change := changes[0]
			changes = changes[1:]
			c.ChangeSeq++
			m := &c.Messages[change.message]
			m.ChangeSeq, m.ChangedAt = c.ChangeSeq, change.at
			if change.deleted {
				m.DeletedAt, m.Body = &change.at, ""
			} else {
				m.EditedAt = &change.at
			}
		}
	}
	heads := make([]int64, len(c.Messages)+1) // the change counter when so many messages had been sent, and before the next
	for n := range c.Messages {
		m := &c.Messages[n]
		until(m.CreatedAt)
		heads[n] = c.ChangeSeq
		c.ChangeSeq++
		c.MsgSeq, m.ChangeSeq = m.Seq, c.ChangeSeq
	}
	until(time.Time{})
	heads[len(c.Messages)] = c.ChangeSeq
	for i, place := range places {
		c.Members[i].FromChange = heads[place.from]
		if place.until > 0 {
			c.Members[i].UntilChange = &heads[place.until]
		}
	}
}
