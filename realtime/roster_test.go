package realtime

import (
	"log/slog"
	"maps"
	"slices"
	"testing"
	"time"

	"parley/chat"
)

const testAway, testGone = 5 * time.Minute, 10 * time.Second

// driven is a roster with a clock that only goes on when it is told to, over connections in memory.
type driven struct {
	*roster
	t           *testing.T
	clock       *clock
	connections connections
	person      chat.ID
	parted      map[chat.ID]time.Time
	puts        int
}

func newDriven(t *testing.T) *driven {
	c := newClock()
	return &driven{
		t: t, clock: c, roster: newRoster(testAway, testGone), connections: newMemoryConnections(24*time.Hour, 0, c.now),
		person: chat.NewID(), parted: map[chat.ID]time.Time{},
	}
}

// say says what is to be said, and whether the person is elsewhere by that.
func (d *driven) say() (moved bool) {
	d.t.Helper()
	held, parted := d.take(d.clock.now())
	maps.Copy(d.parted, parted)
	d.puts += len(held)
	who, err := d.connections.put(d.t.Context(), "one", held)
	if err != nil {
		d.t.Fatal(err)
	}
	return slices.Contains(who, d.person)
}

// pass lets time pass as the loop does: whenever something is due it is said. It returns after how long the person moved.
func (d *driven) pass(by time.Duration) (moves []time.Duration) {
	d.t.Helper()
	from, until := d.clock.now(), d.clock.now().Add(by)
	for {
		next := d.next(until.Add(1))
		if next.IsZero() || next.After(until) {
			break
		}
		d.clock.pass(next.Sub(d.clock.now()))
		if d.say() {
			moves = append(moves, d.clock.now().Sub(from))
		}
	}
	d.clock.pass(until.Sub(d.clock.now()))
	return moves
}

func (d *driven) comes(hidden bool) *use {
	return d.enter(d.person, hidden, d.clock.now(), d.clock.now())
}

func (d *driven) is(want chat.Where, moved bool) {
	d.t.Helper()
	if got := d.say(); got != moved {
		d.t.Errorf("moved is %v", got)
	}
	all, _ := d.connections.where(d.t.Context(), []chat.ID{d.person})
	if all[d.person] != want {
		d.t.Errorf("is %v, want %v", all[d.person], want)
	}
}

func (d *driven) moves(by time.Duration, want ...time.Duration) {
	d.t.Helper()
	if got := d.pass(by); !slices.Equal(got, want) {
		d.t.Errorf("moved after %v, want %v", got, want)
	}
}

