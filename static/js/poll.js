/**
 * Where a proxy forbids sockets: after 15 s without one the page asks for changes every 5 s. The answer holds the same
 * frames as elements; where no conversation is open it is the list. The socket goes on trying meanwhile, and takes over as
 * soon as it stands.
 */
import { conversationPath, followed, goToLogin, hear, listPath, needsLogin, parse, person, tell } from "./page.js";
import { framesIn, listIn, receive } from "./frames.js";

const PATIENCE_MS = 15_000;
const EVERY_MS = 5_000;

let timer = 0;
let working = false;

/** Whether the last question was answered: then the page is connected, if slowly. */
export const polling = () => working;

function changesOf(log) {
  const { conversation, change, epoch, view, at } = log.dataset;
  return conversationPath(conversation, `/changes?${new URLSearchParams({ after: change, epoch, view, at, as: person() })}`);
}

async function ask() {
  if (navigator.onLine) {
    const log = followed();
    const response = await fetch(log ? changesOf(log) : `${listPath}?as=${person()}`, {
      headers: { "HX-Request": "true", Accept: "text/html" }, signal: AbortSignal.timeout(PATIENCE_MS),
    }).catch(() => null);
    if (response && needsLogin(response)) return goToLogin();
    const answer = response?.ok && parse(await response.text().catch(() => ""));
    if (!timer) return; // the socket stands again, and has sent the same
    if (log && response?.status === 404) receive({ type: "closed", conversation: log.dataset.conversation });
    const frames = answer ? (log ? framesIn(answer) : listIn(answer)) : [];
    for (const frame of frames) await receive(frame);
    set(frames.length > 0);
  } else set(false);
  if (timer) timer = setTimeout(ask, EVERY_MS);
}

function set(on) {
  if (working === on) return;
  working = on;
  tell("polling");
}

function stop() {
  clearTimeout(timer);
  timer = 0;
  set(false);
}

const begin = () => {
  stop();
  timer = setTimeout(ask, PATIENCE_MS);
};

export function start() {
  if (!person()) return;
  hear("up", stop);
  hear("down", begin);
  addEventListener("pagehide", stop);
  addEventListener("pageshow", (event) => event.persisted && begin());
  begin();
}
