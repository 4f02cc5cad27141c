package realtime_test

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"parley/chat"
	"parley/chat/chattest"
	"parley/realtime"
)

func TestRows(t *testing.T) {
	t.Parallel()

	t.Run("a page gets its list on connecting", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		n.say(t, ana, conversation, "hello there")
		p := n.connect(t, ben)
		g := p.next("list")
		if row := g.rowOf(t, conversation); row.AttrOr("data-unread", "") != "1" || !strings.Contains(row.Text(), "hello there") || g.Total != 1 {
			t.Errorf("total %d, row %q", g.Total, row.Text())
		}
	})

	t.Run("a message changes the rows of the members, and of nobody else", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		eve := n.Person(t, "Eve")
		pages := map[string]*page{"1": n.connect(t, ben), "0": n.connect(t, ana)}
		outsider := n.connect(t, eve)
		n.say(t, ana, conversation, "news")
		for unread, p := range pages {
			g := p.until("rows", func(g got) bool { return g.rowOf(t, conversation).Length() == 1 })
			if got := g.rowOf(t, conversation).AttrOr("data-unread", ""); got != unread {
				t.Errorf("unread %s, wanted %s", got, unread)
			}
		}
		note := n.note(t, eve)
		n.say(t, eve, note, "a mark")
		g := outsider.next("rows")
		if g.rowOf(t, conversation).Length() != 0 || g.rowOf(t, note).Length() != 1 {
			t.Errorf("the outsider got %s", g.HTML)
		}
	})

	t.Run("reading on one device clears the badge on the other", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		sent := n.say(t, ana, conversation, "read me")
		phone, desk := n.connect(t, ben), n.connect(t, ben)
		if g := desk.next("list"); g.Total != 1 {
			t.Fatalf("total %d before", g.Total)
		}
		phone.write(map[string]any{"type": "ack", "positions": map[string]any{
			conversation.String(): map[string]any{"delivered": sent.Seq, "read": sent.Seq},
		}})
		g := desk.next("rows")
		if g.Total != 0 || g.rowOf(t, conversation).AttrOr("data-unread", "") != "0" {
			t.Errorf("total %d, %s", g.Total, g.HTML)
		}
	})

	t.Run("nobody moves another person's position", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		sent := n.say(t, ana, conversation, "unread")
		eve := n.Person(t, "Eve")
		p := n.connect(t, eve)
		note := n.note(t, eve)
		n.sayThrough(t, n.quiet, ben, n.Direct(t, ben, eve), "a mark")
		p.write(map[string]any{"type": "ack", "positions": map[string]any{
			conversation.String():          map[string]any{"delivered": sent.Seq, "read": sent.Seq},
			n.Direct(t, ben, eve).String(): map[string]any{"delivered": 1, "read": 1},
			note.String():                  map[string]any{"delivered": -1, "read": 1},
		}})
		p.next("rows") // of the one that is hers
		if page := n.page(t, ben, conversation); page.Unread != 1 || page.Member.ReadSeq != 0 {
			t.Errorf("unread %d, read %d", page.Unread, page.Member.ReadSeq)
		}
	})

	t.Run("a new conversation appears in the other's list", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben := n.Person(t, "Ana"), n.Person(t, "Ben")
		p := n.connect(t, ben)
		p.next("list")
		conversation, err := n.chat.StartDirect(t.Context(), ana, ben.ID)
		if err != nil {
			t.Fatal(err)
		}
		n.say(t, ana, conversation, "first")
		if g := p.next("rows"); g.rowOf(t, conversation).Length() != 1 {
			t.Errorf("got %s", g.HTML)
		}
	})

	t.Run("what could not be read is sent when the database is back", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, quick)
		ana, ben, conversation := n.pair(t)
		reading, elsewhere, late := n.connect(t, ben), n.connect(t, ben), n.dial(t, ben)
		reading.follow(n.page(t, ben, conversation))
		elsewhere.next("list")
		message := n.sayThrough(t, n.quiet, ana, conversation, "in the dark")
		n.store.fail(errBroken)
		n.hub.Publish(t.Context(), chat.ConversationChanged{ConversationID: conversation, ChangeSeq: message.ChangeSeq})
		n.hub.Publish(t.Context(), chat.PersonChanged{PersonID: ben.ID, ViewSeq: 1000})
		n.await(t, func() bool {
			return n.store.failed("RowsOf") && n.store.failed("SessionsAlive") && n.store.failed("Member")
		})
		n.store.fail(nil)
		go late.read()
		reading.end() // what it may see could not be asked anew: it has to come back
		elsewhere.until("rows", func(g got) bool { return strings.Contains(g.HTML, "in the dark") })
		late.next("list")
		again := n.connect(t, ben)
		again.follow(n.page(t, ben, conversation))
	})

	t.Run("what was acknowledged while the database failed is written afterwards", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, quick)
		ana, ben, conversation := n.pair(t)
		sent := n.say(t, ana, conversation, "read me")
		p := n.connect(t, ben)
		n.store.fail(errBroken)
		p.write(map[string]any{"type": "ack", "positions": map[string]any{
			conversation.String(): map[string]any{"delivered": sent.Seq, "read": sent.Seq},
		}})
		n.await(t, func() bool { return n.store.failed("UpdatePositions") })
		n.store.fail(nil)
		p.until("rows", func(g got) bool { return g.Total == 0 })
	})
}

