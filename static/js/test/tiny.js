/** Tests in the browser without a framework: named functions that throw. */

export const tests = [];

/** A test; its name is a sentence. */
export const test = (name, run) => tests.push({ name, run });

const show = (value) => (value instanceof Element ? value.outerHTML : JSON.stringify(value));

export function equal(got, want, what = "") {
  if (show(got) !== show(want)) throw new Error(`${what ? `${what}: ` : ""}got ${show(got)}, want ${show(want)}`);
}

export function ok(value, what = "expected something true") {
  if (!value) throw new Error(what);
}

/** Waits until probe says yes; there is no fixed wait in any test. */
export async function until(probe, what = String(probe)) {
  const end = performance.now() + 5000;
  for (let got; ; await new Promise((done) => setTimeout(done, 5))) {
    if ((got = await probe())) return got;
    if (performance.now() > end) throw new Error(`never: ${what}`);
  }
}
