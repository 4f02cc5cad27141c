package page_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"parley/chaos/page"
)

// TestLog holds the rules by the cases that hold static/js.
func TestLog(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../static/js/test/log.cases.json")
	if err != nil {
		t.Fatal(err)
	}
	type stretch struct {
		Seqs, Changes      []int64
		Pending            []string
		HasOlder, HasNewer bool
	}
	var cases []struct {
		Name string
		Log  stretch
		Put  []struct {
			Seq, Change int64
			Client      string
		}
		Older       *stretch
		Advance     []int64
		Fits        map[string]bool
		Outcomes    []page.Outcome
		Seqs        []int64
		First, Last int64
		Cursor      int64
		Pending     []string
	}
	if err := json.Unmarshal(data, &cases); err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	make := func(s stretch) page.Log {
		l := page.Log{HasOlder: s.HasOlder, HasNewer: s.HasNewer, Pending: s.Pending}
		for i, seq := range s.Seqs {
			change := seq
			if s.Changes != nil {
				change = s.Changes[i]
			}
			l.Messages = append(l.Messages, page.Message{ID: fmt.Sprint(seq), Seq: seq, Change: change})
			l.Change, l.Last = max(l.Change, change), max(l.Last, seq)
		}
		if len(s.Seqs) > 0 {
			l.First = s.Seqs[0]
		}
		return l
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			l := make(c.Log)
			outcomes := []page.Outcome{}
			for _, m := range c.Put {
				if m.Change == 0 {
					m.Change = m.Seq
				}
				outcomes = append(outcomes, l.Upsert(page.Message{ID: fmt.Sprint(m.Seq), Seq: m.Seq, Change: m.Change, Client: m.Client}))
			}
			if c.Older != nil {
				l.MergeOlder(make(*c.Older))
			}
			for _, to := range c.Advance {
				l.Advance(to)
			}
			for from, want := range c.Fits {
				n, _ := strconv.ParseInt(from, 10, 64)
				if got := l.Fits(n); got != want {
					t.Errorf("a span from %d fits: %v", n, got)
				}
			}
			var seqs []int64
			for _, m := range l.Messages {
				seqs = append(seqs, m.Seq)
			}
			if !slices.Equal(outcomes, c.Outcomes) || !slices.Equal(seqs, c.Seqs) || !slices.Equal(l.Pending, c.Pending) ||
				l.First != c.First || l.Last != c.Last || c.Cursor > 0 && l.Change != c.Cursor {
				t.Errorf("outcomes %v and a log %+v, want %+v", outcomes, l, c)
			}
		})
	}
}

const log = `<ol id="messages-t" data-conversation="t" data-epoch="e" data-view="4" data-change="%d" data-first="1" data-last="1"
	data-has-older="false" data-has-newer="false">%s</ol><form id="composer"></form>`

func item(seq, change int, body string) string {
	return fmt.Sprintf(`<li id="m-%d" class="message message--first" data-seq="%d" data-change="%d" data-author="ana" data-client="c%d">
		<div class="message__body" dir="auto">%s</div><p><time datetime="2026-11-26T12:00:00Z">12:00</time></p></li>`, seq, seq, change, seq, body)
}

// open is a page that shows a conversation with one message, and what it tells of its changes.
func open(t *testing.T) (p *page.Page, steps *[]page.Step) {
	t.Helper()
	content, err := page.Parse(fmt.Sprintf(log, 1, item(1, 1, "first")))
	if err != nil || content.Log == nil || !content.Log.Writable || len(content.Log.Messages) != 1 {
		t.Fatalf("read %+v, %v", content, err)
	}
	steps = &[]page.Step{}
	p = page.New(func(s page.Step) { *steps = append(*steps, s) })
	p.Show(content.Log, nil)
	return p, steps
}

