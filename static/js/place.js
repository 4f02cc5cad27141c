/**
 * Where to stand in a conversation that has just come into the page: where one stood when leaving it (back, forward,
 * reload), at the message the address names, at the unread line, or at the end.
 */
import { byId, conversationPath, hear, openLog, scrollerOf, tell } from "./page.js";
import { find, hasNewer, hasOlder } from "./log.js";
import { anchorOf, atEnd, restore, toEnd } from "./scroll.js";
import { messageId, reload } from "./pane.js";

/** The element id of the message that an address's hash names. */
export const linked = (hash) => (/^#m-[\w-]+$/.test(hash) ? hash.slice(1) : null);

/** While the pane changes, what is in view must not be written into the new history entry. */
let standing = false;

/** Centres a message and lights it up. */
function light(log, item) {
  for (const lit of log.querySelectorAll(".message--target")) lit.classList.remove("message--target");
  item.classList.add("message--target");
  item.scrollIntoView({ block: "center", behavior: "instant" });
}

/** What a newcomer's place is. An entry that was visited before knows better than its own hash. */
function usual() {
  const kept = history.state?.place;
  const id = linked(location.hash);
  if (kept) return kept;
  return id && kept === undefined ? { id, light: true } : undefined;
}

/** Says whether the wanted place is in the page. */
function stand(anchor) {
  const log = openLog();
  if (!log) return true;
  const item = anchor && find(log, anchor.id);
  const line = log.querySelector(":scope > .unread-line");
  if (item && anchor.light) light(log, item);
  else if (item) restore(log, anchor);
  else if (line && anchor !== null) line.scrollIntoView({ block: "center", behavior: "instant" });
  else toEnd(scrollerOf(log));
  standing = true;
  tell("placed");
  return Boolean(item) || !anchor;
}

/** Goes to a place that may have to be loaded first. Where it cannot be, one stays. */
async function goTo(anchor) {
  const log = openLog();
  if (log && !find(log, anchor.id)) await reload(messageId(anchor.id), anchor);
  else stand(anchor);
}

/** Writes the place into the history entry, so that coming back to it comes back to the same lines. */
export function keepPlaceInHistory() {
  const log = openLog();
  if (log && standing) history.replaceState({ ...history.state, htmx: true, place: atEnd(log) ? null : anchorOf(log) }, "");
}

/** Call before the address changes for another pane. */
export function leavePlace() {
  standing = false;
}

function goToEnd() {
  if (hasNewer(openLog())) reload(null, null);
  else stand(null);
}

/** Back to the end of the conversation, and out of whatever message the address named. */
export function goToLatest() {
  const log = openLog();
  if (!log) return;
  history.replaceState({ htmx: true, place: null }, "", conversationPath(log.dataset.conversation));
  goToEnd();
}

/** The way to the first unread message is there as long as that is not in the page. */
function showFirstUnread() {
  const log = openLog();
  const link = byId("first-unread");
  if (log && link) link.hidden = !(hasOlder(log) && Number(log.dataset.first) > Number(log.dataset.unreadFrom) + 1);
}

export function start() {
  for (const news of ["pane", "history", "unread"]) hear(news, showFirstUnread);
  hear("pane", ({ anchor }) => {
    const wanted = anchor === undefined ? usual() : anchor;
    // The first page of an address with a hash holds the newest messages; an older one is loaded at once.
    if (!stand(wanted) && anchor === undefined) goTo(wanted);
  });
  hear("latest", goToLatest);
  addEventListener("hashchange", () => {
    // An entry that a link with a hash made is unknown to htmx, which would not come back to it.
    if (!history.state?.htmx) history.replaceState({ ...history.state, htmx: true }, "");
    const wanted = usual();
    if (wanted) goTo(wanted);
    else if (openLog() && !location.hash) goToEnd(); // where one stood before following the link
  });
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const link = event.target.closest("a[href]");
    const log = openLog();
    if (!log || !link || link.pathname !== conversationPath(log.dataset.conversation)) return;
    const id = linked(link.hash);
    if (link.matches(".log__latest")) goToLatest();
    else if (link.id === "first-unread") reload(null, undefined, log.dataset.unreadFrom);
    else if (id) {
      // A hash of its own rather than the link's ?around=: this page shows it already, or loads around it.
      if (location.hash === link.hash) goTo({ id, light: true });
      else location.hash = link.hash;
    } else return;
    event.preventDefault();
  });
  let timer = 0;
  // What was in view belongs to the entry one leaves, not to the one one comes to.
  addEventListener("popstate", () => clearTimeout(timer));
  // Capturing, because scrolling does not bubble and the scroller changes with the pane.
  document.addEventListener("scroll", ({ target }) => {
    const log = openLog();
    if (!log || target !== scrollerOf(log)) return;
    clearTimeout(timer);
    timer = setTimeout(keepPlaceInHistory, 500); // browsers bound how often an entry may be written
  }, { capture: true, passive: true });
  addEventListener("pagehide", keepPlaceInHistory);
}
