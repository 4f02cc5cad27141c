/**
 * What the server says, by socket or as the elements that polling fetches, and what the page does about it. A span that
 * does not fit the cursor is not applied: the page asks again from where it stands.
 */
import { followed, openLog, parse, tell } from "./page.js";
import { advance, fits, messagesOf } from "./log.js";
import { derive } from "./derive.js";
import { takeReceipts } from "./receipts.js";
import { keepPlace } from "./scroll.js";
import { applyMessages } from "./apply.js";
import { applyCards } from "./cards.js";
import { reloadDetails } from "./details.js";
import { receiveDraft } from "./draft.js";
import { again, recent } from "./backoff.js";
import { reloadInPlace } from "./pane.js";
import { replaceRows, upsertRows } from "./list.js";

/** While an answer to "open" is on its way, further holes do not ask again. */
let asked = 0;
/** When the last resets were followed. */
let resets = [];
const ASK_AGAIN_MS = 5000;

/** Which history the server speaks of, as far as it was said. */
let epoch = "";

/** After a restore counters begin anew from lower numbers: what is kept of higher ones is void. */
function noteEpoch(now) {
  const before = epoch || followed()?.dataset.epoch || now;
  if (now) epoch = now;
  if (now && now !== before) tell("epoch");
}

/** What shows the frame's conversation, if anything does: its log, or the pane of a page about it. */
const mine = (frame) => {
  const shown = followed();
  return shown?.dataset.conversation === frame.conversation ? shown : null;
};

export const frames = {
  hello(frame) {
    asked = 0; // the "open" that follows on it is a new question
    noteEpoch(frame.epoch);
    frames.preferences(frame);
  },

  /** What this person has chosen, perhaps in another tab. */
  preferences({ zone, theme }) {
    const { dataset } = document.documentElement;
    if (theme) dataset.theme = theme;
    if (!zone || zone === dataset.timeZone) return;
    dataset.timeZone = zone;
    tell("zone");
  },

  list(frame) {
    noteEpoch(frame.epoch);
    replaceRows(items("li[data-conversation]", frame), frame);
  },

  rows: (frame) => upsertRows(items("li[data-conversation]", frame), frame),

  changes(frame) {
    const shown = mine(frame);
    if (!shown) return;
    if (!fits(shown, frame.from)) return ask();
    const messages = items("li.message", frame);
    if (shown === openLog()) applyMessages(shown, messages);
    advance(shown, frame.to);
    tell("received", { conversation: frame.conversation, messages });
  },

  receipts(frame) {
    const log = mine(frame);
    if (log && log === openLog() && takeReceipts(log, frame, messagesOf(log))) keepPlace(log, () => derive(log));
  },

  people: (frame) => mine(frame) && applyCards(items("[data-person]", frame)),

  presence: (frame) => tell("presence", { elements: items("[data-presence]", frame) }),

  typing: ({ conversation, nodes }) => tell("writes", { conversation, nodes }),

  draft: receiveDraft,

  resumed(frame) {
    asked = 0;
    const shown = mine(frame);
    if (shown) advance(shown, frame.to);
  },

  /** The page fetches its conversation anew. Its next "open" follows from the new pane. */
  async reset(frame) {
    asked = 0;
    if (!mine(frame)) return;
    await new Promise((done) => setTimeout(done, again((resets = recent(resets, performance.now())).length)));
    resets.push(performance.now());
    if (mine(frame) && !(await (openLog() ? reloadInPlace() : reloadDetails()))) setTimeout(tell, ASK_AGAIN_MS, "gap");
  },

  /** What this person may see has changed, and what the page shows is as it was. */
  view(frame) {
    const shown = mine(frame);
    if (shown) shown.dataset.view = frame.view;
  },

  closed(frame) {
    if (mine(frame)) location.assign("/");
  },
};

function ask() {
  if (asked && performance.now() - asked < ASK_AGAIN_MS) return;
  asked = performance.now();
  tell("gap");
}

const items = (selector, frame) => [...frame.nodes.querySelectorAll(selector)];

/** Takes one frame. Types of a later version are ignored. */
export function receive(frame) {
  const handler = Object.hasOwn(frames, frame.type) ? frames[frame.type] : null;
  if (!handler) return;
  frame.nodes ??= parse(frame.html ?? "");
  return handler(frame);
}

/** The frames that an answer of /changes holds as elements. */
export function framesIn(root) {
  return [...root.querySelectorAll("[data-frame]")].map((element) => {
    const { frame: type, conversation, epoch, zone, theme, runs, ...numbers } = element.dataset;
    for (const name in numbers) numbers[name] = Number(numbers[name]);
    return { type, conversation, epoch, zone, theme, runs, ...numbers, nodes: element };
  });
}

/** The list as a fragment, as a frame; none where the answer is something else. */
export function listIn(root) {
  const list = root.querySelector("#list");
  if (!list) return [];
  const { total, archived, requests } = list.dataset;
  return [{ type: "list", total: Number(total), archived: Number(archived), requests: Number(requests), nodes: root }];
}
