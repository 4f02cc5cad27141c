import { equal, ok, test, until } from "./tiny.js";
import { ANA, ME, TALK, items, many, message, paneOf, scrolling, seqs, shape, world } from "./world.js";
import { atMostEvery, parse, plural, words } from "../page.js";
import { applyHistory, applyMessages } from "../apply.js";
import { frames, framesIn, listIn, receive } from "../frames.js";
import { keepLate, loadMore } from "../history.js";
import { anchorOf, atEnd, fromEnd, fromStart, keepPlace, toEnd } from "../scroll.js";
import { dress } from "../dress.js";
import { start as startClock } from "../clock.js";
import { replaceRows, start as startList, upsertRow, upsertRows } from "../list.js";
import { createAnnouncer, sentence } from "../announce.js";
import { createPositions, ripe } from "../positions.js";
import { nextRow } from "../keys.js";
import { withCount } from "../title.js";
import { lengthOf, sends } from "../composer.js";
import { linked } from "../place.js";
import { refreshPane, reload } from "../pane.js";
import * as store from "../store.js";

const hearing = (name, work) => {
  const heard = [];
  const listener = (event) => heard.push(event.detail);
  document.addEventListener(`parley:${name}`, listener);
  try {
    work();
  } finally {
    document.removeEventListener(`parley:${name}`, listener);
  }
  return heard;
};
const changes = (from, to, ...list) => ({ type: "changes", conversation: TALK, from, to, html: list.map(message).join("") });

test("sentences are filled, and plural forms follow the language", () => {
  world();
  equal(words("announcement", { author: "Ana", text: "{author}" }), "Ana: {author}");
  equal([plural("new", 1), plural("new", 3), plural("new", 1200)], ["1 new", "3 new ones", "1,200 new ones"]);
  equal(words("nothing"), "");
});

// Frames

test("a frame that fits is applied and moves the cursor", () => {
  const log = world(many(1, 2));
  receive(changes(2, 4, { seq: 3 }, { seq: 4 }));
  equal([seqs(log), log.dataset.change], [[1, 2, 3, 4], "4"]);
});

test("a frame with nothing to show still moves the cursor", () => {
  const log = world(many(1, 2));
  receive({ type: "changes", conversation: TALK, from: 2, to: 9 });
  equal(log.dataset.change, "9");
});

test("a frame behind a hole is not applied; the page asks once from its cursor", () => {
  const log = world(many(1, 2));
  receive({ type: "hello" });
  const asked = hearing("gap", () => {
    receive(changes(5, 6, { seq: 6 }));
    receive(changes(6, 7, { seq: 7 }));
  });
  equal([seqs(log), log.dataset.change, asked.length], [[1, 2], "2", 1]);
  receive({ type: "resumed", conversation: TALK, to: 2 });
  equal(hearing("gap", () => receive(changes(5, 6, { seq: 6 }))).length, 1, "a later hole asks again");
});

test("a repeated frame changes nothing", () => {
  const log = world(many(1, 2));
  receive(changes(2, 3, { seq: 3, body: "as sent" }));
  const before = log.innerHTML;
  receive(changes(2, 3, { seq: 3, body: "as sent" }));
  receive(changes(0, 3, { seq: 1 }, { seq: 3, body: "as sent" }));
  equal(log.innerHTML, before);
});

test("a frame of another conversation is ignored", () => {
  const log = world(many(1, 2));
  receive({ ...changes(2, 3, { seq: 3 }), conversation: ANA });
  equal([seqs(log), log.dataset.change], [[1, 2], "2"]);
});

test("a frame of a type from the future, or from a prototype, is ignored", () => {
  world();
  receive({ type: "fireworks" });
  receive({ type: "constructor" });
  ok(!frames.fireworks);
});

test("the view counter moves with its frame", () => {
  const log = world(many(1, 1));
  receive({ type: "view", conversation: TALK, view: 8 });
  receive({ type: "view", conversation: "another", view: 9 });
  equal(log.dataset.view, "8");
});

