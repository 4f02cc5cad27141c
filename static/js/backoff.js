/** How long to wait before trying again. */

/** No wait is longer than this, in milliseconds. */
const MAX_DELAY = 8000;

/**
 * Up to 2 s at first, then up to twice as long each time, and anywhere in between: after a restart a thousand pages come
 * back spread out rather than all at once.
 */
export const backoff = (attempt, random = Math.random) => random() * Math.min(MAX_DELAY, 2000 * 2 ** Math.min(attempt, 10));

/**
 * How long a page waits that is told to fetch its conversation once more, after it has done so count times just now. Twice it
 * is at once: what somebody may see can change while the page is fetched. Should the answer to that be the same, again and
 * again, then slowly.
 */
export const again = (count) => (count < 2 ? 0 : Math.min(3000, 500 * 2 ** (count - 2)));

/** Those of the moments that are just now. */
export const recent = (moments, now) => moments.filter((at) => now - at < 6000);
