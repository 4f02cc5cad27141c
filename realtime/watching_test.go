package realtime

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/chat"
)

// stage is a watching whose questions a test answers, and what pages are brought by it.
type stage struct {
	*watching
	t       *testing.T
	mu      sync.Mutex
	at      map[chat.ID]chat.Where
	stored  map[chat.ID]chat.PresenceFacts
	hidden  map[chat.Pair]bool
	seqs    map[chat.ID]int64
	broken  error
	asked   map[string]int // by what; of pairs and people how many
	between func(what string)
	brought map[*Socket][]map[string]string // frames: person → state
	texts   []string
}

func newStage(t *testing.T, gather time.Duration) *stage {
	s := &stage{
		t: t, at: map[chat.ID]chat.Where{}, stored: map[chat.ID]chat.PresenceFacts{}, hidden: map[chat.Pair]bool{},
		seqs: map[chat.ID]int64{}, asked: map[string]int{}, brought: map[*Socket][]map[string]string{},
	}
	note := func(what string, n int) error {
		s.mu.Lock()
		s.asked[what] += n
		act, err := s.between, s.broken
		s.mu.Unlock()
		if act != nil {
			act(what)
		}
		return err
	}
	s.watching = newWatching(asks{
		where: func(_ context.Context, people []chat.ID) map[chat.ID]chat.Where {
			where := map[chat.ID]chat.Where{}
			for _, id := range people {
				where[id] = s.at[id]
			}
			_ = note("where", len(people))
			return where
		},
		viewSeqs: func(_ context.Context, people []chat.ID) (map[chat.ID]int64, error) {
			seqs := map[chat.ID]int64{}
			for _, id := range people {
				seqs[id] = s.seqs[id]
			}
			return seqs, note("viewSeqs", len(people))
		},
		facts: func(_ context.Context, people []chat.ID) (map[chat.ID]chat.PresenceFacts, error) {
			facts := map[chat.ID]chat.PresenceFacts{}
			for _, id := range people {
				if f, there := s.stored[id]; there {
					facts[id] = f
				}
			}
			return facts, note("facts", len(people))
		},
		sights: func(_ context.Context, pairs []chat.Pair) (map[chat.Pair]chat.Sight, error) {
			sights := map[chat.Pair]chat.Sight{}
			for _, pair := range pairs {
				if !s.hidden[pair] {
					sights[pair] = chat.Sight{Presence: true, LastSeen: true}
				}
			}
			return sights, note("sights", len(pairs))
		},
	}, gather, s.bring)
	return s
}

var elementsIn = regexp.MustCompile(`data-presence="([^"]+)" data-state="([^"]*)"`)

func (s *stage) bring(to *Socket, frame []byte) {
	var f struct{ Type, HTML string }
	if err := json.Unmarshal(frame, &f); err != nil || f.Type != "presence" {
		s.t.Errorf("frame %s: %v", frame, err)
	}
	states := map[string]string{}
	for _, found := range elementsIn.FindAllStringSubmatch(f.HTML, -1) {
		if _, twice := states[found[1]]; twice {
			s.t.Errorf("a frame has somebody twice: %s", frame)
		}
		states[found[1]] = found[2]
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.brought[to] = append(s.brought[to], states)
	s.texts = append(s.texts, f.HTML)
}

// person is somebody who is somewhere.
func (s *stage) person(where chat.Where) chat.ID {
	id := chat.NewID()
	s.at[id], s.stored[id], s.seqs[id] = where, chat.PresenceFacts{PersonID: id}, 1
	return id
}

func (s *stage) page() *Socket {
	return &Socket{viewer: chat.Viewer{Person: chat.Person{Card: chat.Card{ID: chat.NewID()}, Language: "en", TimeZone: "UTC"}}}
}

// settle does all that is to be done.
func (s *stage) settle() {
	for more := true; more; {
		looks := s.look(s.t.Context())
		asks, err := s.ask(s.t.Context())
		if err != nil && s.broken == nil {
			s.t.Fatal(err)
		}
		more = looks || asks || s.broken == nil && s.waiting()
	}
}

// goes lets somebody be elsewhere.
func (s *stage) goes(person chat.ID, where chat.Where) {
	s.at[person] = where
	s.move(person)
	s.settle()
}

// frames takes what a page was brought.
func (s *stage) frames(of *Socket) []map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	frames := s.brought[of]
	delete(s.brought, of)
	return frames
}