func TestPreferences(t *testing.T) {
	t.Parallel()

	t.Run("what somebody chooses is said to all of their pages, and to nobody else's", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		pages, other := []*page{n.connect(t, ben), n.connect(t, ben)}, n.connect(t, ana)
		if err := n.chat.SavePreferences(t.Context(), ben, chat.Preferences{TimeZone: "Asia/Tokyo", Theme: chat.ThemeDark}); err != nil {
			t.Fatal(err)
		}
		for _, p := range pages {
			if g := p.next("preferences"); g.Zone != "Asia/Tokyo" || g.Theme != "dark" {
				t.Errorf("got %+v", g)
			}
		}
		n.say(t, ana, conversation, "a mark")
		other.none("rows", "preferences", "view")
	})

	t.Run("a page that comes back hears it in the greeting", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ben := n.Person(t, "Ben")
		if err := n.quiet.SavePreferences(t.Context(), ben, chat.Preferences{TimeZone: "Asia/Tokyo", Theme: chat.ThemeDark}); err != nil {
			t.Fatal(err)
		}
		p := n.dial(t, ben)
		go p.read()
		if g := p.next("hello"); g.Zone != "Asia/Tokyo" || g.Theme != "dark" {
			t.Errorf("got %+v", g)
		}
	})

	t.Run("of several choices the last one is said last", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ben := n.Person(t, "Ben")
		p := n.connect(t, ben)
		zones := []string{"Asia/Tokyo", "Europe/Berlin", "America/Lima", "UTC", "Africa/Cairo"}
		for _, zone := range zones {
			if err := n.chat.SavePreferences(t.Context(), ben, chat.Preferences{TimeZone: zone, Theme: chat.ThemeAuto}); err != nil {
				t.Fatal(err)
			}
		}
		p.until("preferences", func(g got) bool { return g.Zone == zones[len(zones)-1] })
		n.raise(t, ben)
		p.until("preferences", func(g got) bool {
			if g.Zone != zones[len(zones)-1] {
				t.Errorf("afterwards %s", g.Zone)
			}
			return true
		})
	})
}

