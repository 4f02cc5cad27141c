//go:build unix

package e2e

import (
	"testing"

	"parley/chat"
)

func TestTwoPeopleMeetAndTalk(t *testing.T) {
	t.Parallel()
	w := begin(t)

	// The first account, by the form. It looks after the installation.
	ana := w.Visitor("Ana Torres")
	ana.Opens("/")
	ana.Clicks("Create account")
	ana.IsAt("/register")
	ana.Sees("You are the first here.")
	ana.Fills("Your name", "Ana Torres")
	ana.Fills("Username", "ana")
	ana.Fills("Password", password)
	ana.Clicks("Create account")
	ana.IsAt("/")
	ana.Sees("No conversations yet")
	ana.Titled("Parley")
	if role := w.Viewer("ana").Role; role != chat.RoleAdministrator {
		t.Fatalf("the first account is %s, want administrator", role)
	}

	// The second one gets the form back first.
	ben := w.Visitor("Ben Castle")
	ben.Expects("status of 422")
	ben.Opens("/register")
	ben.SeesNot("You are the first here.")
	ben.Fills("Your name", "Ben Castle")
	ben.Fills("Username", "ana")
	ben.Fills("Password", "short")
	ben.Clicks("Create account")
	ben.Sees("That did not work yet")
	ben.Sees("Please use at least 8 characters.")
	ben.until("the summary has the focus and the values are kept", `() =>
		document.activeElement?.id === "error-summary" && document.querySelector("[name=display_name]").value === "Ben Castle"
			|| document.activeElement?.outerHTML`)
	ben.Sees("Somebody has that one already.")
	ben.Fills("Password", password)
	ben.Submits("Create account")
	ben.Sees("Somebody has that one already.")
	ben.Fills("Username", "ben")
	ben.Fills("Password", password)
	ben.Clicks("Create account")
	ben.Sees("No conversations yet")
	if role := w.Viewer("ben").Role; role != chat.RoleMember {
		t.Fatalf("the second account is %s, want member", role)
	}

	// They find each other while typing, without a new page.
	ana.Clicks("New conversation")
	ana.IsAt("/people")
	ana.ClicksAt("#people-query")
	ana.Presses("cast")
	ana.until("the results followed the typing", `() => {
		const found = [...document.querySelectorAll("#people-results .person__name")].map((n) => n.textContent);
		return found.join() === "Ben Castle" && location.search === "" || found.join() + location.search;
	}`)
	ana.ClicksAt("#people-results .person__link")
	ana.IsAt("/people/ben")
	ana.Sees("@ben")
	ana.Clicks("Message Ben Castle")
	ana.IsAt("/conversations/")
	ana.Sees("This is the beginning.")
	conversation := conversationIn(t, ana.Path())
	ana.Live()

	// Nobody has written yet, so Ben knows nothing of it.
	ben.Live()
	ben.FindsNone("#list [data-conversation]")

	// With Enter, and with the button.
	ana.Writes("Is this the new one?")
	ana.Reads("Is this the new one?")
	ana.Drafts("I like it here.")
	ana.Clicks("Send")
	ana.Reads("Is this the new one?", "I like it here.")

	// Row, badge and title tell Ben without a new page; opening shows what is new, and reading clears it.
	ben.until("the row tells", `() => {
		const row = document.querySelector("#list [data-conversation]");
		const told = [row?.dataset.unread, row?.querySelector(".badge [aria-hidden]")?.textContent, row?.querySelector(".row__preview").innerText.trim()];
		return told.join("|") === "2|2|I like it here." || told.join("|");
	}`)
	ben.Titled("(1) Parley")
	ben.FindsNone(".list__empty")
	other := ben.Tab
	ben.OpensTab()
	ben.Opens("/settings")
	ben.Titled("(1) Settings · Parley")
	ben.Turns(other)
	ben.ClicksAt("#list .row__link")
	ben.IsAt("/conversations/" + conversation.String())
	ben.Reads("Is this the new one?", "I like it here.")
	ben.until("the unread line stands above what is new", `() =>
		document.querySelector(".unread-line")?.nextElementSibling?.querySelector(".message__body")?.textContent === "Is this the new one?" ||
			document.querySelector("#pane ol")?.innerHTML`)
	ben.FindsNone("#list .badge")
	ben.Titled("Ana Torres · Parley")
	for _, tab := range ben.tabs {
		tab.FindsNone("#list .badge")
	}
	ben.tabs[1].Titled("Settings · Parley")

	// Both ways, live.
	ben.Writes("It is. Say hello from your phone too.")
	ana.Reads("Is this the new one?", "I like it here.", "It is. Say hello from your phone too.")
	ana.Writes("Hello from my phone")
	ben.Reads("It is. Say hello from your phone too.", "Hello from my phone")

	// The same conversation in another tab of Ben's says the same, also after a reload.
	ben.Turns(ben.tabs[1])
	ben.ClicksAt("#list .row__link")
	ben.Reads("Is this the new one?", "I like it here.", "It is. Say hello from your phone too.", "Hello from my phone")
	ben.Writes("And from my other tab")
	other.Reads("Hello from my phone", "And from my other tab")
	other.Reloads()
	other.Reads("Is this the new one?", "I like it here.", "It is. Say hello from your phone too.", "Hello from my phone", "And from my other tab")
	ana.Reads("Hello from my phone", "And from my other tab")
	for _, tab := range []*Tab{ana.Tab, other, ben.tabs[1]} {
		tab.Glances()
		tab.EqualsFresh()
	}
}

