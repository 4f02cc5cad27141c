//go:build unix

package chat_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/chat"
	"parley/chat/chattest"
)

// whereabouts says of each where they are, and writes down who was asked about.
type whereabouts struct {
	known map[chat.ID]chat.Where
	asked []chat.ID
}

// Where implements chat.Whereabouts.
func (w *whereabouts) Where(_ context.Context, people []chat.ID) map[chat.ID]chat.Where {
	w.asked = append(w.asked, people...)
	return w.known
}

// shows lets somebody choose one circle for presence and one for last seen.
func shows(t *testing.T, w *chattest.World, viewer chat.Viewer, presence, lastSeen chat.Circle) {
	t.Helper()
	must(t, w.Chat.SavePresenceChoices(t.Context(), viewer, chat.PresenceChoices{Presence: presence, LastSeen: lastSeen, Typing: true}))
}

func invisible(t *testing.T, w *chattest.World, viewer chat.Viewer, is bool) {
	t.Helper()
	must(t, w.Chat.SavePresenceChoices(t.Context(), viewer, chat.PresenceChoices{
		Presence: chat.CircleEverybody, LastSeen: chat.CircleEverybody, Typing: true, Invisible: is,
	}))
}

func sight(t *testing.T, w *chattest.World, viewer, person chat.Viewer) chat.Sight {
	t.Helper()
	pair := chat.Pair{Viewer: viewer.ID, Person: person.ID}
	return value[map[chat.Pair]chat.Sight](t)(w.Chat.Sights(t.Context(), []chat.Pair{pair}))[pair]
}

// see fails the test unless each of the two sees that much of the other.
func see(t *testing.T, w *chattest.World, about string, a, b chat.Viewer, want chat.Sight) {
	t.Helper()
	for _, pair := range [][2]chat.Viewer{{a, b}, {b, a}} {
		if got := sight(t, w, pair[0], pair[1]); got != want {
			t.Errorf("%s: %s sees of %s %+v, not %+v", about, pair[0].Username, pair[1].Username, got, want)
		}
	}
}

var (
	allOfIt   = chat.Sight{Presence: true, LastSeen: true}
	nothing   = chat.Sight{}
	wheres    = []chat.Where{chat.WhereUnknown, chat.WhereGone, chat.WhereAway, chat.WhereHere}
	allSights = []chat.Sight{nothing, {Presence: true}, {LastSeen: true}, allOfIt}
)

func TestSeen(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	seen, soon := now.Add(-time.Hour), now.Add(time.Minute)
	id := chat.NewID()
	quiet := chat.PresenceFacts{PersonID: id, LastSeen: &seen, Status: chat.Status{Emoji: "☕", Text: "Coffee"}}
	busy := quiet
	busy.Status.Busy, busy.Status.Until = true, &soon

	t.Run("where somebody is, and how much of it may be seen", func(t *testing.T) {
		t.Parallel()
		none, offline, away := chat.PresenceNone, chat.PresenceOffline, chat.PresenceAway
		for where, c := range map[chat.Where]struct {
			quiet, busy chat.PresenceState
			lastSeen    bool // where presence may be seen too
		}{
			chat.WhereUnknown: {none, none, false},
			chat.WhereGone:    {offline, offline, true},
			chat.WhereAway:    {away, chat.PresenceBusy, false},
			chat.WhereHere:    {chat.PresenceOnline, chat.PresenceBusy, false},
		} {
			for _, facts := range []struct {
				chat.PresenceFacts
				state chat.PresenceState
			}{{quiet, c.quiet}, {busy, c.busy}} {
				for sight, want := range map[chat.Sight]chat.Presence{
					nothing:          {PersonID: id},
					{LastSeen: true}: {PersonID: id, LastSeen: &seen}, // whether there or not
					{Presence: true}: {PersonID: id, State: facts.state, Status: facts.Status},
					allOfIt:          {PersonID: id, State: facts.state, Status: facts.Status, LastSeen: map[bool]*time.Time{true: &seen}[c.lastSeen]},
				} {
					if got := facts.Seen(where, sight, now); got != want {
						t.Errorf("%d, %+v: %+v, not %+v", where, sight, got, want)
					}
				}
			}
		}
	})

	t.Run("whoever is invisible is like somebody whose last page was closed", func(t *testing.T) {
		t.Parallel()
		differ := false
		for _, facts := range []chat.PresenceFacts{quiet, busy} {
			hidden := facts
			hidden.Invisible = true
			for _, sight := range allSights {
				for _, where := range wheres {
					closed := chat.WhereGone
					if where == chat.WhereUnknown {
						closed = chat.WhereUnknown
					}
					if got, want := hidden.Seen(where, sight, now), facts.Seen(closed, sight, now); got != want {
						t.Errorf("%d, %+v: %+v, not %+v", where, sight, got, want)
					}
					differ = differ || facts.Seen(where, sight, now) != facts.Seen(closed, sight, now)
				}
			}
		}
		if !differ {
			t.Error("premise: whoever is there is seen as such")
		}
	})

	t.Run("a status ends by the clock, and with it that somebody is busy", func(t *testing.T) {
		t.Parallel()
		for at, c := range map[time.Time]struct {
			state  chat.PresenceState
			status chat.Status
		}{
			soon.Add(-time.Nanosecond): {chat.PresenceBusy, busy.Status}, soon: {chat.PresenceOnline, chat.Status{}},
			soon.Add(time.Hour): {chat.PresenceOnline, chat.Status{}},
		} {
			if got := busy.Seen(chat.WhereHere, allOfIt, at); got.State != c.state || got.Status != c.status {
				t.Errorf("%v: %+v", at, got)
			}
		}
		if got := quiet.Seen(chat.WhereHere, allOfIt, now.AddDate(10, 0, 0)); got.Status != quiet.Status {
			t.Errorf("without an end it is %+v", got)
		}
	})
}

