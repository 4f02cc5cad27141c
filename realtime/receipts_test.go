package realtime_test

import (
	"context"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"parley/chat"
)

// says lets a person have got and read a conversation, through the node's own domain.
func (n *node) has(t *testing.T, who chat.Viewer, conversation chat.ID, delivered, read int64) {
	t.Helper()
	n.hasThrough(t, n.chat, who, conversation, delivered, read)
}

func (n *node) hasThrough(t *testing.T, c *chat.Chat, who chat.Viewer, conversation chat.ID, delivered, read int64) {
	t.Helper()
	err := c.SavePositions(t.Context(), []chat.Position{{PersonID: who.ID, ConversationID: conversation, Delivered: delivered, Read: read}})
	if err != nil {
		t.Fatal(err)
	}
}

func (n *node) hides(t *testing.T, who chat.Viewer, hides bool) {
	t.Helper()
	if err := n.chat.SavePreferences(t.Context(), who, chat.Preferences{TimeZone: "UTC", Theme: chat.ThemeAuto, HidesReceipts: hides}); err != nil {
		t.Fatal(err)
	}
}

// receipts waits for these runs of the conversation; each is seq, delivered, read, of how many.
func (p *page) receipts(conversation chat.ID, runs ...[4]int64) got {
	p.t.Helper()
	var last [][4]int64
	defer func() {
		if p.t.Failed() {
			p.t.Logf("the last runs were %v, wanted %v", last, runs)
		}
	}()
	return p.until("receipts", func(g got) bool {
		last = g.Runs
		return g.Conversation == conversation.String() && slices.Equal(g.Runs, runs)
	})
}

