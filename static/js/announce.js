/**
 * What a screen reader hears of new messages: "Ana: text", politely, at most once a second. The log itself is silent
 * (aria-live="off"), because it also changes when history is loaded or a message is edited.
 */
import { byId, hear, person, plural, words } from "./page.js";

const PAUSE_MS = 1000;
/** More than this many waiting are told as a number: nobody can listen that fast. */
const MANY = 3;
const LONGEST = 200;

export function sentence(item) {
  const author = item.querySelector(".message__author")?.textContent.trim() ?? "";
  const text = item.querySelector(".message__body")?.textContent.trim() ?? "";
  return words("announcement", { author, text: text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text });
}

/** A queue that says one thing per pause; say and later are its doors. */
export function createAnnouncer(say, later, many = (n) => plural("new", n)) {
  let waiting = [];
  let busy = false;
  function next() {
    busy = waiting.length > 0;
    if (!busy) return;
    const [first] = waiting.length > MANY ? [many(waiting.length)] : waiting;
    waiting = waiting.length > MANY ? [] : waiting.slice(1);
    say(first);
    later(next, PAUSE_MS);
  }
  return (sentences) => {
    waiting.push(...sentences);
    if (!busy) next();
  };
}

export function start() {
  if (!person()) return;
  const announce = createAnnouncer((text) => {
    const line = byId("announcer");
    if (line) line.textContent = text;
  }, setTimeout);
  hear("arrived", ({ news }) => announce(news.map(sentence)));
}
