import { equal, ok, test } from "./tiny.js";
import { world } from "./world.js";
import { byId, hear, parse } from "../page.js";
import { receive } from "../frames.js";
import { upsertRows } from "../list.js";
import { createPresence, shownPeople } from "../presence.js";

const [ANA, BEN, EVA] = ["aaaaaaaa", "bbbbbbbb", "eeeeeeee"].map((start) => `${start}-0000-4000-8000-000000000000`);
const seen = (id, state = "", inner = state) => `<span class="presence" data-presence="${id}" data-state="${state}">${inner}</span>`;
const row = (id, presence, change = 1) =>
  `<li id="row-${id}" class="row" data-conversation="${id}" data-activity="1" data-change="${change}"><a href="#"><span class="row__name"></span>${presence}</a></li>`;

/** A page with these elements in the pane and these in the list, over a clock that the test moves. */
function page({ pane = "", list = "" }) {
  world([{ seq: 1 }], {}, { list });
  document.querySelector("#pane header").insertAdjacentHTML("beforeend", pane);
  const t = { said: [], timers: [], standing: true };
  t.presence = createPresence({
    say: (frame) => t.standing && t.said.push(frame.people.map((id) => id[0]).join("")) > 0,
    later(work, ms) {
      const timer = { work, ms };
      t.timers.push(timer);
      return () => (t.timers = t.timers.filter((other) => other !== timer));
    },
  });
  t.pass = (ms) => {
    const due = t.timers.filter((timer) => timer.ms === ms);
    t.timers = t.timers.filter((timer) => timer.ms !== ms);
    for (const { work } of due) work();
    return due.length;
  };
  t.push = (...elements) => t.presence.take([...parse(elements.join("")).querySelectorAll("[data-presence]")]);
  t.presence.changed(); // as at the start
  t.pass(200);
  return t;
}
const shown = (root = document) => [...root.querySelectorAll("[data-presence]")].map((e) => e.dataset.presence[0] + ":" + e.dataset.state + ":" + e.textContent).join(" ");

test("whom the page shows is said once on each connection, those of what is open first", () => {
  const t = page({ pane: seen(BEN), list: row("r1", seen(ANA)) + row("r2", seen(BEN)) });
  equal(t.said, []);
  t.presence.up();
  equal(t.said, ["ba"]);
  t.presence.changed();
  t.pass(200);
  equal(t.said, ["ba"]);
  t.presence.down();
  t.presence.up();
  equal(t.said, ["ba", "ba"]);
});

test("other people are said once changes have come to rest; nobody, too", () => {
  const t = page({ list: row("r1", seen(ANA)) });
  t.presence.up();
  byId("list").insertAdjacentHTML("beforeend", row("r2", seen(BEN)));
  t.presence.changed();
  byId("list").insertAdjacentHTML("beforeend", row("r3", seen(EVA)));
  t.presence.changed();
  equal(t.said, ["a"]);
  equal(t.pass(200), 1);
  equal(t.said, ["a", "abe"]);
  byId("list").replaceChildren();
  t.presence.changed();
  t.pass(200);
  equal(t.said, ["a", "abe", ""]);
});

test("a page that shows nobody says nothing on a new connection", () => {
  const t = page({});
  t.presence.up();
  equal(t.said, []);
});

test("what is pushed takes the place of every element of that person", () => {
  const t = page({ pane: seen(ANA, "away"), list: row("r1", seen(ANA)) + row("r2", seen(BEN, "busy")) });
  t.presence.up();
  t.push(seen(ANA, "online"));
  equal([...document.querySelectorAll(`[data-presence="${ANA}"]`)].map((e) => e.dataset.state), ["online", "online"]);
  equal(document.querySelector(`[data-presence="${BEN}"]`).dataset.state, "busy");
});

test("a row that comes without is filled with what is known, from the page or from a push", () => {
  const t = page({ list: row("r1", seen(ANA, "online")) + row("r2", seen(BEN)) });
  t.presence.up();
  t.push(seen(BEN, "busy"));
  const rows = [...parse(row("r1", seen(ANA), 2) + row("r2", seen(BEN), 2)).querySelectorAll("li")];
  upsertRows(rows, {});
  ok(shown(byId("list")).includes("a::"), "premise: the rows came without");
  t.presence.changed();
  equal([...document.querySelectorAll("#list [data-presence]")].map((e) => e.dataset.state).toSorted(), ["busy", "online"]);
});

test("what was pushed is newer than what a page was drawn with meanwhile", () => {
  const t = page({ list: row("r1", seen(ANA)) });
  t.presence.up();
  t.push(seen(ANA, "offline"));
  document.querySelector("#pane header").insertAdjacentHTML("beforeend", seen(ANA, "online"));
  t.presence.changed();
  equal(document.querySelector("#pane [data-presence]").dataset.state, "offline");
});

