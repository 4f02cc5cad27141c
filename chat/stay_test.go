//go:build unix

package chat_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"parley/chat"
	"parley/chat/chattest"
)

// edit changes a message, which nobody can do yet.
func edit(t *testing.T, w *chattest.World, message chat.ID) {
	t.Helper()
	w.Exec(t, `
		WITH c AS (
			UPDATE conversations SET change_seq = change_seq + 1
			WHERE id = (SELECT conversation_id FROM messages WHERE id = $1) RETURNING change_seq
		)
		UPDATE messages SET body = 'edited', edited_at = now(), change_seq = c.change_seq FROM c WHERE id = $1`, message)
}

// bodies are what somebody reads at the end of a conversation; of an event its code.
func bodies(messages []chat.Message) (texts []string) {
	for _, m := range messages {
		if m.Event != nil {
			texts = append(texts, string(m.Event.Code))
			continue
		}
		texts = append(texts, m.Body)
	}
	return texts
}

func TestHistory(t *testing.T) {
	t.Parallel()
	for _, byLink := range []bool{false, true} {
		name := map[bool]string{false: "who is added", true: "who joins by a link"}[byLink]
		code := map[bool]string{false: "added", true: "joined"}[byLink]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCrew(t, chat.GroupSettings{})
			link := value[string](t)(c.Chat.MakeGroupLink(t.Context(), c.owner, c.id, 0, 0))
			enter := func() chat.Viewer {
				t.Helper()
				person := c.Person(t, "")
				if byLink {
					must(t, second(c.Chat.JoinGroup(t.Context(), person, link)))
				} else {
					must(t, c.Chat.AddMembers(t.Context(), c.owner, c.id, []chat.ID{person.ID}))
				}
				return person
			}
			set := func(history chat.History) {
				t.Helper()
				must(t, c.Chat.UpdateGroup(t.Context(), c.owner, c.id, chat.GroupSettings{Name: "Garden", History: history}))
			}
			sees := func(viewer chat.Viewer, want ...string) {
				t.Helper()
				p := page(t, c.World, viewer, c.id)
				if got := bodies(p.Messages); !slices.Equal(got, want) {
					t.Errorf("sees %v, not %v", got, want)
				}
				all := value[chat.Changes](t)(c.Chat.ChangesSince(t.Context(), c.id, 0, 100))
				var pushed []chat.Message
				for _, m := range all.Messages {
					if p.Member.Sees(m) {
						pushed = append(pushed, m)
					}
				}
				if got := bodies(pushed); !slices.Equal(got, want) {
					t.Errorf("is pushed %v, not %v", got, want)
				}
			}
			c.Say(t, c.owner, c.id, "one")
			everything := enter()
			set(chat.HistoryJoined)
			c.Say(t, c.owner, c.id, "two")
			fromThen := enter()
			c.Say(t, c.owner, c.id, "three")
			set(chat.HistoryAll)
			again := enter()

			all := []string{"created", "role", "removed", "one", code, "rules", "two", code, "three", "rules", code}
			sees(everything, all...)
			sees(again, all...)
			sees(fromThen, all[7:]...)
			sees(c.member, all...)
			for viewer, want := range map[*chat.Viewer]int{&everything: 2, &fromThen: 1, &again: 0} {
				if got := unread(t, c.World, *viewer, c.id); got != want {
					t.Errorf("%d are unread, not %d", got, want)
				}
				row := value[chat.ListPage](t)(c.Chat.List(t.Context(), *viewer, nil)).Rows[0]
				if row.Last == nil || row.Last.Event == nil || string(row.Last.Event.Code) != code || row.Past {
					t.Errorf("got %+v", row)
				}
			}
		})
	}

	t.Run("joining brings the group to the top of one's list", func(t *testing.T) {
		t.Parallel()
		c := newCrew(t, chat.GroupSettings{})
		other := c.Direct(t, c.stranger, c.owner)
		c.Say(t, c.owner, other, "Hello")
		must(t, c.Chat.AddMembers(t.Context(), c.owner, c.id, []chat.ID{c.stranger.ID}))
		if rows := value[chat.ListPage](t)(c.Chat.List(t.Context(), c.stranger, nil)).Rows; len(rows) != 2 || rows[0].ConversationID != c.id {
			t.Errorf("got %+v", rows)
		}
		// For who was in it already it stays where it was.
		if rows := value[chat.ListPage](t)(c.Chat.List(t.Context(), c.owner, nil)).Rows; len(rows) != 2 || rows[0].ConversationID != other {
			t.Errorf("got %+v", rows)
		}
	})
}

