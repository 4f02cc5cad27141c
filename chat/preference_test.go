//go:build unix

package chat_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"parley/chat"
	"parley/chat/chattest"
)

// choose is Choose that must not fail.
func choose(t *testing.T, w *chattest.World, viewer chat.Viewer, id chat.ID, choices chat.Choices) {
	t.Helper()
	must(t, w.Chat.Choose(t.Context(), viewer, id, choices))
}

// listed are somebody's list and archive, page by page.
func listed(t *testing.T, w *chattest.World, viewer chat.Viewer) (list, archive []chat.ID) {
	t.Helper()
	all := func(page func(before *chat.ListRow) (chat.ListPage, error)) (ids []chat.ID) {
		for before := (*chat.ListRow)(nil); ; {
			p := value[chat.ListPage](t)(page(before))
			for _, row := range p.Rows {
				ids = append(ids, row.ConversationID)
				before = &row
			}
			if !p.HasMore {
				return ids
			}
		}
	}
	list = all(func(before *chat.ListRow) (chat.ListPage, error) { return w.Chat.List(t.Context(), viewer, before) })
	archive = all(func(before *chat.ListRow) (chat.ListPage, error) { return w.Chat.Archive(t.Context(), viewer, before) })
	if p := value[chat.ListPage](t)(w.Chat.List(t.Context(), viewer, nil)); p.Archived != len(archive) {
		t.Errorf("%d are said to be archived, and %d are", p.Archived, len(archive))
	}
	return list, archive
}

// row is a conversation in somebody's list or archive.
func row(t *testing.T, w *chattest.World, viewer chat.Viewer, id chat.ID) chat.ListRow {
	t.Helper()
	for _, page := range []chat.ListPage{
		value[chat.ListPage](t)(w.Chat.List(t.Context(), viewer, nil)), value[chat.ListPage](t)(w.Chat.Archive(t.Context(), viewer, nil)),
	} {
		if i := slices.IndexFunc(page.Rows, func(r chat.ListRow) bool { return r.ConversationID == id }); i >= 0 {
			return page.Rows[i]
		}
	}
	t.Fatal("it is listed nowhere")
	return chat.ListRow{}
}

func TestChoicesOfFormerMembers(t *testing.T) {
	t.Parallel()
	quiet, notify, yes := chat.QuietAlways, chat.NotifyNothing, true
	choices := map[string]chat.Choices{
		"quiet": {Quiet: &quiet}, "notify": {Notify: &notify}, "quiet, with what may be chosen": {Quiet: &quiet, Pinned: &yes},
	}
	for name, choice := range choices {
		t.Run("who is in the group no more cannot choose "+name, func(t *testing.T) {
			t.Parallel()
			c := newCrew(t, chat.GroupSettings{})
			gone := c.leaver(t)
			for _, viewer := range []chat.Viewer{c.former, gone} {
				before := stored(t, c.World)
				c.Heard()
				refused(t, c.Chat.Choose(t.Context(), viewer, c.id, choice), chat.KindForbidden, chat.CodeNotMember)
				if heard := c.Heard(); stored(t, c.World) != before || len(heard) != 0 {
					t.Errorf("something has changed; heard %v", heard)
				}
				choose(t, c.World, viewer, c.id, chat.Choices{Pinned: &yes, Archived: &yes})
				if d := value[chat.Details](t)(c.Chat.Details(t.Context(), viewer, c.id)); !d.Pinned || !d.Archived {
					t.Errorf("got %+v", d)
				}
			}
			choose(t, c.World, c.member, c.id, choice)
			notFound(t, c.Chat.Choose(t.Context(), c.stranger, c.id, choice))
		})
	}
}

