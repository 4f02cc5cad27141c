/**
 * Makes what stands in the page what the server would draw now, piece by piece: parts (data-part) and lines of people
 * (data-member). What is the same stays, with the focus in it; what differs is replaced.
 */
import { byId, powerUp } from "./page.js";

const keyOf = (piece) => piece.dataset.part ?? piece.dataset.member;

/** Whether somebody has chosen something in a part that is not stored yet. */
export const unfinished = (part) => [...part.querySelectorAll("select")].some((select) => {
  const stored = [...select.options].findIndex((option) => option.defaultSelected);
  return select.selectedIndex !== Math.max(0, stored);
});

/** Makes the pieces in one element those of another; keeps says which are left as they are. */
export function renew(old, fresh, keeps = () => false) {
  const wanted = new Set([...fresh.children].map(keyOf));
  for (const piece of [...old.children]) if (!wanted.has(keyOf(piece)) && !keeps(piece)) piece.remove();
  const twins = new Map([...old.children].map((piece) => [keyOf(piece), piece]));
  let next = old.firstElementChild;
  for (const piece of [...fresh.children]) {
    while (next && !wanted.has(keyOf(next))) next = next.nextElementSibling;
    const twin = twins.get(keyOf(piece));
    if (twin && twin === next) next = next.nextElementSibling;
    else old.insertBefore(twin ?? piece, next);
    if (!twin) powerUp(piece);
    else if ("parts" in twin.dataset) renew(twin, piece, keeps);
    else if (!keeps(twin) && !twin.isEqualNode(piece)) {
      twin.replaceWith(piece);
      powerUp(piece);
    }
  }
}

/**
 * The same for a list of members, of which the first page was fetched. Further pages that were loaded stay; those who are
 * gone go from there, too, and whoever no longer stands on the first page goes on to the next. With another role of one's
 * own every line is another one.
 */
export function renewMembers(old, fresh, gone = new Set()) {
  const [first, second] = old.querySelectorAll(":scope > ul");
  const now = fresh.querySelector(":scope > ul");
  if (!first || !now || old.dataset.role !== fresh.dataset.role) {
    old.replaceWith(fresh);
    return powerUp(fresh);
  }
  if (second) {
    const there = new Set([...now.children].map(keyOf));
    for (const line of old.querySelectorAll(".member")) {
      if (gone.has(keyOf(line)) || (there.has(keyOf(line)) && line.parentElement !== first)) line.remove();
    }
    second.prepend(...[...first.children].filter((line) => !there.has(keyOf(line))));
  } else {
    const [more, moreNow] = [old, fresh].map((list) => list.querySelector("#members-more"));
    more?.remove();
    if (moreNow) old.append(moreNow);
    if (moreNow) powerUp(moreNow);
  }
  renew(first, now);
}

/** Remembers what has the focus; what it returns gives it back, to the same element or to what took its place. */
export function holdFocus(root) {
  const held = document.activeElement;
  if (!root.contains(held)) return () => {};
  const href = held.getAttribute("href");
  const part = held.closest("[data-part]")?.dataset.part;
  return () => {
    if (root.contains(document.activeElement)) return;
    const same = (held.id && byId(held.id)) || (href && root.querySelector(`a[href="${CSS.escape(href)}"]`));
    const place = same || (part && root.querySelector(`[data-part="${part}"] :is(button, a, select)`)) || root;
    place.focus({ preventScroll: true });
  };
}
