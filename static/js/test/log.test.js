import { equal, ok, test } from "./tiny.js";
import { ME, items, many, paneOf, seqs, world } from "./world.js";
import { advance, fits, find, merge, trim, upsert } from "../log.js";
import { parse } from "../page.js";

const put = (log, ...list) => items(...list).map((item) => upsert(log, item));

test("a new message goes to the end of a log that shows the end", () => {
  const log = world(many(1, 3));
  equal(put(log, { seq: 4 }), ["added"]);
  equal(seqs(log), [1, 2, 3, 4]);
  equal(log.dataset.last, "4");
});

test("messages that come out of order stand in order", () => {
  const log = world(many(1, 2));
  equal(put(log, { seq: 5 }, { seq: 3 }, { seq: 4 }), ["added", "added", "added"]);
  equal(seqs(log), [1, 2, 3, 4, 5]);
});

test("the first message of an empty log opens its window", () => {
  const log = world([]);
  equal(put(log, { seq: 7 }), ["added"]);
  equal([log.dataset.first, log.dataset.last], ["7", "7"]);
});

test("a new message is dropped where the page does not show the end", () => {
  const log = world(many(1, 3), { "has-newer": true });
  equal(put(log, { seq: 9 }), ["newer"]);
  equal(seqs(log), [1, 2, 3]);
  equal(log.dataset.msgSeq, "9", "but the page knows that it exists");
});

test("a message that was overtaken by one's own goes before it, where the page holds the beginning", () => {
  const log = world([]);
  put(log, { seq: 2, author: ME, client: "c" });
  equal(put(log, { seq: 1 }), ["added"]);
  equal([seqs(log), log.dataset.first], [[1, 2], "1"]);
});

test("a change above the window is dropped", () => {
  const log = world(many(10, 12), { "has-older": true });
  equal(put(log, { seq: 4, change: 40 }), ["older"]);
  equal(seqs(log), [10, 11, 12]);
});

test("a later form of a message replaces it, an earlier or equal one does not", () => {
  const log = world([{ seq: 1, change: 5, body: "second" }]);
  equal(put(log, { seq: 1, change: 5, body: "same" }), ["kept"]);
  equal(put(log, { seq: 1, change: 3, body: "first" }), ["kept"]);
  equal(log.querySelector(".message__body").textContent, "second");
  equal(put(log, { seq: 1, change: 6, body: "third" }), ["replaced"]);
  equal(log.querySelector(".message__body").textContent, "third");
  equal(seqs(log), [1]);
});

test("change numbers are compared as numbers", () => {
  const log = world([{ seq: 1, change: 9 }]);
  equal(put(log, { seq: 1, change: 10, body: "ten" }), ["replaced"]);
});

test("an edit inside a window that is not at the end is applied", () => {
  const log = world(many(1, 3), { "has-newer": true });
  equal(put(log, { seq: 2, change: 50, body: "edited" }), ["replaced"]);
});

test("a replaced message keeps the light of a link to it", () => {
  const log = world(many(1, 1));
  log.querySelector("li").classList.add("message--target");
  put(log, { seq: 1, change: 2 });
  ok(log.querySelector("li").classList.contains("message--target"));
});

test("messages stand before the bubbles on their way", () => {
  const log = world(many(1, 2));
  log.insertAdjacentHTML("beforeend", `<li class="message message--pending" data-client="c1"></li>`);
  put(log, { seq: 3 });
  equal(seqs(log), [1, 2, 3, "…"]);
});

test("the stored message takes the place of its bubble, and only of its own", () => {
  const log = world(many(1, 1));
  log.insertAdjacentHTML("beforeend", `<li class="message" data-client="c1"></li><li class="message" data-client="c2"></li>`);
  put(log, { seq: 2, author: ME, client: "c2" });
  equal(seqs(log), [1, 2, "…"]);
  equal(log.lastElementChild.dataset.client, "c1");
});

test("the same own message by two ways is one bubble", () => {
  const log = world(many(1, 1));
  log.insertAdjacentHTML("beforeend", `<li class="message" data-client="c1"></li>`);
  equal(put(log, { seq: 2, author: ME, client: "c1" }, { seq: 2, author: ME, client: "c1" }), ["added", "kept"]);
  equal(seqs(log), [1, 2]);
});

test("a frame fits unless it begins behind the cursor", () => {
  const log = world(many(1, 3));
  ok(fits(log, 3));
  ok(fits(log, 1));
  ok(!fits(log, 4));
  log.dataset.change = 0;
  ok(fits(log, 0));
  ok(!fits(log, 1));
});