func TestQuiet(t *testing.T) {
	t.Parallel()

	// All of these lie in the future: by the database's clock, what is over is not quiet.
	for name, c := range map[string]struct {
		now, zone string
		quiet     chat.Quiet
		want      string // in UTC
	}{
		"an hour": {"2031-02-28T23:30:00Z", "Europe/Berlin", chat.QuietHour, "2031-03-01T00:30:00Z"},
		"an hour, while the clock is put forward": {"2031-03-30T00:30:00Z", "Europe/Berlin", chat.QuietHour, "2031-03-30T01:30:00Z"},
		"for good":                                      {"2031-02-28T23:30:00Z", "Europe/Berlin", chat.QuietAlways, "9999-01-01T00:00:00Z"},
		"until tomorrow":                                {"2031-06-10T14:00:00Z", "UTC", chat.QuietTomorrow, "2031-06-11T08:00:00Z"},
		"until tomorrow, in the evening":                {"2031-01-10T22:59:59Z", "Europe/Berlin", chat.QuietTomorrow, "2031-01-11T07:00:00Z"},
		"until tomorrow, after midnight there":          {"2031-01-10T23:00:00Z", "Europe/Berlin", chat.QuietTomorrow, "2031-01-12T07:00:00Z"},
		"until tomorrow, where it is still yesterday":   {"2031-01-11T02:00:00Z", "America/New_York", chat.QuietTomorrow, "2031-01-11T13:00:00Z"},
		"until tomorrow, where it is tomorrow":          {"2031-01-10T12:00:00Z", "Pacific/Auckland", chat.QuietTomorrow, "2031-01-11T19:00:00Z"},
		"until tomorrow, by a quarter of an hour":       {"2031-01-10T18:20:00Z", "Asia/Kathmandu", chat.QuietTomorrow, "2031-01-12T02:15:00Z"},
		"until tomorrow, a night of 23 hours":           {"2031-03-29T21:00:00Z", "Europe/Berlin", chat.QuietTomorrow, "2031-03-30T06:00:00Z"},
		"until tomorrow, a night of 25 hours":           {"2031-10-25T20:00:00Z", "Europe/Berlin", chat.QuietTomorrow, "2031-10-26T07:00:00Z"},
		"until tomorrow, in New York's shorter night":   {"2031-03-09T03:00:00Z", "America/New_York", chat.QuietTomorrow, "2031-03-09T12:00:00Z"},
		"until tomorrow, on the last day of the month":  {"2032-02-29T12:00:00Z", "UTC", chat.QuietTomorrow, "2032-03-01T08:00:00Z"},
		"until tomorrow, on the last day of the year":   {"2031-12-31T12:00:00Z", "UTC", chat.QuietTomorrow, "2032-01-01T08:00:00Z"},
		"until tomorrow, in a zone that nobody knows":   {"2031-06-10T14:00:00Z", "Middle/Earth", chat.QuietTomorrow, "2031-06-11T08:00:00Z"},
		"until tomorrow, early, is not this morning":    {"2031-06-10T05:00:00Z", "UTC", chat.QuietTomorrow, "2031-06-11T08:00:00Z"},
		"until tomorrow, in the zone that was not said": {"2031-06-10T14:00:00Z", "", chat.QuietTomorrow, "2031-06-11T08:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := chattest.New(t)
			anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
			id := w.Direct(t, anna, ben)
			now, err := time.Parse(time.RFC3339, c.now)
			must(t, err)
			w.Clock.Advance(now.Sub(w.Clock.Now()))
			anna.TimeZone = c.zone
			choose(t, w, anna, id, chat.Choices{Quiet: &c.quiet})
			until := chattest.Value[time.Time](t, w, "SELECT quiet_until FROM members WHERE person_id = $1", anna.ID)
			if got := until.UTC().Format(time.RFC3339); got != c.want {
				t.Errorf("until %s, not %s", got, c.want)
			}
			if !row(t, w, anna, id).Quiet {
				t.Error("it is not quiet")
			}
			if n := chattest.Value[int](t, w, "SELECT count(*) FROM members WHERE quiet_until IS NOT NULL"); n != 1 {
				t.Error("it is quiet for the other too")
			}
		})
	}

	t.Run("what is quiet counts in no total while it is, and has its own number still", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		id, other := w.Direct(t, anna, ben), w.Group(t, "Garden", ben, anna)
		w.Say(t, ben, id, "Hello")
		w.Say(t, ben, other, "Hello")
		totals := func(viewer chat.Viewer, want int) {
			t.Helper()
			list := value[chat.ListPage](t)(w.Chat.List(t.Context(), viewer, nil)).UnreadTotal
			archive := value[chat.ListPage](t)(w.Chat.Archive(t.Context(), viewer, nil)).UnreadTotal
			all := value[map[chat.ID]chat.ListTotals](t)(w.Chat.ListTotals(t.Context(), []chat.ID{viewer.ID}))[viewer.ID].Unread
			if list != want || archive != want || all != want {
				t.Errorf("of the totals %d, %d and %d are not %d", list, archive, all, want)
			}
		}
		totals(anna, 2)
		w.Clock.Advance(20 * 365 * 24 * time.Hour)
		w.Heard()
		choose(t, w, anna, id, chat.Choices{Quiet: new(chat.QuietHour)})
		heard := w.Heard()
		if len(heard) != 1 {
			t.Fatalf("heard %v", heard)
		}
		if e, ok := heard[0].(chat.PositionsMoved); !ok || e.PersonID != anna.ID || !slices.Equal(e.Conversations, []chat.ID{id}) {
			t.Errorf("heard %v", heard)
		}
		totals(anna, 1)
		if r := row(t, w, anna, id); r.Unread != 1 || !r.Quiet {
			t.Errorf("got %+v", r)
		}
		if r := row(t, w, anna, other); r.Quiet {
			t.Error("the other conversation is quiet too")
		}
		choose(t, w, anna, id, chat.Choices{Quiet: new(chat.QuietOff)})
		totals(anna, 2)
		if r := row(t, w, anna, id); r.Quiet {
			t.Errorf("got %+v", r)
		}
		choose(t, w, anna, id, chat.Choices{Quiet: new(chat.QuietAlways)})
		totals(anna, 1)
		w.Exec(t, "UPDATE members SET quiet_until = now() WHERE quiet_until IS NOT NULL")
		totals(anna, 2) // it is over by itself
		if r := row(t, w, anna, id); r.Quiet {
			t.Errorf("got %+v", r)
		}
	})
}