test("another history is noticed, by greeting or by list, and told once", () => {
  world(many(1, 2), { epoch: "e1" });
  receive({ type: "hello", epoch: "e1" });
  equal(hearing("epoch", () => {
    receive({ type: "list", epoch: "e1", html: "", total: 0 });
    receive({ type: "list", html: "", total: 0 });
  }).length, 0);
  equal(hearing("epoch", () => {
    receive({ type: "list", epoch: "e2", html: "", total: 0 });
    receive({ type: "hello", epoch: "e2" });
  }).length, 1);
  equal(hearing("epoch", () => receive({ type: "hello", epoch: "e1" })).length, 1);
});

test("the list that polling fetches is a frame, and whatever else comes is none", () => {
  listWorld();
  const answer = `<ol id="list" class="list" data-total="2">${three.slice(0, 2).map(row).join("")}</ol><p class="list__edge"></p>`;
  for (const frame of listIn(parse(answer))) receive(frame);
  equal([listed(), document.body.dataset.unreadTotal], ["a b", "2"]);
  equal(listIn(parse("<h1>Log in to the hotel</h1>")), []);
});

test("another time zone, chosen in another tab, holds for all times that are in the page", () => {
  const late = "2026-11-20T22:59:00Z";
  const log = world([{ seq: 1, author: ME, at: late }, { seq: 2, author: ME, at: "2026-11-20T23:01:00Z" }], {}, { list: row({ id: "a", activity: 5 }) });
  receive({ type: "preferences", zone: "UTC", theme: "auto" });
  applyMessages(log, items({ seq: 3, author: ME, at: "2026-11-21T00:02:00Z" }));
  equal(shape(log), "2026-11-20 [1 2] 2026-11-21 [3]");
  startClock();
  startList();
  receive({ type: "preferences", zone: "Asia/Tokyo", theme: "dark" });
  equal(shape(log), "2026-11-21 [1 2] [3]");
  equal([...log.querySelectorAll(".message time")].map((time) => time.textContent), ["07:59", "08:01", "09:02"]);
  equal(document.querySelector("#row-a time").title, "21 November 2026, 18:00");
  equal([document.documentElement.dataset.timeZone, document.documentElement.dataset.theme], ["Asia/Tokyo", "dark"]);
  applyMessages(log, items({ seq: 4, author: ME, at: "2026-11-21T00:03:00Z" }));
  equal(log.querySelector("[data-seq='4'] time").textContent, "09:03");
  receive({ type: "hello", epoch: "", zone: "UTC", theme: "auto" });
  equal([shape(log), document.documentElement.dataset.theme], ["2026-11-20 [1 2] 2026-11-21 [3 4]", "auto"]);
});

test("the elements that polling fetches are the same frames", () => {
  const log = world(many(1, 2));
  const root = parse(`<div data-frame="changes" data-conversation="${TALK}" data-from="2" data-to="3">${message({ seq: 3 })}</div>
    <div data-frame="preferences" data-zone="UTC" data-theme="auto"></div>
    <div data-frame="list" data-epoch="e1.7" data-total="4"></div>`);
  equal([framesIn(root)[1].zone, framesIn(root)[1].theme], ["UTC", "auto"]);
  equal(framesIn(root).at(-1).epoch, "e1.7");
  for (const frame of framesIn(root)) receive(frame);
  equal([seqs(log), log.dataset.change, document.body.dataset.unreadTotal], [[1, 2, 3], "3", "4"]);
});

test("pushed messages get local times, day lines and groups", () => {
  const log = world([{ seq: 1, at: "2026-11-20T22:59:00Z" }], {}, { zone: "Europe/Berlin" });
  applyMessages(log, items({ seq: 2, author: ME, at: "2026-11-20T23:01:00Z" }));
  equal(shape(log), "2026-11-20 [1] 2026-11-21 [2]");
  equal(log.querySelector("[data-seq='2'] time").textContent, "00:01");
});

