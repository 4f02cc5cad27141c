/**
 * A message by somebody whom the reader has blocked is not in the page, only its place. Here it is fetched, by choice, and
 * put there. Without scripts the same link leads to the message alone.
 */
import { byId, goToLogin, needsLogin, openLog, parse, person, powerUp, tell } from "./page.js";
import { derive } from "./derive.js";
import { clock, localise } from "./times.js";

async function open(link) {
  const log = openLog();
  const { id } = link.closest("li.message");
  const response = await fetch(link.href, {
    headers: { "HX-Request": "true", "HX-Target": "li#opened", Accept: "text/html" },
  }).catch(() => null);
  if (response && needsLogin(response)) return goToLogin();
  const item = response?.ok && parse(await response.text()).querySelector(`li[id="${id}"]`);
  const place = byId(id);
  if (!item || log !== openLog() || place?.dataset.kind !== "concealed") return;
  localise(item, clock);
  place.replaceWith(item);
  derive(log);
  powerUp(item);
  tell("history", { added: [item] });
  item.querySelector(".message__time")?.focus({ preventScroll: true });
}

export function start() {
  if (!person()) return;
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("[data-open]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || !openLog()?.contains(link)) return;
    event.preventDefault();
    open(link);
  });
}
