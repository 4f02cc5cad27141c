import { equal, test } from "./tiny.js";
import { ME, TALK, many, world } from "./world.js";
import { tell } from "../page.js";
import { start } from "../read.js";

let started = false;

/** The open conversation, and what the list says of it. */
function reading(options) {
  document.body.dataset.person = ME;
  if (!started) start();
  started = true;
  const log = world(many(1, 5), options);
  tell("pane");
  const rows = (marks) => {
    const row = document.createElement("li");
    Object.assign(row.dataset, { conversation: TALK, marks });
    tell("rows", { rows: [row] });
  };
  return { log, rows };
}

test("a mark of unread counts once, whether the list or the answer tells of it first", () => {
  const { log, rows } = reading();
  rows(1);
  tell("unread", { log, seq: 2, marks: 1 });
  equal(log.dataset.marks, "1");
  tell("unread", { log, seq: 3, marks: 2 });
  rows(2);
  equal(log.dataset.marks, "2");
});
