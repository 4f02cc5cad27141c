package page

import (
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// Frame is what the server says, see docs/protocol.md.
type Frame struct {
	Type         string     `json:"type"`
	Conversation string     `json:"conversation"`
	Epoch        string     `json:"epoch"`
	View         int64      `json:"view"`
	From         *int64     `json:"from"`
	To           *int64     `json:"to"`
	At           int64      `json:"at"`
	Runs         [][4]int64 `json:"runs"`
	HTML         string     `json:"html"`
	Total        *int       `json:"total"`

	content *Content // where it came as an element
}

// Decode reads a frame of a socket.
func Decode(data []byte) (Frame, error) {
	var f Frame
	err := json.Unmarshal(data, &f)
	return f, err
}

// Do is what a page has to do after a frame.
type Do int

// What there is to do.
const (
	Nothing Do = iota
	Ask        // something is missing: say "open" again, from the cursor
	Reload     // fetch the conversation anew, show it with [Page.Show], and say "open"
	Leave      // the conversation is not there any more
)

// Step is one change of what a page shows. A [Fetched] step brings all of it.
type Step struct {
	What     string
	Message  Message
	Behind   string // the id of the message before it; empty at the top
	Messages []Message
	Epoch    string
	Client   string
}

// The steps beside an [Outcome].
const (
	Fetched  = "fetched"
	Above    = "above"    // older history, before all others
	Awaiting = "awaiting" // a bubble on its way
	Settled  = "settled"  // it will not come
)

// askAgain is how long a page waits for the answer to its question before a further hole asks again.
const askAgain = 5 * time.Second

// Page is one open page: a list of conversations, and perhaps a conversation.
type Page struct {
	Log   *Log
	Rows  map[string]Row
	Total int
	Told  func(Step) // hears every change of the log

	asked time.Time
}

// New makes a page that shows nothing yet.
func New(told func(Step)) *Page { return &Page{Rows: map[string]Row{}, Told: told} }

// Known are the messages that a page shows, and in which form.
type Known map[string]int64

// Known is what the page shows when it begins to fetch its conversation anew, for Show.
func (p *Page) Known() Known {
	known := Known{}
	for _, m := range p.Log.Messages {
		known[m.ID] = m.Change
	}
	return known
}

// Show shows a conversation that was fetched. Bubbles on their way stay, but those that have arrived; and so does what
// came while the answer was on its way, and is later than it.
func (p *Page) Show(fetched *Log, known Known) {
	if p.Log != nil {
		for _, m := range p.Log.Messages {
			if change, before := known[m.ID]; m.Change > fetched.Change && (!before || change < m.Change) {
				fetched.Upsert(m)
			}
		}
		fetched.Pending = slices.DeleteFunc(slices.Clone(p.Log.Pending), func(client string) bool {
			return slices.ContainsFunc(fetched.Messages, func(m Message) bool { return m.Client == client })
		})
	}
	p.Log = fetched
	p.Told(Step{What: Fetched, Messages: slices.Clone(fetched.Messages), Epoch: fetched.Epoch})
}

// ShowOlder takes older history.
func (p *Page) ShowOlder(fetched Log) {
	p.Told(Step{What: Above, Messages: p.Log.MergeOlder(fetched)})
}

// Await shows a bubble on its way.
func (p *Page) Await(client string) {
	p.Log.Await(client)
	p.Told(Step{What: Awaiting, Client: client})
}

// Refuse takes a bubble away that will not arrive.
func (p *Page) Refuse(client string) {
	p.Log.Settle(client)
	p.Told(Step{What: Settled, Client: client})
}

// Apply puts messages into the log: of a frame, or the answer to a send.
func (p *Page) Apply(messages []Message) {
	for _, m := range messages {
		outcome := p.Log.Upsert(m)
		step := Step{What: string(outcome), Message: m}
		if outcome == Added {
			if at := slices.IndexFunc(p.Log.Messages, func(known Message) bool { return known.ID == m.ID }); at > 0 {
				step.Behind = p.Log.Messages[at-1].ID
			}
		}
		p.Told(step)
	}
}

// Receive takes one frame. Types of a later version are ignored.
func (p *Page) Receive(f Frame, now time.Time) (Do, error) {
	mine := p.Log != nil && p.Log.Conversation == f.Conversation
	switch f.Type {
	case "hello":
		p.asked = time.Time{} // the "open" that follows on it is a new question
	case "list", "rows":
		return Nothing, p.list(f)
	case "changes":
		if !mine || f.From == nil || f.To == nil {
			return Nothing, nil
		}
		if !p.Log.Fits(*f.From) {
			if !p.asked.IsZero() && now.Sub(p.asked) < askAgain {
				return Nothing, nil
			}
			p.asked = now
			return Ask, nil
		}
		content, err := f.read()
		if err != nil {
			return Nothing, err
		}
		p.Apply(content.Messages)
		p.Log.Advance(*f.To)
	case "receipts":
		if mine && f.From != nil {
			p.Log.TakeReceipts(f.At, *f.From, f.Runs)
		}
	case "resumed":
		p.asked = time.Time{}
		if mine && f.To != nil {
			p.Log.Advance(*f.To)
		}
	case "reset":
		p.asked = time.Time{}
		if mine {
			return Reload, nil
		}
	case "view":
		if mine {
			p.Log.View = f.View
		}
	case "closed":
		if mine {
			return Leave, nil
		}
	}
	return Nothing, nil
}

func (f Frame) read() (Content, error) {
	if f.content != nil {
		return *f.content, nil
	}
	return Parse(f.HTML)
}

// list takes rows: a "list" holds against whatever rows there are, in "rows" an older form never replaces a newer one.
func (p *Page) list(f Frame) error {
	content, err := f.read()
	if err != nil {
		return err
	}
	if f.Type == "list" {
		p.ShowList(content.Rows)
	} else {
		for _, row := range content.Rows {
			if known, ok := p.Rows[row.Conversation]; !ok || row.Change >= known.Change {
				p.Rows[row.Conversation] = row
			}
		}
	}
	if f.Total != nil {
		p.Total = *f.Total
	}
	return nil
}

// ShowList shows a whole list. Beyond a hundred rows it would be only its beginning; worlds here are smaller.
func (p *Page) ShowList(rows []Row) {
	clear(p.Rows)
	maps.Insert(p.Rows, func(yield func(string, Row) bool) {
		for _, row := range rows {
			if !yield(row.Conversation, row) {
				return
			}
		}
	})
}
