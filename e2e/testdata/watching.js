// Runs in every page before the page's own scripts: notes what only the page itself can see, and offers the stories
// ways to find what a person would find.
(() => {
  if (window.__watch) return;
  const watch = (window.__watch = { sockets: [], shift: 0 });

  addEventListener("securitypolicyviolation", (event) => {
    console.error(`policy: ${event.violatedDirective} violated by ${event.blockedURI} ${event.sample}`);
  });

  // Layout shifts that nobody caused by a click or a key.
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (entry.hadRecentInput) continue;
      watch.shift += entry.value;
      (watch.shifts ??= []).push(`${entry.value.toFixed(4)} ${entry.sources.map((s) => s.node?.className || s.node?.nodeName).join(", ")}`);
    }
  }).observe({ type: "layout-shift", buffered: true });

  // Sockets, and how far they have come.
  const Native = window.WebSocket;
  window.WebSocket = class extends Native {
    constructor(...args) {
      super(...args);
      this.resumed = true; // nothing was asked
      this.frames = [];
      this.said = [];
      watch.sockets.push(this);
      this.addEventListener("message", ({ data }) => {
        const frame = JSON.parse(data);
        this.frames.push(frame.type);
        if (frame.type === "hello") this.greeted = true;
        if (frame.type === "resumed") this.resumed = true;
      });
    }
    send(data) {
      const frame = JSON.parse(data);
      this.said.push(frame);
      if (frame.type === "open") this.resumed = false;
      super.send(data);
    }
  };

  watch.live = () => {
    const socket = watch.sockets.at(-1);
    if (!socket || socket.readyState !== 1) return "no socket stands";
    return socket.greeted ? socket.resumed || "the conversation is not resumed" : "no greeting";
  };

  /** Whether a person can see an element, if need be after scrolling: what is there for screen readers alone does not count. */
  const visible = (watch.visible = (element) => {
    if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) return false;
    for (let e = element; e; e = e.parentElement) {
      const box = e.getBoundingClientRect();
      if (box.width <= 1 && box.height <= 1) return false;
    }
    return true;
  });

  const plain = (text) => text.replace(/[\u2068\u2069\u2066\u2067\u200e\u200f]/g, "").replace(/\s+/g, " ").trim();

  /** What an element is called, as a screen reader would say it: enough of the rules for our pages. */
  const name = (watch.name = (element) => {
    const label = element.getAttribute("aria-label");
    if (label) return plain(label);
    if (element.matches("input, select, textarea") && element.labels?.length) {
      const own = element.labels[0].cloneNode(true);
      for (const child of own.querySelectorAll("input, select, textarea, .field__optional")) child.remove();
      return plain(own.textContent);
    }
    return plain(element.innerText ?? element.textContent);
  });

  /** The elements of a kind with a name, the visible ones first. */
  watch.named = (selector, wanted) => {
    const found = [...document.querySelectorAll(selector)].filter((element) => name(element) === wanted);
    return found.filter(visible);
  };
})();
