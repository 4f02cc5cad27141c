// Package history is what the people of a run did and saw, and the checks that judge it afterwards. The checks know
// nothing of how a run is made: they take [Evidence], which their tests make up by hand so that each of them is seen to
// fail.
package history

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	"parley/chaos/page"
)

// Outcome is how a send ended, as far as the sender knows.
type Outcome string

// The outcomes. Unknown is the one that no send may keep: it is tried again with the same id until there is an answer.
const (
	Unknown      Outcome = "unknown"
	Acknowledged Outcome = "acknowledged"
	Failed       Outcome = "failed" // refused for good
)

// Send is one message that somebody wanted to send. Times count from the beginning of the run.
type Send struct {
	N                         int // its number, which also stands in its text
	Tab, Person, Conversation string
	Client                    string
	Invoked, Ended            time.Duration
	Outcome                   Outcome
	Lost                      int // attempts whose answer never came
	Status                    int // of the refusal
	Message                   string
	Seq                       int64
}

// Row is a message in the database.
type Row struct {
	ID, Conversation, Author, Client string
	Seq, Change                      int64
	Person                           bool // somebody wrote it; otherwise it says what happened in a group
}

// Head holds a conversation's counters.
type Head struct{ Messages, Changes int64 }

// Stay is a stretch of a conversation that a person may see: behind From, in the order of messages, up to Until, in the
// order of changes; nil while it lasts.
type Stay struct {
	Person, Conversation string
	From                 int64
	Until                *int64
}

func (s Stay) sees(r Row) bool {
	return s.Conversation == r.Conversation && r.Seq > s.From && (s.Until == nil || r.Change <= *s.Until)
}

// Step is one change of a tab's view.
type Step struct {
	At  time.Duration
	Tab string
	page.Step
}

// Receipt says that a person's browser was handed the text of a send, by whatever way, and when for the first time.
type Receipt struct {
	Person string
	N      int
	At     time.Duration
}

// Told says that a person's browser was told how far the person's own messages in a conversation have come, in runs of
// number, reached, read, of how many.
type Told struct {
	Person, Conversation string
	Runs                 [][4]int64
	At                   time.Duration
}

// Absence is a time in which somebody surely was not in a group: from the answer to the removal to the request that took
// them in again.
type Absence struct {
	Person, Conversation string
	From, Until          time.Duration // Until is 0 where it never ended
}

// Fold is a time in which what an author says in groups was surely folded away for a person, who has blocked them: from the
// answer to the block to the request that ended it.
type Fold struct {
	Person, Author string
	From, Until    time.Duration // Until is 0 where it never ended
}

// Convergence is how long it took until all views were complete after something had healed.
type Convergence struct {
	After       string
	Took, Bound time.Duration
	Complete    bool
}

// Resources of a process that lived through a run: before, and afterwards when nobody is connected any more.
type Resources struct {
	Process                       string
	Goroutines, GoroutinesBefore  int
	Descriptors, DescriptorBefore int
	Heap, HeapBefore              int64 // bytes after a collection
}

// Final is what one person saw of one conversation in the end: in the page that applied what it was told, and in one that
// was fetched. Applied is nil for who has no such page, having left.
type Final struct {
	Person, Conversation string
	Applied, Fetched     []page.Message
}

// List is a person's list in the end, in a page that applied what it was told and in one that was fetched.
type List struct {
	Person, Tab                string
	Applied, Fetched           map[string]page.Row
	AppliedTotal, FetchedTotal int
	Unread                     map[string]int // by the database
}

// Evidence is all that is judged.
type Evidence struct {
	Sends        []Send
	Steps        []Step
	Receipts     []Receipt
	Told         []Told
	Hiding       []string // who shows no receipts, all the time
	Absences     []Absence
	Folds        []Fold
	Rows         []Row
	Heads        map[string]Head
	Stays        []Stay
	Finals       []Final
	Lists        []List
	Convergences []Convergence
	Resources    []Resources
}

