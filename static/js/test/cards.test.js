import { equal, test } from "./tiny.js";
import { ANA, items, world } from "./world.js";
import { parse, tell } from "../page.js";
import { applyCards, start } from "../cards.js";

const card = (person, seq, name, initials = "??") =>
  parse(`<span data-person="${person}" data-card="${seq}" data-initials="${initials}">${name}</span>`).querySelectorAll("[data-person]");
const names = (log) => [...log.querySelectorAll(".message__author")].map((author) => author.textContent);
const fresh = () => crypto.randomUUID();

test("a new name stands beside every message of its person, and of nobody else", () => {
  const person = fresh();
  const log = world([{ seq: 1, author: person }, { seq: 2, author: ANA }, { seq: 3, author: person }]);
  applyCards(card(person, 1, "Zoë"));
  equal(names(log), ["Zoë", "Ana", "Zoë"]);
});

test("an older card never replaces a newer one", () => {
  const person = fresh();
  const log = world([{ seq: 1, author: person }]);
  applyCards(card(person, 2, "Second"));
  applyCards(card(person, 1, "First"));
  equal(names(log), ["Second"]);
});

test("a message that was drawn before the change gets the new name when it arrives after it", () => {
  start();
  const person = fresh();
  const log = world([]);
  applyCards(card(person, 3, "Zoë"));
  const [late] = items({ seq: 1, author: person });
  log.append(late);
  tell("arrived", { log, items: [late], news: [], dropped: [], reading: false });
  equal(names(log), ["Zoë"]);
  const [newer] = items({ seq: 2, author: person });
  newer.dataset.card = "4";
  log.append(newer);
  tell("arrived", { log, items: [newer], news: [], dropped: [], reading: false });
  equal(names(log), ["Zoë", "Ana"]);
});

test("the head of the conversation, its field and the title follow", () => {
  const person = fresh();
  world([{ seq: 1, author: person }]);
  const pane = document.getElementById("pane");
  pane.dataset.other = person;
  pane.querySelector("header").outerHTML = `<header class="pane__head"><span class="avatar">AN</span><h1 class="pane__title"><a><bdi>Ana</bdi></a></h1></header>`;
  applyCards(card(person, 1, "Zoë Lind", "ZL"));
  equal(pane.querySelector(".pane__title").textContent, "Zoë Lind");
  equal(pane.querySelector(".avatar").textContent, "ZL");
  equal(document.getElementById("composer-body").placeholder, "Write to \u2068Zoë Lind\u2069");
  equal(document.title, "Zoë Lind · Parley");
});

test("what people were called in another history does not hold in this one", () => {
  const person = fresh();
  const log = world([{ seq: 1, author: person }]);
  applyCards(card(person, 9, "Lost Name"));
  tell("epoch");
  applyCards(card(person, 2, "As Before"));
  const [later] = items({ seq: 2, author: person });
  log.append(later);
  tell("arrived", { items: [later] });
  equal(later.querySelector(".message__author").textContent, "As Before");
});
