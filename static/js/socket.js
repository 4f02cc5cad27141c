/**
 * The page's socket. It only receives, and says where the page stands; messages are sent by POST. A hidden tab keeps its
 * socket. What makes it stand again at once: the network's return, the tab's return, a click.
 */
import { atMostEvery, byId, followed, goToLogin, hear, needsLogin, person, tell } from "./page.js";
import { receive } from "./frames.js";
import { activity } from "./activity.js";
import { createSocket } from "./link.js";

/**
 * Browsers do not say why a socket was refused. Who asks the same address without wanting one is told: whether the session
 * is the reason, or that the server has its hands full and when to come back.
 */
async function askWhy() {
  if (!navigator.onLine) return;
  const response = await fetch(`/ws?as=${person()}`, { method: "HEAD", headers: { "HX-Request": "true" } }).catch(() => null);
  if (!response) return;
  if (needsLogin(response)) goToLogin();
  else socket.wait(1000 * (Number(response.headers.get("Retry-After")) || 0));
}

let socket = null;
export const send = (message) => socket?.send(message) ?? false;
export const standing = () => socket?.standing() ?? false;

/** Says which conversation the page shows and how far it has come; the server answers with what came after. */
function sendOpen() {
  const shown = followed();
  if (!shown) return send({ type: "leave" });
  const { conversation, epoch, change, view, at } = shown.dataset;
  const drafted = byId("composer-body")?.hasAttribute("data-drafted") ?? false;
  return send({ type: "open", conversation, epoch, after: Number(change), view: Number(view), at: Number(at), drafted });
}

export function start() {
  if (!person()) return;
  socket = createSocket({
    dial: () => new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws?as=${person()}&activity=${activity.begins()}`),
    later: (work, ms) => {
      const timer = setTimeout(work, ms);
      return () => clearTimeout(timer);
    },
    now: Date.now,
    frame: receive,
    up: () => tell("up"),
    down: (heard) => tell("down", { heard }),
    refused: atMostEvery(10_000, askWhy),
    revoked: goToLogin,
  });
  hear("up", sendOpen);
  hear("pane", sendOpen);
  hear("gap", sendOpen);
  hear("say", send);
  // A log-out, here or in another tab: what would be dialled now is refused, and another page is about to come.
  hear("leaving", socket.close);
  hear("stayed", socket.open);
  const hurry = () => socket.hurry();
  addEventListener("online", hurry);
  document.addEventListener("visibilitychange", () => document.hidden || hurry());
  document.addEventListener("click", hurry);
  // A page in the back/forward cache must not hold a connection; one that comes out of it needs its own.
  addEventListener("pagehide", () => socket.close());
  addEventListener("pageshow", (event) => event.persisted && socket.open());
  socket.open();
}