func TestSights(t *testing.T) {
	t.Parallel()
	everybody, shared, nobody := chat.CircleEverybody, chat.CircleShared, chat.CircleNobody

	t.Run("each sees as much as the two of them show each other, of presence and of last seen apart", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, stranger, fellow := w.Person(t, "Anna"), w.Person(t, "Stranger"), w.Person(t, "Fellow")
		w.Group(t, "Garden", anna, fellow)
		circles := chat.PresenceCircles()
		if !slices.Equal(circles, []chat.Circle{everybody, shared, nobody}) {
			t.Fatalf("premise: %v", circles)
		}
		for _, hers := range circles {
			for _, theirs := range circles {
				// Last seen is turned the other way, so that one is not taken for the other.
				shows(t, w, anna, hers, theirs)
				for other, share := range map[*chat.Viewer]bool{&stranger: false, &fellow: true} {
					for _, last := range circles {
						shows(t, w, *other, theirs, last)
						may := func(a, b chat.Circle) bool {
							return a != nobody && b != nobody && (a == everybody && b == everybody || share)
						}
						see(t, w, string(hers+" "+theirs+" "+last), anna, *other, chat.Sight{Presence: may(hers, theirs), LastSeen: may(theirs, last)})
					}
				}
			}
		}
	})

	t.Run("oneself one always sees", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna := w.Person(t, "Anna")
		shows(t, w, anna, nobody, nobody)
		see(t, w, "hidden", anna, anna, allOfIt)
		invisible(t, w, anna, true)
		see(t, w, "invisible", anna, anna, allOfIt)
	})

	t.Run("whoever is invisible sees nobody, and is looked at as before", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		w.Group(t, "Garden", anna, ben)
		see(t, w, "before", anna, ben, allOfIt)
		invisible(t, w, anna, true)
		if got := sight(t, w, anna, ben); got != nothing {
			t.Errorf("Anna sees %+v", got)
		}
		if got := sight(t, w, ben, anna); got != allOfIt {
			t.Errorf("Ben sees %+v", got) // what of it, is decided by Seen
		}
		invisible(t, w, anna, false)
		see(t, w, "after", anna, ben, allOfIt)
	})

	t.Run("a block parts both, whoever it is by, and its end brings both back", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben, cleo := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Cleo")
		w.Group(t, "Garden", anna, ben, cleo)
		for _, by := range [][2]chat.Viewer{{anna, ben}, {ben, anna}} {
			see(t, w, "before", anna, ben, allOfIt)
			must(t, w.Chat.BlockPerson(t.Context(), by[0], by[1].ID))
			see(t, w, "blocked", anna, ben, nothing)
			see(t, w, "with somebody else", anna, cleo, allOfIt)
			must(t, w.Chat.UnblockPerson(t.Context(), by[0], by[1].ID))
		}
		see(t, w, "after", anna, ben, allOfIt)
	})

	t.Run("an account that is not active sees nobody and is seen by nobody", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		w.Group(t, "Garden", anna, ben)
		for _, state := range []string{"suspended", "closed"} {
			see(t, w, "before", anna, ben, allOfIt)
			w.Exec(t, "UPDATE people SET state = $2 WHERE id = $1", ben.ID, state)
			see(t, w, state, anna, ben, nothing)
			if facts := value[map[chat.ID]chat.PresenceFacts](t)(w.Chat.PresenceFacts(t.Context(), []chat.ID{anna.ID, ben.ID})); len(facts) != 1 || facts[anna.ID].PersonID != anna.ID {
				t.Errorf("%s: %v", state, facts)
			}
			w.Exec(t, "UPDATE people SET state = 'active' WHERE id = $1", ben.ID)
		}
		if got := value[map[chat.Pair]chat.Sight](t)(w.Chat.Sights(t.Context(), []chat.Pair{{Viewer: chat.NewID(), Person: ben.ID}, {Viewer: ben.ID, Person: chat.NewID()}})); len(got) != 0 {
			t.Errorf("of nobody there is %v", got)
		}
	})

	t.Run("what two people share", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna := w.Person(t, "Anna")
		shows(t, w, anna, shared, shared)
		someone := func(name string) chat.Viewer {
			person := w.Person(t, name)
			see(t, w, name+", before", anna, person, nothing)
			return person
		}

		begun := someone("Begun")
		talk := w.Direct(t, begun, anna)
		see(t, w, "a direct conversation without a word", anna, begun, nothing)
		w.Say(t, begun, talk, "hello")
		see(t, w, "a direct conversation", anna, begun, allOfIt)

		former := someone("Former")
		group := w.Group(t, "Garden", anna, former)
		see(t, w, "a group without a word", anna, former, allOfIt)
		w.Remove(t, group, former)
		see(t, w, "a group that one has left", anna, former, nothing)

		left := someone("Left")
		other := w.Group(t, "Kitchen", left, anna)
		see(t, w, "a group", anna, left, allOfIt)
		w.Remove(t, other, anna)
		see(t, w, "a group that the other has left", anna, left, nothing)

		// Theirs are many, and hers few: what is looked up from is the other.
		much := someone("Much")
		for range 25 {
			w.Group(t, "", much)
		}
		see(t, w, "many groups of somebody else's", anna, much, nothing)
		w.Group(t, "", much, anna)
		see(t, w, "one of many groups", anna, much, allOfIt)

		closed := someone("Closed")
		w.Say(t, closed, w.Direct(t, closed, anna), "hello")
		see(t, w, "a conversation, still open", anna, closed, allOfIt)
		w.Exec(t, "UPDATE members SET closed = true WHERE person_id = $1", closed.ID)
		see(t, w, "a conversation that is closed", anna, closed, nothing)
	})

	t.Run("a conversation that somebody is asked about is not shared until it is wanted", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben, cleo := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Cleo")
		reaches(t, w, anna, nobody)
		shows(t, w, anna, shared, shared)
		ask := func(by chat.Viewer) chat.ID {
			id := w.Direct(t, by, anna)
			w.Say(t, by, id, "hello")
			if got := value[chat.Member](t)(w.Chat.Membership(t.Context(), anna, id)).Request; got != chat.RequestPending {
				t.Fatalf("premise: it is %q", got)
			}
			see(t, w, "asked", anna, by, nothing)
			return id
		}
		must(t, w.Chat.AcceptRequest(t.Context(), anna, ask(ben)))
		see(t, w, "accepted", anna, ben, allOfIt)
		must(t, w.Chat.DeclineRequest(t.Context(), anna, ask(cleo)))
		see(t, w, "declined", anna, cleo, nothing)
	})

	t.Run("of many pairs each is decided by itself", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben, cleo := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Cleo")
		shows(t, w, cleo, nobody, everybody)
		pairs := []chat.Pair{{anna.ID, ben.ID}, {anna.ID, cleo.ID}, {ben.ID, anna.ID}, {anna.ID, ben.ID}}
		want := map[chat.Pair]chat.Sight{pairs[0]: allOfIt, pairs[1]: {LastSeen: true}, pairs[2]: allOfIt}
		if got := value[map[chat.Pair]chat.Sight](t)(w.Chat.Sights(t.Context(), pairs)); !maps.Equal(got, want) {
			t.Errorf("got %v", got)
		}
		if got := value[map[chat.Pair]chat.Sight](t)(w.Chat.Sights(t.Context(), nil)); len(got) != 0 {
			t.Errorf("got %v", got)
		}
	})
}

