//go:build unix

package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// TestWithoutJavaScript does everything there is with forms and links alone.
func TestWithoutJavaScript(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ben := w.Account("Ben Castle")
	ana := w.Visitor("Ana Torres")
	ana.WithoutScripts()

	// Sign up; a mistake brings the form back with the message at the field.
	ana.Opens("/register")
	ana.Expects("status of 422")
	ana.Fills("Your name", "Ana Torres")
	ana.Fills("Username", "a na")
	ana.Fills("Password", password)
	ana.Presses(kb.Enter)
	ana.Sees("Use small letters, digits, dots, dashes and underscores")
	ana.until("the name is kept", `() => document.querySelector("[name=display_name]").value === "Ana Torres"`)
	ana.Fills("Username", "ana")
	ana.Fills("Password", password)
	ana.Clicks("Create account")
	ana.Sees("No conversations yet")

	// Search, profile, start.
	ana.Clicks("New conversation")
	ana.IsAt("/people")
	ana.Fills("Name or username", "Castl")
	ana.Presses(kb.Enter)
	ana.IsAt("/people?q=Castl")
	ana.ClicksAt("#people-results .person__link")
	ana.IsAt("/people/ben")
	ana.Clicks("Message Ben Castle")
	ana.Sees("This is the beginning.")
	conversation := conversationIn(t, ana.Path())

	// Write with the button; each form has an id of its own, and what was sent stands there.
	for _, text := range []string{"Hello Ben", "two\nlines", "Hello Ben"} {
		ana.Fills("Message", text)
		ana.Clicks("Send")
		ana.IsAt("/conversations/" + conversation.String() + "#m-")
		ana.until("the composer is empty again", `() => document.querySelector("#composer-body").value === ""`)
	}
	ana.Reads("Hello Ben", "two\nlines", "Hello Ben")
	ana.Reloads()
	ana.Reads("Hello Ben", "two\nlines", "Hello Ben")

	// Too long: the text comes back with the sentence.
	long := strings.Repeat("ä", 10_001)
	ana.Fills("Message", long)
	ana.Clicks("Send")
	ana.Sees("Please use 10000 characters at most.")
	ana.until("the text is kept", `(text) => document.querySelector("#composer-body").value === text`, long)
	far := strings.Repeat("字", 20_000)
	ana.until("far too long", `(text) => { document.querySelector("#composer-body").value = text; return true }`, far)
	ana.Submits("Send")
	ana.Sees("Please use 10000 characters at most.")
	ana.until("the text is kept", `(text) => document.querySelector("#composer-body").value === text`, far)

	// The session is over, or somebody else's by now: the text is there to be copied, and a way back.
	ana.Expects("status of 401")
	mine := w.Viewer("ana")
	ana.Fills("Message", "precious\nwords")
	w.EndSessions(mine)
	ana.Clicks("Send")
	ana.Sees("This was not sent.")
	const given = `(text) => document.querySelector("textarea[readonly]").value === text`
	ana.until("the text is given back", given, "precious\nwords")
	ana.Fills("Username or e-mail", "ana")
	ana.Fills("Password", password)
	ana.Clicks("Log in")
	ana.IsAt("/conversations/" + conversation.String())
	ana.Fills("Message", "precious\nwords")
	ana.takes(w.cookiesOf("ben"))
	ana.Clicks("Send")
	ana.Sees("Somebody else is logged in")
	ana.until("the text is given back", given, "precious\nwords")
	ana.Clicks("Log out and log in as yourself")
	ana.IsAt("/login?next=")
	ana.Fills("Username or e-mail", "ana")
	ana.Fills("Password", password)
	ana.Clicks("Log in")
	ana.IsAt("/conversations/" + conversation.String())

	// New messages became impossible meanwhile.
	ana.Expects("status of 403")
	ana.Fills("Message", "precious\nwords")
	w.Exec(`UPDATE members SET closed = true`)
	ana.Clicks("Send")
	ana.Sees("New messages are not possible here.")
	ana.until("the text is given back", given, "precious\nwords")
	w.Exec(`UPDATE members SET closed = false`)
	ana.Opens("/conversations/" + conversation.String())

	ana.Fills("Message", "short after all")
	ana.Clicks("Send")
	ana.Reads("Hello Ben", "short after all")

	// Ben's answer: the list says so, a button says it was read.
	ana.Opens("/")
	w.Say(ben, conversation, "Good to hear from you")
	ana.Reloads()
	ana.Finds("#list .badge")
	ana.ClicksAt("#list .row__link")
	ana.Reads("short after all", "Good to hear from you")
	ana.Finds(".unread-line")
	ana.Clicks("Mark as read")
	ana.IsAt("/conversations/" + conversation.String())
	ana.FindsNone("#list .badge")
	ana.FindsNone("#mark-read")

	// Older messages and back by links; a message by its own link.
	w.Talk(conversation, 120, w.Viewer("ana"), ben)
	ana.Reloads()
	ana.Sees("message 120")
	ana.SeesNot("message 60")
	ana.Clicks("Older messages")
	ana.Sees("message 60")
	ana.SeesNot("message 120")
	ana.Clicks("Older messages")
	ana.Sees("Hello Ben")
	ana.FindsNone("#older")
	ana.Clicks("Newer messages")
	ana.Sees("message 60")
	ana.Clicks("Latest messages")
	ana.Sees("message 120")
	link := ask[string](ana.Tab, `() => document.querySelector("#pane li.message .message__time").getAttribute("href")`)
	ana.Opens(link)
	ana.until("the linked message is in view", `() => {
		const box = document.querySelector(location.hash)?.getBoundingClientRect();
		const log = document.querySelector(".log").getBoundingClientRect();
		return box && box.top >= log.top - 1 && box.bottom <= log.bottom + 1 || JSON.stringify(box);
	}`)

	// Settings and logging out.
	ana.Clicks("Settings")
	ana.Clicks("Dark")
	ana.until("Tokyo can be chosen", `() => { document.querySelector("[name=time_zone]").value = "Asia/Tokyo"; return true }`)
	ana.Clicks("Save")
	ana.Sees("Saved.")
	ana.until("the page is dark and in Tokyo's time", `() => {
		const { theme, timeZone } = document.documentElement.dataset;
		return theme === "dark" && timeZone === "Asia/Tokyo" || theme + timeZone;
	}`)
	ana.Clicks("Log out")
	ana.Finds("a[href='/login']")
	ana.Opens("/conversations/" + conversation.String())
	ana.IsAt("/login?next=")
	ana.Fills("Username or e-mail", "ana")
	ana.Fills("Password", password)
	ana.Presses(kb.Enter)
	ana.IsAt("/conversations/" + conversation.String())
	ana.Sees("message 120")
}
