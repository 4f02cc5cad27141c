//go:build unix

package e2e

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"parley/chat"
	"parley/realtime"
)

func TestWhatWasSaidDuringALostConnectionComesInOrderAndOnce(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ana, ben := w.Person("Ana Torres"), w.Person("Ben Castle")
	conversation := w.Direct(ana.Viewer, ben.Viewer)
	ana.At(conversation).Live()
	ben.At(conversation).Live()
	ana.Expects("net::ERR_", "WebSocket connection to")
	ana.Writes("one")
	ben.Reads("one")

	// The socket alone, then everything, more than once, in the middle of a lively conversation of both.
	for round := range 3 {
		if round == 1 {
			ana.Line.Cut()
		} else {
			ana.Line.DropSockets()
		}
		ana.Writes(fmt.Sprintf("Ana %d", round))
		for i := range 3 {
			ben.Writes(fmt.Sprintf("Ben %d.%d", round, i))
		}
		ana.Line.Mend()
	}
	ana.Live()
	w.t.Log("stored")
	ana.until("all have come", `() => document.querySelectorAll("#pane li.message[data-seq]").length === 13 || document.querySelectorAll("#pane li.message").length`)
	ben.until("all have come", `() => document.querySelectorAll("#pane li.message[data-seq]").length === 13 || document.querySelectorAll("#pane li.message").length`)
	stored := w.Bodies(conversation)
	equal(t, "Ana's page", ana.Log(), stored)
	equal(t, "Ben's page", ben.Log(), stored)
	ana.FindsNone("#connection")
	for _, p := range []*Person{ana, ben} {
		p.Glances()
		p.EqualsFresh()
	}
}

func TestAReloadInTheMiddleLosesNothing(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ana, ben := w.Person("Ana Torres"), w.Person("Ben Castle")
	conversation := w.Direct(ana.Viewer, ben.Viewer)
	ana.At(conversation).Live()
	ben.At(conversation).Live()
	ana.Expects("net::ERR_ABORTED")
	for round := range 3 {
		ana.Writes(fmt.Sprintf("Ana %d", round))
		ben.Writes(fmt.Sprintf("Ben %d", round))
		ana.Reloads() // at once, whatever is on its way
	}
	ana.Live()
	for _, p := range []*Person{ana, ben} {
		p.until("all six are there", `() => document.querySelectorAll("#pane li.message[data-seq]").length === 6 || document.querySelector("#pane ol").innerText`)
		equal(t, p.Name, p.Log(), w.Bodies(conversation))
		p.Glances()
		p.EqualsFresh()
	}
}

func TestAConnectionThatIsDeadWithoutSayingSoIsNoticed(t *testing.T) {
	t.Parallel()
	// The page's clock runs ten times as fast: 45 s of silence take 4.5 s, a beat comes every 10 s of its time.
	w := begin(t, timing(realtime.Timing{Beat: time.Second}))
	ana, ben := w.Person("Ana Torres"), w.Account("Ben Castle")
	conversation := w.Direct(ana.Viewer, ben)
	hurried(ana)
	ana.At(conversation).Live()
	before := ana.Line.Dialled()

	// It stands quietly as long as beats come.
	ana.until("six beats have come", `() => __watch.sockets.at(-1).frames.filter((type) => type === "beat").length >= 6`)
	if again := ana.Line.Dialled() - before; again != 0 {
		t.Fatalf("the page dialled %d times although the connection was good", again)
	}

	ana.Line.Freeze()
	w.Say(ben, conversation, "into the dark")
	ana.Reads("into the dark")
	if again := ana.Line.Dialled() - before; again == 0 {
		t.Fatal("the message came through a dead connection")
	}
	ana.EqualsFresh()
}

func TestWhatWasReadOnADeadConnectionIsReadAfterwards(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ana, ben, cleo := w.Person("Ana Torres"), w.Account("Ben Castle"), w.Account("Cleo Mars")
	withBen, withCleo := w.Direct(ana.Viewer, ben), w.Direct(ana.Viewer, cleo)
	w.Say(ben, withBen, "from Ben")
	w.Say(cleo, withCleo, "from Cleo")
	ana.Expects("WebSocket connection to", "net::ERR_")
	ana.Opens("/")
	ana.Live()
	ana.Titled("(2) Parley")

	// The cable is pulled, and nobody is told; pages still come.
	ana.Line.Freeze()
	for _, conversation := range []chat.ID{withBen, withCleo} {
		ana.ClicksAt("#row-" + conversation.String() + " a")
		ana.IsAt("/conversations/" + conversation.String())
		ana.until("the frame that says so is gone into the dark", `(conversation) =>
			__watch.sockets.at(-1).said.some((frame) => frame.type === "ack" && frame.positions[conversation]?.read === 1)`, conversation.String())
	}
	ana.Line.DropSockets() // now the browser notices
	ana.Live()
	w.HasRead(ana.Viewer, withBen)
	w.HasRead(ana.Viewer, withCleo)
	ana.FindsNone("#list .badge")
	ana.Titled("Cleo Mars · Parley")
}

