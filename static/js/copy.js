/** A button that copies the text of an element, which it names. Without a clipboard there is no button. */
export function start() {
  const reveal = (root) => {
    for (const button of root.querySelectorAll("[data-copy]")) button.hidden = !navigator.clipboard;
  };
  reveal(document);
  document.addEventListener("parley:pane", () => reveal(document));
  document.addEventListener("click", async ({ target }) => {
    const button = target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
    button.textContent = button.dataset.copied;
  });
}
