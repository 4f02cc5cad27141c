//go:build unix

package e2e

import (
	_ "embed"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"parley/chat"
	"parley/views/gallery"
)

//go:embed testdata/axe.min.js
var axe string

// examine runs axe on the page as it stands, on a phone and on a desktop, in light and dark. Best practices count, too.
func (tab *Tab) examine(what string) {
	tab.t.Helper()
	tab.injectAxe()
	tab.examineAs(what, 390, "light", false)
	tab.examineAs(what, 1440, "light", false)
	tab.examineAs(what, 1440, "dark", true) // no colour depends on the width
}

// glance asks once for everything, on a phone in light or on a desktop in dark: for the gallery, whose components are
// examined again in the pages made of them.
func (tab *Tab) glance(what string, dark bool) {
	tab.t.Helper()
	tab.injectAxe()
	if dark {
		tab.examineAs(what, 1440, "dark", false)
	} else {
		tab.examineAs(what, 390, "light", false)
	}
}

func (tab *Tab) examineAs(what string, width int64, theme string, coloursAlone bool) {
	tab.t.Helper()
	tab.Width(width, 900)
	tab.Device(theme)
	for _, one := range tab.violations(coloursAlone) {
		tab.t.Errorf("%s, %s, %d px: %s", what, theme, width, shortened(one))
	}
}

func (tab *Tab) injectAxe() {
	tab.t.Helper()
	tab.until("axe is there", `() => { `+axe+`; return typeof window.axe === "object" }`)
}

// violations are what axe finds, one line for each element. A theme changes nothing but colours, so that for the second
// one only they are asked for.
func (tab *Tab) violations(coloursAlone bool) []string {
	tab.t.Helper()
	return ask[[]string](tab, `async (coloursAlone) => {
		await document.fonts.ready;
		await Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => {})));
		const options = coloursAlone ? { runOnly: ["color-contrast", "link-in-text-block"] } : { rules: { "target-size": { enabled: true } } };
		const { violations } = await axe.run(document, { resultTypes: ["violations"], preload: false, ...options });
		return violations.flatMap(({ id, nodes }) => nodes.map((node) => id + ": " + node.target.join(" ") + " — " + node.failureSummary.replace(/\s+/g, " ")));
	}`, coloursAlone)
}

func TestAxeFindsNothingInThePagesOfVisitors(t *testing.T) {
	t.Parallel()
	w := begin(t)
	visitor := w.Visitor("Nobody yet")

	// It finds something where there is something.
	visitor.Opens("/login")
	ask[bool](visitor.Tab, `() => {
		document.querySelector("form.form").append(document.createElement("img"));
		document.querySelector("h1").style.color = "rgb(140 140 140 / .3)";
		return true;
	}`)
	visitor.injectAxe()
	if found := strings.Join(visitor.violations(false), "\n"); !strings.Contains(found, "image-alt: ") {
		t.Fatalf("a picture without words: axe finds %q", found)
	}
	if found := visitor.violations(true); len(found) == 0 || !strings.HasPrefix(found[0], "color-contrast: ") {
		t.Fatalf("a heading that nobody can read: axe finds %q", found)
	}

	visitor.Expects("status of 4", "status of 5")
	visitor.Opens("/register")
	visitor.examine("the first registration")
	ana := w.Account("Ana Torres")
	for _, path := range []string{"/", "/register", "/login", "/login?password=changed", "/forgot", "/nowhere"} {
		visitor.Opens(path)
		visitor.examine(path)
	}
	visitor.Opens("/register")
	visitor.Fills("Username", "ana torres")
	visitor.Fills("E-mail", "nobody@")
	visitor.Fills("Password", "short")
	// Past what the browser itself checks of an address.
	ask[bool](visitor.Tab, `() => { const form = document.querySelector("form.form"); form.noValidate = true; form.requestSubmit(); return true }`)
	visitor.Finds("#error-summary")
	visitor.examine("a registration with mistakes")
	visitor.Opens("/login")
	visitor.Fills("Username or e-mail", "ana")
	visitor.Fills("Password", "not the password")
	visitor.Presses(kb.Enter)
	visitor.Sees("Name and password do not go together.")
	visitor.examine("a login with a mistake")
	token, err := w.app.Chat().MakeResetLink(t.Context(), ana.Username)
	if err != nil {
		t.Fatal(err)
	}
	visitor.Opens("/reset/" + token)
	visitor.Sees("New password")
	visitor.examine("a new password")
	visitor.Opens("/reset/nonsense")
	visitor.examine("a link that is used up")
}