func TestPinned(t *testing.T) {
	t.Parallel()

	t.Run("what is pinned comes first, and the rest as it was", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		var ids []chat.ID
		for i := range 5 {
			ids = append(ids, w.Group(t, fmt.Sprint(i), anna, ben))
			w.Say(t, ben, ids[i], "x")
		}
		order := func(viewer chat.Viewer, want ...int) {
			t.Helper()
			list, _ := listed(t, w, viewer)
			for i, id := range list {
				if id != ids[want[i]] {
					t.Errorf("in place %d stands another one", i)
				}
			}
		}
		order(anna, 4, 3, 2, 1, 0)
		choose(t, w, anna, ids[0], chat.Choices{Pinned: new(true)})
		choose(t, w, anna, ids[2], chat.Choices{Pinned: new(true)})
		order(anna, 2, 0, 4, 3, 1)
		order(ben, 4, 3, 2, 1, 0)
		if !row(t, w, anna, ids[0]).Pinned || row(t, w, anna, ids[1]).Pinned || row(t, w, ben, ids[0]).Pinned {
			t.Error("others are pinned")
		}
		w.Say(t, ben, ids[0], "x")
		w.Say(t, ben, ids[1], "x")
		order(anna, 0, 2, 1, 4, 3)
		choose(t, w, anna, ids[0], chat.Choices{Pinned: new(false)})
		choose(t, w, anna, ids[1], chat.Choices{Pinned: new(false)})
		order(anna, 2, 1, 0, 4, 3)
		// Pinned again it is pinned no later.
		at := chattest.Value[time.Time](t, w, "SELECT pinned_at FROM members WHERE pinned_at IS NOT NULL")
		choose(t, w, anna, ids[2], chat.Choices{Pinned: new(true)})
		if again := chattest.Value[time.Time](t, w, "SELECT pinned_at FROM members WHERE pinned_at IS NOT NULL"); !again.Equal(at) {
			t.Errorf("at %v and at %v", at, again)
		}
	})

	t.Run("page by page all are listed once, wherever the pins end", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
		var want []chat.ID
		for i := range 9 {
			want = append(want, w.Group(t, fmt.Sprint(i), anna, ben))
		}
		// Some have been active at the same moment.
		w.Exec(t, "UPDATE conversations SET last_activity_at = date_trunc('hour', now()) + interval '1 day' * (length(name) + (name::int / 3))")
		w.Exec(t, "UPDATE members m SET pinned_at = now(), archived_seq = CASE WHEN c.name::int % 4 = 3 THEN 0 END FROM conversations c WHERE c.id = m.conversation_id AND c.name::int % 2 = 1 AND m.person_id = $1", anna.ID)
		slices.Reverse(want)
		pinned := func(id chat.ID) bool { return row(t, w, anna, id).Pinned }
		slices.SortStableFunc(want, func(a, b chat.ID) int {
			switch {
			case pinned(a) == pinned(b):
				return 0
			case pinned(a):
				return -1
			}
			return 1
		})
		for away, of := range map[bool]int{false: 7, true: 2} {
			var whole []chat.ID
			for _, id := range want {
				if row(t, w, anna, id).Archived == away {
					whole = append(whole, id)
				}
			}
			if len(whole) != of {
				t.Fatalf("premise: %d", len(whole))
			}
			for limit := 1; limit <= 8; limit++ {
				var got []chat.ID
				for before := (*chat.ListRow)(nil); ; {
					p := value[chat.ListPage](t)(w.Store.List(t.Context(), anna.ID, away, before, limit))
					for _, r := range p.Rows {
						got = append(got, r.ConversationID)
						before = &r
					}
					if p.Archived != 2 || p.UnreadTotal != 0 {
						t.Errorf("got %+v", p)
					}
					if !p.HasMore {
						break
					}
				}
				if !slices.Equal(got, whole) {
					t.Errorf("%d a page, archived: %v: got %v, not %v", limit, away, got, whole)
				}
			}
		}
	})
}