func TestSweep(t *testing.T) {
	t.Parallel()

	t.Run("a message that no hint spoke of arrives, in page and list", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, quick)
		ana, ben, conversation := n.pair(t)
		reading, elsewhere := n.connect(t, ben), n.connect(t, ben)
		reading.follow(n.page(t, ben, conversation))
		n.sayThrough(t, n.quiet, ana, conversation, "unannounced")
		reading.until("changes", func(g got) bool { return strings.Contains(g.HTML, "unannounced") })
		elsewhere.until("rows", func(g got) bool { return strings.Contains(g.HTML, "unannounced") })
	})

	t.Run("a message that only one person's row was read for arrives in everybody's list", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		n.say(t, ben, conversation, "before")
		hers, his := n.connect(t, ana), n.connect(t, ben)
		hers.next("list")
		his.next("list")
		n.sayThrough(t, n.quiet, ana, conversation, "unannounced")
		n.hub.Hear(chat.PositionsMoved{PersonID: ana.ID, Conversations: []chat.ID{conversation}})
		hers.until("rows", func(g got) bool { return strings.Contains(g.HTML, "unannounced") })
		n.hub.SweepNow(t.Context())
		his.until("rows", func(g got) bool { return strings.Contains(g.HTML, "unannounced") })
	})

	t.Run("what was read, marked or chosen elsewhere arrives once, whoever told of it", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, quick)
		ana, ben, conversation := n.pair(t)
		n.say(t, ana, conversation, "read me")
		p := n.connect(t, ben)
		p.until("list", func(g got) bool { return g.rowOf(t, conversation).AttrOr("data-unread", "") == "1" })
		n.say(t, ben, n.note(t, ben), "that the sweep has begun")
		if err := n.quiet.MarkRead(t.Context(), ben, chat.Position{ConversationID: conversation, Read: 1}); err != nil {
			t.Fatal(err)
		}
		p.until("rows", func(g got) bool { return g.rowOf(t, conversation).AttrOr("data-unread", "") == "0" })
		if err := n.quiet.MarkUnread(t.Context(), ben, conversation, 1); err != nil {
			t.Fatal(err)
		}
		p.until("rows", func(g got) bool { return g.rowOf(t, conversation).AttrOr("data-marks", "") == "1" })
		pinned := true
		if err := n.quiet.Choose(t.Context(), ben, conversation, chat.Choices{Pinned: &pinned}); err != nil {
			t.Fatal(err)
		}
		p.until("rows", func(g got) bool { return g.rowOf(t, conversation).Is("[data-pinned]") })
		before, _ := n.store.rowsOf(conversation)
		if err := n.chat.MarkRead(t.Context(), ben, chat.Position{ConversationID: conversation, Read: 1, Marks: new(int64(1))}); err != nil {
			t.Fatal(err)
		}
		p.until("rows", func(g got) bool { return g.rowOf(t, conversation).AttrOr("data-unread", "") == "0" })
		if err := n.quiet.Choose(t.Context(), ben, n.note(t, ben), chat.Choices{Pinned: &pinned}); err != nil {
			t.Fatal(err)
		}
		p.until("rows", func(g got) bool { return g.rowOf(t, n.note(t, ben)).Is("[data-pinned]") }) // by a sweep after it
		if times, _ := n.store.rowsOf(conversation); times != before+1 {
			t.Errorf("the row was read %d times after one move of which a hint told", times-before)
		}
	})

	t.Run("a change of rights that no event spoke of arrives", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, quick)
		_, ben, conversation := n.pair(t)
		p := n.connect(t, ben)
		p.follow(n.page(t, ben, conversation))
		n.exec(t, `UPDATE people SET view_seq = view_seq + 7 WHERE id = $1`, ben.ID)
		p.until("view", func(g got) bool { return g.View >= 7 })
	})

	t.Run("what a person may see never goes back to what a sweep read before it changed", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, quick)
		_, ben, conversation := n.pair(t)
		p := n.connect(t, ben)
		p.follow(n.page(t, ben, conversation))
		before := n.current(t, ben).ViewSeq
		raised := make(chan struct{})
		n.store.onceViewed(func() {
			n.raise(t, ben)
			close(raised)
		})
		<-raised
		n.raise(t, ben)
		for last := before; last < before+2; { // the first may be left out where the second has come meanwhile
			g := p.next("view")
			if g.View <= last {
				t.Fatalf("view %d after %d", g.View, last)
			}
			last = g.View
		}
	})

	t.Run("a lower view counter that the row itself holds is the truth", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, quick)
		_, ben, conversation := n.pair(t)
		n.raise(t, ben)
		n.raise(t, ben)
		p := n.connect(t, ben)
		p.follow(n.page(t, ben, conversation))
		n.exec(t, `UPDATE people SET view_seq = 1 WHERE id = $1`, ben.ID) // as a restore does
		p.until("view", func(g got) bool { return g.View == 1 })
		p.follow(n.page(t, ben, conversation))
	})

	t.Run("a session that was revoked elsewhere ends its sockets, and no others", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, quick)
		ana, ben, conversation := n.pair(t)
		p, other := n.connect(t, ben), n.connect(t, ana)
		n.exec(t, `UPDATE sessions SET revoked_at = now() WHERE id = $1`, ben.SessionID)
		if code := p.end(); code != websocket.ClosePolicyViolation {
			t.Errorf("closed with %d", code)
		}
		other.follow(n.page(t, ana, conversation))
	})

	t.Run("it goes on after the database failed", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, quick)
		ana, ben, conversation := n.pair(t)
		p := n.connect(t, ben)
		p.follow(n.page(t, ben, conversation))
		n.store.fail(errBroken)
		n.sayThrough(t, n.quiet, ana, conversation, "later")
		n.store.fail(nil)
		p.until("changes", func(g got) bool { return strings.Contains(g.HTML, "later") })
	})
}

