package realtime_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"parley/chat"
)

func TestFeed(t *testing.T) {
	t.Parallel()

	t.Run("both ends of a conversation get a message, once, and an outsider hears nothing", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		eve := n.Person(t, "Eve")
		pageOfAna, pageOfBen, pageOfEve := n.connect(t, ana), n.connect(t, ben), n.connect(t, eve)
		pageOfAna.follow(n.page(t, ana, conversation))
		pageOfBen.follow(n.page(t, ben, conversation))
		pageOfEve.open(chat.ConversationPage{Conversation: chat.Conversation{ID: conversation}})
		pageOfEve.next("closed")

		sent := n.say(t, ana, conversation, "Is this the new one?")
		for _, p := range []*page{pageOfAna, pageOfBen} {
			g := p.next("changes")
			if g.From != sent.ChangeSeq-1 || g.To != sent.ChangeSeq || g.Conversation != conversation.String() {
				t.Errorf("span %d to %d of %s", g.From, g.To, g.Conversation)
			}
			if texts := g.texts(t); !slices.Equal(texts, []string{"Is this the new one?"}) {
				t.Errorf("texts %q", texts)
			}
		}
		// Something that does reach the outsider marks the end of the wait.
		n.Direct(t, eve, ben)
		own := n.note(t, eve)
		n.say(t, eve, own, "to myself")
		pageOfEve.none("rows", "changes", "resumed", "reset")
	})

	t.Run("the author gets a bubble of their own, the other one of somebody else's", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		pageOfAna, pageOfBen := n.connect(t, ana), n.connect(t, ben)
		pageOfAna.follow(n.page(t, ana, conversation))
		pageOfBen.follow(n.page(t, ben, conversation))
		message := n.say(t, ana, conversation, "mine")
		mine, theirs := pageOfAna.next("changes").HTML, pageOfBen.next("changes").HTML
		if !strings.Contains(mine, "message--mine") || !strings.Contains(mine, message.ClientID.String()) {
			t.Errorf("the author got %s", mine)
		}
		if strings.Contains(theirs, "message--mine") || strings.Contains(theirs, message.ClientID.String()) {
			t.Errorf("the other got %s", theirs)
		}
	})

	t.Run("a page that comes back gets what it missed, in order", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		n.say(t, ana, conversation, "before")
		at := n.page(t, ben, conversation)
		n.say(t, ana, conversation, "one")
		n.say(t, ana, conversation, "two")
		p := n.connect(t, ben)
		p.open(at)
		g := p.next("changes")
		if texts := g.texts(t); !slices.Equal(texts, []string{"one", "two"}) || g.From != at.ChangeSeq || g.To != at.ChangeSeq+2 {
			t.Errorf("%d to %d: %q", g.From, g.To, texts)
		}
		if g := p.next("resumed"); g.To != at.ChangeSeq+2 {
			t.Errorf("resumed at %d", g.To)
		}
	})

	t.Run("an up-to-date page gets no changes on opening", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		n.say(t, ana, conversation, "seen")
		p := n.connect(t, ben)
		p.open(n.page(t, ben, conversation))
		p.none("resumed", "changes", "reset")
	})

	t.Run("nothing is missed or doubled while many write and pages come and go", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		const each, writers = 25, 8
		at := n.page(t, ben, conversation)
		steady := n.connect(t, ben)
		steady.follow(at)
		var writing sync.WaitGroup
		for w := range writers {
			writing.Go(func() {
				by := []chat.Viewer{ana, ben}[w%2]
				for i := range each {
					n.say(t, by, conversation, fmt.Sprintf("%d-%d", w, i))
				}
			})
		}
		// One page comes again and again, each time from where it was.
		cursor, seen := at, map[string]int{}
		for cursor.ChangeSeq < at.ChangeSeq+each*writers {
			p := n.connect(t, ben)
			p.open(cursor)
			for range 3 {
				g := p.until("changes", func(g got) bool { return g.To > cursor.ChangeSeq })
				if g.From > cursor.ChangeSeq {
					t.Fatalf("a span from %d at cursor %d", g.From, cursor.ChangeSeq)
				}
				for _, text := range g.texts(t) {
					seen[text]++
				}
				if cursor.ChangeSeq = g.To; g.To >= at.ChangeSeq+each*writers {
					break
				}
			}
			_ = p.conn.Close()
		}
		writing.Wait()
		var order []string
		for position := at.ChangeSeq; position < at.ChangeSeq+each*writers; {
			g := steady.next("changes")
			if g.From > position {
				t.Fatalf("a hole: from %d at %d", g.From, position)
			}
			position = max(position, g.To)
			order = append(order, g.texts(t)...)
		}
		if len(order) != each*writers || len(seen) != each*writers {
			t.Errorf("the steady page got %d, the restless one %d of %d", len(order), len(seen), each*writers)
		}
		var stored []string
		if err := n.DB.Pool().QueryRow(t.Context(),
			`SELECT array_agg(body ORDER BY seq) FROM messages WHERE conversation_id = $1`, conversation).Scan(&stored); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(order, stored) {
			t.Errorf("the order is not the database's")
		}
	})

	t.Run("leaving ends the pushing", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		p := n.connect(t, ben)
		p.follow(n.page(t, ben, conversation))
		p.write(map[string]any{"type": "leave"})
		p.open(n.page(t, ben, n.note(t, ben))) // answered after the leave was
		p.next("resumed")
		n.say(t, ana, conversation, "gone")
		p.none("rows", "changes")
	})

	t.Run("opening another conversation leaves the first", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		note := n.note(t, ben)
		p := n.connect(t, ben)
		p.follow(n.page(t, ben, conversation))
		p.follow(n.page(t, ben, note))
		n.say(t, ana, conversation, "elsewhere")
		n.say(t, ben, note, "here")
		if g := p.next("changes"); g.Conversation != note.String() {
			t.Errorf("changes of %s", g.Conversation)
		}
	})
}

