import { equal, ok, test } from "./tiny.js";
import { ANA, ME, TALK, message, world } from "./world.js";
import { parse } from "../page.js";
import { applyCards } from "../cards.js";
import { leavers, update } from "../details.js";
import { receive } from "../frames.js";

const line = (name, { extra = "", role = "" } = {}) => `<li class="member" data-member="${name}" data-card="0"><a class="person__link" href="/people/${name}">
  <span class="avatar">??</span><bdi>${name}</bdi>${role}</a>${extra}</li>`;
const list = (lines, { more = "", role = "member" } = {}) => `<div id="members" data-part="list" data-role="${role}"><ul>${lines.map((l) => (l.startsWith("<") ? l : line(l))).join("")}</ul>
  ${more && `<p id="members-more"><a href="/more?after=${more}">More</a></p>`}</div>`;

/** The details of a group as the server draws them. */
const details = ({ count = 3, pinned = false, notify = "all", notice = "", links = "", members = list(["ana", "ben", "cleo"]) } = {}) =>
  `<aside id="details" tabindex="-1" data-conversation="${TALK}" data-source="/conversations/${TALK}/details"><div class="pane__scroll"><div class="sheet">${notice}
    <section data-part="head"><p class="details__sub">${count} members</p></section>
    <section data-part="choices" data-parts>
      <form method="post" data-part="pinned"><button>${pinned ? "Unpin" : "Pin"}</button></form>
      <form method="post" data-part="notify"><select id="field-notify">${["all", "mentions", "nothing"].map((one) =>
        `<option ${one === notify ? "selected" : ""}>${one}</option>`).join("")}</select><button>Set</button></form></section>
    <section data-part="members" data-parts><form class="search" data-part="search"><input id="members-query"></form>${members}</section>
    ${links}</div></div></aside>`;
const drawn = (parts) => parse(details(parts)).querySelector("#details");

function shown(parts) {
  world();
  document.querySelector(".shell").append(drawn(parts));
  return document.getElementById("details");
}
const names = () => [...document.querySelectorAll("#details .member")].map((one) => one.dataset.member).join(" ");
const by = (selector) => document.querySelector(`#details ${selector}`);

test("who came and who went are in the list, the others' lines stay what they are", () => {
  const root = shown();
  const ana = by(`[data-member="ana"] a`);
  ana.focus();
  update(root, drawn({ count: 3, members: list(["ana", "cleo", "dora"]) }));
  equal([names(), document.activeElement === ana], ["ana cleo dora", true]);
  update(root, drawn({ count: 4, members: list([line("zoe", { role: "Owner" }), "ana", "cleo", "dora"]) }));
  equal([names(), by(".details__sub").textContent, document.activeElement === ana], ["zoe ana cleo dora", "4 members", true]);
});

test("a live change leaves alone what is typed, chosen and focused", () => {
  const root = shown();
  const query = by("#members-query");
  query.value = "cl";
  query.focus();
  let searched = 0;
  query.addEventListener("search", () => searched++);
  by("select").value = "nothing";
  update(root, drawn({ count: 4, links: `<section data-part="links"></section>`, members: list(["ana", "ben", "cleo", "dora"]) }));
  equal([by("#members-query") === query, query.value, document.activeElement === query, searched], [true, "cl", true, 1]);
  equal([by("select").value, by(".details__sub").textContent, names()], ["nothing", "4 members", "ana ben cleo"], "what is found comes by the search");
  ok(by(`[data-part="links"]`), "and what one may do now is there");
});

test("after a form was sent the focus is where it was, and what is chosen elsewhere stays", () => {
  const root = shown({ notice: `<p class="notice notice--error" data-part="refused">Not now.</p>` });
  by("select").value = "mentions";
  by(`[data-part="pinned"] button`).focus();
  update(root, drawn({ pinned: true }), { form: by(`[data-part="pinned"]`) });
  equal([document.activeElement === by(`[data-part="pinned"] button`), document.activeElement.textContent], [true, "Unpin"]);
  equal([by("select").value, by(".notice")], ["mentions", null]);
  update(root, drawn({ pinned: true, notify: "nothing" }), { form: by(`[data-part="notify"]`) });
  equal(by("select").value, "nothing", "what the server has of the form that was sent");
});

