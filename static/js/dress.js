/** What rows of the list show of this page and this browser: which one is open, and where a draft waits. */
import { byId, hear, openLog, person, rowsOf, words } from "./page.js";
import * as store from "./store.js";

/** What the server does not know when it pushes: which row is open here, and what this browser keeps as a draft. */
export function dress(list = byId("list")) {
  if (!list) return;
  const open = openLog()?.dataset.conversation;
  const kept = new Set(store.ids("draft"));
  for (const row of rowsOf(list)) {
    const { conversation } = row.dataset;
    const link = row.querySelector("a");
    if (conversation === open) link?.setAttribute("aria-current", "page");
    else link?.removeAttribute("aria-current");
    if (kept.has(conversation)) showDraft(row, store.get("draft", conversation).text.trim());
  }
}

/** A draft that the server does not have yet; the server puts the others into the row itself. */
function showDraft(row, text) {
  let line = row.querySelector(".row__drafted");
  if (!text) return line?.remove();
  if (!line) {
    line = Object.assign(document.createElement("span"), { className: "row__drafted" });
    const label = Object.assign(document.createElement("span"), { className: "row__draft", textContent: words("draft") });
    line.append(label, " ", document.createElement("bdi"));
    row.querySelector(".row__preview")?.before(line);
  }
  const shown = line.querySelector("bdi");
  if (shown.textContent !== text.slice(0, 140)) shown.textContent = text.slice(0, 140);
}

export function start() {
  if (!person()) return;
  hear("pane", () => dress());
  hear("drafts", () => dress());
}
