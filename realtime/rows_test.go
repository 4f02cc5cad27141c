package realtime_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/chat"
)

// crowd is many people who come at once.
type crowd struct {
	*node
	ana, ben     chat.Viewer
	conversation chat.ID
	people       []chat.Viewer
	mu           sync.Mutex
	asked        []string // what rows and lists were read with, in order
}

func newCrowd(t *testing.T, n int) *crowd {
	t.Helper()
	c := &crowd{node: newNode(t, withoutSweep)}
	c.ana, c.ben, c.conversation = c.pair(t)
	for i := range n {
		c.people = append(c.people, c.Person(t, fmt.Sprintf("Person %d", i)))
	}
	return c
}

// notes keeps in mind what is asked for, and answers with what judge says of the nth question of that kind.
func (c *crowd) notes(judge func(ctx context.Context, method string, nth int) error) {
	counts := map[string]int{}
	c.store.watching(func(ctx context.Context, method string) error {
		c.mu.Lock()
		c.asked = append(c.asked, method)
		counts[method]++
		nth := counts[method]
		c.mu.Unlock()
		return judge(ctx, method, nth)
	})
}

// comes connects everybody.
func (c *crowd) comes(t *testing.T) (pages []*page) {
	t.Helper()
	for _, person := range c.people {
		pages = append(pages, c.connect(t, person))
	}
	return pages
}

func TestManyLists(t *testing.T) {
	t.Parallel()

	t.Run("many lists take few statements, each with its own bound, and no live row waits for all of them", func(t *testing.T) {
		t.Parallel()
		c := newCrowd(t, 60)
		reader := c.connect(t, c.ben)
		reader.next("list")
		var deadlines []time.Time
		open, first := make(chan struct{}), make(chan struct{})
		c.notes(func(ctx context.Context, method string, nth int) error {
			if method != "Lists" {
				return nil
			}
			if nth == 1 {
				close(first)
			}
			<-open
			deadline, bounded := ctx.Deadline()
			if !bounded {
				t.Error("a statement without a bound")
			}
			c.mu.Lock()
			deadlines = append(deadlines, deadline)
			c.mu.Unlock()
			if nth == 2 {
				c.say(t, c.ana, c.conversation, "in between")
			}
			return nil
		})
		pages := c.comes(t)
		<-first
		close(open)
		for _, p := range pages {
			p.next("list")
		}
		reader.next("rows")
		c.mu.Lock()
		defer c.mu.Unlock()
		lists, after := 0, -1
		for i, method := range c.asked {
			if method == "Lists" {
				lists++
			} else if after < 0 {
				after = lists
				if i == len(c.asked)-1 {
					t.Errorf("the row came last: %v", c.asked)
				}
			}
		}
		if lists > 10 || after != 2 {
			t.Errorf("%d statements for %d lists; a row was read after %d: %v", lists, len(pages), after, c.asked)
		}
		if !slices.IsSortedFunc(deadlines, time.Time.Compare) || len(slices.CompactFunc(slices.Clone(deadlines), time.Time.Equal)) != len(deadlines) {
			t.Errorf("statements share a bound: %v", deadlines)
		}
	})

	t.Run("a row that went out to some goes out to the others alone, when their totals could not be read", func(t *testing.T) {
		t.Parallel()
		const people = 103
		c := newCrowd(t, people)
		everybody := c.Group(t, "Everybody", append(c.people, c.ben)...)
		pages := c.comes(t)
		for _, p := range pages {
			p.next("list")
		}
		failed := make(chan struct{})
		c.notes(func(_ context.Context, method string, nth int) error {
			if method == "ListTotals" && nth == 2 {
				close(failed)
				return errBroken
			}
			return nil
		})
		c.say(t, c.ben, everybody, "first")
		<-failed
		c.say(t, c.ana, c.conversation, "which makes it ask again")
		first := make([]int, people)
		for i, p := range pages {
			p.until("rows", func(g got) bool { return strings.Contains(g.HTML, "first") })
			first[i] = 1
		}
		c.say(t, c.ben, everybody, "second")
		for i, p := range pages {
			p.until("rows", func(g got) bool { return strings.Contains(g.HTML, "second") }, func(g got) {
				if strings.Contains(g.HTML, "first") {
					first[i]++
				}
			})
			if first[i] != 1 {
				t.Errorf("page %d got the row %d times", i, first[i])
			}
		}
	})

	t.Run("what was sent is not sent again because something else could not be read", func(t *testing.T) {
		t.Parallel()
		c := newCrowd(t, 60)
		everybody := c.Group(t, "Everybody", append(c.people, c.ben)...)
		observer := c.connect(t, c.ben)
		observer.next("list")
		open, failed := make(chan struct{}), make(chan struct{})
		c.notes(func(_ context.Context, method string, nth int) error {
			switch {
			case method != "Lists":
			case nth == 1:
				<-open // until all of them are there
			case nth == 3:
				close(failed)
				return errBroken
			}
			return nil
		})
		pages := c.comes(t)
		close(open)
		<-failed
		// The next hint asks again, as the sweep does; the one after it comes behind all of that.
		c.say(t, c.ben, everybody, "first")
		observer.until("rows", func(g got) bool { return strings.Contains(g.HTML, "first") })
		c.say(t, c.ben, everybody, "second")
		for i, p := range pages {
			lists := 0
			p.until("rows", func(g got) bool { return strings.Contains(g.HTML, "second") }, func(g got) {
				if g.Type == "list" {
					lists++
				}
			})
			if lists != 1 {
				t.Errorf("page %d got %d lists", i, lists)
			}
		}
	})
}

