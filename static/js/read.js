/**
 * What was read: a message that stood in view for a second, in a window that had the focus. Positions go to the server
 * in one frame for all conversations, at most one a second; without a socket by POST.
 */
import { byId, conversationPath, hear, openLog, person, rowsOf, scrollerOf } from "./page.js";
import { hasNewer, messagesOf, seqOf } from "./log.js";
import { derive } from "./derive.js";
import { keepPlace } from "./scroll.js";
import { away } from "./apply.js";
import { createPositions, ripe } from "./positions.js";
import { polling } from "./poll.js";
import { send, standing } from "./socket.js";

const FLUSH_MS = 1000;
/** After a request that failed the next one waits this much longer. */
const CALM_MS = 4000;
const LOOK_MS = 250;

const positions = createPositions();
/**
 * What stood in view when the conversation was marked as unread does not count as read until its page is another one; what
 * comes later does when it is seen, and everything before it with it.
 */
let held = 0;
/** How far it had been read when it was marked last. */
let readBefore = 0;
const seen = new Map(); // of the open conversation: message → since when
let watcher = null;

function watch({ same } = {}) {
  const log = openLog();
  if (!same) held = readBefore = 0;
  watcher?.disconnect();
  seen.clear();
  if (!log) return;
  const mark = byId("mark-read");
  if (mark) mark.hidden = true; // what it does happens by itself here
  const scroller = scrollerOf(log);
  // Half of it in view, or half of the view full of it: a long message is never in view as a whole.
  watcher = new IntersectionObserver((entries) => {
    for (const { target, intersectionRatio, intersectionRect, rootBounds } of entries) {
      const shown = intersectionRatio >= 0.5 || intersectionRect.height >= (rootBounds?.height ?? Infinity) / 2;
      if (!shown) seen.delete(target);
      else if (!seen.has(target)) seen.set(target, performance.now());
    }
  }, { root: scroller, threshold: [0, 0.02, 0.05, 0.1, 0.25, 0.5, 1] });
  for (const item of messagesOf(log)) watcher.observe(item);
  // Marked on another device while this page was away, and fetched before the list could tell.
  if (same && Number(log.dataset.marks || 0) > positions.marksOf(log.dataset.conversation)) held = Number(log.dataset.msgSeq || 0);
  positions.base(log.dataset.conversation, Number(log.dataset.unreadFrom || 0), Number(log.dataset.marks || 0));
  positions.move(log.dataset.conversation, "delivered", seqOf(messagesOf(log).at(-1) ?? log));
}

/** What has been in view long enough is read; then, at most once a second, one frame for all that moved. */
function tick() {
  const log = openLog();
  const read = log && !away() ? ripe(seen, performance.now(), Number(log.dataset.change)) : 0;
  if (read > held) positions.move(log.dataset.conversation, "read", read);
  if (performance.now() - flushed >= FLUSH_MS) flush();
}

let flushed = 0;

function flush() {
  if (!standing() && !polling()) return; // it is told when there is somebody to tell
  const moved = positions.take();
  if (!moved) return;
  flushed = performance.now();
  if (standing()) return send({ type: "ack", positions: moved });
  for (const [conversation, position] of Object.entries(moved)) post(conversation, position);
}

/** A position that did not arrive is told again; one that the server refuses for good is not. */
async function post(conversation, { delivered, read, marks = 0 }) {
  const body = new URLSearchParams({ seq: read, delivered, marks, as: person() });
  const response = await fetch(conversationPath(conversation, "/read"), {
    method: "POST", headers: { "HX-Request": "true" }, body, keepalive: true,
  }).catch(() => null);
  if (response && response.status < 500 && response.status !== 429) return;
  positions.missed(conversation);
  flushed = performance.now() + CALM_MS;
}

/** Who comes back looks anew: what was in view while nobody looked has not been seen. */
const lookAnew = () => {
  for (const item of seen.keys()) seen.set(item, performance.now());
};

/** Who leaves has seen the unread line; it moves to behind what was read, and goes when that is all. */
function leave() {
  const log = openLog();
  const read = log ? positions.readOf(log.dataset.conversation) : 0;
  if (!log || hasNewer(log) || !(read > Number(log.dataset.unreadFrom || 0))) return;
  keepPlace(log, () => {
    log.dataset.unreadFrom = read;
    derive(log);
  });
}

/** The open conversation is unread from here on, because somebody said so: here, or on another device. */
function hold(log, marks) {
  if (!(marks > Number(log.dataset.marks || 0))) return;
  log.dataset.marks = marks;
  held = Number(log.dataset.msgSeq || 0);
  readBefore = positions.readOf(log.dataset.conversation);
  positions.unread(log.dataset.conversation, marks);
}

/** What the list shows has reached this device, too; and it tells of marks. */
function followRows(rows) {
  for (const { dataset } of rows) {
    positions.move(dataset.conversation, "delivered", Number(dataset.undelivered || 0));
    const log = openLog();
    if (log?.dataset.conversation === dataset.conversation) hold(log, Number(dataset.marks || 0));
  }
}

export function start() {
  if (!person()) return;
  hear("pane", watch);
  hear("rows", ({ rows }) => followRows(rows));
  if (byId("list")) followRows(rowsOf(byId("list")));
  hear("unread", ({ log, seq, marks }) => {
    // The unread line may stand where one began to read.
    const told = Number(log.dataset.marks || 0) >= marks; // by the list, before the answer came
    const read = told ? readBefore : positions.readOf(log.dataset.conversation);
    const unreadFrom = Math.max(Number(log.dataset.unreadFrom || 0), read);
    hold(log, marks);
    keepPlace(log, () => {
      log.dataset.unreadFrom = Math.min(seq - 1, unreadFrom);
      derive(log);
    });
  });
  hear("epoch", () => {
    positions.forget();
    seen.clear(); // the log that is in view comes anew
  });
  hear("down", ({ heard }) => positions.again(heard));
  hear("arrived", ({ log, items }) => {
    for (const item of items) if (log === openLog() && item.isConnected) watcher?.observe(item);
  });
  hear("received", ({ conversation, messages }) => {
    for (const item of messages) positions.move(conversation, "delivered", seqOf(item));
  });
  hear("history", ({ added }) => added.forEach((item) => watcher?.observe(item)));
  addEventListener("focus", lookAnew);
  addEventListener("blur", leave);
  document.addEventListener("visibilitychange", () => (document.hidden ? leave() : lookAnew()));
  addEventListener("pagehide", flush);
  setInterval(tick, LOOK_MS);
}
