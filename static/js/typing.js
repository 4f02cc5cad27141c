/** Who writes in the open conversation: tells of the person here, and shows the others. */
import { atMostEvery, byId, hear, openLog, pane, person } from "./page.js";
import { send } from "./socket.js";

const TYPING_MS = 3_000;
/** Whoever writes says so every 3 s and is forgotten by the server after 6; a line that stands longer was forgotten by it. */
const SHOWN_MS = 7_000;

/** What to say of the person here when the text is changed by hand. */
export function createTyping({ say, now = () => performance.now() }) {
  let said = false;
  const typing = atMostEvery(TYPING_MS, () => say({ type: "typing" }) && (said = true), now);
  return {
    wrote(text) {
      if (text.trim()) typing();
      else if (said && say({ type: "typing", stopped: true })) said = false;
    },
    /** It was sent, or another conversation is open: there is nothing to stop. */
    done: () => (said = false),
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
  const typing = createTyping({ say: send });
  hear("typing", () => typing.wrote(byId("composer-body").value));
  hear("pane", () => {
    typing.done();
    showTyping();
  });
  hear("down", () => showTyping());
  hear("writes", ({ conversation, nodes }) => openLog()?.dataset.conversation === conversation && showTyping(nodes));
}
