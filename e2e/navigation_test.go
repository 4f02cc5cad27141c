//go:build unix

package e2e

import (
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

func TestGoingFromConversationToConversationKeepsThePage(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ana, ben, cleo := w.Person("Ana Torres"), w.Account("Ben Castle"), w.Account("Cleo Mars")
	withBen, withCleo := w.Direct(ana.Viewer, ben), w.Direct(ana.Viewer, cleo)
	w.Talk(withBen, 120, ana.Viewer, ben)
	w.Say(cleo, withCleo, "a word from Cleo")
	w.Exec(`UPDATE members SET unread_from = 200 WHERE person_id = $1`, ana.Viewer.ID)
	w.Exec(`UPDATE members m SET unread_from = c.msg_seq FROM conversations c WHERE c.id = m.conversation_id`)

	ana.Opens("/")
	ana.Live()
	dialled := ana.Line.Dialled()
	row := func(name string) {
		t.Helper()
		ana.click("the row of "+name, `(name) => [...document.querySelectorAll("#list .row__link")].filter((row) => row.querySelector(".row__name").textContent.trim() === name)`, name)
	}
	row("Ben Castle")
	ana.IsAt("/conversations/" + withBen.String())
	ana.Sees("message 120")
	ana.Titled("Ben Castle · Parley")
	ana.until("its row is the open one", `() => document.querySelector("#list [aria-current=page] .row__name")?.textContent.trim() === "Ben Castle"`)
	ana.until("the composer has the focus", `() => document.activeElement.id === "composer-body" || document.activeElement.outerHTML`)

	// Read somewhere in the middle, write half a sentence, go away and come back: the same lines, the same words.
	ana.Scrolls(-900)
	ana.Drafts("half a sentence")
	ana.Settles()
	before := ask[[]any](ana.Tab, `() => {
		const log = document.querySelector(".log");
		const top = log.getBoundingClientRect().top;
		const item = [...log.querySelectorAll("li.message")].find((m) => m.getBoundingClientRect().bottom > top);
		return [item.id, item.getBoundingClientRect().top - top];
	}`)
	place := `(id, before) => {
		const item = document.getElementById(id);
		if (!item) return "it is not in the page";
		const off = item.getBoundingClientRect().top - document.querySelector(".log").getBoundingClientRect().top - before;
		return Math.abs(off) <= 2 || "off by " + off;
	}`
	row("Cleo Mars")
	ana.Sees("a word from Cleo")
	ana.until("the composer is Cleo's", `() => document.querySelector("#composer-body").value === ""`)
	ana.Titled("Cleo Mars · Parley")
	w.Say(cleo, withCleo, "live in the other one")
	ana.Reads("a word from Cleo", "live in the other one")
	w.HasRead(ana.Viewer, withCleo)
	ana.FindsNone("#list .badge")
	ana.Back()
	ana.IsAt("/conversations/" + withBen.String())
	ana.until("the place is kept", place, before...)
	ana.until("the draft is kept", `() => document.querySelector("#composer-body").value === "half a sentence"`)
	ana.Titled("Ben Castle · Parley")
	w.Say(ben, withBen, "live again here")
	ana.until("it came", `() => document.querySelector("#pane").innerText.includes("live again here") || document.querySelector("#pill").innerText.includes("1 new")`)
	ana.Forward()
	ana.Reads("a word from Cleo", "live in the other one")
	ana.Back()
	ana.Back()
	ana.IsAt("/")
	ana.Sees("Pick up where you left off")
	ana.Forward()
	ana.until("the place is kept", place, before...)
	if again := ana.Line.Dialled(); again != dialled {
		t.Errorf("the socket was dialled %d times more on the way", again-dialled)
	}
	if entries := ask[int](ana.Tab, `() => document.querySelectorAll("#sidebar, #pane, #composer").length`); entries != 3 {
		t.Errorf("%d of sidebar, pane and composer are in the page, want one of each", entries)
	}

	// A reload there stays there.
	ana.Reloads()
	ana.Live()
	ana.until("the place is kept over a reload", place, before...)
}

func TestAQuickHandEndsWhereItClickedLast(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ana, ben, cleo := w.Person("Ana Torres"), w.Account("Ben Castle"), w.Account("Cleo Mars")
	for _, other := range []string{"ben", "cleo"} {
		viewer := ben
		if other == "cleo" {
			viewer = cleo
		}
		c := w.Direct(ana.Viewer, viewer)
		w.Say(viewer, c, "hello from "+other)
	}
	ana.Opens("/")
	ana.Live()
	ana.until("both rows are there", `() => document.querySelectorAll("#list .row__link").length === 2`)
	for round := range 8 {
		// All answers are on their way at once, so that they come in any order.
		ana.Line.HoldAnswers()
		last := ask[string](ana.Tab, `(turned) => {
			const rows = [...document.querySelectorAll("#list .row__link")];
			if (turned) rows.reverse();
			for (const row of [...rows, ...rows]) row.click();
			return rows.at(-1).getAttribute("href");
		}`, round%2 == 1)
		ana.Line.Release()
		ana.IsAt(last)
		ana.until("pane, address, row and title agree", `async (last) => {
			const log = () => document.querySelector("#pane ol[data-conversation]")?.dataset.conversation;
			const row = document.querySelector("#list [aria-current=page]");
			const told = () => [location.pathname === last, last.endsWith(log()), row?.getAttribute("href") === last, document.title.includes(row?.querySelector(".row__name").textContent.trim())];
			if (!told().every(Boolean)) return told().join();
			await new Promise((done) => setTimeout(done, 100)); // an answer that comes late changes nothing
			return told().every(Boolean) || told().join();
		}`, last)
	}
	ana.Live()
}

func TestOnAPhoneThereIsOnePaneWithAWayBack(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ana, ben := w.Person("Ana Torres"), w.Account("Ben Castle")
	conversation := w.Direct(ana.Viewer, ben)
	w.Talk(conversation, 60, ana.Viewer, ben)
	send(ana.Tab, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: 390, Height: 844, DeviceScaleFactor: 2, Mobile: true,
	})
	send(ana.Tab, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: true})
	ana.Opens("/")
	ana.Live()
	ana.Finds("#list .row__link")
	ana.FindsNone("#pane")
	ana.ClicksAt("#list .row__link")
	ana.Sees("message 60")
	ana.FindsNone("#sidebar")
	ana.until("the end is in view", atEnd)

	// With a finger Enter is a new line, and the button sends.
	ana.Drafts("first line")
	ana.Presses(kb.Enter)
	ana.Types("second line")
	ana.Clicks("Send")
	ana.Reads("first line\nsecond line")

	// The keyboard takes half of the screen: the composer stays above it.
	send(ana.Tab, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: 390, Height: 420, DeviceScaleFactor: 2, Mobile: true,
	})
	ana.until("the composer is in view", composerInView)
	ana.until("the end is in view", atEnd)
	send(ana.Tab, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: 390, Height: 844, DeviceScaleFactor: 2, Mobile: true,
	})

	ana.Clicks("Back")
	ana.IsAt("/")
	ana.Finds("#list .row__link")
	ana.FindsNone("#pane")
	ana.Back()
	ana.Sees("second line")
	ana.FindsNone("#sidebar")
}

