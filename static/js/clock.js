/**
 * Once a minute: is it another day? Then "today" is "yesterday", in the log and in the list. In another time zone all times
 * are others.
 */
import { hear, openLog, person, tell } from "./page.js";
import { derive, renameDays } from "./derive.js";
import { keepPlace } from "./scroll.js";
import { clock, dayOf, fullDate, localise } from "./times.js";

let day = "";

function look() {
  const today = dayOf(new Date());
  if (today === day) return;
  const first = !day;
  day = today;
  if (first) return;
  const log = openLog();
  if (log) renameDays(log);
  tell("tick");
}

function moveZone() {
  const log = openLog();
  if (log) {
    keepPlace(log, () => {
      for (const item of log.querySelectorAll(":scope > li.message")) localise(item, clock);
      derive(log);
    });
  }
  day = dayOf(new Date());
  tell("tick");
}

export function start() {
  if (!person()) return;
  look();
  hear("zone", moveZone);
  // Formatters are slow to make: not in the moment when the first message is to stand at once.
  (globalThis.requestIdleCallback ?? setTimeout)(() => fullDate(new Date()));
  setInterval(look, 60_000);
  // Timers stand still while the machine sleeps; waking up is when the day has changed most often.
  document.addEventListener("visibilitychange", look);
  hear("up", look);
}
