/** A page to test in: the parts of it that the behaviours look for, as the server renders them. */
import { parse } from "../page.js";

export const ME = "11111111-1111-4111-8111-111111111111";
export const ANA = "22222222-2222-4222-8222-222222222222";
export const TALK = "33333333-3333-4333-8333-333333333333";

const STRINGS = `<div id="strings" hidden data-connecting="Connecting…" data-offline="You are offline."
  data-new-one="{count} new" data-new-other="{count} new ones" data-today="Today" data-yesterday="Yesterday"
  data-announcement="{author}: {text}" data-counter-one="{count} left" data-counter-other="{count} left"
  data-over-one="{count} too many" data-over-other="{count} too many" data-draft="Draft:" data-sent="Sent" data-read-by="Read by {read} of {of}" data-archive-one="Archive ({count})" data-archive-other="Archive ({count})" data-requests-one="{count} request" data-requests-other="{count} requests" data-title="{title} · Parley" data-write-to="Write to {name}"
  data-date-short="{day} {mon}" data-date-short-year="{day} {mon} {year}" data-date-long="{weekday}, {day} {month}"
  data-date-long-year="{weekday}, {day} {month} {year}" data-date-at="at {time}" data-just-now="just now"
  data-seen-one="{count} min ago" data-seen-other="{count} min ago" data-seen-yesterday="yesterday" data-date-full="{day} {month} {year}, {time}"></div>`;

const TEMPLATES = `
  <template id="day-template"><li class="day"><time></time></li></template>
  <template id="unread-template"><li class="unread-line"><span>New</span></li></template>
  <template id="read-by-template"><p class="message__receipts"><a href="#"></a></p></template>
  <template id="pending-template"><li class="message message--mine message--pending message--first message--last">
    <h2 class="message__author">You</h2><div class="message__bubble"><div class="message__body" dir="auto"></div>
    <p class="message__meta"><span class="message__time"><time></time></span></p></div></li></template>
  <template id="failed-actions"><p class="message__failed" role="alert"><span class="message__not-sent">Not sent.</span>
    <button type="button" data-retry>Retry</button><button type="button" data-delete>Delete</button></p></template>`;

/** One message as the server renders it. */
export function message({ id, seq, change = seq, author = ANA, at = "2026-11-21T12:00:00Z", body = `text ${seq}`, client = "", kind = "", extra = "" }) {
  id ??= `00000000-0000-4000-8000-${String(seq).padStart(12, "0")}`;
  const mine = author === ME ? " message--mine" : "";
  return `<li id="m-${id}" class="message${mine} ${extra}" data-seq="${seq}" data-change="${change}" data-author="${author}" data-at="${at}"
    ${client && `data-client="${client}"`} ${kind && `data-kind="${kind}"`}><h2 class="message__author"><bdi>${author === ME ? "You" : "Ana"}</bdi></h2>
    <div class="message__bubble"><div class="message__body">${body}</div><p class="message__meta"><a class="message__time" href="#"><time datetime="${at}">12:00</time></a></p></div></li>`;
}

/** The elements of messages, as a frame brings them. */
export const items = (...list) => [...parse(list.map(message).join("")).querySelectorAll("li")];

/** The markup of a pane with a log that holds these messages. */
export function paneOf(list = [], attributes = {}) {
  const seqs = list.map((m) => m.seq);
  const data = {
    conversation: TALK, epoch: "e1", view: 1, change: Math.max(0, ...list.map((m) => m.change ?? m.seq)),
    first: seqs.length ? Math.min(...seqs) : 0, last: seqs.length ? Math.max(...seqs) : 0, "msg-seq": Math.max(0, ...seqs),
    "unread-from": Math.max(0, ...seqs), "has-older": false, "has-newer": false, ...attributes,
  };
  const attrs = Object.entries(data).map(([name, value]) => `data-${name}="${value}"`).join(" ");
  return `<main id="pane" data-shell="conversation"><header><h1>Ana</h1></header>
    <div class="log"><div class="log__content">
      ${data["has-older"] ? `<p class="log__edge"><a id="older" href="/x">Older</a></p>` : `<div class="beginning">Beginning</div>`}
      <ol id="messages-${data.conversation}" class="log__list" ${attrs}>${list.map(message).join("")}</ol>
      ${data["has-newer"] ? `<p class="log__edge"><a id="newer" href="/x">Newer</a></p>` : ""}
    </div></div>
    <div class="conversation__foot"><button id="pill" hidden><span></span></button>
      <form id="composer" action="/conversations/${data.conversation}/messages" data-conversation="${data.conversation}">
        <p class="composer__error" hidden></p><textarea id="composer-body" name="body"></textarea>
        <span class="composer__counter" data-from="9000" data-max="10000" hidden></span><button>Send</button></form></div></main>`;
}

/** Puts a conversation into the document and returns its log. */
export function world(list = [], attributes = {}, { zone = "UTC", language = "en", list: rows = "" } = {}) {
  document.documentElement.lang = language;
  document.documentElement.dataset.timeZone = zone;
  document.body.dataset.person = ME;
  localStorage.clear();
  document.body.innerHTML = `<div class="shell" data-shell="list"><div id="connection" hidden><span></span></div>
    <nav id="sidebar"><ol id="list">${rows}</ol></nav>${paneOf(list, attributes)}</div>
    <div id="announcer"></div>${STRINGS}${TEMPLATES}`;
  return document.querySelector(".log__list");
}

/** A log that scrolls, so that places can be measured: 300 px high, 40 px for each message. */
export function scrolling(log, reversed = true) {
  const scroller = log.closest(".log");
  Object.assign(scroller.style, { height: "300px", overflow: "auto", display: "flex", flexDirection: reversed ? "column-reverse" : "column" });
  // A flex item shrinks to the scroller's height otherwise, and nothing would scroll.
  log.parentElement.style.flex = "none";
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("li.message { height: 40px; overflow: hidden } li { display: block } ol, h2, p { margin: 0; padding: 0 }");
  document.adoptedStyleSheets = [sheet];
  return scroller;
}

export const many = (from, to, more = {}) => Array.from({ length: to - from + 1 }, (_, i) => ({ seq: from + i, ...more }));

/** The seqs in the log, in their order; bubbles on their way are "…". */
export const seqs = (log) => [...log.querySelectorAll("li.message")].map((item) => (item.dataset.seq ? Number(item.dataset.seq) : "…"));

/** Everything in the log as words: day lines, the unread line, messages with the ends of their groups. */
export const shape = (log) =>
  [...log.children].map((item) => {
    if (item.matches(".day")) return item.dataset.day;
    if (item.matches(".unread-line")) return "unread";
    const first = item.classList.contains("message--first") ? "[" : "";
    const last = item.classList.contains("message--last") ? "]" : "";
    return `${first}${item.dataset.seq ?? "…"}${last}`;
  }).join(" ");
