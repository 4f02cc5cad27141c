/** Buttons that show what is typed into a password field. Without JavaScript they are not there. */
export function start() {
  for (const button of document.querySelectorAll("button[data-show-password]")) {
    button.hidden = false;
    button.removeAttribute("aria-pressed"); // the label says it
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-show-password]");
    const field = button && document.getElementById(button.dataset.showPassword);
    if (!field) return;
    const shown = field.type === "password";
    field.type = shown ? "text" : "password";
    const label = shown ? button.dataset.hide : button.dataset.show;
    button.setAttribute("aria-label", label);
    button.title = label;
  });
}
