import { equal, test, until } from "./tiny.js";
import { TALK, world } from "./world.js";
import { parse, tell } from "../page.js";
import { receive } from "../frames.js";
import { createTyping, showTyping, start } from "../typing.js";

function writer() {
  const t = { now: 0, said: [], standing: true, timers: [] };
  t.typing = createTyping({
    say: (frame) => t.standing && t.said.push(frame.stopped ? "stopped" : "typing") > 0,
    now: () => t.now,
    later(work, ms) {
      const timer = { work, at: t.now + ms };
      t.timers.push(timer);
      return () => (t.timers = t.timers.filter((other) => other !== timer));
    },
  });
  t.pass = (now) => {
    t.now = now;
    const due = t.timers.filter((timer) => timer.at <= now);
    t.timers = t.timers.filter((timer) => timer.at > now);
    for (const { work } of due) work();
  };
  t.wrote = (text, now = t.now) => {
    t.now = now;
    t.typing.wrote(text);
  };
  return t;
}

test("whoever writes says so at most every three seconds", () => {
  const t = writer();
  for (let now = 0; now <= 6000; now += 100) t.wrote("Hello", now);
  equal(t.said, ["typing", "typing", "typing"]);
});

test("a field that was emptied by hand says so once, and one in which nothing was written says nothing", () => {
  const t = writer();
  t.wrote("");
  t.wrote("  ");
  equal(t.said, []);
  t.wrote("H");
  t.wrote("");
  t.wrote("");
  equal(t.said, ["typing", "stopped"]);
});

test("what could not be said is said with the next letter", () => {
  const t = writer();
  t.standing = false;
  t.wrote("H", 0);
  t.standing = true;
  t.wrote("", 10); // nobody has heard of it
  t.wrote("He", 20);
  equal(t.said, ["typing"]);
});

test("after a message was sent, or in another conversation, there is nothing to stop", () => {
  const t = writer();
  t.wrote("H");
  t.typing.done();
  t.wrote("");
  equal(t.said, ["typing"]);
});

test("a timer that is early by a part of a millisecond is waited for once more", () => {
  const t = writer();
  t.wrote("First", 0);
  t.typing.done();
  t.wrote("Second", 1000);
  const [early] = t.timers.splice(0);
  t.now = 2999.7;
  early.work();
  equal(t.said, ["typing"]);
  t.pass(3000);
  equal(t.said, ["typing", "typing"]);
});

test("whoever begins again too soon after sending is said to write once it is time, unless that was taken away or sent", () => {
  const t = writer();
  t.wrote("First", 0);
  t.wrote("First, longer", 500); // said already: it is not said once more for it
  equal(t.timers.length, 0);
  t.typing.done();
  t.wrote("S", 1000);
  t.wrote("Se", 1100);
  equal(t.said, ["typing"]);
  t.pass(3000);
  equal(t.said, ["typing", "typing"]);
  for (const end of [() => t.wrote(""), () => t.typing.done()]) {
    t.typing.done();
    t.wrote("Third", 4000);
    end();
    t.pass(20_000);
    equal(t.said, ["typing", "typing"]);
    t.now = 4000;
  }
});

/** An open conversation with the place for the line. */
function open() {
  world([{ seq: 1 }]);
  document.querySelector("#pane header").innerHTML = `<p class="pane__sub"><span data-typing="${TALK}"></span><span>Online</span></p>`;
  return document.querySelector("[data-typing]");
}
const frame = (conversation, html) => receive({ type: "typing", conversation, html });

test("who writes in the open conversation is shown, the whole line anew each time, until nobody does", () => {
  const place = open();
  start();
  frame(TALK, `<span class="typing"><bdi>Ana</bdi> is typing…</span>`);
  frame(TALK, `<span class="typing">Several people are typing…</span>`);
  equal(place.textContent, "Several people are typing…");
  frame(TALK, "");
  equal(place.childNodes.length, 0);
});

test("who writes in another conversation is not shown", () => {
  const place = open();
  frame("99999999-9999-4999-8999-999999999999", `<span class="typing">Ana is typing…</span>`);
  equal(place.textContent, "");
});

test("the line goes when one leaves the conversation, and when the connection is lost", () => {
  for (const news of ["pane", "down"]) {
    const place = open();
    frame(TALK, `<span class="typing">Ana is typing…</span>`);
    equal(place.textContent, "Ana is typing…");
    tell(news);
    equal(place.textContent, "", news);
  }
});

test("a line that nobody renews goes after seven seconds", async () => {
  const place = open();
  const { setTimeout: real } = globalThis;
  const waits = [];
  globalThis.setTimeout = (work, ms, ...rest) => {
    waits.push(ms);
    return real(work, ms === 7000 ? 0 : ms, ...rest);
  };
  try {
    showTyping(parse("<span>Ana is typing…</span>"));
  } finally {
    globalThis.setTimeout = real;
  }
  equal(waits, [7000]);
  equal(place.textContent, "Ana is typing…");
  await until(() => place.textContent === "");
});
