/**
 * What people are seen as. The server pushes it for those whom the page says it shows, and each pushed element takes the place
 * of all that are about the same person. Rows come without it, so the last element of each person is kept for them. What a new
 * connection does not confirm is not shown any longer.
 */
import { byId, hear, pane, person } from "./page.js";
import { send } from "./socket.js";
import { clock, localise } from "./times.js";

/** The server tells of so many people at once. */
const MOST = 200;
const CONFIRM_MS = 3_000;
const GATHER_MS = 200;
/** Without a connection for so long nothing is known. */
const STALE_MS = 60_000;

const inside = (root) => (root ? [...root.querySelectorAll("[data-presence]")] : []);
const idOf = (element) => element.dataset.presence;

/** The people whom the page shows, those of what is open first. */
export const shownPeople = () =>
  [...new Set([pane(), byId("details"), document].flatMap((place) => inside(place).map(idOf)))];

/** Over its doors, which tests replace: say(frame) sends and says whether it did, later(work, ms) gives a function that cancels. */
export function createPresence({ say, later }) {
  const known = new Map(); // the last element of each person
  let confirmed = new Set(); // on this connection
  let watched = null; // as it was said on this connection
  let up = false;
  let cancel = () => {};
  let gathering = null;
  let spoiling = false;

  /** What was not confirmed in time is not shown: the server says nothing of those of whom nothing is seen. */
  const expect = (people) => {
    const open = new Set(people.filter((id) => !confirmed.has(id)));
    return later(() => hide((id) => open.has(id) && !confirmed.has(id)), CONFIRM_MS);
  };

  /** Without a connection what is shown holds for a while. */
  function spoil() {
    if (up || spoiling) return;
    spoiling = true;
    cancel();
    cancel = later(() => {
      spoiling = false;
      hide(() => true);
    }, STALE_MS);
  }

  function put(element, shown) {
    if (element.isEqualNode(shown)) return;
    element.dataset.state = shown.dataset.state;
    element.replaceChildren(...shown.cloneNode(true).childNodes);
    localise(element, clock);
  }

  function hide(picks) {
    for (const id of known.keys()) if (picks(id)) known.delete(id);
    for (const element of inside(document)) {
      if (!picks(idOf(element))) continue;
      element.dataset.state = "";
      element.replaceChildren();
    }
  }

  /** What the page was drawn with holds, unless something newer was pushed. */
  function fill() {
    for (const element of inside(document)) {
      const id = idOf(element);
      if (element.firstChild && !confirmed.has(id)) known.set(id, element.cloneNode(true));
      else if (known.has(id)) put(element, known.get(id));
    }
  }

  /**
   * Says whom the page shows, where that is not what was said. Of those for whom there is no room nothing is shown, and of those
   * who are not shown nothing is kept: nobody says how it changes.
   */
  function watch() {
    gathering = null;
    if (!up) return;
    const all = shownPeople();
    const people = all.slice(0, MOST);
    const key = people.toSorted().join();
    if (key === (watched ?? "") || !say({ type: "watch", people })) return;
    watched = key;
    const told = new Set(people);
    hide((id) => !told.has(id));
    for (const id of confirmed) if (!told.has(id)) confirmed.delete(id);
    cancel();
    cancel = expect(people);
  }

  return {
    /** The page shows other elements than before. */
    changed() {
      fill();
      spoil();
      gathering ??= later(watch, GATHER_MS);
    },
    take(elements) {
      for (const element of elements) {
        known.set(idOf(element), element);
        confirmed.add(idOf(element));
      }
      fill();
    },
    up() {
      cancel();
      up = true;
      spoiling = false;
      confirmed = new Set();
      watched = null;
      watch();
    },
    down() {
      up = false;
      confirmed = new Set();
      spoil();
    },
  };
}

export function start() {
  if (!person()) return;
  const presence = createPresence({
    say: send,
    later(work, ms) {
      const timer = setTimeout(work, ms);
      return () => clearTimeout(timer);
    },
  });
  for (const news of ["pane", "rows", "details"]) hear(news, presence.changed);
  document.addEventListener("htmx:after:swap", presence.changed);
  hear("presence", ({ elements }) => presence.take(elements));
  hear("up", presence.up);
  hear("down", presence.down);
  const age = () => inside(document).forEach((element) => localise(element, clock));
  hear("tick", age);
  setInterval(age, 60_000); // "5 min ago" is not for long
}
