// Runs in every real page before the page's own scripts: looks at each state of the log that they leave.
(() => {
  if (window.__chaos) return;
  const watch = (window.__chaos = { wrong: [], looks: 0, last: 0 });
  const say = (what) => watch.wrong.length < 20 && !watch.wrong.includes(what) && watch.wrong.push(what);

  function look() {
    const log = document.querySelector("#pane ol[data-conversation]");
    if (!log) return;
    watch.looks++;
    const [ids, clients] = [new Set(), new Set()];
    let last = 0;
    let waiting = false;
    for (const item of log.querySelectorAll(":scope > li.message")) {
      const { seq, client } = item.dataset;
      if (!seq) waiting = true;
      else if (waiting) say(`number ${seq} stands behind a bubble on its way`);
      if (seq && Number(seq) <= last) say(`number ${last} stands before number ${seq}`);
      if (seq) last = Number(seq);
      if (item.id && ids.has(item.id)) say(`${item.id} is there twice`);
      if (client && clients.has(client)) say(`a bubble for ${client} beside its message`);
      if (item.id) ids.add(item.id);
      if (client) clients.add(client);
    }
    if (log.dataset.hasNewer === "true") return;
    if (last < watch.last) say(`it ended with number ${watch.last}, and ends with number ${last}`);
    watch.last = last;
  }
  new MutationObserver(look).observe(document, { childList: true, subtree: true });

  const scroller = () => document.querySelector("#pane .log");
  const messages = () => [...document.querySelectorAll("#pane li.message")];

  /** What the harness asks again and again. The anchor is the message that somebody is reading, if anybody is. */
  watch.state = (anchor) => {
    const log = document.querySelector("#pane ol[data-conversation]");
    const item = anchor && document.getElementById(anchor);
    return {
      anchor, wrong: watch.wrong, looks: watch.looks, path: location.pathname, change: Number(log?.dataset.change ?? 0),
      offset: item ? item.getBoundingClientRect().top - scroller().getBoundingClientRect().top : null,
      mine: messages().filter((m) => m.dataset.client && m.dataset.seq).map((m) => (
        { client: m.dataset.client, id: m.id.replace(/^m-/, ""), seq: Number(m.dataset.seq) })),
    };
  };

  /** Writes a message, and returns the id that its bubble bears. */
  watch.write = async (text) => {
    const box = document.querySelector("#composer-body");
    box.value = text;
    box.dispatchEvent(new Event("input", { bubbles: true }));
    document.querySelector("#composer").requestSubmit();
    for (let i = 0; i < 100; i++) {
      const bubble = messages().find((m) => m.dataset.client && m.querySelector(".message__body")?.textContent === text);
      if (bubble) return bubble.dataset.client;
      await new Promise((done) => setTimeout(done, 10));
    }
    return "";
  };

  /** Goes so far up that the end is out of sight, and returns the message that is read there. */
  watch.readAbove = async () => {
    const log = scroller();
    log.scrollTop -= log.clientHeight * 1.5;
    await new Promise((done) => setTimeout(done, 1000)); // older ones may be fetched for it
    const top = log.getBoundingClientRect().top;
    const item = messages().find((m) => m.getBoundingClientRect().top > top);
    const end = messages().at(-1).getBoundingClientRect().top > log.getBoundingClientRect().bottom;
    return end && item ? item.id : "";
  };

  watch.toEnd = () => {
    const pill = document.querySelector("#pill");
    if (pill && !pill.hidden) pill.click();
    return true;
  };
})();