func TestFormerMember(t *testing.T) {
	t.Parallel()

	// everything is all that somebody can get of a group.
	type everything struct {
		Page        chat.ConversationPage
		Settings    chat.GroupSettings
		MemberCount int
		Member      chat.Member
		Membership  chat.Member
		List        chat.ListPage
		Archive     chat.ListPage
		Rows        []chat.ListRow
		Totals      map[chat.ID]chat.ListTotals
		Unread      int
	}
	get := func(t *testing.T, c *crew, viewer chat.Viewer) (all everything) {
		t.Helper()
		all.Page = page(t, c.World, viewer, c.id)
		all.Page.At = time.Time{}
		all.Settings, all.MemberCount, all.Member = details(t, c.World, viewer, c.id)
		all.Membership = value[chat.Member](t)(c.Chat.Membership(t.Context(), viewer, c.id))
		all.List = value[chat.ListPage](t)(c.Chat.List(t.Context(), viewer, nil))
		all.Archive = value[chat.ListPage](t)(c.Chat.Archive(t.Context(), viewer, nil))
		for _, row := range value[[]chat.ListRow](t)(c.Chat.RowsOf(t.Context(), []chat.ID{c.id}, nil, []chat.ID{viewer.ID})) {
			if row.PersonID == viewer.ID {
				all.Rows = append(all.Rows, row)
			}
		}
		all.Totals = value[map[chat.ID]chat.ListTotals](t)(c.Chat.ListTotals(t.Context(), []chat.ID{viewer.ID}))
		return all
	}

	for name, leave := range map[string]func(t *testing.T, c *crew) error{
		"left":        func(t *testing.T, c *crew) error { return c.Chat.LeaveGroup(t.Context(), c.member, c.id) },
		"was removed": func(t *testing.T, c *crew) error { return c.Chat.RemoveMember(t.Context(), c.admin, c.id, c.member.ID) },
	} {
		t.Run("who "+name+" learns nothing of what happens afterwards", func(t *testing.T) {
			t.Parallel()
			c := newCrew(t, chat.GroupSettings{Description: "Weeds"})
			for i := range 5 {
				c.Say(t, c.owner, c.id, fmt.Sprint(i))
			}
			if n := unread(t, c.World, c.member, c.id); n != 5 {
				t.Fatalf("premise: %d", n)
			}
			must(t, leave(t, c))
			gone := get(t, c, c.member)
			// They were there to see how it ended.
			last := gone.Page.Messages[len(gone.Page.Messages)-1]
			if last.Event == nil || last.Event.Subjects[0].ID != c.member.ID || !gone.Page.Member.Sees(last) || gone.Page.HasNewer {
				t.Fatalf("premise: %+v", last)
			}
			witness := get(t, c, c.owner)

			must(t, c.Chat.UpdateGroup(t.Context(), c.owner, c.id, chat.GroupSettings{
				Name: "Orchard", Description: "Trees", WhoAdds: chat.WhoAdministrators, WhoWrites: chat.WhoAdministrators, History: chat.HistoryJoined,
			}))
			must(t, c.Chat.AddMembers(t.Context(), c.owner, c.id, []chat.ID{c.stranger.ID, c.former.ID}))
			for range 200 {
				c.Say(t, c.owner, c.id, "secret")
			}
			must(t, c.Chat.LeaveGroup(t.Context(), c.stranger, c.id))
			must(t, c.Chat.MarkRead(t.Context(), c.member, chat.Position{ConversationID: c.id, Read: 1 << 40}))

			if now := get(t, c, c.owner); reflect.DeepEqual(now, witness) {
				t.Error("premise: the owner sees no difference")
			}
			if now := get(t, c, c.member); !reflect.DeepEqual(now, gone) {
				t.Errorf("it was\n%+v\nand is\n%+v", gone, now)
			}
			row := gone.List.Rows[0]
			if !row.Past || row.Name != "Garden" || row.Unread != 0 || len(gone.List.Rows) != 1 || gone.Page.Unread != 0 || len(gone.Totals) != 0 {
				t.Errorf("got %+v", row)
			}
			if gone.Page.Name != "Garden" || gone.Settings.Name != "Garden" || gone.Settings.Description != "" || gone.Page.Group.Description != "" {
				t.Errorf("got %+v, %+v", gone.Settings, gone.Page.Group)
			}
			if rows := value[[]chat.ListRow](t)(c.Chat.RowsOf(t.Context(), []chat.ID{c.id}, []chat.ID{c.member.ID, c.owner.ID}, nil)); slices.ContainsFunc(rows, func(r chat.ListRow) bool { return r.PersonID == c.member.ID }) {
				t.Error("is pushed a row unasked")
			}
		})
	}

	t.Run("what is edited afterwards is not seen any more, and the rest is", func(t *testing.T) {
		t.Parallel()
		c := newCrew(t, chat.GroupSettings{})
		c.Exec(t, "DELETE FROM messages")
		c.Exec(t, "UPDATE conversations SET msg_seq = 0, change_seq = 0")
		first := c.Say(t, c.owner, c.id, "first")
		last := c.Say(t, c.owner, c.id, "last")
		c.Remove(t, c.id, c.member) // without an event, so that a message is the last
		list := func() *chat.LastMessage {
			t.Helper()
			row := value[chat.ListPage](t)(c.Chat.List(t.Context(), c.member, nil)).Rows[0]
			rows := value[[]chat.ListRow](t)(c.Chat.RowsOf(t.Context(), []chat.ID{c.id}, nil, []chat.ID{c.member.ID}))
			i := slices.IndexFunc(rows, func(r chat.ListRow) bool { return r.PersonID == c.member.ID })
			if !reflect.DeepEqual(rows[i], row) {
				t.Errorf("pushed is %+v, not %+v", rows[i], row)
			}
			return row.Last
		}
		if got := list(); got == nil || got.Body != "last" {
			t.Fatalf("premise: %+v", got)
		}
		edit(t, c.World, first.ID)
		if got := bodies(page(t, c.World, c.member, c.id).Messages); !slices.Equal(got, []string{"last"}) {
			t.Errorf("sees %v", got)
		}
		edit(t, c.World, last.ID)
		if got := bodies(page(t, c.World, c.member, c.id).Messages); len(got) != 0 {
			t.Errorf("sees %v", got)
		}
		if got := list(); got != nil {
			t.Errorf("the list says %+v", got)
		}
		if got := bodies(page(t, c.World, c.owner, c.id).Messages); !slices.Equal(got, []string{"edited", "edited"}) {
			t.Errorf("the owner sees %v", got)
		}
	})

	t.Run("what was begun is gone, and somebody else's is not", func(t *testing.T) {
		t.Parallel()
		c := newCrew(t, chat.GroupSettings{})
		other := c.Direct(t, c.member, c.owner)
		must(t, c.Chat.SaveDraft(t.Context(), c.member, c.id, "begun"))
		must(t, c.Chat.SaveDraft(t.Context(), c.member, other, "elsewhere"))
		must(t, c.Chat.SaveDraft(t.Context(), c.admin, c.id, "not theirs"))
		draft := func(viewer chat.Viewer, id chat.ID) string {
			t.Helper()
			p := page(t, c.World, viewer, id)
			for _, row := range value[chat.ListPage](t)(c.Chat.List(t.Context(), viewer, nil)).Rows {
				if row.ConversationID == id && row.Draft != p.Member.Draft {
					t.Errorf("the list says %q, the page %q", row.Draft, p.Member.Draft)
				}
			}
			return p.Member.Draft
		}
		if got := draft(c.member, c.id); got != "begun" {
			t.Fatalf("premise: %q", got)
		}
		must(t, c.Chat.LeaveGroup(t.Context(), c.member, c.id))
		if got := draft(c.member, c.id) + draft(c.member, other) + draft(c.admin, c.id); got != "elsewherenot theirs" {
			t.Errorf("got %q", got)
		}
		notFound(t, c.Chat.SaveDraft(t.Context(), c.member, c.id, "more"))
		// One that was on its way while its author left is not shown either.
		c.Exec(t, "INSERT INTO drafts (person_id, conversation_id, body) VALUES ($1, $2, 'late')", c.member.ID, c.id)
		if got := draft(c.member, c.id); got != "" {
			t.Errorf("got %q", got)
		}
	})

	t.Run("who comes back starts where the group is, with the same choices", func(t *testing.T) {
		t.Parallel()
		c := newCrew(t, chat.GroupSettings{})
		must(t, c.Chat.Choose(t.Context(), c.member, c.id, chat.Choices{
			Pinned: new(true), Archived: new(true), Quiet: new(chat.QuietAlways), Notify: new(chat.NotifyNothing),
		}))
		c.Say(t, c.owner, c.id, "one")
		must(t, c.Chat.LeaveGroup(t.Context(), c.member, c.id))
		c.Say(t, c.owner, c.id, "two")
		c.Exec(t, "UPDATE members SET muted_until = now() + interval '1 hour' WHERE person_id = $1", c.member.ID)
		must(t, c.Chat.AddMembers(t.Context(), c.owner, c.id, []chat.ID{c.member.ID}))
		list := value[chat.ListPage](t)(c.Chat.List(t.Context(), c.member, nil))
		if len(list.Rows) != 1 || !list.Rows[0].Pinned || !list.Rows[0].Quiet || list.Rows[0].Archived || list.Rows[0].Past || list.Rows[0].Name != "Garden" {
			t.Errorf("got %+v", list.Rows)
		}
		if got := unread(t, c.World, c.member, c.id); got != 0 {
			t.Errorf("%d are unread", got)
		}
		// It is as if they had come now: to the top of their list, and with a new date among the members.
		other := c.Direct(t, c.member, c.owner)
		activity := func(id chat.ID) time.Time { t.Helper(); return row(t, c.World, c.member, id).ActivityAt }
		if back := chattest.Value[time.Time](t, c.World, "SELECT joined_at FROM members WHERE person_id = $1 AND conversation_id = $2", c.member.ID, c.id); !activity(c.id).Equal(back) {
			t.Errorf("active at %v, came back at %v", activity(c.id), back)
		}
		members := value[chat.MembersPage](t)(c.Chat.Members(t.Context(), c.owner, c.id, "mia", "")).Members
		if first := value[chat.MembersPage](t)(c.Chat.Members(t.Context(), c.owner, c.id, "adam", "")).Members[0]; len(members) != 1 || !members[0].JoinedAt.After(first.JoinedAt) {
			t.Errorf("got %+v", members)
		}
		w := c.World
		w.Say(t, c.owner, other, "Hello")
		if message := w.Say(t, c.owner, c.id, "three"); !activity(c.id).Equal(message.CreatedAt) || !activity(c.id).After(activity(other)) {
			t.Errorf("active at %v", activity(c.id))
		}
		// Coming back ends nobody's punishment.
		refused(t, second(send(t, c.World, c.member, c.id, "Hello")), chat.KindForbidden, chat.CodeClosed)
	})
}

