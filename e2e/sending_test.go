//go:build unix

package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/uuid"

	"parley/chat"
)

// pair is two people with a conversation; the first one is at its page, and live.
func pair(t *testing.T, prepare ...func(*Person)) (w *World, ana *Person, ben chat.Viewer, conversation chat.ID) {
	t.Helper()
	w = begin(t)
	ana, ben = w.Person("Ana Torres"), w.Account("Ben Castle")
	conversation = w.Direct(ana.Viewer, ben)
	for _, change := range prepare {
		change(ana)
	}
	ana.At(conversation).Live()
	return w, ana, ben, conversation
}

// hurried lets the page's clock and timers run ten times as fast.
func hurried(p *Person) { p.beforehand(hurrying) }

const hurrying = `(() => {
	const factor = 10;
	const [now, tick, later, again] = [Date.now.bind(Date), performance.now.bind(performance), setTimeout, setInterval];
	const begun = now();
	Date.now = () => begun + (now() - begun) * factor;
	performance.now = () => tick() * factor;
	window.setTimeout = (work, ms = 0, ...args) => later(work, ms / factor, ...args);
	window.setInterval = (work, ms = 0, ...args) => again(work, ms / factor, ...args);
})();`

func TestAMessageStandsAtOnceAndIsSentWhenTheServerAnswers(t *testing.T) {
	t.Parallel()
	w, ana, _, conversation := pair(t)
	ana.Line.Hold()
	ana.Writes("on its way")
	ana.Finds(".message--pending .tick[aria-label=Sending]")
	if stored := w.Bodies(conversation); len(stored) != 0 {
		t.Fatalf("stored already: %q", stored)
	}
	ana.Writes("and another")
	ana.Line.Release()
	ana.Reads("on its way", "and another")
	ana.FindsNone(".message--pending")
	ana.Finds("li.message[data-seq='2'] .tick[aria-label=Sent]")
	equal(t, "stored", w.Bodies(conversation), []string{"on its way", "and another"})
	ana.EqualsFresh()
}

func TestTheBubbleStandsBeforeTheNextFrame(t *testing.T) {
	t.Parallel()
	_, ana, _, _ := pair(t)
	ana.Line.Hold() // no answer can be what shows it
	ana.Drafts("how fast")
	stands := ask[bool](ana.Tab, `() => new Promise((done) => {
		document.querySelector("#composer").requestSubmit();
		requestAnimationFrame(() => done(!!document.querySelector("#pane li.message--pending")));
	})`)
	if !stands {
		t.Error("the next frame is drawn without the bubble")
	}
	ana.Line.Release()
	ana.Finds("li.message[data-seq='1']")
}

func TestEnterSendsAndShiftEnterMakesALine(t *testing.T) {
	t.Parallel()
	_, ana, _, _ := pair(t)
	ana.Drafts("one")
	ana.Presses(kb.Enter, chromedp.ModifierShift)
	ana.Types("two")
	ana.until("two lines wait", `() => document.querySelector("#composer-body").value === "one\ntwo"`)
	ana.FindsNone("#pane li.message")
	ana.Presses(kb.Enter)
	ana.Reads("one\ntwo")

	// White space alone is nothing to send.
	ana.Writes("   ")
	ana.Presses(kb.Enter)
	ana.until("nothing was sent", `() => document.querySelectorAll("#pane li.message").length === 1`)
}

func TestEnterBelongsToTheInputMethodWhileItComposes(t *testing.T) {
	t.Parallel()
	_, ana, _, _ := pair(t)
	ana.ClicksAt("#composer-body")
	ana.Composes("にほん")
	ana.Presses(kb.Enter)
	ana.until("nothing was sent", `() => document.querySelectorAll("#pane li.message").length === 0`)
	ana.Types("日本") // what the input method commits
	ana.Presses(kb.Enter)
	ana.Reads("日本")
}

