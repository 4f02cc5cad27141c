/**
 * Older and newer history, loaded before one reaches the edge of what is in the page. The links that stand there are for
 * whoever has no JavaScript, and for a keyboard.
 */
import { conversationPath, hear, openLog, scrollerOf } from "./page.js";
import { hasNewer, hasOlder } from "./log.js";
import { applyHistory, applyMessages } from "./apply.js";
import { fetchPane } from "./pane.js";
import { fromEnd, fromStart } from "./scroll.js";

/** Loading begins this far before the edge, in pixels. */
const AHEAD = 600;
/** After an answer that did not come, scrolling does not ask again for this long. */
const PAUSE_MS = 2000;

let loading = null;
let late = [];
let failed = -Infinity;

/**
 * Loads one page of history. What a live change touched meanwhile may be outside the window at that moment and older than
 * the answer in the next: such changes are kept and applied once more behind it.
 */
export async function loadMore(log, side, get = fetchPane) {
  if (loading === log || !(side === "older" ? hasOlder(log) : hasNewer(log))) return false;
  loading = log;
  late = [];
  try {
    const { conversation, first, last } = log.dataset;
    const { fetched, ok } = await get(conversationPath(conversation, side === "older" ? `?before=${first}` : `?after=${last}`));
    const page = fetched.querySelector("ol[data-conversation]");
    if (!ok || page?.dataset.conversation !== conversation) throw new Error("not this conversation");
    // The page went elsewhere, or a trim moved the edge: what came does not border on it any more.
    const moved = side === "older" ? log.dataset.first !== first : log.dataset.last !== last;
    if (moved || !log.isConnected) return false;
    applyHistory(log, page, side);
    if (late.length) applyMessages(log, late);
    return true;
  } catch {
    failed = performance.now();
    return false;
  } finally {
    if (loading === log) loading = null;
  }
}

/** Keeps what lies outside the window while a page of history is on its way. */
export function keepLate(items) {
  if (loading) late.push(...items);
}

/** Which side's edge is near, if there is anything behind it. */
function near(log) {
  const scroller = scrollerOf(log);
  if (hasOlder(log) && fromStart(scroller) < AHEAD) return "older";
  return hasNewer(log) && fromEnd(scroller) < AHEAD ? "newer" : null;
}

async function look() {
  const log = openLog();
  const side = log && near(log);
  if (side && performance.now() - failed > PAUSE_MS && (await loadMore(log, side))) look();
}

export function start() {
  hear("placed", look);
  document.addEventListener("scroll", ({ target }) => {
    if (openLog() && target === scrollerOf(openLog())) look();
  }, { capture: true, passive: true });
  hear("arrived", ({ dropped }) => keepLate(dropped));
  document.addEventListener("click", (event) => {
    const link = event.target.closest("#older, #newer");
    if (!link || !openLog() || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    loadMore(openLog(), link.id);
  });
}
