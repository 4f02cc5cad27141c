package history

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"parley/chaos/page"
)

// Violation is one thing that must not be.
type Violation struct {
	Check int // 1 to 9
	What  string
	// About are the sends, messages and tabs it is about: what the history is looked through for.
	About []string
}

func (v Violation) String() string { return fmt.Sprintf("check %d: %s", v.Check, v.What) }

// Check is one of the nine.
type Check struct {
	Number int
	Says   string
	run    func(*judge)
}

// Checks are all of them. A capability that adds a surface has nothing to add to 5, which looks through every byte that a
// person was handed, unless it hands over what is no text; to 9 it adds what a page derives, or keeps from frames of its own:
// markup is compared as it is. Receipts are such: 5 asks whose they are, and 9 compares [page.Message.Receipt].
var Checks = []Check{
	{1, "what was acknowledged is in the database", acknowledged},
	{2, "each message stands exactly once in the last view of everybody entitled, and no other does", exactlyOnce},
	{3, "every view is in order at every moment, and nothing goes back in time", ordered},
	{4, "the counters have no holes, and no send is stored twice", counted},
	{5, "nobody was handed what they were not entitled to", entitled},
	{6, "a send whose answer was lost ends as exactly one message, or as none that was refused", settled},
	{7, "all views are complete within the bound", converged},
	{8, "goroutines, descriptors and memory are back where they were", released},
	{9, "a page that applied what it was told equals one that was fetched", equal},
}

type judge struct {
	Evidence
	check  int
	byID   map[string]Row
	bySend map[[2]string][]Row // author and client id
	stays  map[string][]Stay   // of a person
	found  []Violation
}

func (j *judge) fault(about []string, format string, args ...any) {
	j.found = append(j.found, Violation{Check: j.check, What: fmt.Sprintf(format, args...), About: about})
}

// Judge returns everything that must not be.
func Judge(e Evidence) []Violation {
	j := &judge{Evidence: e, byID: map[string]Row{}, bySend: map[[2]string][]Row{}, stays: map[string][]Stay{}}
	for _, row := range e.Rows {
		j.byID[row.ID] = row
		if row.Person {
			key := [2]string{row.Author, row.Client}
			j.bySend[key] = append(j.bySend[key], row)
		}
	}
	for _, stay := range e.Stays {
		j.stays[stay.Person] = append(j.stays[stay.Person], stay)
	}
	for _, check := range Checks {
		j.check = check.Number
		check.run(j)
	}
	return j.found
}

func (j *judge) sees(person string, row Row) bool {
	return slices.ContainsFunc(j.stays[person], func(s Stay) bool { return s.sees(row) })
}

func acknowledged(j *judge) {
	for _, s := range j.Sends {
		if s.Outcome != Acknowledged {
			continue
		}
		row, ok := j.byID[s.Message]
		switch {
		case !ok:
			j.fault([]string{s.Client, s.Message}, "send %d of %s was acknowledged as message %s, which is lost", s.N, s.Person, s.Message)
		case row.Conversation != s.Conversation || row.Author != s.Person || row.Client != s.Client || row.Seq != s.Seq:
			j.fault([]string{s.Client, s.Message}, "send %d was acknowledged as %s number %d, and stored as another: %+v", s.N, s.Message, s.Seq, row)
		}
	}
}

func exactlyOnce(j *judge) {
	type seat struct{ person, conversation string }
	finals := map[seat]Final{}
	for _, f := range j.Finals {
		finals[seat{f.Person, f.Conversation}] = f
	}
	rows := map[string][]Row{}
	for _, row := range j.Rows {
		rows[row.Conversation] = append(rows[row.Conversation], row)
	}
	seats := map[seat]bool{}
	for _, stay := range j.Stays {
		seats[seat{stay.Person, stay.Conversation}] = true
	}
	for s := range seats {
		f, ok := finals[s]
		if !ok {
			j.fault([]string{s.person, s.conversation}, "nobody looked at what %s sees of %s in the end", s.person, s.conversation)
			continue
		}
		for name, view := range map[string][]page.Message{"applied": f.Applied, "fetched": f.Fetched} {
			if view == nil && name == "applied" {
				continue
			}
			times := map[string]int{}
			for _, m := range view {
				times[m.ID]++
			}
			for _, row := range rows[s.conversation] {
				if n := times[row.ID]; j.sees(s.person, row) && n != 1 {
					j.fault([]string{row.ID, row.Client}, "message %s, number %d of %s, stands %d times in the last view (%s) of %s",
						row.ID, row.Seq, s.conversation, n, name, s.person)
				}
			}
			for id := range times {
				if row, ok := j.byID[id]; !ok || !j.sees(s.person, row) {
					j.fault([]string{id}, "message %s stands in the last view (%s) that %s has of %s, and is nothing that %s may see",
						id, name, s.person, s.conversation, s.person)
				}
			}
		}
	}
}