func (s *stage) wants(of *Socket, want ...map[string]string) {
	s.t.Helper()
	if got := s.frames(of); !slices.EqualFunc(got, want, func(a, b map[string]string) bool { return maps.Equal(a, b) }) {
		s.t.Errorf("brought is %v, want %v", got, want)
	}
}

// overPauses lets the pauses be over.
func (s *stage) overPauses() {
	s.watching.mu.Lock()
	for i := range s.pauses {
		s.pauses[i].until = time.Now()
	}
	s.watching.mu.Unlock()
	s.settle()
}

func TestWatching(t *testing.T) {
	t.Parallel()

	t.Run("what a page shows is brought in one frame, then each change of it, and nothing twice", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, 0)
		here, away, gone, unknown := s.person(chat.WhereHere), s.person(chat.WhereAway), s.person(chat.WhereGone), s.person(chat.WhereUnknown)
		p := s.page()
		s.watch(p, []chat.ID{here, gone, away, unknown, here}, time.Now())
		s.settle()
		s.wants(p, map[string]string{here.String(): "online", away.String(): "away", gone.String(): "offline"})
		s.goes(here, chat.WhereAway)
		s.wants(p, map[string]string{here.String(): "away"})
		for range 3 {
			s.goes(here, chat.WhereAway)
			s.reconcile(presenceShare(here))
			s.settle()
		}
		s.wants(p)
		s.goes(here, chat.WhereUnknown)
		s.wants(p, map[string]string{here.String(): ""})
		s.goes(here, chat.WhereHere)
		s.wants(p, map[string]string{here.String(): "online"})
	})

	t.Run("the first change goes at once, what comes within the pause together at its end", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, time.Hour)
		one, two, three := s.person(chat.WhereHere), s.person(chat.WhereHere), s.person(chat.WhereHere)
		p, other := s.page(), s.page()
		s.watch(p, []chat.ID{one, two, three}, time.Now())
		s.settle()
		s.watch(other, []chat.ID{one}, time.Now())
		s.settle()
		s.frames(p)
		s.frames(other)
		s.overPauses()
		s.goes(one, chat.WhereAway)
		s.wants(p, map[string]string{one.String(): "away"})
		s.wants(other, map[string]string{one.String(): "away"})
		s.goes(two, chat.WhereAway)
		s.goes(three, chat.WhereAway)
		s.goes(one, chat.WhereHere)
		s.goes(three, chat.WhereHere) // as the page shows it
		s.wants(p)
		s.overPauses()
		s.wants(p, map[string]string{one.String(): "online", two.String(): "away"})
		s.wants(other, map[string]string{one.String(): "online"})
		s.overPauses()
		s.overPauses()
		s.goes(two, chat.WhereHere)
		s.wants(p, map[string]string{two.String(): "online"})
	})

	t.Run("two hundred are watched, and no more", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, 0)
		people := make([]chat.ID, chat.MaxWatched+1)
		for i := range people {
			people[i] = s.person(chat.WhereHere)
		}
		p := s.page()
		s.watch(p, people, time.Now())
		s.settle()
		if got := s.frames(p); len(got) != 1 || len(got[0]) != chat.MaxWatched || got[0][people[chat.MaxWatched].String()] != "" {
			t.Errorf("brought are %d frames", len(got))
		}
		s.goes(people[chat.MaxWatched], chat.WhereAway)
		s.wants(p)
		s.goes(people[chat.MaxWatched-1], chat.WhereAway)
		s.wants(p, map[string]string{people[chat.MaxWatched-1].String(): "away"})
	})

	t.Run("whom a page shows no more, and pages that have ended, are forgotten", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, 0)
		one, two := s.person(chat.WhereHere), s.person(chat.WhereHere)
		p, other := s.page(), s.page()
		s.watch(p, []chat.ID{one, two}, time.Now())
		s.watch(other, []chat.ID{one}, time.Now())
		s.settle()
		s.frames(p)
		s.frames(other)
		s.watch(p, []chat.ID{two}, time.Now())
		s.settle()
		s.wants(p) // which it has been brought
		s.goes(one, chat.WhereAway)
		s.goes(two, chat.WhereAway)
		s.wants(p, map[string]string{two.String(): "away"})
		s.wants(other, map[string]string{one.String(): "away"})
		s.forget(p)
		s.forget(other)
		s.goes(one, chat.WhereHere)
		s.watch(p, []chat.ID{one}, time.Now())
		s.settle()
		s.wants(p)
		s.wants(other)
		left := len(s.moved) + len(s.watching.facts) + len(s.pairs) + s.ends.Len() + s.later.Len() + len(s.pauses)
		for _, people := range s.people {
			left += len(people)
		}
		if left != 0 {
			t.Errorf("%d things are still known", left)
		}
	})

	t.Run("who may see somebody no more is told once, and nothing more until that is otherwise", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, 0)
		one := s.person(chat.WhereHere)
		p, other := s.page(), s.page()
		s.watch(p, []chat.ID{one}, time.Now())
		s.watch(other, []chat.ID{one}, time.Now())
		s.settle()
		s.frames(p)
		s.frames(other)
		pair := chat.Pair{Viewer: p.viewer.ID, Person: one}
		s.hidden[pair] = true
		grows := func(known int64) bool { return s.seqs[one] > known }
		s.seqs[one]++
		s.changed(one, s.seqs[one], grows)
		s.settle()
		s.wants(p, map[string]string{one.String(): ""})
		s.goes(one, chat.WhereAway)
		s.goes(one, chat.WhereHere)
		s.wants(p)
		s.wants(other, map[string]string{one.String(): "away"}, map[string]string{one.String(): "online"})
		if s.changed(one, s.seqs[one], grows) {
			t.Error("the same is news")
		}
		delete(s.hidden, pair)
		s.viewers([]*Socket{p})
		s.settle()
		s.wants(p, map[string]string{one.String(): "online"})
		s.wants(other)
		s.hidden[pair] = true
		s.viewers([]*Socket{p})
		s.settle()
		s.wants(p, map[string]string{one.String(): ""})
	})

	t.Run("from when it is known that something changed nothing is brought until it is known what, also where asking fails", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, 0)
		one := s.person(chat.WhereHere)
		p := s.page()
		s.watch(p, []chat.ID{one}, time.Now())
		s.settle()
		s.frames(p)
		s.broken = errors.New("broken on purpose")
		s.hidden[chat.Pair{Viewer: p.viewer.ID, Person: one}] = true
		s.changed(one, 2, func(int64) bool { return true })
		s.goes(one, chat.WhereAway)
		s.goes(one, chat.WhereHere)
		s.goes(one, chat.WhereAway)
		s.wants(p)
		s.broken = nil
		s.settle()
		s.wants(p, map[string]string{one.String(): ""})
	})

	t.Run("an answer from before a change is not taken", func(t *testing.T) {
		t.Parallel()
		for _, what := range []string{"viewSeqs", "facts", "sights"} {
			s := newStage(t, 0)
			one := s.person(chat.WhereHere)
			p := s.page()
			s.between = func(asked string) {
				if asked == what {
					s.mu.Lock()
					s.between = nil
					s.mu.Unlock()
					s.stored[one] = chat.PresenceFacts{PersonID: one, Invisible: true} // after what was asked was read
					s.hidden[chat.Pair{Viewer: p.viewer.ID, Person: one}] = true
					s.changed(one, 2, func(known int64) bool { return 2 > known })
				}
			}
			s.watch(p, []chat.ID{one}, time.Now())
			s.settle()
			s.wants(p)
		}
	})

	t.Run("whoever is invisible is shown as those are who were never there, also while it is not known who is absent", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, 0)
		one, absent := s.person(chat.WhereHere), s.person(chat.WhereUnknown)
		p := s.page()
		s.watch(p, []chat.ID{one, absent}, time.Now())
		s.settle()
		s.wants(p, map[string]string{one.String(): "online"}) // the premise
		s.stored[one] = chat.PresenceFacts{PersonID: one, Invisible: true}
		s.changed(one, 2, func(int64) bool { return true })
		s.settle()
		s.wants(p, map[string]string{one.String(): ""})
		s.at[absent], s.at[s.stored[one].Sought()] = chat.WhereGone, chat.WhereGone
		s.reconcile(presenceShare(one))
		s.reconcile(presenceShare(absent))
		s.settle()
		s.wants(p, map[string]string{one.String(): "offline", absent.String(): "offline"})
		s.goes(one, chat.WhereAway)
		s.wants(p)
		s.stored[one] = chat.PresenceFacts{PersonID: one}
		s.changed(one, 3, func(int64) bool { return true })
		s.settle()
		s.wants(p, map[string]string{one.String(): "away"})
	})

	t.Run("where somebody is that was looked for before they were invisible is not taken", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, 0)
		one := s.person(chat.WhereHere)
		p := s.page()
		s.watch(p, []chat.ID{one}, time.Now())
		s.settle()
		s.frames(p)
		s.between = func(asked string) {
			if asked == "where" {
				s.between = nil
				s.stored[one] = chat.PresenceFacts{PersonID: one, Invisible: true}
				s.changed(one, 2, func(int64) bool { return true })
				_, _ = s.ask(t.Context())
				_, _ = s.ask(t.Context())
			}
		}
		s.goes(one, chat.WhereAway)
		s.wants(p, map[string]string{one.String(): ""})
	})

	t.Run("of whoever goes it is read first when that was", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, 0)
		one := s.person(chat.WhereHere)
		p := s.page()
		s.watch(p, []chat.ID{one}, time.Now())
		s.settle()
		s.frames(p)
		asked := s.asked["facts"]
		s.goes(one, chat.WhereAway)
		s.goes(one, chat.WhereHere)
		s.frames(p)
		if s.asked["facts"] != asked {
			t.Error("it is read while the person is there")
		}
		s.at[one] = chat.WhereGone
		s.move(one)
		s.look(t.Context())
		s.wants(p)
		s.settle()
		s.wants(p, map[string]string{one.String(): "offline"})
		if s.asked["facts"] != asked+1 {
			t.Errorf("read %d times", s.asked["facts"]-asked)
		}
		s.goes(one, chat.WhereHere)
		s.broken = errors.New("broken on purpose")
		s.frames(p)
		s.goes(one, chat.WhereGone)
		s.wants(p, map[string]string{one.String(): "offline"}) // that can be said nevertheless
	})

	t.Run("a status ends by itself", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, 0)
		one := s.person(chat.WhereHere)
		until := time.Now().Add(50 * time.Millisecond)
		s.stored[one] = chat.PresenceFacts{PersonID: one, Status: chat.Status{Busy: true, Until: &until}}
		p := s.page()
		s.watch(p, []chat.ID{one}, time.Now())
		s.settle()
		if got := s.frames(p); len(got) != 1 || got[0][one.String()] != "busy" {
			t.Fatalf("premise: %v", got)
		}
		if next := s.ends.next(); !next.Equal(until) {
			t.Errorf("next is %v, not %v", next, until)
		}
		<-time.After(time.Until(until))
		s.settle()
		s.wants(p, map[string]string{one.String(): "online"})
	})

	t.Run("an account that is none any more is seen as nothing", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, 0)
		one := s.person(chat.WhereHere)
		p := s.page()
		s.watch(p, []chat.ID{one}, time.Now())
		s.settle()
		s.frames(p)
		delete(s.stored, one)
		s.changed(one, 2, func(int64) bool { return true })
		s.settle()
		s.wants(p, map[string]string{one.String(): ""})
	})

	t.Run("who says too often whom a page shows is answered later, by the last", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, 0)
		now := time.Now()
		var people []chat.ID
		for range watchBurst + 5 {
			people = append(people, s.person(chat.WhereHere))
		}
		p := s.page()
		for _, id := range people {
			s.watch(p, []chat.ID{id}, now)
		}
		s.settle()
		s.wants(p, map[string]string{people[watchBurst-1].String(): "online"})
		if s.asked["sights"] != 1 || len(p.shown.looks) != 1 {
			t.Errorf("asked were %d pairs", s.asked["sights"])
		}
		s.watching.mu.Lock()
		s.later.set(p, time.Now())
		s.watching.mu.Unlock()
		s.settle()
		s.wants(p, map[string]string{people[len(people)-1].String(): "online"})
	})

	t.Run("who was not shown meanwhile is brought again, also where that was answered later", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, 0)
		now := time.Now()
		one, two := s.person(chat.WhereHere), s.person(chat.WhereAway)
		p := s.page()
		for range watchBurst {
			s.watch(p, []chat.ID{one, two}, now)
		}
		s.settle()
		s.wants(p, map[string]string{one.String(): "online", two.String(): "away"})
		s.watch(p, []chat.ID{two}, now)
		s.watch(p, []chat.ID{one, two}, now)
		s.watching.mu.Lock()
		s.later.set(p, time.Now())
		s.watching.mu.Unlock()
		s.settle()
		s.overPauses()
		s.wants(p, map[string]string{one.String(): "online"})
	})

	t.Run("an element is made once for all to whom somebody looks the same", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, 0)
		one := s.person(chat.WhereHere)
		for i := range 100 {
			p := s.page()
			if i%2 == 1 {
				p.viewer.Language = "de"
			}
			s.watch(p, []chat.ID{one}, time.Now())
		}
		s.settle()
		if n := len(s.ofLocked(one).elements); n != 2 {
			t.Errorf("%d were made", n)
		}
		if first := s.texts[0]; strings.ContainsAny(first, "\\\n") || !strings.HasPrefix(first, "<span") || !strings.HasSuffix(first, "</span>") {
			t.Errorf("made was %q", first)
		}
	})
}

