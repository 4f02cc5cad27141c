//go:build unix

package e2e

import (
	"testing"
	"time"

	"parley/chat"
	"parley/realtime"
)

// soonGone shortens the wait until somebody whose last page was closed counts as gone.
var soonGone = timing(realtime.Timing{Gone: 300 * time.Millisecond})

// OnAnotherDevice is the same person at another browser.
func (p *Person) OnAnotherDevice() *Person {
	p.world.t.Helper()
	other := newPerson(p.world, p.Name)
	other.Viewer = p.Viewer
	other.takes(p.world.cookiesOf(p.Username))
	return other
}

// SeenAs waits until a person is seen in the page's content to be in a state; "" is in none.
func (tab *Tab) SeenAs(of chat.Viewer, state chat.PresenceState) {
	tab.t.Helper()
	tab.until(of.DisplayName+" is seen as “"+string(state)+"”", `(id, state) => {
		const found = [...document.querySelectorAll("#pane [data-presence='" + id + "']")];
		return found.length > 0 && found.every((e) => e.dataset.state === state) || found.map((e) => e.outerHTML).join(" ") || "nothing";
	}`, of.ID.String(), string(state))
}

// NotesStates begins to write down the states in which the page shows a person.
func (tab *Tab) NotesStates(of chat.Viewer) {
	tab.t.Helper()
	ask[bool](tab, `(id) => {
		const states = window.__states = [];
		const look = () => {
			const state = document.querySelector("#pane [data-presence='" + id + "']")?.dataset.state;
			if (state !== undefined && state !== states.at(-1)) states.push(state);
		};
		look();
		new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-state"] });
		return true;
	}`, of.ID.String())
}

// States are those that the page has shown since.
func (tab *Tab) States() []string {
	tab.t.Helper()
	return ask[[]string](tab, `() => window.__states`)
}

// chooses stores who sees a person.
func (p *Person) chooses(presence, lastSeen chat.Circle, typing, invisible bool) {
	p.world.t.Helper()
	choices := chat.PresenceChoices{Presence: presence, LastSeen: lastSeen, Typing: typing, Invisible: invisible}
	if err := p.world.app.Chat().SavePresenceChoices(p.world.t.Context(), p.Viewer, choices); err != nil {
		p.world.t.Fatal(err)
	}
}

// TestPresenceOverTwoNodes is seen by two people at two nodes: of a third who is at two devices.
func TestPresenceOverTwoNodes(t *testing.T) {
	t.Parallel()
	w := begin(t, joined(t), soonGone)
	ana, ben, cleo := w.Person("Ana Torres"), w.Person("Ben Castle"), w.Person("Cleo Marsh")
	phone := ana.OnAnotherDevice()
	group := w.group("Harbour crew", cleo.Viewer, ana.Viewer, ben.Viewer)
	conversation := w.Direct(ana.Viewer, ben.Viewer)
	w.Say(ana.Viewer, conversation, "hello")
	beside := w.Beside()
	ben.Line.leadTo(beside)
	phone.Line.leadTo(beside)
	ben.At(conversation).Live()
	cleo.Opens("/conversations/" + group.String() + "/members")
	cleo.Live()
	everybody := func(state chat.PresenceState) {
		t.Helper()
		ben.SeenAs(ana.Viewer, state)
		cleo.SeenAs(ana.Viewer, state)
	}

	ana.At(group).Live()
	everybody(chat.PresenceOnline)
	phone.At(group).Live()
	ana.LooksAway()
	phone.LooksAway()
	everybody(chat.PresenceAway)
	phone.LooksBack()
	everybody(chat.PresenceOnline)

	// One of two devices leaves, and the page of the other is loaded again: nobody notices.
	ben.NotesStates(ana.Viewer)
	ana.Opens("/robots.txt")
	phone.Reloads()
	phone.Live()
	w.Say(ana.Viewer, conversation, "still here")
	ben.Sees("still here")
	if states := ben.States(); len(states) != 1 || states[0] != string(chat.PresenceOnline) {
		t.Errorf("seen as %q meanwhile", states)
	}

	if err := w.app.Chat().SaveStatus(t.Context(), ana.Viewer, chat.StatusInput{Busy: true, Emoji: "📅", Text: "In a meeting", Ends: chat.StatusHour}); err != nil {
		t.Fatal(err)
	}
	everybody(chat.PresenceBusy)
	ben.Sees("In a meeting")
	phone.Opens("/robots.txt")
	everybody(chat.PresenceOffline)
	ben.Sees("In a meeting")
}

