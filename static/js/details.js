/**
 * Details beside the open conversation, where there is room for a third column; elsewhere they are a page of their own.
 * They stay open from conversation to conversation, follow what happens in the group, and send their forms themselves.
 */
import { byId, conversationPath, hear, needsLogin, goToLogin, openLog, parse, person, plural, powerUp } from "./page.js";
import { reloadInPlace } from "./pane.js";

const wide = matchMedia("(min-width: 75rem)");
const aside = () => byId("details");

/** In a cookie, because the server draws them with the page: what came later would move what is read. */
function remember(open) {
  document.cookie = `parley-details=${open ? "open" : ""}; path=/; samesite=lax; max-age=${open ? 31536000 : 0}`;
}

const remembered = () => /(^|; )parley-details=open/.test(document.cookie);

async function ask(path, options = {}) {
  const response = await fetch(path, {
    ...options, headers: { "HX-Request": "true", "HX-Target": "aside#details", Accept: "text/html" },
  });
  if (needsLogin(response)) goToLogin();
  return response;
}

/** Fetches the details of the open conversation, and keeps the place in what was shown before. */
async function load() {
  const conversation = openLog()?.dataset.conversation;
  if (!conversation || !wide.matches) return aside()?.remove();
  const response = await ask(conversationPath(conversation, "/details")).catch(() => null);
  const fresh = response?.ok && parse(await response.text()).querySelector("#details");
  if (!fresh || openLog()?.dataset.conversation !== conversation) return;
  show(fresh);
}

function show(fresh) {
  const old = aside();
  const top = old?.dataset.conversation === fresh.dataset.conversation ? old.querySelector(".pane__scroll").scrollTop : 0;
  if (old) old.replaceWith(fresh);
  else byId("pane").after(fresh);
  fresh.querySelector(".pane__scroll").scrollTop = top;
  powerUp(fresh);
}

function close() {
  remember(false);
  aside()?.remove();
  document.querySelector("#pane [data-details]")?.focus();
}

/** Sends a form of the details; what comes back is where to go, or the details with what is wrong. */
async function submit(event) {
  const form = event.target;
  if (!aside()?.contains(form) || form.getAttribute("method") !== "post") return;
  event.preventDefault();
  const body = new URLSearchParams(new FormData(form));
  const response = await ask(form.getAttribute("action"), { method: "POST", body }).catch(() => null);
  if (!response) return;
  const path = response.headers.get("HX-Redirect") ?? "";
  const here = conversationPath(aside().dataset.conversation, "/details");
  if (path.startsWith(here)) return load();
  if (path) return location.assign(path);
  const fresh = parse(await response.text()).querySelector("#details");
  if (fresh) show(fresh);
  else location.assign(here);
}

/** What happened in the group changes its head, its details, or what one may do in it. */
let waiting = 0;
function follow(items) {
  const events = items.filter((item) => item.dataset.event);
  if (!events.length) return;
  const count = document.querySelector("#pane .pane__sub[data-count]");
  const members = Number(events.at(-1).dataset.members);
  if (count && members) count.textContent = plural("members", members);
  clearTimeout(waiting);
  // Everybody in the group hears of it at once, and need not ask at once.
  waiting = setTimeout(() => {
    if (aside()) load();
    if (events.some((item) => ["renamed", "rules"].includes(item.dataset.event))) reloadInPlace();
  }, 200 + Math.random() * 1500);
}

export function start() {
  if (!person()) return;
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-details-close]")) return close();
    const link = event.target.closest("#pane [data-details]");
    if (!link || !wide.matches || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (aside()) return close();
    remember(true);
    load();
  });
  document.addEventListener("submit", submit);
  hear("pane", ({ same }) => {
    const open = openLog()?.dataset.conversation;
    if (same || (open && aside()?.dataset.conversation === open)) return;
    if (remembered() && open) load();
    else aside()?.remove();
  });
  hear("arrived", ({ items, news }) => follow(items.filter((item) => item.dataset.event && (news.includes(item) || item.isConnected))));
  wide.addEventListener("change", () => (wide.matches ? remembered() && load() : aside()?.remove()));
}
