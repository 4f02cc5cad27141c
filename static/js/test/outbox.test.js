import { equal, ok, test, until } from "./tiny.js";
import { ME, items, message, seqs, world as page } from "./world.js";
import { MAX_TRIES, createOutbox } from "../outbox.js";
import { newId, post, retryAfter } from "../send.js";
import { showPending } from "../pending.js";
import { upsert } from "../log.js";
import * as store from "../store.js";

const answer = (status, html = "", headers = {}) => new Response(html, { status, headers });
const stored = (client, seq) => answer(200, `<hx-partial hx-target="#x" hx-swap="beforeend">${message({ seq, author: ME, client })}</hx-partial>
  <hx-partial hx-target="#composer-client-id" hx-swap="outerHTML"><input type="hidden" id="composer-client-id" value="n"></hx-partial>`);
const refusal = (status, code, headers) => answer(status, `<p class="message__error" role="alert" data-code="${code}">No: ${code}.</p>`, headers);

/**
 * Each test has a conversation of its own: an outbox of an earlier one may still be at work, and would send what it finds.
 */
let talk = "";
const world = (...args) => {
  talk = newId();
  return page(...args);
};

/** An outbox over a server that is a list of answers (functions of the request). What happens is written down. */
function office(answers = [], { online = () => true } = {}) {
  const log = { requests: [], pauses: [], sent: [], login: 0, inside: 0, most: 0 };
  const request = async (url, { body, headers, method }) => {
    log.inside++;
    log.most = Math.max(log.most, log.inside);
    await new Promise((done) => setTimeout(done));
    log.inside--;
    const sent = { url, method, headers, body: body.get("body"), client: body.get("client_id"), as: body.get("as") };
    log.requests.push(sent);
    const next = answers.length > 1 ? answers.shift() : answers[0];
    return next(sent, log.requests.length);
  };
  const box = createOutbox({
    request, online,
    pause: async (ms, early) => void log.pauses.push({ ms, early }),
    alone: (name, work) => work(),
    changed: () => {},
    sent: (conversation, item) => log.sent.push({ conversation, seq: item.dataset.seq, client: item.dataset.client }),
    login: () => log.login++,
  });
  return { box, log };
}

const idle = (box) => until(() => !box.entries(talk).some((e) => e.state === "pending"), "nothing is pending any more");

test("a message is posted as a form with its id, and is gone from the store once the server has it", async () => {
  world();
  const { box, log } = office([(r, n) => stored(r.client, n)]);
  const entry = box.add(talk, "Hello\nworld");
  equal(store.get("outbox", `${talk}:${entry.client}`).body, "Hello\nworld", "kept before the answer");
  await idle(box);
  const [request] = log.requests;
  equal([request.url, request.method, request.body, request.client], [`/conversations/${talk}/messages`, "POST", "Hello\nworld", entry.client]);
  equal([request.headers["HX-Request"], request.as], ["true", ME]);
  equal(store.ids("outbox"), []);
  equal(log.sent.length, 1);
});

test("messages of one conversation go one at a time and in order", async () => {
  world();
  const { box, log } = office([(r, n) => stored(r.client, n)]);
  for (const text of ["a", "b", "c", "d"]) box.add(talk, text);
  await idle(box);
  equal(log.requests.map((r) => r.body), ["a", "b", "c", "d"]);
  equal(log.most, 1);
});

test("without an answer the same id is tried again, with waits that grow", async () => {
  world();
  const fail = () => { throw new TypeError("no network"); };
  const { box, log } = office([fail, fail, () => answer(500), (r, n) => stored(r.client, n)]);
  box.add(talk, "a");
  await idle(box);
  equal(log.requests.length, 4);
  equal(new Set(log.requests.map((r) => r.client)).size, 1);
  equal(log.pauses.every((p) => p.early && p.ms <= 8000), true);
  equal(box.entries(talk), []);
});

test("the next message waits for the one that is tried again", async () => {
  world();
  const { box, log } = office([() => answer(502), (r, n) => stored(r.client, n)]);
  box.add(talk, "a");
  box.add(talk, "b");
  await idle(box);
  equal(log.requests.map((r) => r.body), ["a", "a", "b"]);
});

test("after some attempts a message is failed, keeps its text and id, and goes when there is a connection again", async () => {
  world();
  let up = false;
  const { box, log } = office([(r, n) => (up ? stored(r.client, n) : answer(500))]);
  box.add(talk, "a");
  await idle(box);
  equal(log.requests.length, MAX_TRIES);
  const [failed] = box.entries(talk);
  equal([failed.state, failed.body], ["failed", "a"]);
  up = true;
  box.flushAll(true);
  await until(() => !box.entries(talk).length);
  equal(new Set(log.requests.map((r) => r.client)).size, 1);
});

test("nothing overtakes a message that failed and goes by itself later", async () => {
  world();
  let up = false;
  const { box, log } = office([(r, n) => (up ? stored(r.client, n) : answer(500))]);
  const first = box.add(talk, "a");
  await until(() => box.entries(talk)[0].state === "failed");
  box.add(talk, "b");
  up = true; // and nobody has noticed yet
  await box.flush(talk);
  equal(log.sent.length, 0);
  box.flushAll(true);
  await until(() => !box.entries(talk).length);
  equal(log.sent.map((s) => s.client === first.client), [true, false]);
});

