/**
 * Where a proxy forbids sockets: after 15 s without one the page asks for changes every 5 s. The answer holds the same
 * frames as elements. The socket goes on trying meanwhile, and takes over as soon as it stands.
 */
import { conversationPath, goToLogin, hear, needsLogin, openLog, parse, person, tell } from "./page.js";
import { framesIn, receive } from "./frames.js";

const PATIENCE_MS = 15_000;
const EVERY_MS = 5_000;

let timer = 0;
let working = false;

/** Whether the last question was answered: then the page is connected, if slowly. */
export const polling = () => working;

async function ask() {
  const log = openLog();
  if (log && navigator.onLine) {
    const { conversation, change, epoch, view, at } = log.dataset;
    const query = new URLSearchParams({ after: change, epoch, view, at });
    const response = await fetch(conversationPath(conversation, `/changes?${query}`), {
      headers: { "HX-Request": "true", Accept: "text/html" }, signal: AbortSignal.timeout(PATIENCE_MS),
    }).catch(() => null);
    if (response && needsLogin(response)) return goToLogin();
    if (!timer) return; // the socket stands again, and has sent the same
    if (response?.status === 404) receive({ type: "closed", conversation });
    if (response?.ok) for (const frame of framesIn(parse(await response.text()))) await receive(frame);
    set(Boolean(response?.ok));
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
