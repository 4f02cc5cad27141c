//go:build unix

package chat_test

import (
	"fmt"
	"slices"
	"testing"

	"parley/chat"
	"parley/chat/chattest"
)

func seqs(messages []chat.Message) (seqs []int64) {
	for _, m := range messages {
		seqs = append(seqs, m.Seq)
	}
	return seqs
}

func upTo(from, to int64) (seqs []int64) {
	for seq := from; seq <= to; seq++ {
		seqs = append(seqs, seq)
	}
	return seqs
}

func TestOpenConversation(t *testing.T) {
	t.Parallel()
	w := chattest.New(t)
	anna, ben, stranger := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Stranger")
	id := w.Direct(t, anna, ben)
	var sent []chat.Message
	for i := range 130 {
		sent = append(sent, w.Say(t, []chat.Viewer{anna, ben}[i%2], id, fmt.Sprint("Message ", i+1)))
	}
	open := func(t *testing.T, place chat.Place) chat.ConversationPage {
		t.Helper()
		return value[chat.ConversationPage](t)(w.Chat.OpenConversation(t.Context(), anna, id, place))
	}

	t.Run("a page holds the newest 50, as they were sent, and the counters of the same moment", func(t *testing.T) {
		t.Parallel()
		page := open(t, chat.Place{})
		if got := seqs(page.Messages); !slices.Equal(got, upTo(81, 130)) || !page.HasOlder || page.HasNewer {
			t.Errorf("got %v, %v, %v", got, page.HasOlder, page.HasNewer)
		}
		for i, m := range page.Messages {
			if m != sent[80+i] {
				t.Errorf("got %+v instead of %+v", m, sent[80+i])
			}
		}
		if page.ID != id || page.MsgSeq != 130 || page.ChangeSeq != 130 || page.Unread != 65 || page.Member.PersonID != anna.ID || page.Member.ConversationID != id {
			t.Errorf("got %+v", page.Conversation)
		}
		if epoch := value[string](t)(w.Chat.Epoch(t.Context())); page.Epoch != epoch || len(epoch) < 36 {
			t.Errorf("the epoch is %s, the page's %s", epoch, page.Epoch)
		}
	})

	for name, c := range map[string]struct {
		place        chat.Place
		from, to     int64
		older, newer bool
	}{
		"before a message":          {chat.Place{Before: 81}, 31, 80, true, true},
		"before the first 50":       {chat.Place{Before: 51}, 1, 50, false, true},
		"before the 51st":           {chat.Place{Before: 52}, 2, 51, true, true},
		"before the end":            {chat.Place{Before: 131}, 81, 130, true, false},
		"before the first":          {chat.Place{Before: 1}, 1, 0, false, true},
		"after a message":           {chat.Place{After: 50}, 51, 100, true, true},
		"after the 80th":            {chat.Place{After: 80}, 81, 130, true, false},
		"after the 79th":            {chat.Place{After: 79}, 80, 129, true, true},
		"after the last":            {chat.Place{After: 130}, 1, 0, true, false},
		"before wins over after":    {chat.Place{Before: 10, After: 100}, 1, 9, false, true},
		"what is negative is not":   {chat.Place{Before: -5, After: -5}, 81, 130, true, false},
		"around one in the middle":  {chat.Place{Around: sent[65-1].ID}, 41, 90, true, true},
		"around the 25th":           {chat.Place{Around: sent[25-1].ID}, 1, 50, false, true},
		"around the 26th":           {chat.Place{Around: sent[26-1].ID}, 2, 51, true, true},
		"around the first":          {chat.Place{Around: sent[0].ID}, 1, 26, false, true},
		"around the last but 25":    {chat.Place{Around: sent[105-1].ID}, 81, 130, true, false},
		"around the last but 26":    {chat.Place{Around: sent[104-1].ID}, 80, 129, true, true},
		"around the last":           {chat.Place{Around: sent[130-1].ID}, 106, 130, true, false},
		"around wins over the rest": {chat.Place{Around: sent[0].ID, Before: 100, After: 100}, 1, 26, false, true},
	} {
		t.Run("a page "+name, func(t *testing.T) {
			t.Parallel()
			page := open(t, c.place)
			if got := seqs(page.Messages); !slices.Equal(got, upTo(c.from, c.to)) || page.HasOlder != c.older || page.HasNewer != c.newer || page.Around != c.place.Around {
				t.Errorf("got %v, older: %v, newer: %v", got, page.HasOlder, page.HasNewer)
			}
		})
	}

	t.Run("what is not there, not yours, or in another conversation looks the same", func(t *testing.T) {
		t.Parallel()
		elsewhere := w.Direct(t, anna, anna)
		message := w.Say(t, anna, elsewhere, "Milk")
		for name, c := range map[string]struct {
			viewer chat.Viewer
			id     chat.ID
			place  chat.Place
		}{
			"a stranger":                              {stranger, id, chat.Place{}},
			"a stranger around a message of it":       {stranger, id, chat.Place{Around: sent[3].ID}},
			"no such conversation":                    {anna, chat.NewID(), chat.Place{}},
			"around a message of another one":         {anna, id, chat.Place{Around: message.ID}},
			"around no message":                       {anna, id, chat.Place{Around: chat.NewID()}},
			"another's note around a message of ours": {ben, elsewhere, chat.Place{Around: sent[3].ID}},
		} {
			page, err := w.Chat.OpenConversation(t.Context(), c.viewer, c.id, c.place)
			if notFound(t, err); t.Failed() {
				t.Fatalf("%s: %+v", name, page)
			}
		}
		_, err := w.Chat.Membership(t.Context(), stranger, id)
		notFound(t, err)
		_, err = w.Chat.Membership(t.Context(), anna, chat.NewID())
		notFound(t, err)
		if member := value[chat.Member](t)(w.Chat.Membership(t.Context(), anna, id)); member.PersonID != anna.ID || member.ConversationID != id {
			t.Errorf("got %+v", member)
		}
	})
}

