package realtime_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
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
