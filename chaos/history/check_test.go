package history_test

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/chaos/history"
	"parley/chaos/page"
)

// message is one as a page shows it.
func message(id string, seq int64) page.Message {
	return page.Message{ID: id, Seq: seq, Change: seq, Author: "ana", Client: "c-" + id, Form: "form of " + id}
}

func step(tab, what string, change func(*history.Step)) history.Step {
	s := history.Step{Tab: tab, Step: page.Step{What: what}}
	change(&s)
	return s
}

func fetched(tab string, messages ...page.Message) history.Step {
	return step(tab, page.Fetched, func(s *history.Step) { s.Messages, s.Epoch = messages, "e" })
}

func added(tab string, m page.Message, behind string) history.Step {
	return step(tab, string(page.Added), func(s *history.Step) { s.Message, s.Behind = m, behind })
}

func awaiting(tab, client string) history.Step {
	return step(tab, page.Awaiting, func(s *history.Step) { s.Client = client })
}

// good is a run in which all is well: ana writes two messages to ben in a conversation that holds one already, and the
// answer to the second is lost once. Cem was in it while there was one message, and then left.
func good() history.Evidence {
	one := int64(1)
	m1, m2, m3 := message("m1", 1), message("m2", 2), message("m3", 3)
	row := func(id string, seq int64) history.Row {
		return history.Row{ID: id, Conversation: "talk", Author: "ana", Client: "c-" + id, Seq: seq, Change: seq, Person: true}
	}
	send := func(n int, id string, seq int64, lost int) history.Send {
		return history.Send{
			N: n, Tab: "ana/1", Person: "ana", Conversation: "talk", Client: "c-" + id, Outcome: history.Acknowledged,
			Message: id, Seq: seq, Lost: lost, Invoked: time.Duration(n) * time.Second, Ended: time.Duration(n)*time.Second + 1,
		}
	}
	rows := func() map[string]page.Row {
		return map[string]page.Row{"talk": {Conversation: "talk", Change: 3, Unread: 2, Form: "row"}}
	}
	return history.Evidence{
		Sends: []history.Send{send(1, "m1", 1, 0), send(2, "m2", 2, 0), send(3, "m3", 3, 1)},
		Rows:  []history.Row{row("m1", 1), row("m2", 2), row("m3", 3)},
		Heads: map[string]history.Head{"talk": {Messages: 3, Changes: 3}},
		Stays: []history.Stay{
			{Person: "ana", Conversation: "talk"}, {Person: "ben", Conversation: "talk"},
			{Person: "cem", Conversation: "talk", Until: &one},
		},
		Steps: []history.Step{
			fetched("ana/1", m1), awaiting("ana/1", "c-m2"), added("ana/1", m2, "m1"), awaiting("ana/1", "c-m3"), added("ana/1", m3, "m2"),
			fetched("ben/1", m1), added("ben/1", m3, "m1"), added("ben/1", m2, "m1"), fetched("ben/1", m2, m3),
			step("ben/1", page.Above, func(s *history.Step) { s.Messages = []page.Message{m1} }),
		},
		Receipts: []history.Receipt{
			{Person: "ana", N: 3, At: 4 * time.Second}, {Person: "ben", N: 3, At: 4 * time.Second}, {Person: "cem", N: 1, At: 2 * time.Second},
		},
		Told:     []history.Told{{Person: "ana", Conversation: "talk", Runs: [][4]int64{{2, 1, 1, 1}, {3, 1, 0, 1}}}, {Person: "ben", Conversation: "talk"}},
		Hiding:   []string{"cem"},
		Absences: []history.Absence{{Person: "cem", Conversation: "talk", From: 1500 * time.Millisecond}},
		Folds:    []history.Fold{{Person: "ana", Author: "cem", From: time.Second}, {Person: "ben", Author: "ana", From: 5 * time.Second}},
		Finals: []history.Final{
			{Person: "ana", Conversation: "talk", Applied: []page.Message{m1, m2, m3}, Fetched: []page.Message{m1, m2, m3}},
			{Person: "ben", Conversation: "talk", Applied: []page.Message{m1, m2, m3}, Fetched: []page.Message{m1, m2, m3}},
			{Person: "cem", Conversation: "talk", Fetched: []page.Message{m1}},
		},
		Lists: []history.List{{
			Person: "ben", Tab: "ben/1", Applied: rows(), Fetched: rows(), AppliedTotal: 1, FetchedTotal: 1, Unread: map[string]int{"talk": 2},
		}},
		Convergences: []history.Convergence{{After: "a fault", Took: time.Second, Bound: 2 * time.Second, Complete: true}},
		Resources: []history.Resources{{
			Process: "a", Goroutines: 20, GoroutinesBefore: 20, Descriptors: 9, DescriptorBefore: 9, Heap: 12 << 20, HeapBefore: 5 << 20,
		}},
	}
}