func TestWhoLooksAwayFindsALineAboveWhatCameMeanwhile(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ana, ben := w.Person("Ana Torres"), w.Account("Ben Castle")
	conversation := w.Direct(ana.Viewer, ben)
	w.Say(ben, conversation, "before")
	ana.At(conversation).Live()
	ana.FindsNone("#list .badge") // read

	ana.LooksAway()
	w.Say(ben, conversation, "meanwhile")
	w.Say(ben, conversation, "and more")
	ana.until("both have come", `() => document.querySelectorAll("#pane li.message").length === 3`)
	ana.Titled("(1) Ben Castle · Parley")
	line := `(text) => {
		const line = document.querySelector("#pane .unread-line");
		return (line?.nextElementSibling.querySelector(".message__body").textContent ?? "none") === text || (line ? line.nextElementSibling.outerHTML : "no line");
	}`
	ana.until("the line stands above what came meanwhile", line, "meanwhile")

	// Looking back reads it; the line stays until one leaves again.
	ana.LooksBack()
	ana.Titled("Ben Castle · Parley")
	ana.until("the line stays", line, "meanwhile")
	ana.LooksAway()
	ana.until("the line is gone", line, "none")
	ana.LooksBack()

	// What arrives under one's eyes needs no line.
	w.Say(ben, conversation, "seen at once")
	ana.Reads("before", "meanwhile", "and more", "seen at once")
	ana.until("there is no line", line, "none")
	ana.Titled("Ben Castle · Parley")
	ana.EqualsFresh()
}

func TestASecondPageOfPeopleByItsOwnAddressIsAWholeOne(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ana := w.Person("Ana Torres")
	w.Exec(`INSERT INTO people (id, username, display_name, password_hash)
		SELECT gen_random_uuid(), 'many' || n, 'Many ' || n, '' FROM generate_series(1, 45) n`)
	ana.Opens("/people")
	ana.Opens(ask[string](ana.Tab, `() => document.querySelector("#people-more a").getAttribute("href")`))
	ana.Sees("Everybody here")
	ana.ClicksAt("#people-query")
	ana.Presses("torr")
	ana.until("finds herself alone", `() => {
		const names = [...document.querySelectorAll("#people-results .person__name")].map((name) => name.innerText);
		return names.join() === "Ana Torres" || names.join();
	}`)
}