func TestPresences(t *testing.T) {
	t.Parallel()

	t.Run("a page has those of whom something is seen, and only they are looked for", func(t *testing.T) {
		t.Parallel()
		where := &whereabouts{}
		w := chattest.New(t, chattest.With(chat.WithWhereabouts(where)))
		anna, ben, cleo, dora, eve := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Cleo"), w.Person(t, "Dora"), w.Person(t, "Eve")
		where.known = map[chat.ID]chat.Where{ben.ID: chat.WhereHere, cleo.ID: chat.WhereAway, dora.ID: chat.WhereHere, eve.ID: chat.WhereHere}
		where.known[chat.PresenceFacts{PersonID: eve.ID, Invisible: true}.Sought()] = chat.WhereGone
		must(t, w.Chat.SaveStatus(t.Context(), ben, chat.StatusInput{Busy: true, Text: "Busy", Ends: chat.StatusStays}))
		must(t, w.Chat.BlockPerson(t.Context(), dora, anna.ID))
		invisible(t, w, eve, true)
		people := []chat.ID{ben.ID, cleo.ID, dora.ID, eve.ID, ben.ID}
		got := value[map[chat.ID]chat.Presence](t)(w.Chat.Presences(t.Context(), anna.ID, people))
		want := map[chat.ID]chat.Presence{
			ben.ID:  {PersonID: ben.ID, State: chat.PresenceBusy, Status: chat.Status{Busy: true, Text: "Busy"}},
			cleo.ID: {PersonID: cleo.ID, State: chat.PresenceAway}, eve.ID: {PersonID: eve.ID, State: chat.PresenceOffline},
		}
		if !maps.Equal(got, want) {
			t.Errorf("got %v", got)
		}
		if slices.Contains(where.asked, dora.ID) || slices.Contains(where.asked, eve.ID) || len(where.asked) != 3 {
			t.Errorf("asked about %v", where.asked)
		}
		if people[4] != ben.ID || people[0] != ben.ID {
			t.Error("what it was asked with has changed")
		}
	})

	t.Run("whoever is invisible is shown as those are who were never there, also while it is not known who is absent", func(t *testing.T) {
		t.Parallel()
		where := &whereabouts{}
		w := chattest.New(t, chattest.With(chat.WithWhereabouts(where)))
		anna, ben, cleo := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Cleo")
		where.known = map[chat.ID]chat.Where{ben.ID: chat.WhereHere}
		look := func() (of, other chat.PresenceState) {
			got := value[map[chat.ID]chat.Presence](t)(w.Chat.Presences(t.Context(), anna.ID, []chat.ID{ben.ID, cleo.ID}))
			return got[ben.ID].State, got[cleo.ID].State
		}
		if of, other := look(); of != chat.PresenceOnline || other != chat.PresenceNone {
			t.Fatalf("premise: %q and %q", of, other)
		}
		invisible(t, w, ben, true)
		if of, other := look(); of != other {
			t.Errorf("%q, and of one who is absent %q", of, other)
		}
	})

	t.Run("of more people than a page hears of there are no more", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.With(chat.WithWhereabouts(&whereabouts{})))
		anna := w.Person(t, "Anna")
		w.Exec(t, `INSERT INTO people (id, username, display_name, password_hash) SELECT gen_random_uuid(), 'user' || n, 'x', 'x' FROM generate_series(1, $1) n`, chat.MaxWatched+1)
		all := chattest.Value[[]chat.ID](t, w, "SELECT array_agg(id) FROM people WHERE username LIKE 'user%'")
		if got := value[map[chat.ID]chat.Presence](t)(w.Chat.Presences(t.Context(), anna.ID, all)); len(all) != chat.MaxWatched+1 || len(got) != chat.MaxWatched {
			t.Errorf("%d of %d", len(got), len(all))
		}
	})

	t.Run("where nobody knows who is there, nothing is said", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		if got := value[map[chat.ID]chat.Presence](t)(w.Chat.Presences(t.Context(), anna.ID, []chat.ID{ben.ID})); len(got) != 0 {
			t.Errorf("got %v", got)
		}
	})
}