test("who looks away finds an unread line, who reads does not", () => {
  const log = world(many(1, 2));
  const { hasFocus } = document;
  try {
    document.hasFocus = () => true;
    applyMessages(log, items({ seq: 3 }));
    equal(Boolean(log.querySelector(".unread-line")), false);
    document.hasFocus = () => false;
    applyMessages(log, items({ seq: 4 }, { seq: 5 }));
    equal(shape(log), "2026-11-21 [1 2 3] unread [4 5]");
    document.hasFocus = () => true;
    applyMessages(log, items({ seq: 6 }));
    equal(shape(log), "2026-11-21 [1 2 3] unread [4 5 6]");
  } finally {
    document.hasFocus = hasFocus;
  }
});

test("what arrived is told once, and only as news when somebody else wrote it now", () => {
  const log = world(many(1, 2));
  const [told] = hearing("arrived", () => applyMessages(log, items({ seq: 1, change: 9 }, { seq: 3, author: ME }, { seq: 4 })));
  equal(told.news.map((item) => item.dataset.seq), ["4"]);
  const [again] = hearing("arrived", () => applyMessages(log, items({ seq: 4, change: 20 })));
  equal(again.news, []);
});

// Places

for (const reversed of [true, false]) {
  const column = reversed ? "a reversed column" : "a column";

  test(`who is at the end stays there: ${column}`, () => {
    const log = world(many(1, 30));
    const scroller = scrolling(log, reversed);
    toEnd(scroller);
    applyMessages(log, items(...many(31, 35)));
    ok(fromEnd(scroller) < 1, `${fromEnd(scroller)} from the end`);
  });

  test(`who reads above does not move, and gets the news below: ${column}`, () => {
    const log = world(many(1, 30));
    const scroller = scrolling(log, reversed);
    toEnd(scroller);
    scroller.scrollTop -= 400;
    const item = log.querySelector("[data-seq='15']");
    const before = item.getBoundingClientRect().top;
    const [told] = hearing("arrived", () => applyMessages(log, items(...many(31, 35))));
    ok(Math.abs(item.getBoundingClientRect().top - before) < 1, "moved");
    equal([told.reading, told.news.length], [true, 5]);
  });

  test(`within a hundred pixels one is at the end: ${column}`, () => {
    const log = world(many(1, 30));
    const scroller = scrolling(log, reversed);
    toEnd(scroller);
    scroller.scrollTop -= 99;
    ok(atEnd(log));
    scroller.scrollTop -= 5;
    ok(!atEnd(log));
  });

  test(`an edit above that needs more room does not move what is read: ${column}`, () => {
    const log = world(many(1, 30));
    const scroller = scrolling(log, reversed);
    toEnd(scroller);
    scroller.scrollTop -= 400;
    const item = log.querySelector("[data-seq='20']");
    const before = item.getBoundingClientRect().top;
    keepPlace(log, () => log.querySelector("[data-seq='3']").before(Object.assign(document.createElement("li"), { textContent: "room", className: "wide" })));
    ok(Math.abs(item.getBoundingClientRect().top - before) < 1, "moved");
  });

  test(`history above keeps one's place: ${column}`, () => {
    const log = world(many(51, 80), { "has-older": true });
    const scroller = scrolling(log, reversed);
    toEnd(scroller);
    scroller.scrollTop -= fromStart(scroller) - 10;
    const { id, offset } = anchorOf(log);
    applyHistory(log, parse(paneOf(many(1, 50))).querySelector("ol"), "older");
    const moved = document.getElementById(id).getBoundingClientRect().top - scroller.getBoundingClientRect().top - offset;
    ok(Math.abs(moved) < 1, `moved by ${moved}`);
    equal(seqs(log).length, 80);
    ok(scroller.querySelector(".beginning"), "the beginning is shown once it is there");
    ok(!scroller.querySelector("#older"));
  });
}

test("the page never holds more than 300 messages, whoever sends", () => {
  const log = world(many(1, 290));
  const scroller = scrolling(log);
  toEnd(scroller);
  applyMessages(log, items(...many(291, 340)));
  equal([seqs(log).length, seqs(log)[0], seqs(log).at(-1), log.dataset.hasOlder], [300, 41, 340, "true"]);
  ok(!scroller.querySelector(".beginning"), "it does not begin here any more");
});

