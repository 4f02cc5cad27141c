/**
 * How far one's own messages have come. Each knows it by data-receipt: how many it has reached, how many have read it, of
 * how many; nothing where it has reached nobody. The server draws it with a page; afterwards it comes in frames, which hold
 * all of it: runs of [seq, delivered, read, of], each for the messages up to seq behind the run before it. What is behind
 * the last run has reached nobody; of what is before the frame's beginning nothing is said.
 */
import { conversationPath, stamp, words } from "./page.js";
import { seqOf } from "./log.js";

/** A frame that is older than what the page shows is late; one that is older than this, in microseconds, tells of a clock. */
const LATE_US = 60_000_000;

const mine = (item) => item.matches(".message--mine[data-seq]");

/** What the frame that the log got last says of a message; nothing of what it does not speak of. */
function said(log, item) {
  const { receiptsFrom: from, receipts } = log.dataset;
  if (receipts === undefined || seqOf(item) < Number(from)) return undefined;
  const run = JSON.parse(receipts).find(([seq]) => seq >= seqOf(item));
  return run?.[1] > 0 ? run.slice(1).join(" ") : "";
}

function set(item, receipt) {
  if (receipt) item.dataset.receipt = receipt;
  else delete item.dataset.receipt;
}

/** Takes a frame, unless it is older than what the page has. Says whether it was taken. */
export function takeReceipts(log, { at, from = 0, runs }, items) {
  const known = Number(log.dataset.receiptsAt ?? log.dataset.at ?? 0);
  if (at < known && known - at < LATE_US) return false;
  log.dataset.receiptsAt = at;
  log.dataset.receiptsFrom = from;
  log.dataset.receipts = typeof runs === "string" ? runs : JSON.stringify(runs ?? []);
  for (const item of items) {
    const receipt = mine(item) ? said(log, item) : undefined;
    if (receipt !== undefined) set(item, receipt);
  }
  return true;
}

/** A pushed message knows nothing of receipts: the one it replaces does, or the frame before it. */
export function carry(log, item, present) {
  if (!mine(item) || item.dataset.receipt) return;
  set(item, present ? present.dataset.receipt : said(log, item));
}

const numbers = (item) => (item.dataset.receipt ?? "0 0 0").split(" ").map(Number);

/** As the server says it (views/receipt.go). */
export function stageOf([delivered, read, of]) {
  if (of > 0 && read === of) return "read";
  return of > 0 && delivered === of ? "delivered" : "sent";
}

function label(receipt) {
  const [delivered, read, of] = receipt;
  if (of > 1 && read > 0) return words("readBy", { read, of });
  if (of > 1 && delivered > 0) return words("deliveredTo", { delivered, of });
  return words(stageOf(receipt));
}

/** Makes ticks, and the words below the newest message that somebody has read, right; touches only what is not. */
export function drawReceipts(items) {
  let read = null;
  for (const item of items) {
    if (!mine(item)) continue;
    const receipt = numbers(item);
    if (receipt[1] > 0 && receipt[2] > 1) read = item;
    const tick = item.querySelector(":scope > .message__bubble .tick");
    if (!tick) continue;
    const stage = stageOf(receipt);
    const text = label(receipt);
    if (tick.dataset.state !== stage) tick.dataset.state = stage;
    if (text && tick.getAttribute("aria-label") !== text) tick.setAttribute("aria-label", text);
  }
  for (const item of items) {
    const line = item.querySelector(":scope > .message__receipts");
    if (item !== read) line?.remove();
    else showReadBy(item, line ?? item.appendChild(stamp("read-by-template") ?? document.createElement("p")));
  }
}

function showReadBy(item, line) {
  const link = line.querySelector("a");
  if (!link) return;
  const conversation = item.parentElement.dataset.conversation;
  const path = conversationPath(conversation, `/messages/${item.id.slice(2)}/receipts`);
  const text = label(numbers(item));
  if (link.getAttribute("href") !== path) link.setAttribute("href", path);
  if (link.textContent !== text) link.textContent = text;
}
