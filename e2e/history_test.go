//go:build unix

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"

	"parley/chat"
)

// long is a conversation of n messages; Ana is at its page, has read all of it, and is live.
func long(t *testing.T, n int) (w *World, ana *Person, ben chat.Viewer, conversation chat.ID) {
	t.Helper()
	w = begin(t)
	ana, ben = w.Person("Ana Torres"), w.Account("Ben Castle")
	conversation = w.Direct(ana.Viewer, ben)
	w.Talk(conversation, n, ana.Viewer, ben)
	w.Exec(`UPDATE members SET unread_from = $2, read_seq = $2 WHERE conversation_id = $1`, conversation, n)
	ana.At(conversation).Live()
	return w, ana, ben, conversation
}

// Scrolls turns the mouse's wheel over the log by so many pixels, and waits until it stands still.
func (tab *Tab) Scrolls(by float64) {
	tab.t.Helper()
	at := ask[[]float64](tab, `() => {
		const box = document.querySelector(".log").getBoundingClientRect();
		return [box.x + box.width / 2, box.y + box.height / 2];
	}`)
	send(tab, input.DispatchMouseEvent, input.DispatchMouseEventParams{
		Type: input.DispatchMouseEventTypeMouseWheel, X: at[0], Y: at[1], DeltaY: by,
		DeltaX: 1e-9, // the browser wants both, and a zero is left out
	})
	tab.Settles()
}

// Settles waits until the log has neither moved nor grown for two looks.
func (tab *Tab) Settles() {
	tab.t.Helper()
	tab.until("the log stands still", `async () => {
		const log = document.querySelector(".log");
		const look = () => log.scrollTop + " " + log.scrollHeight;
		for (let i = 0, was = look(); i < 6; i++, was = look()) {
			await new Promise((done) => setTimeout(done, 25));
			if (look() !== was) return "it moves";
		}
		return true;
	}`)
}

// atEnd is a function that says whether the log is at its end.
const atEnd = `() => {
	const log = document.querySelector(".log");
	const last = log.querySelector("li.message:last-of-type").getBoundingClientRect();
	const gap = last.bottom - log.getBoundingClientRect().bottom;
	return gap <= 2 || "the last message ends " + gap + " px below the edge";
}`

func TestScrollingUpKeepsOnesPlaceWhileMessagesCome(t *testing.T) {
	t.Parallel()
	w, ana, ben, conversation := long(t, 230)
	ana.until("the page begins at the end", atEnd)
	ana.until("fifty messages are there", `() => document.querySelectorAll("#pane li.message").length === 50`)

	// Up, page by page. The line under one's eyes stays where it is while a page is put above it, and while Ben writes.
	for page := 2; page <= 5; page++ {
		moved := ask[float64](ana.Tab, `async (wanted) => {
			const log = document.querySelector(".log");
			const items = () => [...log.querySelectorAll("li.message")];
			const top = () => log.getBoundingClientRect().top;
			// Up to some 400 px below the upper end, where the next page is wanted.
			log.scrollTop += 400 - (log.querySelector(".log__content").getBoundingClientRect().top - top()) * -1;
			const anchor = items().find((item) => item.getBoundingClientRect().bottom > top() + 50);
			const before = anchor.getBoundingClientRect().top;
			for (let i = 0; items().length < wanted && i < 1000; i++) await new Promise((done) => setTimeout(done, 10));
			await new Promise((done) => setTimeout(done, 50));
			if (items().length < wanted) throw new Error(items().length + " messages, want " + wanted);
			return Math.abs(anchor.getBoundingClientRect().top - before);
		}`, min(230, page*50))
		if moved > 2 {
			t.Errorf("page %d moved what was being read by %.1f px", page, moved)
		}
		w.Say(ben, conversation, fmt.Sprintf("meanwhile %d", page))
		ana.until("the pill counts", `(text) => document.querySelector("#pill").innerText.trim() === text || document.querySelector("#pill").outerHTML`,
			fmt.Sprintf("%d new", page-1))
	}
	numbers := ask[[]float64](ana.Tab, `() => [...document.querySelectorAll("#pane li.message")].map((item) => Number(item.dataset.seq))`)
	for i, seq := range numbers {
		if int(seq) != i+1 {
			t.Fatalf("message %d stands in place %d", int(seq), i+1)
		}
	}

	// New messages do not move what is being read either.
	before := ask[float64](ana.Tab, `() => document.querySelector("#pane li.message[data-seq='40']").getBoundingClientRect().top`)
	w.Say(ben, conversation, "five")
	ana.until("five are new", `() => document.querySelector("#pill").innerText.trim() === "5 new"`)
	if after := ask[float64](ana.Tab, `() => document.querySelector("#pane li.message[data-seq='40']").getBoundingClientRect().top`); after-before > 2 || before-after > 2 {
		t.Errorf("a new message moved what was being read by %.1f px", after-before)
	}

	// The pill leads to the end, and there is nothing new any more.
	ana.ClicksAt("#pill")
	ana.until("the end is in view", atEnd)
	ana.FindsNone("#pill")
	ana.Titled("Ben Castle · Parley")
	ana.Glances()
	ana.EqualsFresh()

	// At the end one stays at the end.
	w.Say(ben, conversation, "at the end")
	ana.Sees("at the end")
	ana.until("still at the end", atEnd)
	ana.FindsNone("#pill")
}

