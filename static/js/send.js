/** One attempt to bring a message to the server. */
import { conversationPath, needsLogin, parse, person } from "./page.js";

/** An answer that takes longer than this is none. */
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
      body: new URLSearchParams({ body: entry.body, client_id: entry.client, as: person() }),
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