// TestStays lets somebody come and go while all sorts of things happen, and compares what is seen in every way of seeing
// with what two rules say: a message is seen if some stay began before it and did not end before its latest change; the
// stays are those that the history setting of the moment makes.
func TestStays(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			s := &stayer{crew: newCrew(t, chat.GroupSettings{}), t: t, dice: rand.New(rand.NewPCG(seed, 1)), history: chat.HistoryAll}
			s.link = value[string](t)(s.Chat.MakeGroupLink(t.Context(), s.owner, s.id, 0, 0))
			s.stays = []span{{from: 0}} // from the beginning on, as c.member
			s.in, s.read = true, 1
			for range 45 {
				s.step()
			}
			s.check()
			if s.left == 0 {
				t.Error("premise: never left")
			}
			t.Logf("%d messages, left %d times, edited %d in absence and %d while there; in the end %d stays", len(s.sent), s.left, s.edited[0], s.edited[1], len(s.stays))
		})
	}
}

type span struct{ from, until int64 } // until 0: not over

type stayer struct {
	*crew
	t       *testing.T
	dice    *rand.Rand
	history chat.History
	link    string

	in      bool
	removed bool // at the end of the last stay
	stays   []span
	end     [2]int64 // where the conversation stood, for who has left
	read    int64    // where the unread ones begin
	left    int
	edited  [2]int
	sent    []chat.Message        // as they are now, by seq
	knew    map[int64]chat.Member // the member as it was at a change
}