func TestManyOpens(t *testing.T) {
	t.Parallel()

	t.Run("of a burst of opens the last one stands", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		_, ben, conversation := n.pair(t)
		note := n.note(t, ben)
		at, elsewhere := n.page(t, ben, conversation), n.page(t, ben, note)
		const rounds, burst = 20, 8
		for round := range rounds {
			p := n.connect(t, ben)
			for i := range burst {
				p.open([]chat.ConversationPage{elsewhere, at}[i%2])
			}
			// Live or replayed, one way or the other it comes as long as the page is subscribed.
			p.until("resumed", func(g got) bool { return g.Conversation == conversation.String() })
			text := fmt.Sprintf("message %d", round)
			n.say(t, ben, conversation, text)
			p.until("changes", func(g got) bool { return strings.Contains(g.HTML, text) })
			_ = p.conn.Close()
			at = n.page(t, ben, conversation)
		}
	})

	t.Run("a change of rights in one conversation leaves the one alone that the page has gone on to", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		_, ben, conversation := n.pair(t)
		note := n.note(t, ben)
		p := n.connect(t, ben)
		p.follow(n.page(t, ben, conversation))
		n.exec(t, `DELETE FROM members WHERE conversation_id = $1 AND person_id = $2`, conversation, ben.ID)
		gone := make(chan struct{})
		n.store.onceAsked(func() { // that the membership is no more is known, and nothing has come of it yet
			defer close(gone)
			p.follow(n.page(t, ben, note))
		})
		n.raise(t, ben)
		<-gone
		for range 3 {
			n.say(t, ben, note, "still here")
			p.none("changes", "closed")
		}
	})
}

