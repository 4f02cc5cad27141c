/**
 * What a person has written and the server does not have yet: drafts, and messages on their way. Kept in localStorage,
 * so that neither a reload nor a crash loses a word. The keys carry the person, and another person's texts are removed
 * as soon as somebody else logs in on this browser.
 */
import { person } from "./page.js";

const PREFIX = "parley:";
const memory = new Map(); // where storage is full or forbidden; it lasts as long as the page

const keyOf = (kind, conversation, who = person()) => `${PREFIX}${who}:${kind}:${conversation}`;

const keys = () => {
  try {
    return [...new Set([...Object.keys(localStorage), ...memory.keys()])].filter((key) => key.startsWith(PREFIX));
  } catch {
    return [...memory.keys()];
  }
};

export function get(kind, conversation) {
  const key = keyOf(kind, conversation);
  if (memory.has(key)) return memory.get(key);
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return null;
  }
}

/** Keeps a value; null, "" and [] remove it. */
export function put(kind, conversation, value) {
  const key = keyOf(kind, conversation);
  memory.delete(key);
  try {
    if (value?.length) localStorage.setItem(key, JSON.stringify(value));
    else localStorage.removeItem(key);
  } catch {
    if (value?.length) memory.set(key, value);
  }
}

/** The conversations for which there is something of a kind. */
export function conversations(kind) {
  const start = keyOf(kind, "");
  return keys().filter((key) => key.startsWith(start)).map((key) => key.slice(start.length));
}

/** Removes what the filter picks by its owner. */
export function wipe(picks) {
  for (const key of keys()) {
    if (!picks(key.split(":")[1])) continue;
    memory.delete(key);
    try {
      localStorage.removeItem(key);
    } catch {
      // Forbidden storage holds nothing of ours.
    }
  }
}

/** Hears what another tab of the same person wrote or removed. */
export function hearOthers(kind, listener) {
  addEventListener("storage", (event) => {
    const start = keyOf(kind, "");
    if (event.key?.startsWith(start)) listener(event.key.slice(start.length));
  });
}

export function start() {
  if (person()) wipe((owner) => owner !== person());
  document.addEventListener("submit", (event) => {
    // Read as an attribute: a field named "action" would stand before the form's own property.
    if (event.target.getAttribute("action") === "/logout") wipe((owner) => owner === person());
  });
}
