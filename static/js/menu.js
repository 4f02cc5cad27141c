/**
 * What can be done about a message: one menu, which stands in the message that the pointer, the focus or a finger is at.
 * Without scripts the page around a message, where its time leads, has the same below.
 */
import { byTouch, conversationPath, hear, openLog, person, stamp, tell } from "./page.js";
import { seqOf } from "./log.js";
import { messageId } from "./pane.js";

let menu = null;

function show(item) {
  const log = openLog();
  if (!log || item.parentElement !== log || !item.dataset.seq || item.dataset.kind) return;
  if (menu?.parentElement === item || menu?.open) return;
  menu?.remove();
  menu = stamp("message-menu-template");
  if (!menu) return;
  const link = menu.querySelector("[data-receivers]");
  if (item.matches(".message--mine:not(.message--deleted)")) {
    link.href = conversationPath(log.dataset.conversation, `/messages/${messageId(item.id)}/receipts`);
  } else link.remove();
  const block = menu.querySelector("[data-block]");
  if (item.matches(".message--mine")) block.remove();
  else block.href += `?person=${item.dataset.author}`;
  item.append(menu);
}

function close() {
  menu?.removeAttribute("open");
}

/** The conversation is unread from this message on, on every device of the person's. */
async function markUnread(item) {
  const log = openLog();
  const seq = seqOf(item);
  const marks = Number(log.dataset.marks || 0) + 1; // the list may tell of it before the answer comes
  close();
  const response = await fetch(conversationPath(log.dataset.conversation, "/unread"), {
    method: "POST", headers: { "HX-Request": "true" }, body: new URLSearchParams({ seq, as: person() }),
  }).catch(() => null);
  if (response?.ok && log === openLog()) tell("unread", { log, seq, marks });
}

export function start() {
  if (!person()) return;
  const at = ({ target }) => {
    const item = target.closest?.("li.message");
    if (item) show(item);
  };
  document.addEventListener("pointerover", (event) => event.pointerType === "mouse" && at(event));
  document.addEventListener("focusin", at);
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-mark-unread]")) return markUnread(event.target.closest("li.message"));
    if (byTouch()) at(event);
    if (!menu?.contains(event.target)) close();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu?.open) return;
    close();
    menu.querySelector("summary").focus();
    event.stopPropagation();
  });
  hear("pane", () => (menu = null));
}
