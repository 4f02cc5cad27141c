/**
 * Details beside the open conversation, where there is room for a third column; elsewhere they are a page of their own.
 * Both follow what happens in the group, and leave alone what somebody is doing there. Those beside the conversation stay
 * open from one to the next, and send their forms themselves.
 */
import { byId, conversationPath, followed, goToLogin, hear, needsLogin, openLog, pane, parse, person, plural, powerUp, tell } from "./page.js";
import { reloadInPlace } from "./pane.js";
import { holdFocus, renew, renewMembers, unfinished } from "./renew.js";

const wide = matchMedia("(min-width: 75rem)");
const aside = () => byId("details");
/** Where details stand, or members alone: beside the conversation, or as the page. */
const place = () => aside() ?? (pane()?.dataset.source ? pane() : null);

/** In a cookie, because the server draws them with the page: what came later would move what is read. */
function remember(open) {
  document.cookie = `parley-details=${open ? "open" : ""}; path=/; samesite=lax; max-age=${open ? 31536000 : 0}`;
}

const remembered = () => /(^|; )parley-details=open/.test(document.cookie);

async function ask(path, options = {}, target = "aside#details") {
  const response = await fetch(path, {
    ...options, headers: { "HX-Request": "true", "HX-Target": target, Accept: "text/html" },
  });
  if (needsLogin(response)) goToLogin();
  return response;
}

/** Fetches the details of the open conversation, and shows them. */
async function load(more) {
  const conversation = openLog()?.dataset.conversation;
  if (!conversation || !wide.matches) return aside()?.remove();
  const response = await ask(conversationPath(conversation, "/details")).catch(() => null);
  const fresh = response?.ok && parse(await response.text()).querySelector("#details");
  if (!fresh || openLog()?.dataset.conversation !== conversation) return;
  show(fresh, more);
}

function show(fresh, more) {
  const old = aside();
  if (old?.dataset.conversation === fresh.dataset.conversation) return update(old, fresh, more);
  if (old) old.replaceWith(fresh);
  else byId("pane").after(fresh);
  powerUp(fresh);
  tell("details");
}

/**
 * Makes details what the server says now. What is being chosen stays, but in the form that was just sent; so does what is
 * searched for among members, whose results are fetched anew. gone: who has left the group.
 */
export function update(old, fresh, { form, gone } = {}) {
  const focus = holdFocus(old);
  const scroller = old.querySelector(".pane__scroll");
  const top = form && fresh.querySelector(".notice--error") ? 0 : scroller.scrollTop; // why it was refused stands there
  const members = fresh.querySelector("#members");
  const query = old.querySelector("#members-query");
  const own = (part) => part.id === "members" || part.matches(".search") || (!form && part.matches(".notice"));
  renew(old.querySelector(".sheet"), fresh.querySelector(".sheet"), (part) => part !== form && (own(part) || unfinished(part)));
  const shown = old.querySelector("#members");
  if (query?.value) query.dispatchEvent(new Event("search"));
  else if (shown && members && shown !== members) renewMembers(shown, members, gone);
  scroller.scrollTop = top;
  focus();
  tell("details");
}

/** The page that is about a conversation, as it is now. Says whether it could be had. */
async function fetchPage() {
  const { source } = pane().dataset;
  const response = await ask(source, {}, "main#pane").catch(() => null);
  if (response?.status === 404) location.assign("/");
  const fresh = response?.ok && parse(await response.text()).querySelector("#pane");
  return fresh && pane()?.dataset.source === source ? fresh : null;
}

/** The same, to follow it from there on: the answer to a reset. */
export async function reloadDetails() {
  const fresh = await fetchPage();
  if (!fresh) return false;
  for (const name of ["epoch", "change", "view", "at"]) pane().dataset[name] = fresh.dataset[name];
  update(pane(), fresh);
  tell("gap");
  return true;
}

function close() {
  remember(false);
  aside()?.remove();
  document.querySelector("#pane [data-details]")?.focus();
}

/** Sends a form of the details; what comes back is where to go, or the details with what is wrong. */
async function submit(event) {
  const form = event.target;
  if (!aside()?.contains(form)) return;
  event.preventDefault();
  if (form.getAttribute("method") !== "post") return; // the search, whose results are there
  const body = new URLSearchParams(new FormData(form));
  const response = await ask(form.getAttribute("action"), { method: "POST", body }).catch(() => null);
  if (!response || !aside()) return;
  const path = response.headers.get("HX-Redirect") ?? "";
  const here = conversationPath(aside().dataset.conversation, "/details");
  if (path.startsWith(here)) return load({ form });
  if (path) return location.assign(path);
  const fresh = parse(await response.text()).querySelector("#details");
  if (fresh) show(fresh, { form });
  else location.assign(here);
}

/** What happened in the group changes its head, its details, or what one may do in it. */
let waiting = 0;
let events = [];
function follow(items) {
  events.push(...items);
  const count = document.querySelector("#pane .pane__sub [data-count]");
  const members = Number(items.at(-1).dataset.members);
  if (count && members) count.textContent = plural("members", members);
  // Everybody in the group hears of it at once, and need not ask at once.
  waiting ||= setTimeout(catchUp, 200 + Math.random() * 1500);
}

async function catchUp() {
  waiting = 0;
  const now = events.splice(0);
  const gone = new Set(now.flatMap(leavers));
  const another = now.some((item) => ["renamed", "rules"].includes(item.dataset.event));
  // The log's own reload brings the details with it.
  if (openLog() && another && (await reloadInPlace())) return;
  if (aside()) return load({ gone });
  const fresh = place() && (await fetchPage());
  if (fresh) update(pane(), fresh, { gone });
}

/** Whom an event says to be in the group no more. */
export function leavers(item) {
  const { event, author } = item.dataset;
  if (event === "left") return [author];
  if (event !== "removed") return [];
  return [...item.querySelectorAll("[data-name-of]")].map((name) => name.dataset.nameOf).filter((one) => one !== author);
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
    if (same ? aside() : remembered() && open && aside()?.dataset.conversation !== open) load();
    else if (!open || aside()?.dataset.conversation !== open) aside()?.remove();
  });
  hear("received", ({ conversation, messages }) => {
    const items = messages.filter((item) => item.dataset.event);
    if (items.length && followed()?.dataset.conversation === conversation) follow(items);
  });
  wide.addEventListener("change", () => (wide.matches ? remembered() && load() : aside()?.remove()));
}
