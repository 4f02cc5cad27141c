// Package demo makes up a world for designers, screenshots and load tests: people of many languages, their conversations,
// and what they say. It is pure: the same settings give the same world, ids included, and nothing is read but the
// settings. The world comes out as plain values, one conversation after the other, so that a large one needs little
// memory; package db writes it down.
package demo

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math/rand/v2"
	"time"

	"parley/chat"
)

// Settings say how much there is to be, and which of all worlds it is.
type Settings struct {
	People        int // the first is the one to log in as, see Username
	Conversations int // about a quarter of them groups
	Messages      int
	Seed          uint64
	// Now is when the world ends: nobody has said anything later. Only times depend on it.
	Now time.Time
	// TimeZone is where the first person lives; empty means UTC.
	TimeZone string
}

// Username is the name of the first person, an administrator, who has the most varied list of conversations.
const Username = "demo"

// Password is everybody's, where a server is for one's own eyes only.
const Password = "welcome-to-parley"

// World is a made-up world, complete but for the words.
type World struct {
	settings Settings
	zone     *time.Location // of the first person
	people   []person
	plans    []plan
}

// New settles who there is and who talks with whom. It fails where the settings contradict each other.
func New(settings Settings) (*World, error) {
	if settings.TimeZone == "" {
		settings.TimeZone = time.UTC.String()
	}
	zone, err := time.LoadLocation(settings.TimeZone)
	if err != nil {
		return nil, err
	}
	w := &World{settings: settings, zone: zone}
	if err := w.possible(); err != nil {
		return nil, err
	}
	w.people = w.makePeople(w.rand(streamPeople))
	w.plans = w.makePlans(w.rand(streamPlans))
	return w, nil
}

func (w *World) possible() error {
	s := w.settings
	switch most := mostConversations(s.People); {
	case s.People < 2:
		return fmt.Errorf("%d people cannot talk: at least 2 are needed", s.People)
	case s.Conversations < 1:
		return fmt.Errorf("%d conversations: at least 1 is needed", s.Conversations)
	case s.Conversations > most:
		return fmt.Errorf("%d people can have %d conversations at most, not %d", s.People, most, s.Conversations)
	case s.Messages < groupsOf(s):
		return fmt.Errorf("%d messages: each of %d groups begins with one", s.Messages, groupsOf(s))
	}
	return nil
}

// People are those of the world, in the order in which they joined. The password is left to whoever writes them down.
func (w *World) People() iter.Seq[chat.Person] {
	return func(yield func(chat.Person) bool) {
		for i := range w.people {
			if !yield(w.people[i].Person) {
				return
			}
		}
	}
}

// Conversations are made one by one while the sequence is read.
func (w *World) Conversations() iter.Seq[Conversation] {
	return func(yield func(Conversation) bool) {
		for i := range w.plans {
			if !yield(w.conversation(i)) {
				return
			}
		}
	}
}

// Groups is the number of conversations that are groups.
func (w *World) Groups() int {
	n := 0
	for i := range w.plans {
		if w.plans[i].kind == chat.KindGroup {
			n++
		}
	}
	return n
}

// Settings are those the world was made by.
func (w *World) Settings() Settings { return w.settings }

// Each part of the world has its own stream of chance, so that parts do not depend on each other's order. The
// conversations' streams come after the last of these.
const (
	streamPeople = iota
	streamPlans
	streamConversations
)

func (w *World) rand(stream int) *rand.Rand {
	return rand.New(rand.NewPCG(w.settings.Seed, uint64(stream))) //nolint:gosec // Chance that can be repeated is the purpose; no secret comes of it.
}

// idEpoch is a moment in 2025: ids look like those of that time, whenever the world is made.
const idEpoch = 1_750_000_000_000

// orderedID is a UUID of version 7, as chat.NewID makes them, so that what is made together lies together in an index.
// Instead of a clock it counts.
func orderedID(r *rand.Rand, count int) chat.ID {
	id := randomID(r)
	var when [8]byte
	binary.BigEndian.PutUint64(when[:], uint64(idEpoch+count))
	copy(id[:6], when[2:])
	id[6] = id[6]&0x0f | 0x70
	return id
}

// randomID is a UUID of version 4, as browsers make them for the sends.
func randomID(r *rand.Rand) chat.ID {
	var id chat.ID
	binary.BigEndian.PutUint64(id[:8], r.Uint64())
	binary.BigEndian.PutUint64(id[8:], r.Uint64())
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}

// pick is any of the choices.
func pick[T any](r *rand.Rand, choices []T) T { return choices[r.IntN(len(choices))] }

// chance is true in so many of a hundred cases.
func chance(r *rand.Rand, percent int) bool { return r.IntN(100) < percent }