func TestAxeFindsNothingInThePagesOfPeople(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ana := w.Person("Ana Torres")
	ana.Expects("status of 4", "status of 5")
	for _, path := range []string{"/", "/people"} {
		ana.Opens(path)
		ana.Live()
		ana.examine("alone at " + path)
	}
	var others []chat.Viewer
	for _, name := range []string{"Ben Castle", "Cleo Mars", "Daria Ivanova"} {
		others = append(others, w.Account(name))
	}
	empty := w.Direct(ana.Viewer, others[1])
	full := w.Direct(ana.Viewer, others[0])
	w.Talk(full, 60, ana.Viewer, others[0])
	w.Say(others[0], full, "Look at https://example.org/a/page and write to ben@example.org\n\n👍")
	for _, path := range []string{
		"/", "/people", "/people?q=cast", "/people?q=zzz", "/people/ben", "/people/ana", "/people/nobody", "/settings",
		"/settings/account",
		"/conversations", "/conversations/" + empty.String(), "/conversations/" + full.String(),
		"/conversations/" + full.String() + "?before=30", "/conversations/" + full.String() + "?before=x", "/nowhere",
	} {
		ana.Opens(path)
		ana.examine(path)
	}

	// The menu of a message, and who has read it.
	own := w.Say(ana.Viewer, full, "Who has read this?")
	ana.At(full).Live()
	ana.PointsAt("#m-" + own.ID.String() + " .message__bubble")
	ana.ClicksAt("#m-" + own.ID.String() + " .message__menu summary")
	ana.Finds(".message__menu[open] .menu__item[href]")
	ana.examine("with the menu of a message")
	receivers := "/conversations/" + full.String() + "/messages/" + own.ID.String() + "/receipts"
	ana.Opens(receivers)
	ana.examine(receivers)

	// With a message on its way, one that failed, something new below, and the line about the connection.
	ana.At(full).Live()
	ana.Scrolls(-800)
	w.Say(others[0], full, "below")
	ana.Finds("#pill")
	ana.examine("with something new below")
	ana.Writes("\a")
	ana.Finds(".message--failed")
	ana.Drafts(strings.Repeat("x", 10_001))
	ana.Line.Hold()
	ana.examine("with a failed message and a text that is too long")
	ana.Line.Release()

	// What broke.
	ana.Opens("/settings")
	ask[bool](ana.Tab, `() => {
		const form = document.querySelector("form[action='/settings']");
		form.querySelector("[name=time_zone]").options[0].value = "Moon/Crater";
		form.querySelector("[name=time_zone]").selectedIndex = 0;
		form.requestSubmit();
		return true;
	}`)
	ana.Sees("Please choose a time zone from the list.")
	ana.examine("settings with a mistake")
	w.Exec(`ALTER TABLE members RENAME TO gone`)
	ana.Opens("/people/ben")
	ana.Sees("Something broke")
	ana.examine("500")
	w.Exec(`ALTER TABLE gone RENAME TO members`)
}

func TestAxeFindsNothingInTheGallery(t *testing.T) {
	t.Parallel()
	pages := []string{"/gallery"}
	for _, component := range gallery.Components() {
		pages = append(pages, "/gallery/"+component.Name)
		if len(component.States) > 1 && (component.Alone || component.States[0].Page != nil) {
			for _, state := range component.States {
				pages = append(pages, "/gallery/"+component.Name+"--"+state.Name)
			}
		}
	}
	const designers = 4 // who go through it side by side
	for first := range designers {
		t.Run(fmt.Sprintf("by designer %d", first+1), func(t *testing.T) {
			t.Parallel()
			designer := begin(t, forDesigners).Visitor("A designer")
			designer.Expects("status of 4", "status of 5")
			for i := first; i < len(pages); i += designers {
				designer.Opens(pages[i])
				designer.glance(pages[i], i/designers%2 > 0)
			}
		})
	}
	t.Logf("%d pages", len(pages))
}