test("who reads far above keeps what is read, and the end gives way", () => {
  const log = world(many(1, 300));
  const scroller = scrolling(log);
  toEnd(scroller);
  scroller.scrollTop -= fromStart(scroller);
  applyMessages(log, items(...many(301, 305)));
  equal([seqs(log)[0], seqs(log).at(-1), log.dataset.hasNewer], [1, 300, "true"]);
});

test("loading older ones beyond the bound drops the newest", () => {
  const log = world(many(101, 390), { "has-older": true });
  scrolling(log);
  applyHistory(log, parse(paneOf(many(51, 100), { "has-older": true })).querySelector("ol"), "older");
  equal([seqs(log)[0], seqs(log).at(-1), log.dataset.hasNewer, log.dataset.last], [51, 350, "true", "350"]);
});

test("a change that comes while its message is being loaded is not lost to the older form", async () => {
  const log = world(many(51, 60), { "has-older": true, change: 60 });
  scrolling(log);
  const page = parse(paneOf(many(1, 50)));
  const get = async (url) => {
    equal(url, `/conversations/${TALK}?before=51`);
    keepLate(items({ seq: 30, change: 61, body: "edited" }));
    return { fetched: page.querySelector("#pane"), ok: true };
  };
  equal(await loadMore(log, "older", get), true);
  equal(log.querySelector("[data-seq='30'] .message__body").textContent, "edited");
});

test("history that no longer borders on the page is not put in", async () => {
  const log = world(many(51, 60), { "has-older": true });
  const get = async () => {
    log.dataset.first = 55;
    return { fetched: parse(paneOf(many(1, 50))).querySelector("#pane"), ok: true };
  };
  equal(await loadMore(log, "older", get), false);
  equal(seqs(log)[0], 51);
});

test("a failed load leaves the log as it was", async () => {
  const log = world(many(51, 60), { "has-older": true });
  equal(await loadMore(log, "older", async () => { throw new TypeError("offline"); }), false);
  equal([seqs(log).length, log.dataset.hasOlder], [10, "true"]);
});

test("a fresh pane goes around the composer, which keeps its element, its text and the focus", () => {
  world(many(1, 3));
  const body = document.getElementById("composer-body");
  body.value = "half a wor";
  body.focus();
  refreshPane({ fetched: parse(paneOf(many(2, 5), { view: 9 })).querySelector("#pane") }, null);
  equal(document.activeElement, body);
  equal(document.getElementById("composer-body").value, "half a wor");
  equal([seqs(document.querySelector("ol.log__list")), document.querySelectorAll(".log").length], [[2, 3, 4, 5], 1]);
  equal([...document.getElementById("pane").children].map((child) => child.tagName), ["HEADER", "DIV", "DIV"]);
});

test("a conversation that was closed meanwhile loses its composer", () => {
  world(many(1, 3));
  const closed = parse(paneOf(many(1, 3))).querySelector("#pane");
  closed.querySelector("#composer").outerHTML = `<p class="composer composer--closed">New messages are not possible here.</p>`;
  refreshPane({ fetched: closed }, null);
  equal(document.getElementById("composer"), null);
});

/** Loads the conversation anew, and lets work happen while the answer is on its way. */
async function reloading(answer, work) {
  const { fetch } = globalThis;
  globalThis.fetch = async () => {
    await work();
    return new Response(answer);
  };
  try {
    return await reload(null, null);
  } finally {
    globalThis.fetch = fetch;
  }
}

test("what comes while a conversation is fetched anew stays, and what the answer does not know any more goes", async () => {
  world(many(1, 5));
  const mine = { seq: 7, author: ME, client: "c" };
  const during = () => applyMessages(document.querySelector(".log__list"), items(mine, { seq: 3, change: 8, body: "edited" }));
  ok(await reloading(paneOf(many(1, 4), { change: 4 }), during));
  const log = document.querySelector(".log__list");
  equal(seqs(log), [1, 2, 3, 4, 7], "5 was there before, and is not any more");
  equal(log.querySelector('[data-seq="3"] .message__body').textContent, "edited");
  equal(log.dataset.change, "4", "the cursor is the answer's");
});

