/**
 * Writing. Enter sends, Shift+Enter makes a line; where a finger writes, Enter makes a line and the button sends. The
 * draft is kept until it is sent (draft.js).
 */
import { byId, byTouch, hear, openLog, person, plural, scrollerOf, tell } from "./page.js";
import { hasNewer } from "./log.js";
import { toEnd } from "./scroll.js";
import { goToLatest } from "./place.js";
import { outbox } from "./pending.js";
import * as draft from "./draft.js";

/** Whether a key press means "send". While an input method composes, Enter belongs to it (229 is Safari's way to say so). */
export const sends = (event, touch) =>
  event.key === "Enter" && !event.shiftKey && !event.ctrlKey && !event.altKey && !event.metaKey &&
  !event.isComposing && event.keyCode !== 229 && !touch;

/** Characters as the server counts them: code points, with line feeds, without white space at the end. */
export const lengthOf = (text) => (text.length ? [...text.trimEnd()].length : 0);

/** Shows the counter near the limit. Says whether the text is within it. */
function showCount(body) {
  const counter = body.form.querySelector(".composer__counter");
  const { from, max } = counter.dataset;
  // Code points are never more than code units, so short texts need no counting.
  const count = body.value.length < from ? 0 : lengthOf(body.value);
  const over = count > max;
  counter.hidden = count < from;
  counter.toggleAttribute("data-over", over);
  counter.textContent = counter.hidden ? "" : plural(over ? "over" : "counter", Math.abs(max - count));
  return !over;
}

/** Where CSS cannot size a field by its content, its rows follow it; the stylesheet bounds the height. */
function grow(body) {
  if (CSS.supports("field-sizing", "content")) return;
  body.rows = 1;
  const line = parseFloat(getComputedStyle(body).lineHeight) || 24;
  body.rows = Math.max(1, Math.min(Math.round(body.scrollHeight / line), Math.floor((innerHeight * 0.4) / line)));
}

function changed(body) {
  grow(body);
  showCount(body);
}

function submit(event) {
  const form = event.target;
  if (form.id !== "composer") return;
  event.preventDefault();
  const body = byId("composer-body");
  const log = openLog();
  if (!log || !body.value.trim() || !showCount(body)) return body.focus();
  const text = body.value;
  body.value = "";
  draft.drop(body);
  changed(body);
  form.querySelector(".composer__error")?.setAttribute("hidden", "");
  outbox.add(form.dataset.conversation, text);
  toEnd(scrollerOf(log));
  if (hasNewer(log)) goToLatest();
  body.focus({ preventScroll: true });
}

function fill() {
  const body = byId("composer-body");
  if (!body) return;
  // What a refused send gave back is newer than any draft.
  if (!body.hasAttribute("aria-invalid")) draft.restore(body);
  changed(body);
}

export function start() {
  if (!person()) return;
  document.addEventListener("submit", submit);
  document.addEventListener("keydown", (event) => {
    if (event.target.id !== "composer-body" || !sends(event, byTouch())) return;
    event.preventDefault();
    event.target.form.requestSubmit();
  });
  document.addEventListener("input", ({ target }) => {
    if (target.id !== "composer-body") return;
    changed(target);
    tell("typing");
  });
  document.addEventListener("parley:filled", ({ target }) => changed(target));
  hear("pane", ({ same }) => same || fill());
}
