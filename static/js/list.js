/**
 * The list of conversations: rows come rendered from the server, one by one or all at once, and go to their place by last
 * activity. A row that is there already is filled anew rather than replaced, so that focus and hover stay where they are.
 * A list with data-continued begins behind the newest conversations: what it does not hold belongs before it.
 */
import { byId, hear, person, plural, powerUp, rowsOf, tell } from "./page.js";
import { dress } from "./dress.js";
import { localise, shortName } from "./times.js";

const number = (row, name) => Number(row.dataset[name] || 0);
const setAttributes = (to, from) => {
  for (const { name } of [...to.attributes]) {
    if (!from.hasAttribute(name) && name !== "data-htmx-powered") to.removeAttribute(name);
  }
  for (const { name, value } of from.attributes) if (to.getAttribute(name) !== value) to.setAttribute(name, value);
};

const pinned = (row) => "pinned" in row.dataset;

/** Whether a row goes before another: pinned ones first, then the newest activity; between equals the later news wins. */
const goesBefore = (row, other) =>
  pinned(row) === pinned(other) ? number(row, "activity") >= number(other, "activity") : pinned(row);

function place(list, row) {
  const behind = rowsOf(list).find((other) => other !== row && goesBefore(row, other));
  const next = behind ?? null;
  if (row.isConnected && row.nextElementSibling === next) return;
  const focused = row.contains(document.activeElement) ? document.activeElement : null;
  // moveBefore keeps focus and scroll; browsers without it need the focus set again.
  if (row.isConnected && list.moveBefore) list.moveBefore(row, next);
  else list.insertBefore(row, next);
  if (focused && document.activeElement !== focused) focused.focus({ preventScroll: true });
}

/** Puts one row into the list. An older form of a row never replaces a newer one, unless it must. Says whether it was taken. */
export function upsertRow(list, row, must = false) {
  localise(row, shortName);
  // A row of the archive stands in the archive, and every other one does not.
  if ("archived" in row.dataset !== "away" in list.dataset) {
    list.querySelector(`:scope > #${CSS.escape(row.id)}`)?.remove();
    return false;
  }
  const present = list.querySelector(`:scope > #${CSS.escape(row.id)}`);
  if (!present) {
    if ("continued" in list.dataset) return false;
    place(list, row);
    powerUp(row);
    return true;
  }
  if (!must && number(row, "change") < number(present, "change")) return false;
  const link = present.querySelector("a");
  const fresh = row.querySelector("a");
  setAttributes(present, row);
  if (link && fresh && present.children.length === 1 && row.children.length === 1) {
    setAttributes(link, fresh);
    link.replaceChildren(...fresh.childNodes);
  } else {
    present.replaceChildren(...row.childNodes);
    powerUp(present);
  }
  place(list, present);
  return true;
}

export function upsertRows(rows, totals, must) {
  const list = byId("list");
  if (!list) return;
  for (const row of rows) upsertRow(list, row, must);
  if (rowsOf(list).length) list.parentElement.querySelector(".list__empty")?.remove();
  dress(list);
  count(totals);
  tell("rows", { rows });
}

/**
 * The whole list, as it is after a connection. It holds against whatever rows there are: after a restore their counters
 * are higher than the true ones. Rows it does not name are gone, except those behind its last one when it is cut at a full
 * page: they were loaded on request and are simply older. Of the archive it says only what is not in it.
 */
export function replaceRows(rows, totals) {
  const list = byId("list");
  if (!list) return;
  const named = new Set(rows.map((row) => row.id));
  const oldest = rows.length >= 100 ? number(rows.at(-1), "activity") : -Infinity;
  if (!("away" in list.dataset)) for (const row of rowsOf(list)) if (!named.has(row.id) && number(row, "activity") >= oldest) row.remove();
  // From the back, so that each goes before those that are in place and equals keep the server's order.
  upsertRows(rows.reverse(), totals, true);
}

/** The numbers of the whole list: how many hold something unread, how many the archive holds, and how many wait for an answer. */
function count({ total, archived, requests }) {
  showWay(".list__archive", archived, (n) => plural("archive", n));
  showWay(".list__requests", requests, (n) => plural("requests", n));
  if (!(total >= 0)) return;
  document.body.dataset.unreadTotal = total;
  tell("total");
}

/** The way to what was put away, or to the requests; there is none where there is nothing. */
function showWay(selector, n, text) {
  const way = byId("list").parentElement.querySelector(selector);
  if (!way || !(n >= 0)) return;
  way.hidden = n === 0;
  way.querySelector("a").textContent = text(n);
}

export function start() {
  if (!person()) return;
  hear("tick", () => byId("list") && localise(byId("list"), shortName));
}
