import { equal, ok, test, until } from "./tiny.js";
import { ME, TALK, world } from "./world.js";
import { drop, give, receiveDraft, restore } from "../draft.js";
import * as store from "../store.js";

const field = () => document.getElementById("composer-body");
const kept = () => store.get("draft", TALK)?.text ?? null;

/** A server that answers as it is told, and remembers. */
function server(status = 204, meanwhile = () => {}) {
  const heard = [];
  return {
    heard,
    async request(path, { body }) {
      heard.push(`${path} ${body.get("body")}`);
      await meanwhile();
      if (!status) throw new TypeError("no network");
      return { status, ok: status < 300, redirected: false };
    },
  };
}

test("what the server has is not kept in the browser", async () => {
  world();
  store.put("draft", TALK, { text: "begun" });
  const { heard, request } = server();
  await give(TALK, request);
  equal(heard, [`/conversations/${TALK}/draft begun`]);
  equal(kept(), null);
  ok(field().hasAttribute("data-drafted"), "the field knows that there is a draft");
});

test("what was written while the answer was on its way stays", async () => {
  world();
  store.put("draft", TALK, { text: "begun" });
  await give(TALK, server(204, () => store.put("draft", TALK, { text: "begun and" })).request);
  equal(kept(), "begun and");
  store.put("draft", TALK, null);
});

for (const [name, status] of [["without a network", 0], ["while the server is away", 503], ["beyond a limit", 429]]) {
  test(`a draft stays in the browser ${name}`, async () => {
    world();
    store.put("draft", TALK, { text: "begun" });
    await give(TALK, server(status).request);
    equal(kept(), "begun");
    store.put("draft", TALK, null);
  });
}

test("nothing is asked where there is nothing to give", async () => {
  world();
  const { heard, request } = server();
  await give(TALK, request);
  equal(heard, []);
});

test("what the browser kept is newer than what the server put into the field", async () => {
  world();
  field().value = "from the server";
  restore(field());
  equal(field().value, "from the server");
  store.put("draft", TALK, { text: "from here" });
  await restore(field(), server(503).request);
  equal(field().value, "from here");
  store.put("draft", TALK, null);
});

test("what was sent leaves no draft, neither here nor there", async () => {
  world();
  store.put("draft", TALK, { text: "sent" });
  drop(field());
  equal(kept(), null);
  field().toggleAttribute("data-drafted", true);
  const { heard, request } = server();
  const dropped = drop(field(), request);
  equal(kept(), ""); // until the server has taken it away
  await dropped;
  equal([heard, kept(), field().hasAttribute("data-drafted")], [[`/conversations/${TALK}/draft `], null, false]);
});

/** A server whose answers wait until the test lets them go; has is what it keeps. */
function slowServer() {
  const waiting = [];
  const calls = [];
  return {
    calls,
    waiting,
    has: null,
    request(path, options) {
      const text = options.body.get("body");
      calls.push({ text, ...options });
      return new Promise((answer, fail) => {
        options.signal.addEventListener("abort", () => fail(new DOMException("given up", "AbortError")));
        waiting.push(() => {
          this.has = text;
          answer({ status: 204, ok: true, redirected: false });
        });
      });
    },
  };
}

test("what is sent while its draft is on the way to the server leaves no draft there", async () => {
  world();
  store.put("draft", TALK, { text: "sent in a moment" });
  const there = slowServer();
  const request = there.request.bind(there);
  const given = give(TALK, request);
  const dropped = drop(field(), request);
  equal([there.calls.map((c) => c.text), kept()], [["sent in a moment"], ""]);
  there.waiting.shift()();
  await given;
  await until(() => there.waiting.length);
  there.waiting.shift()();
  await dropped;
  equal([there.calls.map((c) => c.text), there.has, kept()], [["sent in a moment", ""], "", null]);
  ok(!field().hasAttribute("data-drafted"), "the field believes in no draft");
});

test("gives of one conversation go one after the other, and end with what was written last", async () => {
  world();
  const there = slowServer();
  const request = there.request.bind(there);
  const gives = ["a", "ab", "abc"].map((text) => {
    store.put("draft", TALK, { text });
    return give(TALK, request);
  });
  const other = (store.put("draft", "elsewhere", { text: "z" }), give("elsewhere", request));
  equal(there.calls.map((c) => c.text), ["a", "z"]); // another conversation waits for nobody
  there.waiting.pop()();
  await other;
  there.waiting.shift()();
  await until(() => there.waiting.length);
  there.waiting.shift()();
  await Promise.all(gives);
  equal([there.calls.map((c) => c.text), there.has, kept()], [["a", "z", "abc"], "abc", null]);
});

test("a page that ends waits for nothing: what is under way is given up, and the newest outlives the page", async () => {
  world();
  const there = slowServer();
  const request = there.request.bind(there);
  store.put("draft", TALK, { text: "a" });
  const first = give(TALK, request);
  store.put("draft", TALK, { text: "ab" });
  const last = give(TALK, request, true);
  equal(there.calls.map((c) => [c.text, c.keepalive, c.signal.aborted]), [["a", false, true], ["ab", true, false]]);
  there.waiting.pop()();
  await Promise.all([first, last]);
  equal([there.has, kept()], ["ab", null]);
});

test("what is too long to outlive its page is given as usual", async () => {
  world();
  for (const [text, outlives] of [["字".repeat(6_000), true], ["字".repeat(7_000), false], ["😀".repeat(20_000), false]]) {
    store.put("draft", TALK, { text });
    const there = slowServer();
    const given = give(TALK, there.request.bind(there), true);
    equal([there.calls[0].keepalive, there.calls[0].text === text], [outlives, true], `${String(there.calls[0].body).length} bytes`);
    there.waiting.pop()();
    await given;
  }
  equal(kept(), null);
});

test("a draft says whose it is", async () => {
  world();
  store.put("draft", TALK, { text: "mine" });
  const there = slowServer();
  const given = give(TALK, there.request.bind(there));
  equal(there.calls[0].body.get("as"), ME);
  there.waiting.pop()();
  await given;
});

test("a draft that is somebody else's by now stays in the browser", async () => {
  world();
  store.put("draft", TALK, { text: "mine" });
  await give(TALK, server(401).request);
  equal(kept(), "mine");
  store.put("draft", TALK, null);
});

test("what another device wrote fills the field, unless this one has a text of its own", () => {
  world();
  receiveDraft({ conversation: TALK, text: "from the phone" });
  equal(field().value, "from the phone");
  store.put("draft", TALK, { text: "mine" });
  field().value = "mine";
  receiveDraft({ conversation: TALK, text: "later from the phone" });
  equal(field().value, "mine");
  store.put("draft", TALK, null);
  receiveDraft({ conversation: "elsewhere", text: "another conversation" });
  equal(field().value, "mine");
});

test("a field that somebody writes in is not touched", () => {
  world();
  if (!document.hasFocus()) return;
  field().focus();
  field().value = "in the middle of a w";
  receiveDraft({ conversation: TALK, text: "from the phone" });
  equal(field().value, "in the middle of a w");
});
