/**
 * Going from conversation to conversation without leaving the page. A click is htmx's; back and forward are answered
 * here, through the same fragment, because htmx would fetch the whole page and replace list and socket with it.
 */
import { byId, byTouch, goToLogin, hear, needsLogin, openLog, pane, person, tell } from "./page.js";
import { fetchPane, showPane } from "./pane.js";
import { keepPlaceInHistory, leavePlace } from "./place.js";
import { messageId } from "./pane.js";

let underWay = null; // aborts the load of a pane that nobody wants any more

function supersede(abort) {
  underWay?.();
  underWay = abort;
}

/** A target is an element, or, from an answer's header, a selector. */
const isPane = (target) => target?.id === "pane" || target === "#pane";
const here = () => location.pathname + location.search;

/** Shows what the address names now. */
async function show() {
  const path = here();
  const aborter = new AbortController();
  supersede(() => aborter.abort());
  // Around the place one left, if the newest page would not hold it.
  const place = history.state?.place;
  try {
    let loaded = null;
    if (place && openPath(path)) loaded = await fetchPane(`${location.pathname}?around=${messageId(place.id)}`, aborter.signal);
    if (!loaded?.ok) loaded = await fetchPane(path, aborter.signal);
    if (!aborter.signal.aborted && here() === path) showPane(loaded);
  } catch {
    // Offline: the address is ahead of the pane until there is a connection again.
    if (!aborter.signal.aborted) document.addEventListener("parley:up", () => here() === path && show(), { once: true });
  }
}

const openPath = (path) => /^\/conversations\/[\w-]+/.test(path);

/** To the composer where there is a keyboard; otherwise to the heading, so that a screen reader begins there. */
function focusPane() {
  if (pane().contains(document.activeElement) || pane().querySelector("[autofocus]")) return;
  const heading = pane().querySelector("h1, h2");
  const field = !byTouch() ? byId("composer-body") : null;
  if (!field) heading?.setAttribute("tabindex", "-1");
  (field ?? heading)?.focus({ preventScroll: true });
}

export function start() {
  if (!person()) return;
  if (globalThis.htmx) htmx.config.defaultSettleDelay = 0; // or htmx takes back what we set on elements of both panes
  document.addEventListener("htmx:before:request", ({ detail }) => {
    if (isPane(detail.ctx.target)) supersede(() => detail.ctx.request.abort());
  });
  document.addEventListener("htmx:before:response", (event) => {
    if (!needsLogin(event.detail.ctx.response.raw)) return;
    event.preventDefault();
    goToLogin();
  });
  document.addEventListener("htmx:before:swap", (event) => {
    const { ctx, tasks } = event.detail;
    if (!isPane(ctx.target)) return;
    underWay = null;
    // An answer from something in between (a proxy's error page) must not take the pane's place.
    if (!tasks.some(({ fragment }) => fragment?.querySelector?.("#pane"))) {
      event.preventDefault();
      location.assign(ctx.request.action);
      return;
    }
    tell("leave");
    keepPlaceInHistory();
    leavePlace();
  });
  // Going where one is already is no new entry.
  document.addEventListener("htmx:before:history:update", (event) => {
    if (event.detail.history.path === here() + location.hash) event.preventDefault();
  });
  document.addEventListener("htmx:before:settle", ({ detail }) => {
    if (detail.task.target?.id === "pane") tell("pane", {});
  });
  document.addEventListener("htmx:before:history:restore", (event) => {
    event.preventDefault();
    tell("leave");
    leavePlace();
    show();
  });
  let first = true;
  hear("pane", ({ same }) => {
    if (!same && (!first || (openLog() && !byTouch()))) focusPane();
    first = false;
  });
}
