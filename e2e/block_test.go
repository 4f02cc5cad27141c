//go:build unix

package e2e

import (
	"testing"

	"parley/chat"
)

const folded = "Message from somebody you blocked."

// hides waits until a text is nowhere in the page, be it shown or not.
func (tab *Tab) hides(text string) {
	tab.t.Helper()
	tab.until("has nothing of it", `(text) => !document.documentElement.outerHTML.includes(text)`, text)
}

// TestBlockInAnOpenConversation is seen from both sides, which nobody loads anew.
func TestBlockInAnOpenConversation(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ana, ben := w.Person("Ana Torres"), w.Person("Ben Castle")
	conversation := w.Direct(ana.Viewer, ben.Viewer)
	w.Say(ben.Viewer, conversation, "before")
	ben.At(conversation)
	ana.At(conversation)
	first := ana.Tab
	second := ana.OpensTab()
	second.Opens("/people/ben")
	second.Clicks("Block")
	second.Sees("Nobody is told.")
	second.Clicks("Block Ben Castle")
	second.IsAt("/settings/blocks?saved=blocked")
	second.Sees("Blocked.")

	ana.Turns(first)
	for _, tab := range []*Tab{first, ben.Tab} {
		tab.Sees("New messages are not possible here.")
		tab.FindsNone("#composer")
		tab.Sees("before")
	}
	ben.Opens("/people?q=Ana")
	ben.FindsNone(`#people-results a[href="/people/ana"]`)
	ben.Expects("status of 404")
	ben.Opens("/people/ana")
	ben.Sees("Nothing here")
	ben.At(conversation)

	ana.Turns(second)
	second.Clicks("Unblock Ben Castle")
	second.Sees("No longer blocked.")
	ana.Turns(first)
	for _, tab := range []*Tab{first, ben.Tab} {
		tab.Finds("#composer")
	}
	ben.Writes("again")
	first.Sees("again")
}

// TestBlockAtAnotherNode is seen by three people whose pages two nodes serve: by the other of the pair, and by somebody whom it
// is nothing to.
func TestBlockAtAnotherNode(t *testing.T) {
	t.Parallel()
	w := begin(t, joined(t))
	ana, ben, cleo := w.Person("Ana Torres"), w.Person("Ben Castle"), w.Person("Cleo Marsh")
	group := w.group("Harbour crew", cleo.Viewer, ana.Viewer, ben.Viewer)
	conversation := w.Direct(ana.Viewer, ben.Viewer)
	w.Say(ben.Viewer, conversation, "before")
	beside := w.Beside()
	ben.Line.leadTo(beside)
	cleo.Line.leadTo(beside)
	ben.At(conversation).Live()
	cleo.At(group).Live()
	ana.At(group).Live()
	ana.OpensTab()
	first, second := ana.tabs[0], ana.Tab
	second.Opens("/people/ben")
	second.Clicks("Block")
	second.Clicks("Block Ben Castle")
	second.Sees("Blocked.")

	ben.Sees("New messages are not possible here.")
	ben.FindsNone("#composer")
	ben.At(group).Live()
	ben.Writes("a word of now")
	cleo.Sees("a word of now")
	ana.Turns(first)
	ana.Sees(folded)
	ana.hides("a word of now")
	cleo.hides(folded)

	ana.Turns(second)
	second.Clicks("Unblock Ben Castle")
	second.Sees("No longer blocked.")
	ana.Turns(first)
	ana.Sees("a word of now")
	ben.At(conversation).Live()
	ben.Writes("again")
	ana.At(conversation)
	ana.Sees("again")
	ana.EqualsFresh()
}

