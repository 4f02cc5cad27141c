import { equal, test } from "./tiny.js";
import { ANA, ME, items, many, shape, world } from "./world.js";
import { derive, renameDays } from "../derive.js";
import { upsert } from "../log.js";
import { clock, dayName, dayOf, fullDate, localise, seenName, shortName } from "../times.js";
import { parse } from "../page.js";

const NOW = new Date("2026-11-21T18:00:00Z");
const at = (time) => `2026-11-21T${time}:00Z`;

test("messages of one author within five minutes are a group", () => {
  const log = world([{ seq: 1, at: at("12:00") }, { seq: 2, at: at("12:05") }, { seq: 3, at: at("12:11") }]);
  derive(log, NOW);
  equal(shape(log), "2026-11-21 [1 2] [3]");
});

test("another author begins another group", () => {
  const log = world([{ seq: 1 }, { seq: 2, author: ME }, { seq: 3, author: ME }]);
  derive(log, NOW);
  equal(shape(log), "2026-11-21 [1] [2 3]");
});

test("a system line parts a group and is in none", () => {
  const log = world([{ seq: 1 }, { seq: 2, kind: "system" }, { seq: 3 }]);
  derive(log, NOW);
  equal(shape(log), "2026-11-21 [1] 2 [3]");
});

test("bubbles on their way are grouped with what is before them", () => {
  const log = world([{ seq: 1, author: ME }]);
  log.insertAdjacentHTML("beforeend", `<li class="message" data-client="c" data-author="${ME}" data-at="${at("12:01")}"></li>`);
  derive(log, NOW);
  equal(shape(log), "2026-11-21 [1 …]");
});

test("a message that goes between two mends the groups around it", () => {
  const log = world([{ seq: 1 }, { seq: 3 }]);
  derive(log, NOW);
  equal(shape(log), "2026-11-21 [1 3]");
  upsert(log, items({ seq: 2, author: ME })[0]);
  derive(log, NOW);
  equal(shape(log), "2026-11-21 [1] [2] [3]");
});

for (const [zone, want] of [
  ["UTC", "2026-11-20 [1] 2026-11-21 [2] [3]"],
  ["Europe/Berlin", "2026-11-21 [1 2] [3]"],
  ["America/Los_Angeles", "2026-11-20 [1 2] [3]"],
  ["Pacific/Kiritimati", "2026-11-21 [1 2] [3]"],
  ["Asia/Kathmandu", "2026-11-21 [1 2] [3]"],
]) {
  test(`day lines follow the reader's zone: ${zone}`, () => {
    const log = world([{ seq: 1, at: "2026-11-20T23:58:00Z" }, { seq: 2, at: "2026-11-21T00:01:00Z" }, { seq: 3, at: "2026-11-21T01:10:00Z" }], {}, { zone });
    derive(log, NOW);
    equal(shape(log), want);
  });
}

test("the days of a change of clocks are days", () => {
  equal(dayOf(new Date("2026-10-24T22:30:00Z"), "Europe/Berlin"), "2026-10-25");
  equal(dayOf(new Date("2026-10-25T22:30:00Z"), "Europe/Berlin"), "2026-10-25");
  equal(dayOf(new Date("2026-10-25T23:30:00Z"), "Europe/Berlin"), "2026-10-26");
});

test("deriving twice changes nothing, not even an element", () => {
  const log = world([{ seq: 1 }, { seq: 2, at: "2026-11-22T09:00:00Z" }], { "unread-from": 1 });
  derive(log, NOW);
  const before = [...log.children];
  derive(log, NOW);
  equal(before.every((element, i) => log.children[i] === element), true);
});

test("a line whose message went away goes, too", () => {
  const log = world([{ seq: 1 }, { seq: 2, at: "2026-11-22T09:00:00Z" }]);
  derive(log, NOW);
  log.querySelector("[data-seq='2']").remove();
  derive(log, NOW);
  equal(shape(log), "2026-11-21 [1]");
});

test("older messages of the same day move its line up", () => {
  const log = world([{ seq: 2 }], { "has-older": true });
  derive(log, NOW);
  log.dataset.first = 1;
  log.prepend(...items({ seq: 1 }));
  derive(log, NOW);
  equal(shape(log), "2026-11-21 [1 2]");
});

test("the unread line stands before the first message by somebody else, and parts the group", () => {
  const log = world([{ seq: 1 }, { seq: 2, author: ME }, { seq: 3, kind: "system" }, { seq: 4, extra: "message--deleted" }, { seq: 5 }, { seq: 6 }], { "unread-from": 1 });
  derive(log, NOW);
  equal(shape(log), "2026-11-21 [1] [2] 3 [4] unread [5 6]");
});