func TestArchived(t *testing.T) {
	t.Parallel()
	type world struct {
		*chattest.World
		anna, ben chat.Viewer
		id, other chat.ID
	}
	start := func(t *testing.T) *world {
		t.Helper()
		w := &world{World: chattest.New(t)}
		w.anna, w.ben = w.Person(t, "Anna"), w.Person(t, "Ben")
		w.id = value[chat.ID](t)(w.Chat.CreateGroup(t.Context(), w.ben, chat.GroupSettings{Name: "Garden"}, []chat.ID{w.anna.ID}))
		w.other = w.Direct(t, w.anna, w.ben)
		w.Say(t, w.ben, w.id, "one")
		w.Say(t, w.ben, w.other, "one")
		return w
	}
	// away fails the test unless the group stands in the archive (or not), and counts in no total (or does).
	away := func(t *testing.T, w *world, viewer chat.Viewer, want bool) {
		t.Helper()
		list, archive := listed(t, w.World, viewer)
		if slices.Contains(archive, w.id) != want || slices.Contains(list, w.id) == want || row(t, w.World, viewer, w.id).Archived != want {
			t.Errorf("the list is %v, the archive %v", list, archive)
		}
		rows := value[[]chat.ListRow](t)(w.Chat.RowsOf(t.Context(), []chat.ID{w.id}, nil, []chat.ID{viewer.ID}))
		i := slices.IndexFunc(rows, func(r chat.ListRow) bool { return r.PersonID == viewer.ID })
		if rows[i].Archived != want {
			t.Errorf("pushed is %+v", rows[i])
		}
		unread, archived := 0, 0
		for _, id := range []chat.ID{w.id, w.other} {
			r := row(t, w.World, viewer, id)
			if r.Unread > 0 && !r.Archived && !r.Quiet {
				unread++
			}
			if r.Archived {
				archived++
			}
		}
		page := value[chat.ListPage](t)(w.Chat.List(t.Context(), viewer, nil))
		totals := value[map[chat.ID]chat.ListTotals](t)(w.Chat.ListTotals(t.Context(), []chat.ID{viewer.ID}))
		pushed := value[map[chat.ID]chat.ListPage](t)(w.Chat.Lists(t.Context(), []chat.ID{viewer.ID}))[viewer.ID]
		for _, total := range []chat.ListTotals{
			{Unread: page.UnreadTotal, Archived: page.Archived}, {Unread: pushed.UnreadTotal, Archived: pushed.Archived}, totals[viewer.ID],
		} {
			if total.Of = nil; total != (chat.ListTotals{Unread: unread, Archived: archived}) {
				t.Errorf("of the totals %+v are not %d and %d", total, unread, archived)
			}
		}
	}

	t.Run("what is archived is out of the list and of the total until somebody writes", func(t *testing.T) {
		t.Parallel()
		w := start(t)
		away(t, w, w.anna, false)
		choose(t, w.World, w.anna, w.id, chat.Choices{Archived: new(true)})
		away(t, w, w.anna, true)
		away(t, w, w.ben, false)
		if page := value[chat.ListPage](t)(w.Chat.List(t.Context(), w.anna, nil)); page.UnreadTotal != 1 {
			t.Errorf("%d", page.UnreadTotal)
		}
		w.Say(t, w.ben, w.other, "two")
		away(t, w, w.anna, true)
		w.Say(t, w.ben, w.id, "two")
		away(t, w, w.anna, false)
		if page := value[chat.ListPage](t)(w.Chat.List(t.Context(), w.anna, nil)); page.UnreadTotal != 2 || page.Rows[0].ConversationID != w.id {
			t.Errorf("got %+v", page)
		}
		choose(t, w.World, w.anna, w.id, chat.Choices{Archived: new(true)})
		away(t, w, w.anna, true)
		choose(t, w.World, w.anna, w.id, chat.Choices{Archived: new(false)})
		away(t, w, w.anna, false)
	})

	t.Run("where all is archived the list is empty and its totals hold", func(t *testing.T) {
		t.Parallel()
		w := start(t)
		for _, id := range []chat.ID{w.id, w.other} {
			choose(t, w.World, w.anna, id, chat.Choices{Archived: new(true)})
		}
		away(t, w, w.anna, true)
		lists := value[map[chat.ID]chat.ListPage](t)(w.Chat.Lists(t.Context(), []chat.ID{w.ben.ID, w.anna.ID, w.Person(t, "").ID}))
		if anna, ben := lists[w.anna.ID], lists[w.ben.ID]; len(lists) != 3 || len(anna.Rows) != 0 || anna.Archived != 2 || len(ben.Rows) != 2 || ben.Archived != 0 {
			t.Errorf("got %+v", lists)
		}
	})

	t.Run("one's own message brings it back too", func(t *testing.T) {
		t.Parallel()
		w := start(t)
		choose(t, w.World, w.anna, w.id, chat.Choices{Archived: new(true)})
		away(t, w, w.anna, true)
		w.Say(t, w.anna, w.id, "two")
		away(t, w, w.anna, false)
	})

	t.Run("what happens in a group does not bring it back, what is said afterwards does", func(t *testing.T) {
		t.Parallel()
		w := start(t)
		choose(t, w.World, w.anna, w.id, chat.Choices{Archived: new(true)})
		for range 3 {
			must(t, w.Chat.AddMembers(t.Context(), w.ben, w.id, []chat.ID{w.Person(t, "").ID}))
		}
		away(t, w, w.anna, true)
		w.Say(t, w.ben, w.id, "two")
		away(t, w, w.anna, false)
		must(t, w.Chat.AddMembers(t.Context(), w.ben, w.id, []chat.ID{w.Person(t, "").ID}))
		away(t, w, w.anna, false)
	})

	t.Run("while it is quiet nothing brings it back, and afterwards what was said does", func(t *testing.T) {
		t.Parallel()
		w := start(t)
		choose(t, w.World, w.anna, w.id, chat.Choices{Archived: new(true), Quiet: new(chat.QuietAlways)})
		w.Say(t, w.ben, w.id, "two")
		away(t, w, w.anna, true)
		choose(t, w.World, w.anna, w.id, chat.Choices{Quiet: new(chat.QuietOff)})
		away(t, w, w.anna, false)
	})

	t.Run("who left finds it in the archive for good, whatever is said there", func(t *testing.T) {
		t.Parallel()
		w := start(t)
		must(t, w.Chat.LeaveGroup(t.Context(), w.anna, w.id))
		away(t, w, w.anna, false)
		choose(t, w.World, w.anna, w.id, chat.Choices{Archived: new(true)})
		away(t, w, w.anna, true)
		w.Say(t, w.ben, w.id, "two")
		away(t, w, w.anna, true)
		choose(t, w.World, w.anna, w.id, chat.Choices{Archived: new(false)})
		away(t, w, w.anna, false)
		must(t, w.Chat.AddMembers(t.Context(), w.ben, w.id, []chat.ID{w.anna.ID}))
		away(t, w, w.anna, false)
	})

	t.Run("what was archived when its owner left stays so, whatever is said there", func(t *testing.T) {
		t.Parallel()
		w := start(t)
		choose(t, w.World, w.anna, w.id, chat.Choices{Archived: new(true)})
		must(t, w.Chat.RemoveMember(t.Context(), w.ben, w.id, w.anna.ID))
		away(t, w, w.anna, true)
		w.Say(t, w.ben, w.id, "two")
		away(t, w, w.anna, true)
	})
}