func TestATextThatIsTooLongIsCountedAndStays(t *testing.T) {
	t.Parallel()
	w, ana, _, conversation := pair(t)
	ana.Drafts(strings.Repeat("x", 8_999))
	ana.FindsNone(".composer__counter")
	ana.Types("xx")
	ana.Finds(".composer__counter")
	ana.Sees("999 characters left")
	ana.Types(strings.Repeat("😀", 1_000)) // counted as people count, not in UTF-16
	ana.Sees("1 character too many")
	ana.Presses(kb.Enter)
	ana.FindsNone("#pane li.message")
	ana.until("the text stays", `() => document.querySelector("#composer-body").value.length === 11001`)
	ana.Presses(kb.Backspace)
	ana.Presses(kb.Enter)
	ana.until("it is sent", `() => document.querySelector("#pane li.message[data-seq] .message__body")?.textContent.length === 10999`)
	if stored := w.Bodies(conversation); len(stored) != 1 || len([]rune(stored[0])) != chat.MaxBody {
		t.Errorf("%d messages are stored, want one of %d characters", len(stored), chat.MaxBody)
	}
}

func TestWhatTheServerRefusesStaysWithTheReason(t *testing.T) {
	t.Parallel()
	w, ana, _, conversation := pair(t)
	ana.Expects("status of 422")
	refused := "bell \a rings"
	ana.Writes(refused)
	ana.Finds(".message--failed")
	ana.Sees("This contains characters that cannot be used.")
	ana.until("its text is there", `(text) => document.querySelector(".message--failed .message__body").textContent === text`, refused)

	// It stays over a reload, and stops no other message.
	ana.Reloads()
	ana.Live()
	ana.Finds(".message--failed")
	ana.Writes("this one is fine")
	ana.until("the other one is sent", `() => document.querySelector("#pane li.message[data-seq] .message__body")?.textContent === "this one is fine"`)

	// Retry is refused again, Delete removes it.
	ana.Clicks("Retry")
	ana.Finds(".message--failed")
	ana.Clicks("Delete")
	ana.FindsNone(".message--failed")
	ana.Reloads()
	ana.Reads("this one is fine")
	ana.FindsNone(".message--failed")
	equal(t, "stored", w.Bodies(conversation), []string{"this one is fine"})
}

func TestWithoutANetworkAMessageFailsAndIsSentOnceAfterwards(t *testing.T) {
	t.Parallel()
	w, ana, _, conversation := pair(t, hurried)
	ana.Expects("net::ERR_", "WebSocket connection to")
	ana.Line.Cut()
	ana.Writes("first")
	ana.Writes("second")
	ana.Writes("third")
	ana.Finds(".message--pending")
	ana.until("the first one failed", `() => document.querySelector("#pane li.message")?.matches(".message--failed") || document.querySelector("#pane ol").innerHTML`)
	ana.Sees("Not sent.")
	ana.until("all failed", `() => document.querySelectorAll(".message--failed").length === 3 || document.querySelectorAll(".message--failed").length`)
	ana.click("Delete of the second", `() => [document.querySelectorAll(".message--failed")[1]].map((li) => [...li.querySelectorAll("button")].find((b) => b.textContent === "Delete"))`)
	ana.click("Retry of the first", `() => [document.querySelectorAll(".message--failed")[0]].map((li) => [...li.querySelectorAll("button")].find((b) => b.textContent === "Retry"))`)
	ana.Finds(".message--pending")
	ana.Line.Mend()
	ana.Live()
	ana.Reads("first", "third")
	ana.FindsNone(".message--pending, .message--failed")
	equal(t, "stored", w.Bodies(conversation), []string{"first", "third"})
	ana.EqualsFresh()
}

