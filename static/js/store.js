/**
 * What a person has written and the server does not have yet: drafts, and messages on their way. Kept in localStorage,
 * so that neither a reload nor a crash loses a word. The keys carry the person, and another person's texts are removed
 * as soon as somebody else logs in on this browser.
 *
 * Each thing has a key of its own. Two tabs that wrote one shared list would overwrite each other's entries, because a
 * tab does not see at once what the other wrote.
 */
import { person } from "./page.js";

const PREFIX = "parley:";
const memory = new Map(); // where storage is full or forbidden; it lasts as long as the page
const WHO = "parley:person"; // who is logged in on this browser, as far as pages know
let closed = false; // after a log-out nothing is kept any more

const keyOf = (kind, id) => `${PREFIX}${person()}:${kind}:${id}`;

function keys() {
  let stored = [];
  try {
    stored = Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));
  } catch {
    // Forbidden storage holds nothing of ours.
  }
  return [...new Set([...stored, ...memory.keys()])];
}

export function get(kind, id) {
  const key = keyOf(kind, id);
  if (memory.has(key)) return memory.get(key);
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return null;
  }
}

/** Keeps a value; null and "" remove it. */
export function put(kind, id, value) {
  const key = keyOf(kind, id);
  memory.delete(key);
  const empty = value === null || value === "" || closed;
  try {
    if (empty) localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify(value));
  } catch {
    if (!empty) memory.set(key, value);
  }
}

/** The ids under which there is something of a kind. */
export function ids(kind, start = "") {
  const prefix = keyOf(kind, start);
  return keys().filter((key) => key.startsWith(prefix)).map((key) => start + key.slice(prefix.length));
}

/** Removes what the filter picks by its owner. */
export function wipe(picks) {
  for (const key of keys()) {
    if (!picks(key.split(":")[1])) continue;
    memory.delete(key);
    try {
      localStorage.removeItem(key);
    } catch {
      // As above.
    }
  }
}

/** Hears what another tab of the same person wrote or removed. */
export function hearOthers(kind, listener) {
  const prefix = keyOf(kind, "");
  addEventListener("storage", ({ key }) => key?.startsWith(prefix) && listener(key.slice(prefix.length)));
}

function sayWho(who) {
  try {
    localStorage.setItem(WHO, who);
  } catch {
    // Then the tabs do not know of each other, and there is nothing stored that could be mixed up.
  }
}

/**
 * The session is the browser's, not the page's: once somebody else is logged in, this page would speak in another name.
 * After a mere log-out it only keeps nothing any more; its socket ends by itself.
 */
function check(who) {
  closed = who !== person();
  if (closed && who) location.reload();
}

export function start() {
  if (!person()) return;
  wipe((owner) => owner !== person());
  sayWho(person());
  addEventListener("storage", ({ key, newValue }) => key === WHO && check(newValue));
  addEventListener("pageshow", (event) => event.persisted && check(localStorage.getItem(WHO)));
  document.addEventListener("submit", (event) => {
    // Read as an attribute: a field named "action" would stand before the form's own property.
    if (event.target.getAttribute("action") !== "/logout") return;
    wipe((owner) => owner === person());
    sayWho("");
    closed = true;
  });
}