test("further pages of members stay, but for those who are gone or stand further up now", () => {
  const root = shown({ members: list(["ana", "ben"], { more: "ben" }) });
  by("#members-more").outerHTML = `<ul>${["cleo", "dora", "eva"].map((one) => line(one)).join("")}</ul><p id="members-more"><a href="/more?after=eva">More</a></p>`;
  update(root, drawn({ members: list(["dora", "ana"], { more: "ana" }) }), { gone: new Set(["cleo"]) });
  equal([names(), by("#members-more a").getAttribute("href")], ["dora ana ben eva", "/more?after=eva"]);
  const [first, second] = root.querySelectorAll("#members ul");
  equal([first.children.length, second.children.length], [2, 2]);
});

test("the way to further members is that of the page shown", () => {
  const root = shown({ members: list(["ana", "ben"]) });
  update(root, drawn({ members: list(["ana", "abe"], { more: "abe" }) }));
  equal(by("#members-more a").getAttribute("href"), "/more?after=abe");
  update(root, drawn({ members: list(["ana"]) }));
  equal([by("#members-more"), names()], [null, "ana"]);
});

test("with another role of one's own every line is another one", () => {
  const root = shown({ members: list(["ana", "ben"], { more: "ben" }) });
  by("#members-more").outerHTML = `<ul>${line("cleo")}</ul>`;
  update(root, drawn({ members: list(["ana", "ben"], { more: "ben", role: "administrator" }) }));
  equal([names(), by("#members").dataset.role], ["ana ben", "administrator"]);
});

test("a new name stands in the line of its person, and an older one does not come back with an older line", () => {
  const person = crypto.randomUUID();
  const root = shown({ members: list(["ana", line(person, { extra: `<a class="icon-button" aria-label="Role of ${person}"></a>` })]) });
  const name = () => by(`[data-member="${person}"] bdi`).textContent;
  document.getElementById("strings").dataset.manage = "Role of {name}";
  applyCards(parse(`<span data-person="${person}" data-card="5" data-initials="ZL">Zoë Lind</span>`).querySelectorAll("[data-person]"));
  equal([name(), by(`[data-member="${person}"] .avatar`).textContent], ["Zoë Lind", "ZL"]);
  equal(by(`[data-member="${person}"] .icon-button`).getAttribute("aria-label"), "Role of \u2068Zoë Lind\u2069");
  update(root, drawn({ members: list(["ana", person]) }));
  equal(name(), "Zoë Lind");
});

test("an event says who is in the group no more", () => {
  const event = (kind, author, ...named) => {
    const item = parse(message({ seq: 1, author })).querySelector("li");
    item.dataset.event = kind;
    item.querySelector(".message__body").innerHTML = [author, ...named].map((one) => `<bdi data-name-of="${one}">x</bdi>`).join(" ");
    return item;
  };
  equal(leavers(event("removed", ANA, "ben", "cleo")), ["ben", "cleo"]);
  equal(leavers(event("left", ANA)), [ANA]);
  equal(leavers(event("added", ANA, "ben")), []);
});

test("a page without messages follows its conversation: its cursor moves, and its hole asks", () => {
  world();
  document.body.dataset.person = ME;
  document.getElementById("pane").outerHTML = `<main id="pane" data-source="/conversations/${TALK}/members" data-conversation="${TALK}"
    data-epoch="e1" data-view="1" data-change="4" data-at="1"><div class="pane__scroll"><div class="sheet"></div></div></main>`;
  const pane = document.getElementById("pane");
  let asked = 0;
  const listener = () => asked++;
  document.addEventListener("parley:gap", listener);
  receive({ type: "hello" });
  receive({ type: "changes", conversation: TALK, from: 4, to: 6, html: message({ seq: 6 }) });
  receive({ type: "view", conversation: TALK, view: 7 });
  equal([pane.dataset.change, pane.dataset.view, asked, pane.querySelector(".message")], ["6", "7", 0, null]);
  receive({ type: "changes", conversation: TALK, from: 9, to: 11 });
  receive({ type: "changes", conversation: "another", from: 6, to: 11 });
  document.removeEventListener("parley:gap", listener);
  equal([pane.dataset.change, asked], ["6", 1]);
});