func TestWhatIsBeingReadDoesNotCreepWhileManyMessagesCome(t *testing.T) {
	t.Parallel()
	w, ana, ben, conversation := long(t, 60)
	ana.until("the page begins at the end", atEnd)
	anchor := ask[string](ana.Tab, `() => {
		const log = document.querySelector(".log");
		log.scrollTop -= log.clientHeight;
		return [...log.querySelectorAll("li.message")].find((item) => item.getBoundingClientRect().top > log.getBoundingClientRect().top).id;
	}`)
	const top = `(id) => document.getElementById(id).getBoundingClientRect().top`
	ana.Settles()
	before := ask[float64](ana.Tab, top, anchor)
	for n := 1; n <= 40; n++ {
		w.Say(ben, conversation, strings.Repeat("a longer thought ", n%7+1))
		ana.until("the pill counts", `(text) => document.querySelector("#pill").innerText.trim() === text || document.querySelector("#pill").outerHTML`,
			fmt.Sprintf("%d new", n))
	}
	if moved := ask[float64](ana.Tab, top, anchor) - before; moved > 1 || moved < -1 {
		t.Errorf("forty messages below moved what was being read by %.2f px", moved)
	}
}

func TestThePageHoldsThreeHundredMessagesAtMost(t *testing.T) {
	t.Parallel()
	w, ana, ben, conversation := long(t, 420)
	for range 12 {
		ana.Scrolls(-6000)
	}
	ana.until("the first message is reached", `() => document.querySelector("#pane li.message").dataset.seq === "1" || document.querySelector("#pane li.message").dataset.seq`)
	count := ask[int](ana.Tab, `() => document.querySelectorAll("#pane li.message").length`)
	if count > 300 {
		t.Errorf("%d messages are in the page", count)
	}
	ana.EqualsFresh()

	// Far from the end, what comes is only counted; the way back loads it.
	w.Say(ben, conversation, "far below")
	ana.until("the pill counts", `() => document.querySelector("#pill").innerText.trim() === "1 new" || document.querySelector("#pill").outerHTML`)
	ana.ClicksAt("#pill")
	ana.Sees("far below")
	ana.until("the end is in view", atEnd)
	ana.Glances()
	ana.EqualsFresh()
}

