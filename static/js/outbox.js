/**
 * Messages on their way to the server. One conversation's go one at a time and in order, each with the id it was given
 * when it was written: the server answers a repeated id with the first message, so trying again is always safe. A new id
 * is made only when the server says that the id belongs to another text (409).
 *
 * An entry is {client, body, at, order, state: "pending" | "failed", tries, error, again}; error is the server's sentence,
 * and again says that a failed one goes by itself once there is a connection.
 */
import { conversationPath, needsLogin, parse } from "./page.js";
import { backoff } from "./backoff.js";
import * as store from "./store.js";

/** Attempts without an answer before the bubble says so. With the backoff: about half a minute. */
export const MAX_TRIES = 7;
const ANSWER_MS = 20_000;

/** A UUID, version 4. crypto.randomUUID exists in secure contexts only, and http in a local network is none. */
export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const b = crypto.getRandomValues(new Uint8Array(16));
  b[6] = (b[6] & 0x0f) | 0x40;
  b[8] = (b[8] & 0x3f) | 0x80;
  const hex = [...b].map((n) => n.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/**
 * One POST, and what came of it: {kind: "sent", item} with the stored message's element; "again" after some seconds
 * (limits, overload); "reused" (409); "refused" with the server's sentence; "login"; "lost" when nobody knows.
 */
export async function post(conversation, entry, request = fetch) {
  const aborter = new AbortController();
  const timer = setTimeout(() => aborter.abort(), ANSWER_MS);
  try {
    const response = await request(conversationPath(conversation, "/messages"), {
      method: "POST",
      headers: { "HX-Request": "true", Accept: "text/html" },
      body: new URLSearchParams({ body: entry.body, client_id: entry.client }),
      signal: aborter.signal,
    });
    if (needsLogin(response)) return { kind: "login" };
    const answer = parse(await response.text());
    if (response.ok) {
      // Anything else with a 200 is not our server's answer (a hotel's log-in page, say): the text would be lost.
      const item = answer.querySelector("li.message[data-seq]");
      return item ? { kind: "sent", item } : { kind: "lost" };
    }
    const error = answer.querySelector(".message__error")?.textContent.trim() ?? "";
    if (response.status === 409) return { kind: "reused", error };
    if (response.status === 429 || response.status === 503) {
      return { kind: "again", seconds: retryAfter(response.headers.get("Retry-After")), error };
    }
    return response.status >= 500 || response.status === 408 ? { kind: "lost" } : { kind: "refused", error };
  } catch {
    return { kind: "lost" };
  } finally {
    clearTimeout(timer);
  }
}

/** The seconds in a Retry-After header, which may also be a date; 2 where it says nothing. */
export function retryAfter(header, now = Date.now()) {
  const seconds = header && /^\d+$/.test(header.trim()) ? Number(header) : (new Date(header ?? NaN) - now) / 1000;
  return seconds >= 0 ? Math.max(1, Math.min(Math.ceil(seconds), 3600)) : 2;
}

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

  function remove(conversation, client) {
    if (store.get("outbox", `${conversation}:${client}`)) save(conversation, client, null);
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
    patch(conversation, client, { state: "pending", tries: 0, error: "" });
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
    // Read anew each time: another tab may have sent or deleted it meanwhile.
    for (let entry; (entry = entries(conversation).find((e) => e.state === "pending")); ) {
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
  }

  /** Everything this person has on the way, in any conversation: after a reload, and when there is a connection again. */
  function flushAll(revive = false) {
    for (const conversation of new Set(store.ids("outbox").map((id) => id.split(":")[0]))) {
      if (revive) {
        for (const e of entries(conversation)) {
          if (e.state === "failed" && e.again) patch(conversation, e.client, { state: "pending", tries: 0 });
        }
      }
      flush(conversation);
    }
  }

  return { entries, add, remove, retry, flush, flushAll };
}
