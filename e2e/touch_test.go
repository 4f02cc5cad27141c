//go:build unix

package e2e

import (
	"testing"

	"github.com/chromedp/cdproto/emulation"
)

// Touches makes the tab a phone's, under a finger.
func (tab *Tab) Touches() {
	tab.t.Helper()
	send(tab, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: 390, Height: 844, DeviceScaleFactor: 2, Mobile: true,
	})
	send(tab, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: true})
}

// small are the links, buttons and fields in the page that a finger has less than 44 pixels for, in either direction, by
// what is hit around their middle. A text's own links and the time beside it are as high as its lines, and what only a
// keyboard brings up no finger meets.
func (tab *Tab) small() []string {
	tab.t.Helper()
	return ask[[]string](tab, `async () => {
		await document.fonts.ready;
		await Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => {})));
		const kinds = "a[href], button, input:not([type=hidden]), select, textarea, summary";
		const reach = 44 / 2 - 0.75; // nobody has half a pixel
		const small = [];
		for (const element of document.querySelectorAll(kinds)) {
			if (!__watch.visible(element) || element.disabled || element.closest(".message__body, .message__meta, .skip-link")) continue;
			element.scrollIntoView({ block: "center", behavior: "instant" });
			const box = element.getBoundingClientRect();
			const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
			const hits = (dx, dy) => {
				const at = document.elementFromPoint(x + dx, y + dy);
				return element.contains(at) || at?.closest("label")?.control === element;
			};
			const missed = [[0, 0], [0, -reach], [0, reach], [-reach, 0], [reach, 0]].find(([dx, dy]) => !hits(dx, dy));
			if (!missed) continue;
			small.push([element.tagName, element.className, __watch.name(element), box.width + "×" + box.height, "missed at", missed].join(" "));
		}
		return small;
	}`)
}

func TestAFingerHasRoom(t *testing.T) {
	t.Parallel()
	w := begin(t)
	visitor := w.Visitor("Nobody yet")
	visitor.Touches()
	ana, ben := w.Person("Ana Torres"), w.Account("Ben Castle")
	conversation := w.Direct(ana.Viewer, ben)
	w.Talk(conversation, 130, ana.Viewer, ben)
	ana.Touches()
	ana.Expects("status of 4")
	visitor.Expects("status of 4")

	look := func(tab *Tab, what string) {
		t.Helper()
		for _, one := range tab.small() {
			t.Errorf("%s: %s", what, one)
		}
	}
	for _, path := range []string{"/", "/login", "/register", "/reset/nothing"} {
		visitor.Opens(path)
		look(visitor.Tab, path)
	}
	for _, path := range []string{
		"/", "/people", "/people?q=nobody+at+all", "/people/ben", "/people/ana", "/settings", "/settings/account", "/settings/sessions", "/settings/blocks", "/nowhere",
		"/settings/blocks/new?person=" + ben.ID.String(), "/requests",
		"/conversations/" + conversation.String(), "/conversations/" + conversation.String() + "?before=90",
	} {
		ana.Opens(path)
		look(ana.Tab, path)
	}
	ana.Opens("/people")
	if edges := ask[[]float64](ana.Tab, `() => [...new Set([...document.querySelectorAll(".person button")].map((button) => Math.round(button.getBoundingClientRect().left)))]`); len(edges) != 1 {
		t.Errorf("the buttons beside people begin at %v", edges)
	}
	ana.At(conversation).Live()
	ana.Scrolls(-1500)
	w.Say(ben, conversation, "below")
	ana.Finds("#pill")
	look(ana.Tab, "the pill")
	ana.Drafts("refused\a")
	ana.Clicks("Send")
	ana.Finds(".message--failed")
	look(ana.Tab, "a message that failed")

	// It sees what is too small, and what only looks large.
	found := ask[int](ana.Tab, `() => {
		const foot = document.querySelector(".conversation__foot");
		foot.insertAdjacentHTML("beforebegin", '<div><a class="small" href="#x">x</a></div><p class="clip"><a class="small" href="#y">y</a></p>');
		const sheet = new CSSStyleSheet();
		sheet.replaceSync(".clip { overflow: hidden; height: 20px } .clip a { display: inline-block; padding: 30px; margin: -30px }");
		document.adoptedStyleSheets = [sheet];
		return document.querySelectorAll("a.small").length;
	}`)
	if small := ana.small(); found != 2 || len(small) != 2 {
		t.Errorf("of %d small ones these are seen: %q", found, small)
	}
}
