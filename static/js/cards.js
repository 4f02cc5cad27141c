/**
 * What people are called. A name stands in every message of its person, so a new one comes as a card of its own, with a
 * version, and is put wherever the page shows that person. A message that was drawn before the change may arrive after it:
 * so the newest cards are kept.
 */
import { byId, hear, openLog, pane, tell, words } from "./page.js";
import { messagesOf } from "./log.js";

const known = new Map();
const isolated = (name) => `\u2068${name}\u2069`;

/** Reads the cards that a frame holds, and puts the new names into the page. */
export function applyCards(elements) {
  for (const element of elements) {
    const { person, card, initials } = element.dataset;
    const seq = Number(card);
    if (!(seq > (known.get(person)?.seq ?? 0))) continue;
    known.set(person, { seq, initials, name: element.textContent });
  }
  fillMembers();
  const log = openLog();
  if (!log) return;
  fillAll(messagesOf(log));
  const card = known.get(pane().dataset.other);
  if (card) fillPane(card);
}

function fillAll(items) {
  if (!known.size) return;
  for (const item of items) {
    for (const name of item.querySelectorAll("[data-name-of]")) fillName(name);
    const card = known.get(item.dataset.author);
    if (!card || Number(item.dataset.card ?? 0) >= card.seq) continue;
    item.dataset.card = card.seq;
    put(item.querySelector(".message__author bdi"), card.name);
    put(item.querySelector(".avatar"), card.initials);
  }
}

/** A name within a sentence: who did what in a group. */
function fillName(name) {
  const card = known.get(name.dataset.nameOf);
  if (!card || Number(name.dataset.card) >= card.seq) return;
  name.dataset.card = card.seq;
  put(name, card.name);
}

/** Lines of a group's members, and the head of the details of a direct conversation. */
function fillMembers() {
  if (!known.size) return;
  for (const line of document.querySelectorAll("[data-member]")) {
    const card = known.get(line.dataset.member);
    if (!card || Number(line.dataset.card) >= card.seq) continue;
    line.dataset.card = card.seq;
    put(line.querySelector("bdi"), card.name);
    put(line.querySelector(".avatar"), card.initials);
    line.querySelector("[aria-label]")?.setAttribute("aria-label", words("manage", { name: isolated(card.name) }));
  }
}

/** The head of a direct conversation, what stands at its beginning, and whom the composer writes to. */
function fillPane({ seq, name, initials }) {
  if (Number(pane().dataset.card ?? 0) >= seq) return;
  pane().dataset.card = seq;
  put(pane().querySelector(".pane__title bdi"), name);
  for (const avatar of pane().querySelectorAll(".pane__head .avatar, .beginning .avatar")) put(avatar, initials);
  byId("composer-body")?.setAttribute("placeholder", words("writeTo", { name: isolated(name) }));
  document.title = words("title", { title: name });
  tell("total"); // the number goes before it again
}

function put(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

export function start() {
  hear("epoch", () => known.clear());
  hear("arrived", ({ items }) => fillAll(items));
  hear("history", ({ added }) => fillAll(added));
  hear("details", fillMembers);
  document.addEventListener("htmx:after:swap", fillMembers);
}
