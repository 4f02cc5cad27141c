/**
 * Choosing people while a search is under way: its answer tells of the choice as it was when it was asked for, and what
 * was ticked or unticked meanwhile holds.
 */
const RESULTS = "picker-results";

export function start() {
  document.addEventListener("htmx:before:swap", ({ detail: { ctx, tasks } }) => {
    if (ctx.target?.id !== RESULTS) return;
    for (const { fragment } of tasks) keepChoice(ctx.target, fragment);
  });
}

/** Makes the choice in fetched results that of the shown ones. */
export function keepChoice(shown, fetched) {
  const list = fetched?.querySelector?.(`#${RESULTS} ul`);
  if (!list) return;
  const found = new Map(boxes(list).map((box) => [box.value, box]));
  for (const box of boxes(shown)) {
    const again = found.get(box.value);
    if (again) again.checked = box.checked;
    else if (box.checked) list.append(box.closest("li").cloneNode(true));
  }
}

const boxes = (around) => [...around.querySelectorAll("input[name=people]")];
