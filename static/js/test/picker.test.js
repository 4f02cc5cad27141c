import { equal, test } from "./tiny.js";
import { parse } from "../page.js";
import { start } from "../picker.js";

const results = (...people) => `<div id="picker-results"><ul>${people.map(([name, checked = false]) =>
  `<li><label>${name} <input type="checkbox" name="people" value="${name}" ${checked ? "checked" : ""}></label></li>`).join("")}</ul></div>`;

const choice = (around) => [...around.querySelectorAll("input")].map((box) => box.value + (box.checked ? "+" : "-")).join(" ");

/** What would be shown when the answer to a search comes, for a choice that was changed since it was asked for. */
function swapped(shown, changed, fetched, id = "picker-results") {
  document.body.innerHTML = shown;
  for (const box of document.querySelectorAll("input")) if (changed.includes(box.value)) box.click();
  const fragment = parse(fetched);
  const target = document.getElementById("picker-results");
  if (id !== target.id) target.id = id;
  document.dispatchEvent(new CustomEvent("htmx:before:swap", { detail: { ctx: { target }, tasks: [{ fragment }, {}] } }));
  return choice(fragment);
}

test("who is ticked or unticked while a search is under way stays so when its answer comes", () => {
  start();
  const before = results(["ana", true], ["ben"], ["cleo"]);
  equal(swapped(before, [], results(["ana", true], ["dora"])), "ana+ dora-");
  equal(swapped(before, ["ben"], results(["ana", true], ["ben"], ["dora"])), "ana+ ben+ dora-");
  equal(swapped(before, ["cleo"], results(["ana", true], ["dora"])), "ana+ dora- cleo+", "who is not among those found");
  equal(swapped(before, ["ana"], results(["ana", true], ["dora"])), "ana- dora-");
  equal(swapped(before, ["ben"], results(["ben"]), "elsewhere"), "ben-", "another swap is none of its business");
});
