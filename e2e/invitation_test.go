//go:build unix

package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"parley/config"
)

// decidedByAdministrators leaves the choice of who may register to the administration.
func decidedByAdministrators(s *setting) { s.config.Registration = config.Registration("") }

// TestInvitation is what only a browser shows of an invitation: that its link is shown once, can be copied with a press of
// a button, and leads in; and of a suspension, that an open page learns of it.
func TestInvitation(t *testing.T) {
	t.Parallel()
	w := begin(t, decidedByAdministrators)
	boss := w.Person("Boss Berger")
	guest := w.Visitor("Guest")
	// What the page puts into the clipboard, which nobody may read back; the second time there is none.
	boss.beforehand(`
		navigator.clipboard.writeText = async (text) => { if (window.copied) throw new Error("no clipboard"); window.copied = text; };
		document.addEventListener("copy", () => { const { value, selectionStart, selectionEnd } = document.activeElement; window.copied += "|" + value.slice(selectionStart, selectionEnd); });
	`)

	boss.Opens("/")
	boss.Clicks("Administration")
	boss.Sees("Boss Berger")
	boss.Clicks("Registration")
	boss.ClicksAt("label:has([value=invite])")
	boss.Clicks("Save")
	boss.Sees("Saved.")
	guest.Opens("/")
	guest.Sees("New accounts are made by invitation")
	guest.FindsNone("a[href='/register']")

	boss.Clicks("Invitations")
	boss.Fills("Note", "For Guest")
	boss.Clicks("Make a link")
	boss.Sees("It is shown only now.")
	boss.IsAt("/administration/invitations")
	link := ask[string](boss.Tab, `() => document.querySelector("#secret").value`)
	boss.Clicks("Copy")
	boss.Sees("Copied")
	boss.ClicksAt("button[data-copy]")
	boss.until("the link was copied both ways", `(link) => window.copied === link + "|" + link || window.copied`, link)
	boss.Reloads()
	boss.Sees("For Guest")
	boss.FindsNone("#secret")

	_, path, found := strings.Cut(link, "/join/")
	if !found {
		t.Fatalf("the link is %q", link)
	}
	guest.Opens("/join/" + path)
	guest.Sees("You were invited to Parley by")
	guest.Fills("Your name", "Guest Gardener")
	guest.Fills("Username", "guest")
	guest.Fills("Password", password)
	guest.Presses(kb.Enter)
	guest.Sees("No conversations yet.")
	guest.Opens("/join/" + path)
	guest.Sees("You are already here")
	guest.Opens("/people")
	guest.Live()

	// An open page of somebody who is suspended goes to where one logs in.
	boss.Clicks("People")
	boss.ClicksAt(".record:first-child .person__link")
	boss.Sees("For Guest")
	boss.Clicks("Suspend")
	boss.Fills("Your own password", password)
	guest.Expects("status of 4", "WebSocket")
	boss.Presses(kb.Enter)
	boss.Sees("is suspended.")
	guest.IsAt("/login")
	guest.Fills("Username or e-mail", "guest")
	guest.Fills("Password", password)
	guest.Presses(kb.Enter)
	guest.Sees("Name and password do not go together.")
}