// TestRestartOfACrowd holds how many frames are made where everybody of a large group is lost and comes back, each of them
// watching two hundred of the others.
func TestRestartOfACrowd(t *testing.T) {
	t.Parallel()
	const size, seconds = 2000, 20
	s := newStage(t, time.Hour)
	people, pages := make([]chat.ID, size), make([]*Socket, size)
	for i := range people {
		people[i], pages[i] = s.person(chat.WhereUnknown), s.page()
		pages[i].viewer.ID = people[i]
	}
	for second := range seconds {
		come := people[second*size/seconds : (second+1)*size/seconds]
		for i, id := range come {
			n := second*size/seconds + i
			var around []chat.ID
			for k := range chat.MaxWatched {
				around = append(around, people[(n+1+k)%size])
			}
			s.watch(pages[n], around, time.Now())
			s.goes(id, chat.WhereHere)
		}
		s.overPauses()
	}
	s.overPauses()
	frames, elements := 0, 0
	for _, p := range pages {
		for _, f := range s.frames(p) {
			frames++
			elements += len(f)
		}
	}
	if elements != size*chat.MaxWatched {
		t.Errorf("of %d who came back to pages they were on %d were brought", size*chat.MaxWatched, elements)
	}
	if frames >= 400_000/4 {
		t.Errorf("%d frames", frames)
	}
	t.Logf("%d frames, %d elements", frames, elements)
}
