/** How many conversations hold something unread, before the title: "(3) Mira Okafor · Parley". */
import { hear, person } from "./page.js";

export function withCount(title, total) {
  const bare = title.replace(/^\(\d+\+?\) /, "");
  return total > 0 ? `(${total > 99 ? "99+" : total}) ${bare}` : bare;
}

function show() {
  const title = withCount(document.title, Number(document.body.dataset.unreadTotal || 0));
  if (title !== document.title) document.title = title;
}

export function start() {
  if (!person()) return;
  show();
  hear("total", show);
  hear("pane", show);
  // htmx sets the title of a fetched page behind everything else.
  document.addEventListener("htmx:finally:swap", show);
}