test("what an answer knows better than what came meanwhile is as the answer says", async () => {
  world(many(1, 2));
  const during = () => applyMessages(document.querySelector(".log__list"), items({ seq: 3, change: 3, body: "first" }));
  ok(await reloading(paneOf([...many(1, 2), { seq: 3, change: 6, body: "second" }]), during));
  const log = document.querySelector(".log__list");
  equal(seqs(log), [1, 2, 3]);
  equal(log.querySelector('[data-seq="3"] .message__body').textContent, "second");
});

test("only a message's hash is a place", () => {
  equal([linked("#m-0190-ab"), linked("#pane"), linked("#m-<b>"), linked("")], ["m-0190-ab", null, null, null]);
});

// The list

const row = ({ id, activity, change = 1, name = `row ${id}`, unread = 0 }) =>
  `<li id="row-${id}" class="row" data-conversation="${id}" data-activity="${activity}" data-change="${change}" data-unread="${unread}">
    <a class="row__link" href="/conversations/${id}"><span class="row__name">${name}</span><time datetime="2026-11-21T09:00:00Z">09:00</time>
    <span class="row__preview"><bdi>preview</bdi></span></a></li>`;
const rows = (...list) => [...parse(list.map(row).join("")).querySelectorAll("li")];
const listed = () => [...document.querySelectorAll("#list > li")].map((li) => li.dataset.conversation).join(" ");
const three = [{ id: "a", activity: 30 }, { id: "b", activity: 20 }, { id: "c", activity: 10 }];
const listWorld = (list = three) => world([], {}, { list: list.map(row).join("") });

test("a row goes where its last activity belongs", () => {
  listWorld();
  upsertRows(rows({ id: "c", activity: 40, change: 2 }), { total: 1 });
  equal(listed(), "c a b");
  upsertRows(rows({ id: "d", activity: 25 }), { total: 2 });
  equal(listed(), "c a d b");
  upsertRows(rows({ id: "e", activity: 1 }), { total: 2 });
  equal(listed(), "c a d b e");
  equal(document.body.dataset.unreadTotal, "2");
});

test("an older form of a row is ignored, an equal one is taken", () => {
  listWorld([{ id: "a", activity: 30, change: 5 }]);
  const list = document.getElementById("list");
  equal(upsertRow(list, rows({ id: "a", activity: 10, change: 4, name: "old" })[0]), false);
  equal(list.querySelector(".row__name").textContent, "row a");
  equal(upsertRow(list, rows({ id: "a", activity: 30, change: 5, name: "read" })[0]), true);
  equal(list.querySelector(".row__name").textContent, "read");
});

test("a row that moves keeps its element and the focus in it", () => {
  listWorld();
  const link = document.querySelector("#row-c a");
  link.focus();
  upsertRows(rows({ id: "c", activity: 99, change: 2, name: "moved" }), { total: 0 });
  equal([listed(), document.activeElement === link, link.textContent.includes("moved")], ["c a b", true, true]);
});

test("a row that moves down with the focus keeps it, too", () => {
  listWorld();
  const link = document.querySelector("#row-b a");
  link.focus();
  upsertRows(rows({ id: "c", activity: 99, change: 2 }), { total: 0 });
  equal([listed(), document.activeElement === link], ["c a b", true]);
});

test("the whole list takes away what it does not name and keeps the server's order", () => {
  listWorld();
  replaceRows(rows({ id: "x", activity: 50 }, { id: "a", activity: 30, change: 2 }, { id: "y", activity: 30 }), { total: 0 });
  equal(listed(), "x a y");
});

test("rows behind a full page of the list stay", () => {
  listWorld([{ id: "old", activity: 1 }, { id: "gone", activity: 950 }]);
  replaceRows(rows(...Array.from({ length: 100 }, (_, i) => ({ id: `r${i}`, activity: 1000 - i }))), { total: 0 });
  const all = listed().split(" ");
  equal([all.length, all.at(-1), all.includes("gone")], [101, "old", false]);
});