func TestOfflineMessagesWaitAndAreSentOnReturn(t *testing.T) {
	t.Parallel()
	w, ana, ben, conversation := pair(t, hurried)
	ana.GoesOffline()
	ana.Sees("You are offline.")
	ana.Writes("written in a tunnel")
	ana.Finds(".message--pending")
	w.Say(ben, conversation, "said meanwhile")
	ana.GoesOnline()
	ana.Live()
	ana.Reads("said meanwhile", "written in a tunnel")
	ana.FindsNone("#connection")
	ana.FindsNone(".message--pending, .message--failed")
	equal(t, "stored", w.Bodies(conversation), []string{"said meanwhile", "written in a tunnel"})
	ana.Glances() // a page that was loaded anew has an unread line
	ana.EqualsFresh()
}

func TestADraftSurvives(t *testing.T) {
	t.Parallel()
	_, ana, _, conversation := pair(t)
	draft := "not finished <b>yet"
	has := `(text) => document.querySelector("#composer-body").value === text || document.querySelector("#composer-body").value`
	ana.Drafts(draft)
	ana.Reloads()
	ana.until("the draft is back", has, draft)

	// In the list of another page, and of another tab of the same person.
	ana.Opens("/")
	ana.until("the row shows it", `(text) => {
		const line = document.querySelector("#list .row__drafted")?.innerText.trim();
		return line === "Draft: " + text || line;
	}`, draft)
	ana.ClicksAt("#list .row__link")
	ana.until("the draft is back", has, draft)
	first := ana.Tab
	first.LooksAway()
	ana.OpensTab()
	ana.At(conversation).Live()
	ana.until("the other tab has it too", has, draft)

	// Sent in one tab, it is gone in both.
	ana.ClicksAt("#composer-body")
	ana.Presses(kb.End)
	ana.Presses(kb.Enter)
	ana.Reads(draft)
	ana.until("the composer is empty", has, "")
	first.Reads(draft)
	first.until("and in the first tab", has, "")
}

func TestAMessageOnItsWaySurvivesAReloadAndIsSentOnce(t *testing.T) {
	t.Parallel()
	w, ana, _, conversation := pair(t)
	ana.Expects("net::ERR_", "WebSocket connection to")

	// Cut before anything reached the server, and again after the server got it but could not answer.
	ana.Line.Hold()
	ana.Writes("once")
	ana.Finds(".message--pending")
	ana.Line.Cut()
	ana.Line.Release()
	ana.Line.Mend()
	ana.Reloads()
	ana.Reads("once")

	ana.Line.HoldAnswers()
	ana.Writes("and once more")
	w.Stores(conversation, "once", "and once more")
	ana.Finds(".message--pending")
	ana.Line.Cut()
	ana.Line.Release()
	ana.Line.Mend()
	ana.Reloads()
	ana.Live()
	ana.Reads("once", "and once more")
	ana.FindsNone(".message--pending, .message--failed")
	equal(t, "stored", w.Bodies(conversation), []string{"once", "and once more"})
	ana.EqualsFresh()
}

func TestTenEqualSendsMakeOneMessage(t *testing.T) {
	t.Parallel()
	w, ana, _, conversation := pair(t)
	ana.Expects("status of 409")
	ids := ask[[]string](ana.Tab, `(path, client) => Promise.all(Array.from({ length: 10 }, async (_, i) => {
		const answer = await fetch(path, { method: "POST", headers: { "HX-Request": "true" },
			body: new URLSearchParams({ body: "ten times", client_id: client }) });
		const template = document.createElement("template");
		template.innerHTML = await answer.text();
		return answer.status + " " + template.content.querySelector("li.message")?.id;
	}))`, "/conversations/"+conversation.String()+"/messages", uuid.NewString())
	for _, id := range ids {
		if id != ids[0] || !strings.HasPrefix(id, "200 m-") {
			t.Fatalf("the answers differ: %q", ids)
		}
	}
	ana.Reads("ten times")
	equal(t, "stored", w.Bodies(conversation), []string{"ten times"})
	ana.EqualsFresh()
}