test("who may be seen no more is not shown, and not filled in again", () => {
  const t = page({ list: row("r1", seen(ANA, "online")) });
  t.presence.up();
  t.push(seen(ANA));
  equal(shown(), "a::");
  document.querySelector("#pane header").insertAdjacentHTML("beforeend", seen(ANA));
  t.presence.changed();
  equal(shown(document.querySelector("#pane")), "a::");
});

test("three seconds after a connection what it has not confirmed is gone, and the rest stays", () => {
  const t = page({ pane: seen(BEN, "away"), list: row("r1", seen(ANA, "online")) });
  t.presence.up();
  t.push(seen(BEN, "away"));
  equal(t.pass(3000), 1);
  equal(shown(document.querySelector("#pane")), "b:away:away");
  equal(shown(byId("list")), "a::");
  byId("list").insertAdjacentHTML("beforeend", row("r2", seen(ANA)));
  t.presence.changed();
  equal(shown(byId("list")), "a:: a::");
});

test("a connection that is lost before it has confirmed anything takes nothing away; a minute without one takes all", () => {
  const t = page({ list: row("r1", seen(ANA, "online")) });
  t.presence.up();
  t.presence.down();
  equal(t.pass(3000), 0);
  equal(shown(), "a:online:online");
  equal(t.pass(60_000), 1);
  equal(shown(), "a::");
  t.presence.down();
  t.presence.up();
  equal(t.pass(60_000), 0);
});

test("of more than two hundred people those beyond are not asked for, and not shown as they were", () => {
  const id = (n) => `${String(n).padStart(8, "0")}-0000-4000-8000-000000000000`;
  const t = page({ list: Array.from({ length: 203 }, (_, n) => row(`r${n}`, seen(id(n), "online"))).join("") });
  t.presence.up();
  equal(t.said.map((ids) => ids.length), [200]);
  equal(document.querySelectorAll('[data-state="online"]').length, 200);
  equal(document.querySelectorAll('[data-state=""]').length, 3);
});

test("somebody who was not shown for a while is not shown as they were then", () => {
  const t = page({ list: row("r1", seen(ANA)) });
  t.presence.up();
  t.push(seen(ANA, "online"));
  byId("list").replaceChildren();
  t.presence.changed();
  t.pass(200);
  byId("list").insertAdjacentHTML("beforeend", row("r1", seen(ANA)));
  t.presence.changed();
  equal(shown(), "a::"); // the server says nothing where nothing may be seen any more
  t.pass(200);
  t.push(seen(ANA, "away"));
  equal(shown(), "a:away:away");
});

test("what somebody new was drawn with is gone after three seconds unless it is confirmed", () => {
  const t = page({ list: row("r1", seen(BEN)) });
  t.presence.up();
  t.push(seen(BEN, "online"));
  t.pass(3000);
  byId("list").insertAdjacentHTML("beforeend", row("r2", seen(ANA, "online")) + row("r3", seen(EVA, "online")));
  t.presence.changed();
  t.pass(200);
  t.push(seen(EVA, "online"));
  equal(shown(), "b:online:online a:online:online e:online:online");
  t.pass(3000);
  equal(shown(), "b:online:online a:: e:online:online");
});

test("without a connection also what is drawn later is not shown for longer than a minute", () => {
  const never = page({ list: row("r1", seen(ANA, "online")) });
  equal(never.pass(60_000), 1);
  equal(shown(), "a::");
  const t = page({ list: row("r1", seen(ANA, "online")) });
  t.presence.up();
  equal(t.pass(60_000), 0);
  t.presence.down();
  t.presence.changed();
  equal(t.pass(60_000), 1);
  document.querySelector("#pane header").insertAdjacentHTML("beforeend", seen(BEN, "online"));
  t.presence.changed();
  t.presence.changed();
  equal(shown(document.querySelector("#pane")), "b:online:online");
  equal(t.pass(60_000), 1);
  equal(shown(document.querySelector("#pane")), "b::");
});

test("people are named once, whatever shows them", () => {
  world([], {}, { list: row("r1", seen(ANA)) + row("r2", seen(BEN)) });
  document.querySelector(".shell").insertAdjacentHTML("beforeend", `<aside id="details">${seen(EVA)}${seen(BEN)}</aside>`);
  equal(shownPeople().map((one) => one[0]).join(""), "eba");
});

test("a frame's elements are handed on", () => {
  let heard = null;
  hear("presence", ({ elements }) => (heard = elements.map((e) => e.dataset.presence)));
  receive({ type: "presence", html: seen(ANA, "online") + seen(BEN) });
  equal(heard, [ANA, BEN]);
});
