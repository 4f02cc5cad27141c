/**
 * Loading the pane. Whoever needs a conversation anew (back and forward, a reset, a linked message, the way back to the
 * end) comes through here. "parley:pane" tells the behaviours that the pane's content is another one; its anchor says
 * where to stand: an anchor as anchorOf gives it, null for the end, undefined for "as on any arrival".
 */
import { applyMessages } from "./apply.js";
import { changeOf, messagesOf } from "./log.js";
import { conversationPath, goToLogin, needsLogin, openLog, pane, parse, powerUp, tell } from "./page.js";
import { anchorOf, atEnd } from "./scroll.js";

/** The message id in m-… or #m-…. */
export const messageId = (text) => text.replace(/^#?m-/, "");

/** The pane at an address, as an element that is not in the page. Throws when the answer is none. */
export async function fetchPane(url, signal) {
  const response = await fetch(url, { headers: { "HX-Request": "true", Accept: "text/html" }, signal });
  if (needsLogin(response)) goToLogin();
  const content = parse(await response.text());
  const fetched = content.querySelector("#pane");
  if (!fetched) throw new Error(`no pane at ${url}: ${response.status}`);
  return { fetched, title: content.querySelector("title")?.textContent, ok: response.ok };
}

/** Replaces the pane and all that belonged to the earlier one. */
export function showPane({ fetched, title }, anchor) {
  tell("leave");
  pane().replaceWith(fetched);
  if (title) document.title = title;
  powerUp(fetched);
  tell("pane", { anchor });
}

/**
 * Replaces what the pane shows around the composer, and leaves the composer itself alone: somebody may be in the middle
 * of a word, and with some keyboards in the middle of a letter. Where one of the two has no composer, all is replaced.
 */
export function refreshPane(loaded, anchor) {
  const old = pane();
  const { fetched } = loaded;
  const holder = (root) => [...root.children].find((child) => child.id === "composer" || child.querySelector("#composer"));
  const kept = holder(old);
  const twin = holder(fetched);
  if (!kept || !twin) return showPane(loaded, anchor);
  for (const { name, value } of fetched.attributes) old.setAttribute(name, value);
  for (const child of [...old.children]) if (child !== kept) child.remove();
  let behind = false;
  for (const child of [...fetched.children]) {
    if (child === twin) {
      behind = true;
      continue;
    }
    if (behind) old.append(child);
    else kept.before(child);
    powerUp(child);
  }
  tell("pane", { anchor, same: true });
}

let loading = null;

/**
 * Whether a message came too late to be in a pane that was fetched. Without it the answer to one's own send, given while
 * the pane was on its way, would be gone for a moment.
 */
function isLater(item, fetched) {
  const log = fetched.querySelector("ol[data-conversation]");
  return changeOf(item) > Number(log?.dataset.change ?? Infinity);
}

/**
 * Loads the open conversation anew, around a message, behind one (its seq) or at its end, and stands at anchor. One at a
 * time, the last one wins. Says whether it went well; it does not where the person has gone elsewhere meanwhile.
 */
export async function reload(around, anchor, after) {
  const conversation = openLog()?.dataset.conversation;
  if (!conversation) return false;
  const known = new Set(messagesOf(openLog())); // what goes from these is not to come back: another history may have begun
  loading?.abort();
  const mine = (loading = new AbortController());
  try {
    const query = around ? `?around=${encodeURIComponent(around)}` : after ? `?after=${after}` : "";
    const loaded = await fetchPane(conversationPath(conversation, query), mine.signal);
    if (mine !== loading || openLog()?.dataset.conversation !== conversation || !loaded.ok) return false;
    const later = messagesOf(openLog()).filter((item) => !known.has(item) && isLater(item, loaded.fetched));
    refreshPane(loaded, anchor);
    if (later.length) applyMessages(openLog(), later);
    return true;
  } catch {
    return false; // the connection line tells of it; the next frame, click or scroll tries again
  } finally {
    if (mine === loading) loading = null;
  }
}

/** Loads anew and stays where the reader is. */
export async function reloadInPlace() {
  const log = openLog();
  const anchor = log && !atEnd(log) ? anchorOf(log) : null;
  return (anchor && (await reload(messageId(anchor.id), anchor))) || reload(null, anchor);
}
