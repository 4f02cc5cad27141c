/** Tells the server that somebody is here (for presence) and that somebody writes. Both are bounded, as the server asks. */
import { atMostEvery, hear, person } from "./page.js";
import { send } from "./socket.js";

const TYPING_MS = 3_000;
const ACTIVITY_MS = 60_000;

export function start() {
  if (!person()) return;
  hear("typing", atMostEvery(TYPING_MS, () => send({ type: "typing" })));
  const active = atMostEvery(ACTIVITY_MS, () => send({ type: "activity" }));
  for (const event of ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"]) {
    addEventListener(event, active, { passive: true, capture: true });
  }
}