test("what waited behind a failed message goes when that is deleted", async () => {
  world();
  let up = false;
  const { box, log } = office([(r, n) => (up ? stored(r.client, n) : answer(500))]);
  const first = box.add(talk, "a");
  await until(() => box.entries(talk)[0].state === "failed");
  box.add(talk, "b");
  up = true;
  box.remove(talk, first.client);
  await until(() => !box.entries(talk).length);
  equal(log.sent.length, 1);
  equal(log.requests.at(-1).body, "b");
});

test("being offline is not an attempt", async () => {
  world();
  let n = 0;
  const { box, log } = office([(r) => { if (++n < 20) throw new TypeError("offline"); return stored(r.client, n); }], { online: () => n >= 20 });
  box.add(talk, "a");
  await idle(box);
  equal(box.entries(talk), []);
  equal(log.requests.length, 20);
});

test("two tabs that write at the same time lose nothing of each other", async () => {
  world();
  const [one, two] = [office([(r, n) => stored(r.client, n)]), office([(r, n) => stored(r.client, n + 100)])];
  for (let n = 0; n < 5; n++) {
    one.box.add(talk, `one ${n}`);
    two.box.add(talk, `two ${n}`);
  }
  await idle(one.box);
  const sent = new Set([...one.log.requests, ...two.log.requests].map((r) => r.body));
  equal(sent.size, 10);
});

test("an entry that another tab sent meanwhile does not come back", async () => {
  world();
  let gone = null;
  const { box } = office([() => { store.put("outbox", `${talk}:${gone}`, null); return answer(500); }]);
  gone = box.add(talk, "a").client;
  await until(() => !store.ids("outbox").length);
  await idle(box);
  equal(box.entries(talk), []);
});

test("a refused message is failed with the server's sentence, and the next one goes", async () => {
  world();
  const { box, log } = office([() => refusal(422, "too_long"), (r, n) => stored(r.client, n)]);
  box.add(talk, "long");
  box.add(talk, "short");
  await idle(box);
  const [failed] = box.entries(talk);
  equal([failed.body, failed.state, failed.error, failed.again], ["long", "failed", "No: too_long.", false]);
  equal(log.sent.length, 1);
});

for (const status of [403, 404, 413]) {
  test(`${status} is a refusal that connecting again does not repeat`, async () => {
    world();
    const { box, log } = office([() => refusal(status, "closed")]);
    box.add(talk, "a");
    await idle(box);
    box.flushAll(true);
    await idle(box);
    equal(log.requests.length, 1);
    equal(box.entries(talk)[0].body, "a", "the text is still there");
  });
}

test("409 is answered with a new id, once", async () => {
  world();
  const { box, log } = office([() => refusal(409, "client_id_reused"), (r, n) => stored(r.client, n)]);
  const first = box.add(talk, "a");
  await idle(box);
  equal(log.requests.length, 2);
  equal(log.requests[0].client, first.client);
  ok(log.requests[1].client !== first.client, "another id");
});

test("409 again is a refusal", async () => {
  world();
  const { box, log } = office([() => refusal(409, "client_id_reused")]);
  box.add(talk, "a");
  await idle(box);
  equal(log.requests.length, 2);
  equal(box.entries(talk)[0].state, "failed");
});

test("429 waits for what Retry-After says and sends the same id by itself", async () => {
  world();
  const { box, log } = office([() => refusal(429, "too_many", { "Retry-After": "7" }), (r, n) => stored(r.client, n)]);
  box.add(talk, "a");
  await idle(box);
  equal(log.pauses, [{ ms: 7000, early: false }]);
  equal(new Set(log.requests.map((r) => r.client)).size, 1);
  equal(box.entries(talk), []);
});

test("Retry-After may be seconds, a date, or missing", () => {
  equal(retryAfter("12"), 12);
  equal(retryAfter("0"), 1);
  equal(retryAfter(null), 2);
  equal(retryAfter("Sat, 21 Nov 2026 12:00:30 GMT", Date.parse("2026-11-21T12:00:00Z")), 30);
  equal(retryAfter("soon"), 2);
});

test("an answer that is not our server's loses nothing", async () => {
  world();
  const { box, log } = office([() => answer(200, "<h1>Welcome to the hotel</h1>"), (r, n) => stored(r.client, n)]);
  box.add(talk, "a");
  await idle(box);
  equal(log.requests.length, 2);
  equal(log.sent.length, 1);
});

test("without a session the text stays and the page goes to the log-in", async () => {
  world();
  const { box, log } = office([() => refusal(401, "log_in_first")]);
  box.add(talk, "a");
  await until(() => log.login);
  equal(box.entries(talk)[0].state, "pending");
});

