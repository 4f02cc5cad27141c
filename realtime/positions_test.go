package realtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"parley/chat"
	"parley/chat/chattest"
)

// refusing is the real store, which refuses to write some positions, and counts how often it was asked.
type refusing struct {
	chat.Store
	refuses func(chat.Position) bool
	asked   int
}

func (s *refusing) UpdatePositions(
	ctx context.Context, positions []chat.Position,
) ([]chat.Move, []chat.ID, error) {
	s.asked++
	if s.refuses != nil && slices.ContainsFunc(positions, s.refuses) {
		return nil, nil, errors.New("refused on purpose")
	}
	return s.Store.UpdatePositions(ctx, positions)
}

func TestFlushPositions(t *testing.T) {
	t.Parallel()
	setUp := func(t *testing.T) (w *chattest.World, h *Hub, store *refusing, own chat.Position) {
		t.Helper()
		w = chattest.New(t)
		ana, ben := w.Person(t, "Ana"), w.Person(t, "Ben")
		conversation := w.Direct(t, ana, ben)
		w.Say(t, ana, conversation, "read me")
		store = &refusing{Store: w.Store}
		h = New(slog.New(slog.DiscardHandler), Timing{})
		h.chat = chat.New(store, h, chat.Settings{BcryptCost: 4})
		return w, h, store, chat.Position{PersonID: ben.ID, ConversationID: conversation, Delivered: 1, Read: 1}
	}
	stored := func(t *testing.T, w *chattest.World, p chat.Position) bool {
		t.Helper()
		return chattest.Value[int64](t, w, "SELECT read_seq FROM members WHERE conversation_id = $1 AND person_id = $2",
			p.ConversationID, p.PersonID) == p.Read
	}
	flood := func(h *Hub, person chat.ID, n int) {
		for range n {
			h.positions.put(chat.Position{PersonID: person, ConversationID: chat.NewID(), Read: 1})
		}
	}

	t.Run("however many foreign positions somebody says, others' own are written", func(t *testing.T) {
		t.Parallel()
		w, h, _, own := setUp(t)
		flood(h, chat.NewID(), 1_000_000)
		h.positions.put(own)
		began := time.Now()
		h.flushPositions(t.Context())
		if took := time.Since(began); !stored(t, w, own) || took > 2*time.Second {
			t.Errorf("stored: %v, after %v", stored(t, w, own), took)
		}
	})

	t.Run("a piece that cannot be written waits, and holds up no other", func(t *testing.T) {
		t.Parallel()
		w, h, store, own := setUp(t)
		foe := chat.NewID()
		store.refuses = func(p chat.Position) bool { return p.PersonID == foe }
		flood(h, chat.NewID(), positionsAtOnce-1) // with the real one a piece by itself
		h.positions.put(own)
		flood(h, foe, positionsAtOnce)
		h.flushPositions(t.Context())
		if !stored(t, w, own) || store.asked != 2 {
			t.Errorf("stored: %v, in %d pieces", stored(t, w, own), store.asked)
		}
		if waiting := h.positions.take(); len(waiting) != positionsAtOnce || !store.refuses(waiting[0]) {
			t.Errorf("%d wait", len(waiting))
		}
	})

	t.Run("where piece after piece fails the others are not tried, and all wait", func(t *testing.T) {
		t.Parallel()
		_, h, store, _ := setUp(t)
		store.refuses = func(chat.Position) bool { return true }
		for range 5 {
			flood(h, chat.NewID(), positionsWaiting)
		}
		h.flushPositions(t.Context())
		if waiting := h.positions.take(); len(waiting) != 5*positionsWaiting || store.asked != 2 {
			t.Errorf("%d wait after %d pieces", len(waiting), store.asked)
		}
	})
}

func TestPositionsOfOneConversation(t *testing.T) {
	t.Parallel()
	mark := func(n int64) *int64 { return &n }
	tests := map[string]struct {
		said []chat.Position // by pages of one person, before one write
		read int64           // by whom others may see it
		from int64           // behind which it is unread
	}{
		"the furthest counts": {
			[]chat.Position{{Delivered: 5, Read: 3, Marks: mark(1)}, {Delivered: 4, Read: 4, Marks: mark(1)}}, 4, 4,
		},
		"what the list got, before it knew of marks, does not undo what was read": {
			[]chat.Position{{Delivered: 2}, {Delivered: 2, Read: 2, Marks: mark(1)}}, 2, 2,
		},
		"nor after it": {
			[]chat.Position{{Delivered: 2, Read: 2, Marks: mark(1)}, {Delivered: 3}}, 2, 2,
		},
		"what was seen before the latest mark makes nothing read, and others may see it": {
			[]chat.Position{{Read: 5, Marks: mark(0)}, {Read: 4, Marks: mark(1)}}, 5, 4,
		},
		"nor when it is said after it": {
			[]chat.Position{{Read: 4, Marks: mark(1)}, {Read: 5, Marks: mark(0)}}, 5, 4,
		},
		"what a program says counts beside what a page does": {
			[]chat.Position{{Read: 5, Marks: mark(1)}, {Read: 3}}, 5, 5,
		},
		"whichever of them is further": {
			[]chat.Position{{Read: 3, Marks: mark(1)}, {Read: 5}}, 5, 5,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := chattest.New(t)
			ana, ben := w.Person(t, "Ana"), w.Person(t, "Ben")
			conversation := w.Direct(t, ana, ben)
			for range 5 {
				w.Say(t, ana, conversation, "read me")
			}
			if err := w.Chat.MarkUnread(t.Context(), ben, conversation, 1); err != nil {
				t.Fatal(err)
			}
			h := New(slog.New(slog.DiscardHandler), Timing{})
			h.chat = w.Chat
			for _, p := range tt.said {
				p.PersonID, p.ConversationID = ben.ID, conversation
				h.positions.put(p)
			}
			h.flushPositions(t.Context())
			got := chattest.Value[string](t, w, "SELECT concat(read_seq, ' ', unread_from) FROM members WHERE conversation_id = $1 AND person_id = $2",
				conversation, ben.ID)
			if want := fmt.Sprint(tt.read, tt.from); got != want {
				t.Errorf("read and unread from %s, want %s", got, want)
			}
		})
	}
}
