package realtime

import (
	"sync"
	"sync/atomic"
	"time"

	"parley/chat"
)

// Meter is told what is to be counted. Its methods must neither wait nor take long: some are called for each frame.
type Meter interface {
	// SocketClosed: a socket has ended.
	SocketClosed(reason Reason)
	// QueueOverflowed: a socket had more waiting than may; it ends as slow.
	QueueOverflowed()
	// MessageWritten: a frame with changes of a conversation was written to the connection of a page that follows it, so
	// long after this node heard that the oldest of them was committed here.
	MessageWritten(lag time.Duration)
	// Resumed: a page opened a conversation.
	Resumed(result Resume)
	// HintRepaired: the sweep found something that no hint had said, nor said until the next sweep.
	HintRepaired(kind Hint)
	// PresenceMoved: people of this node have come, gone, or begun or ceased to use their pages.
	PresenceMoved(people int)
	// PresenceSent: a page was sent a frame of others' presence.
	PresenceSent()
}

type unmetered struct{}

func (unmetered) SocketClosed(Reason)          {}
func (unmetered) QueueOverflowed()             {}
func (unmetered) MessageWritten(time.Duration) {}
func (unmetered) Resumed(Resume)               {}
func (unmetered) HintRepaired(Hint)            {}
func (unmetered) PresenceMoved(int)            {}
func (unmetered) PresenceSent()                {}

// Resume says what came of opening a conversation at a page's cursor.
type Resume string

// The results of opening.
const (
	// ResumedReplayed: the page was behind, and got what it had missed.
	ResumedReplayed Resume = "replayed"
	// ResumedCurrent: it had missed nothing.
	ResumedCurrent Resume = "current"
	// ResumedReset: it has to be fetched anew: its cursor is void, or too much has changed.
	ResumedReset Resume = "reset"
	// ResumedPast: its person was in the conversation once, and looks back; nothing is followed.
	ResumedPast Resume = "past"
	// ResumedClosed: its person is not in the conversation and never was.
	ResumedClosed Resume = "closed"
	// ResumedLeft: it went on before that was known.
	ResumedLeft Resume = "left"
	// ResumedFailed: the database did not answer; the socket is cut, and the page comes back.
	ResumedFailed Resume = "failed"
)

// Resumes lists every result of opening.
func Resumes() []Resume {
	return []Resume{ResumedReplayed, ResumedCurrent, ResumedReset, ResumedPast, ResumedClosed, ResumedLeft, ResumedFailed}
}

// Hint says what a hint is about.
type Hint string

// The hints whose loss is counted.
const (
	HintConversation Hint = "conversation" // an open conversation has changed
	HintPerson       Hint = "person"       // what a connected person may see has changed
	HintSession      Hint = "session"      // a connected session is over, also one that has simply run out
)

// Hints lists them.
func Hints() []Hint { return []Hint{HintConversation, HintPerson, HintSession} }

// unheard is what a sweep found before any hint said so. A hint may only be late: what none has said by the next sweep
// counts as lost.
type unheard struct {
	any   atomic.Bool // so that hints, of which there are many, need not look
	mu    sync.Mutex
	found map[finding]int64
}

type finding struct {
	kind Hint
	id   chat.ID
}

// note notes what a sweep found, and how far it has come.
func (u *unheard) note(kind Hint, id chat.ID, seq int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.found == nil {
		u.found = map[finding]int64{}
	}
	u.found[finding{kind, id}] = seq
	u.any.Store(true)
}

// heard notes that a hint said so after all.
func (u *unheard) heard(kind Hint, id chat.ID, seq int64) {
	if !u.any.Load() {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if found, ok := u.found[finding{kind, id}]; ok && seq >= found {
		delete(u.found, finding{kind, id})
	}
}

// take returns how many of each kind no hint has spoken of, and begins anew.
func (u *unheard) take() map[Hint]int {
	if !u.any.Load() {
		return nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	lost := map[Hint]int{}
	for f := range u.found {
		lost[f.kind]++
	}
	u.found = nil
	u.any.Store(false)
	return lost
}

// pending is when changes of a conversation were committed at this node that its feed has not delivered yet.
type pending []committed

type committed struct {
	seq int64
	at  time.Time
}

// note notes a change. Beyond what one stretch may hold nothing more is: the feed does not come along, and the oldest counts.
func (p *pending) note(seq int64, at time.Time) {
	if len(*p) < chat.MaxReplayChanges {
		*p = append(*p, committed{seq, at})
	}
}

// between takes what is delivered with the changes after one number up to another, and returns when the oldest of it was
// committed; the zero time where none of it was here. What came before has been delivered by replays.
func (p *pending) between(from, to int64) (oldest time.Time) {
	kept := (*p)[:0]
	for _, c := range *p {
		switch {
		case c.seq > to:
			kept = append(kept, c)
		case c.seq > from && (oldest.IsZero() || c.at.Before(oldest)):
			oldest = c.at
		}
	}
	*p = kept
	return oldest
}

// mark is a frame whose way to the connection is measured; frame is where its bytes begin. The mark is shared by all who
// get the same frame.
type mark struct {
	frame *byte
	at    time.Time
}
