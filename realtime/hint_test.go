package realtime_test

import (
	"strings"
	"testing"

	"parley/chat"
)

func TestHintWhileReading(t *testing.T) {
	t.Parallel()
	n := newNode(t, withoutSweep)
	ana, ben := n.Person(t, "Ana"), n.Person(t, "Ben")
	conversation := n.Group(t, "Team", ana, ben)
	p := n.connect(t, ben)
	p.follow(n.page(t, ben, conversation))
	// The second message commits and is hinted after the feed has read the first, and before it has delivered it.
	n.store.onceRead(func() { n.say(t, ana, conversation, "second") })
	n.say(t, ana, conversation, "first")
	p.until("changes", func(g got) bool { return strings.Contains(g.HTML, "first") })
	p.until("changes", func(g got) bool { return strings.Contains(g.HTML, "second") })
}

func TestHintWithMessage(t *testing.T) {
	t.Parallel()

	t.Run("in a direct conversation it is all there is to know", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		p := n.connect(t, ben)
		p.follow(n.page(t, ben, conversation))
		message := n.sayThrough(t, n.quiet, ana, conversation, "first")
		n.store.fail(errBroken)
		n.hub.Publish(t.Context(), chat.ConversationChanged{ConversationID: conversation, ChangeSeq: message.ChangeSeq, Message: &message})
		if g := p.next("changes"); !strings.Contains(g.HTML, "first") {
			t.Errorf("got %s", g.HTML)
		}
		n.store.fail(nil)
		n.hub.Publish(t.Context(), chat.ConversationChanged{ConversationID: conversation, ChangeSeq: message.ChangeSeq, Message: &message})
		n.say(t, ana, conversation, "second")
		if g := p.next("changes"); !strings.Contains(g.HTML, "second") || strings.Contains(g.HTML, "first") {
			t.Errorf("got %s", g.HTML)
		}
	})

	t.Run("after a gap what is missing is read", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		p := n.connect(t, ben)
		p.follow(n.page(t, ben, conversation))
		n.sayThrough(t, n.quiet, ben, conversation, "first")
		n.say(t, ana, conversation, "second")
		g := p.next("changes")
		if before, after, _ := strings.Cut(g.HTML, "first"); strings.Contains(before, "second") || !strings.Contains(after, "second") {
			t.Errorf("got %s", g.HTML)
		}
	})

	t.Run("in a group it is read who came and left", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben := n.Person(t, "Ana"), n.Person(t, "Ben")
		conversation := n.Group(t, "Team", ana, ben)
		p := n.connect(t, ben)
		p.follow(n.page(t, ben, conversation))
		read := make(chan struct{})
		n.store.onceRead(func() { close(read) })
		n.say(t, ana, conversation, "first")
		p.next("changes")
		<-read
	})
}
