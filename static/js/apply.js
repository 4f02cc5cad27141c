/**
 * The one way for messages into the page, whether they came by socket, by polling, as the answer to a send or as older
 * history: place them, bound the page, derive what follows from the order, keep the reader's place, tell the others.
 */
import { conversationPath, openLog, powerUp, scrollerOf, tell } from "./page.js";
import { hasOlder, merge, messagesOf, seqOf, trim, upsert } from "./log.js";
import { counts, derive } from "./derive.js";
import { clock, localise } from "./times.js";
import { atEnd, fromEnd, fromStart, keepPlace } from "./scroll.js";

/** Applies messages as they are now (new ones, edits, tombstones). Returns those that lie outside the window. */
export function applyMessages(log, items) {
  const reading = !atEnd(log);
  const dropped = [];
  const changed = [];
  const news = [];
  change(log, items, () => {
    for (const item of items) {
      const known = seqOf(item) <= Number(log.dataset.msgSeq || 0);
      const outcome = upsert(log, item);
      if (outcome === "older" || outcome === "newer") dropped.push(item);
      else if (outcome !== "kept") changed.push(item);
      if (known || !counts(item)) continue;
      news.push(item);
      item.classList.add("message--new"); // it rises into view
    }
    if (!reading && !away()) followUnread(log, news);
  });
  for (const item of changed) powerUp(item);
  tell("arrived", { log, items, news, dropped, reading });
  return dropped;
}

/** Takes older or newer history from a fetched log. */
export function applyHistory(log, fetched, side) {
  let added = [];
  change(log, messagesOf(fetched), () => {
    added = merge(log, fetched, side);
    takeEdge(log, fetched, side);
  }, side === "older" ? "newer" : "older");
  for (const item of added) powerUp(item);
  tell("history", { added });
  return added;
}

function change(log, items, work, far = farSide(log)) {
  for (const item of items) localise(item, clock);
  keepPlace(log, () => {
    work();
    trim(log, far);
    derive(log);
  });
  showEdges(log);
}

/** Which end of the log is further from the reader; that one gives way when the page is full. */
function farSide(log) {
  const scroller = scrollerOf(log);
  return fromEnd(scroller) <= fromStart(scroller) || atEnd(log) ? "older" : "newer";
}

/** Nobody looks at this window, so what comes now comes as unread. */
export const away = () => document.hidden || !document.hasFocus();

/** What arrives before the reader's eyes needs no unread line; one that already stands stays until the reader leaves. */
function followUnread(log, news) {
  if (!log.querySelector(":scope > .unread-line") && news.length) {
    log.dataset.unreadFrom = Math.max(Number(log.dataset.unreadFrom || 0), ...news.map(seqOf));
  }
}

/** What stands around the messages: links to what is not in the page, or the conversation's beginning. */
function showEdges(log) {
  const { first, last, conversation } = log.dataset;
  const around = scrollerOf(log);
  around.querySelector("#older")?.setAttribute("href", conversationPath(conversation, `?before=${first}`));
  around.querySelector("#newer")?.setAttribute("href", conversationPath(conversation, `?after=${last}`));
  if (hasOlder(log)) around.querySelector(".beginning")?.remove(); // it comes back with the first page
}

/** A fetched page of history knows what stands at its edge: a link to more, or the beginning. */
function takeEdge(log, fetched, side) {
  const sibling = side === "older" ? "previousElementSibling" : "nextElementSibling";
  while (log[sibling]) log[sibling].remove();
  for (let edge; (edge = fetched[sibling]); ) {
    if (side === "older") log.parentElement.prepend(edge);
    else log.parentElement.append(edge);
  }
}

/** Applies one frame's messages to the open conversation, if it is the open one. */
export function applyTo(conversation, items) {
  const log = openLog();
  if (log?.dataset.conversation === conversation) applyMessages(log, items);
}