func TestADayLineComesWithTheFirstMessageOfADay(t *testing.T) {
	t.Parallel()
	w, ana, ben, conversation := long(t, 4)
	w.Exec(`UPDATE messages SET created_at = now() - interval '1 day' - (4 - seq) * interval '1 minute' WHERE conversation_id = $1`, conversation)
	ana.Reloads()
	ana.Live()
	ana.until("yesterday's line", `() => [...document.querySelectorAll("#pane .day")].map((day) => day.textContent.trim()).join() === "Yesterday" || document.querySelector("#pane ol").innerHTML`)
	w.Say(ben, conversation, "good morning")
	w.Say(ben, conversation, "slept well?")
	ana.Reads("good morning", "slept well?")
	ana.until("a line for today, and the two grouped", `() => {
		const entries = [...document.querySelectorAll("#pane ol > li:not(.unread-line)")].slice(-3);
		const told = [entries[0].textContent.trim(), entries[1].matches(".message--first:not(.message--last)"), entries[2].matches(".message--last:not(.message--first)")].join();
		return told === "Today,true,true" || told;
	}`)
	ana.Glances()
	ana.EqualsFresh()
}

func TestALinkToAnOldMessageLoadsAroundItAndLightsItUp(t *testing.T) {
	t.Parallel()
	w, ana, ben, conversation := long(t, 230)
	id := func(seq int) string {
		var id string
		err := w.db.Pool().QueryRow(t.Context(), `SELECT id::text FROM messages WHERE conversation_id = $1 AND seq = $2`, conversation, seq).Scan(&id)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	lit := `(id) => {
		const item = document.getElementById("m-" + id);
		if (!item) return "it is not in the page";
		const [box, log] = [item.getBoundingClientRect(), document.querySelector(".log").getBoundingClientRect()];
		const off = Math.abs((box.top + box.bottom) / 2 - (log.top + log.bottom) / 2);
		const light = item.matches(".message--target, :target");
		return off < log.height / 6 && light || "off the middle by " + off + ", lit: " + light;
	}`
	path := "/conversations/" + conversation.String()

	ana.Opens(path + "#m-" + id(60))
	ana.until("the message is in the middle, lit", lit, id(60))
	ana.Live()
	if seqs := ask[[]string](ana.Tab, `() => [...document.querySelectorAll("#pane li.message")].map((item) => item.dataset.seq)`); len(seqs) > 60 {
		t.Errorf("%d messages were loaded around it", len(seqs))
	}
	ana.EqualsFresh()

	// A message that comes meanwhile is beyond the window: only counted.
	w.Say(ben, conversation, "far away")
	ana.until("the pill counts", `() => document.querySelector("#pill").innerText.trim() === "1 new" || document.querySelector("#pill").outerHTML`)
	ana.SeesNot("far away")

	// From here one reads on, down to the end.
	for range 12 {
		ana.Scrolls(4000)
	}
	ana.Sees("far away")
	ana.until("the end is in view", atEnd)
	ana.Glances()
	ana.EqualsFresh()

	// The same link within the page, and one to a message that is in it already.
	ana.ClicksAt("#m-" + id(229) + " .message__time")
	ana.IsAt(path + "#m-" + id(229))
	ana.until("it is lit", `(id) => document.getElementById("m-" + id).matches(".message--target, :target")`, id(229))

	// Without scripts by ?around=.
	plain := w.Visitor("Ana again")
	plain.WithoutScripts()
	plain.Opens("/login?next=" + path)
	plain.Fills("Username or e-mail", "ana")
	plain.Fills("Password", password)
	plain.Clicks("Log in")
	plain.Sees("far away")
	plain.Opens(path + "?around=" + id(60) + "#m-" + id(60))
	plain.until("the message is in view", `(id) => {
		const [box, log] = [document.getElementById("m-" + id).getBoundingClientRect(), document.querySelector(".log").getBoundingClientRect()];
		return box.top >= log.top && box.bottom <= log.bottom || JSON.stringify([box, log]);
	}`, id(60))

	// No access is the same as not there.
	stranger := w.Person("Eve Stranger")
	stranger.Expects("status of 404")
	stranger.Opens(path + "#m-" + id(60))
	stranger.Sees("Nothing here")
}
