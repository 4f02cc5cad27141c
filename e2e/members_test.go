//go:build unix

package e2e

import (
	"testing"

	"parley/chat"
)

// group makes a group past the browser.
func (w *World) group(name string, owner chat.Viewer, people ...chat.Viewer) chat.ID {
	w.t.Helper()
	ids := make([]chat.ID, len(people))
	for i, person := range people {
		ids[i] = person.ID
	}
	id, err := w.app.Chat().CreateGroup(w.t.Context(), owner, chat.GroupSettings{Name: name}, ids)
	if err != nil {
		w.t.Fatalf("the group %s: %v", name, err)
	}
	return id
}

// lists waits until the names of the members in the page are these.
func (tab *Tab) lists(names ...string) {
	tab.t.Helper()
	tab.until("lists the members", `(wanted) => {
		const names = [...document.querySelectorAll("#members .member .person__name bdi")].map((name) => name.textContent);
		return JSON.stringify(names) === JSON.stringify(wanted) || JSON.stringify(names);
	}`, names)
}

// madeLink is the path of the link that the page has just made.
func (tab *Tab) madeLink() string {
	tab.t.Helper()
	tab.Sees("It is shown this once.")
	return ask[string](tab, `() => document.querySelector("#secret").value.replace(/^.*(?=\/groups\/join\/)/, "")`)
}

func TestTheListOfMembersIsLiveOnAPhoneToo(t *testing.T) {
	t.Parallel()
	w := begin(t)
	rules := w.app.Chat()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ana, ben := w.Account("Ana Torres"), w.Person("Ben Castle")
	cleo, dora := w.Account("Cleo Marsh"), w.Account("Dora Finch")
	group := w.group("Harbour crew", ana, ben.Viewer, cleo)

	ben.Touches()
	ben.Opens("/conversations/" + group.String() + "/members")
	ben.Live()
	ben.lists("Ana Torres", "Ben Castle", "Cleo Marsh")
	must(rules.AddMembers(t.Context(), ana, group, []chat.ID{dora.ID}))
	ben.lists("Ana Torres", "Ben Castle", "Cleo Marsh", "Dora Finch")
	must(rules.ChangeName(t.Context(), dora, "Dora Falk"))
	ben.lists("Ana Torres", "Ben Castle", "Cleo Marsh", "Dora Falk")
	must(rules.RemoveMember(t.Context(), ana, group, cleo.ID))
	ben.lists("Ana Torres", "Ben Castle", "Dora Falk")
	must(rules.SetMemberRole(t.Context(), ana, group, ben.Viewer.ID, chat.MemberAdministrator))
	ben.Finds(".member:has([href='/people/dora']) .icon-button") // which they may remove now

	ben.Opens("/conversations/" + group.String() + "/details")
	ben.Live()
	ben.Sees("3 members")
	ben.Sees("Group settings")
	must(rules.AddMembers(t.Context(), ana, group, []chat.ID{cleo.ID}))
	ben.Sees("4 members")
	ben.lists("Ana Torres", "Ben Castle", "Cleo Marsh", "Dora Falk")
	must(rules.RemoveMember(t.Context(), ana, group, ben.Viewer.ID))
	ben.IsAt("/")
	ben.Finds("#list .row--past")
}

func TestDetailsBesideAConversationKeepWhatOneDoesThere(t *testing.T) {
	t.Parallel()
	w := begin(t)
	rules := w.app.Chat()
	ana, ben, cleo := w.Person("Ana Torres"), w.Account("Ben Castle"), w.Account("Cleo Marsh")
	group := w.group("Harbour crew", ben, ana.Viewer, cleo)
	ana.Width(1440, 900)
	ana.At(group).Live()
	ana.ClicksAt("#pane .icon-button[data-details]")
	ana.lists("Ben Castle", "Ana Torres", "Cleo Marsh")

	// Somebody goes while a choice is half made and a search half typed.
	ana.Fills("Search members", "c")
	ana.lists("Ben Castle", "Cleo Marsh")
	ana.until("it is chosen", `() => { document.querySelector("#field-notify").value = "nothing"; return true }`)
	if err := rules.RemoveMember(t.Context(), ben, group, cleo.ID); err != nil {
		t.Fatal(err)
	}
	ana.lists("Ben Castle")
	ana.until("all of it is there", `() => {
		const query = document.activeElement;
		const notify = document.querySelector("#field-notify").value;
		const count = document.querySelector("#details .details__sub").textContent;
		return query.id === "members-query" && query.value === "c" && notify === "nothing" && count === "2 members" || [query.outerHTML, notify, count].join();
	}`)

	// The form that is sent takes none of it away either, and keeps the focus.
	ana.ClicksAt("#details [data-part=pinned] button")
	ana.Finds("#list .row[data-pinned]")
	ana.until("it can be taken back, by the same button", `() => {
		const { textContent } = document.activeElement;
		return textContent.trim() === "Unpin" && document.querySelector("#members-query").value === "c" && document.querySelector("#field-notify").value === "nothing" || textContent;
	}`)

	// Another role of one's own shows at once.
	ana.FindsNone("#details .panel--links")
	if err := rules.SetMemberRole(t.Context(), ben, group, ana.Viewer.ID, chat.MemberAdministrator); err != nil {
		t.Fatal(err)
	}
	ana.Finds("#details .panel--links")

	// What is archived goes, and the way to it comes.
	ana.FindsNone(".list__archive")
	ana.ClicksAt("#details [data-part=archived] button")
	ana.FindsNone("#list .row")
	ana.Clicks("Archive (1)")
	ana.Finds("#list .row[data-archived]")
	ana.Opens("/")
	ana.Live()
	w.Say(ben, group, "who takes the boat?")
	ana.Finds("#list .row .badge")
	ana.FindsNone(".list__archive")
}

func TestSomebodyJoinsByALink(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ana, ben := w.Person("Ana Torres"), w.Person("Ben Castle")
	group := w.group("Harbour crew", ana.Viewer)
	ana.Width(1440, 900)
	ana.At(group).Live()
	ana.ClicksAt("#pane .icon-button[data-details]")
	ana.Clicks("Invitation links")
	ana.Clicks("Make link")
	link := ana.madeLink()
	ana.At(group).Live()
	ana.Sees("1 member")

	ben.Opens(link)
	ben.Sees("Harbour crew")
	ben.Clicks("Join group")
	ben.IsAt("/conversations/" + group.String())
	ben.Live()
	ben.Writes("hello from the quay")
	ana.Sees("Ben Castle joined")
	ana.Reads("hello from the quay")
	ana.until("the head counts two", `() => document.querySelector(".pane__sub [data-count]").textContent === "2 members" || document.querySelector(".pane__sub [data-count]").textContent`)
	ana.lists("Ana Torres", "Ben Castle")
	ana.EqualsFresh()

	// The same link leads whoever is in the group to it.
	ben.Opens(link)
	ben.Clicks("Open group")
	ben.IsAt("/conversations/" + group.String())
}
