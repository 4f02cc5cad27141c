/**
 * Tells the server whether this page is in use, for presence: at once when it is hidden or shown, or used after a pause, and
 * once a minute while it is used. A connection says in its address how it begins.
 */
import { hear, person, tell } from "./page.js";

const SAY_MS = 60_000;
/** A page that was not used for so long is not in use. */
const IDLE_MS = 300_000;

/** Over its doors, which tests replace: say(state) sends, hidden() and now() tell. A page begins as one in use. */
export function createActivity({ say, hidden, now }) {
  let usedAt = now();
  let saidAt = -Infinity;
  let dialled = "";

  const state = () => (hidden() ? "hidden" : now() - usedAt >= IDLE_MS ? "idle" : "active");

  function active() {
    usedAt = saidAt = now();
    say("active");
  }

  return {
    /** The person did something here. */
    used() {
      if (hidden()) return;
      if (now() - saidAt >= SAY_MS) active();
      else usedAt = now();
    },
    shown: () => (hidden() ? say("hidden") : active()),
    /** How a connection begins that is dialled now. */
    begins: () => (dialled = state()),
    /** It stands: what has changed since is said. */
    up() {
      const is = state();
      if (is !== "idle" && is !== dialled) say(is);
      saidAt = is === "active" ? now() : -Infinity;
    },
  };
}

export const activity = createActivity({
  say: (state) => tell("say", { type: "activity", state }),
  hidden: () => document.hidden,
  now: () => performance.now(),
});

export function start() {
  if (!person()) return;
  for (const event of ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"]) {
    addEventListener(event, activity.used, { passive: true, capture: true });
  }
  document.addEventListener("visibilitychange", activity.shown);
  hear("up", activity.up);
}