test("the whole list holds against whatever rows there are, also those of a history that is no more", () => {
  listWorld([{ id: "a", activity: 30, change: 9, name: "lost by the restore", unread: 2 }]);
  replaceRows(rows({ id: "a", activity: 20, change: 3, name: "kept", unread: 1 }), { total: 1 });
  const [row] = document.querySelectorAll("#list > li");
  equal([row.querySelector(".row__name").textContent, row.dataset.unread, row.dataset.change, row.dataset.activity], ["kept", "1", "3", "20"]);
});

test("the list takes away from the archive what stands in it, and nothing else", () => {
  listWorld();
  const list = document.getElementById("list");
  list.dataset.away = "";
  for (const li of list.children) li.dataset.archived = "";
  replaceRows(rows({ id: "b", activity: 20, change: 2 }, { id: "x", activity: 50 }), { total: 3 });
  equal([listed(), document.body.dataset.unreadTotal], ["a c", "3"]);
});

test("an empty archive says so until something stands in it", () => {
  listWorld([]);
  const list = document.getElementById("list");
  list.dataset.away = "";
  list.insertAdjacentHTML("afterend", `<div class="list__empty">Nothing is archived.</div>`);
  replaceRows(rows({ id: "a", activity: 20 }), { total: 0 });
  ok(document.querySelector(".list__empty"), "what is not archived is none of it");
  const [away] = rows({ id: "a", activity: 20, change: 2 });
  away.dataset.archived = "";
  upsertRows([away], { total: 0 });
  equal([listed(), document.querySelector(".list__empty")], ["a", null]);
});

test("the way to the archive says how many are in it, and is not there where none are", () => {
  listWorld();
  const list = document.getElementById("list");
  list.insertAdjacentHTML("afterend", `<p class="list__archive" hidden><a href="/conversations/archive">Archive (0)</a></p>`);
  const way = document.querySelector(".list__archive");
  const [away] = rows({ id: "b", activity: 20, change: 2 });
  away.dataset.archived = "";
  receive({ type: "rows", html: away.outerHTML, total: 0, archived: 1 });
  equal([listed(), way.hidden, way.textContent], ["a c", false, "Archive (1)"]);
  receive({ type: "rows", html: "", total: 0 });
  equal([way.hidden, way.textContent], [false, "Archive (1)"], "a server of before says no number");
  for (const frame of listIn(parse(`<ol id="list" data-total="0" data-archived="1200"></ol>`))) receive(frame);
  equal(way.textContent, "Archive (1,200)");
  for (const frame of framesIn(parse(`<div data-frame="list" data-epoch="e1" data-total="0" data-archived="0"></div>`))) receive(frame);
  equal(way.hidden, true);
});

test("how many wait for an answer moves without a row, and leads there only where somebody waits", () => {
  listWorld();
  const list = document.getElementById("list");
  list.insertAdjacentHTML("afterend", `<p class="list__requests" hidden><a href="/requests">0 requests</a></p>`);
  const way = document.querySelector(".list__requests");
  const before = listed();
  receive({ type: "rows", html: "", total: 0, archived: 0, requests: 1 });
  equal([listed(), way.hidden, way.textContent], [before, false, "1 request"]);
  receive({ type: "rows", html: "", total: 0 });
  equal([way.hidden, way.textContent], [false, "1 request"], "a server of before says no number");
  for (const frame of listIn(parse(`<ol id="list" data-total="0" data-archived="0" data-requests="2"></ol>`))) receive(frame);
  equal(way.textContent, "2 requests");
  for (const frame of framesIn(parse(`<div data-frame="list" data-epoch="e1" data-total="0" data-requests="0"></div>`))) receive(frame);
  equal(way.hidden, true);
});

test("a list that begins behind the newest conversations takes up none of them, and keeps its own true", () => {
  listWorld([{ id: "o1", activity: 3 }, { id: "o2", activity: 2 }, { id: "gone", activity: 950 }]);
  document.getElementById("list").dataset.continued = "";
  const newest = Array.from({ length: 100 }, (_, i) => ({ id: `r${i}`, activity: 1000 - i }));
  replaceRows(rows(...newest), { total: 7 });
  equal([listed(), document.body.dataset.unreadTotal], ["o1 o2", "7"]);
  upsertRows(rows({ id: "new", activity: 2000 }, { id: "o2", activity: 2000, change: 2, name: "read elsewhere" }), { total: 8 });
  equal([listed(), document.querySelector("#row-o2 .row__name").textContent], ["o2 o1", "read elsewhere"]);
  equal(document.body.dataset.unreadTotal, "8");
});