func TestRowsRead(t *testing.T) {
	t.Parallel()

	t.Run("of a large group only the rows of those who are connected are read", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		owner, who, group := n.inGroup(t, "member")
		eve := n.Person(t, "Eve")
		n.exec(t, `INSERT INTO people (id, username, display_name, password_hash)
			SELECT md5(n::text)::uuid, 'more' || n, 'More', '' FROM generate_series(1, 200) n`)
		n.exec(t, `INSERT INTO members (conversation_id, person_id) SELECT $1, md5(n::text)::uuid FROM generate_series(1, 200) n`, group)
		n.exec(t, `UPDATE conversations SET member_count = member_count + 200 WHERE id = $1`, group)
		p, q := n.connect(t, who), n.connect(t, eve)
		p.next("list")
		q.next("list")
		n.say(t, owner, group, "to many")
		p.until("rows", func(g got) bool { return strings.Contains(g.HTML, "to many") })
		if times, rows := n.store.rowsOf(group); times != 1 || rows != 1 {
			t.Errorf("%d rows were read in %d readings", rows, times)
		}
		// What concerns one person reads one row, whoever else is connected.
		o := n.connect(t, owner)
		o.next("list")
		if err := n.chat.MarkRead(t.Context(), n.current(t, who), chat.Position{ConversationID: group, Read: 1 << 40}); err != nil {
			t.Fatal(err)
		}
		p.until("rows", func(g got) bool { return strings.Contains(g.HTML, group.String()) })
		if times, rows := n.store.rowsOf(group); times != 2 || rows != 2 {
			t.Errorf("%d rows were read in %d readings", rows, times)
		}
	})

	t.Run("of a conversation that both have open the rows wait for what is acknowledged, and are read once", func(t *testing.T) {
		t.Parallel()
		timing := withoutSweep
		timing.Ack = time.Hour // nobody else writes what is acknowledged
		n := newNode(t, timing)
		ana, ben, conversation := n.pair(t)
		hers, his := n.connect(t, ana), n.connect(t, ben)
		hers.open(n.page(t, ana, conversation))
		his.open(n.page(t, ben, conversation))
		hers.until("resumed", func(got) bool { return true })
		his.until("resumed", func(got) bool { return true })
		n.say(t, ana, conversation, "one")
		his.until("changes", func(g got) bool { return strings.Contains(g.HTML, "one") })
		his.write(map[string]any{"type": "ack", "positions": map[string]any{
			conversation.String(): map[string]any{"delivered": 1, "read": 1}}})
		row := his.until("rows", func(g got) bool { return strings.Contains(g.HTML, "one") })
		if row.Total != 0 {
			t.Errorf("it came before what was acknowledged: %+v", row)
		}
		hers.until("rows", func(g got) bool { return strings.Contains(g.HTML, "one") })
		if times, rows := n.store.rowsOf(conversation); times != 1 || rows != 2 {
			t.Errorf("%d rows were read in %d readings", rows, times)
		}
		// Once another page of his shows something else, nothing waits.
		n.connect(t, ben).next("list")
		n.say(t, ana, conversation, "two")
		if row := his.until("rows", func(g got) bool { return strings.Contains(g.HTML, "two") }); row.Total != 1 {
			t.Errorf("got %+v", row)
		}
	})

	t.Run("totals are counted anew for rows that change them, and for no others", func(t *testing.T) {
		t.Parallel()
		c := newCrowd(t, 0)
		n := c.node
		third := n.Person(t, "Cleo")
		with := n.Direct(t, third, c.ben)
		var counted atomic.Int64
		c.notes(func(_ context.Context, method string, _ int) error {
			if method == "ListTotals" {
				counted.Add(1)
			}
			return nil
		})
		p := n.connect(t, c.ben)
		p.next("list")
		row := func(text string, total int) {
			t.Helper()
			if g := p.until("rows", func(g got) bool { return strings.Contains(g.HTML, text) }); g.Total != total {
				t.Errorf("with %q the total is %d, not %d", text, g.Total, total)
			}
		}
		read := func(conversation chat.ID, seq int64, total int) {
			t.Helper()
			n.has(t, c.ben, conversation, seq, seq)
			row(conversation.String(), total)
		}
		n.say(t, c.ana, c.conversation, "one")
		row("one", 1)
		n.say(t, c.ana, c.conversation, "two")
		row("two", 1)
		n.say(t, c.ben, c.conversation, "his own")
		row("his own", 1)
		if n := counted.Load(); n != 1 {
			t.Errorf("counted %d times", n)
		}
		n.say(t, third, with, "from elsewhere")
		row("from elsewhere", 2)
		read(c.conversation, 3, 1)
		read(with, 1, 0)
		n.say(t, c.ben, with, "an answer")
		row("an answer", 0)
		if n := counted.Load(); n != 4 {
			t.Errorf("counted %d times", n)
		}
		archive := true
		if err := n.chat.Choose(t.Context(), c.ben, with, chat.Choices{Archived: &archive}); err != nil {
			t.Fatal(err)
		}
		if g := p.until("rows", func(g got) bool { return strings.Contains(g.HTML, with.String()) }); g.Archived != 1 {
			t.Errorf("got %+v", g)
		}
		n.say(t, third, with, "which brings it back")
		if g := p.until("rows", func(g got) bool { return strings.Contains(g.HTML, "brings it back") }); g.Archived != 0 || g.Total != 1 {
			t.Errorf("got %+v", g)
		}
	})

	t.Run("what somebody chose who is not connected here reads nothing", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		owner, who, group := n.inGroup(t, "member")
		p := n.connect(t, who)
		p.next("list")
		pinned := true
		if err := n.chat.Choose(t.Context(), owner, group, chat.Choices{Pinned: &pinned}); err != nil {
			t.Fatal(err)
		}
		n.say(t, owner, n.Direct(t, owner, who), "which comes behind it")
		p.until("rows", func(g got) bool { return strings.Contains(g.HTML, "which comes behind it") })
		if times, _ := n.store.rowsOf(group); times != 0 {
			t.Errorf("%d readings", times)
		}
	})

	t.Run("a conversation of which nobody here has a row is asked for once", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, quick)
		ana, _, conversation := n.pair(t)
		eve := n.Person(t, "Eve")
		note := n.note(t, eve)
		p := n.connect(t, eve)
		p.next("list")
		n.sayThrough(t, n.quiet, ana, conversation, "elsewhere")
		for i := range 5 { // sweeps at least
			text := fmt.Sprintf("here, number %d", i)
			n.sayThrough(t, n.quiet, eve, note, text)
			p.until("rows", func(g got) bool { return strings.Contains(g.HTML, text) })
		}
		if times, rows := n.store.rowsOf(conversation); times != 1 || rows != 0 {
			t.Errorf("%d readings of %d rows", times, rows)
		}
	})
}

