/**
 * Messages on their way to the server. One conversation's go one at a time and in order, each with the id it was given
 * when it was written: the server answers a repeated id with the first message, so trying again is always safe. A new id
 * is made only when the server says that the id belongs to another text (409).
 *
 * An entry is {client, body, at, order, state: "pending" | "failed", tries, error, again}; error is the server's sentence,
 * and again says that a failed one goes by itself once there is a connection; until then nothing overtakes it.
 */
import { backoff } from "./backoff.js";
import { newId, post } from "./send.js";
import * as store from "./store.js";

/** Attempts without an answer before the bubble says so. With the backoff: about half a minute. */
export const MAX_TRIES = 7;

/**
 * The outbox over its doors, which tests replace: request (fetch), pause(ms) that ends early when there is a connection
 * again, alone(name, work) that lets one tab in at a time, online(), and what to tell: changed(conversation),
 * sent(conversation, item), login().
 */
export function createOutbox({ request, pause, alone, online, changed, sent, login }) {
  const running = new Map();
  let latest = 0;

  const entries = (conversation) =>
    store.ids("outbox", `${conversation}:`).map((id) => store.get("outbox", id)).filter(Boolean).sort((a, b) => a.order - b.order);

  function save(conversation, client, entry) {
    store.put("outbox", `${conversation}:${client}`, entry);
    changed(conversation);
  }

  /** Changes an entry, unless another tab has sent or deleted it meanwhile. */
  function patch(conversation, client, change) {
    const entry = store.get("outbox", `${conversation}:${client}`);
    if (entry) save(conversation, client, { ...entry, ...change });
  }

  /** What waited behind it goes on. */
  function remove(conversation, client) {
    const entry = store.get("outbox", `${conversation}:${client}`);
    if (!entry) return;
    save(conversation, client, null);
    if (entry.state !== "failed") return;
    revive(conversation);
    flush(conversation);
  }

  function add(conversation, body, now = new Date()) {
    latest = Math.max(now.getTime(), latest + 0.01); // two in one millisecond have an order, too
    const entry = { client: newId(), body, at: now.toISOString(), order: latest, state: "pending", tries: 0 };
    save(conversation, entry.client, entry);
    flush(conversation);
    return entry;
  }

  /** The same text under another id. */
  function renew(conversation, entry) {
    const fresh = { ...entry, client: newId(), renewed: true };
    store.put("outbox", `${conversation}:${entry.client}`, null);
    save(conversation, fresh.client, fresh);
  }

  function retry(conversation, client) {
    revive(conversation); // what stands before it goes first
    patch(conversation, client, { state: "pending", tries: 0, error: "", again: false });
    flush(conversation);
  }

  /** Sends what is pending. Called again while it works, it looks once more at the end. */
  function flush(conversation) {
    if (running.has(conversation)) {
      running.set(conversation, true);
      return;
    }
    running.set(conversation, false);
    return alone(`parley:outbox:${conversation}`, () => drain(conversation)).finally(() => {
      const more = running.get(conversation);
      running.delete(conversation);
      if (more) flush(conversation);
    });
  }

  async function drain(conversation) {
    // Read anew each time: another tab may have sent or deleted it meanwhile. Behind one that goes by itself once there is a
    // connection the others wait, or they would overtake it.
    for (let entry; (entry = entries(conversation).find((e) => e.state === "pending" || e.again))?.state === "pending"; ) {
      const { client } = entry;
      const result = await post(conversation, entry, request);
      if (result.kind === "sent") {
        try {
          sent(conversation, result.item);
        } finally {
          remove(conversation, client);
        }
      } else if (result.kind === "login") {
        return login();
      } else if (result.kind === "again") {
        patch(conversation, client, { error: result.error });
        await pause(result.seconds * 1000, false);
      } else if (result.kind === "reused" && !entry.renewed) {
        renew(conversation, entry);
      } else if (result.kind !== "lost") {
        patch(conversation, client, { state: "failed", error: result.error, again: false });
      } else if (!online()) {
        await pause(backoff(2), true); // offline is nobody's failure, and no attempt
      } else if (entry.tries + 1 >= MAX_TRIES) {
        patch(conversation, client, { state: "failed", error: "", again: true });
      } else {
        patch(conversation, client, { tries: entry.tries + 1, error: "" });
        await pause(backoff(entry.tries), true);
      }
    }
    // What waits behind one that failed has failed with it, and goes with it.
    for (const e of entries(conversation)) if (e.state === "pending") patch(conversation, e.client, { state: "failed", error: "", again: true });
  }

  /** Lets what failed for want of a connection go once more. */
  function revive(conversation) {
    for (const e of entries(conversation)) {
      if (e.state === "failed" && e.again) patch(conversation, e.client, { state: "pending", tries: 0, again: false });
    }
  }

  /** Everything this person has on the way, in any conversation: after a reload, and when there is a connection again. */
  function flushAll(again = false) {
    for (const conversation of new Set(store.ids("outbox").map((id) => id.split(":")[0]))) {
      if (again) revive(conversation);
      flush(conversation);
    }
  }

  return { entries, add, remove, retry, flush, flushAll };
}