// numbers are the checks that find something.
func numbers(e history.Evidence) (found []int) {
	for _, v := range history.Judge(e) {
		if !slices.Contains(found, v.Check) {
			found = append(found, v.Check)
		}
	}
	return found
}

func TestJudge(t *testing.T) {
	t.Parallel()

	t.Run("a run in which all is well is judged so", func(t *testing.T) {
		t.Parallel()
		if found := history.Judge(good()); len(found) > 0 {
			t.Errorf("found %v", found)
		}
	})

	seen := map[int]bool{}
	for name, c := range map[string]struct {
		checks []int // those that find it, and no others
		spoil  func(*history.Evidence)
	}{
		"an acknowledged message is not stored": {[]int{1, 2, 4, 5, 6}, func(e *history.Evidence) { e.Rows = e.Rows[:2] }},
		"an acknowledged message is not stored, and nobody has seen it, and the counter is right": {[]int{1, 6}, func(e *history.Evidence) {
			e.Rows, e.Heads["talk"], e.Receipts = e.Rows[:2], history.Head{Messages: 2, Changes: 2}, e.Receipts[2:]
			e.Told[0].Runs = e.Told[0].Runs[:1]
			for i := range 2 {
				e.Finals[i].Applied, e.Finals[i].Fetched = e.Finals[i].Applied[:2], e.Finals[i].Fetched[:2]
			}
		}},
		"an acknowledged message is stored as another": {[]int{1}, func(e *history.Evidence) { e.Sends[1].Seq = 7; e.Sends = e.Sends[:2]; e.Receipts = e.Receipts[2:] }},
		"a view lacks a message in the end":            {[]int{2, 9}, func(e *history.Evidence) { e.Finals[1].Applied = e.Finals[1].Applied[1:] }},
		"a view has a message twice in the end": {[]int{2, 9}, func(e *history.Evidence) {
			e.Finals[1].Applied = append(e.Finals[1].Applied, message("m3", 3))
		}},
		"a former member does not see what was seen": {[]int{2}, func(e *history.Evidence) { e.Finals[2].Fetched = nil }},
		"a view shows what is not there": {[]int{2}, func(e *history.Evidence) {
			e.Finals[2].Fetched = append(e.Finals[2].Fetched, message("ghost", 9))
		}},
		"nobody looked at what somebody sees":            {[]int{2}, func(e *history.Evidence) { e.Finals = e.Finals[:2] }},
		"a message was added before one that is earlier": {[]int{3}, func(e *history.Evidence) { e.Steps[6].Behind = "" }},
		"a message was added twice": {[]int{3}, func(e *history.Evidence) {
			e.Steps = append(e.Steps[:5:5], append([]history.Step{added("ana/1", message("m3", 3), "m3")}, e.Steps[5:]...)...)
		}},
		"a page was fetched in disorder": {[]int{3}, func(e *history.Evidence) { slices.Reverse(e.Steps[8].Messages) }},
		"a message went back to an earlier form": {[]int{3}, func(e *history.Evidence) {
			e.Steps = append(e.Steps, step("ben/1", string(page.Replaced), func(s *history.Step) { s.Message = message("m3", 3) }))
		}},
		"what was there was gone in a page fetched anew": {[]int{3}, func(e *history.Evidence) { e.Steps[8].Messages = e.Steps[8].Messages[:1] }},
		"a bubble stood beside its message": {[]int{3}, func(e *history.Evidence) {
			e.Steps = append(e.Steps[:5:5], append([]history.Step{awaiting("ana/1", "c-m3")}, e.Steps[5:]...)...)
		}},
		"two messages of a tab stand the other way round": {[]int{3}, func(e *history.Evidence) {
			e.Sends[0], e.Sends[1] = e.Sends[1], e.Sends[0]
			e.Receipts = e.Receipts[:2]
		}},
		"a number is missing": {[]int{4}, func(e *history.Evidence) {
			e.Heads["other"] = history.Head{Messages: 2, Changes: 2}
			e.Rows = append(e.Rows, history.Row{ID: "o1", Conversation: "other", Seq: 1, Change: 1}, history.Row{ID: "o3", Conversation: "other", Seq: 3, Change: 2})
		}},
		"a counter says more than there is": {[]int{4}, func(e *history.Evidence) { e.Heads["talk"] = history.Head{Messages: 4, Changes: 4} }},
		"a change lies beyond the counter":  {[]int{4}, func(e *history.Evidence) { e.Heads["talk"] = history.Head{Messages: 3, Changes: 2} }},
		"a send is stored twice": {[]int{4, 6}, func(e *history.Evidence) {
			e.Heads["other"] = history.Head{Messages: 1, Changes: 1}
			e.Rows = append(e.Rows, history.Row{ID: "o1", Conversation: "other", Author: "ana", Client: "c-m2", Seq: 1, Change: 1, Person: true})
		}},
		"a stranger was handed a message":            {[]int{5}, func(e *history.Evidence) { e.Receipts[2].Person = "dora" }},
		"a former member was handed a later message": {[]int{5}, func(e *history.Evidence) { e.Receipts[2].N = 2 }},
		"somebody who was out was handed what was said meanwhile, and the database says that it was right": {[]int{5}, func(e *history.Evidence) {
			e.Receipts[2] = history.Receipt{Person: "cem", N: 2, At: 3 * time.Second}
			e.Stays[2].Until = nil
			e.Finals[2].Fetched = e.Finals[0].Fetched
		}},
		"somebody was handed what an author said whom they had blocked before": {[]int{5}, func(e *history.Evidence) {
			e.Folds = append(e.Folds, history.Fold{Person: "ben", Author: e.Sends[2].Person, From: e.Sends[2].Invoked})
		}},
		"a message that is not stored was handed to another": {[]int{5}, func(e *history.Evidence) {
			e.Sends = append(e.Sends, history.Send{N: 4, Person: "ana", Client: "c4", Outcome: history.Failed, Status: 403})
			e.Receipts = append(e.Receipts, history.Receipt{Person: "ben", N: 4})
		}},
		"the other was told of receipts":        {[]int{5}, func(e *history.Evidence) { e.Told[0].Person = "ben" }},
		"receipts of what is no message":        {[]int{5}, func(e *history.Evidence) { e.Told[0].Runs[0][0] = 9 }},
		"who hides receipts is counted":         {[]int{5}, func(e *history.Evidence) { e.Told[0].Runs[0][3] = 2 }},
		"more have read it than it has reached": {[]int{5}, func(e *history.Evidence) { e.Told[0].Runs[1][1] = 0; e.Told[0].Runs[1][2] = 1 }},
		"who hides receipts was told some":      {[]int{5}, func(e *history.Evidence) { e.Hiding = []string{"cem", "ana"} }},
		"a page shows receipts of another's message": {[]int{5}, func(e *history.Evidence) {
			e.Finals[1].Applied[0].Receipt, e.Finals[1].Fetched[0].Receipt = "1 1 1", "1 1 1"
		}},
		"a page shows other receipts than one that is fetched": {[]int{9}, func(e *history.Evidence) { e.Finals[0].Applied[1].Receipt = "1 1 1" }},
		"a send never got an answer":                           {[]int{6}, func(e *history.Evidence) { e.Sends[2].Outcome = history.Unknown }},
		"a send was refused after all, and is stored":          {[]int{6}, func(e *history.Evidence) { e.Sends[2].Outcome = history.Failed }},
		"the views took too long":                              {[]int{7}, func(e *history.Evidence) { e.Convergences[0].Took = 3 * time.Second }},
		"the views were never complete":                        {[]int{7}, func(e *history.Evidence) { e.Convergences[0].Complete = false }},
		"a goroutine is left":                                  {[]int{8}, func(e *history.Evidence) { e.Resources[0].Goroutines++ }},
		"a descriptor is left":                                 {[]int{8}, func(e *history.Evidence) { e.Resources[0].Descriptors++ }},
		"memory is left":                                       {[]int{8}, func(e *history.Evidence) { e.Resources[0].Heap = 14 << 20 }},
		"a message looks different from one that is fetched":   {[]int{9}, func(e *history.Evidence) { e.Finals[1].Applied[2].Form = "old" }},
		"a message is only in a page that is fetched":          {[]int{2, 9}, func(e *history.Evidence) { e.Finals[0].Applied = e.Finals[0].Applied[:2] }},
		"a row looks different from one that is fetched":       {[]int{9}, func(e *history.Evidence) { e.Lists[0].Applied["talk"] = page.Row{Conversation: "talk", Unread: 2} }},
		"a list lacks a row":                                   {[]int{9}, func(e *history.Evidence) { delete(e.Lists[0].Applied, "talk") }},
		"a list has a row too many":                            {[]int{9}, func(e *history.Evidence) { delete(e.Lists[0].Fetched, "talk") }},
		"a total is another":                                   {[]int{9}, func(e *history.Evidence) { e.Lists[0].AppliedTotal = 2 }},
		"what is unread by both pages is not by the database":  {[]int{9}, func(e *history.Evidence) { e.Lists[0].Unread["talk"] = 3 }},
	} {
		for _, n := range c.checks {
			seen[n] = true
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := good()
			c.spoil(&e)
			if found := numbers(e); !slices.Equal(found, c.checks) {
				t.Errorf("the checks %v find something, want %v: %v", found, c.checks, history.Judge(e))
			}
		})
	}
	for _, check := range history.Checks {
		if !seen[check.Number] {
			t.Errorf("check %d is never seen to fail", check.Number)
		}
	}
}