// view is a tab's log, followed step by step.
type view struct {
	epoch   string
	items   []page.Message
	pending map[string]bool
}

func ordered(j *judge) {
	views := map[string]*view{}
	for _, step := range j.Steps {
		v := views[step.Tab]
		if v == nil {
			v = &view{pending: map[string]bool{}}
			views[step.Tab] = v
		}
		for _, wrong := range v.take(step) {
			about := []string{step.Message.ID, step.Message.Client, step.Tab}
			j.fault(about, "%s at %s: %s", step.Tab, step.At.Round(time.Millisecond), wrong)
		}
	}
	// A tab sends one at a time, so its messages stand in the order in which they were written.
	last := map[string]Send{}
	for _, s := range j.Sends {
		if s.Outcome != Acknowledged {
			continue
		}
		key := s.Tab + " " + s.Conversation
		if before, ok := last[key]; ok && s.Seq <= before.Seq {
			j.fault([]string{s.Client, before.Client}, "%s sent %d before %d, and they stand the other way round", s.Tab, before.N, s.N)
		}
		last[key] = s
	}
}

// take makes one step and says what is wrong about it.
func (v *view) take(step Step) (wrong []string) {
	find := func(id string) int {
		for i := len(v.items) - 1; i >= 0; i-- {
			if v.items[i].ID == id {
				return i
			}
		}
		return -1
	}
	switch step.What {
	case page.Fetched:
		if step.Epoch == v.epoch {
			wrong = append(wrong, v.wentBack(step.Messages)...)
		}
		v.epoch, v.items = step.Epoch, slices.Clone(step.Messages)
		wrong = append(wrong, v.disorder(0, len(v.items))...)
		for _, m := range step.Messages {
			delete(v.pending, m.Client) // a page fetched anew drops the bubbles that have arrived
		}
	case page.Above:
		v.items = append(slices.Clone(step.Messages), v.items...)
		wrong = v.disorder(0, len(step.Messages)+1)
	case string(page.Added):
		if find(step.Message.ID) >= 0 {
			wrong = append(wrong, fmt.Sprintf("message %s is there twice", step.Message.ID))
		}
		at := find(step.Behind) + 1
		v.items = slices.Insert(v.items, at, step.Message)
		delete(v.pending, step.Message.Client)
		wrong = append(wrong, v.disorder(at-1, at+2)...)
	case string(page.Replaced):
		at := find(step.Message.ID)
		if at < 0 {
			return []string{fmt.Sprintf("message %s is replaced and is not there", step.Message.ID)}
		}
		if before := v.items[at]; step.Message.Change <= before.Change || step.Message.Seq != before.Seq {
			wrong = append(wrong, fmt.Sprintf("message %s goes from change %d back to %d", before.ID, before.Change, step.Message.Change))
		}
		v.items[at] = step.Message
	case page.Awaiting:
		if slices.ContainsFunc(v.items, func(m page.Message) bool { return m.Client == step.Client }) {
			wrong = append(wrong, fmt.Sprintf("a bubble for %s beside its message", step.Client))
		}
		v.pending[step.Client] = true
	case page.Settled:
		delete(v.pending, step.Client)
	}
	return wrong
}

// disorder looks at a stretch of the view.
func (v *view) disorder(from, to int) (wrong []string) {
	from, to = max(from, 0), min(to, len(v.items))
	for i := from + 1; i < to; i++ {
		a, b := v.items[i-1], v.items[i]
		if a.Seq >= b.Seq {
			wrong = append(wrong, fmt.Sprintf("number %d (%s) stands before number %d (%s)", a.Seq, a.ID, b.Seq, b.ID))
		}
	}
	return wrong
}

// wentBack looks for what was there and is gone, or is older, within the window of a page that was fetched anew.
func (v *view) wentBack(fetched []page.Message) (wrong []string) {
	now := make(map[string]page.Message, len(fetched))
	first := int64(0)
	for _, m := range fetched {
		now[m.ID] = m
		if first == 0 || m.Seq < first {
			first = m.Seq
		}
	}
	for _, m := range v.items {
		switch again, ok := now[m.ID]; {
		case m.Seq >= first && !ok:
			wrong = append(wrong, fmt.Sprintf("message %s, number %d, was there and is gone", m.ID, m.Seq))
		case ok && again.Change < m.Change:
			wrong = append(wrong, fmt.Sprintf("message %s goes from change %d back to %d", m.ID, m.Change, again.Change))
		}
	}
	return wrong
}