test("there is no unread line where the first unread message is above the page", () => {
  const log = world(many(10, 12), { "unread-from": 3, "has-older": true });
  derive(log, NOW);
  equal(shape(log).includes("unread"), false);
  log.dataset.unreadFrom = 9;
  derive(log, NOW);
  equal(shape(log), "2026-11-21 unread [10 11 12]");
});

test("there is no unread line where all was read", () => {
  const log = world(many(1, 2));
  derive(log, NOW);
  equal(shape(log), "2026-11-21 [1 2]");
});

test("days have names: today, yesterday, then the date, with the year when it is another one", () => {
  world();
  equal(dayName("2026-11-21", NOW), "Today");
  equal(dayName("2026-11-20", NOW), "Yesterday");
  equal(dayName("2026-11-02", NOW), "Monday, 2 November");
  equal(dayName("2025-12-31", NOW), "Wednesday, 31 December 2025");
});

test("which day is today depends on the zone", () => {
  world([], {}, { zone: "Pacific/Kiritimati" });
  equal(dayName("2026-11-22", NOW), "Today");
});

test("at midnight the lines get other names", () => {
  const log = world([{ seq: 1 }]);
  derive(log, NOW);
  equal(log.querySelector(".day").textContent, "Today");
  renameDays(log, new Date("2026-11-22T00:00:01Z"));
  equal(log.querySelector(".day").textContent, "Yesterday");
});

test("the list says when: time, yesterday, weekday within six days, date", () => {
  world();
  equal(shortName(new Date("2026-11-21T09:05:00Z"), NOW), "09:05");
  equal(shortName(new Date("2026-11-21T19:00:00Z"), NOW), "19:00", "a clock that is ahead");
  equal(shortName(new Date("2026-11-20T09:05:00Z"), NOW), "Yesterday");
  equal(shortName(new Date("2026-11-15T09:05:00Z"), NOW), "Sun");
  equal(shortName(new Date("2026-11-14T09:05:00Z"), NOW), "14 Nov");
  equal(shortName(new Date("2025-11-14T09:05:00Z"), NOW), "14 Nov 2025");
});

test("when somebody was last there: minutes ago, the time of today, yesterday, the date", () => {
  world();
  const now = new Date("2026-11-21T18:00:00Z");
  const was = (moment) => seenName(new Date(moment), now);
  equal(was("2026-11-21T17:59:01Z"), "just now");
  equal(was("2026-11-21T18:05:00Z"), "just now", "a clock that is ahead");
  equal(was("2026-11-21T17:59:00Z"), "1 min ago");
  equal(was("2026-11-21T17:00:01Z"), "59 min ago");
  equal(was("2026-11-21T17:00:00Z"), "at 17:00");
  equal(was("2026-11-20T23:59:00Z"), "yesterday");
  equal(was("2026-11-19T23:59:00Z"), "19 Nov");
  equal(was("2025-11-19T23:59:00Z"), "19 Nov 2025");
});

test("a time that says how it is written is written so, whatever stands around it", () => {
  world([], {}, { zone: "Asia/Kathmandu" });
  const at = new Date(Date.now() - 5 * 60_000 - 1000).toISOString();
  const line = parse(`<p><time datetime="${at}" data-when="seen"></time> <time datetime="2026-11-21T12:00:00Z" data-when="clock"></time> <time datetime="2026-11-21T12:00:00Z"></time></p>`);
  localise(line, () => "else");
  equal(line.textContent, "5 min ago 17:45 else");
});

test("times are those of the zone, from 00:00 to 23:59", () => {
  world([], {}, { zone: "America/New_York" });
  equal(clock(new Date("2026-11-21T05:07:00Z")), "00:07");
  equal(clock(new Date("2026-11-21T04:59:00Z")), "23:59");
  equal(fullDate(new Date("2026-11-21T04:59:00Z")), "20 November 2026, 23:59");
});

test("a zone that only the server knows falls back to the browser's", () => {
  world([], {}, { zone: "Mars/Olympus_Mons" });
  equal(/^\d\d:\d\d$/.test(clock(new Date())), true);
});

test("a language that nobody knows falls back to English", () => {
  world([], {}, { language: "en-XA" });
  equal(dayName("2026-11-02", NOW), "Monday, 2 November");
  world([], {}, { language: "not a tag" });
  equal(dayName("2026-11-02", NOW), "Monday, 2 November");
});

test("other languages name days in their words", () => {
  world([], {}, { language: "de" });
  equal(dayName("2026-11-02", NOW), "Montag, 2 November");
});

test("the times in a pushed message become local ones", () => {
  world([], {}, { zone: "Asia/Kathmandu" });
  const [item] = items({ seq: 1, author: ANA, at: "2026-11-21T12:00:00Z" });
  localise(item, clock);
  equal(item.querySelector("time").textContent, "17:45");
  equal(item.querySelector("time").title, "21 November 2026, 17:45");
});
