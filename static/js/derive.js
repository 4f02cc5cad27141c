/**
 * What follows from the messages' order: day lines, grouping, the unread line, and how far one's own have come. They depend
 * on the neighbours and on the reader's zone, so they are never in a pushed fragment; after each change they are made right
 * again here, touching only what is not right yet. The server derives the same for the first paint.
 */
import { person, stamp } from "./page.js";
import { hasOlder, seqOf } from "./log.js";
import { dayName, dayOf } from "./times.js";
import { drawReceipts } from "./receipts.js";

/** Messages of one author stand together when they are this close. */
const GROUP_MS = 5 * 60_000;

const days = new WeakMap();

/** The day of a message. Kept per element, because Intl is slow and there may be 300 of them. */
function dayOfItem(item) {
  const { at } = item.dataset;
  const zone = document.documentElement.dataset.timeZone;
  const kept = days.get(item);
  if (kept?.at === at && kept.zone === zone) return kept.day;
  const day = dayOf(new Date(at));
  days.set(item, { at, zone, day });
  return day;
}

/** What the system says, and what is concealed, belongs to no group and is nothing to read. */
const isSystem = (item) => "kind" in item.dataset;

/** Whether b goes on where a, the message before it, left off. */
export function grouped(a, b) {
  return !isSystem(a) && !isSystem(b) && a.dataset.author === b.dataset.author && dayOfItem(a) === dayOfItem(b) &&
    new Date(b.dataset.at) - new Date(a.dataset.at) <= GROUP_MS;
}

/**
 * The message before which the unread line stands: the first one by somebody else behind data-unread-from. None when the
 * first unread message lies above the window, or when everything was read.
 */
function firstUnread(log, items, me = person()) {
  const from = log.dataset.unreadFrom;
  if (from === undefined || from === "") return null;
  if (hasOlder(log) && Number(log.dataset.first) > Number(from) + 1) return null;
  return items.find((item) => seqOf(item) > Number(from) && counts(item, me)) ?? null;
}

/** Whether a message counts as unread, by the rule the server counts with. */
export const counts = (item, me = person()) =>
  item.dataset.author !== me && !isSystem(item) && !item.classList.contains("message--deleted");

/** Makes day lines, grouping and unread line right. */
export function derive(log, now = new Date()) {
  const items = [...log.querySelectorAll(":scope > li.message")];
  const unread = firstUnread(log, items);
  let before = null;
  items.forEach((item, i) => {
    const day = dayOfItem(item);
    const lines = [];
    if (!before || dayOfItem(before) !== day) lines.push(`day ${day}`);
    if (item === unread) lines.push("unread");
    setLines(item, lines, now);
    const next = items[i + 1];
    // The unread line parts a group, too.
    setClass(item, "message--first", !isSystem(item) && (!before || item === unread || !grouped(before, item)));
    setClass(item, "message--last", !isSystem(item) && (!next || next === unread || !grouped(item, next)));
    before = item;
  });
  drawReceipts(items);
  // Lines whose messages went away.
  while (isLine(log.lastElementChild)) log.lastElementChild.remove();
}

const isLine = (element) => element?.matches(".day, .unread-line") ?? false;
const lineKey = (line) => (line.matches(".day") ? `day ${line.dataset.day}` : "unread");

function setLines(item, wanted, now) {
  const present = [];
  for (let line = item.previousElementSibling; isLine(line); line = line.previousElementSibling) present.unshift(line);
  if (present.map(lineKey).join() === wanted.join()) return;
  for (const line of present) line.remove();
  for (const key of wanted) item.before(makeLine(key, now));
}

function makeLine(key, now) {
  if (key === "unread") return stamp("unread-template") ?? line("unread-line");
  const element = stamp("day-template") ?? line("day");
  element.dataset.day = key.slice(4);
  nameDay(element, now);
  return element;
}

const line = (name) => Object.assign(document.createElement("li"), { className: name });

function nameDay(element, now) {
  const time = element.querySelector("time") ?? element;
  if (time !== element) time.dateTime = element.dataset.day;
  time.textContent = dayName(element.dataset.day, now);
}

/** At midnight "today" becomes "yesterday". */
export function renameDays(root, now = new Date()) {
  for (const element of root.querySelectorAll("li.day[data-day]")) nameDay(element, now);
}

function setClass(item, name, on) {
  if (item.classList.contains(name) !== on) item.classList.toggle(name, on);
}
