import { equal, ok, test } from "./tiny.js";
import { TALK, world } from "./world.js";
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

test("what the browser kept is newer than what the server put into the field", () => {
  world();
  field().value = "from the server";
  restore(field());
  equal(field().value, "from the server");
  store.put("draft", TALK, { text: "from here" });
  restore(field());
  equal(field().value, "from here");
  store.put("draft", TALK, null);
});

test("what was sent leaves no draft, neither here nor there", () => {
  world();
  store.put("draft", TALK, { text: "sent" });
  drop(field());
  equal(kept(), null);
  field().toggleAttribute("data-drafted", true);
  drop(field());
  equal(kept(), ""); // until the server has taken it away
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