func TestReceipts(t *testing.T) {
	t.Parallel()

	t.Run("an author's page follows what the other's page acknowledges", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		first := n.say(t, ana, conversation, "one")
		hers, his := n.connect(t, ana), n.connect(t, ben)
		hers.open(n.page(t, ana, conversation))
		hers.receipts(conversation, [4]int64{1, 0, 0, 1})
		ack := func(delivered, read int64) {
			t.Helper()
			his.write(map[string]any{"type": "ack", "positions": map[string]any{
				conversation.String(): map[string]any{"delivered": delivered, "read": read}}})
		}
		ack(1, 0)
		at := hers.receipts(conversation, [4]int64{1, 1, 0, 1}).At
		n.say(t, ana, conversation, "two")
		ack(1, 1)
		hers.receipts(conversation, [4]int64{1, 1, 1, 1}, [4]int64{2, 0, 0, 1})
		ack(2, 2)
		if g := hers.receipts(conversation, [4]int64{2, 1, 1, 1}); g.At <= at || g.From != 0 {
			t.Errorf("got %+v behind %d", g, at)
		}
		if first.Seq != 1 {
			t.Fatalf("premise: %d", first.Seq)
		}
	})

	t.Run("they are part of catching up", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		n.say(t, ana, conversation, "one")
		at := n.page(t, ana, conversation)
		p := n.connect(t, ana)
		n.hasThrough(t, n.quiet, ben, conversation, 1, 1) // nobody says so
		p.open(at)
		p.receipts(conversation, [4]int64{1, 1, 1, 1})
	})

	t.Run("a lost hint is repaired, and so is a reading that fails", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, quick)
		ana, ben, conversation := n.pair(t)
		n.say(t, ana, conversation, "one")
		p := n.connect(t, ana)
		p.open(n.page(t, ana, conversation))
		p.receipts(conversation, [4]int64{1, 0, 0, 1})
		n.hasThrough(t, n.quiet, ben, conversation, 1, 0)
		p.receipts(conversation, [4]int64{1, 1, 0, 1})
		var broken atomic.Int64
		n.store.watching(func(_ context.Context, method string) error {
			if method == "ReceiptSources" && broken.Add(1) <= 3 {
				return errBroken
			}
			return nil
		})
		n.has(t, ben, conversation, 1, 1)
		p.receipts(conversation, [4]int64{1, 1, 1, 1})
		if broken.Load() < 4 {
			t.Errorf("premise: it failed %d times", broken.Load())
		}
	})

	t.Run("whoever leaves, comes or hides changes the numbers at once", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, cleo := n.Person(t, "Ana"), n.Person(t, "Ben"), n.Person(t, "Cleo")
		group, err := n.chat.CreateGroup(t.Context(), ana, chat.GroupSettings{Name: "Crew"}, []chat.ID{ben.ID, cleo.ID})
		if err != nil {
			t.Fatal(err)
		}
		ana = n.current(t, ana)
		n.say(t, ana, group, "two") // behind the message that says that there is a group
		n.has(t, ben, group, 2, 2)
		n.has(t, cleo, group, 2, 0)
		p := n.connect(t, ana)
		p.open(n.page(t, ana, group))
		p.receipts(group, [4]int64{2, 2, 1, 2})
		n.hides(t, cleo, true)
		p.receipts(group, [4]int64{2, 1, 1, 1})
		n.hides(t, cleo, false)
		p.receipts(group, [4]int64{2, 2, 1, 2})
		if err := n.chat.RemoveMember(t.Context(), ana, group, ben.ID); err != nil {
			t.Fatal(err)
		}
		p.receipts(group, [4]int64{2, 1, 0, 1})
		n.hides(t, ana, true)
		p.receipts(group)
	})

	t.Run("what did not change is not sent", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		n.say(t, ben, conversation, "one")
		n.say(t, ana, conversation, "two")
		p := n.connect(t, ana)
		p.open(n.page(t, ana, conversation))
		p.receipts(conversation, [4]int64{2, 0, 0, 1})
		for range 3 {
			n.hub.Publish(t.Context(), chat.ReceiptsMoved{Conversations: []chat.ID{conversation}})
		}
		n.has(t, ben, conversation, 1, 0) // before her own message: nothing of hers
		n.has(t, ben, conversation, 2, 0)
		if g := p.next("receipts"); !slices.Equal(g.Runs, [][4]int64{{2, 1, 0, 1}}) {
			t.Errorf("got %+v", g)
		}
	})

	t.Run("nobody is asked for whose messages were all read, until there is another one", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		n.say(t, ana, conversation, "one")
		hers, his := n.connect(t, ana), n.connect(t, ben)
		hers.open(n.page(t, ana, conversation))
		his.open(n.page(t, ben, conversation))
		hers.receipts(conversation, [4]int64{1, 0, 0, 1})
		his.receipts(conversation)
		n.has(t, ben, conversation, 1, 1)
		hers.receipts(conversation, [4]int64{1, 1, 1, 1})
		var asked atomic.Int64
		n.store.watching(func(_ context.Context, method string) error {
			if method == "ReceiptSources" {
				asked.Add(1)
			}
			return nil
		})
		for range 3 { // what hers have read is nothing to her, and he has written nothing
			n.has(t, ana, conversation, 1, 1)
			n.hub.Publish(t.Context(), chat.ReceiptsMoved{Conversations: []chat.ID{conversation}})
		}
		n.say(t, ana, conversation, "two")
		n.hub.Publish(t.Context(), chat.ReceiptsMoved{Conversations: []chat.ID{conversation}, By: []chat.ID{ana.ID}})
		n.has(t, ben, conversation, 2, 2)
		hers.receipts(conversation, [4]int64{2, 1, 1, 1})
		if times := asked.Load(); times != 1 {
			t.Errorf("asked %d times", times)
		}
	})

	t.Run("that a message was read may be heard of before the message", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		n.say(t, ana, conversation, "one")
		n.has(t, ben, conversation, 1, 1)
		p := n.connect(t, ana)
		p.open(n.page(t, ana, conversation))
		p.receipts(conversation, [4]int64{1, 1, 1, 1})
		late := n.sayThrough(t, n.quiet, ana, conversation, "two")
		n.has(t, ben, conversation, 2, 2)
		n.hub.Publish(t.Context(), chat.ConversationChanged{ConversationID: conversation, ChangeSeq: late.ChangeSeq})
		p.receipts(conversation, [4]int64{2, 1, 1, 1})
	})

	t.Run("in a large group the author is told so often and no more", func(t *testing.T) {
		t.Parallel()
		timing := withoutSweep
		timing.Receipts = 300 * time.Millisecond
		n := newNode(t, timing)
		people := []chat.Viewer{n.Person(t, "Ana")}
		for range chat.MaxDelivered {
			people = append(people, n.Person(t, ""))
		}
		group := n.Group(t, "Crowd", people...)
		n.say(t, people[0], group, "one")
		p := n.connect(t, people[0])
		p.open(n.page(t, people[0], group))
		p.receipts(group, [4]int64{1, 0, 0, chat.MaxDelivered})
		began, frames := time.Now(), 0
		for _, reader := range people[1:] {
			n.has(t, reader, group, 1, 1)
		}
		p.until("receipts", func(g got) bool {
			frames++
			return g.Runs[0][2] == chat.MaxDelivered
		})
		if most := 2 + int(time.Since(began)/timing.Receipts); frames > most {
			t.Errorf("%d frames in %v", frames, time.Since(began))
		}
	})

	t.Run("of a mark that it has not heard of a page undoes nothing", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		for range 3 {
			n.say(t, ben, conversation, "x")
		}
		p := n.connect(t, ana)
		if err := n.chat.MarkUnread(t.Context(), ana, conversation, 2); err != nil {
			t.Fatal(err)
		}
		says := func(read, marks int64) {
			p.write(map[string]any{"type": "ack", "positions": map[string]any{
				conversation.String(): map[string]any{"delivered": read, "read": read, "marks": marks}}})
		}
		says(3, 0)
		n.await(t, func() bool { return n.readOf(t, ana, conversation) == 3 })
		if from := n.page(t, ana, conversation).Member.UnreadFrom; from != 0 {
			t.Errorf("it moved to %d", from)
		}
		says(2, 1)
		n.await(t, func() bool { return n.page(t, ana, conversation).Member.UnreadFrom == 2 })
	})

	t.Run("a page that polls gets the same", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		n.say(t, ana, conversation, "one")
		n.has(t, ben, conversation, 1, 0)
		if g := n.polled(t, ana, conversation); g.runs != "[[1,1,0,1]]" || g.at <= 0 {
			t.Errorf("the author gets %+v", g)
		}
		if g := n.polled(t, ben, conversation); g.runs != "[]" {
			t.Errorf("the other gets %+v", g)
		}
		n.store.fail(errBroken)
		if err := n.poll(t, ana, conversation, httptest.NewRecorder()); err == nil {
			t.Error("a database that fails is no error")
		}
	})
}