// look reads all there is, past every rule.
func (s *stayer) look() (head [2]int64) {
	s.t.Helper()
	changes := value[chat.Changes](s.t)(s.Chat.ChangesSince(s.t.Context(), s.id, 0, 1000))
	slices.SortFunc(changes.Messages, func(a, b chat.Message) int { return int(a.Seq - b.Seq) })
	s.sent = changes.Messages
	return [2]int64{int64(len(s.sent)), changes.Head}
}

func (s *stayer) step() {
	s.t.Helper()
	ctx := context.WithoutCancel(s.t.Context())
	head := s.look()
	switch n := s.dice.IntN(20); {
	case n < 5:
		s.Say(s.t, s.owner, s.id, "by the owner")
	case n < 7 && s.in:
		s.Say(s.t, s.member, s.id, "by the member")
	case n < 11:
		message := s.sent[s.dice.IntN(len(s.sent))]
		edit(s.t, s.World, message.ID)
		if s.dice.IntN(4) == 0 {
			s.Exec(s.t, "UPDATE messages SET deleted_at = now() WHERE id = $1", message.ID)
		}
		if s.in {
			s.edited[1]++
		} else {
			s.edited[0]++
		}
	case n < 14:
		s.history = map[chat.History]chat.History{chat.HistoryAll: chat.HistoryJoined, chat.HistoryJoined: chat.HistoryAll}[s.history]
		if s.dice.IntN(3) > 0 {
			s.history = chat.HistoryJoined // else there would never be several stays
		}
		must(s.t, s.Chat.UpdateGroup(ctx, s.owner, s.id, chat.GroupSettings{Name: "Garden", History: s.history}))
	case s.in:
		if n%2 == 0 {
			must(s.t, s.Chat.LeaveGroup(ctx, s.member, s.id))
			s.removed = false
		} else {
			s.removed = true
			must(s.t, s.Chat.RemoveMember(ctx, s.owner, s.id, s.member.ID))
		}
		s.in, s.left = false, s.left+1
		s.end = s.look()
		s.stays[len(s.stays)-1].until = s.end[1]
		s.check()
	default:
		if s.removed {
			noLink(s.t, second(s.Chat.JoinGroup(ctx, s.member, s.link)))
		}
		if n%2 == 0 || s.removed {
			must(s.t, s.Chat.AddMembers(ctx, s.admin, s.id, []chat.ID{s.member.ID}))
		} else {
			must(s.t, second(s.Chat.JoinGroup(ctx, s.member, s.link)))
		}
		s.in, s.read = true, head[0]
		if s.history == chat.HistoryAll {
			s.stays, head[0] = nil, 0
		}
		s.stays = append(s.stays, span{from: head[0]})
		s.check()
	}
}

