/** The keyboard: Ctrl+K searches, Alt+↑ and Alt+↓ go from conversation to conversation, with Shift to unread ones. */
import { byId, openLog, person, rowsOf } from "./page.js";

/** The row that a step leads to from the open one; from none, the first or the last. */
export function nextRow(rows, open, step) {
  const at = rows.findIndex((row) => row.dataset.conversation === open);
  return at < 0 ? rows.at(step > 0 ? 0 : -1) : rows[at + step];
}

function walk(step, unreadOnly) {
  const open = openLog()?.dataset.conversation;
  const rows = rowsOf(byId("list"))
    .filter((row) => !unreadOnly || row.dataset.unread > 0 || row.dataset.conversation === open);
  const link = nextRow(rows, open, step)?.querySelector("a");
  link?.scrollIntoView({ block: "nearest" });
  link?.click();
}

export function start() {
  if (!person()) return;
  document.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const command = event.ctrlKey || event.metaKey;
    if (command && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
      const field = byId("sidebar")?.querySelector('input[name="q"]');
      if (!field) return;
      event.preventDefault();
      field.focus();
      field.select();
    } else if (event.altKey && !command && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      event.preventDefault();
      walk(event.key === "ArrowUp" ? -1 : 1, event.shiftKey);
    }
  });
}
