/** The calm line about the connection. It waits, because most gaps are over before anybody would have noticed. */
import { byId, hear, person, words } from "./page.js";
import { polling } from "./poll.js";
import { standing } from "./socket.js";

const CALM_MS = 2000;
let timer = 0;

function show() {
  const line = byId("connection");
  if (!line) return;
  clearTimeout(timer);
  if (standing() || polling()) {
    line.hidden = true;
    return;
  }
  const say = () => {
    line.dataset.state = navigator.onLine ? "connecting" : "offline";
    (line.querySelector("span") ?? line).textContent = words(line.dataset.state);
    line.hidden = false;
  };
  if (line.hidden) timer = setTimeout(() => standing() || polling() || say(), CALM_MS);
  else say();
}

export function start() {
  if (!person()) return;
  for (const event of ["up", "down", "polling", "pane"]) hear(event, show);
  addEventListener("online", show);
  addEventListener("offline", show);
  show();
}