type polled struct {
	runs string
	at   int64
}

func (n *node) poll(t *testing.T, who chat.Viewer, conversation chat.ID, w *httptest.ResponseRecorder) error {
	t.Helper()
	query := url.Values{"after": {"0"}}.Encode()
	return n.hub.ServeChanges(w, httptest.NewRequest("GET", "/conversations/"+conversation.String()+"/changes?"+query, nil), who, conversation)
}

func (n *node) polled(t *testing.T, who chat.Viewer, conversation chat.ID) polled {
	t.Helper()
	w := httptest.NewRecorder()
	if err := n.poll(t, n.current(t, who), conversation, w); err != nil {
		t.Fatal(err)
	}
	document, err := goquery.NewDocumentFromReader(strings.NewReader(w.Body.String()))
	if err != nil {
		t.Fatal(err)
	}
	element := document.Find(`[data-frame="receipts"]`)
	at, _ := strconv.ParseInt(element.AttrOr("data-at", ""), 10, 64)
	return polled{runs: element.AttrOr("data-runs", "none"), at: at}
}

// TestReceiptMatrix says who hears of receipts in a group, whatever they do: the author of what was read, and nobody else.
func TestReceiptMatrix(t *testing.T) {
	t.Parallel()
	outside := map[string]bool{"a former member who wrote": true, "a stranger": true, "the author, elsewhere": true}
	for role, hears := range map[string]bool{
		"the author": true, "the author, who hides receipts": false, "another member": false, "the reader": false,
		"a former member who wrote": false, "a stranger": false, "the author, elsewhere": false,
	} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			n := newNode(t, quick)
			people := map[string]chat.Viewer{
				"owner": n.Person(t, "Olga"), "author": n.Person(t, "Ana"), "reader": n.Person(t, "Ben"),
				"other": n.Person(t, "Cleo"), "former": n.Person(t, "Fred"), "stranger": n.Person(t, "Eve"),
			}
			group, err := n.chat.CreateGroup(t.Context(), people["owner"], chat.GroupSettings{Name: "Crew"},
				[]chat.ID{people["author"].ID, people["reader"].ID, people["other"].ID, people["former"].ID})
			if err != nil {
				t.Fatal(err)
			}
			n.say(t, people["former"], group, "by one who is gone")
			if err := n.chat.RemoveMember(t.Context(), people["owner"], group, people["former"].ID); err != nil {
				t.Fatal(err)
			}
			message := n.say(t, people["author"], group, "by the author")
			name := map[string]string{
				"the author": "author", "the author, who hides receipts": "author", "another member": "other", "the reader": "reader",
				"a former member who wrote": "former", "a stranger": "stranger", "the author, elsewhere": "author",
			}[role]
			if strings.Contains(role, "hides") {
				n.hides(t, people[name], true)
			}
			who := n.current(t, people[name])
			p, at := n.connect(t, who), n.page(t, n.current(t, people["owner"]), group)
			at.ViewSeq = who.ViewSeq
			if role != "the author, elsewhere" {
				p.open(at)
			}
			n.has(t, people["reader"], group, message.Seq, 0)
			n.has(t, people["reader"], group, message.Seq, message.Seq)
			if hears {
				p.receipts(group, [4]int64{message.Seq, 1, 1, 3})
			}
			// A watcher who must hear tells when the others would have.
			watcher := n.connect(t, people["author"])
			if !strings.Contains(role, "hides") {
				watcher.open(n.page(t, n.current(t, people["author"]), group))
				watcher.receipts(group, [4]int64{message.Seq, 1, 1, 3})
			}
			note := n.note(t, who)
			n.say(t, who, note, "the mark")
			p.until("rows", func(g got) bool { return strings.Contains(g.HTML, note.String()) }, func(g got) {
				// Whoever has the group open is told that there is nothing to tell; whoever is not in it, not even that.
				if g.Type == "receipts" && !hears && (len(g.Runs) > 0 || outside[role]) {
					t.Errorf("a frame came that must not: %+v", g)
				}
			})
		})
	}
}
