import { hear } from "./page.js";

/** Buttons that copy what stands in a field. Without JavaScript they are not there, and the field can be selected. */
export function start() {
  hear("pane", () => {
    for (const button of document.querySelectorAll("button[data-copy]")) button.hidden = false;
  });
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-copy]");
    const field = button && document.getElementById(button.dataset.copy);
    if (!field) return;
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      // Over plain http browsers have no clipboard; the older way needs the selection.
      if (!document.execCommand("copy")) return;
    }
    button.querySelector("span").textContent = button.dataset.copied;
  });
}