test("the open conversation is marked, also in a pushed row", () => {
  world([], {}, { list: row({ id: TALK, activity: 5 }) + row({ id: "b", activity: 4 }) });
  dress();
  equal(document.querySelector(`#row-${TALK} a`).getAttribute("aria-current"), "page");
  upsertRows(rows({ id: TALK, activity: 9, change: 2 }), { total: 0 });
  equal(document.querySelectorAll("[aria-current]").length, 1);
});

test("a draft that the server does not have yet stands in the row of its conversation, and goes from it", () => {
  listWorld();
  store.put("draft", "b", { text: "half <b>a</b> thought" });
  dress();
  const line = document.querySelector("#row-b .row__drafted");
  equal(line.textContent, "Draft: half <b>a</b> thought");
  equal(line.nextElementSibling.className, "row__preview");
  upsertRows(rows({ id: "b", activity: 20, change: 2 }), { total: 0 });
  ok(document.querySelector("#row-b .row__drafted"), "a pushed row keeps the draft");
  store.put("draft", "b", { text: "" });
  dress();
  equal([document.querySelector("#row-b .row__drafted"), document.querySelector("#row-b .row__preview").textContent], [null, "preview"]);
  store.put("draft", "b", null);
});

test("keys go from row to row, and stop at the ends", () => {
  listWorld();
  const all = [...document.querySelectorAll("#list > li")];
  equal(nextRow(all, "a", 1).dataset.conversation, "b");
  equal(nextRow(all, "c", -1).dataset.conversation, "b");
  equal(nextRow(all, "c", 1), undefined);
  equal([nextRow(all, undefined, 1).dataset.conversation, nextRow(all, undefined, -1).dataset.conversation], ["a", "c"]);
});

test("going up from the first row stays there", () => {
  listWorld();
  equal(nextRow([...document.querySelectorAll("#list > li")], "a", -1), undefined);
});

test("the title counts, and counts anew", () => {
  equal(withCount("Mira · Parley", 3), "(3) Mira · Parley");
  equal(withCount("(3) Mira · Parley", 12), "(12) Mira · Parley");
  equal(withCount("(99+) Mira · Parley", 0), "Mira · Parley");
  equal(withCount("Parley", 240), "(99+) Parley");
});

// Announcing

test("news is announced with its author, one thing a second", () => {
  world();
  const said = [];
  const due = [];
  const announce = createAnnouncer((text) => said.push(text), (work) => due.push(work), (n) => `${n} new`);
  announce(items({ seq: 1, body: "one" }, { seq: 2, body: "two" }).map(sentence));
  equal(said, ["Ana: one"]);
  due.shift()();
  equal(said, ["Ana: one", "Ana: two"]);
  announce(["a", "b", "c", "d"]);
  due.shift()();
  equal(said.at(-1), "4 new", "nobody can listen that fast");
  due.shift()();
  announce(["later"]);
  equal(said.at(-1), "later");
});

test("a long message is announced in part", () => {
  world();
  const [item] = items({ seq: 1, body: "x".repeat(500) });
  equal(sentence(item).length, "Ana: ".length + 201);
});

// What was read

test("a message is read after a second in view", () => {
  const [four, seven, nine] = items({ seq: 4 }, { seq: 7 }, { seq: 9 });
  const seen = new Map([[four, 0], [nine, 500], [seven, 200]]);
  equal([ripe(seen, 900, 9), ripe(seen, 1000, 9), ripe(seen, 1200, 9), ripe(seen, 1500, 9)], [0, 4, 7, 9]);
});

test("one's own message that came before others' earlier ones does not make them read", () => {
  const [four, nine] = items({ seq: 4 }, { seq: 9, author: ME });
  const seen = new Map([[four, 0], [nine, 0]]);
  equal([ripe(seen, 2000, 5), ripe(seen, 2000, 9)], [4, 9]);
});