test("the cursor only grows", () => {
  const log = world(many(1, 3));
  advance(log, 12);
  advance(log, 9);
  equal(log.dataset.change, "12");
});

test("older history goes to the top and widens the window, the cursor stays", () => {
  const log = world(many(51, 60), { "has-older": true, change: 70 });
  const page = parse(paneOf(many(1, 50), { change: 90 })).querySelector("ol");
  const added = merge(log, page, "older");
  equal(added.length, 50);
  equal(seqs(log), many(1, 60).map((m) => m.seq));
  equal([log.dataset.first, log.dataset.last, log.dataset.hasOlder, log.dataset.change], ["1", "60", "false", "70"]);
});

test("newer history goes to the end and may reach it", () => {
  const log = world(many(1, 10), { "has-newer": true });
  merge(log, parse(paneOf(many(11, 20))).querySelector("ol"), "newer");
  equal(seqs(log).at(-1), 20);
  equal([log.dataset.last, log.dataset.hasNewer], ["20", "false"]);
});

test("an empty page of history ends the history", () => {
  const log = world(many(5, 6), { "has-older": true });
  merge(log, parse(paneOf([])).querySelector("ol"), "older");
  equal([log.dataset.first, log.dataset.hasOlder], ["5", "false"]);
});

test("a full log gives way at the chosen end and says so", () => {
  const log = world(many(1, 12));
  equal(trim(log, "older", 10), 2);
  equal([seqs(log)[0], log.dataset.first, log.dataset.hasOlder], [3, "3", "true"]);
  equal(trim(log, "newer", 8), 2);
  equal([seqs(log).at(-1), log.dataset.last, log.dataset.hasNewer], [10, "10", "true"]);
  equal(trim(log, "older", 8), 0);
});

test("a log within its bound is left alone", () => {
  const log = world(many(1, 10));
  equal(trim(log, "older", 10), 0);
  equal(log.dataset.hasOlder, "false");
  ok(find(log, log.firstElementChild.id));
});

test("replaying any changes in any order ends in the same log", () => {
  // The rules make the result depend on what arrived, not on when: twenty shuffles of thirty changes.
  const changes = many(1, 10).flatMap(({ seq }) => [seq, seq + 100, seq + 200].map((change) => ({ seq, change, body: `form ${change}` })));
  const shuffled = (random) => changes.map((c) => [random(), c]).sort((a, b) => a[0] - b[0]).map(([, c]) => c);
  let seed = 1;
  const random = () => ((seed = (seed * 16807) % 2147483647) / 2147483647);
  for (let round = 0; round < 20; round++) {
    const log = world([]);
    log.dataset.first = 1; // the window begins at the conversation's first message
    put(log, ...shuffled(random));
    equal([...log.children].map((item) => item.querySelector(".message__body").textContent), many(1, 10).map((m) => `form ${m.seq + 200}`));
  }
});

// The same cases hold the page's rules where they are written a second time, for people without a browser (chaos/page).
for (const c of await (await fetch(new URL("./log.cases.json", import.meta.url))).json()) {
  test(`in both places: ${c.name}`, () => {
    const { hasOlder = false, hasNewer = false, changes, pending = [] } = c.log;
    const list = c.log.seqs.map((seq, i) => ({ seq, change: changes?.[i] ?? seq }));
    const log = world(list, { "has-older": hasOlder, "has-newer": hasNewer });
    for (const client of pending) log.insertAdjacentHTML("beforeend", `<li class="message" data-client="${client}"></li>`);
    equal(put(log, ...(c.put ?? []).map((m) => ({ author: m.client ? ME : undefined, ...m }))), c.outcomes);
    if (c.older) merge(log, parse(paneOf(c.older.seqs.map((seq) => ({ seq })), { "has-older": c.older.hasOlder })).querySelector("ol"), "older");
    for (const to of c.advance ?? []) advance(log, to);
    for (const [from, wanted] of Object.entries(c.fits ?? {})) equal(fits(log, Number(from)), wanted, from);
    equal(seqs(log).filter(Number), c.seqs);
    equal([log.dataset.first, log.dataset.last].map(Number), [c.first, c.last]);
    if (c.cursor) equal(Number(log.dataset.change), c.cursor);
    equal([...log.querySelectorAll("li[data-client]:not([data-seq])")].map((item) => item.dataset.client), c.pending ?? []);
  });
}