func TestRecorder(t *testing.T) {
	t.Parallel()

	t.Run("a text is found in whatever somebody is handed, and the first time counts", func(t *testing.T) {
		t.Parallel()
		r := history.NewRecorder(io.Discard)
		for range 11 {
			r.Invoke("ana/1", "ana", "talk", "c")
		}
		r.Receive("ben", []byte(`{"html":"<li>`+history.Text(1)+`</li><li>`+history.Text(11)+`</li>"}`))
		first := r.Evidence().Receipts
		r.Receive("ben", []byte(history.Text(1)))
		r.Receive("cem", []byte("send-1-else"))
		again := r.Evidence().Receipts
		if len(first) != 2 || len(again) != 2 {
			t.Errorf("found %v and then %v", first, again)
		}
	})

	t.Run("what it writes can be read by people", func(t *testing.T) {
		t.Parallel()
		var out strings.Builder
		r := history.NewRecorder(&out)
		s := r.Invoke("ana/1", "ana", "talk", "c-1")
		r.Lose(s, "no answer")
		r.See("ana/1", page.Step{What: page.Awaiting, Client: "c-1"})
		r.Acknowledge(s, "m-1", 1)
		for _, word := range []string{`"invoke"`, `"unknown"`, `"awaiting"`, `"acknowledged"`, "c-1", "m-1"} {
			if !strings.Contains(out.String(), word) {
				t.Errorf("%s is missing in\n%s", word, out.String())
			}
		}
		if about := r.About([]string{"c-1"}, 5); len(about) != 2 {
			t.Errorf("about the send it tells %q", about)
		}
	})
}
