/**
 * What is begun and not sent. It is kept in the browser as one types, and given to the server when one pauses, so that it
 * waits on every device. What the browser keeps is only what the server does not have yet: it goes when the server has it,
 * and as long as it is there it holds.
 */
import { byId, conversationPath, hear, openLog, person, tell } from "./page.js";
import * as store from "./store.js";

/** A draft goes to the server after a pause this long; a message that is sent sooner never was one. */
const PAUSE_MS = 3000;

const field = () => byId("composer-body");
const conversationOf = (body) => body.form.dataset.conversation;
const writing = (body) => document.hasFocus() && document.activeElement === body;

let timer = 0;

/** Gives the server what it does not have. keepalive lets it go out while the page ends. */
export async function give(conversation, request = fetch) {
  const draft = store.get("draft", conversation);
  if (!draft) return;
  try {
    const response = await request(conversationPath(conversation, "/draft"), {
      method: "POST", headers: { "HX-Request": "true" }, keepalive: true, body: new URLSearchParams({ body: draft.text }),
    });
    const gone = response.status === 404; // nobody's conversation needs no draft
    if ((response.ok && !response.redirected) || gone) taken(conversation, draft.text);
  } catch {
    // It stays here and goes when there is a connection again.
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

/** What was written was sent: no draft is left of it. */
export function drop(body) {
  clearTimeout(timer);
  const conversation = conversationOf(body);
  store.put("draft", conversation, { text: "" }); // which other tabs hear
  if (body.hasAttribute("data-drafted")) give(conversation);
  else store.put("draft", conversation, null);
}

/** Puts into a fresh field what this browser kept, where that is newer than what the server put there. */
export function restore(body) {
  const conversation = conversationOf(body);
  const kept = store.get("draft", conversation);
  if (!kept) return;
  body.value = kept.text;
  give(conversation);
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

const giveAll = () => {
  for (const conversation of store.ids("draft")) give(conversation);
};

export function start() {
  if (!person()) return;
  document.addEventListener("input", ({ target }) => {
    if (target.id !== "composer-body") return;
    keep(target);
    clearTimeout(timer);
    timer = setTimeout(give, PAUSE_MS, conversationOf(target));
  });
  const now = () => {
    clearTimeout(timer);
    giveAll();
  };
  hear("leave", now);
  hear("up", now);
  addEventListener("pagehide", now);
  document.addEventListener("visibilitychange", () => document.hidden && now());
  store.hearOthers("draft", (conversation, draft) => {
    if (draft) show(conversation, draft.text);
    tell("drafts");
  });
  if (!openLog()) giveAll();
}
