/**
 * The rules of a list of messages. A log is an <ol> that knows its window: data-first and data-last (the lowest and the
 * highest seq in it), data-has-older and data-has-newer, and data-change, the cursor. Messages are <li data-seq
 * data-change>; bubbles on their way to the server stand behind them and have neither.
 */
import { carry } from "./receipts.js";

/** More messages than this are never in the page: it stays quick, and its memory stays flat. */
const MAX_MESSAGES = 300;

/** Counters begin at 1: none, empty and 0 all mean that there is nothing to compare with. */
const number = (text) => Number(text) || NaN;

export const seqOf = (item) => number(item.dataset.seq);
export const changeOf = (item) => number(item.dataset.change);
export const messagesOf = (log) => [...log.querySelectorAll(":scope > li.message[data-seq]")];
export const find = (log, id) => log.querySelector(`:scope > #${CSS.escape(id)}`);
export const hasOlder = (log) => log.dataset.hasOlder === "true";
export const hasNewer = (log) => log.dataset.hasNewer === "true";

/** A client id's bubble that is still on its way, if there is one. */
export const pendingOf = (log, client) =>
  client ? log.querySelector(`:scope > li.message[data-client="${CSS.escape(client)}"]:not([data-seq])`) : null;

/**
 * Whether a frame with the span (from, to] fits the cursor. A hole is wrong for good, a resume is right in a second: so a
 * frame that begins behind the cursor's next change is refused, and the page asks again from its cursor.
 */
export const fits = (log, from) => from <= (number(log.dataset.change) || 0);

/** Moves the cursor. It never goes back. */
export function advance(log, to) {
  if (!(to <= number(log.dataset.change))) log.dataset.change = to;
}

/**
 * Puts one message in its place, or not, and says what came of it: "added", "replaced", "kept" (the page has it in this
 * form or a later one), "older" or "newer" (outside the window, dropped).
 */
export function upsert(log, item) {
  const seq = seqOf(item);
  if (!(seq <= number(log.dataset.msgSeq))) log.dataset.msgSeq = seq;
  const present = find(log, item.id);
  if (present) {
    if (!(changeOf(item) > changeOf(present))) return "kept";
    carry(log, item, present);
    // The light on a linked message must survive its edit.
    if (present.classList.contains("message--target")) item.classList.add("message--target");
    present.replaceWith(item);
    return "replaced";
  }
  const first = number(log.dataset.first);
  const last = number(log.dataset.last);
  // Where the page holds the beginning, a lower seq is no older page but a message that was overtaken: the answer to one's
  // own send may be faster than what others sent before it.
  if (hasOlder(log) && seq < first) return "older";
  if (hasNewer(log) && !(seq <= last)) return "newer";
  pendingOf(log, item.dataset.client)?.remove();
  carry(log, item);
  insert(log, item, seq);
  log.dataset.first = seq >= first ? first : seq;
  log.dataset.last = seq <= last ? last : seq;
  return "added";
}

/** Walks from the end, because that is where messages arrive. */
function insert(log, item, seq) {
  let after = log.lastElementChild;
  while (after && !(seqOf(after) < seq)) after = after.previousElementSibling;
  if (after) after.after(item);
  else log.prepend(item);
}

/**
 * Takes the messages of a fetched log that begins or ends where this one's window does. The cursor stays: the other
 * messages in the page are not newer for it. Returns what was added.
 */
export function merge(log, fetched, side) {
  const items = messagesOf(fetched);
  if (side === "older") {
    log.dataset.first = Math.min(number(log.dataset.first) || Infinity, ...items.map(seqOf));
    log.dataset.hasOlder = fetched.dataset.hasOlder;
  } else {
    log.dataset.last = Math.max(number(log.dataset.last) || 0, ...items.map(seqOf));
    log.dataset.hasNewer = fetched.dataset.hasNewer;
  }
  return items.filter((item) => upsert(log, item) === "added");
}

/** Drops messages beyond the limit from one side, and says so in the window. Returns how many. */
export function trim(log, side, limit = MAX_MESSAGES) {
  const items = messagesOf(log);
  const excess = items.length - limit;
  if (excess <= 0) return 0;
  const dropped = side === "older" ? items.splice(0, excess) : items.splice(-excess);
  for (const item of dropped) item.remove();
  if (side === "older") {
    log.dataset.first = seqOf(items[0]);
    log.dataset.hasOlder = "true";
  } else {
    log.dataset.last = seqOf(items.at(-1));
    log.dataset.hasNewer = "true";
  }
  return excess;
}