test("what was on its way at a reload is sent afterwards with the same id", async () => {
  world();
  const before = office([() => new Promise(() => {})]);
  const entry = before.box.add(talk, "a");
  const after = office([(r, n) => stored(r.client, n)]);
  after.box.flushAll();
  await idle(after.box);
  equal(after.log.requests[0].client, entry.client);
});

test("Retry sends the same id, Delete takes the text away", async () => {
  world();
  const { box, log } = office([() => refusal(403, "closed"), () => refusal(403, "closed")]);
  const entry = box.add(talk, "a");
  await idle(box);
  box.retry(talk, entry.client);
  await until(() => log.requests.length === 2);
  await idle(box);
  equal(log.requests[1].client, entry.client);
  box.remove(talk, entry.client);
  equal(store.ids("outbox"), []);
});

test("a post reads its answers", async () => {
  const entry = { client: newId(), body: "a" };
  const kind = async (response) => (await post(talk, entry, async () => response)).kind;
  equal(await kind(stored(entry.client, 1)), "sent");
  equal(await kind(answer(503)), "again");
  equal(await kind(answer(504)), "lost");
  equal(await kind(answer(409)), "reused");
  equal(await kind(answer(401)), "login");
});

test("ids are UUIDs of version 4, also where the context is not secure", () => {
  const form = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
  ok(form.test(newId()), newId());
  const { randomUUID } = crypto;
  Object.defineProperty(crypto, "randomUUID", { value: undefined, configurable: true });
  try {
    ok(form.test(newId()), newId());
    ok(newId() !== newId());
  } finally {
    Object.defineProperty(crypto, "randomUUID", { value: randomUUID, configurable: true });
  }
});

test("each entry has one bubble with its text, whatever is in it", () => {
  const log = world([{ seq: 1 }]);
  const body = `<img src=x onerror=alert(1)> & "quotes"\nsecond line`;
  const entries = [{ client: "c1", body, at: "2026-11-21T12:00:00Z", state: "pending" }];
  showPending(log, entries);
  showPending(log, entries);
  equal(seqs(log), [1, "…"]);
  equal(log.lastElementChild.querySelector(".message__body").textContent, body);
  ok(!log.querySelector("img"));
});

test("a failed bubble says why and offers both ways out; trying again takes them away", () => {
  const log = world();
  const entry = { client: "c1", body: "a", at: "2026-11-21T12:00:00Z", state: "failed", error: "Too long." };
  showPending(log, [entry]);
  const bubble = log.lastElementChild;
  equal([bubble.classList.contains("message--failed"), bubble.classList.contains("message--pending")], [true, false]);
  equal(bubble.querySelector(".message__not-sent").textContent, "Too long.");
  ok(bubble.querySelector("[data-retry]") && bubble.querySelector("[data-delete]"));
  showPending(log, [{ ...entry, state: "pending", error: "" }]);
  equal([bubble.classList.contains("message--pending"), bubble.querySelector(".message__failed")], [true, null]);
});

test("a bubble goes with its entry", () => {
  const log = world();
  showPending(log, [{ client: "c1", body: "a", at: "2026-11-21T12:00:00Z", state: "pending" }]);
  showPending(log, []);
  equal(seqs(log), []);
});

for (const order of ["answer first", "push first"]) {
  test(`answer and push make one bubble: ${order}`, () => {
    const log = world([{ seq: 1 }]);
    showPending(log, [{ client: "c1", body: "a", at: "2026-11-21T12:00:00Z", state: "pending" }]);
    const [fromAnswer] = items({ seq: 2, author: ME, client: "c1", body: "a" });
    const [fromPush] = items({ seq: 2, author: ME, client: "c1", body: "a" });
    for (const item of order === "answer first" ? [fromAnswer, fromPush] : [fromPush, fromAnswer]) upsert(log, item);
    showPending(log, []);
    equal(seqs(log), [1, 2]);
  });
}

test("an entry that the page already shows as a message gets no bubble, and is told", () => {
  const log = world([{ seq: 1, author: ME, client: "c1" }]);
  equal(showPending(log, [{ client: "c1", body: "a", at: "2026-11-21T12:00:00Z", state: "pending" }]), ["c1"]);
  equal(seqs(log), [1]);
});

test("what another person wrote on this browser is wiped, one's own is kept", () => {
  world();
  store.put("draft", talk, "mine");
  document.body.dataset.person = "somebody-else";
  store.put("draft", talk, "theirs");
  store.put("outbox", `${talk}:c`, { client: "c" });
  document.body.dataset.person = ME;
  store.wipe((owner) => owner !== ME);
  equal(store.get("draft", talk), "mine");
  equal(Object.keys(localStorage).filter((key) => key.includes("somebody-else")), []);
});

test("the store works where storage is full", () => {
  world();
  const original = Storage.prototype.setItem;
  Storage.prototype.setItem = () => { throw new DOMException("full", "QuotaExceededError"); };
  try {
    store.put("draft", talk, "kept in memory");
    equal(store.get("draft", talk), "kept in memory");
    equal(store.ids("draft"), [talk]);
    store.put("draft", talk, "");
    equal(store.get("draft", talk), null);
  } finally {
    Storage.prototype.setItem = original;
  }
});