// check compares everything with the rule.
func (s *stayer) check() {
	t := s.t
	t.Helper()
	head := s.look()
	var visible []int64
	unread := 0
	ids := make([]chat.ID, len(s.sent))
	member := value[chat.Member](t)(s.Chat.Membership(t.Context(), s.member, s.id))
	s.checkMoved(head[1], member)
	for i, m := range s.sent {
		ids[i] = m.ID
		sees := slices.ContainsFunc(s.stays, func(stay span) bool {
			return m.Seq > stay.from && (stay.until == 0 || m.ChangeSeq <= stay.until)
		})
		if sees {
			visible = append(visible, m.Seq)
		}
		if member.Sees(m) != sees {
			t.Errorf("message %d, change %d, stays %v: is pushed: %v", m.Seq, m.ChangeSeq, s.stays, !sees)
		}
		if s.in && m.Seq > s.read && m.Kind == chat.MessageText && m.DeletedAt == nil && m.Author.ID != s.member.ID {
			unread++
		}
	}
	checkPlaces(t, s.World, s.member, s.id, 6, ids, visible)

	p := page(t, s.World, s.member, s.id)
	list := value[chat.ListPage](t)(s.Chat.List(t.Context(), s.member, nil))
	totals := value[map[chat.ID]chat.ListTotals](t)(s.Chat.ListTotals(t.Context(), []chat.ID{s.member.ID}))
	if len(list.Rows) != 1 || p.Unread != unread || list.Rows[0].Unread != unread || list.UnreadTotal != min(unread, 1) || totals[s.member.ID].Unread != min(unread, 1) {
		t.Errorf("unread is %d in the page, %+v in the list, %v in all; not %d", p.Unread, list, totals, unread)
	}
	row, end := list.Rows[0], head
	if !s.in {
		end = s.end
	}
	if p.MsgSeq != end[0] || p.ChangeSeq != end[1] || row.ChangeSeq != end[1] || row.Past == s.in || p.Member.Present() != s.in {
		t.Errorf("the page ends at %d, %d, the row at %d; not at %v", p.MsgSeq, p.ChangeSeq, row.ChangeSeq, end)
	}
	// The last line is the conversation's end, or nothing.
	if n := len(visible); n > 0 && visible[n-1] == end[0] {
		if last := s.sent[end[0]-1]; row.Last == nil || row.Last.AuthorID != last.Author.ID || !row.Last.At.Equal(last.CreatedAt) || row.Last.Deleted != (last.DeletedAt != nil) {
			t.Errorf("the row says %+v, not %+v", row.Last, last)
		}
	} else if row.Last != nil {
		t.Errorf("the row says %+v", row.Last)
	}
}

