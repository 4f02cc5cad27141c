/**
 * Where the reader stands in the log. Everything that changes the log goes through keepPlace: at the end one stays at the
 * end, elsewhere the text under one's eyes does not move. Works with a column and with a reversed column, whose scrollTop
 * counts from the end downwards from 0.
 */
import { byId, hear, openLog, plural, scrollerOf, tell } from "./page.js";
import { find, hasNewer, messagesOf } from "./log.js";

/** Within this many pixels of the end one is at the end. */
const NEAR_END = 100;

const reversed = (scroller) => getComputedStyle(scroller).flexDirection === "column-reverse";

export function fromEnd(scroller) {
  const { scrollTop, scrollHeight, clientHeight } = scroller;
  return reversed(scroller) ? -scrollTop : scrollHeight - clientHeight - scrollTop;
}

export const fromStart = (scroller) => scroller.scrollHeight - scroller.clientHeight - fromEnd(scroller);

export function toEnd(scroller) {
  scroller.scrollTop = reversed(scroller) ? 0 : scroller.scrollHeight;
}

/** At the end of the conversation, not only of what is in the page. */
export const atEnd = (log) => !hasNewer(log) && fromEnd(scrollerOf(log)) <= NEAR_END;

/** The first message that is at least partly in view, and how far below the log's upper edge it begins. */
export function anchorOf(log) {
  const top = scrollerOf(log).getBoundingClientRect().top;
  const item = messagesOf(log).find((m) => m.getBoundingClientRect().bottom > top);
  return item ? { id: item.id, offset: item.getBoundingClientRect().top - top } : null;
}

/** Puts a message back to where anchorOf saw it. Says whether it is in the page. */
export function restore(log, anchor) {
  const item = anchor && find(log, anchor.id);
  if (!item) return false;
  const scroller = scrollerOf(log);
  scroller.scrollTop += item.getBoundingClientRect().top - scroller.getBoundingClientRect().top - anchor.offset;
  return true;
}

let kept = null;

/**
 * The anchor for a change of the log. Logs scroll by whole pixels and messages have parts of them in their heights: where the
 * last change left its anchor within a pixel, that anchor's offset counts, or what is being read would creep.
 */
function placeOf(log) {
  const anchor = anchorOf(log);
  const still = kept && anchor && kept.id === anchor.id && Math.abs(kept.offset - anchor.offset) < 1;
  return still ? kept : (kept = anchor);
}

/** Changes the log without moving what is being read. */
export function keepPlace(log, change) {
  const scroller = scrollerOf(log);
  const end = atEnd(log);
  const anchor = end ? null : placeOf(log);
  // The browser's own anchoring would move the text a second time, and not every browser has one.
  scroller.style.overflowAnchor = "none";
  change();
  if (end) toEnd(scroller);
  else restore(log, anchor);
  scroller.style.overflowAnchor = "";
}

/** The pill counts what came below while one was reading above. */
function pill(count) {
  const button = byId("pill");
  if (!button) return;
  button.dataset.count = count;
  button.hidden = count === 0;
  if (count) (button.querySelector("span") ?? button).textContent = plural("new", count);
}

let watched = null;
let stuck = true;

/** Composer, keyboard and pictures change the room of the log; who was at the end stays there. */
const resized = new ResizeObserver(() => {
  const log = openLog();
  if (log && stuck && !hasNewer(log)) toEnd(scrollerOf(log));
});

function scrolled() {
  const log = openLog();
  if (!log) return;
  stuck = atEnd(log);
  if (stuck) pill(0);
}

function watch() {
  const log = openLog();
  if (!log || scrollerOf(log) === watched) return;
  resized.disconnect();
  watched?.removeEventListener("scroll", scrolled);
  watched = scrollerOf(log);
  watched.addEventListener("scroll", scrolled, { passive: true });
  resized.observe(watched);
  resized.observe(log);
  scrolled();
}

export function start() {
  hear("pane", watch);
  hear("placed", scrolled);
  hear("arrived", ({ log, news, reading }) => {
    if (log === openLog() && reading) pill(Number(byId("pill")?.dataset.count ?? 0) + news.length);
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest("#pill")) return;
    const log = openLog();
    if (hasNewer(log)) tell("latest");
    else toEnd(scrollerOf(log));
    pill(0);
  });
}