func TestWhereSocketsAreForbiddenThePageAsks(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ana, ben := w.Person("Ana Torres"), w.Account("Ben Castle")
	conversation := w.Direct(ana.Viewer, ben)
	hurried(ana)
	ana.Expects("WebSocket connection to")
	ana.Line.ForbidSockets()
	ana.At(conversation)
	w.Say(ben, conversation, "can you hear me")
	ana.Reads("can you hear me")
	ana.Writes("yes, slowly")
	ana.Reads("can you hear me", "yes, slowly")
	w.Say(ben, conversation, "good enough")
	ana.Reads("can you hear me", "yes, slowly", "good enough")
	ana.FindsNone("#connection") // it is connected, if slowly
	ana.FindsNone("#list .badge")
	ana.Titled("Ben Castle · Parley")

	// The socket takes over once it may.
	ana.Line.Mend()
	ana.Live()
	w.Say(ben, conversation, "and now at once")
	ana.Reads("good enough", "and now at once")
	equal(t, "Ana's page", ana.Log(), w.Bodies(conversation))
	ana.Glances()
	ana.EqualsFresh()
}

func TestWhereSocketsAreForbiddenTheListIsAskedFor(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ana, ben := w.Person("Ana Torres"), w.Account("Ben Castle")
	conversation := w.Direct(ana.Viewer, ben)
	hurried(ana)
	ana.Expects("WebSocket connection to")
	ana.Line.ForbidSockets()
	ana.Opens("/")
	ana.Sees("Connecting…")
	w.Say(ben, conversation, "can you hear me")
	ana.FindsNone("#connection")
	ana.Titled("(1) Parley")
	ana.Finds("#list .badge")
	w.Say(ben, conversation, "the next one")
	ana.until("the row says so", `() => document.querySelector("#list").innerText.includes("the next one") || document.querySelector("#list").innerText`)

	ana.Line.Mend()
	ana.Live()
	w.Say(ben, conversation, "and now at once")
	ana.until("the row says so", `() => document.querySelector("#list").innerText.includes("at once") || document.querySelector("#list").innerText`)
}

func TestALineTellsCalmlyThatTheConnectionIsGone(t *testing.T) {
	t.Parallel()
	_, ana, _, _ := pair(t, hurried)
	ana.Expects("net::ERR_", "WebSocket connection to")
	ana.Line.Cut()
	ana.Sees("Connecting…")
	ana.until("the composer stays usable", `() => !document.querySelector("#composer-body").disabled`)
	ana.Line.Mend()
	ana.FindsNone("#connection")
	ana.Live()
}

func TestASessionThatEndedElsewhereLeadsToTheLogin(t *testing.T) {
	t.Parallel()
	w, ana, _, conversation := pair(t)
	ana.Drafts("half a thought")
	w.EndSessions(ana.Viewer)
	ana.IsAt("/login?next=")
	ana.Fills("Username or e-mail", "ana")
	ana.Fills("Password", password)
	ana.Clicks("Log in")
	ana.IsAt("/conversations/" + conversation.String())
	ana.until("the draft is there", `() => document.querySelector("#composer-body").value === "half a thought"`)
	ana.Live()
}

func TestAPageNeverWritesInTheNameOfSomebodyElse(t *testing.T) {
	t.Parallel()
	w, ana, ben, conversation := pair(t)
	ana.Expects("status of 401")
	ana.takes(w.cookiesOf("ben")) // as when he logs in on this browser, and her page does not hear of it
	ana.Writes("in whose name")
	ana.until("the page is his, who is logged in", `(id) => document.body.dataset.person === id || document.body.dataset.person`, ben.ID.String())
	ana.IsAt("/conversations/" + conversation.String())
	ana.until("he finds nothing of hers", `() => !JSON.stringify(localStorage).includes("in whose name") || JSON.stringify(localStorage)`)
	ana.Live()
	ana.Writes("in my own name")
	w.Stores(conversation, "in my own name")
}

func TestLoggingOutEndsEveryTabAndLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	w, ana, ben, conversation := pair(t)
	ana.Expects("status of 422")
	ana.takes([]*http.Cookie{{Name: "another-program", Value: "on the same machine"}})
	ana.Writes("a secret that the server refuses\a")
	ana.Finds(".message--failed")
	ana.Drafts("a secret draft")
	conversations := ana.Tab
	ana.OpensTab()
	ana.Opens("/settings")
	ana.until("what was refused is kept", `() => JSON.stringify(localStorage).includes("a secret that")`)
	ana.Clicks("Log out")
	ana.Finds("a[href='/login']")
	conversations.IsAt("/login")
	w.Say(ben, conversation, "after the end")
	ana.until("nothing is kept", `() => !JSON.stringify(localStorage).includes("secret") || JSON.stringify(localStorage)`)
	conversations.SeesNot("after the end")
	equal(t, "cookies", ana.Cookies(), []string{"another-program"})
	ana.Back()
	ana.IsAt("/login")
}

func TestALogOutThatFailsLosesNothing(t *testing.T) {
	t.Parallel()
	w, ana, ben, conversation := pair(t)
	ana.Expects("status of 500", "WebSocket connection to")
	talk := ana.Tab
	ana.OpensTab()
	ana.Opens("/settings")
	w.Exec(`ALTER TABLE sessions RENAME TO out_of_order`)
	ana.Clicks("Log out")
	ana.Sees("Something broke")
	w.Exec(`ALTER TABLE out_of_order RENAME TO sessions`)

	// The other tab does not know yet what came of it.
	ana.Turns(talk)
	ana.Writes("precious")
	ana.Drafts("half a thought")
	w.Stores(conversation, "precious")
	ana.Live()
	w.Say(ben, conversation, "still there?")
	ana.Reads("precious", "still there?")
	ana.until("the draft is kept, here or by the server", `() => document.querySelector("#composer-body").value === "half a thought" &&
		(JSON.stringify(localStorage).includes("half a thought") || document.querySelector("#composer-body").hasAttribute("data-drafted"))`)
	ana.Reloads()
	ana.until("the draft is there", `() => document.querySelector("#composer-body").value === "half a thought"`)
}

func TestAnErrorPageInOneTabLeavesTheOthersAlone(t *testing.T) {
	t.Parallel()
	w, ana, ben, conversation := pair(t)
	ana.Expects("status of 500")
	talk := ana.Tab
	ana.OpensTab()
	w.Exec(`ALTER TABLE drafts RENAME TO out_of_order`)
	ana.Opens("/")
	ana.Sees("Something broke")
	w.Exec(`ALTER TABLE out_of_order RENAME TO drafts`)
	if who := ask[string](ana.Tab, `() => localStorage.getItem("parley:person")`); who != ana.Viewer.ID.String() {
		t.Fatalf("the error page says that %q is logged in", who)
	}
	ana.Turns(talk)
	w.Say(ben, conversation, "are you there?")
	ana.Reads("are you there?")
	ana.IsAt("/conversations/" + conversation.String())
}

func TestAfterARestoreTheListIsWhatWasRestored(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ana, ben := w.Person("Ana Torres"), w.Account("Ben Castle")
	conversation := w.Direct(ana.Viewer, ben)
	w.Say(ben, conversation, "kept")
	w.Say(ben, conversation, "lost by the restore")
	ana.Opens("/")
	ana.Live()
	ana.Sees("lost by the restore")
	ana.Expects("WebSocket connection to", "net::ERR_", "status of 503")
	w.Restarts(func() {
		w.Exec(`DELETE FROM messages WHERE seq = 2`)
		w.Exec(`UPDATE conversations SET msg_seq = 1, change_seq = 1`)
		w.Exec(`UPDATE installation SET epoch = gen_random_uuid()`)
	})
	ana.until("the row is the restored one", `() => {
		const row = document.querySelector("#list > li");
		return row.dataset.unread === "1" && row.innerText.includes("kept") || row.innerText;
	}`)

	// What comes from now on has numbers that were used before.
	w.Say(ben, conversation, "afterwards")
	ana.ClicksAt("#list .row__link")
	ana.Reads("kept", "afterwards")
	w.HasRead(ana.Viewer, conversation)
	ana.FindsNone("#list .badge")
}

func TestARestartOfTheServerIsSurvived(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ana, ben := w.Person("Ana Torres"), w.Person("Ben Castle")
	conversation := w.Direct(ana.Viewer, ben.Viewer)
	ana.At(conversation).Live()
	ben.At(conversation).Live()
	ana.Expects("net::ERR_", "WebSocket connection to", "status of 503")
	ben.Expects("net::ERR_", "WebSocket connection to", "status of 503")
	ana.Writes("before")
	ben.Reads("before")
	w.Restarts(func() { ana.Writes("in between") })
	ben.Writes("after")
	for _, p := range []*Person{ana, ben} {
		p.Live()
		p.until("all three are there", `() => document.querySelectorAll("#pane li.message[data-seq]").length === 3 || document.querySelector("#pane ol").innerText`)
		equal(t, p.Name, p.Log(), w.Bodies(conversation))
	}
}