// checkMoved holds that a feed learns with the changes of whatever it must not go on showing: who knows the member as it
// was at an earlier change is told of the present one, or that one sees all that the earlier one would.
func (s *stayer) checkMoved(head int64, member chat.Member) {
	s.t.Helper()
	if s.knew == nil {
		s.knew = map[int64]chat.Member{}
	}
	s.knew[head] = member
	for at, known := range s.knew {
		changes := value[chat.Changes](s.t)(s.Chat.ChangesSince(s.t.Context(), s.id, at, 1000))
		if now, moved := changes.Moved[s.member.ID]; moved {
			if !now.SeesLike(member) {
				s.t.Errorf("since %d: told of %+v, it is %+v", at, now, member)
			}
			continue
		}
		for _, m := range changes.Messages {
			if known.Sees(m) && !member.Sees(m) {
				s.t.Errorf("since %d: nothing is told, and message %d, change %d, would be shown", at, m.Seq, m.ChangeSeq)
			}
		}
	}
	mine, changes, err := s.Chat.ChangesFor(s.t.Context(), s.member, s.id, 0, 1000)
	if err != nil || !mine.SeesLike(member) || changes.Head != head || (len(changes.Messages) == 0) == s.in {
		s.t.Errorf("for the member: %+v, %d of %d, %v", mine, len(changes.Messages), changes.Head, err)
	}
}
