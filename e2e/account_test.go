//go:build unix

package e2e

import (
	"testing"

	"parley/chat"
)

// logsIn fills the form that the person stands before.
func (p *Person) logsIn(username string) {
	p.world.t.Helper()
	p.Fills("Username or e-mail", username)
	p.Fills("Password", password)
	p.Clicks("Log in")
}

// textInATunnel lets Ana write a message and begin another one without a network, and log that browser out from a phone.
// It returns with the network back and the browser at the log-in page.
func textInATunnel(t *testing.T) (w *World, ana *Person, conversation chat.ID) {
	t.Helper()
	w, ana, _, conversation = pair(t)
	phone := w.Visitor("Ana at the phone")
	phone.Opens("/login")
	phone.logsIn("ana")
	phone.Finds("#list .row__link")

	ana.Expects("status of 401") // what a page hears whose session is over
	ana.GoesOffline()
	ana.Writes("written in a tunnel")
	ana.Finds(".message--pending")
	ana.Drafts("half a thought")

	phone.Opens("/settings/sessions")
	phone.Clicks("Log out everywhere else")
	phone.Sees("1 device is logged out.")
	ana.GoesOnline()
	ana.IsAt("/login?next=")
	return w, ana, conversation
}

func TestTextWaitsForItsAuthorToLogInAgain(t *testing.T) {
	t.Parallel()
	w, ana, conversation := textInATunnel(t)
	ana.logsIn("ana")
	ana.IsAt("/conversations/" + conversation.String())
	ana.Reads("written in a tunnel")
	ana.until("the draft is there", `() => document.querySelector("#composer-body").value === "half a thought"`)
	equal(t, "stored", w.Bodies(conversation), []string{"written in a tunnel"})
}

func TestTextIsWipedWhenSomebodyElseLogsIn(t *testing.T) {
	t.Parallel()
	w, ana, conversation := textInATunnel(t)
	ana.logsIn("ben")
	ana.IsAt("/conversations/" + conversation.String())
	ana.Live()
	ana.until("nothing is kept", `() => !/tunnel|half a thought/.test(JSON.stringify(localStorage)) || JSON.stringify(localStorage)`)
	ana.SeesNot("written in a tunnel")
	ana.until("the field is empty", `() => document.querySelector("#composer-body").value === ""`)
	ana.Opens("/settings")
	ana.Clicks("Log out")
	ana.Finds("a[href='/login']")
	ana.Opens("/login")
	ana.logsIn("ana")
	ana.Finds("#list")
	ana.At(conversation).Live()
	ana.until("the field is empty", `() => document.querySelector("#composer-body").value === ""`)
	equal(t, "stored", w.Bodies(conversation), nil)
}

func TestADraftIsThereOnAnotherDevice(t *testing.T) {
	t.Parallel()
	_, ana, _, conversation := pair(t)
	phone := ana.world.Visitor("Ana at the phone")
	phone.Opens("/login")
	phone.logsIn("ana")
	phone.Finds("#list")
	phone.Opens("/settings")
	ana.Drafts("begun at the desk")
	ana.Opens("/people") // what is begun goes to the server as one leaves
	phone.until("the row shows it", `() => document.querySelector("#list .row__drafted")?.innerText.includes("begun at the desk") ||
		document.querySelector("#list").innerText`)
	phone.At(conversation).Live()
	phone.until("the field holds it", `() => document.querySelector("#composer-body").value === "begun at the desk"`)
}

func TestANewNameReachesOpenPages(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ana, ben := w.Person("Ana Torres"), w.Person("Ben Castle")
	conversation := w.Direct(ana.Viewer, ben.Viewer)
	w.Say(ana.Viewer, conversation, "hello")
	ben.At(conversation).Live()
	ana.Opens("/settings")
	ana.Fills("Your name", "Ana Lindqvist")
	ana.Clicks("Save name")
	ana.Sees("That is your name now.")
	ben.until("the name stands everywhere", `() => {
		const said = [".pane__title", "#list .row__name", ".message__author"].map((s) => document.querySelector(s)?.textContent.trim());
		return said.every((name) => name === "Ana Lindqvist") && document.title.includes("Ana Lindqvist") || JSON.stringify(said) + document.title;
	}`)
	ana.At(conversation).Live()
	ana.Writes("by another name")
	ben.Reads("by another name")
	ben.until("as it is drawn anew", `async () => {
		const names = (root) => JSON.stringify([...root.querySelectorAll(".message__author, .avatar")].map((e) => e.textContent));
		const answer = await fetch(location.pathname, { headers: { "HX-Request": "true" } });
		const template = document.createElement("template");
		template.innerHTML = await answer.text();
		return names(document.querySelector("#pane")) === names(template.content) || names(document.querySelector("#pane"));
	}`)
}

func TestAnotherTimeZoneHoldsInEveryTab(t *testing.T) {
	t.Parallel()
	w, ana, ben, conversation := pair(t)
	w.Say(ben, conversation, "first")
	ana.Reads("first")
	talk := ana.Tab
	ana.OpensTab()
	ana.Opens("/settings")
	ana.until("Tokyo and dark are chosen", `() => {
		document.querySelector("[name=time_zone]").value = "Asia/Tokyo";
		document.querySelector("[name=theme][value=dark]").checked = true;
		return true;
	}`)
	ana.Clicks("Save")
	ana.Sees("Saved.")
	ana.Turns(talk)
	w.Say(ben, conversation, "second, a moment later")
	ana.Reads("first", "second, a moment later")
	ana.until("all times are Tokyo's, and the page is dark", `() => {
		const clock = new Intl.DateTimeFormat("en", { timeZone: "Asia/Tokyo", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
		const times = [...document.querySelectorAll("#pane li.message time, #list time")];
		const wrong = times.filter((time) => time.textContent !== clock.format(new Date(time.dateTime)));
		const { theme, timeZone } = document.documentElement.dataset;
		return times.length >= 3 && !wrong.length && theme === "dark" && timeZone === "Asia/Tokyo" ||
			[theme, timeZone, ...times.map((time) => time.outerHTML)].join();
	}`)
}
