//go:build unix

package e2e

import (
	"testing"

	"github.com/google/uuid"
)

// Chooses puts a choice into the field of that name.
func (tab *Tab) Chooses(name, value string) {
	tab.t.Helper()
	tab.until(name+" is "+value, `(name, value) => {
		const field = document.querySelector("select[name=" + name + "]");
		if (!field) return "there is no such field";
		field.value = value;
		return field.value === value || field.innerHTML;
	}`, name, value)
}

// TestThreePeopleInAGroupWithoutJavaScript goes from the making of a group to a removal with forms and links alone.
func TestThreePeopleInAGroupWithoutJavaScript(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ana, ben, cleo := w.Person("Ana Torres"), w.Person("Ben Castle"), w.Person("Cleo Marsh")
	dora := w.Account("Dora Finch")
	for _, p := range []*Person{ana, ben, cleo} {
		p.WithoutScripts()
	}

	// Ana makes it with Ben, makes a link for Cleo, and adds Dora.
	ana.Opens("/groups/new?q=ben")
	ana.Fills("Name of the group", "Harbour crew")
	ana.ClicksAt(`.picker__row:has([value="` + ben.Viewer.ID.String() + `"])`)
	ana.Clicks("Make group")
	ana.Sees("2 members")
	group := conversationIn(t, ana.Path())
	details := "/conversations/" + group.String() + "/details"
	ana.ClicksAt("#pane .icon-button[data-details]")
	ana.Clicks("Invitation links")
	ana.Chooses("times", "1")
	ana.Clicks("Make link")
	link := ana.madeLink()
	ana.Sees("Used 0 of 1 time")
	cleo.Opens(link)
	cleo.Sees("Harbour crew")
	cleo.Clicks("Join group")
	cleo.IsAt("/conversations/" + group.String())
	cleo.Sees("3 members")
	ana.Opens(details)
	ana.Clicks("Add people")
	ana.Fills("Name or username", "dora")
	ana.Clicks("Search")
	ana.IsAt("/conversations/" + group.String() + "/members/new?")
	ana.ClicksAt(`.picker__row:has([value="` + dora.ID.String() + `"])`)
	ana.Clicks("Add people")
	ana.Sees("4 members")
	ana.lists("Ana Torres", "Ben Castle", "Cleo Marsh", "Dora Finch")

	// They talk, and each reads what the others wrote by asking for the page.
	cleo.Fills("Message", "hello from the quay")
	cleo.Clicks("Send")
	cleo.Reads("hello from the quay")
	ben.Opens("/")
	ben.ClicksAt("#list .row__link")
	ben.Sees("Cleo Marsh joined by a link")
	ben.Reads("hello from the quay")
	ben.Fills("Message", "welcome")
	ben.Clicks("Send")
	ben.Reads("hello from the quay", "welcome")
	cleo.Reloads()
	cleo.Reads("hello from the quay", "welcome")

	// Ana removes Cleo, who keeps what there was until then and nothing else.
	ana.ClicksAt(".member:has([href='/people/cleo']) .icon-button")
	ana.Clicks("Remove")
	ana.Sees("3 members")
	ana.lists("Ana Torres", "Ben Castle", "Dora Finch")
	w.Say(ana.Viewer, group, "now that we are three")
	cleo.Expects("status of 403", "status of 404")
	cleo.Fills("Message", "am I still here?")
	cleo.Clicks("Send")
	cleo.Sees("You are no longer in this group.")
	cleo.Sees("Ana Torres removed you")
	cleo.Sees("welcome")
	cleo.SeesNot("now that we are three")
	cleo.FindsNone("#composer")
	cleo.Finds("#list .row--past")
	cleo.ClicksAt("#pane .icon-button[data-details]")
	cleo.Sees("You were in this group")
	cleo.FindsNone(".member")
	cleo.Opens("/conversations/" + group.String() + "/members")
	cleo.SeesNot("Harbour crew")
	cleo.Opens(link) // which was for one
	cleo.SeesNot("Harbour crew")
}

// TestWhatOneMakesOfAGroupWithoutJavaScript is about its settings, and about one's own choices.
func TestWhatOneMakesOfAGroupWithoutJavaScript(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ana, ben := w.Person("Ana Torres"), w.Person("Ben Castle")
	group := w.group("Harbour crew", ana.Viewer, ben.Viewer)
	at := func(id uuid.UUID) string { return "/conversations/" + id.String() + "/details" }
	ana.WithoutScripts()
	ben.WithoutScripts()

	ben.Opens(at(group))
	ben.Sees("Add people")
	ana.Opens(at(group))
	ana.Clicks("Group settings")
	ana.Fills("Name of the group", "Boat people")
	ana.ClicksAt(`.choice__option:has([name=who_adds][value=administrators])`)
	ana.ClicksAt(`.choice__option:has([name=who_writes][value=administrators])`)
	ana.Clicks("Save")
	ana.Sees("Saved.")
	ana.Sees("Boat people")
	ben.Reloads()
	ben.Sees("Boat people")
	ben.SeesNot("Add people")
	ben.SeesNot("Group settings")
	ben.ClicksAt(".back")
	ben.Sees("Only those who look after this group write here.")

	// Quiet for an hour, pinned, archived, and back.
	ben.ClicksAt("#pane .icon-button[data-details]")
	ben.Chooses("quiet", "hour")
	ben.Clicks("Set quiet")
	ben.Finds("#list .row--quiet")
	ben.Clicks("Pin")
	ben.Finds("#list .row[data-pinned]")
	ben.Chooses("notify", "nothing")
	ben.Clicks("Set notifications")
	ben.until("it is kept", `() => document.querySelector("select[name=notify] option[selected]").value === "nothing" || "not yet"`)
	ben.FindsNone(".list__archive")
	ben.Clicks("Archive")
	ben.FindsNone("#list .row")
	ben.Clicks("Archive (1)")
	ben.ClicksAt("#list .row[data-archived] .row__link")
	ben.ClicksAt("#pane .icon-button[data-details]")
	ben.Clicks("Bring back")
	ben.Finds("#list .row--quiet[data-pinned]")
	ben.Chooses("quiet", "off")
	ben.Clicks("Set quiet")
	ben.FindsNone("#list .row--quiet")
	ben.Clicks("Unpin")
	ben.FindsNone("#list [data-pinned]")
}