func TestNoteSeen(t *testing.T) {
	t.Parallel()
	type world struct {
		*chattest.World
		note func(ago time.Duration, people ...chat.Viewer)
		ago  func(person chat.Viewer) int // seconds; below zero: never
	}
	newSeen := func(t *testing.T) world {
		w := chattest.New(t)
		return world{w, func(ago time.Duration, people ...chat.Viewer) {
			t.Helper()
			all := map[chat.ID]time.Duration{}
			for _, person := range people {
				all[person.ID] = ago
			}
			must(t, w.Chat.NoteSeen(t.Context(), all))
		}, func(person chat.Viewer) int {
			t.Helper()
			facts := value[map[chat.ID]chat.PresenceFacts](t)(w.Chat.PresenceFacts(t.Context(), []chat.ID{person.ID}))[person.ID]
			if facts.LastSeen == nil {
				return -1
			}
			return chattest.Value[int](t, w, "SELECT (extract(epoch FROM now() - $1::timestamptz) / 10)::int * 10", *facts.LastSeen)
		}}
	}

	t.Run("it is written once a minute at most, and never back", func(t *testing.T) {
		t.Parallel()
		w := newSeen(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		if got := w.ago(anna); got != -1 {
			t.Errorf("before, it is %d", got)
		}
		for _, c := range []struct {
			ago  time.Duration
			want int
		}{{10 * time.Minute, 600}, {time.Hour, 600}, {570 * time.Second, 600}, {540 * time.Second, 540}, {0, 0}, {time.Minute, 0}} {
			if w.note(c.ago, anna); w.ago(anna) != c.want {
				t.Errorf("noted %v, it is %d, not %d", c.ago, w.ago(anna), c.want)
			}
		}
		if got := w.ago(ben); got != -1 {
			t.Errorf("of somebody else it is %d", got)
		}
		w.note(0, anna, ben)
		if got := w.ago(ben); got != 0 {
			t.Errorf("of the second it is %d", got)
		}
		must(t, w.Chat.NoteSeen(t.Context(), nil))
	})

	t.Run("nothing of whoever is invisible", func(t *testing.T) {
		t.Parallel()
		w := newSeen(t)
		anna, ben, cleo := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Cleo")
		w.note(10*time.Minute, anna)
		invisible(t, w.World, anna, true)
		invisible(t, w.World, cleo, true)
		w.note(0, anna, ben, cleo)
		if w.ago(anna) != 600 || w.ago(ben) != 0 || w.ago(cleo) != -1 {
			t.Errorf("got %d, %d, %d", w.ago(anna), w.ago(ben), w.ago(cleo))
		}
		invisible(t, w.World, anna, false)
		if w.note(0, anna); w.ago(anna) != 0 {
			t.Errorf("visible again, it is %d", w.ago(anna))
		}
	})

	t.Run("what somebody else has locked is left out, and nothing waits", func(t *testing.T) {
		t.Parallel()
		w := newSeen(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		w.note(10*time.Minute, anna, ben)
		held := w.Hold(t, "SELECT FROM seen WHERE person_id = $1 FOR UPDATE", anna.ID)
		held.Exec("SELECT FROM people WHERE id = $1 FOR NO KEY UPDATE", ben.ID)
		w.note(0, anna, ben)
		if w.ago(anna) != 600 || w.ago(ben) != 0 {
			t.Errorf("got %d, %d", w.ago(anna), w.ago(ben))
		}
		held.Rollback()
		if w.note(0, anna, ben); w.ago(anna) != 0 {
			t.Errorf("free again, it is %d", w.ago(anna))
		}
	})
}

func TestPresenceChoices(t *testing.T) {
	t.Parallel()
	everybody, shared, nobody := chat.CircleEverybody, chat.CircleShared, chat.CircleNobody

	t.Run("whoever has chosen nothing is seen, and what is chosen is kept", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		open := chat.PresenceChoices{Presence: everybody, LastSeen: everybody, Typing: true}
		if got := value[chat.PresenceChoices](t)(w.Chat.PresenceChoices(t.Context(), anna)); got != open {
			t.Errorf("got %+v", got)
		}
		for _, chosen := range []chat.PresenceChoices{
			{Presence: shared, LastSeen: nobody, Invisible: true}, {Presence: nobody, LastSeen: shared, Typing: true}, open,
		} {
			must(t, w.Chat.SavePresenceChoices(t.Context(), anna, chosen))
			if got := value[chat.PresenceChoices](t)(w.Chat.PresenceChoices(t.Context(), anna)); got != chosen {
				t.Errorf("got %+v, not %+v", got, chosen)
			}
		}
		must(t, w.Chat.SavePresenceChoices(t.Context(), anna, chat.PresenceChoices{Presence: nobody, LastSeen: nobody}))
		if got := value[chat.PresenceChoices](t)(w.Chat.PresenceChoices(t.Context(), ben)); got != open {
			t.Errorf("somebody else's are %+v", got)
		}
	})

	t.Run("a choice that there is not is refused at its field, and nothing is stored", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna := w.Person(t, "Anna")
		w.Heard()
		for _, c := range []struct {
			presence, lastSeen chat.Circle
			want               []string
		}{
			{"", everybody, []string{"presence"}}, {everybody, chat.CircleGroups, []string{"last_seen"}},
			{"some", "", []string{"last_seen", "presence"}},
		} {
			got := wrong(t, w.Chat.SavePresenceChoices(t.Context(), anna, chat.PresenceChoices{Presence: c.presence, LastSeen: c.lastSeen, Invisible: true}))
			if fields := slices.Sorted(maps.Keys(got)); !slices.Equal(fields, c.want) || got[fields[0]] != chat.CodeChoice {
				t.Errorf("%q, %q: %v", c.presence, c.lastSeen, got)
			}
		}
		if got := value[chat.PresenceChoices](t)(w.Chat.PresenceChoices(t.Context(), anna)); got.Invisible || len(w.Heard()) > 0 {
			t.Errorf("got %+v", got)
		}
	})

	t.Run("they are told, with a new counter of view; authors only where \"delivered\" comes or goes", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna := w.Person(t, "Anna")
		w.Heard()
		last := chattest.Value[int64](t, w, "SELECT view_seq FROM people WHERE id = $1", anna.ID)
		for i, c := range []struct {
			chat.PresenceChoices
			receipts bool
		}{
			{chat.PresenceChoices{Presence: shared, LastSeen: nobody, Typing: true}, false},
			{chat.PresenceChoices{Presence: nobody, LastSeen: everybody}, true},
			{chat.PresenceChoices{Presence: nobody, LastSeen: everybody, Invisible: true}, false},
			{chat.PresenceChoices{Presence: shared, LastSeen: everybody, Invisible: true}, false},
			{chat.PresenceChoices{Presence: shared, LastSeen: everybody}, true},
			{chat.PresenceChoices{Presence: shared, LastSeen: everybody}, false},
		} {
			must(t, w.Chat.SavePresenceChoices(t.Context(), anna, c.PresenceChoices))
			last++
			want := []chat.Event{chat.PersonChanged{PersonID: anna.ID, ViewSeq: last}}
			if c.receipts {
				want = append(want, chat.ReceiptsChosen{PersonID: anna.ID})
			}
			if heard := w.Heard(); !slices.Equal(heard, want) {
				t.Errorf("%d: heard %v, not %v", i, heard, want)
			}
		}
	})

	t.Run("too often is too often", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Limits())
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		choose := func(by chat.Viewer) error {
			return w.Chat.SavePresenceChoices(t.Context(), by, chat.PresenceChoices{Presence: shared, LastSeen: shared})
		}
		say := func(by chat.Viewer) error {
			return w.Chat.SaveStatus(t.Context(), by, chat.StatusInput{Text: "x", Ends: chat.StatusStays})
		}
		for range chat.LimitSettings.Burst / 2 {
			must(t, choose(anna))
			must(t, say(anna))
		}
		refused(t, choose(anna), chat.KindTooMany, chat.CodeTooMany)
		refused(t, say(anna), chat.KindTooMany, chat.CodeTooMany)
		must(t, choose(ben))
	})
}

