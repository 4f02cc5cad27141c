/**
 * What is begun and not sent. It is kept in the browser as one types, and given to the server when one pauses, so that it
 * waits on every device. What the browser keeps is only what the server does not have yet: it goes when the server has it,
 * and as long as it is there it holds.
 */
import { byId, conversationPath, hear, openLog, person, tell } from "./page.js";
import * as store from "./store.js";

/** A draft goes to the server after a pause this long; a message that is sent sooner never was one. */
const PAUSE_MS = 3000;
/** An answer that takes longer than this is none. */
const ANSWER_MS = 20_000;
/** Browsers refuse what is to outlive its page and is longer than 64 KiB, all of it together. */
const MOST_OUTLIVING = 60_000;

const field = () => byId("composer-body");
const conversationOf = (body) => body.form.dataset.conversation;
const writing = (body) => document.hasFocus() && document.activeElement === body;

let timer = 0;

/** By conversation: what is under way. Gives go one after the other, or the older text might be the last to arrive. */
const underWay = new Map();

const formOf = (draft) => new URLSearchParams({ body: draft.text, as: person() });

/**
 * Gives the server what it does not have, once what is under way is answered. ending: the page may end any moment. Then
 * what can outlive the page waits for nothing, and what is under way is given up.
 */
export function give(conversation, request = fetch, ending = false) {
  const draft = store.get("draft", conversation);
  if (!draft) return Promise.resolve();
  const outlives = ending && String(formOf(draft)).length < MOST_OUTLIVING;
  let line = underWay.get(conversation);
  if (outlives) line?.aborter.abort();
  if (outlives || !line) underWay.set(conversation, (line = { last: null, aborter: new AbortController() }));
  const { last: before, aborter: { signal } } = line;
  const mine = before ? before.then(() => attempt(conversation, request, { signal })) : attempt(conversation, request, { signal, keepalive: outlives });
  line.last = mine;
  return mine.finally(() => line.last === mine && underWay.get(conversation) === line && underWay.delete(conversation));
}

async function attempt(conversation, request, options) {
  const draft = store.get("draft", conversation);
  if (!draft || options.signal.aborted) return;
  const waited = new AbortController();
  const late = setTimeout(() => waited.abort(), ANSWER_MS);
  options.signal.addEventListener("abort", () => waited.abort());
  try {
    const response = await request(conversationPath(conversation, "/draft"), {
      method: "POST", headers: { "HX-Request": "true" }, body: formOf(draft), keepalive: options.keepalive ?? false, signal: waited.signal,
    });
    // Where it is refused, as to somebody who is not in the group any more, it stays here as well: one may be taken in again.
    if (response.ok && !response.redirected) taken(conversation, draft.text);
  } catch {
    // It stays here and goes when there is a connection again.
  } finally {
    clearTimeout(late);
  }
}

/** The server has this text; unless another one was written meanwhile, nothing needs to be kept here. */
function taken(conversation, text) {
  if (store.get("draft", conversation)?.text === text) store.put("draft", conversation, null);
  const body = field();
  if (body && conversationOf(body) === conversation) body.toggleAttribute("data-drafted", text !== "");
  tell("drafts");
}

/** Keeps what stands in the field. */
function keep(body) {
  const conversation = conversationOf(body);
  const known = store.get("draft", conversation);
  // An empty field is worth telling only where there is something to take away.
  if (body.value || known || body.hasAttribute("data-drafted")) store.put("draft", conversation, { text: body.value });
}

/** What was written was sent: no draft is left of it, neither one that the server has nor one that is on its way there. */
export function drop(body, request = fetch) {
  clearTimeout(timer);
  const conversation = conversationOf(body);
  store.put("draft", conversation, { text: "" }); // which other tabs hear
  if (body.hasAttribute("data-drafted") || underWay.has(conversation)) return give(conversation, request);
  store.put("draft", conversation, null);
}

/** Puts into a fresh field what this browser kept, where that is newer than what the server put there. */
export function restore(body, request = fetch) {
  const conversation = conversationOf(body);
  const kept = store.get("draft", conversation);
  if (!kept) return;
  body.value = kept.text;
  return give(conversation, request);
}

/** What another device or another tab wrote; a field that is being written in is not touched. */
function show(conversation, text) {
  const body = field();
  if (!body || conversationOf(body) !== conversation || writing(body)) return;
  body.value = text;
  body.dispatchEvent(new Event("parley:filled", { bubbles: true }));
}

/** The frame of the socket. */
export function receiveDraft({ conversation, text }) {
  const body = field();
  if (body && conversationOf(body) === conversation) body.toggleAttribute("data-drafted", text !== "");
  if (!store.get("draft", conversation)) show(conversation, text);
}

const giveAll = (ending = false) => {
  for (const conversation of store.ids("draft")) give(conversation, fetch, ending);
};

export function start() {
  if (!person()) return;
  document.addEventListener("input", ({ target }) => {
    if (target.id !== "composer-body") return;
    keep(target);
    clearTimeout(timer);
    timer = setTimeout(give, PAUSE_MS, conversationOf(target));
  });
  const now = (ending) => {
    clearTimeout(timer);
    giveAll(ending);
  };
  hear("leave", () => now(false)); // for another pane: the page stays
  hear("up", () => now(false));
  addEventListener("pagehide", () => now(true));
  document.addEventListener("visibilitychange", () => document.hidden && now(true)); // on a phone nothing else may follow
  store.hearOthers("draft", (conversation, draft) => {
    if (draft) show(conversation, draft.text);
    tell("drafts");
  });
  if (!openLog()) giveAll();
}
