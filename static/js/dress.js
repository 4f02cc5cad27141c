/** What rows of the list show of this page and this browser: which one is open, and where a draft waits. */
import { byId, hear, openLog, person, rowsOf, words } from "./page.js";
import * as store from "./store.js";

/** What the server does not know when it pushes: which row is open here, and what this browser keeps as a draft. */
export function dress(list = byId("list")) {
  if (!list) return;
  const open = openLog()?.dataset.conversation;
  const drafts = new Set(store.ids("draft"));
  for (const row of rowsOf(list)) {
    const { conversation } = row.dataset;
    const link = row.querySelector("a");
    if (conversation === open) link?.setAttribute("aria-current", "page");
    else link?.removeAttribute("aria-current");
    const draft = conversation !== open && drafts.has(conversation) ? store.get("draft", conversation) : "";
    showDraft(row.querySelector(".row__preview"), draft);
  }
}

/** A draft stands in the place of the preview, which waits hidden beside it until the draft is gone. */
function showDraft(preview, draft) {
  const kept = preview?.querySelector(":scope > [data-kept]");
  if (!preview || (!draft && !kept) || (draft && preview.dataset.draft === draft && kept)) return;
  const before = kept ? [...kept.childNodes] : [...preview.childNodes];
  delete preview.dataset.draft;
  if (!draft) return preview.replaceChildren(...before);
  preview.dataset.draft = draft;
  const label = Object.assign(document.createElement("span"), { className: "row__draft", textContent: words("draft") });
  const text = Object.assign(document.createElement("bdi"), { textContent: draft.slice(0, 140) });
  const hidden = Object.assign(document.createElement("span"), { hidden: true });
  hidden.dataset.kept = "";
  hidden.append(...before);
  preview.replaceChildren(label, " ", text, hidden);
}

export function start() {
  if (!person()) return;
  hear("pane", () => dress());
  hear("drafts", () => dress());
}
