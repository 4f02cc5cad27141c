/**
 * Times in the person's zone and language. The server writes them for the first paint; what is pushed carries UTC and
 * is rewritten here, because one rendering serves everybody.
 */
import { language, plural, words, zone } from "./page.js";

const made = new Map();

/** A formatter, kept: making one costs a hundred times more than using it. */
function formatter(locale, timeZone, options) {
  const key = locale + timeZone + JSON.stringify(options);
  if (!made.has(key)) made.set(key, new Intl.DateTimeFormat(locale, { timeZone, ...options }));
  return made.get(key);
}

const place = () => ({ language: language(), zone: zone() });

/** The calendar day of a moment in a zone, as 2026-11-21. */
export function dayOf(moment, timeZone = zone()) {
  const digits = formatter("en-u-ca-gregory-nu-latn", timeZone, { year: "numeric", month: "2-digit", day: "2-digit" });
  const parts = digits.formatToParts(moment);
  const part = (type) => parts.find((p) => p.type === type).value;
  return `${part("year").padStart(4, "0")}-${part("month")}-${part("day")}`;
}

/** How many days lie between two days as written by dayOf. Noon UTC: no clock change can move it to another day. */
const noon = (day) => new Date(`${day}T12:00:00Z`);
const sameYear = (a, b) => a.slice(0, 4) === b.slice(0, 4);
const daysBetween = (from, to) => Math.round((noon(to) - noon(from)) / 86_400_000);

/** The hour and minute of a moment, 00:00 to 23:59 in every language, as the server writes it. */
export const clock = (moment, at = place()) =>
  formatter(at.language, at.zone, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(moment);

/**
 * A moment by one of the catalogue's patterns, such as "{weekday}, {day} {month}". The server fills the same patterns, so
 * what the page writes looks like what it replaces; only the names of days and months come from the browser.
 */
function written(pattern, moment, at) {
  // Only what the pattern asks for: each formatter takes milliseconds to make.
  const name = (options) => () => formatter(at.language, at.zone, options).format(moment);
  const [year, , day] = dayOf(moment, at.zone).split("-").map(Number);
  return words(pattern, {
    day, year, time: () => clock(moment, at),
    month: name({ month: "long" }), mon: name({ month: "short" }), weekday: name({ weekday: "long" }),
  });
}

/** The full date and time, for the hover. */
export const fullDate = (moment, at = place()) => written("dateFull", moment, at);

/** What a day is called on a day line. */
export function dayName(day, now = new Date(), at = place()) {
  const today = dayOf(now, at.zone);
  const age = daysBetween(day, today);
  if (age === 0) return words("today");
  if (age === 1) return words("yesterday");
  return written(sameYear(day, today) ? "dateLong" : "dateLongYear", noon(day), { ...at, zone: "UTC" });
}

/** What a moment is called in the list: the time today, then "yesterday", the weekday for a week, then the date. */
export function shortName(moment, now = new Date(), at = place()) {
  const day = dayOf(moment, at.zone);
  const today = dayOf(now, at.zone);
  const age = daysBetween(day, today);
  if (age <= 0) return clock(moment, at);
  if (age === 1) return words("yesterday");
  if (age < 7) return formatter(at.language, "UTC", { weekday: "short" }).format(noon(day));
  return written(sameYear(day, today) ? "dateShort" : "dateShortYear", moment, at);
}

/** When somebody was last there: minutes ago, at a time of today, yesterday, or the date. */
export function seenName(moment, now = new Date(), at = place()) {
  const minutes = Math.floor((now - moment) / 60_000);
  if (minutes < 1) return words("justNow");
  if (minutes < 60) return plural("seen", minutes);
  const day = dayOf(moment, at.zone);
  const today = dayOf(now, at.zone);
  const age = daysBetween(day, today);
  if (age <= 0) return written("dateAt", moment, at);
  if (age === 1) return words("seenYesterday");
  return written(sameYear(day, today) ? "dateShort" : "dateShortYear", moment, at);
}

/** Times that are written in their own way wherever they stand, by data-when. */
const own = { seen: seenName, clock };

/** Rewrites the times in root with write, which is clock for messages and shortName for the list. */
export function localise(root, write) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    const text = (own[time.dataset.when] ?? write)(moment);
    if (time.textContent !== text) time.textContent = text;
    time.title = fullDate(moment);
  }
}
