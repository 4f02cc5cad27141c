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

/** A frame that holds more of them is ignored as a whole. */
const MOST = 200;

/**
 * What was said this long, in milliseconds, before the connection was last heard has arrived: a server that gets no answer
 * to its pings any more falls silent after 45 s.
 */
const ARRIVED_MS = 60_000;

/**
 * Positions per conversation, which only grow, and those that are not said yet. take() empties them for a frame; again()
 * takes back what a connection that broke may not have carried, missed() what a request did not.
 */
export function createPositions() {
  const known = new Map();
  const unsaid = new Set();
  const said = new Map(); // when, by the clock that again() is asked with
  return {
    move(conversation, kind, seq) {
      const position = known.get(conversation) ?? { delivered: 0, read: 0 };
      if (!(seq > position[kind])) return;
      position[kind] = seq;
      if (kind === "read") position.delivered = Math.max(position.delivered, seq);
      known.set(conversation, position);
      unsaid.add(conversation);
    },
    /**
     * What the server knows already needs no frame. Behind another mark of unread (their number) what was read before is
     * void: it may be read once more.
     */
    base(conversation, read, marks) {
      const position = known.get(conversation) ?? { delivered: 0, read: 0 };
      if (marks > (position.marks ?? 0)) this.unread(conversation, marks);
      const before = known.get(conversation)?.read ?? 0;
      known.set(conversation, { marks, delivered: Math.max(position.delivered, read), read: Math.max(before, read) });
    },
    /** Somebody has marked it as unread. */
    unread(conversation, marks) {
      const { delivered = 0 } = known.get(conversation) ?? {};
      known.set(conversation, { marks, delivered, read: 0 });
      unsaid.delete(conversation);
      said.delete(conversation);
    },
    marksOf: (conversation) => known.get(conversation)?.marks ?? 0,
    readOf: (conversation) => known.get(conversation)?.read ?? 0,
    /** The connection was heard for the last time at this moment. */
    again(heard = -Infinity) {
      for (const [conversation, at] of said) if (!(at < heard - ARRIVED_MS)) unsaid.add(conversation);
      said.clear();
    },
    missed(conversation) {
      if (known.has(conversation)) unsaid.add(conversation);
    },
    take(now = Date.now()) {
      if (!unsaid.size) return null;
      const moved = [...unsaid].slice(0, MOST);
      for (const conversation of moved) {
        unsaid.delete(conversation);
        said.set(conversation, now);
      }
      return Object.fromEntries(moved.map((id) => [id, { ...known.get(id) }]));
    },
    /** What was read belongs to a history that is no more. */
    forget() {
      for (const part of [known, unsaid, said]) part.clear();
    },
  };
}