const composerInView = `() => {
	const box = document.querySelector("#composer").getBoundingClientRect();
	return box.top >= 0 && box.bottom <= innerHeight + 1 && box.left >= 0 && box.right <= innerWidth + 1 || JSON.stringify(box) + innerWidth + "x" + innerHeight;
}`

// sound is a function that says whether a page fits its window: nothing scrolls sideways, the page itself does not
// scroll where there is a shell.
const sound = `() => {
	const { scrollWidth, clientWidth } = document.documentElement;
	if (scrollWidth > clientWidth) return "the page is " + scrollWidth + " px wide";
	for (const box of document.querySelectorAll(".log, .pane__scroll, .sidebar__scroll, .pane, .sidebar")) {
		if (box.clientWidth > 1 && box.scrollWidth > box.clientWidth + 1) return box.className + " is " + box.scrollWidth + " px wide, has " + box.clientWidth;
	}
	const root = document.documentElement;
	if (document.querySelector(".shell") && root.scrollHeight > root.clientHeight + 1) return "the page is " + root.scrollHeight + " px high";
	return true;
}`

func TestEveryWidthFits(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ana, ben := w.Person("Ana Torres"), w.Account("Ben Castle-Featherstonehaugh the Elder of Somewhere Far Away")
	conversation := w.Direct(ana.Viewer, ben)
	w.Talk(conversation, 20, ana.Viewer, ben)
	w.Say(ben, conversation, "https://example.org/"+string(longWord()))
	w.Say(ana.Viewer, conversation, string(longWord()))
	visitor := w.Visitor("Nobody")
	visitor.Opens("/register")
	ana.At(conversation).Live()
	for _, width := range []int64{320, 360, 390, 600, 767, 768, 820, 1024, 1199, 1200, 1440} {
		ana.Width(width, 700)
		ana.until("the composer is in view", composerInView)
		ana.until("the conversation fits", sound)
		visitor.Width(width, 700)
		visitor.until("the form fits", sound)
	}
	for _, path := range []string{"/", "/people", "/people/ben", "/settings", "/people?q=nobody"} {
		ana.Opens(path)
		for _, width := range []int64{320, 390, 768, 1440} {
			ana.Width(width, 700)
			ana.until(path+" fits", sound)
		}
	}
	// 400 % of 1280 px is a window of 320 by 200: all of the composer's line can still be reached.
	ana.Width(320, 200)
	ana.At(conversation)
	ana.until("the composer is in view", composerInView)
	ana.until("the conversation fits", sound)
}