func TestStatus(t *testing.T) {
	t.Parallel()

	t.Run("it is kept, told, seen by oneself, and taken away", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		status := func(of chat.Viewer) chat.Status {
			t.Helper()
			return value[chat.Status](t)(w.Chat.Status(t.Context(), of))
		}
		if got := status(anna); !got.Empty() || got.Until != nil {
			t.Errorf("before, it is %+v", got)
		}
		last := chattest.Value[int64](t, w, "SELECT view_seq FROM people WHERE id = $1", anna.ID)
		for _, c := range []struct {
			in   chat.StatusInput
			want chat.Status
		}{
			{chat.StatusInput{Emoji: " 🏖️ ", Text: "  At  the sea ", Ends: chat.StatusStays}, chat.Status{Emoji: "🏖️", Text: "At the sea"}},
			{chat.StatusInput{Busy: true, Text: "\u200b", Ends: chat.StatusStays}, chat.Status{Busy: true}},
			{chat.StatusInput{Text: strings.Repeat("é", chat.MaxStatus), Ends: chat.StatusStays}, chat.Status{Text: strings.Repeat("é", chat.MaxStatus)}},
			{chat.StatusInput{Ends: chat.StatusHour}, chat.Status{}},
		} {
			w.Heard()
			must(t, w.Chat.SaveStatus(t.Context(), anna, c.in))
			if got := status(anna); got != c.want {
				t.Errorf("%+v became %+v", c.in, got)
			}
			last++
			if heard := w.Heard(); !slices.Equal(heard, []chat.Event{chat.PersonChanged{PersonID: anna.ID, ViewSeq: last}}) {
				t.Errorf("heard %v", heard)
			}
		}
		if got := status(ben); !got.Empty() {
			t.Errorf("somebody else's is %+v", got)
		}
		if until := chattest.Value[*time.Time](t, w, "SELECT status_until FROM people WHERE id = $1", anna.ID); until != nil {
			t.Errorf("nothing ends %v", until)
		}
		must(t, w.Chat.SaveStatus(t.Context(), anna, chat.StatusInput{Text: "x", Ends: chat.StatusHour}))
		w.Clock.Advance(time.Hour - time.Second)
		if got := status(anna); got.Text != "x" || got.Until == nil {
			t.Errorf("a second before its end it is %+v", got)
		}
		w.Clock.Advance(time.Second)
		if got := status(anna); !got.Empty() {
			t.Errorf("at its end it is %+v", got)
		}
	})

	t.Run("what is wrong is refused at its field, and what was there stays", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna := w.Person(t, "Anna")
		must(t, w.Chat.SaveStatus(t.Context(), anna, chat.StatusInput{Text: "x", Ends: chat.StatusStays}))
		w.Heard()
		for _, c := range []struct {
			in   chat.StatusInput
			want map[string]chat.Code
		}{
			{chat.StatusInput{Emoji: "word", Text: "a\x00b"}, map[string]chat.Code{"emoji": chat.CodeEmoji, "text": chat.CodeBadText, "ends": chat.CodeChoice}},
			{chat.StatusInput{Text: strings.Repeat("é", chat.MaxStatus+1), Ends: "later"}, map[string]chat.Code{"text": chat.CodeTooLong, "ends": chat.CodeChoice}},
			{chat.StatusInput{Emoji: "\xff", Ends: chat.StatusAt}, map[string]chat.Code{"emoji": chat.CodeEmoji, "at": chat.CodeTime}},
			{chat.StatusInput{Ends: chat.StatusAt, At: "24:00"}, map[string]chat.Code{"at": chat.CodeTime}},
			{chat.StatusInput{Ends: chat.StatusAt, At: "noon"}, map[string]chat.Code{"at": chat.CodeTime}},
		} {
			if got := wrong(t, w.Chat.SaveStatus(t.Context(), anna, c.in)); !maps.Equal(got, c.want) {
				t.Errorf("%+v: %v, not %v", c.in, got, c.want)
			}
		}
		if got := value[chat.Status](t)(w.Chat.Status(t.Context(), anna)); got.Text != "x" || len(w.Heard()) > 0 {
			t.Errorf("got %+v", got)
		}
	})

	t.Run("an emoji is one that is seen as one", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna := w.Person(t, "Anna")
		save := func(emoji string) error {
			return w.Chat.SaveStatus(t.Context(), anna, chat.StatusInput{Emoji: emoji, Ends: chat.StatusStays})
		}
		for _, emoji := range []string{"", "☕", "☕️", "👍🏽", "👩‍💻", "👩🏽‍❤️‍💋‍👨🏽", "👨‍👩‍👧‍👦", "🇧🇷", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "#️⃣", "7⃣", "‼️", "ℹ️", "↔️", "🏳️‍🌈"} {
			if err := save(emoji); err != nil {
				t.Errorf("%q: %v", emoji, err)
			}
		}
		for _, text := range []string{
			"a", "7", "#", "é", "李", "☕☕", "☕a", "a☕", "☕ ☕", "🇧", "🇧🇷🇧", "🇧🇷🇧🇷", "<", "+", "$", "\u200d", "\u200b", "\ufe0f", "☕\u200d",
			"\u20e3", "77\u20e3", "☕" + strings.Repeat("\ufe0f", 10), "\u202e", "٣",
		} {
			if got := wrong(t, save(text)); got["emoji"] != chat.CodeEmoji {
				t.Errorf("%q: %v", text, got)
			}
		}
	})
}

