//go:build unix

package e2e

import (
	"strings"
	"testing"

	"github.com/google/uuid"
)

func TestThreePeopleInAGroupFromItsMakingToARemoval(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ana, ben, cleo := w.Person("Ana Torres"), w.Person("Ben Castle"), w.Person("Cleo Marsh")
	ben.Opens("/")
	ben.Live()
	cleo.Opens("/")
	cleo.Live()

	ana.Opens("/people")
	ana.Clicks("New group")
	ana.Fills("Name of the group", "Harbour crew")
	for name, p := range map[string]*Person{"ben": ben, "cleo": cleo} {
		ana.Fills("Name or username", name)
		ana.Finds(`#picker-results[data-query="` + name + `"]`)
		ana.ClicksAt(`.picker__row:has([value="` + p.Viewer.ID.String() + `"])`)
	}
	ana.until("both are chosen", `() => document.querySelectorAll("[name=people]:checked").length === 2`)
	ana.Clicks("Make group")
	ana.Sees("You made this group")
	ana.Live()
	ana.Writes("Boat leaves at seven")

	// The others' lists have it without being asked for.
	for _, p := range []*Person{ben, cleo} {
		p.Finds("#list .row__link .avatar--group")
		p.until("the preview says who wrote", `() => /Ana Torres.*Boat leaves at seven/s.test(document.querySelector("#list .row__preview").textContent) || document.querySelector("#list").innerText`)
		p.ClicksAt("#list .row__link")
		p.Live()
		p.Sees("3 members")
	}
	ben.Writes("I bring coffee")
	for _, p := range []*Person{ana, cleo} {
		p.until("reads it", `() => [...document.querySelectorAll(".message__body")].at(-1)?.textContent === "I bring coffee"`)
	}

	// An administrator renames it; a removed member's open page closes.
	group := uuid.MustParse(strings.TrimPrefix(ben.Path(), "/conversations/"))
	ana.Width(1440, 900)
	ana.ClicksAt("#pane .icon-button[data-details]")
	ana.Finds("#details .member")
	ana.Opens("/conversations/" + group.String() + "/settings")
	ana.Fills("Name of the group", "Harbour crew 2027")
	ana.Clicks("Save")
	ana.Finds(".notice")
	ben.until("the new name", `() => document.querySelector(".pane__title").textContent.trim() === "Harbour crew 2027" || document.querySelector(".pane__title").textContent`)
	ana.Opens("/conversations/" + group.String() + "/members/" + cleo.Viewer.ID.String())
	ana.Clicks("Remove")
	ana.Finds(".notice")
	cleo.IsAt("/")
	cleo.Finds("#list .row--past")
	ben.Sees("2 members")
	w.Say(ana.Viewer, group, "now that we are two")
	ben.until("reads it", `() => [...document.querySelectorAll(".message__body")].at(-1)?.textContent === "now that we are two"`)
	cleo.ClicksAt("#list .row--past .row__link")
	cleo.Sees("You are no longer in this group.")
	cleo.Sees("Ana Torres removed you")
	cleo.SeesNot("now that we are two")
	cleo.SeesNot("2027 ") // what it was called afterwards
	ben.EqualsFresh()
}

func TestAGroupWithoutJavaScript(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ana, ben := w.Person("Ana Torres"), w.Person("Ben Castle")
	cleo := w.Account("Cleo Marsh")
	ana.WithoutScripts()
	ben.WithoutScripts()

	ana.Opens("/groups/new")
	ana.Fills("Name of the group", "Harbour crew")
	ana.Fills("Name or username", "ben")
	ana.Clicks("Search")
	ana.FindsNone(`.picker__row:has([value="` + cleo.ID.String() + `"])`) // the page of the answer
	ana.ClicksAt(`.picker__row:has([value="` + ben.Viewer.ID.String() + `"])`)
	ana.Fills("Name or username", "cleo")
	ana.Clicks("Search")
	ana.ClicksAt(`.picker__row:has([value="` + cleo.ID.String() + `"])`)
	ana.Clicks("Make group")
	ana.Sees("You made this group")
	ana.Sees("3 members")

	ben.Opens("/")
	ben.ClicksAt("#list .row__link")
	ben.Sees("Ana Torres made this group")
	ben.ClicksAt("#pane .icon-button[data-details]")
	ben.Sees("Cleo Marsh")
	ben.Clicks("Leave group")
	ben.IsAt("/")
	ben.ClicksAt("#list .row--past .row__link")
	ben.Sees("You are no longer in this group.")

	ana.ClicksAt("#pane .icon-button[data-details]")
	ana.Sees("2 members")
	ana.Expects("status of 409")
	ana.Clicks("Leave group")
	ana.Sees("Somebody else must own the group before you go.")
	// Hands over, then leaves.
	ana.Back()
	ana.ClicksAt(`.member:last-child .icon-button`)
	ana.ClicksAt(`.choice__option:has([value="owner"])`)
	ana.Clicks("Save")
	ana.Clicks("Leave group")
	ana.IsAt("/")
}