func TestRoster(t *testing.T) {
	t.Parallel()
	here, away, gone := chat.WhereHere, chat.WhereAway, chat.WhereGone

	t.Run("who hides and shows a page all the time moves ten times at once, then every two seconds, and is what they are in the end", func(t *testing.T) {
		t.Parallel()
		for _, hidden := range []bool{true, false} {
			d := newDriven(t)
			page := d.comes(false)
			d.say()
			moved := 0
			for i := range 600 {
				d.touch(d.person, page, i%2 == 0, d.clock.now())
				if d.say() {
					moved++
				}
				moved += len(d.pass(100 * time.Millisecond))
			}
			d.touch(d.person, page, hidden, d.clock.now())
			d.say()
			d.pass(2 * time.Second)
			want := here
			if hidden {
				want = away
			}
			d.is(want, false)
			if moved < movesAtOnce || moved > movesAtOnce+31 {
				t.Errorf("moved %d times in a minute", moved)
			}
			d.pass(time.Minute)
			d.touch(d.person, page, !hidden, d.clock.now())
			if !d.say() {
				t.Error("after a minute's rest it is not said at once")
			}
		}
	})

	t.Run("who comes is there, is away after five minutes without use, there again with the next use, and gone after a wait", func(t *testing.T) {
		t.Parallel()
		d := newDriven(t)
		d.is(gone, false)
		page := d.comes(false)
		d.is(here, true)
		d.moves(4 * time.Minute)
		d.touch(d.person, page, false, d.clock.now())
		d.is(here, false)
		d.moves(time.Hour, 5*time.Minute)
		d.is(away, false)
		d.touch(d.person, page, false, d.clock.now())
		d.is(here, true)
		d.leave(d.person, page, d.clock.now())
		d.is(here, false)
		left := d.clock.now()
		d.moves(time.Hour, 10*time.Second)
		d.is(gone, false)
		if at := d.parted[d.person]; !at.Equal(left) {
			t.Errorf("was last there at %v, not %v", at, left)
		}
		if len(d.people[presenceShare(d.person)])+d.turns.Len()+len(d.roster.news) != 0 {
			t.Error("something is still known")
		}
	})

	t.Run("a page that is loaded anew is no move, and neither are ten at once", func(t *testing.T) {
		t.Parallel()
		d := newDriven(t)
		page, other := d.comes(false), d.comes(true)
		d.is(here, true)
		for range 10 {
			d.leave(d.person, page, d.clock.now())
			d.moves(9 * time.Second)
			page = d.comes(false)
			d.is(here, false)
		}
		d.moves(time.Minute)
		if n := len(d.ofLocked(d.person).pages); n != 2 {
			t.Errorf("%d pages are known", n)
		}
		d.leave(d.person, page, d.clock.now())
		d.moves(time.Minute, 10*time.Second) // to away, by the page that is hidden
		d.is(away, false)
		d.leave(d.person, other, d.clock.now())
		d.moves(time.Minute, 10*time.Second)
		d.is(gone, false)
	})

	t.Run("hiding the only page counts at once, and so does showing it", func(t *testing.T) {
		t.Parallel()
		d := newDriven(t)
		page := d.comes(false)
		d.is(here, true)
		d.touch(d.person, page, true, d.clock.now())
		d.is(away, true)
		d.touch(d.person, page, true, d.clock.now())
		d.is(away, false)
		d.touch(d.person, page, false, d.clock.now())
		d.is(here, true)
	})

	t.Run("several pages are one person: only when all are unused is the person away, only when all are left gone", func(t *testing.T) {
		t.Parallel()
		d := newDriven(t)
		one := d.comes(false)
		d.is(here, true)
		two := d.comes(false)
		d.is(here, false)
		d.touch(d.person, one, true, d.clock.now())
		d.is(here, false)
		d.touch(d.person, two, true, d.clock.now())
		d.is(away, true)
		d.leave(d.person, one, d.clock.now())
		d.moves(time.Minute)
		d.touch(d.person, two, false, d.clock.now())
		d.is(here, true)
		d.leave(d.person, two, d.clock.now())
		d.moves(time.Minute, 10*time.Second)
		d.is(gone, false)
	})

	t.Run("who arrives hidden or unused is away, and does not make away who is there", func(t *testing.T) {
		t.Parallel()
		d := newDriven(t)
		d.enter(d.person, false, d.clock.now().Add(-testAway), d.clock.now())
		d.is(away, true)
		page := d.comes(false)
		d.is(here, true)
		d.comes(true)
		d.is(here, false)
		d.leave(d.person, page, d.clock.now())
		d.comes(true) // takes the place of none that counted more
		d.is(here, false)
		d.moves(time.Minute, 10*time.Second)
		d.is(away, false)
	})

	t.Run("who goes unused was last there when the page was used", func(t *testing.T) {
		t.Parallel()
		d := newDriven(t)
		used := d.clock.now()
		page := d.comes(false)
		d.is(here, true)
		d.moves(time.Hour, 5*time.Minute)
		d.leave(d.person, page, d.clock.now())
		d.moves(time.Minute, 10*time.Second)
		if at := d.parted[d.person]; !at.Equal(used) {
			t.Errorf("was last there at %v, not %v", at, used)
		}
	})

	t.Run("when people were there is told once for each use, and only of whoever is there", func(t *testing.T) {
		t.Parallel()
		d := newDriven(t)
		page := d.comes(false)
		share := presenceShare(d.person)
		for i, want := range []bool{true, false} {
			if _, told := d.seen(d.clock.now(), share)[d.person]; told != want {
				t.Errorf("%d: told is %v", i, told)
			}
		}
		d.clock.pass(time.Minute)
		d.touch(d.person, page, false, d.clock.now())
		if at := d.seen(d.clock.now(), everyShare...)[d.person]; !at.Equal(d.clock.now()) {
			t.Errorf("told is %v", at)
		}
		d.clock.pass(time.Minute)
		d.touch(d.person, page, true, d.clock.now())
		if seen := d.seen(d.clock.now(), share); len(seen) != 0 {
			t.Errorf("told is %v of somebody who is away", seen)
		}
	})

	t.Run("of a node that ends nobody goes", func(t *testing.T) {
		t.Parallel()
		d := newDriven(t)
		page := d.comes(false)
		d.is(here, true)
		d.roster.close()
		d.leave(d.person, page, d.clock.now())
		d.moves(time.Hour)
		d.is(here, false)
		if len(d.parted) != 0 {
			t.Errorf("gone are %v", d.parted)
		}
	})

	t.Run("what could not be said is said again, as it is then", func(t *testing.T) {
		t.Parallel()
		d := newDriven(t)
		page := d.comes(false)
		held, _ := d.take(d.clock.now())
		d.putBack(held)
		d.is(gone, false)
		d.touch(d.person, page, true, d.clock.now())
		d.again()
		d.is(away, true)
	})

	t.Run("use says nothing anew as long as nothing changes", func(t *testing.T) {
		t.Parallel()
		d := newDriven(t)
		page := d.comes(false)
		d.is(here, true)
		puts := d.puts
		for range 100 {
			d.clock.pass(time.Minute)
			d.touch(d.person, page, false, d.clock.now())
			d.say()
		}
		if d.puts != puts {
			t.Errorf("%d times", d.puts-puts)
		}
	})
}

