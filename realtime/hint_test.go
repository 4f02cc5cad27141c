package realtime_test

import (
	"strings"
	"testing"
)

func TestHintWhileReading(t *testing.T) {
	t.Parallel()
	n := newNode(t, withoutSweep)
	ana, ben, conversation := n.pair(t)
	p := n.connect(t, ben)
	p.follow(n.page(t, ben, conversation))
	// The second message commits and is hinted after the feed has read the first, and before it has delivered it.
	n.store.onceRead(func() { n.say(t, ana, conversation, "second") })
	n.say(t, ana, conversation, "first")
	p.until("changes", func(g got) bool { return strings.Contains(g.HTML, "first") })
	p.until("changes", func(g got) bool { return strings.Contains(g.HTML, "second") })
}
