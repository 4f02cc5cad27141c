/** Runs all tests, one after the other because they share the document, and leaves the results on window. */
import "./activity.test.js";
import "./cards.test.js";
import "./derive.test.js";
import "./details.test.js";
import "./draft.test.js";
import "./log.test.js";
import "./outbox.test.js";
import "./page.test.js";
import "./picker.test.js";
import "./presence.test.js";
import "./read.test.js";
import "./receipts.test.js";
import "./socket.test.js";
import "./store.test.js";
import "./typing.test.js";
import { tests } from "./tiny.js";

const results = [];
for (const { name, run } of tests) {
  try {
    await run();
    results.push({ name, ok: true });
  } catch (error) {
    results.push({ name, ok: false, error: String(error?.stack ?? error) });
  }
}
window.__results = results;