// longWord is a word that no line holds.
func longWord() []byte {
	word := make([]byte, 400)
	for i := range word {
		word[i] = byte('a' + i%26)
	}
	return word
}

func TestTheKeyboardAloneIsEnough(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ana, ben, cleo := w.Person("Ana Torres"), w.Account("Ben Castle"), w.Account("Cleo Mars")
	withCleo := w.Direct(ana.Viewer, cleo)
	w.Say(cleo, withCleo, "older")
	withBen := w.Direct(ana.Viewer, ben)
	w.Say(ben, withBen, "newer")
	ana.Opens("/")
	ana.Live()
	focus := `(selector) => document.activeElement?.matches(selector) || document.activeElement?.outerHTML.slice(0, 300)`
	visible := `() => {
		const style = getComputedStyle(document.activeElement);
		const box = document.activeElement.closest(":has(> :focus)") ?? document.activeElement;
		const marks = [style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0, style.boxShadow !== "none", getComputedStyle(box).outlineStyle !== "none", getComputedStyle(box).boxShadow !== "none"];
		return marks.some(Boolean) || document.activeElement.outerHTML.slice(0, 200);
	}`

	// The first stop leads to the content.
	ana.Presses(kb.Tab)
	ana.until("the skip link", focus, ".skip-link")
	ana.until("it can be seen", `() => { const box = document.activeElement.getBoundingClientRect(); return box.top >= 0 && box.bottom <= innerHeight && box.width > 20 }`)
	ana.Presses(kb.Enter)
	ana.until("the content has the focus", focus, "#pane, #pane *")

	// From stop to stop, each of them visible, in the order of the page.
	ana.Reloads()
	ana.Live()
	for _, stop := range []string{".skip-link", ".sidebar__home", "[href='/administration']", "[href='/status']", "[href='/settings']", "[href='/people']", "#sidebar-query"} {
		ana.Presses(kb.Tab)
		ana.until("the next stop", focus, stop)
		ana.until("the focus shows", visible)
	}
	ana.Presses(kb.Tab)
	for range 3 {
		if ask[bool](ana.Tab, `() => document.activeElement.matches("#list .row__link")`) {
			break
		}
		ana.Presses(kb.Tab)
	}
	ana.until("the first row", focus, "#list li:first-child .row__link")
	ana.until("the focus shows", visible)
	ana.Presses(kb.Enter)
	ana.Sees("newer")
	ana.until("the composer has the focus", focus, "#composer-body")
	ana.Types("by keyboard")
	ana.Presses(kb.Enter)
	ana.Reads("newer", "by keyboard")

	// Alt and the arrows walk the list; with Shift to what is unread.
	ana.Presses(kb.ArrowDown, chromedp.ModifierAlt)
	ana.Sees("older")
	ana.IsAt("/conversations/" + withCleo.String())
	ana.Presses(kb.ArrowUp, chromedp.ModifierAlt)
	ana.IsAt("/conversations/" + withBen.String())

	// Ctrl+K goes to the search.
	ana.Presses("k", chromedp.ModifierCtrl)
	ana.until("the search has the focus", focus, "#sidebar-query")
	ana.Types("cleo")

	// What is pushed moves no focus, neither in the search nor in the composer nor on a row that changes its place.
	w.Say(ben, withBen, "pushed")
	ana.Reads("by keyboard", "pushed")
	ana.until("the search has the focus still", focus, "#sidebar-query")
	ana.Presses(kb.Enter)
	ana.IsAt("/people?q=cleo")
	ana.Sees("@cleo")

	ana.At(withBen).Live()
	ask[bool](ana.Tab, `() => { document.querySelector("#list li:nth-child(2) .row__link").focus(); return true }`)
	w.Say(cleo, withCleo, "up we go")
	ana.until("Cleo's row is the first", `() => document.querySelector("#list li").dataset.conversation === document.activeElement.closest("li")?.dataset.conversation || document.activeElement.outerHTML`)

	// A screen reader is told of what comes, and the log itself is silent.
	w.Say(ben, withBen, "spoken")
	ana.until("the announcer says it", `() => document.querySelector("#announcer").textContent.replace(/[\u2066-\u2069]/g, "") === "Ben Castle: spoken" || document.querySelector("#announcer").textContent`)
}
