/** How far somebody has read, and what of it the server has not been told. */
import { changeOf, seqOf } from "./log.js";

/** Long enough in view to have been read. */
const SEEN_MS = 1000;

/**
 * The highest seq that has been in view long enough. seen maps messages to the moment they came into view. What lies
 * behind the cursor does not count yet: the answer to one's own send may stand there before what others sent earlier.
 */
export function ripe(seen, now, cursor) {
  let highest = 0;
  for (const [item, since] of seen) {
    if (now - since >= SEEN_MS && changeOf(item) <= cursor) highest = Math.max(highest, seqOf(item));
  }
  return highest;
}

/**
 * Positions per conversation, which only grow, and those that are not said yet. take() empties them for a frame; again()
 * takes back the last frame, which a connection that broke may not have carried.
 */
export function createPositions() {
  const known = new Map();
  const unsaid = new Set();
  let last = [];
  return {
    move(conversation, kind, seq) {
      const position = known.get(conversation) ?? { delivered: 0, read: 0 };
      if (!(seq > position[kind])) return;
      position[kind] = seq;
      if (kind === "read") position.delivered = Math.max(position.delivered, seq);
      known.set(conversation, position);
      unsaid.add(conversation);
    },
    /** What the server knows already needs no frame. */
    base(conversation, read) {
      const position = known.get(conversation) ?? { delivered: 0, read: 0 };
      known.set(conversation, { delivered: Math.max(position.delivered, read), read: Math.max(position.read, read) });
    },
    readOf: (conversation) => known.get(conversation)?.read ?? 0,
    again() {
      for (const conversation of last) unsaid.add(conversation);
    },
    take() {
      if (!unsaid.size) return null;
      last = [...unsaid];
      unsaid.clear();
      return Object.fromEntries(last.map((id) => [id, { ...known.get(id) }]));
    },
  };
}
