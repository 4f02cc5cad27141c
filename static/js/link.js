/** A WebSocket that comes back: greeting, watch, waits. Apart from the page, so that a test can hold its clock. */
import { backoff } from "./backoff.js";

/** The server sends something at least every 20 s; after this silence the connection is dead, whatever it says. */
export const SILENCE_MS = 45_000;
/** A tab that was asleep has missed a beat when it has heard nothing for this long. */
const MISSED_MS = 30_000;
/** An attempt that has not come to a greeting after this long will not. */
const GREETING_MS = 15_000;
/** A connection that stood this long was a good one: the next wait begins small again. */
const GOOD_MS = 5_000;
const REVOKED = 1008;

/**
 * The connection over its doors, which tests replace: dial() gives a WebSocket, later(work, ms) a function that cancels,
 * now() milliseconds; and what to tell: frame(object), up(), down(heard) with the moment when the connection was last
 * heard, refused() when an attempt fails, revoked().
 */
export function createSocket({ dial, later, now, random = Math.random, frame, up, down, refused, revoked }) {
  let socket = null;
  let standing = false; // hello was heard
  let attempt = 0;
  let heard = 0;
  let risen = 0;
  let dialled = -Infinity;
  let welcome = -Infinity; // the server asked not to be dialled before
  let cancel = () => {};
  let closed = true;

  function open() {
    if (socket) return;
    cancel();
    closed = false;
    dialled = heard = now();
    const mine = (socket = dial());
    const current = (listener) => (event) => socket === mine && listener(event);
    mine.onmessage = current(({ data }) => {
      heard = now();
      hearFrame(data);
    });
    mine.onclose = current(({ code }) => lost(code));
    watch();
  }

  function hearFrame(data) {
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return; // not ours; the next one may be
    }
    if (message.type === "hello") {
      standing = true;
      risen = now();
      up(message);
    }
    frame(message);
  }

  /** Timers sleep with the machine; the clock does not. So it is asked again and again. */
  function watch() {
    cancel = later(() => {
      if (now() - heard >= (standing ? SILENCE_MS : GREETING_MS)) drop();
      else watch();
    }, 5000);
  }

  /** Gives up a connection without waiting for its end, which a dead network would never report. */
  function drop() {
    socket.onclose = socket.onmessage = null;
    socket.close();
    lost(1006);
  }

  function lost(code) {
    cancel();
    const stood = standing;
    socket = null;
    standing = false;
    if (stood) down(heard);
    else refused();
    if (code === REVOKED) {
      closed = true;
      return revoked();
    }
    if (stood && now() - risen >= GOOD_MS) attempt = 0;
    cancel = later(open, backoff(attempt++, random));
  }

  return {
    open,
    standing: () => standing,
    /** Sends a frame if the connection stands; says whether it did. */
    send(message) {
      if (!standing) return false;
      socket.send(JSON.stringify(message));
      return true;
    },
    /** Somebody is waiting: dial now rather than after the wait; but not twice in a second, and not into an attempt. */
    hurry() {
      if (closed) return;
      if (socket && now() - heard >= MISSED_MS) drop();
      if (!socket && now() - dialled >= 1000 && now() >= welcome) open();
    },
    /** The server wants nobody for so long, whoever is waiting. An attempt that is under way may go on. */
    wait(ms) {
      if (closed || socket || ms <= 0) return;
      welcome = now() + ms;
      cancel();
      cancel = later(open, ms);
    },
    close() {
      closed = true;
      cancel();
      const mine = socket;
      socket = null;
      if (standing) down(heard);
      standing = false;
      mine?.close(1000);
    },
  };
}