// TestBlockInACommonGroup folds what the blocked person says, for the blocker alone.
func TestBlockInACommonGroup(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ana, ben, cleo := w.Person("Ana Torres"), w.Person("Ben Castle"), w.Person("Cleo Marsh")
	group := w.group("Harbour crew", cleo.Viewer, ana.Viewer, ben.Viewer)
	w.Say(ben.Viewer, group, "a word of old")
	ana.At(group)
	ben.At(group)
	cleo.At(group)
	ana.Sees("a word of old")
	if err := w.app.Chat().BlockPerson(t.Context(), ana.Viewer, ben.Viewer.ID); err != nil {
		t.Fatal(err)
	}
	ana.Sees(folded)
	ana.hides("a word of old")
	ana.Live()
	ben.Live()
	said := w.Say(ben.Viewer, group, "a word of now")
	for _, tab := range []*Tab{ben.Tab, cleo.Tab} {
		tab.Sees("a word of now")
		tab.hides(folded)
	}
	ana.Finds("#m-" + said.ID.String() + `[data-kind="concealed"]`)
	ana.hides("a word of now")
	ana.EqualsFresh()
	ana.ClicksAt("#m-" + said.ID.String() + " [data-open]")
	ana.Sees("a word of now")
	ana.hides("a word of old")
	ana.Finds("#m-" + said.ID.String() + " .message__author")
}

// TestRequestsInAnOpenPage are counted as they come, and shown where they are asked for.
func TestRequestsInAnOpenPage(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ana, ben := w.Person("Ana Torres"), w.Account("Ben Castle")
	reach := chat.Reach{Writes: chat.CircleNobody, Adds: chat.CircleEverybody, Finds: chat.CircleEverybody}
	if err := w.app.Chat().SaveReach(t.Context(), ana.Viewer, reach); err != nil {
		t.Fatal(err)
	}
	ana.Opens("/")
	ana.FindsNone(".list__requests")
	w.Say(ben, w.Direct(ben, ana.Viewer), "hello from ben")
	ana.Sees("1 request")
	ana.hides("hello from ben")
	ana.Clicks("1 request")
	ana.Sees("hello from ben")
	ana.Clicks("Accept")
	ana.Finds("#composer")
	ana.Sees("hello from ben")
	ana.FindsNone(".list__requests")
}

// TestBlocksAndRequestsWithoutJavaScript does all of it with forms and links.
func TestBlocksAndRequestsWithoutJavaScript(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ana, ben := w.Person("Ana Torres"), w.Account("Ben Castle")
	cleo := w.Account("Cleo Marsh")
	ana.WithoutScripts()

	// Who writes first waits.
	ana.Opens("/settings/blocks")
	ana.Chooses("may_write", "nobody")
	ana.Clicks("Save")
	ana.Sees("Saved.")
	for _, by := range []chat.Viewer{ben, cleo} {
		w.Say(by, w.Direct(by, ana.Viewer), "hello from "+by.Username)
	}
	ana.Opens("/")
	ana.SeesNot("hello from ben")
	ana.Clicks("2 requests")
	ana.Sees("hello from ben")
	ana.ClicksAt(`.person__link[href="/conversations/` + w.Direct(ben, ana.Viewer).String() + `"]`)
	ana.Sees("Do you want to hear from this person?")
	ana.Clicks("Accept")
	ana.Fills("Message", "hello Ben")
	ana.Clicks("Send")
	ana.Reads("hello from ben", "hello Ben")
	ana.Opens("/requests")
	ana.Clicks("Decline")
	ana.Sees("Nobody waits for an answer.")

	// A block, and one message shown by choice.
	group := w.group("Harbour crew", cleo, ana.Viewer, ben)
	said := w.Say(ben, group, "a word of Ben's")
	ana.Opens("/conversations/" + group.String() + "?around=" + said.ID.String())
	ana.Clicks("Block who wrote it")
	ana.Clicks("Block Ben Castle")
	ana.Sees("Blocked.")
	ana.Opens("/conversations/" + group.String())
	ana.Sees(folded)
	ana.hides("a word of Ben's")
	ana.Clicks("Show it")
	ana.Sees("a word of Ben's")
	ana.Opens("/settings/blocks")
	ana.Clicks("Unblock Ben Castle")
	ana.Sees("No longer blocked.")
	ana.Opens("/conversations/" + group.String())
	ana.Sees("a word of Ben's")
}
