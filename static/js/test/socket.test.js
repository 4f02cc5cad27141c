import { equal, ok, test } from "./tiny.js";
import { again, backoff, recent } from "../backoff.js";
import { SILENCE_MS, createSocket } from "../link.js";

/** A connection over a clock that only the test moves. */
function line({ random = () => 1 } = {}) {
  const t = { now: 0, timers: [], dials: [], frames: [], events: [], refused: 0 };
  const socket = createSocket({
    dial() {
      const end = { sent: [], send: (text) => end.sent.push(JSON.parse(text)), close: (code) => (end.closed = code ?? true) };
      t.dials.push({ at: t.now, end });
      return end;
    },
    later(work, ms) {
      const timer = { at: t.now + ms, work };
      t.timers.push(timer);
      return () => (t.timers = t.timers.filter((other) => other !== timer));
    },
    now: () => t.now,
    random,
    frame: (frame) => t.frames.push(frame.type),
    up: () => t.events.push("up"),
    down: (heard) => {
      t.events.push("down");
      t.heard = heard;
    },
    refused: () => t.refused++,
    revoked: () => t.events.push("revoked"),
  });
  t.pass = (ms) => {
    const end = t.now + ms;
    for (let next; (next = t.timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0]); ) {
      t.timers = t.timers.filter((timer) => timer !== next);
      t.now = next.at;
      next.work();
    }
    t.now = end;
  };
  t.end = () => t.dials.at(-1).end;
  t.hear = (frame) => t.end().onmessage({ data: JSON.stringify(frame) });
  t.hello = () => t.hear({ type: "hello", epoch: "e", view: 1, beat: 20 });
  t.lose = (code = 1006) => t.end().onclose({ code });
  return { socket, t };
}

test("waits double up to eight seconds, with full jitter", () => {
  equal([0, 1, 2, 3, 50].map((n) => backoff(n, () => 1)), [2000, 4000, 8000, 8000, 8000]);
  equal(backoff(3, () => 0), 0);
  equal(backoff(1, () => 0.25), 1000);
});

test("a page that is told again and again to fetch anew waits longer each time, but not at first", () => {
  equal([0, 1, 2, 3, 4, 5, 50].map(again), [0, 0, 500, 1000, 2000, 3000, 3000]);
  equal(recent([1000, 3000, 6900], 7000), [3000, 6900]);
});

test("a connection stands once the server has said hello", () => {
  const { socket, t } = line();
  socket.open();
  equal(socket.send({ type: "leave" }), false);
  t.hello();
  equal([socket.standing(), socket.send({ type: "leave" }), t.end().sent], [true, true, [{ type: "leave" }]]);
  equal([t.events, t.frames], [["up"], ["hello"]]);
});

test("whoever hears that a connection is lost hears when it was last heard", () => {
  const { socket, t } = line();
  socket.open();
  t.hello();
  t.pass(7_000);
  t.hear({ type: "beat" });
  t.pass(SILENCE_MS + 5_000);
  equal([t.events, t.heard], [["up", "down"], 7_000]);
});

test("a lost connection is dialled again, later each time", () => {
  const { socket, t } = line();
  socket.open();
  const waits = [];
  for (let n = 0; n < 4; n++) {
    const before = t.now;
    t.lose();
    t.pass(8000);
    waits.push(t.dials.at(-1).at - before);
  }
  equal(waits, [2000, 4000, 8000, 8000]);
});

test("a connection that stood a while begins again with a short wait, one that fell at once does not", () => {
  const { socket, t } = line();
  socket.open();
  t.lose();
  t.pass(2000);
  t.hello();
  t.lose();
  let before = t.now;
  t.pass(4000);
  equal(t.dials.at(-1).at - before, 4000);
  t.hello();
  for (let n = 0; n < 3; n++) {
    t.pass(2000);
    t.hear({ type: "beat" });
  }
  t.lose();
  before = t.now;
  t.pass(2000);
  equal(t.dials.at(-1).at - before, 2000);
});

test("after 45 seconds of silence the connection is given up, with beats it is not", () => {
  const { socket, t } = line();
  socket.open();
  t.hello();
  for (let n = 0; n < 10; n++) {
    t.pass(20_000);
    t.hear({ type: "beat" });
  }
  equal(t.dials.length, 1);
  t.pass(SILENCE_MS + 5000);
  ok(t.dials[0].end.closed, "closed");
  equal(t.events, ["up", "down"]);
  t.pass(2000);
  equal(t.dials.length, 2);
});

test("an end that comes late does not touch the next connection", () => {
  const { socket, t } = line();
  socket.open();
  t.hello();
  const first = t.end();
  const late = first.onclose;
  t.pass(SILENCE_MS + 7000);
  t.hello();
  late({ code: 1006 });
  equal(socket.standing(), true);
});

test("a revoked session is the end", () => {
  const { socket, t } = line();
  socket.open();
  t.hello();
  t.lose(1008);
  t.pass(60_000);
  socket.hurry();
  equal([t.events, t.dials.length], [["up", "down", "revoked"], 1]);
});

test("whoever waits does not wait: the network's return or a click dials at once, but not twice in a second", () => {
  const { socket, t } = line();
  socket.open();
  t.lose();
  socket.hurry();
  equal(t.dials.length, 1, "only just tried");
  t.pass(1000);
  socket.hurry();
  equal(t.dials.length, 2);
  socket.hurry();
  equal(t.dials.length, 2, "an attempt is under way");
});

test("a server that has its hands full is not dialled before the time it says, not even for a click", () => {
  const { socket, t } = line();
  socket.open();
  t.lose();
  socket.wait(30_000);
  t.pass(20_000);
  socket.hurry();
  equal(t.dials.length, 1);
  t.pass(10_000);
  equal(t.dials.map(({ at }) => at), [0, 30_000]);
  t.lose();
  socket.wait(0);
  t.pass(4000);
  equal(t.dials.length, 3, "nothing was said, so it waits as ever");
});

test("being told to wait ends nothing that stands or is tried, and opens nothing that was closed", () => {
  const { socket, t } = line();
  socket.open();
  socket.wait(1000);
  t.hello();
  socket.wait(1000);
  t.pass(5000);
  equal([t.dials.length, t.events], [1, ["up"]]);
  socket.close();
  socket.wait(1000);
  t.pass(5000);
  equal(t.dials.length, 1);
});

test("waking up after a missed beat makes a new connection at once", () => {
  const { socket, t } = line();
  socket.open();
  t.hello();
  t.now += 31_000; // asleep: no timer ran
  socket.hurry();
  equal([t.dials.length, t.events], [2, ["up", "down"]]);
});

test("leaving the page closes, coming back opens", () => {
  const { socket, t } = line();
  socket.open();
  t.hello();
  socket.close();
  equal(t.end().closed, 1000);
  t.pass(60_000);
  socket.hurry();
  equal(t.dials.length, 1);
  socket.open();
  socket.open();
  equal(t.dials.length, 2, "one connection, however often it is asked for");
});

test("only an attempt that was never greeted is a refusal", () => {
  const { socket, t } = line();
  socket.open();
  t.lose();
  equal(t.refused, 1);
  t.pass(2000);
  t.hello();
  t.lose();
  equal(t.refused, 1);
});

test("a frame that is no JSON is ignored", () => {
  const { socket, t } = line();
  socket.open();
  t.hello();
  t.end().onmessage({ data: "<p>" });
  equal(socket.standing(), true);
});