func TestSocket(t *testing.T) {
	t.Parallel()

	t.Run("what somebody archives is counted beside the row that goes, and beside the one that comes back", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		n.say(t, ana, conversation, "one")
		p, other := n.connect(t, ben), n.connect(t, ana)
		if g := p.next("list"); g.Archived != 0 {
			t.Fatalf("%d archived before", g.Archived)
		}
		other.next("list")
		if err := n.chat.Choose(t.Context(), ben, conversation, chat.Choices{Archived: new(true)}); err != nil {
			t.Fatal(err)
		}
		if g := p.next("rows"); g.Archived != 1 || g.Total != 0 {
			t.Errorf("%d archived, total %d", g.Archived, g.Total)
		}
		if g := n.connect(t, ben).next("list"); g.Archived != 1 || g.HTML != "" {
			t.Errorf("%d archived, list %q", g.Archived, g.HTML)
		}
		n.say(t, ana, conversation, "two")
		if g := p.next("rows"); g.Archived != 0 || g.Total != 1 {
			t.Errorf("%d archived, total %d", g.Archived, g.Total)
		}
		if g := other.next("rows"); g.Archived != 0 {
			t.Errorf("%d archived for somebody else", g.Archived)
		}
	})

	t.Run("whoever is asked hears how many wait, and nothing of what they say", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, third := n.Person(t, "Ana"), n.Person(t, "Ben"), n.Person(t, "Tom")
		reach := chat.Reach{Writes: chat.CircleNobody, Adds: chat.CircleEverybody, Finds: chat.CircleEverybody}
		if err := n.chat.SaveReach(t.Context(), ana, reach); err != nil {
			t.Fatal(err)
		}
		conversation := n.Direct(t, ben, ana)
		p := n.connect(t, ana)
		if g := p.next("list"); g.Requests != 0 {
			t.Fatalf("%d before", g.Requests)
		}
		n.say(t, ben, conversation, secret)
		if g := p.next("rows"); g.Requests != 1 || g.HTML != "" || g.Total != 0 {
			t.Errorf("got %+v", g)
		}
		if g := n.connect(t, ana).next("list"); g.Requests != 1 || g.HTML != "" || g.Total != 0 {
			t.Errorf("got %+v", g)
		}
		if err := n.chat.AcceptRequest(t.Context(), ana, conversation); err != nil {
			t.Fatal(err)
		}
		p.until("list", func(g got) bool { return g.Requests == 0 && g.Total == 1 && strings.Contains(g.HTML, secret) })
		other := n.connect(t, third)
		if g := other.next("list"); g.Requests != 0 {
			t.Errorf("%d for somebody else", g.Requests)
		}
	})

	t.Run("logging out ends the session's sockets, and no others", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		one, two, other := n.connect(t, ben), n.connect(t, ben), n.connect(t, ana)
		if err := n.chat.LogOut(t.Context(), ben); err != nil {
			t.Fatal(err)
		}
		for _, p := range []*page{one, two} {
			if code := p.end(); code != websocket.ClosePolicyViolation {
				t.Errorf("closed with %d", code)
			}
		}
		other.follow(n.page(t, ana, conversation))
	})

	// Of somebody with three sessions: who acts in the first ends the second, the third, or both.
	for act, c := range map[string]struct {
		do   func(ctx context.Context, c *chat.Chat, sessions []chat.Viewer) error
		ends []bool // by session
	}{
		"changing one's password": {func(ctx context.Context, c *chat.Chat, sessions []chat.Viewer) error {
			return c.ChangePassword(ctx, sessions[0], chattest.Password, "another short sentence")
		}, []bool{false, true, true}},
		"a new password by a link": {func(ctx context.Context, c *chat.Chat, sessions []chat.Viewer) error {
			token, err := c.MakeResetLink(ctx, sessions[0].Username)
			if err != nil {
				return err
			}
			return c.ResetPassword(ctx, chat.Origin{}, token, "another short sentence")
		}, []bool{true, true, true}},
		"ending one of one's sessions": {func(ctx context.Context, c *chat.Chat, sessions []chat.Viewer) error {
			return c.EndSession(ctx, sessions[0], sessions[1].SessionID)
		}, []bool{false, true, false}},
		"ending one's other sessions": {func(ctx context.Context, c *chat.Chat, sessions []chat.Viewer) error {
			_, err := c.EndOtherSessions(ctx, sessions[0])
			return err
		}, []bool{false, true, true}},
	} {
		t.Run(act+" ends those sessions' sockets, and no others", func(t *testing.T) {
			t.Parallel()
			n := newNode(t, withoutSweep)
			ana, ben, conversation := n.pair(t)
			sessions := []chat.Viewer{ben, n.Session(t, ben.Person), n.Session(t, ben.Person)}
			pages := make([][]*page, len(sessions))
			for i, viewer := range sessions {
				pages[i] = []*page{n.connect(t, viewer), n.connect(t, viewer)}
			}
			other := n.connect(t, ana)
			if err := c.do(t.Context(), n.chat, sessions); err != nil {
				t.Fatal(err)
			}
			for i, ends := range c.ends {
				for _, p := range pages[i] {
					if !ends {
						p.follow(n.page(t, sessions[i], conversation))
					} else if code := p.end(); code != websocket.ClosePolicyViolation {
						t.Errorf("session %d: closed with %d", i, code)
					}
				}
			}
			other.follow(n.page(t, ana, conversation))
		})
	}

	for act, do := range map[string]func(ctx context.Context, c *chat.Chat, boss chat.Viewer, person chat.ID) error{
		"suspending somebody": func(ctx context.Context, c *chat.Chat, boss chat.Viewer, person chat.ID) error {
			return c.Suspend(ctx, boss, chat.Origin{}, person, chattest.Password)
		},
		"logging somebody out everywhere": func(ctx context.Context, c *chat.Chat, boss chat.Viewer, person chat.ID) error {
			return c.LogOutEverywhere(ctx, boss, chat.Origin{}, person)
		},
	} {
		t.Run(act+" ends that person's sockets, and no others", func(t *testing.T) {
			t.Parallel()
			n := newNode(t, withoutSweep)
			ana, ben, conversation := n.pair(t)
			boss, second := n.Administrator(t, "Boss"), n.Session(t, ben.Person)
			one, two, other := n.connect(t, ben), n.connect(t, second), n.connect(t, ana)
			if err := do(t.Context(), n.chat, boss, ben.ID); err != nil {
				t.Fatal(err)
			}
			for _, p := range []*page{one, two} {
				if code := p.end(); code != websocket.ClosePolicyViolation {
					t.Errorf("closed with %d", code)
				}
			}
			other.follow(n.page(t, ana, conversation))
		})
	}

	t.Run("a session that ends while its socket begins takes the socket along", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ben := n.Person(t, "Ben")
		n.viewers[ben.SessionID.String()] = ben
		n.exec(t, `UPDATE sessions SET revoked_at = now() WHERE id = $1`, ben.SessionID)
		conn, response, err := websocket.DefaultDialer.DialContext(t.Context(), n.address(), http.Header{"X-Session": {ben.SessionID.String()}})
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		p := &page{t: t, conn: conn, frames: make(chan got, 10), ended: make(chan struct{})}
		go p.read()
		if code := p.end(); code != websocket.ClosePolicyViolation {
			t.Errorf("closed with %d", code)
		}
	})

	t.Run("only pages of this origin connect", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ben := n.Person(t, "Ben")
		n.viewers[ben.SessionID.String()] = ben
		own := n.server.URL
		for origin, allowed := range map[string]bool{
			own: true, "": true, "https://evil.example": false, "null": false, own + ".evil.example": false,
			"http://127.0.0.1:1": false, "not an origin%": false,
		} {
			header := http.Header{"X-Session": {ben.SessionID.String()}}
			if origin != "" {
				header.Set("Origin", origin)
			}
			conn, response, err := websocket.DefaultDialer.DialContext(t.Context(), n.address(), header)
			if response != nil {
				_ = response.Body.Close()
			}
			if allowed != (err == nil) {
				t.Errorf("origin %q: %v", origin, err)
			}
			if err == nil {
				_ = conn.Close()
			} else if response.StatusCode != http.StatusForbidden {
				t.Errorf("origin %q: status %d", origin, response.StatusCode)
			}
		}
	})

	t.Run("a frame that makes no sense is ignored", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		_, ben, conversation := n.pair(t)
		p := n.connect(t, ben)
		for _, text := range []string{
			"", "{", "[]", "null", `{"type":7}`, `{"type":"open"}`, `{"type":"open","conversation":"x"}`, "\x00\xff",
			`{"type":"dance"}`, `{"type":"typing"}`, `{"type":"ack","positions":{"x":{}}}`, `{"type":"ack"}`,
			`{"type":"open","conversation":"` + conversation.String() + `","after":1e99}`,
		} {
			if err := p.conn.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.conn.WriteMessage(websocket.BinaryMessage, []byte{1, 2, 3}); err != nil {
			t.Fatal(err)
		}
		tooMany := map[string]any{}
		for range 201 {
			tooMany[chat.NewID().String()] = map[string]any{"read": 1}
		}
		p.write(map[string]any{"type": "ack", "positions": tooMany})
		p.follow(n.page(t, ben, conversation))
	})

	t.Run("a frame of 65 KB ends the socket, not the process", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ben := n.Person(t, "Ben")
		p := n.connect(t, ben)
		// The server may cut before it has read all of it.
		_ = p.conn.WriteJSON(map[string]any{"type": strings.Repeat("x", 65<<10)})
		if code := p.end(); code != websocket.CloseMessageTooBig && code != websocket.CloseAbnormalClosure {
			t.Errorf("closed with %d", code)
		}
		n.connect(t, ben)
	})

	t.Run("a flood of frames ends the socket", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		p := n.connect(t, n.Person(t, "Ben"))
		for range 200 {
			if p.conn.WriteMessage(websocket.TextMessage, []byte(`{"type":"activity"}`)) != nil {
				break
			}
		}
		if code := p.end(); code != websocket.CloseTryAgainLater && code != websocket.CloseAbnormalClosure {
			t.Errorf("closed with %d", code)
		}
	})

	t.Run("a reader who does not keep up is cut off, and nobody else", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		// Nobody reads this one, and its receive buffer is small.
		stuck := n.dial(t, ben)
		at := n.page(t, ben, conversation)
		stuck.open(at)
		good := n.connect(t, ana)
		good.follow(n.page(t, ana, conversation))
		big := strings.Repeat("x", chat.MaxBody)
		// 10 MB are more than all buffers on the way.
		for said := 0; n.hub.Sockets() > 1 && said < 1000; said++ {
			n.say(t, ana, conversation, big)
			good.next("changes")
		}
		if n.hub.Sockets() != 1 {
			t.Fatalf("%d sockets stand", n.hub.Sockets())
		}
		last := n.say(t, ana, conversation, "still here")
		good.until("changes", func(g got) bool { return g.To == last.ChangeSeq })
	})

	t.Run("activity keeps a session alive, and finds out when it is over", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ben := n.Person(t, "Ben")
		n.exec(t, `UPDATE sessions SET last_used_at = now() - interval '2 minutes' WHERE id = $1`, ben.SessionID)
		p := n.connect(t, ben)
		p.write(map[string]any{"type": "activity"})
		n.await(t, func() bool {
			var fresh bool
			err := n.DB.Pool().QueryRow(t.Context(),
				`SELECT last_used_at > now() - interval '1 minute' FROM sessions WHERE id = $1`, ben.SessionID).Scan(&fresh)
			return err == nil && fresh
		})
		again := n.connect(t, ben)
		n.exec(t, `UPDATE sessions SET revoked_at = now() WHERE id = $1`, ben.SessionID)
		again.write(map[string]any{"type": "activity"})
		_ = again.conn.WriteJSON(map[string]any{"type": "activity"}) // the first may have ended it
		if code := again.end(); code != websocket.ClosePolicyViolation {
			t.Errorf("closed with %d", code)
		}
	})

	t.Run("a page that cannot be served for want of the database is sent back to try again", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		_, ben, conversation := n.pair(t)
		at := n.page(t, ben, conversation)
		p := n.connect(t, ben)
		n.store.fail(errBroken)
		p.open(at)
		if code := p.end(); code != websocket.CloseAbnormalClosure {
			t.Errorf("closed with %d", code)
		}
	})

	t.Run("beats come", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, realtime.Timing{Beat: 10 * time.Millisecond})
		n.connect(t, n.Person(t, "Ben")).next("beat")
	})
}