func TestStatusEnds(t *testing.T) {
	t.Parallel()
	w := chattest.New(t)
	for _, c := range []struct {
		zone, now, at string // at: a time of day; empty for midnight, or how long it is
		ends          chat.StatusEnd
		want          string // as the person's clocks show it, with the offset; empty: never
	}{
		{"UTC", "2026-03-01T12:00:00Z", "", chat.StatusStays, ""},
		{"UTC", "2026-03-01T12:00:00Z", "", chat.StatusHalfHour, "2026-03-01T12:30:00Z"},
		{"UTC", "2026-03-01T12:00:00Z", "", chat.StatusHour, "2026-03-01T13:00:00Z"},
		{"UTC", "2026-03-01T12:00:00Z", "", chat.StatusHours, "2026-03-01T16:00:00Z"},
		{"UTC", "2026-03-01T12:00:00Z", "", chat.StatusToday, "2026-03-02T00:00:00Z"},
		{"UTC", "2026-03-02T00:00:00Z", "", chat.StatusToday, "2026-03-03T00:00:00Z"},
		{"Asia/Tokyo", "2026-03-01T16:00:00Z", "", chat.StatusToday, "2026-03-03T00:00:00+09:00"},
		{"America/New_York", "2026-03-01T02:00:00Z", "", chat.StatusToday, "2026-03-01T00:00:00-05:00"},
		{"UTC", "2026-03-01T12:00:00Z", "15:04", chat.StatusAt, "2026-03-01T15:04:00Z"},
		{"UTC", "2026-03-01T15:04:00Z", "15:04", chat.StatusAt, "2026-03-02T15:04:00Z"},
		{"UTC", "2026-12-31T23:59:30Z", "23:59", chat.StatusAt, "2027-01-01T23:59:00Z"},
		{"Asia/Tokyo", "2026-03-01T16:00:00Z", "00:30", chat.StatusAt, "2026-03-03T00:30:00+09:00"},
		{"Asia/Kathmandu", "2026-03-01T12:00:00Z", "18:00", chat.StatusAt, "2026-03-01T18:00:00+05:45"},
		{"nowhere", "2026-03-01T12:00:00Z", "15:00", chat.StatusAt, "2026-03-01T15:00:00Z"},
		// In Berlin clocks go from 2:00 to 3:00, and from 3:00 to 2:00.
		{"Europe/Berlin", "2026-03-28T22:00:00Z", "", chat.StatusToday, "2026-03-29T00:00:00+01:00"},
		{"Europe/Berlin", "2026-03-29T12:00:00Z", "", chat.StatusToday, "2026-03-30T00:00:00+02:00"},
		{"Europe/Berlin", "2026-03-28T23:30:00Z", "04:00", chat.StatusAt, "2026-03-29T04:00:00+02:00"},
		{"Europe/Berlin", "2026-03-28T23:30:00Z", "20:00", chat.StatusAt, "2026-03-29T20:00:00+02:00"},
		{"Europe/Berlin", "2026-03-28T23:30:00Z", "02:30", chat.StatusAt, "2026-03-29T03:30:00+02:00"},
		{"Europe/Berlin", "2026-03-29T00:45:00Z", "02:30", chat.StatusAt, "2026-03-29T03:30:00+02:00"},
		{"Europe/Berlin", "2026-03-29T01:45:00Z", "02:30", chat.StatusAt, "2026-03-30T02:30:00+02:00"},
		{"Europe/Berlin", "2026-10-24T23:00:00Z", "02:30", chat.StatusAt, "2026-10-25T02:30:00+02:00"},
		{"Europe/Berlin", "2026-10-25T00:45:00Z", "02:30", chat.StatusAt, "2026-10-25T02:30:00+01:00"},
		{"Europe/Berlin", "2026-10-25T01:45:00Z", "02:30", chat.StatusAt, "2026-10-26T02:30:00+01:00"},
		{"Europe/Berlin", "2026-10-24T20:00:00Z", "20:00", chat.StatusAt, "2026-10-25T20:00:00+01:00"},
		{"Europe/Berlin", "2026-10-24T18:30:00Z", "20:00", chat.StatusAt, "2026-10-25T20:00:00+01:00"},
		{"Europe/Berlin", "2026-10-24T20:00:00Z", "23:00", chat.StatusAt, "2026-10-24T23:00:00+02:00"},
		// In Santiago there is a day without a midnight, in Lord Howe half an hour.
		{"America/Santiago", "2026-09-06T02:00:00Z", "", chat.StatusToday, "2026-09-06T01:00:00-03:00"},
		{"America/Santiago", "2026-09-06T03:30:00Z", "", chat.StatusToday, "2026-09-06T01:00:00-03:00"},
		{"Australia/Lord_Howe", "2026-04-04T14:50:00Z", "01:45", chat.StatusAt, "2026-04-05T01:45:00+10:30"},
	} {
		now := value[time.Time](t)(time.Parse(time.RFC3339, c.now))
		person := w.Person(t, "")
		person.TimeZone = c.zone
		w.Clock.Advance(now.Sub(w.Clock.Now()))
		must(t, w.Chat.SaveStatus(t.Context(), person, chat.StatusInput{Text: "x", Ends: c.ends, At: c.at}))
		got := value[chat.Status](t)(w.Chat.Status(t.Context(), person)).Until
		if c.want == "" {
			if got != nil {
				t.Errorf("%+v: %v", c, got)
			}
			continue
		}
		if want := value[time.Time](t)(time.Parse(time.RFC3339, c.want)); got == nil || !got.Equal(want) {
			t.Errorf("%+v: %v", c, got)
		}
	}
	if ends := chat.StatusEnds(); len(ends) != 6 || ends[0] != chat.StatusStays {
		t.Errorf("offered are %v", ends)
	}
}

