/**
 * What a person has written and the server does not have yet: drafts, and messages on their way. Kept in localStorage,
 * so that neither a reload nor a crash loses a word. The keys carry the person, and another person's texts are removed
 * as soon as somebody else logs in on this browser.
 *
 * Each thing has a key of its own. Two tabs that wrote one shared list would overwrite each other's entries, because a
 * tab does not see at once what the other wrote.
 */
import { goToLogin, person, tell } from "./page.js";

const PREFIX = "parley:";
const memory = new Map(); // where storage is full or forbidden; it lasts as long as the page
const WHO = "parley:person"; // who is logged in on this browser, as far as its pages know
const [LEAVING, NOBODY] = ["", "-"];
let closed = false; // after a log-out nothing is kept any more
let leaving = false; // this tab logs out: nothing that other tabs say may lead it elsewhere

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

/**
 * The session is the browser's, not the page's: what another tab says of it holds here, too. Somebody who logs out takes
 * the texts along; somebody else who logs in must not be spoken for by this page.
 */
function hearWho(who) {
  if (leaving) return;
  if (who === person()) closed = false;
  else if (who === NOBODY) goToLogin();
  else {
    closed = true;
    if (who === LEAVING) tell("leaving");
    else location.reload();
  }
}

export function start() {
  if (!person()) {
    // Whoever is logged in never gets these pages; others may look alike for everybody.
    if (["/", "/login", "/register"].includes(location.pathname)) sayWho(NOBODY);
    return;
  }
  wipe((owner) => owner !== person());
  sayWho(person());
  addEventListener("storage", ({ key, newValue }) => key === WHO && newValue !== null && hearWho(newValue));
  document.addEventListener("submit", (event) => {
    // Read as an attribute: a field named "action" would stand before the form's own property.
    if (event.target.getAttribute("action") !== "/logout") return;
    wipe((owner) => owner === person());
    sayWho(LEAVING);
    closed = leaving = true;
    tell("leaving"); // or the end of the session, which the socket hears first, leads elsewhere than the log-out
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted && who() !== person()) location.reload();
  });
}