// Recorder gathers evidence while a run goes on, and writes it line by line.
type Recorder struct {
	began time.Time

	mu       sync.Mutex
	out      *json.Encoder
	sends    []*Send
	steps    []Step
	receipts map[string]map[int]time.Duration
	told     []Told
	absences []Absence
	folds    []Fold
	conv     []Convergence
	res      []Resources
}

// NewRecorder begins a run. Lines go to out.
func NewRecorder(out io.Writer) *Recorder {
	return &Recorder{began: time.Now(), out: json.NewEncoder(out), receipts: map[string]map[int]time.Duration{}}
}

// Now is the time of the run.
func (r *Recorder) Now() time.Duration { return time.Since(r.began) }

type line struct {
	At   time.Duration `json:"at"`
	What string        `json:"what"`
	Of   any           `json:"of,omitempty"`
}

func (r *Recorder) writeLocked(what string, of any) {
	_ = r.out.Encode(line{r.Now(), what, of}) // what is judged is in memory
}

// Note writes down what the run itself does.
func (r *Recorder) Note(what string, of any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.writeLocked(what, of)
}

// Invoke begins a send and numbers it; text makes its text from the number.
func (r *Recorder) Invoke(tab, person, conversation, client string) *Send {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &Send{
		N: len(r.sends) + 1, Tab: tab, Person: person, Conversation: conversation, Client: client,
		Invoked: r.Now(), Outcome: Unknown,
	}
	r.sends = append(r.sends, s)
	r.writeLocked("invoke", s)
	return s
}

// Name says which id a send bears, where its sender has not chosen it by itself.
func (r *Recorder) Name(s *Send, client string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.Client = client
	r.writeLocked("named", s)
}

// Lose notes an attempt without an answer.
func (r *Recorder) Lose(s *Send, why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.Lost++
	r.writeLocked("unknown", map[string]any{"n": s.N, "why": why})
}

// Acknowledge ends a send well.
func (r *Recorder) Acknowledge(s *Send, message string, seq int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.Outcome, s.Message, s.Seq, s.Ended = Acknowledged, message, seq, r.Now()
	r.writeLocked("acknowledged", s)
}

// Fail ends a send that was refused for good.
func (r *Recorder) Fail(s *Send, status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.Outcome, s.Status, s.Ended = Failed, status, r.Now()
	r.writeLocked("failed", s)
}

// See notes a change of a tab's view.
func (r *Recorder) See(tab string, step page.Step) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := Step{At: r.Now(), Tab: tab, Step: step}
	r.steps = append(r.steps, s)
	brief := map[string]any{"tab": tab}
	switch {
	case step.Messages != nil:
		brief["messages"] = len(step.Messages)
	case step.Client != "":
		brief["client"] = step.Client
	default:
		brief["id"], brief["seq"], brief["change"] = step.Message.ID, step.Message.Seq, step.Message.Change
	}
	r.writeLocked(step.What, brief)
}

// token stands in the text of every send, so that it is found wherever the text gets to.
var token = regexp.MustCompile(`send-(\d+)-dnes`)

// Text is the text of a send.
func Text(n int) string { return "send-" + strconv.Itoa(n) + "-dnes" }

// Receive looks through everything that a person's browser was handed: frames, pages, answers, whatever they are for.
func (r *Recorder) Receive(person string, data []byte) {
	found := token.FindAllSubmatch(data, -1)
	if len(found) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.receipts[person] == nil {
		r.receipts[person] = map[int]time.Duration{}
	}
	for _, match := range found {
		n, _ := strconv.Atoi(string(match[1])) // digits
		if _, known := r.receipts[person][n]; !known {
			r.receipts[person][n] = r.Now()
		}
	}
}

// Tell notes what a person's browser was told of receipts.
func (r *Recorder) Tell(person, conversation string, runs [][4]int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told = append(r.told, Told{Person: person, Conversation: conversation, Runs: runs, At: r.Now()})
	r.writeLocked("told", r.told[len(r.told)-1])
}

