/**
 * The bubbles of messages on their way: made from the outbox, so that they look the same after a click, after a reload
 * and in another tab.
 */
import { byId, byTouch, goToLogin, hear, openLog, person, stamp } from "./page.js";
import { messagesOf, pendingOf } from "./log.js";
import { derive } from "./derive.js";
import { clock, localise } from "./times.js";
import { keepPlace } from "./scroll.js";
import { applyTo } from "./apply.js";
import { createOutbox } from "./outbox.js";
import { polling } from "./poll.js";
import * as store from "./store.js";

/** Makes the log's unsent bubbles match the entries. Says which entries the log already holds as real messages. */
export function showPending(log, entries) {
  const real = new Set(messagesOf(log).map((item) => item.dataset.client).filter(Boolean));
  const waiting = entries.filter((entry) => !real.has(entry.client));
  const bubbles = [...log.querySelectorAll(":scope > li.message:not([data-seq])")];
  const wanted = new Set(waiting.map((entry) => entry.client));
  for (const bubble of bubbles) if (!wanted.has(bubble.dataset.client)) bubble.remove();
  for (const entry of waiting) {
    let bubble = pendingOf(log, entry.client);
    if (!bubble) {
      bubble = makeBubble(entry);
      log.append(bubble);
    }
    showState(bubble, entry);
  }
  return entries.filter((entry) => real.has(entry.client)).map((entry) => entry.client);
}

function makeBubble(entry) {
  const bubble = stamp("pending-template");
  bubble.removeAttribute("id");
  bubble.removeAttribute("data-seq");
  Object.assign(bubble.dataset, { client: entry.client, author: person(), at: entry.at, kind: "text" });
  bubble.querySelector(".message__body").textContent = entry.body;
  for (const time of bubble.querySelectorAll("time")) time.dateTime = entry.at;
  localise(bubble, clock);
  bubble.classList.add("message--new");
  return bubble;
}

function showState(bubble, { state, error }) {
  const failed = state === "failed";
  bubble.classList.toggle("message--pending", !failed);
  bubble.classList.toggle("message--failed", failed);
  const key = failed + (error ?? "");
  if (bubble.dataset.shown === key) return; // an alert that is put in once more is read out once more
  bubble.dataset.shown = key;
  bubble.querySelector(":scope > .message__failed, :scope > .message__error")?.remove();
  if (failed) {
    const actions = stamp("failed-actions");
    if (error) actions.querySelector(".message__not-sent").textContent = error;
    bubble.append(actions);
  } else if (error) {
    bubble.append(Object.assign(document.createElement("p"), { className: "message__error", textContent: error }));
  }
}

function sync(conversation) {
  const log = openLog();
  if (log?.dataset.conversation !== conversation) return;
  let stored = [];
  keepPlace(log, () => {
    stored = showPending(log, outbox.entries(conversation));
    derive(log);
  });
  for (const client of stored) outbox.remove(conversation, client);
}

let wake = [];

/** A pause that the return of the connection may end early. */
const pause = (ms, early) =>
  new Promise((done) => {
    setTimeout(done, ms);
    if (early) wake.push(done);
  });

export const outbox = createOutbox({
  request: (...args) => fetch(...args),
  pause,
  // Two tabs would send the same message twice. That is harmless, but their order might mix. No locks, no harm.
  alone: (name, work) => navigator.locks?.request(name, work) ?? work(),
  online: () => navigator.onLine,
  changed: sync,
  sent: (conversation, item) => applyTo(conversation, [item]),
  login: goToLogin,
});

export function start() {
  if (!person()) return;
  const open = () => openLog()?.dataset.conversation;
  hear("pane", () => open() && sync(open()));
  // The push may be faster than the answer to the send.
  hear("arrived", ({ log, items }) => {
    for (const item of items) if (item.dataset.client) outbox.remove(log.dataset.conversation, item.dataset.client);
  });
  const revive = () => {
    for (const done of wake.splice(0)) done();
    outbox.flushAll(true);
  };
  hear("up", revive);
  hear("polling", () => polling() && revive()); // a connection, if a slow one
  addEventListener("online", revive);
  // While the page lay in the back/forward cache, another may have sent what it shows as pending.
  addEventListener("pageshow", (event) => event.persisted && open() && sync(open()));
  outbox.flushAll();
  store.hearOthers("outbox", (id) => {
    // What vanished was sent by the other tab; the message itself comes by socket in a moment, so no gap.
    setTimeout(sync, store.get("outbox", id) ? 0 : 2000, id.split(":")[0]);
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest(".message--failed :is([data-retry], [data-delete])");
    if (!button) return;
    const { client } = button.closest("li").dataset;
    if (button.matches("[data-retry]")) outbox.retry(open(), client);
    else outbox.remove(open(), client);
    if (!byTouch()) byId("composer-body")?.focus({ preventScroll: true });
  });
}