// TestPlaces compares every place in small conversations with what a list of the visible messages says.
func TestPlaces(t *testing.T) {
	t.Parallel()
	const limit = 4
	for name, c := range map[string]struct {
		change  string // of the viewer's member row, or of messages
		visible []int64
	}{
		"somebody from the beginning":            {"", upTo(1, 10)},
		"somebody who joined in the middle":      {"UPDATE members SET from_seq = 6", upTo(7, 10)},
		"somebody who joined at the end":         {"UPDATE members SET from_seq = 10", nil},
		"somebody removed in the middle":         {"UPDATE members SET until_change = 6", upTo(1, 6)},
		"somebody there only in the middle":      {"UPDATE members SET from_seq = 2, until_change = 6", upTo(3, 6)},
		"somebody removed before the beginning":  {"UPDATE members SET until_change = 0", nil},
		"somebody removed before changes to old": {"UPDATE members SET until_change = 8; UPDATE messages SET change_seq = seq + 10 WHERE seq IN (1, 4, 5, 8)", []int64{2, 3, 6, 7}},
		"nobody has written":                     {"DELETE FROM messages; UPDATE conversations SET msg_seq = 0, change_seq = 0", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := chattest.New(t)
			anna := w.Person(t, "Anna")
			id := w.Direct(t, anna, anna)
			var sent []chat.ID
			for range 10 {
				sent = append(sent, w.Say(t, anna, id, "x").ID)
			}
			w.Exec(t, c.change+";")

			checkPlaces(t, w, anna, id, limit, sent, c.visible)
		})
	}
}

// checkPlaces compares every place in a conversation with what a list of the visible messages says. sent are the ids of
// all messages, by seq.
func checkPlaces(
	t *testing.T, w *chattest.World, viewer chat.Viewer, id chat.ID, limit int, sent []chat.ID, visible []int64,
) {
	t.Helper()
	check := func(what string, place chat.Place, want []int64, older, newer bool) {
		t.Helper()
		page, err := w.Store.ConversationPage(t.Context(), viewer.ID, id, place, limit)
		if got := seqs(page.Messages); err != nil || !slices.Equal(got, want) || page.HasOlder != older || page.HasNewer != newer {
			t.Errorf("%s: got %v, older: %v, newer: %v, %v; not %v, %v, %v", what, got, page.HasOlder, page.HasNewer, err, want, older, newer)
		}
		for _, m := range page.Messages {
			if !page.Member.Sees(m) {
				t.Errorf("%s: %d is said to be hidden", what, m.Seq)
			}
		}
	}
	split := func(at int64) (before, from []int64) {
		n, _ := slices.BinarySearch(visible, at)
		return visible[:n], visible[n:]
	}
	last := func(seqs []int64, n int) []int64 { return seqs[max(0, len(seqs)-n):] }
	first := func(seqs []int64, n int) []int64 { return seqs[:min(len(seqs), n)] }

	check("the end", chat.Place{}, last(visible, limit), len(visible) > limit, false)
	for at := int64(1); at <= int64(len(sent))+2; at++ {
		before, from := split(at)
		check(fmt.Sprint("before ", at), chat.Place{Before: at}, last(before, limit), len(before) > limit, len(from) > 0)
		upTo, after := split(at + 1)
		check(fmt.Sprint("after ", at), chat.Place{After: at}, first(after, limit), len(upTo) > 0, len(after) > limit)
		if at > int64(len(sent)) {
			continue
		}
		place := chat.Place{Around: sent[at-1]}
		if !slices.Contains(visible, at) {
			_, err := w.Store.ConversationPage(t.Context(), viewer.ID, id, place, limit)
			notFound(t, err)
			continue
		}
		want := slices.Concat(last(before, limit/2-1), []int64{at}, first(after, limit/2))
		check(fmt.Sprint("around ", at), place, want, len(before) > limit/2-1, len(after) > limit/2)
	}
}
