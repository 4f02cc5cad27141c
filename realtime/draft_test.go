package realtime_test

import (
	"strings"
	"testing"

	"parley/chat"
)

func TestDrafts(t *testing.T) {
	t.Parallel()

	t.Run("what is begun on one device is told to the same person's others, and to nobody else", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		n.say(t, ben, conversation, "hello")
		desk, listing, other := n.connect(t, ana), n.connect(t, ana), n.connect(t, ben)
		desk.follow(n.page(t, ana, conversation))
		other.follow(n.page(t, ben, conversation))
		listing.next("list")
		if err := n.chat.SaveDraft(t.Context(), ana, conversation, "half a thought"); err != nil {
			t.Fatal(err)
		}
		if g := desk.next("draft"); g.Text != "half a thought" || g.Conversation != conversation.String() {
			t.Errorf("got %+v", g)
		}
		g := listing.until("rows", func(g got) bool { return g.rowOf(t, conversation).Length() == 1 })
		if text := g.rowOf(t, conversation).Find(".row__drafted").Text(); !strings.Contains(text, "half a thought") {
			t.Errorf("the row says %q", text)
		}
		n.say(t, ana, conversation, "a mark")
		for {
			g := <-other.frames
			if g.Type == "draft" || strings.Contains(g.HTML, "half a thought") {
				t.Fatalf("the other got %+v", g)
			}
			if g.Type == "changes" {
				return
			}
		}
	})

	t.Run("a page that opens the conversation is told of its draft, and that there is none any more", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		_, ben, conversation := n.pair(t)
		save := func(text string) {
			if err := n.quiet.SaveDraft(t.Context(), ben, conversation, text); err != nil {
				t.Fatal(err)
			}
		}
		at := n.page(t, ben, conversation)
		p := n.connect(t, ben)
		save("from elsewhere")
		p.open(at)
		if g := p.next("draft"); g.Text != "from elsewhere" {
			t.Errorf("got %+v", g)
		}
		p.next("resumed")
		save("")
		frame := map[string]any{"type": "open", "conversation": at.ID, "epoch": at.Epoch, "after": at.ChangeSeq, "view": at.ViewSeq}
		p.write(frame)
		p.none("resumed", "draft") // the page shows none
		frame["drafted"] = true
		p.write(frame)
		if g := p.next("draft"); g.Text != "" {
			t.Errorf("got %+v", g)
		}
	})

	t.Run("one that cannot be read is not sent", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		_, ben, conversation := n.pair(t)
		p := n.connect(t, ben)
		p.follow(n.page(t, ben, conversation))
		n.store.fail(errBroken)
		n.hub.Publish(t.Context(), chat.DraftSaved{PersonID: ben.ID, ConversationID: conversation})
		n.await(t, func() bool { return n.store.failed("Member") })
		n.store.fail(nil)
		n.say(t, ben, conversation, "a mark")
		p.none("changes", "draft")
	})
}