func counted(j *judge) {
	seqs := map[string][]int64{}
	ids := map[string]int{}
	for _, row := range j.Rows {
		seqs[row.Conversation] = append(seqs[row.Conversation], row.Seq)
		if ids[row.ID]++; ids[row.ID] > 1 {
			j.fault([]string{row.ID}, "message %s is stored twice", row.ID)
		}
		if change := j.Heads[row.Conversation].Changes; row.Change > change {
			j.fault([]string{row.ID}, "message %s has change %d of %d", row.ID, row.Change, change)
		}
	}
	for key, rows := range j.bySend {
		if len(rows) > 1 {
			j.fault([]string{key[1]}, "%s sent %s once, and it is stored %d times", key[0], key[1], len(rows))
		}
	}
	for conversation, head := range j.Heads {
		numbers := seqs[conversation]
		slices.Sort(numbers)
		for i, seq := range numbers {
			if seq != int64(i)+1 {
				j.fault([]string{conversation}, "%s has a message number %d where number %d belongs", conversation, seq, i+1)
				break
			}
		}
		if int64(len(numbers)) != head.Messages {
			j.fault([]string{conversation}, "%s has %d messages and counts %d", conversation, len(numbers), head.Messages)
		}
	}
}

func entitled(j *judge) {
	absences := map[string][]Absence{}
	for _, a := range j.Absences {
		absences[a.Person] = append(absences[a.Person], a)
	}
	folds := map[[2]string][]Fold{}
	for _, f := range j.Folds {
		key := [2]string{f.Person, f.Author}
		folds[key] = append(folds[key], f)
	}
	for _, r := range j.Receipts {
		if r.N < 1 || r.N > len(j.Sends) {
			j.fault(nil, "%s was handed send %d, which nobody made", r.Person, r.N)
			continue
		}
		s := j.Sends[r.N-1]
		about := []string{s.Client, s.Message, r.Person}
		rows := j.bySend[[2]string{s.Person, s.Client}]
		if len(rows) == 0 {
			if r.Person != s.Person {
				j.fault(about, "%s was handed send %d of %s at %s, which is not stored", r.Person, s.N, s.Person, r.At)
			}
			continue
		}
		if !j.sees(r.Person, rows[0]) {
			j.fault(about, "%s was handed message %s (send %d, number %d of %s) at %s without being entitled to it",
				r.Person, rows[0].ID, s.N, rows[0].Seq, rows[0].Conversation, r.At)
		}
		// The rows above are the system's own word. This is not: who was told that somebody is out, wrote afterwards.
		for _, a := range absences[r.Person] {
			if a.Conversation == s.Conversation && s.Invoked >= a.From && r.At > a.From && (a.Until == 0 || r.At < a.Until) {
				j.fault(about, "%s was out of %s from %s on, and was handed send %d of %s at %s",
					r.Person, s.Conversation, a.From, s.N, s.Invoked, r.At)
			}
		}
		// No time is given: who has blocked the author is read together with the message, however late the hint comes.
		for _, f := range folds[[2]string{r.Person, s.Person}] {
			if s.Invoked >= f.From && r.At > f.From && (f.Until == 0 || r.At < f.Until) {
				j.fault(about, "%s had blocked %s from %s on, and was handed send %d of %s at %s",
					r.Person, s.Person, f.From, s.N, s.Invoked, r.At)
			}
		}
	}
	j.receipts()
}