// Absent notes that somebody is surely not in a group any more; back ends it.
func (r *Recorder) Absent(person, conversation string) (back func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := len(r.absences)
	r.absences = append(r.absences, Absence{Person: person, Conversation: conversation, From: r.Now()})
	r.writeLocked("absent", r.absences[i])
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.absences[i].Until = r.Now()
		r.writeLocked("back", r.absences[i])
	}
}

// Folded notes that somebody has surely blocked an author; back ends it.
func (r *Recorder) Folded(person, author string) (back func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := len(r.folds)
	r.folds = append(r.folds, Fold{Person: person, Author: author, From: r.Now()})
	r.writeLocked("folded", r.folds[i])
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.folds[i].Until = r.Now()
		r.writeLocked("unfolded", r.folds[i])
	}
}

// Converge notes how long the views took.
func (r *Recorder) Converge(c Convergence) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conv = append(r.conv, c)
	r.writeLocked("converged", c)
}

// Compare notes what a process holds.
func (r *Recorder) Compare(c Resources) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.res = append(r.res, c)
	r.writeLocked("resources", c)
}

// Open is how many sends have no outcome yet.
func (r *Recorder) Open() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.sends {
		if s.Outcome == Unknown {
			n++
		}
	}
	return n
}

// Counts are how many sends there were, and how many of them ended how.
func (r *Recorder) Counts() (all, acknowledged, failed, retried int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.sends {
		switch s.Outcome {
		case Acknowledged:
			acknowledged++
		case Failed:
			failed++
		}
		if s.Lost > 0 {
			retried++
		}
	}
	return len(r.sends), acknowledged, failed, retried
}

// Between returns the acknowledged sends that were invoked in a stretch of time.
func (r *Recorder) Between(from, to time.Duration) (sends []Send) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.sends {
		if s.Outcome == Acknowledged && s.Invoked >= from && s.Invoked < to {
			sends = append(sends, *s)
		}
	}
	return sends
}

// Arrivals returns when each message was added to each tab since a moment, by message and tab.
func (r *Recorder) Arrivals(since time.Duration) map[string]map[string]time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := map[string]map[string]time.Duration{}
	for i := len(r.steps) - 1; i >= 0 && r.steps[i].At >= since; i-- {
		if s := r.steps[i]; s.What == string(page.Added) {
			if at[s.Message.ID] == nil {
				at[s.Message.ID] = map[string]time.Duration{}
			}
			at[s.Message.ID][s.Tab] = s.At
		}
	}
	return at
}

// Evidence is what was recorded; the database's part and the ends of the views are the caller's to add.
func (r *Recorder) Evidence() Evidence {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := Evidence{Steps: r.steps, Told: r.told, Absences: r.absences, Folds: r.folds, Convergences: r.conv, Resources: r.res}
	for _, s := range r.sends {
		e.Sends = append(e.Sends, *s)
	}
	for person, seen := range r.receipts {
		for n, at := range seen {
			e.Receipts = append(e.Receipts, Receipt{Person: person, N: n, At: at})
		}
	}
	return e
}

// About tells what is known of sends, messages and tabs by their ids, at most so many lines.
func (r *Recorder) About(ids []string, most int) (lines []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	about := func(values ...string) bool {
		return slices.ContainsFunc(values, func(v string) bool { return v != "" && slices.Contains(ids, v) })
	}
	for _, s := range r.sends {
		if about(s.Client, s.Message) {
			lines = append(lines, fmt.Sprintf("%-12s %+v", s.Invoked, *s))
		}
	}
	for _, s := range r.steps {
		if len(lines) < most && about(s.Message.ID, s.Client) {
			lines = append(lines, fmt.Sprintf("%-12s %s: %s %s, number %d, change %d", s.At, s.Tab, s.What, s.Message.ID+s.Client, s.Message.Seq, s.Message.Change))
		}
	}
	return lines[:min(most, len(lines))]
}
