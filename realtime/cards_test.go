package realtime_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"parley/chat"
)

// names are the names that a frame of cards gives, by person.
func (g got) names(t *testing.T) map[string]string {
	t.Helper()
	document, err := goquery.NewDocumentFromReader(strings.NewReader(g.HTML))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{}
	document.Find("[data-person]").Each(func(_ int, s *goquery.Selection) {
		names[s.AttrOr("data-person", "")] = s.Text()
	})
	return names
}

func (n *node) rename(t *testing.T, c *chat.Chat, viewer chat.Viewer, name string) {
	t.Helper()
	if err := c.ChangeName(t.Context(), viewer, name); err != nil {
		t.Fatal(err)
	}
}

func TestCards(t *testing.T) {
	t.Parallel()

	t.Run("a new name reaches who has a conversation open with that person, and the lists, and nobody else", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		eve := n.Person(t, "Eve")
		n.say(t, ana, conversation, "hello")
		elsewhere := n.Direct(t, ben, eve)
		p, outsider, listing := n.connect(t, ben), n.connect(t, eve), n.connect(t, ben)
		p.follow(n.page(t, ben, conversation))
		outsider.follow(n.page(t, eve, elsewhere))
		listing.next("list")
		n.rename(t, n.chat, ana, "Ana <b> Lind")
		if g := p.next("people"); g.names(t)[ana.ID.String()] != "Ana <b> Lind" || g.Conversation != conversation.String() {
			t.Errorf("got %+v", g)
		}
		if g := listing.next("rows"); !strings.Contains(g.rowOf(t, conversation).Text(), "Ana <b> Lind") {
			t.Errorf("the list says %s", g.HTML)
		}
		n.say(t, ben, elsewhere, "a mark")
		outsider.none("changes", "people")
	})

	t.Run("a page that was away hears of the names that changed meanwhile", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		n.say(t, ana, conversation, "hello")
		at := n.page(t, ben, conversation)
		n.rename(t, n.quiet, ana, "Ana Lind")
		p := n.connect(t, ben)
		p.open(at)
		if g := p.next("people"); g.names(t)[ana.ID.String()] != "Ana Lind" || len(g.names(t)) != 1 {
			t.Errorf("got %+v", g)
		}
		p.next("resumed")
	})

	t.Run("a page that was drawn long after the change hears nothing of it", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		n.rename(t, n.quiet, ana, "Ana Lind")
		n.exec(t, "UPDATE people SET card_changed_at = now() - interval '1 minute' WHERE id = $1", ana.ID)
		p := n.connect(t, ben)
		p.open(n.page(t, ben, conversation))
		p.none("resumed", "people")
	})

	t.Run("a change of which no hint came is found by the sweep, and sent once", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, quick)
		ana, ben, conversation := n.pair(t)
		p := n.connect(t, ben)
		p.follow(n.page(t, ben, conversation))
		n.rename(t, n.quiet, ana, "Ana Lind")
		if g := p.next("people"); g.names(t)[ana.ID.String()] != "Ana Lind" {
			t.Errorf("got %+v", g)
		}
		n.rename(t, n.quiet, ana, "Ana Berg")
		if g := p.next("people"); g.names(t)[ana.ID.String()] != "Ana Berg" {
			t.Errorf("got %+v", g)
		}
		for range 3 { // sweeps go by between these
			n.sayThrough(t, n.quiet, ana, conversation, "a mark")
			p.none("changes", "people")
		}
	})

	t.Run("what could not be read is sent when the database is back", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, quick)
		ana, ben, conversation := n.pair(t)
		p := n.connect(t, ben)
		p.follow(n.page(t, ben, conversation))
		n.rename(t, n.quiet, ana, "Ana Lind")
		n.store.fail(errBroken)
		n.hub.Publish(t.Context(), chat.CardChanged{PersonID: ana.ID, Seq: 1})
		n.await(t, func() bool { return n.store.failed("CardsIn") })
		n.store.fail(nil)
		p.until("people", func(g got) bool { return g.names(t)[ana.ID.String()] == "Ana Lind" })
	})

	t.Run("a page whose names cannot be asked for comes back", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		_, ben, conversation := n.pair(t)
		at := n.page(t, ben, conversation)
		p := n.connect(t, ben)
		p.next("list")
		n.store.onceAsked(func() { n.store.fail(errBroken) })
		p.open(at)
		if code := p.end(); code != 1006 {
			t.Errorf("ended with %d", code)
		}
	})

	t.Run("a page without a socket gets them, too", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		at := n.page(t, ben, conversation)
		n.rename(t, n.quiet, ana, "Ana Lind")
		query := cursorOf(at)
		document, err := n.changes(t, n.current(t, ben), conversation, query)
		if err != nil || document.Find("[data-frame=people]").Length() != 0 {
			t.Errorf("without a moment: %v, %v", document.Text(), err)
		}
		query.Set("at", strconv.FormatInt(at.At.UnixMicro(), 10))
		document, err = n.changes(t, n.current(t, ben), conversation, query)
		if err != nil || document.Find("[data-frame=people] [data-person]").Text() != "Ana Lind" {
			t.Errorf("got %v, %v", document.Text(), err)
		}
		n.store.fail(errBroken)
		if _, err := n.changes(t, ben, conversation, query); err == nil {
			t.Error("no error")
		}
	})
}
