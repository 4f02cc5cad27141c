import { equal, test } from "./tiny.js";
import { ANA, ME, TALK, world } from "./world.js";
import * as store from "../store.js";

const kept = () => Object.keys(localStorage).filter((key) => key.includes(":draft:"));
const WHO = "parley:person";
/** What another tab says of who is logged in. */
const hearOfTab = (newValue) => dispatchEvent(new StorageEvent("storage", { key: WHO, newValue }));
const hearing = (...names) => {
  const heard = [];
  for (const name of names) document.addEventListener(`parley:${name}`, () => heard.push(name));
  return heard;
};

/** The page's own timers, which the test lets run out. */
function held(work) {
  const { setTimeout } = window;
  const due = [];
  window.setTimeout = (run, ms) => due.push({ run, ms });
  try {
    work(due);
  } finally {
    window.setTimeout = setTimeout;
  }
}

let started = false;
function begin() {
  world();
  if (!started) store.start(); // its listeners stay for as long as the document does
  started = true;
  localStorage.setItem(WHO, ME);
  sessionStorage.clear();
}

test("what is written while another tab logs out stays in the page, and is kept when nothing comes of it", () => {
  begin();
  store.put("draft", "before", "written before");
  held((due) => {
    const heard = hearing("leaving", "stayed");
    hearOfTab("");
    store.put("draft", TALK, "precious");
    equal([store.get("draft", TALK), store.ids("draft").sort()], ["precious", [TALK, "before"].sort()]);
    equal(kept().length, 1, "and what was kept before is kept until the server has agreed");
    equal([heard, due.at(-1).ms], [["leaving"], 10_000]);
    due.at(-1).run();
    equal(heard, ["leaving", "stayed"]);
  });
  equal(kept().length, 2);
  equal(store.get("draft", TALK), "precious");
  store.put("draft", TALK, "later");
  equal(JSON.parse(localStorage.getItem(`parley:${ME}:draft:${TALK}`)), "later");
});

test("what is taken away while another tab logs out stays away", () => {
  begin();
  store.put("draft", TALK, "sent in a moment");
  held((due) => {
    hearOfTab("");
    store.put("draft", TALK, "changed");
    store.put("draft", TALK, null);
    equal([store.get("draft", TALK), kept()], [null, []]);
    due.at(-1).run();
  });
  equal(kept(), []);
});

test("a page of the same person that comes says that nobody has left", () => {
  begin();
  held(() => {
    const heard = hearing("stayed");
    hearOfTab("");
    store.put("draft", TALK, "precious");
    hearOfTab(ME);
    equal([heard, kept().length], [["stayed"], 1]);
  });
});

test("a session that stands after a log-out was announced is announced again", () => {
  begin();
  localStorage.setItem(WHO, "");
  document.dispatchEvent(new CustomEvent("parley:up"));
  equal(localStorage.getItem(WHO), ME);
});

test("a log-out takes nothing away before the server has agreed", () => {
  begin();
  store.put("outbox", `${TALK}:c`, { client: "c" });
  held((due) => {
    const form = Object.assign(document.createElement("form"), { method: "post" });
    form.setAttribute("action", "/logout");
    form.addEventListener("submit", (event) => event.preventDefault());
    document.body.append(form);
    form.requestSubmit();
    equal([store.ids("outbox"), localStorage.getItem(WHO)], [[`${TALK}:c`], ""]);
    due.at(-1).run();
  });
  equal(store.ids("outbox"), [`${TALK}:c`]);
});

/** What a page of somebody does to the store as it begins: a module of its own, whose listeners are not kept. */
let pages = 0;
async function pageOf(who) {
  const fresh = await import(`../store.js?page=${++pages}`);
  const { addEventListener } = EventTarget.prototype;
  EventTarget.prototype.addEventListener = () => {};
  document.body.dataset.person = who;
  try {
    fresh.start();
  } finally {
    EventTarget.prototype.addEventListener = addEventListener;
    document.body.dataset.person = ME;
  }
}

test("what could not be sent waits for the same person's next page, through a log-in page", async () => {
  begin();
  store.put("outbox", `${TALK}:c`, { client: "c", body: "precious" });
  store.put("draft", TALK, { text: "begun" });
  document.body.insertAdjacentHTML("beforeend", `<div data-nobody></div>`);
  await pageOf(""); // the session is over
  equal(localStorage.getItem(WHO), "-");
  document.querySelector("[data-nobody]").remove();
  await pageOf(ME);
  equal([store.get("outbox", `${TALK}:c`).body, store.get("draft", TALK).text, localStorage.getItem(WHO)], ["precious", "begun", ME]);
});

test("what could not be sent goes when somebody else is logged in, who finds nothing of it", async () => {
  begin();
  store.put("outbox", `${TALK}:c`, { client: "c", body: "precious" });
  store.put("draft", TALK, { text: "begun" });
  localStorage.setItem(`parley:${ANA}:draft:${TALK}`, JSON.stringify({ text: "hers" }));
  await pageOf(ANA);
  equal([store.ids("outbox"), store.ids("draft"), localStorage.getItem(WHO)], [[], [], ANA]);
  equal(Object.keys(localStorage).filter((key) => key.includes(":draft:")), [`parley:${ANA}:draft:${TALK}`]);
});