// receipts: of a message only its author is told how far it has come, and whoever hides receipts is in nobody's numbers
// and sees none.
func (j *judge) receipts() {
	type place struct {
		conversation string
		seq          int64
	}
	authors, others := map[place]string{}, map[string]map[string]bool{}
	for _, row := range j.Rows {
		if row.Person {
			authors[place{row.Conversation, row.Seq}] = row.Author
		}
	}
	for _, stay := range j.Stays {
		if others[stay.Conversation] == nil {
			others[stay.Conversation] = map[string]bool{}
		}
		if !slices.Contains(j.Hiding, stay.Person) {
			others[stay.Conversation][stay.Person] = true
		}
	}
	for _, told := range j.Told {
		if slices.Contains(j.Hiding, told.Person) && len(told.Runs) > 0 {
			j.fault(nil, "%s hides receipts, and was told %v of %s at %s", told.Person, told.Runs, told.Conversation, told.At)
		}
		for _, run := range told.Runs {
			seq, delivered, read, of := run[0], run[1], run[2], run[3]
			if author := authors[place{told.Conversation, seq}]; author != told.Person {
				j.fault(nil, "%s was told at %s how far number %d of %s has come, which is by %q", told.Person, told.At, seq, told.Conversation, author)
			}
			most := int64(len(others[told.Conversation]))
			if others[told.Conversation][told.Person] {
				most--
			}
			if read < 0 || read > delivered || delivered > of || of > most {
				j.fault(nil, "%s was told at %s that number %d of %s has reached %d and was read by %d of %d, where %d show receipts",
					told.Person, told.At, seq, told.Conversation, delivered, read, of, most)
			}
		}
	}
	for _, f := range j.Finals {
		for _, m := range append(slices.Clone(f.Applied), f.Fetched...) {
			if m.Receipt != "" && m.Author != f.Person {
				j.fault([]string{m.ID}, "%s sees the receipts (%s) of message %s, which is by %s", f.Person, m.Receipt, m.ID, m.Author)
			}
		}
	}
}

func settled(j *judge) {
	for _, s := range j.Sends {
		n := len(j.bySend[[2]string{s.Person, s.Client}])
		about := []string{s.Client}
		switch {
		case s.Outcome == Unknown:
			j.fault(about, "send %d of %s never got an answer", s.N, s.Person)
		case s.Outcome == Acknowledged && n != 1:
			j.fault(about, "send %d of %s, %d times without an answer, is stored %d times", s.N, s.Person, s.Lost, n)
		case s.Outcome == Failed && n != 0:
			j.fault(about, "send %d of %s was refused (%d) and is stored all the same", s.N, s.Person, s.Status)
		}
	}
}

func converged(j *judge) {
	for _, c := range j.Convergences {
		switch {
		case !c.Complete:
			j.fault(nil, "after %s the views were never complete (%s)", c.After, c.Took.Round(time.Millisecond))
		case c.Took > c.Bound:
			j.fault(nil, "after %s the views took %s, more than %s", c.After, c.Took.Round(time.Millisecond), c.Bound)
		}
	}
}

// heapLeast is how much memory may be more whatever there was.
const heapLeast = 8 << 20

func released(j *judge) {
	for _, r := range j.Resources {
		if r.Goroutines > r.GoroutinesBefore {
			j.fault(nil, "%s has %d goroutines, before it had %d", r.Process, r.Goroutines, r.GoroutinesBefore)
		}
		if r.Descriptors > r.DescriptorBefore {
			j.fault(nil, "%s has %d descriptors, before it had %d", r.Process, r.Descriptors, r.DescriptorBefore)
		}
		if more := r.Heap - r.HeapBefore; more > max(heapLeast, r.HeapBefore/10) {
			j.fault(nil, "%s holds %d bytes, before it held %d", r.Process, r.Heap, r.HeapBefore)
		}
	}
}

func equal(j *judge) {
	for _, f := range j.Finals {
		if f.Applied == nil {
			continue
		}
		fetched := map[string]page.Message{}
		for _, m := range f.Fetched {
			fetched[m.ID] = m
		}
		for _, m := range f.Applied {
			if again, ok := fetched[m.ID]; !ok || again != m {
				j.fault([]string{m.ID}, "%s sees message %s of %s as %+v, and fetched as %+v", f.Person, m.ID, f.Conversation, m, again)
			}
			delete(fetched, m.ID)
		}
		for id := range fetched {
			j.fault([]string{id}, "%s sees message %s of %s only in a page that is fetched", f.Person, id, f.Conversation)
		}
	}
	for _, l := range j.Lists {
		about := []string{l.Tab}
		if !maps.Equal(l.Applied, l.Fetched) {
			for id, row := range l.Fetched {
				if l.Applied[id] != row {
					j.fault(about, "the list of %s has %+v, fetched it has %+v", l.Tab, l.Applied[id], row)
				}
			}
			for id := range l.Applied {
				if _, ok := l.Fetched[id]; !ok {
					j.fault(about, "the list of %s has %s, fetched it has not", l.Tab, id)
				}
			}
		}
		if l.AppliedTotal != l.FetchedTotal {
			j.fault(about, "%s shows %d conversations as unread, fetched %d", l.Tab, l.AppliedTotal, l.FetchedTotal)
		}
		for id, row := range l.Applied {
			if n, ok := l.Unread[id]; ok && min(n, 100) != row.Unread {
				j.fault(about, "%s shows %d unread in %s, by the database there are %d", l.Tab, row.Unread, id, n)
			}
		}
	}
}