func TestReset(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*chat.ConversationPage){
		"a cursor of another history":             func(p *chat.ConversationPage) { p.Epoch = "elsewhere" },
		"a cursor from before a change of rights": func(p *chat.ConversationPage) { p.ViewSeq-- },
		"a cursor beyond the end":                 func(p *chat.ConversationPage) { p.ChangeSeq += 5 },
		"a negative cursor":                       func(p *chat.ConversationPage) { p.ChangeSeq = -1 },
	} {
		t.Run(name+" is void", func(t *testing.T) {
			t.Parallel()
			n := newNode(t, withoutSweep)
			ana, ben, conversation := n.pair(t)
			n.say(t, ana, conversation, "something")
			at := n.page(t, ben, conversation)
			p := n.connect(t, ben)
			p.follow(at) // the premise: as it is, the cursor holds
			spoil(&at)
			p.open(at)
			if g := p.next("reset"); g.Conversation != conversation.String() {
				t.Errorf("reset of %s", g.Conversation)
			}
			p.follow(n.page(t, ben, conversation))
		})
	}

	t.Run("more than 200 changes are better fetched anew, 200 are replayed", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		start := n.page(t, ben, conversation)
		first := n.say(t, ana, conversation, "0")
		for i := range chat.MaxReplayChanges {
			n.say(t, ana, conversation, fmt.Sprint(i+1))
		}
		p := n.connect(t, ben)
		p.open(start)
		p.next("reset")
		start.ChangeSeq = first.ChangeSeq
		p.open(start)
		if texts := p.next("changes").texts(t); len(texts) != chat.MaxReplayChanges {
			t.Errorf("%d replayed", len(texts))
		}
		p.next("resumed")
	})

	t.Run("more than 512 KiB are better fetched anew", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		start := n.page(t, ben, conversation)
		for range chat.MaxReplayBytes/chat.MaxBody + 1 {
			n.say(t, ana, conversation, strings.Repeat("x", chat.MaxBody))
		}
		p := n.connect(t, ben)
		p.open(start)
		p.next("reset")
	})

	t.Run("another epoch resets every open page", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, quick)
		_, ben, conversation := n.pair(t)
		p := n.connect(t, ben)
		p.follow(n.page(t, ben, conversation))
		n.exec(t, `UPDATE installation SET epoch = gen_random_uuid()`)
		p.next("reset")
		p.follow(n.page(t, ben, conversation))
	})

	t.Run("another epoch sends every list anew, and every name", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, quick)
		ana, ben, conversation := n.pair(t)
		n.say(t, ana, conversation, "kept")
		n.say(t, ana, conversation, "lost by the restore")
		p := n.connect(t, ben)
		if g := p.next("list"); g.rowOf(t, conversation).AttrOr("data-unread", "") != "2" {
			t.Fatalf("premise: %s", g.HTML)
		}
		n.exec(t, `DELETE FROM messages WHERE seq = 2`)
		n.exec(t, `UPDATE conversations SET msg_seq = 1, change_seq = 1`)
		n.exec(t, `UPDATE installation SET epoch = gen_random_uuid()`)
		epoch, err := n.Store.Epoch(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		g := p.until("list", func(g got) bool { return g.Epoch == epoch })
		row := g.rowOf(t, conversation)
		if row.AttrOr("data-unread", "") != "1" || row.AttrOr("data-change", "") != "1" || !strings.Contains(row.Text(), "kept") {
			t.Errorf("the row is %s", g.HTML)
		}
	})

	t.Run("what was edited and deleted reaches open pages, and those that come back", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		first, second := n.say(t, ana, conversation, "with a mistkae"), n.say(t, ana, conversation, "regretted")
		was := n.page(t, ben, conversation)
		open := n.connect(t, ben)
		open.follow(was)
		n.exec(t, `UPDATE messages SET change_seq = 3, edited_at = now(), body = 'without a mistake' WHERE id = $1`, first.ID)
		n.exec(t, `UPDATE messages SET change_seq = 4, deleted_at = now(), body = '' WHERE id = $1`, second.ID)
		n.exec(t, `UPDATE conversations SET change_seq = 4 WHERE id = $1`, conversation)
		n.hub.Publish(t.Context(), chat.ConversationChanged{ConversationID: conversation, ChangeSeq: 4})
		back := n.connect(t, ben)
		back.open(was)
		for name, p := range map[string]*page{"open": open, "back": back} {
			g := p.next("changes")
			document, err := goquery.NewDocumentFromReader(strings.NewReader(g.HTML))
			if err != nil {
				t.Fatal(err)
			}
			edited, deleted := document.Find("#m-"+first.ID.String()), document.Find("#m-"+second.ID.String())
			if g.From != 2 || g.To != 4 || edited.AttrOr("data-seq", "") != "1" || edited.AttrOr("data-change", "") != "3" ||
				!strings.Contains(edited.Text(), "without a mistake") || edited.Find("[data-edited]").Length() != 1 {
				t.Errorf("%s: from %d to %d, edited is %s", name, g.From, g.To, g.HTML)
			}
			if deleted.AttrOr("data-seq", "") != "2" || deleted.AttrOr("data-change", "") != "4" ||
				deleted.Find(".message__body--deleted").Length() != 1 || strings.Contains(g.HTML, "regretted") {
				t.Errorf("%s: deleted is %s", name, g.HTML)
			}
		}
	})

	t.Run("a history that became shorter resets the page", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		for i := range 3 {
			n.say(t, ana, conversation, fmt.Sprint(i))
		}
		p := n.connect(t, ben)
		p.follow(n.page(t, ben, conversation))
		n.exec(t, `DELETE FROM messages WHERE conversation_id = $1`, conversation)
		n.exec(t, `UPDATE conversations SET msg_seq = 0, change_seq = 0 WHERE id = $1`, conversation)
		n.hub.Publish(t.Context(), chat.ConversationChanged{ConversationID: conversation, ChangeSeq: 99})
		p.next("reset")
	})
}

