/**
 * The fixed points of the page, by the names views/ids.go and views/path.go give them. State is the HTML: nothing here
 * is remembered, everything is looked up.
 */

export const byId = (id) => document.getElementById(id);
export const person = () => document.body.dataset.person || "";
export const pane = () => byId("pane");

/** The list of messages of the open conversation, if one is open. */
export const openLog = () => pane()?.querySelector("ol[data-conversation]") ?? null;

/** What the page follows: that log, or the pane where it is about a conversation and shows no messages. */
export const followed = () => openLog() ?? (pane()?.dataset.conversation ? pane() : null);

export const rowsOf = (list) => [...list.querySelectorAll(":scope > li[data-conversation]")];

/** The element that scrolls around a list of messages. */
export const scrollerOf = (log) => log.closest(".log") ?? log.parentElement;

export const listPath = "/conversations";
export const conversationPath = (id, rest = "") => `/conversations/${id}${rest}`;

/** Goes to the log-in page, and afterwards back to this one. */
export function goToLogin() {
  const next = encodeURIComponent(location.pathname + location.search);
  location.assign(`/login?next=${next}`);
}

/** Whether a response says that the session is over, in any of the ways a server or a followed redirect says it. */
export const needsLogin = (response) =>
  response.status === 401 || (response.redirected && new URL(response.url).pathname === "/login");

/** The elements that stand for markup which the server rendered. Scripts in it do not run: templates are inert. */
export function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

/** A copy of the root element of a server-rendered <template>. */
export const stamp = (id) => byId(id)?.content.firstElementChild?.cloneNode(true) ?? null;

/** A sentence of the catalogue from #strings, with its gaps in braces filled: by values, or by functions that make them. */
export function words(name, gaps = {}) {
  const sentence = byId("strings")?.dataset[name] ?? "";
  return sentence.replace(/\{(\w+)\}/g, (gap, key) => {
    const value = gaps[key] ?? gap;
    return typeof value === "function" ? value() : value;
  });
}

/** The same for a sentence with plural forms: data-new-one, data-new-other, … */
export function plural(name, count) {
  const strings = byId("strings")?.dataset ?? {};
  const rule = new Intl.PluralRules(language()).select(count);
  const key = name + rule[0].toUpperCase() + rule.slice(1);
  return words(key in strings ? key : name + "Other", { count: new Intl.NumberFormat(language()).format(count) });
}

/** The page's language as Intl understands it; an unknown one becomes English instead of an exception. */
export function language() {
  const tag = document.documentElement.lang || "en";
  try {
    return Intl.getCanonicalLocales(tag)[0];
  } catch {
    return "en";
  }
}

/** The person's time zone. Zones that only the server knows fall back to the browser's own. */
export function zone() {
  const name = document.documentElement.dataset.timeZone;
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    return undefined;
  }
}

/** Whether a finger points: then Enter is a new line, and focusing a field would bring up the keyboard. */
export const byTouch = () => matchMedia("(pointer: coarse)").matches;

/** Tells the other behaviours something, and hears them. All names begin with "parley:". */
export const tell = (name, detail = {}) => document.dispatchEvent(new CustomEvent(`parley:${name}`, { detail }));
export const hear = (name, listener) => document.addEventListener(`parley:${name}`, (event) => listener(event.detail));

/** Lets htmx find its attributes in elements that did not come through htmx. */
export const powerUp = (element) => globalThis.htmx?.process(element);

/** Lets work through at most once in a span. What it returns says whether it counted. */
export function atMostEvery(span, work, now = () => performance.now()) {
  let last = -Infinity;
  return () => {
    if (now() - last < span || !work()) return;
    last = now();
  };
}
