//go:build unix

package e2e

import (
	"testing"

	"github.com/chromedp/cdproto/input"

	"parley/chat"
)

// TickIs waits until the tick of the message with that text is in a state and says so in words.
func (tab *Tab) TickIs(body, state, words string) {
	tab.t.Helper()
	tab.until("the tick of "+body, `(body, state, words) => {
		const item = [...document.querySelectorAll("#pane li.message--mine[data-seq]")].find((m) => m.querySelector(".message__body").textContent.trim() === body);
		const tick = item?.querySelector(".tick");
		if (!tick) return "no such message";
		const shown = [...tick.children].filter((path) => getComputedStyle(path).display !== "none").length;
		const now = [tick.dataset.state, tick.getAttribute("aria-label"), shown].join(", ");
		return now === [state, words, state === "sent" ? 1 : 2].join(", ") || now;
	}`, body, state, words)
}

// PointsAt moves the pointer over the one element that a CSS selector finds.
func (tab *Tab) PointsAt(selector string) {
	tab.t.Helper()
	point := tab.point(selector, `(selector) => [...document.querySelectorAll(selector)]`, selector)
	send(tab, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: input.DispatchMouseEventTypeMouseMoved, X: point[0], Y: point[1]})
}

func TestAMessageIsStoredReachesADeviceAndIsRead(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ana, ben := w.Person("Ana Torres"), w.Person("Ben Castle")
	conversation := w.Direct(ana.Viewer, ben.Viewer)
	ana.Opens("/conversations/" + conversation.String())
	ana.Live()
	ana.Writes("Are you there?")
	ana.TickIs("Are you there?", "sent", "Sent")
	ben.Opens("/") // the list is enough: it has reached the device
	ben.Live()
	ana.TickIs("Are you there?", "delivered", "Delivered")
	ben.ClicksAt("#list .row__link")
	ben.Live()
	ana.TickIs("Are you there?", "read", "Read")
	ana.EqualsFresh()

	// What has been read on one device is read on the others.
	phone := ben.Tab
	desk := ben.OpensTab()
	desk.Opens("/")
	desk.Live()
	ben.Turns(phone)
	ben.LooksAway()
	w.Say(ana.Viewer, conversation, "One more")
	desk.Finds("#list .row--unread .badge")
	ben.LooksBack()
	desk.FindsNone("#list .row--unread")
	ben.FindsNone("#list .row--unread")

	// Switched off they are gone both ways, on open pages, too.
	if err := w.app.Chat().SavePreferences(t.Context(), ben.Viewer, chat.Preferences{TimeZone: "UTC", Theme: chat.ThemeAuto, HidesReceipts: true}); err != nil {
		t.Fatal(err)
	}
	ana.TickIs("Are you there?", "sent", "Sent")
	ana.EqualsFresh()
	ben.Writes("I am here")
	ana.Reads("Are you there?", "One more", "I am here")
	w.HasRead(ana.Viewer, conversation)
	ben.TickIs("I am here", "sent", "Sent")
}

func TestReceiptsInAGroup(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ana := w.Person("Ana Torres")
	ben, cleo, dora := w.Account("Ben Castle"), w.Account("Cleo Marsh"), w.Account("Dora Lind")
	group, err := w.app.Chat().CreateGroup(t.Context(), ana.Viewer, chat.GroupSettings{Name: "Harbour crew"}, []chat.ID{ben.ID, cleo.ID, dora.ID})
	if err != nil {
		t.Fatal(err)
	}
	ana.Opens("/conversations/" + group.String())
	ana.Live()
	ana.Writes("Boat leaves at seven")
	ana.Writes("Bring a coat")
	has := func(who chat.Viewer, delivered, read int64) {
		t.Helper()
		if err := w.app.Chat().SavePositions(t.Context(), []chat.Position{{PersonID: who.ID, ConversationID: group, Delivered: delivered, Read: read}}); err != nil {
			t.Fatal(err)
		}
	}
	ana.until("both are stored", `() => document.querySelectorAll("#pane li.message--mine[data-seq]").length === 2`)
	has(ben, 3, 2)
	has(cleo, 2, 0)
	ana.TickIs("Boat leaves at seven", "sent", "Read by 1 of 3")
	ana.TickIs("Bring a coat", "sent", "Delivered to 1 of 3")
	ana.until("it is said below the newest that was read", `() => document.querySelector("li.message--mine .message__receipts a").textContent === "Read by 1 of 3"
		&& document.querySelectorAll("li .message__receipts").length === 1`)
	ana.EqualsFresh()
	has(cleo, 3, 3)
	has(dora, 3, 0)
	ana.TickIs("Bring a coat", "delivered", "Read by 1 of 3")
	ana.TickIs("Boat leaves at seven", "delivered", "Read by 2 of 3")
	ana.EqualsFresh()
	has(ben, 3, 3)
	has(dora, 3, 3)
	ana.TickIs("Bring a coat", "read", "Read by 3 of 3")
	ana.EqualsFresh()
	if err := w.app.Chat().RemoveMember(t.Context(), ana.Viewer, group, dora.ID); err != nil {
		t.Fatal(err)
	}
	ana.TickIs("Bring a coat", "read", "Read by 2 of 2")

	// Names on demand, by the words and by the menu.
	ana.Clicks("Read by 2 of 2")
	ana.Sees("Ben Castle")
	ana.SeesNot("Dora Lind")
	ana.Back()
	ana.Live()
	ana.PointsAt("#pane li.message--mine[data-seq='2'] .message__bubble")
	ana.ClicksAt("#pane li.message--mine .message__menu summary")
	ana.Clicks("Who has read it")
	ana.Sees("Cleo Marsh")
}

