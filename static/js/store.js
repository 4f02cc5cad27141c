/**
 * What a person has written and the server does not have yet: drafts, and messages on their way. Kept in localStorage,
 * so that neither a reload nor a crash loses a word. The keys carry the person. Who logs out takes the texts along, and
 * another person's are removed as soon as somebody else logs in on this browser.
 *
 * Each thing has a key of its own. Two tabs that wrote one shared list would overwrite each other's entries, because a
 * tab does not see at once what the other wrote.
 */
import { goToLogin, hear, person, tell } from "./page.js";

const PREFIX = "parley:";
const memory = new Map(); // where storage is full or forbidden, or held; it lasts as long as the page
const WHO = "parley:person"; // who is logged in on this browser, as far as its pages know
const LEFT = "parley:left"; // of a tab alone: whom it has asked to log out
const [LEAVING, NOBODY] = ["", "-"];
/** A page that is still there so long after a log-out was sent, in milliseconds, was not left. */
const LEAVING_MS = 10_000;

let closed = false; // somebody else is logged in: nothing is kept any more
let held = false; // a log-out is under way: until one knows what came of it, what is written stays in the page
let leaving = false; // it is this tab's: nothing that other tabs say may lead it elsewhere
let timer = 0;

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
export const put = (kind, id, value) => write(keyOf(kind, id), closed || value === "" ? null : value);

function write(key, value) {
  memory.delete(key);
  try {
    if (value === null) localStorage.removeItem(key);
    else if (held) memory.set(key, value);
    else localStorage.setItem(key, JSON.stringify(value));
  } catch {
    if (value !== null) memory.set(key, value);
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

/** Hears what another tab of the same person wrote, or removed: then the value is null. */
export function hearOthers(kind, listener) {
  const prefix = keyOf(kind, "");
  addEventListener("storage", ({ key, newValue }) => {
    if (key?.startsWith(prefix)) listener(key.slice(prefix.length), JSON.parse(newValue));
  });
}

function sayWho(name) {
  try {
    localStorage.setItem(WHO, name);
  } catch {
    // Then the tabs do not know of each other, and there is nothing stored that could be mixed up.
  }
}

function who() {
  try {
    return localStorage.getItem(WHO);
  } catch {
    return person();
  }
}

/** A log-out is under way. Whether it happens only the server knows; if it does, another page comes and takes this one's place. */
function hold() {
  held = true;
  clearTimeout(timer);
  timer = setTimeout(stay, LEAVING_MS);
  tell("leaving");
}

/** It did not happen: everything goes on, and nothing is lost. */
function stay() {
  clearTimeout(timer);
  closed = leaving = false;
  if (!held) return;
  held = false;
  for (const [key, value] of [...memory]) write(key, value);
  tell("stayed");
}

/**
 * The session is the browser's, not the page's: what another tab says of it holds here, too. Somebody else who logs in
 * must not be spoken for by this page.
 */
function hearWho(who) {
  if (leaving) return;
  if (who === person()) return stay();
  if (who === LEAVING) return hold();
  clearTimeout(timer);
  if (who === NOBODY) return goToLogin();
  closed = true;
  location.reload();
}

/** Whom this tab has asked to log out; without storage there is nothing to be forgotten. */
function left(name) {
  try {
    const before = sessionStorage.getItem(LEFT);
    if (name) sessionStorage.setItem(LEFT, name);
    else sessionStorage.removeItem(LEFT);
    return before;
  } catch {
    return null;
  }
}

export function start() {
  if (!person()) {
    // An error page has no person either, and says nothing of who is logged in.
    if (!document.querySelector("[data-nobody]")) return;
    const gone = left();
    wipe((owner) => owner === gone);
    sayWho(NOBODY);
    return;
  }
  left();
  wipe((owner) => owner !== person());
  sayWho(person());
  addEventListener("storage", ({ key, newValue }) => key === WHO && newValue !== null && hearWho(newValue));
  document.addEventListener("submit", (event) => {
    // Read as an attribute: a field named "action" would stand before the form's own property.
    if (event.target.getAttribute("action") !== "/logout") return;
    left(person());
    sayWho(LEAVING);
    leaving = true;
    hold(); // or the end of the session, which the socket hears first, leads elsewhere than the log-out
  });
  hear("up", () => who() === LEAVING && sayWho(person())); // the session stands: nobody has left
  addEventListener("pageshow", (event) => {
    if (event.persisted && who() !== person()) location.reload();
  });
}
