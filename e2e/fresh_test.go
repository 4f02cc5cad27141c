//go:build unix

package e2e

// EqualsFresh waits until the log in the page, which grew by fragments, is what the server would draw anew: the same
// messages in the same form, the same day lines, the same groups. It is the invariant behind everything live. A window
// of more than one page is fetched page by page; at their seams a page of its own has a day line and begins a group.
func (tab *Tab) EqualsFresh() {
	tab.t.Helper()
	tab.until("the page equals a fresh one", `async () => {
		const wanted = (item) => {
			if (item.matches(".day")) return { day: item.dataset.day, text: item.textContent.trim() };
			if (item.matches(".unread-line")) return { unread: true };
			const copy = item.cloneNode(true);
			copy.querySelector(".message__menu")?.remove(); // it stands where the pointer is
			for (const e of copy.querySelectorAll("*")) {
				for (const name of ["style", "tabindex", "data-htmx-powered"]) e.removeAttribute(name);
			}
			const { powered, htmxPowered, ...data } = item.dataset;
			return {
				id: item.id, data: JSON.stringify(Object.entries(data).sort()),
				classes: [...item.classList].filter((name) => !["message--new", "message--target"].includes(name)).sort().join(" "),
				html: copy.innerHTML.replace(/\s+/g, " ").replace(/> </g, "><").trim(),
			};
		};
		const entries = (log) => [...log.children].map(wanted);
		// The unread line stays until its reader leaves, and a fresh page has it only above what was not read.
		window.dispatchEvent(new Event("blur"));
		const live = document.querySelector("#pane ol[data-conversation]");
		const mine = entries(live);
		const first = Number(live.dataset.first);
		const get = async (query) => {
			const answer = await fetch("/conversations/" + live.dataset.conversation + query, { headers: { "HX-Request": "true" } });
			const template = document.createElement("template");
			template.innerHTML = await answer.text();
			return template.content.querySelector("ol[data-conversation]");
		};
		let fresh = [];
		for (let query = live.dataset.hasNewer === "true" ? "?before=" + (Number(live.dataset.last) + 1) : ""; ; ) {
			const page = await get(query);
			const part = entries(page);
			if (fresh.length) {
				// The seam: what the later page says of its beginning it would not say in the middle.
				const at = fresh.findIndex((e) => e.id);
				const mineAt = mine.findIndex((e) => e.id === fresh[at].id);
				let lines = mineAt;
				while (lines > 0 && !mine[lines - 1].id) lines--;
				fresh.splice(0, at + 1, ...mine.slice(lines, mineAt + 1));
				const last = part.findLastIndex((e) => e.id);
				part[last] = mine.find((e) => e.id === part[last].id) ?? part[last];
			}
			fresh = [...part, ...fresh];
			if (page.dataset.hasOlder !== "true" || Number(page.dataset.first) <= first) break;
			query = "?before=" + page.dataset.first;
		}
		const begin = fresh.findIndex((e) => e.id === mine.find((e) => e.id).id);
		if (begin < 0) return "the fresh page does not have " + mine.find((e) => e.id).html;
		if (live.dataset.hasOlder === "true") {
			// The window's edge is a seam, too.
			fresh = [...mine.slice(0, mine.findIndex((e) => e.id) + 1), ...fresh.slice(begin + 1)];
		}
		if (new Set(mine.map((e) => e.id ?? JSON.stringify(e))).size !== mine.length) return "something stands there twice";
		for (let i = 0; i < Math.max(mine.length, fresh.length); i++) {
			const [a, b] = [JSON.stringify(mine[i]), JSON.stringify(fresh[i])];
			if (a !== b) return "entry " + i + " of " + mine.length + "/" + fresh.length + " is\n" + a + "\nfresh\n" + b;
		}
		const counters = (log) => [log.dataset.change, log.dataset.last, log.dataset.msgSeq, log.dataset.epoch, log.dataset.view].join(" ");
		const newest = await get("");
		if (live.dataset.hasNewer !== "true" && counters(live) !== counters(newest)) return "counters " + counters(live) + " fresh " + counters(newest);
		return true;
	}`)
}