test("positions only grow, are said once, and are said again to a new connection", () => {
  const positions = createPositions();
  positions.base("a", 5);
  equal(positions.take(), null, "what the server said needs no answer");
  positions.move("a", "read", 3);
  equal(positions.take(), null);
  positions.move("a", "delivered", 8);
  positions.move("a", "read", 7);
  positions.move("b", "delivered", 2);
  equal(positions.take(), { a: { delivered: 8, read: 7 }, b: { delivered: 2, read: 0 } });
  equal(positions.take(), null);
  positions.again();
  equal(positions.take(), { a: { delivered: 8, read: 7 }, b: { delivered: 2, read: 0 } });
});

test("a connection that was dead unnoticed carried none of its frames: all of them are said again", () => {
  const positions = createPositions();
  positions.base("untouched", 9);
  positions.move("a", "read", 7);
  equal(positions.take(1_000), { a: { delivered: 7, read: 7 } });
  positions.move("b", "read", 2);
  equal(positions.take(20_000), { b: { delivered: 2, read: 2 } });
  positions.again(1_500); // then it was heard for the last time
  equal(positions.take(50_000), { a: { delivered: 7, read: 7 }, b: { delivered: 2, read: 2 } });
  positions.again(50_000);
  equal(Object.keys(positions.take(60_000)), ["a", "b"], "nor did the next one, perhaps");
});

test("what was said long before the connection was last heard has arrived", () => {
  const positions = createPositions();
  positions.move("a", "read", 7);
  positions.take(1_000);
  positions.move("b", "read", 2);
  positions.take(100_000);
  positions.again(101_000);
  equal(positions.take(102_000), { b: { delivered: 2, read: 2 } });
});

test("a position whose request failed is said again", () => {
  const positions = createPositions();
  positions.move("a", "read", 7);
  positions.move("b", "read", 2);
  positions.take();
  positions.missed("a");
  equal(positions.take(), { a: { delivered: 7, read: 7 } });
  equal(positions.take(), null);
});

test("one frame holds as many positions as the server takes, and the next one the others", () => {
  const positions = createPositions();
  for (let i = 0; i < 250; i++) positions.move(`c${i}`, "read", 1);
  equal([positions.take(), positions.take()].map((frame) => Object.keys(frame).length), [200, 50]);
  equal(positions.take(), null);
});

test("positions in another history are none in this one", () => {
  const positions = createPositions();
  positions.move("a", "read", 7);
  positions.take();
  positions.move("b", "read", 7);
  positions.forget();
  positions.again();
  positions.missed("a"); // a request of before, which ended now
  equal([positions.take(), positions.readOf("a")], [null, 0]);
  positions.move("a", "read", 3);
  equal(positions.take(), { a: { delivered: 3, read: 3 } });
});

test("what is read was delivered", () => {
  const positions = createPositions();
  positions.move("a", "read", 7);
  equal(positions.take(), { a: { delivered: 7, read: 7 } });
});

// Writing

test("Enter sends, unless it means something else", () => {
  const key = (more) => ({ key: "Enter", keyCode: 13, ...more });
  equal(sends(key(), false), true);
  for (const more of [{ shiftKey: true }, { isComposing: true }, { keyCode: 229 }, { altKey: true }, { key: "a" }]) equal(sends(key(more), false), false);
  equal(sends(key(), true), false, "with a finger Enter is a new line");
});

test("characters are counted as the server counts them", () => {
  equal([lengthOf(""), lengthOf("abc \n"), lengthOf("👍🏽")], [0, 3, 2]);
});

test("what may happen at most once in a span does, and what did not happen does not count", () => {
  let now = 0;
  let works = true;
  let done = 0;
  const go = atMostEvery(3000, () => works && ++done, () => now);
  go();
  go();
  now = 2999;
  go();
  equal(done, 1);
  now = 3000;
  works = false;
  go();
  works = true;
  go();
  equal(done, 2);
});

test("a probe that waits sees what comes later", async () => {
  let n = 0;
  ok(await until(() => ++n > 3));
});
