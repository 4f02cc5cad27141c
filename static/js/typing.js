/** Who writes in the open conversation: tells of the person here, and shows the others. */
import { byId, hear, openLog, pane, person } from "./page.js";
import { send } from "./socket.js";

const TYPING_MS = 3_000;
/** Whoever writes says so every 3 s and is forgotten by the server after 6; a line that stands longer was forgotten by it. */
const SHOWN_MS = 7_000;

/** What to say of the person here when the text is changed by hand: at most so often, and what begins too soon a little later. */
export function createTyping({ say, later, now = () => performance.now() }) {
  let said = false;
  let last = -Infinity;
  let cancel = null;

  function done() {
    said = false;
    cancel?.();
    cancel = null;
  }

  function typing() {
    const wait = last + TYPING_MS - now();
    if (wait > 0) {
      if (!said) cancel ??= later(due, wait);
      return;
    }
    if (!say({ type: "typing" })) return;
    said = true;
    last = now();
  }

  /** A timer may be early by a part of a millisecond: then it is asked for once more. */
  function due() {
    cancel = null;
    typing();
  }

  return {
    wrote(text) {
      if (text.trim()) typing();
      else if (!said || say({ type: "typing", stopped: true })) done();
    },
    /** It was sent, or another conversation is open: there is nothing to stop. */
    done,
  };
}

let timer = 0;

/** Puts a line where it belongs; without one nobody writes. */
export function showTyping(line) {
  clearTimeout(timer);
  const place = pane()?.querySelector("[data-typing]");
  place?.replaceChildren(...(line?.childNodes ?? []));
  if (place?.firstChild) timer = setTimeout(showTyping, SHOWN_MS);
}

export function start() {
  if (!person()) return;
  const typing = createTyping({
    say: send,
    later(work, ms) {
      const timer = setTimeout(work, ms);
      return () => clearTimeout(timer);
    },
  });
  document.addEventListener("submit", ({ target }) => target.id === "composer" && typing.done());
  hear("typing", () => typing.wrote(byId("composer-body").value));
  hear("pane", () => {
    typing.done();
    showTyping();
  });
  hear("down", () => showTyping());
  hear("writes", ({ conversation, nodes }) => openLog()?.dataset.conversation === conversation && showTyping(nodes));
}