func TestWriting(t *testing.T) {
	t.Parallel()
	readers := func(t *testing.T, w *chattest.World, person chat.Viewer, id chat.ID) []chat.ID {
		t.Helper()
		writing := value[chat.Writing](t)(w.Chat.Writing(t.Context(), person.ID, id))
		if writing.Card != person.Card {
			t.Errorf("it says %+v", writing.Card)
		}
		slices.SortFunc(writing.Readers, func(a, b chat.ID) int { return slices.Compare(a[:], b[:]) })
		return writing.Readers
	}
	check := func(t *testing.T, w *chattest.World, about string, person chat.Viewer, id chat.ID, want ...chat.Viewer) {
		t.Helper()
		var ids []chat.ID
		for _, reader := range want {
			ids = append(ids, reader.ID)
		}
		slices.SortFunc(ids, func(a, b chat.ID) int { return slices.Compare(a[:], b[:]) })
		if got := readers(t, w, person, id); !slices.Equal(got, ids) {
			t.Errorf("%s: %s is shown to %v, not %v", about, person.Username, got, ids)
		}
	}
	types := func(t *testing.T, w *chattest.World, viewer chat.Viewer, choices chat.PresenceChoices) {
		t.Helper()
		choices.Presence, choices.LastSeen = chat.CircleNobody, chat.CircleNobody // which has nothing to do with it
		must(t, w.Chat.SavePresenceChoices(t.Context(), viewer, choices))
	}

	t.Run("all others in a conversation see it, and nobody else", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben, cleo, eve := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Cleo"), w.Person(t, "Eve")
		group := w.Group(t, "Garden", anna, ben, cleo)
		check(t, w, "a group", anna, group, ben, cleo)
		check(t, w, "a group", ben, group, anna, cleo)
		talk := w.Direct(t, anna, ben)
		check(t, w, "before the first word", anna, talk, ben)
		check(t, w, "notes", anna, w.Direct(t, anna, anna))
		for _, id := range []chat.ID{group, talk, chat.NewID()} {
			_, err := w.Chat.Writing(t.Context(), eve.ID, id)
			notFound(t, err)
		}
		w.Remove(t, group, cleo)
		check(t, w, "without who has left", anna, group, ben)
		_, err := w.Chat.Writing(t.Context(), cleo.ID, group)
		notFound(t, err)
	})

	t.Run("who hides theirs, or is invisible, neither shows it nor sees it", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben, cleo := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Cleo")
		group := w.Group(t, "Garden", anna, ben, cleo)
		for about, hidden := range map[string]chat.PresenceChoices{"hides": {}, "invisible": {Typing: true, Invisible: true}} {
			types(t, w, ben, chat.PresenceChoices{Typing: true})
			check(t, w, "before", anna, group, ben, cleo)
			check(t, w, "before", ben, group, anna, cleo)
			types(t, w, ben, hidden)
			check(t, w, about, anna, group, cleo)
			check(t, w, about, ben, group)
			check(t, w, about, cleo, group, anna)
		}
	})

	t.Run("a block parts both, in a group and between the two", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben, cleo := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Cleo")
		group, talk := w.Group(t, "Garden", anna, ben, cleo), w.Direct(t, anna, ben)
		for _, by := range [][2]chat.Viewer{{anna, ben}, {ben, anna}} {
			check(t, w, "before", anna, group, ben, cleo)
			check(t, w, "before", anna, talk, ben)
			must(t, w.Chat.BlockPerson(t.Context(), by[0], by[1].ID))
			check(t, w, "blocked", anna, group, cleo)
			check(t, w, "blocked", ben, group, cleo)
			check(t, w, "blocked", cleo, group, anna, ben)
			check(t, w, "blocked", anna, talk)
			check(t, w, "blocked", ben, talk)
			must(t, w.Chat.UnblockPerson(t.Context(), by[0], by[1].ID))
		}
		check(t, w, "after", anna, talk, ben)
	})

	t.Run("nobody sees it where somebody is asked, or where no new messages are possible", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben, cleo := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Cleo")
		reaches(t, w, anna, chat.CircleNobody)
		ask := func(by chat.Viewer) chat.ID {
			id := w.Direct(t, by, anna)
			check(t, w, "asked, without a word", by, id)
			w.Say(t, by, id, "hello")
			check(t, w, "asked", by, id)
			check(t, w, "asked", anna, id)
			return id
		}
		accepted, declined := ask(ben), ask(cleo)
		must(t, w.Chat.AcceptRequest(t.Context(), anna, accepted))
		check(t, w, "accepted", ben, accepted, anna)
		check(t, w, "accepted", anna, accepted, ben)
		must(t, w.Chat.DeclineRequest(t.Context(), anna, declined))
		check(t, w, "declined", cleo, declined)
		check(t, w, "declined", anna, declined)
		w.Exec(t, "UPDATE members SET closed = true WHERE conversation_id = $1", accepted)
		check(t, w, "closed", ben, accepted)
	})

	t.Run("a suspended account neither shows it nor sees it", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben, cleo := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Cleo")
		group := w.Group(t, "Garden", anna, ben, cleo)
		check(t, w, "before", anna, group, ben, cleo)
		suspend(t, w, ben)
		check(t, w, "suspended", anna, group, cleo)
		check(t, w, "suspended", ben, group)
	})

	t.Run("in a group where members do not write it is shown of those alone who do", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		group := w.Group(t, "Garden", anna, ben)
		check(t, w, "before", ben, group, anna)
		w.Exec(t, "UPDATE conversations SET who_writes = 'administrators' WHERE id = $1", group)
		check(t, w, "who may not", ben, group)
		check(t, w, "who may", anna, group, ben)
	})

	t.Run("in a larger group it is shown to nobody", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		group := w.Group(t, "Garden", anna, ben)
		for size, want := range map[int][]chat.Viewer{chat.MaxTyping: {ben}, chat.MaxTyping + 1: nil} {
			w.Exec(t, "UPDATE conversations SET member_count = $2 WHERE id = $1", group, size)
			check(t, w, "its size", anna, group, want...)
		}
	})
}
