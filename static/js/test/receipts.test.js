import { equal, ok, test } from "./tiny.js";
import { ANA, ME, items, world } from "./world.js";
import { find, messagesOf, upsert } from "../log.js";
import { derive } from "../derive.js";
import { createPositions } from "../positions.js";
import { carry, stageOf, takeReceipts } from "../receipts.js";

const mine = (...seqs) => seqs.map((seq) => ({ seq, author: ME }));
const shown = (log) => messagesOf(log).map((item) => item.dataset.receipt ?? "");
const frame = (log, at, runs, from = 0) => takeReceipts(log, { at, from, runs }, messagesOf(log));

test("a frame says of each own message how far it has come, and of nobody else's anything", () => {
  const log = world([...mine(1, 2), { seq: 3, author: ANA }, ...mine(4, 5)]);
  ok(frame(log, 10, [[2, 2, 2, 2], [4, 2, 1, 2]]));
  equal(shown(log), ["2 2 2", "2 2 2", "", "2 1 2", ""]);
});

test("a late frame changes nothing, one that is doubled neither, and what went down goes down", () => {
  const log = world(mine(1, 2), { at: 5 });
  equal(frame(log, 4, [[2, 1, 1, 1]]), false, "older than the page");
  ok(frame(log, 20, [[2, 2, 1, 2]]));
  equal(frame(log, 19, [[2, 1, 0, 2]]), false);
  ok(frame(log, 20, [[2, 2, 1, 2]]));
  equal(shown(log), ["2 1 2", "2 1 2"]);
  ok(frame(log, 21, []));
  equal(shown(log), ["", ""], "nobody is counted any more");
});

test("a clock that was set back does not stop them", () => {
  const log = world(mine(1), { at: 3_600_000_000 });
  ok(frame(log, 1_000, [[1, 1, 1, 1]]));
  equal(shown(log), ["1 1 1"]);
});

test("of what lies before its beginning a frame says nothing", () => {
  const log = world(mine(1, 2, 3));
  frame(log, 1, [[3, 1, 0, 30]]);
  frame(log, 2, [[3, 5, 5, 30]], 3);
  equal(shown(log), ["1 0 30", "1 0 30", "5 5 30"]);
});

test("an edit keeps what was known, and a new message takes what the last frame says of it", () => {
  const log = world(mine(1, 2));
  frame(log, 1, [[1, 1, 1, 1], [3, 1, 0, 1]]);
  upsert(log, items({ seq: 1, change: 9, author: ME, body: "edited" })[0]);
  upsert(log, items({ seq: 3, author: ME })[0]);
  upsert(log, items({ seq: 4, author: ME })[0]);
  equal(shown(log), ["1 1 1", "1 0 1", "1 0 1", ""]);
  const drawn = items({ seq: 5, author: ME })[0];
  drawn.dataset.receipt = "1 1 1";
  carry(log, drawn);
  equal(drawn.dataset.receipt, "1 1 1", "a page of history knows better");
});

test("it is said in words below the newest that somebody has read, where several can", () => {
  const log = world(mine(1, 2, 3));
  const below = () => messagesOf(log).filter((item) => item.querySelector(".message__receipts")).map((item) => item.dataset.seq);
  frame(log, 1, [[2, 3, 1, 3], [3, 2, 0, 3]]);
  derive(log);
  equal(below(), ["2"]);
  frame(log, 2, [[3, 3, 3, 3]]);
  derive(log);
  derive(log);
  equal(below(), ["3"]);
  frame(log, 3, [[3, 1, 1, 1]]);
  derive(log);
  equal(below(), [], "of one there is no number");
  ok(find(log, messagesOf(log)[0].id));
});

test("the stages are those of all who count", () => {
  equal([[0, 0, 0], [1, 0, 2], [2, 0, 2], [2, 1, 2], [2, 2, 2], [0, 0, 1], [1, 1, 1]].map(stageOf),
    ["sent", "sent", "delivered", "delivered", "read", "sent", "read"]);
});

test("behind a mark of unread what was seen before is void, and may be seen once more", () => {
  const positions = createPositions();
  positions.base("a", 3, 0);
  positions.move("a", "read", 7);
  equal(positions.take(), { a: { marks: 0, delivered: 7, read: 7 } });
  positions.unread("a", 1);
  positions.again();
  equal(positions.take(), null, "nothing of before is said again");
  positions.base("a", 2, 1);
  positions.move("a", "read", 2);
  equal(positions.take(), null);
  positions.move("a", "read", 7);
  equal(positions.take(), { a: { marks: 1, delivered: 7, read: 7 } });
  positions.base("a", 4, 2); // marked on another device, meanwhile
  positions.move("a", "read", 6);
  equal(positions.take(), { a: { marks: 2, delivered: 7, read: 6 } });
});