// TestPresenceIsHiddenBothWays goes through what somebody may choose, and a block.
func TestPresenceIsHiddenBothWays(t *testing.T) {
	t.Parallel()
	w := begin(t, joined(t), soonGone)
	ana, ben, cleo := w.Person("Ana Torres"), w.Person("Ben Castle"), w.Person("Cleo Marsh")
	group := w.group("Harbour crew", cleo.Viewer, ana.Viewer, ben.Viewer)
	members := "/conversations/" + group.String() + "/members"
	ben.Line.leadTo(w.Beside())
	for _, p := range []*Person{ana, ben, cleo} {
		p.Opens(members)
		p.Live()
	}
	all := func(ofAna, toAna chat.PresenceState) {
		t.Helper()
		for _, p := range []*Person{ben, cleo} {
			p.SeenAs(ana.Viewer, ofAna)
			ana.SeenAs(p.Viewer, toAna)
		}
		ben.SeenAs(cleo.Viewer, chat.PresenceOnline)
	}
	all(chat.PresenceOnline, chat.PresenceOnline)
	ana.chooses(chat.CircleNobody, chat.CircleNobody, true, false)
	all(chat.PresenceNone, chat.PresenceNone)
	ana.chooses(chat.CircleShared, chat.CircleShared, true, false)
	all(chat.PresenceOnline, chat.PresenceOnline)
	ana.chooses(chat.CircleEverybody, chat.CircleEverybody, true, true)
	all(chat.PresenceOffline, chat.PresenceNone)
	ana.chooses(chat.CircleEverybody, chat.CircleEverybody, true, false)
	all(chat.PresenceOnline, chat.PresenceOnline)

	if err := w.app.Chat().BlockPerson(t.Context(), ana.Viewer, ben.Viewer.ID); err != nil {
		t.Fatal(err)
	}
	ben.SeenAs(ana.Viewer, chat.PresenceNone)
	ana.SeenAs(ben.Viewer, chat.PresenceNone)
	cleo.SeenAs(ana.Viewer, chat.PresenceOnline)
	ana.SeenAs(cleo.Viewer, chat.PresenceOnline)
	ben.Reloads()
	ben.Live()
	ben.SeenAs(cleo.Viewer, chat.PresenceOnline)
	ben.SeenAs(ana.Viewer, chat.PresenceNone)
}

// TestPresenceWithoutJavaScript shows what holds while the page is drawn.
func TestPresenceWithoutJavaScript(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ana, ben := w.Person("Ana Torres"), w.Person("Ben Castle")
	conversation := w.Direct(ana.Viewer, ben.Viewer)
	w.Say(ana.Viewer, conversation, "hello")
	ana.At(conversation).Live()
	if err := w.app.Chat().SaveStatus(t.Context(), ana.Viewer, chat.StatusInput{Emoji: "🌴", Text: "Back on Monday", Ends: chat.StatusStays}); err != nil {
		t.Fatal(err)
	}
	ben.WithoutScripts()
	for _, path := range []string{"/conversations/" + conversation.String(), "/people/ana"} {
		ben.Opens(path)
		ben.SeenAs(ana.Viewer, chat.PresenceOnline)
		ben.Sees("Online")
		ben.Sees("Back on Monday")
	}
	ana.chooses(chat.CircleNobody, chat.CircleNobody, true, false)
	ben.Opens("/people/ana")
	ben.SeesNot("Online")
	ben.SeesNot("Back on Monday")
}

// TestWhoWritesIsShownAtAnotherNode has three people write in a group, and one see it.
func TestWhoWritesIsShownAtAnotherNode(t *testing.T) {
	t.Parallel()
	w := begin(t, joined(t))
	ana, ben, cleo, dora := w.Person("Ana Torres"), w.Person("Ben Castle"), w.Person("Cleo Marsh"), w.Person("Dora Lind")
	group := w.group("Harbour crew", cleo.Viewer, ana.Viewer, ben.Viewer, dora.Viewer)
	beside := w.Beside()
	ben.Line.leadTo(beside)
	cleo.Line.leadTo(beside)
	people := []*Person{ana, ben, cleo, dora}
	for _, p := range people {
		p.At(group).Live()
	}
	ana.Drafts("a")
	cleo.Sees("Ana Torres is typing")
	ben.Drafts("b")
	cleo.Sees("Ana Torres and Ben Castle are typing")
	ana.Types("a") // once more: a story may take longer than it lasts
	dora.Drafts("d")
	cleo.Sees("Several people are typing")
	ana.hides("Ana Torres and")

	// What was sent is not being written any more; neither is what somebody left.
	ana.Writes("aa")
	ben.Opens("/people")
	dora.Writes("dd")
	cleo.Sees("dd")
	cleo.FindsNone(".typing")

	// Who hides it neither shows nor sees it.
	cleo.chooses(chat.CircleEverybody, chat.CircleEverybody, false, false)
	dora.Drafts("again")
	ana.Sees("Dora Lind is typing")
	cleo.Drafts("hidden")
	ana.hides("Cleo Marsh is")
	cleo.FindsNone(".typing")
}
