//go:build unix

package e2e

import (
	"strings"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// pressable is what a person can press.
const pressable = `a[href], button, summary, label, input[type=submit]`

// Submits clicks a button that brings another page, and waits for it: it may look like the one before.
func (tab *Tab) Submits(name string) {
	tab.t.Helper()
	ask[bool](tab, `() => { window.__before = true; return true }`)
	tab.Clicks(name)
	tab.until("another page has come", `() => !window.__before`)
	tab.ready()
}

// Clicks presses the one visible link or button of that name.
func (tab *Tab) Clicks(name string) {
	tab.t.Helper()
	tab.click("“"+name+"”", `(kinds, name) => window.__watch.named(kinds, name)`, pressable, name)
}

// ClicksAt presses the one visible element that a CSS selector finds.
func (tab *Tab) ClicksAt(selector string) {
	tab.t.Helper()
	tab.click(selector, `(selector) => [...document.querySelectorAll(selector)].filter(window.__watch.visible)`, selector)
}

// click waits until find returns one element that stands still and is covered by nothing, and presses the mouse there.
func (tab *Tab) click(what, find string, args ...any) {
	tab.t.Helper()
	point := tab.point(what, find, args...)
	for _, kind := range []input.DispatchMouseEventType{
		input.DispatchMouseEventTypeMouseMoved, input.DispatchMouseEventTypeMousePressed, input.DispatchMouseEventTypeMouseReleased,
	} {
		event := input.DispatchMouseEventParams{Type: kind, X: point[0], Y: point[1]}
		if kind != input.DispatchMouseEventTypeMouseMoved {
			event.Button, event.ClickCount = input.MouseButtonLeft, 1
		}
		send(tab, input.DispatchMouseEvent, event)
	}
}

// point waits until find returns exactly one element, and returns a place where a click meets it.
func (tab *Tab) point(what, find string, args ...any) [2]float64 {
	tab.t.Helper()
	point := found[[]any](tab, what+" can be pressed", `(find, args) => {
		const found = eval(find)(...args);
		if (found.length !== 1) return found.length + " of them";
		const [element] = found;
		if (element.disabled) return "it is disabled";
		element.scrollIntoView({ block: "nearest", behavior: "instant" });
		const box = [...element.getClientRects()].find((r) => r.width && r.height);
		if (!box) return "it has no room";
		const at = [box.x + box.width / 2, box.y + box.height / 2];
		const was = window.__watch.point;
		window.__watch.point = at;
		if (!was || was[0] !== at[0] || was[1] !== at[1]) return "it moves";
		const top = document.elementFromPoint(...at);
		if (!top) return "it is out of view";
		if (!element.contains(top) && top.closest("a, button, label") !== element) return "it is covered by " + top.outerHTML.slice(0, 200);
		delete window.__watch.point;
		return at;
	}`, find, args)
	return [2]float64{point[0].(float64), point[1].(float64)}
}

// Fills puts a text into the field with that label, in place of what was there.
func (tab *Tab) Fills(label, text string) {
	tab.t.Helper()
	tab.until("a field “"+label+"”", `(label) => {
		const found = window.__watch.named("input, textarea, select", label);
		if (found.length !== 1) return found.length + " of them";
		found[0].focus();
		found[0].select?.();
		return document.activeElement === found[0] || "it does not take the focus";
	}`, label)
	tab.Types(text)
}

// Types puts a text where the focus is, at once, as from a clipboard or an input method. Nothing replaces what is
// selected with nothing.
func (tab *Tab) Types(text string) {
	tab.t.Helper()
	if text == "" {
		tab.Presses(kb.Delete)
		return
	}
	send(tab, input.InsertText, input.InsertTextParams{Text: text})
}

// Composes types into an input method, which has not committed anything yet.
func (tab *Tab) Composes(text string) {
	tab.t.Helper()
	n := int64(len([]rune(text)))
	send(tab, input.ImeSetComposition, input.ImeSetCompositionParams{Text: text, SelectionStart: n, SelectionEnd: n})
}

// Presses presses keys one by one. A key and the character it makes are one event, so that a page that answers the key
// keeps the character out, as it does with a keyboard.
func (tab *Tab) Presses(keys string, with ...chromedp.Modifier) {
	tab.t.Helper()
	for _, key := range keys {
		var down input.DispatchKeyEventParams
		for _, event := range kb.Encode(key) {
			for _, modifier := range with {
				event.Modifiers |= int64(modifier)
			}
			switch event.Type {
			case kb.KeyDown:
				down = *event
			case kb.KeyChar:
				if event.Modifiers&^int64(chromedp.ModifierShift) == 0 {
					down.Text, down.UnmodifiedText = event.Text, event.UnmodifiedText
				}
			case kb.KeyUp:
				send(tab, input.DispatchKeyEvent, down)
				send(tab, input.DispatchKeyEvent, *event)
			}
		}
	}
}

// Sees waits until a text stands in the page, where it can be seen or scrolled to.
func (tab *Tab) Sees(text string) {
	tab.t.Helper()
	tab.until("sees “"+text+"”", `(text) => document.body.innerText.includes(text) || document.body.innerText`, text)
}

// SeesNot says that a text does not stand in the page's content, which is all but the list. It does not wait: what must
// come before it has come.
func (tab *Tab) SeesNot(text string) {
	tab.t.Helper()
	if seen := ask[string](tab, `() => document.querySelector("#pane").innerText`); strings.Contains(seen, text) {
		tab.t.Fatalf("%s sees “%s”, which should not be there:\n%s", tab.person.Name, text, seen)
	}
}

// Finds waits until a CSS selector finds something that can be seen.
func (tab *Tab) Finds(selector string) {
	tab.t.Helper()
	tab.until("finds "+selector, `(selector) => [...document.querySelectorAll(selector)].some(window.__watch.visible) || "nothing"`, selector)
}

// FindsNone waits until a CSS selector finds nothing that can be seen.
func (tab *Tab) FindsNone(selector string) {
	tab.t.Helper()
	tab.until("finds no "+selector, `(selector) => {
		const found = [...document.querySelectorAll(selector)].find(window.__watch.visible);
		return !found || found.outerHTML.slice(0, 300);
	}`, selector)
}

// Titled waits until the tab's title is that one.
func (tab *Tab) Titled(title string) {
	tab.t.Helper()
	tab.until("the title is “"+title+"”", `(title) => document.title === title || document.title`, title)
}

// Live waits until the page's socket stands and has caught up.
func (tab *Tab) Live() {
	tab.t.Helper()
	tab.until("the page is live", `() => window.__watch.live()`)
}

// Writes writes a message and sends it with the Enter key.
func (tab *Tab) Writes(text string) {
	tab.t.Helper()
	tab.Drafts(text)
	tab.Presses(kb.Enter)
}

// Drafts writes into the composer and sends nothing.
func (tab *Tab) Drafts(text string) {
	tab.t.Helper()
	tab.ClicksAt("#composer-body")
	tab.until("the composer has the focus", `() => document.activeElement?.id === "composer-body"`)
	tab.Types(text)
}

// Reads waits until these are the last messages in the log, in this order, all of them stored.
func (tab *Tab) Reads(bodies ...string) {
	tab.t.Helper()
	tab.until("reads "+strings.Join(bodies, " | "), `(wanted) => {
		const items = [...document.querySelectorAll("#pane li.message")].slice(-wanted.length);
		const found = items.map((item) => item.querySelector(".message__body").textContent);
		const stored = items.every((item) => item.dataset.seq);
		return stored && JSON.stringify(found) === JSON.stringify(wanted) || JSON.stringify(found) + (stored ? "" : " not all stored");
	}`, bodies)
}

// Log returns the texts of all messages in the page.
func (tab *Tab) Log() []string {
	tab.t.Helper()
	return ask[[]string](tab, `() => [...document.querySelectorAll("#pane li.message .message__body")].map((body) => body.textContent)`)
}
