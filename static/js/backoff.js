/** How long to wait before trying again. */

/** No wait is longer than this, in milliseconds. */
const MAX_DELAY = 8000;

/**
 * Up to 2 s at first, then up to twice as long each time, and anywhere in between: after a restart a thousand pages come
 * back spread out rather than all at once.
 */
export const backoff = (attempt, random = Math.random) => random() * Math.min(MAX_DELAY, 2000 * 2 ** Math.min(attempt, 10));