func TestReceiptsWithoutScripts(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ana, ben := w.Person("Ana Torres"), w.Account("Ben Castle")
	group, err := w.app.Chat().CreateGroup(t.Context(), ana.Viewer, chat.GroupSettings{Name: "Harbour crew"}, []chat.ID{ben.ID, w.Account("Cleo Marsh").ID})
	if err != nil {
		t.Fatal(err)
	}
	w.Say(ana.Viewer, group, "Boat leaves at seven")
	w.Say(ben, group, "Aye")
	if err := w.app.Chat().MarkRead(t.Context(), ben, chat.Position{ConversationID: group, Read: 3}); err != nil {
		t.Fatal(err)
	}
	ana.WithoutScripts()
	ana.Opens("/conversations/" + group.String())
	ana.Submits("Mark as read")
	ana.Clicks("Read by 1 of 2")
	ana.Sees("Ben Castle")
	ana.Sees("Not yet")
	ana.Opens("/conversations/" + group.String())
	ana.ClicksAt("[data-seq='3'] .message__time")
	ana.Clicks("Mark unread from here")
	ana.Finds(".unread-line + [data-seq='3']")
	ana.Finds("#list .row--unread .badge")
	ana.Opens("/settings")
	ana.ClicksAt(".choice__option:has([name=receipts][value=false])")
	ana.Clicks("Save")
	ana.Finds(".notice")
	ana.Opens("/conversations/" + group.String())
	ana.FindsNone(".message__receipts")
	ana.Finds("[data-seq='2'] .tick[data-state=sent]")
}

func TestMarkingUnread(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ana, ben := w.Person("Ana Torres"), w.Account("Ben Castle")
	conversation, other := w.Direct(ana.Viewer, ben), w.Direct(ana.Viewer, w.Account("Cleo Marsh"))
	for _, body := range []string{"one", "two", "three"} {
		w.Say(ben, conversation, body)
	}
	w.Say(ana.Viewer, other, "hello")
	ana.Opens("/conversations/" + conversation.String())
	ana.Live()
	w.HasRead(ana.Viewer, conversation)
	reading := ana.Tab
	listing := ana.OpensTab()
	listing.Opens("/")
	listing.Live()
	ana.Turns(reading)
	listing.FindsNone("#list .row--unread")
	ana.PointsAt("[data-seq='2'] .message__bubble")
	ana.ClicksAt("[data-seq='2'] .message__menu summary")
	ana.Clicks("Mark unread from here")
	ana.Finds(".unread-line + [data-seq='2']")
	listing.until("the other page follows", `() => document.querySelector("#list .row--unread .badge")?.textContent.startsWith("2")`)

	// What stands in view is not read again, for as long as one stays: a second is enough to read it, and three have passed.
	ana.until("time passes", `() => performance.now() - (window.__marked ??= performance.now()) > 3000`)
	listing.Finds("#list .row--unread .badge")
	ana.Finds(".unread-line + [data-seq='2']")

	// Something new that is seen is read, and all before it.
	w.Say(ben, conversation, "four")
	listing.FindsNone("#list .row--unread")

	// Leaving and coming back reads, too.
	ana.PointsAt("[data-seq='3'] .message__bubble")
	ana.ClicksAt("[data-seq='3'] .message__menu summary")
	ana.Clicks("Mark unread from here")
	listing.Finds("#list .row--unread .badge")
	ana.ClicksAt("#row-" + other.String() + " .row__link")
	ana.Live()
	listing.Finds("#list .row--unread .badge")
	ana.ClicksAt("#row-" + conversation.String() + " .row__link")
	ana.Live()
	ana.Finds(".unread-line + [data-seq='3']")
	listing.FindsNone("#list .row--unread")
}

func TestTheWayToTheFirstUnread(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ana, ben := w.Person("Ana Torres"), w.Account("Ben Castle")
	conversation := w.Direct(ana.Viewer, ben)
	w.Talk(conversation, 120, ben)
	if err := w.app.Chat().MarkRead(t.Context(), ana.Viewer, chat.Position{ConversationID: conversation, Read: 10}); err != nil {
		t.Fatal(err)
	}
	ana.Opens("/conversations/" + conversation.String())
	ana.Live()
	ana.Clicks("Jump to first unread")
	ana.Finds(".unread-line + [data-seq='11']")
	ana.FindsNone("#first-unread:not([hidden])")
}

func TestWhereSocketsAreForbiddenReceiptsAreAskedForAndPosted(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ana, ben := w.Person("Ana Torres"), w.Person("Ben Castle")
	conversation := w.Direct(ana.Viewer, ben.Viewer)
	hurried(ana)
	ana.Expects("WebSocket connection to")
	ana.Line.ForbidSockets()
	ana.Opens("/")
	ben.At(conversation).Live()
	ben.Writes("can you hear me")
	ben.TickIs("can you hear me", "delivered", "Delivered") // in her list
	ana.At(conversation)
	ana.Glances()
	ben.TickIs("can you hear me", "read", "Read")
	ana.Writes("yes, slowly")
	ana.TickIs("yes, slowly", "read", "Read")
}