func TestAgenda(t *testing.T) {
	t.Parallel()
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	a := newAgenda[string]()
	if !a.next().IsZero() {
		t.Error("something is due")
	}
	for i, name := range []string{"e", "b", "d", "a", "c"} {
		a.set(name, at([]int{5, 2, 4, 1, 3}[i]))
	}
	a.set("a", at(6))
	a.set("e", at(1))
	a.drop("d")
	a.drop("nobody")
	if got := a.take(at(3)); !slices.Equal(got, []string{"e", "b", "c"}) || !a.next().Equal(at(6)) {
		t.Errorf("due are %v, next is %v", got, a.next())
	}
	if got := a.take(at(9)); !slices.Equal(got, []string{"a"}) || len(a.places) != 0 {
		t.Errorf("due are %v", got)
	}
}

// Its last page may have been ended a moment before another one comes.
func TestAFeedThatIsNotLookedAfterKeepsNobodyWhoWrites(t *testing.T) {
	t.Parallel()
	h := New(slog.New(slog.DiscardHandler), Timing{})
	f := &feed{hub: h, id: chat.NewID(), subs: map[*subscription]struct{}{}}
	writer := chat.NewID()
	f.typedLocked(chat.Typed{ConversationID: f.id, PersonID: writer, Card: chat.Card{ID: writer}, Left: typingLife}, true, time.Now())
	if len(h.typing.kept()) != 1 || len(f.writers.all) != 1 {
		t.Fatal("premise: somebody writes there")
	}
	h.typingTick()
	if len(h.typing.kept()) != 0 || len(f.writers.all) != 0 {
		t.Errorf("%d feeds are looked after, and %d write", len(h.typing.kept()), len(f.writers.all))
	}
}