func TestCloseCutsWhoDoesNotAnswer(t *testing.T) {
	t.Parallel()
	n := newNode(t, withoutSweep)
	ben := n.Person(t, "Ben")
	n.dial(t, ben) // and never reads
	n.await(t, func() bool { return n.hub.Sockets() == 1 })
	n.hub.Close(context.Background())
	n.await(t, func() bool { return n.hub.Sockets() == 0 })
}

func TestStartNeedsTheDatabase(t *testing.T) {
	t.Parallel()
	n := newNode(t, withoutSweep)
	n.store.fail(errBroken)
	if err := realtime.New(slog.New(slog.DiscardHandler), realtime.Timing{}).Start(t.Context(), n.chat); err == nil {
		t.Error("started without a database")
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	n := newNode(t, realtime.Timing{Ack: time.Hour, Sweep: time.Hour, Restart: 50 * time.Millisecond})
	ana, ben, conversation := n.pair(t)
	sent := n.say(t, ana, conversation, "read just in time")
	pages := []*page{n.connect(t, ben), n.connect(t, ana)}
	pages[0].follow(n.page(t, ben, conversation))
	pages[0].write(map[string]any{"type": "ack", "positions": map[string]any{
		conversation.String(): map[string]any{"delivered": sent.Seq, "read": sent.Seq},
	}})
	pages[0].follow(n.page(t, ben, conversation)) // answered after the ack was taken
	n.hub.Close(context.Background())

	for _, p := range pages {
		if code := p.end(); code != websocket.CloseServiceRestart {
			t.Errorf("closed with %d", code)
		}
	}
	if page := n.page(t, ben, conversation); page.Unread != 0 {
		t.Error("what was acknowledged was not written")
	}
	header := http.Header{"X-Session": {ben.SessionID.String()}}
	_, response, err := websocket.DefaultDialer.DialContext(t.Context(), n.address(), header)
	if err == nil {
		t.Fatal("a socket was accepted while closing")
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" {
		t.Errorf("status %d, Retry-After %q", response.StatusCode, response.Header.Get("Retry-After"))
	}
	// What is said to a closed hub is lost, which harms nobody.
	n.say(t, ana, conversation, "nobody listens")
}

// await waits until the condition holds, asking again and again.
func (n *node) await(t *testing.T, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatal("it does not come to hold")
		}
	}
}
