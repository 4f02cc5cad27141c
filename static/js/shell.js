/** Which of list and pane a narrow screen shows is the pane's to say; a pane that came by htmx says it to the shell. */
import { hear, pane } from "./page.js";

export function start() {
  hear("pane", () => {
    const shell = pane()?.parentElement.closest("[data-shell]");
    if (shell && pane().dataset.shell) shell.dataset.shell = pane().dataset.shell;
  });
}