func TestQuietEnds(t *testing.T) {
	t.Parallel()
	n := newNode(t, quick)
	owner, who, group := n.inGroup(t, "member")
	for _, viewer := range []chat.Viewer{owner, who} {
		if err := n.chat.MarkRead(t.Context(), viewer, chat.Position{ConversationID: group, Read: 1 << 40}); err != nil {
			t.Fatal(err)
		}
	}
	hour := chat.QuietHour
	if err := n.chat.Choose(t.Context(), who, group, chat.Choices{Quiet: &hour}); err != nil {
		t.Fatal(err)
	}
	n.say(t, owner, group, "into the quiet")
	other, p := n.connect(t, owner), n.connect(t, who)
	other.next("list")
	if list := p.next("list"); list.Total != 0 || !strings.Contains(list.HTML, "row--quiet") {
		t.Fatalf("premise: %d, %s", list.Total, list.HTML)
	}
	// mark waits until some sweeps are over, and shows the rows of the group that came meanwhile.
	pages := map[*chat.Viewer]*page{&owner: other, &who: p}
	mark := func(name string, see func(viewer chat.Viewer, g got)) {
		t.Helper()
		for i := range 3 {
			for viewer, q := range pages {
				text, note := fmt.Sprintf("%s %d", name, i), n.note(t, *viewer)
				n.sayThrough(t, n.quiet, *viewer, note, text)
				q.until("rows", func(g got) bool { return strings.Contains(g.HTML, text) }, func(g got) {
					if strings.Contains(g.HTML, group.String()) {
						see(*viewer, g)
					}
				})
			}
		}
	}
	mark("before", func(viewer chat.Viewer, g got) { // what the sweep found said
		if viewer.ID == who.ID && !strings.Contains(g.HTML, "row--quiet") {
			t.Errorf("not quiet: %s", g.HTML)
		}
	})
	n.exec(t, "UPDATE members SET quiet_until = clock_timestamp() + interval '100 milliseconds' WHERE quiet_until IS NOT NULL")
	loud := p.until("rows", func(g got) bool { return strings.Contains(g.HTML, group.String()) && g.Total == 1 })
	if strings.Contains(loud.HTML, "row--quiet") {
		t.Errorf("got %s", loud.HTML)
	}
	mark("after", func(viewer chat.Viewer, g got) { // once, and to nobody else
		t.Errorf("once more, to %s: %s", viewer.Username, g.HTML)
	})
}