func TestEntitlement(t *testing.T) {
	t.Parallel()

	t.Run("who is no member is told that it is closed, exactly as for what is not there", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		_, _, conversation := n.pair(t)
		p := n.connect(t, n.Person(t, "Eve"))
		for _, id := range []chat.ID{conversation, chat.NewID()} {
			p.open(chat.ConversationPage{Conversation: chat.Conversation{ID: id}})
			if g := p.next("closed"); g.Conversation != id.String() {
				t.Errorf("closed %s", g.Conversation)
			}
		}
	})

	t.Run("who loses the membership hears nothing more", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		p := n.connect(t, ben)
		p.follow(n.page(t, ben, conversation))
		n.exec(t, `DELETE FROM members WHERE conversation_id = $1 AND person_id = $2`, conversation, ben.ID)
		n.raise(t, ben)
		p.next("closed")
		n.say(t, ana, conversation, "behind closed doors")
		n.say(t, ben, n.note(t, ben), "a mark")
		p.none("rows", "changes")
	})

	t.Run("what a new page knows of a loss the person's other pages hear", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		p := n.connect(t, ben)
		p.follow(n.page(t, ben, conversation))
		n.exec(t, `DELETE FROM members WHERE conversation_id = $1 AND person_id = $2`, conversation, ben.ID)
		if _, err := n.Store.RaiseViewSeq(t.Context(), ben.ID); err != nil { // and nobody says so to this node
			t.Fatal(err)
		}
		n.connect(t, ben)
		p.next("closed")
		n.say(t, ana, conversation, "behind closed doors")
		n.say(t, ben, n.note(t, ben), "a mark")
		p.none("rows", "changes")
	})

	t.Run("who loses the membership in the very moment of opening hears nothing", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		at := n.page(t, ben, conversation)
		p := n.connect(t, ben)
		n.store.onceAsked(func() {
			n.exec(t, `DELETE FROM members WHERE conversation_id = $1 AND person_id = $2`, conversation, ben.ID)
			n.raise(t, ben)
		})
		p.open(at)
		p.next("reset") // and the page finds that nothing is there
		n.say(t, ana, conversation, "behind closed doors")
		n.say(t, ben, n.note(t, ben), "a mark")
		p.none("rows", "changes", "resumed")
	})

	t.Run("what a member may see ends with the membership", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		n.say(t, ana, conversation, "while there")
		at := n.page(t, ben, conversation)
		p := n.connect(t, ben)
		p.follow(at)
		n.exec(t, `UPDATE members SET until_change = $3 WHERE conversation_id = $1 AND person_id = $2`, conversation, ben.ID, at.ChangeSeq)
		n.raise(t, ben)
		if g := p.next("closed"); g.Conversation != conversation.String() {
			t.Errorf("got %+v", g)
		}
		// The past may be looked at, and stays as it was: not even that something happens is said.
		past := n.page(t, ben, conversation)
		if len(past.Messages) != 1 {
			t.Fatalf("sees %v", past.Messages)
		}
		p.follow(past)
		n.say(t, ana, conversation, "afterwards")
		n.say(t, ben, n.note(t, ben), "a mark")
		p.none("rows", "changes")
	})

	t.Run("what is said after somebody's removal does not reach them, however late the node hears of it", func(t *testing.T) {
		t.Parallel()
		for name, leave := range map[string]func(n *node, quiet *chat.Chat, owner, who chat.Viewer, group chat.ID) error{
			"removed": func(_ *node, quiet *chat.Chat, owner, who chat.Viewer, group chat.ID) error {
				return quiet.RemoveMember(t.Context(), owner, group, who.ID)
			},
			"left": func(_ *node, quiet *chat.Chat, _, who chat.Viewer, group chat.ID) error {
				return quiet.LeaveGroup(t.Context(), who, group)
			},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				n := newNode(t, withoutSweep)
				owner, who, group := n.inGroup(t, "member")
				quiet := chat.New(n.Store, silence{}, chat.Settings{BcryptCost: 4})
				p := n.connect(t, who)
				p.follow(n.page(t, who, group))
				if err := leave(n, quiet, owner, who, group); err != nil {
					t.Fatal(err)
				}
				n.say(t, owner, group, "now that we are alone") // its hint is the only one
				seen := false
				p.until("closed", func(g got) bool { return g.Conversation == group.String() }, func(g got) {
					if g.Type == "changes" {
						seen = true
						if strings.Contains(g.HTML, "now that we are alone") {
							t.Errorf("it came: %+v", g)
						}
					}
				})
				if !seen {
					t.Error("premise: nothing was delivered")
				}
			})
		}
	})

	t.Run("who was removed while a page catches up is not told what came after", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		owner, who, group := n.inGroup(t, "member")
		quiet := chat.New(n.Store, silence{}, chat.Settings{BcryptCost: 4})
		at := n.page(t, who, group)
		p := n.connect(t, who)
		n.store.onceAsked(func() { // that there is a membership is known, and the changes are not read yet
			if err := quiet.RemoveMember(t.Context(), owner, group, who.ID); err != nil {
				t.Error(err)
			}
			n.sayThrough(t, quiet, owner, group, "now that we are alone")
		})
		p.open(at)
		p.until("reset", func(got) bool { return true }, func(g got) {
			if strings.Contains(g.HTML, "now that we are alone") && g.Type == "changes" {
				t.Errorf("it came: %+v", g)
			}
		})
	})

	t.Run("a stay that was over before does not stand in the way of catching up", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		owner, who, group := n.inGroup(t, "member")
		before := n.page(t, who, group)
		if err := errors.Join(n.chat.RemoveMember(t.Context(), owner, group, who.ID),
			n.chat.AddMembers(t.Context(), owner, group, []chat.ID{who.ID})); err != nil {
			t.Fatal(err)
		}
		n.say(t, owner, group, "welcome back")
		at := n.page(t, who, group)
		at.ChangeSeq = before.ChangeSeq
		p := n.connect(t, who)
		p.open(at)
		p.until("changes", func(g got) bool { return slices.Contains(g.texts(t), "welcome back") })
		p.next("resumed")
	})

	t.Run("who looks at what they saw once hears when they are taken in again", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		owner, who, group := n.inGroup(t, "former member")
		p := n.connect(t, who)
		at := n.page(t, who, group)
		if at.Member.Present() {
			t.Fatal("premise: is in the group")
		}
		p.follow(at)
		if err := n.chat.AddMembers(t.Context(), owner, group, []chat.ID{who.ID}); err != nil {
			t.Fatal(err)
		}
		if g := p.next("reset"); g.Conversation != group.String() {
			t.Errorf("got %+v", g)
		}
		p.follow(n.page(t, who, group))
		n.say(t, owner, group, "welcome back")
		p.until("changes", func(g got) bool { return slices.Contains(g.texts(t), "welcome back") })
	})

	t.Run("who is taken in again while the database is away hears of it when it is back", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		owner, who, group := n.inGroup(t, "former member")
		p := n.connect(t, who)
		at := n.page(t, who, group)
		p.follow(at)
		told := at
		n.store.fail(errors.New("on purpose"))
		if err := chat.New(n.Store, n.hub, chat.Settings{BcryptCost: 4}).AddMembers(t.Context(), owner, group, []chat.ID{who.ID}); err != nil {
			t.Fatal(err)
		}
		p.end()
		for len(p.frames) > 0 {
			if g := <-p.frames; g.Type == "view" && g.Conversation == group.String() {
				told.ViewSeq = g.View // a page comes back with what it was told last
			}
		}
		n.store.fail(nil)
		p = n.connect(t, who)
		p.open(told)
		p.next("reset")
	})

	t.Run("a page that has to be drawn anew keeps its cursor until it is", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		beside := chat.New(n.Store, n.hub, chat.Settings{BcryptCost: 4})
		owner, who, group := n.inGroup(t, "former member")
		p := n.connect(t, who)
		p.follow(n.page(t, who, group))
		asking, answer := make(chan struct{}), make(chan struct{})
		n.store.onceAsked(func() {
			close(asking)
			<-answer
		})
		if err := beside.AddMembers(t.Context(), owner, group, []chat.ID{who.ID}); err != nil {
			t.Fatal(err)
		}
		<-asking
		n.sayThrough(t, beside, who, n.note(t, who), "a mark")
		p.until("rows", func(g got) bool { return strings.Contains(g.HTML, "a mark") }, func(g got) {
			if g.Type == "view" {
				t.Errorf("it came: %+v", g)
			}
		})
		close(answer)
		p.next("reset")
	})

	t.Run("a page is opened by what it was drawn with, also where no hint has told of a change", func(t *testing.T) {
		t.Parallel()
		for from, change := range map[string]func(n *node, owner, who chat.Viewer, group chat.ID) error{
			"member": func(n *node, owner, who chat.Viewer, group chat.ID) error {
				return n.quiet.RemoveMember(t.Context(), owner, group, who.ID)
			},
			"former member": func(n *node, owner, who chat.Viewer, group chat.ID) error {
				return n.quiet.AddMembers(t.Context(), owner, group, []chat.ID{who.ID})
			},
		} {
			n := newNode(t, withoutSweep)
			owner, who, group := n.inGroup(t, from)
			p := n.connect(t, who)
			at := n.page(t, who, group)
			if err := change(n, owner, who, group); err != nil {
				t.Fatal(err)
			}
			p.open(at)
			p.next("reset")
		}
	})

	t.Run("the counter moves a page's cursor only for the conversation that it follows", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		_, ben, conversation := n.pair(t)
		p := n.connect(t, ben)
		n.raise(t, ben)
		n.say(t, ben, n.note(t, ben), "a mark")
		p.until("rows", func(g got) bool { return strings.Contains(g.HTML, "a mark") }, func(g got) {
			if g.Type == "view" {
				t.Errorf("it came: %+v", g)
			}
		})
		p.follow(n.page(t, ben, conversation))
		n.raise(t, ben)
		if g := p.next("view"); g.Conversation != conversation.String() {
			t.Errorf("got %+v", g)
		}
	})

	t.Run("who is taken in again while the page with the past is being opened hears of it, too", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		owner, who, group := n.inGroup(t, "former member")
		p := n.connect(t, who)
		at := n.page(t, who, group)
		added := make(chan error, 1)
		n.store.onceAsked(func() { // that there is no membership is known, and nothing has come of it yet
			added <- n.chat.AddMembers(t.Context(), owner, group, []chat.ID{who.ID})
		})
		p.open(at)
		if err := <-added; err != nil {
			t.Fatal(err)
		}
		p.next("reset")
	})

	t.Run("who looks at what they saw once hears nothing of what happens to others", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		_, who, group := n.inGroup(t, "former member")
		p := n.connect(t, who)
		p.follow(n.page(t, who, group))
		n.raise(t, who)
		p.next("view")
		n.say(t, who, n.note(t, who), "the mark")
		p.none("rows", "reset", "closed")
	})

	t.Run("a change of rights that leaves this conversation alone only moves the counter", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		_, ben, conversation := n.pair(t)
		at := n.page(t, ben, conversation)
		p := n.connect(t, ben)
		p.follow(at)
		n.raise(t, ben)
		if g := p.next("view"); g.View != at.ViewSeq+1 {
			t.Errorf("view %d after %d", g.View, at.ViewSeq)
		}
		n.say(t, ben, n.note(t, ben), "the mark")
		p.none("rows", "reset", "closed")
	})
}

// note returns somebody's conversation with themselves.
func (n *node) note(t *testing.T, viewer chat.Viewer) chat.ID {
	t.Helper()
	return n.Direct(t, viewer, viewer)
}

// raise moves somebody's view counter and says so.
func (n *node) raise(t *testing.T, viewer chat.Viewer) {
	t.Helper()
	changed, err := n.Store.RaiseViewSeq(t.Context(), viewer.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range changed {
		n.hub.Publish(t.Context(), event)
	}
}

// rowOf finds a conversation's row in a frame.
func (g got) rowOf(t *testing.T, conversation chat.ID) *goquery.Selection {
	t.Helper()
	document, err := goquery.NewDocumentFromReader(strings.NewReader(g.HTML))
	if err != nil {
		t.Fatal(err)
	}
	return document.Find("#row-" + conversation.String())
}