func frame(t *testing.T, p *page.Page, text string) page.Do {
	t.Helper()
	f, err := page.Decode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	do, err := p.Receive(f, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return do
}

func changes(from, to int, html string) string {
	data, _ := json.Marshal(map[string]any{"type": "changes", "conversation": "t", "from": from, "to": to, "html": html})
	return string(data)
}

func bodies(p *page.Page) string {
	var all []string
	for _, m := range p.Log.Messages {
		all = append(all, m.Body)
	}
	return strings.Join(all, ",")
}

func TestPage(t *testing.T) {
	t.Parallel()

	t.Run("receipts are those of one's own messages, and stay with them", func(t *testing.T) {
		t.Parallel()
		mine := func(seq, change int, body string) string {
			return strings.Replace(item(seq, change, body), `class="message`, `class="message message--mine`, 1)
		}
		p, _ := open(t)
		frame(t, p, changes(1, 3, mine(2, 2, "second")+mine(3, 3, "third")))
		shown := func() string {
			var all []string
			for _, m := range p.Log.Messages {
				all = append(all, m.Receipt)
			}
			return strings.Join(all, ",")
		}
		for _, c := range []struct{ text, want string }{
			{`{"type":"receipts","conversation":"u","at":5,"from":0,"runs":[[3,1,1,1]]}`, ",,"},
			{`{"type":"receipts","conversation":"t","at":5,"from":0,"runs":[[2,1,1,1],[3,1,0,1]]}`, ",1 1 1,1 0 1"},
			{`{"type":"receipts","conversation":"t","at":4,"from":0,"runs":[]}`, ",1 1 1,1 0 1"},
			{changes(3, 4, mine(2, 4, "edited")), ",1 1 1,1 0 1"},
			{changes(4, 5, mine(4, 5, "fourth")), ",1 1 1,1 0 1,"},
			{`{"type":"receipts","conversation":"t","at":6,"from":3,"runs":[[4,2,2,2]]}`, ",1 1 1,2 2 2,2 2 2"},
			{`{"type":"receipts","conversation":"t","at":7,"from":0}`, ",,,"},
		} {
			if frame(t, p, c.text); shown() != c.want {
				t.Errorf("%s: %q, want %q", c.text, shown(), c.want)
			}
		}
		// Drawn with the page it comes in the markup; the same message with another tick looks the same otherwise.
		drawn := func(receipt, state string) page.Message {
			t.Helper()
			text := strings.Replace(mine(2, 2, "second"), "<li ", `<li data-receipt="`+receipt+`" `, 1)
			text = strings.Replace(text, "</time>", `</time><svg class="tick" data-state="`+state+`" aria-label="`+state+`"></svg>`, 1)
			content, err := page.Parse(strings.Replace(text, "</li>", `<p class="message__receipts"><a href="#">`+receipt+`</a></p></li>`, 1))
			if err != nil || len(content.Messages) != 1 {
				t.Fatal(err)
			}
			return content.Messages[0]
		}
		a, b := drawn("1 0 2", "delivered"), drawn("2 2 2", "read")
		if a.Receipt != "1 0 2" || b.Receipt != "2 2 2" || a.Form != b.Form || !a.Mine {
			t.Errorf("%+v and %+v", a, b)
		}
		content, err := page.Parse(`<div data-frame="receipts" data-conversation="t" data-at="9" data-from="0" data-runs="[[4,1,1,1]]"></div>`)
		if err != nil || len(content.Frames) != 1 {
			t.Fatal(err)
		}
		if _, err := p.Receive(content.Frames[0], time.Now()); err != nil || shown() != ",1 1 1,1 1 1,1 1 1" {
			t.Errorf("polled: %v, %q", err, shown())
		}
	})

	t.Run("a frame that fits is applied, and moves the cursor", func(t *testing.T) {
		t.Parallel()
		p, steps := open(t)
		if do := frame(t, p, changes(1, 3, item(2, 2, "second"))); do != page.Nothing || p.Log.Change != 3 || bodies(p) != "first,second" {
			t.Errorf("do %v, at %d: %s", do, p.Log.Change, bodies(p))
		}
		if last := (*steps)[len(*steps)-1]; last.What != "added" || last.Behind != "1" {
			t.Errorf("told %+v", last)
		}
	})

	t.Run("a frame behind a hole is not applied, and asked about once", func(t *testing.T) {
		t.Parallel()
		p, _ := open(t)
		if do := frame(t, p, changes(2, 3, item(3, 3, "third"))); do != page.Ask || bodies(p) != "first" {
			t.Errorf("do %v: %s", do, bodies(p))
		}
		if do := frame(t, p, changes(3, 4, item(4, 4, "fourth"))); do != page.Nothing {
			t.Errorf("do %v", do)
		}
		frame(t, p, `{"type":"resumed","conversation":"t","to":1}`)
		if do := frame(t, p, changes(3, 4, item(4, 4, "fourth"))); do != page.Ask {
			t.Errorf("after the answer it does %v", do)
		}
	})

	t.Run("another conversation's frames are nobody's", func(t *testing.T) {
		t.Parallel()
		p, _ := open(t)
		for _, text := range []string{
			strings.ReplaceAll(changes(1, 2, item(2, 2, "second")), `"t"`, `"u"`), `{"type":"reset","conversation":"u"}`,
			`{"type":"closed","conversation":"u"}`, `{"type":"resumed","conversation":"u","to":9}`, `{"type":"of a later version"}`,
		} {
			if do := frame(t, p, text); do != page.Nothing || p.Log.Change != 1 || bodies(p) != "first" {
				t.Errorf("%s: do %v, at %d: %s", text, do, p.Log.Change, bodies(p))
			}
		}
	})

	t.Run("a reset is a reason to fetch, and the end of a membership to leave", func(t *testing.T) {
		t.Parallel()
		p, _ := open(t)
		if do := frame(t, p, `{"type":"reset","conversation":"t","view":5}`); do != page.Reload {
			t.Errorf("do %v", do)
		}
		if do := frame(t, p, `{"type":"closed","conversation":"t"}`); do != page.Leave {
			t.Errorf("do %v", do)
		}
		frame(t, p, `{"type":"view","conversation":"t","view":5}`)
		if frame(t, p, `{"type":"view","conversation":"another","view":6}`); p.Log.View != 5 {
			t.Errorf("view %d", p.Log.View)
		}
	})

	t.Run("what comes while a conversation is fetched anew stays, and what the answer does not know any more goes", func(t *testing.T) {
		t.Parallel()
		p, _ := open(t)
		frame(t, p, changes(1, 5, item(5, 5, "fifth")))
		known := p.Known()
		p.Await("c7")
		p.Await("c8")
		content, _ := page.Parse(item(7, 7, "mine"))
		p.Apply(content.Messages)
		again, _ := page.Parse(fmt.Sprintf(log, 4, item(1, 1, "first")))
		if p.Show(again.Log, known); bodies(p) != "first,mine" || p.Log.Change != 4 || !slices.Equal(p.Log.Pending, []string{"c8"}) {
			t.Errorf("at %d: %s, pending %v", p.Log.Change, bodies(p), p.Log.Pending)
		}
	})

	t.Run("an older form of a row never replaces a newer one, and a list holds in any case", func(t *testing.T) {
		t.Parallel()
		p := page.New(nil)
		row := func(change, unread int) string {
			return fmt.Sprintf(`<li id='row-t' data-conversation='t' data-change='%d' data-unread='%d'></li>`, change, unread)
		}
		for _, c := range []struct {
			frame         string
			unread, total int
		}{
			{`{"type":"rows","html":"` + row(5, 2) + `","total":1}`, 2, 1},
			{`{"type":"rows","html":"` + row(4, 9) + `","total":1}`, 2, 1},
			{`{"type":"rows","html":"` + row(5, 0) + `","total":0}`, 0, 0},
			{`{"type":"list","html":"` + row(1, 3) + `","total":1}`, 3, 1},
		} {
			if frame(t, p, c.frame); p.Rows["t"].Unread != c.unread || p.Total != c.total {
				t.Errorf("after %s: %+v, %d", c.frame, p.Rows, p.Total)
			}
		}
		if frame(t, p, `{"type":"list","html":"","total":0}`); len(p.Rows) != 0 {
			t.Errorf("an empty list leaves %v", p.Rows)
		}
	})

	t.Run("the elements that polling fetches are the same frames", func(t *testing.T) {
		t.Parallel()
		p, _ := open(t)
		content, err := page.Parse(`<div data-frame="changes" data-conversation="t" data-from="1" data-to="2">` + item(2, 2, "second") +
			`</div><div data-frame="list" data-epoch="e" data-total="1"><li data-conversation="t" data-change="2"></li></div>`)
		if err != nil || len(content.Frames) != 2 || len(content.Messages) != 0 {
			t.Fatalf("read %+v, %v", content, err)
		}
		for _, f := range content.Frames {
			if _, err := p.Receive(f, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		if bodies(p) != "first,second" || p.Log.Change != 2 || p.Total != 1 || len(p.Rows) != 1 {
			t.Errorf("%s at %d, rows %v", bodies(p), p.Log.Change, p.Rows)
		}
	})
}

func TestForm(t *testing.T) {
	t.Parallel()
	form := func(markup string) string {
		content, err := page.Parse(markup)
		if err != nil || len(content.Messages) != 1 {
			t.Fatalf("read %+v, %v", content, err)
		}
		return content.Messages[0].Form
	}
	plain := strings.Replace(item(1, 1, "first"), "first</div>", `first</div><span data-presence="p" data-state=""></span>`, 1)
	for name, c := range map[string]struct {
		markup string
		same   bool
	}{
		"what a page derives makes no difference":   {strings.ReplaceAll(plain, "message--first", "message--last"), true},
		"how a time is written makes no difference": {strings.ReplaceAll(plain, ">12:00<", ` title="noon">13:00<`), true},
		"who is there makes no difference":          {strings.ReplaceAll(plain, `data-state=""></span>`, `data-state="away">Away</span>`), true},
		"whose presence it is makes one":            {strings.ReplaceAll(plain, `data-presence="p"`, `data-presence="q"`), false},
		"a moment makes one":                        {strings.ReplaceAll(plain, "T12:00:00Z", "T12:00:01Z"), false},
		"a text makes one":                          {strings.ReplaceAll(plain, "first</div>", "First</div>"), false},
		"a class makes one":                         {strings.ReplaceAll(plain, "message__body", "message__body message__body--deleted"), false},
	} {
		if same := form(c.markup) == form(plain); same != c.same {
			t.Errorf("%s: %v", name, same)
		}
	}
}
