// Package page is an open page without a browser: the rules by which a page applies what the server says to what it
// shows, written a second time and as small as they can be. The first time is static/js; both are held by the same cases
// (static/js/test/log.cases.json), and by docs/protocol.md, from which another client could be written like this one.
//
// It knows no network and no clock: who uses it hands in frames, answers and the time, and does what comes back.
package page

import (
	"fmt"
	"slices"
)

// Message is one message's element.
type Message struct {
	ID          string
	Seq, Change int64
	Author      string
	Client      string // the sender's id of the send, on one's own messages
	Event       string // what a system message says
	Body        string // its text
	Mine        bool   // of the person whose page it is
	Receipt     string // how far one's own has come: reached, read, of how many; empty where it has reached nobody
	Form        string // all of its markup, but for what each page derives for itself
}

// Log is the list of messages that a page shows of one conversation.
type Log struct {
	Conversation string
	Epoch        string
	Change, View int64 // the cursor, with Epoch
	At           int64
	First, Last  int64 // the window
	MsgSeq       int64 // the highest that is known to exist
	HasOlder     bool
	HasNewer     bool
	UnreadFrom   int64
	Writable     bool // there is a place to write
	Messages     []Message
	Pending      []string // client ids of what is on its way; they stand behind the messages

	told *receipts
}

// receipts is what the page was told last of how far its person's messages have come.
type receipts struct {
	at, from int64
	runs     [][4]int64
}

// of is what it says of a message; false where it says nothing.
func (r *receipts) of(m Message) (string, bool) {
	if r == nil || !m.Mine || m.Seq < r.from {
		return "", false
	}
	for _, run := range r.runs {
		if run[0] >= m.Seq && run[1] > 0 {
			return fmt.Sprintf("%d %d %d", run[1], run[2], run[3]), true
		}
		if run[0] >= m.Seq {
			break
		}
	}
	return "", true
}

// late is how much older than what the page shows a frame is ignored, in microseconds; beyond that a clock was set back.
const late = 60_000_000

// TakeReceipts takes what is said of how far messages have come, unless the page knows better.
func (l *Log) TakeReceipts(at, from int64, runs [][4]int64) {
	known := l.At
	if l.told != nil {
		known = l.told.at
	}
	if at < known && known-at < late {
		return
	}
	l.told = &receipts{at: at, from: from, runs: runs}
	for i, m := range l.Messages {
		if receipt, said := l.told.of(m); said {
			l.Messages[i].Receipt = receipt
		}
	}
}

// Outcome says what came of a message.
type Outcome string

// The outcomes of [Log.Upsert].
const (
	Added    Outcome = "added"
	Replaced Outcome = "replaced"
	Kept     Outcome = "kept"  // the page has it in this form or a later one
	Older    Outcome = "older" // outside the window, dropped
	Newer    Outcome = "newer"
)

// Upsert puts one message in its place, or not.
func (l *Log) Upsert(m Message) Outcome {
	l.MsgSeq = max(l.MsgSeq, m.Seq)
	if i := slices.IndexFunc(l.Messages, func(known Message) bool { return known.ID == m.ID }); i >= 0 {
		if m.Change <= l.Messages[i].Change {
			return Kept
		}
		if m.Mine && m.Receipt == "" { // a pushed message knows nothing of receipts
			m.Receipt = l.Messages[i].Receipt
		}
		l.Messages[i] = m
		return Replaced
	}
	// Where the page holds the beginning, a lower seq is no older page but a message that was overtaken by one's own.
	if l.HasOlder && l.First > 0 && m.Seq < l.First {
		return Older
	}
	if l.HasNewer && (l.Last == 0 || m.Seq > l.Last) {
		return Newer
	}
	l.Settle(m.Client)
	if m.Receipt == "" {
		m.Receipt, _ = l.told.of(m)
	}
	at := len(l.Messages)
	for at > 0 && l.Messages[at-1].Seq >= m.Seq {
		at--
	}
	l.Messages = slices.Insert(l.Messages, at, m)
	if l.First == 0 || m.Seq < l.First {
		l.First = m.Seq
	}
	l.Last = max(l.Last, m.Seq)
	return Added
}

// Await shows a bubble that is on its way.
func (l *Log) Await(client string) { l.Pending = append(l.Pending, client) }

// Settle takes the bubble away.
func (l *Log) Settle(client string) {
	if client == "" {
		return
	}
	l.Pending = slices.DeleteFunc(l.Pending, func(pending string) bool { return pending == client })
}

// Fits says whether a span that begins at from joins the cursor.
func (l *Log) Fits(from int64) bool { return from <= l.Change }

// Advance moves the cursor. It never goes back.
func (l *Log) Advance(to int64) { l.Change = max(l.Change, to) }

// MergeOlder takes the messages of a fetched log that ends where this one's window begins, and returns those that were
// not there. The cursor stays: the other messages in the page are not newer for it.
func (l *Log) MergeOlder(fetched Log) (added []Message) {
	for _, m := range fetched.Messages {
		if l.First == 0 || m.Seq < l.First {
			l.First = m.Seq
		}
	}
	l.HasOlder = fetched.HasOlder
	for _, m := range fetched.Messages {
		if l.Upsert(m) == Added {
			added = append(added, m)
		}
	}
	return added
}
