import { equal, test } from "./tiny.js";
import { createActivity } from "../activity.js";

/** A page over a clock that only the test moves. It was opened at nought. */
function page() {
  const t = { now: 0, hidden: false, said: [] };
  t.activity = createActivity({ say: (state) => t.said.push(state), hidden: () => t.hidden, now: () => t.now });
  t.hide = (hidden) => {
    t.hidden = hidden;
    t.activity.shown();
  };
  t.connect = () => {
    const begins = t.activity.begins();
    t.activity.up();
    return begins;
  };
  t.usedAt = (now) => {
    t.now = now;
    t.activity.used();
  };
  return t;
}

test("a page that is used says so once a minute", () => {
  const t = page();
  equal(t.connect(), "active");
  for (let second = 1; second < 180; second++) t.usedAt(second * 1000);
  equal(t.said, ["active", "active"]);
});

test("a page that was not used for five minutes says at once that it is used again", () => {
  const t = page();
  t.connect();
  t.usedAt(310_000);
  t.usedAt(311_000);
  equal(t.said, ["active"]);
});

test("a page says at once that it is hidden, and that it is shown, and nothing of what happens in between", () => {
  const t = page();
  t.connect();
  t.now = 1000;
  t.hide(true);
  t.usedAt(90_000);
  t.now = 90_001;
  t.hide(false);
  equal(t.said, ["hidden", "active"]);
});

test("a connection begins as the page is: in use, hidden, or not used for five minutes", () => {
  const t = page();
  t.now = 299_999;
  equal(t.connect(), "active");
  t.now = 300_000;
  equal(t.connect(), "idle");
  t.hidden = true;
  equal(t.connect(), "hidden");
  equal(t.said, []);
});

test("what changed while a connection was dialled is said once it stands", () => {
  const t = page();
  t.hidden = true;
  t.activity.begins();
  t.hide(false); // there is no connection yet that could carry it
  t.said = [];
  t.activity.up();
  equal(t.said, ["active"]);
  t.activity.begins();
  t.hide(true);
  t.said = [];
  t.activity.up();
  equal(t.said, ["hidden"]);
});

test("a connection that begins without use hears of the first use at once", () => {
  const t = page();
  t.now = 400_000;
  equal(t.connect(), "idle");
  t.usedAt(401_000);
  equal(t.said, ["active"]);
});