func TestChoose(t *testing.T) {
	t.Parallel()

	t.Run("what is not chosen stays as it is", func(t *testing.T) {
		t.Parallel()
		c := newCrew(t, chat.GroupSettings{})
		state := func() string {
			t.Helper()
			return chattest.Value[string](t, c.World, `
				SELECT concat_ws(' ', pinned_at IS NOT NULL, archived_seq, quiet_until > now(), notify) FROM members
				WHERE person_id = $1 AND conversation_id = $2`, c.member.ID, c.id)
		}
		if got := state(); got != "f all" {
			t.Fatalf("premise: %s", got)
		}
		for _, step := range []struct {
			choices chat.Choices
			want    string
		}{
			{chat.Choices{}, "f all"},
			{chat.Choices{Notify: new(chat.NotifyMentions)}, "f mentions"},
			{chat.Choices{Pinned: new(true)}, "t mentions"},
			{chat.Choices{Quiet: new(chat.QuietAlways)}, "t t mentions"},
			{chat.Choices{Archived: new(true)}, "t 3 t mentions"},
			{chat.Choices{}, "t 3 t mentions"},
			{chat.Choices{Notify: new(chat.NotifyNothing), Pinned: new(false)}, "f 3 t nothing"},
			{chat.Choices{Quiet: new(chat.QuietOff), Archived: new(false), Notify: new(chat.NotifyAll)}, "f all"},
		} {
			choose(t, c.World, c.member, c.id, step.choices)
			if got := state(); got != step.want {
				t.Errorf("it is %s, not %s", got, step.want)
			}
		}
		if n := chattest.Value[int](t, c.World, "SELECT count(*) FROM members WHERE pinned_at IS NOT NULL OR notify <> 'all'"); n != 0 {
			t.Error("somebody else's have changed")
		}
	})

	t.Run("what there is not to choose is refused, and a stranger has nothing to choose", func(t *testing.T) {
		t.Parallel()
		c := newCrew(t, chat.GroupSettings{})
		before := stored(t, c.World)
		got := wrong(t, c.Chat.Choose(t.Context(), c.member, c.id, chat.Choices{Quiet: new(chat.Quiet("a while")), Notify: new(chat.Notify("some")), Pinned: new(true)}))
		if got["quiet"] != chat.CodeChoice || got["notify"] != chat.CodeChoice || len(got) != 2 {
			t.Errorf("got %v", got)
		}
		notFound(t, c.Chat.Choose(t.Context(), c.stranger, c.id, chat.Choices{Pinned: new(true)}))
		notFound(t, c.Chat.Choose(t.Context(), c.member, chat.NewID(), chat.Choices{Pinned: new(true)}))
		if stored(t, c.World) != before || len(c.Heard()) != 0 {
			t.Error("something has changed")
		}
		choose(t, c.World, c.member, c.id, chat.Choices{Quiet: new(chat.QuietAlways), Notify: new(chat.NotifyMentions), Pinned: new(true)})
		choose(t, c.World, c.former, c.id, chat.Choices{Pinned: new(true)})
		if r := row(t, c.World, c.former, c.id); !r.Pinned || !r.Past {
			t.Errorf("got %+v", r)
		}
	})
}
