/** Numbers, times and durations as people read them. */
import { zoned, zoneName } from "./zone.ts";

const count = new Intl.NumberFormat("en");
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const absolute = zoned({ dateStyle: "medium", timeStyle: "medium" });
const clock = zoned({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const minuteClock = zoned({ hour: "2-digit", minute: "2-digit" });
const date = zoned({ day: "numeric", month: "short", year: "numeric" });
const dayClock = zoned({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
/** A date of the calendar is nobody's time zone's. */
const calendar = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });

export const formatCount = (value: number): string => (value < 100_000 ? count.format(value) : compact.format(value));
/** A count of the server that stops at a bound: `10,000+`. */
export const formatCapped = (value: number, capped: boolean): string => `${count.format(value)}${capped ? "+" : ""}`;
const named = (text: string, at: Date): string => `${text} ${zoneName(at)}`;
/** `28 Nov 2026, 06:53:00 CET` */
export const formatMoment = (at: string | number): string => named(absolute(new Date(at)), new Date(at));
/** The day of a moment, in the zone; of a date such as `2026-11-28`, that date. */
export const formatDay = (at: string | number): string =>
  typeof at === "string" && /^\d{4}-\d\d-\d\d$/.test(at) ? calendar.format(new Date(at)) : date(new Date(at));
/** `06:53 CET` */
export const formatMinute = (at: string | number): string => named(minuteClock(new Date(at)), new Date(at));

/** The clock today, the day before that; both with the zone. */
export function formatShort(at: string | number, now: number): string {
  const then = new Date(at);
  return named(date(then) === date(new Date(now)) ? clock(then) : dayClock(then), then);
}

/** `850 ms`, `4.2 s`, `3 min`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1) return "< 1 ms";
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1_000).toFixed(milliseconds < 10_000 ? 1 : 0)} s`;
  return formatSeconds(milliseconds / 1_000);
}

/** `5 s`, `5 min`, `2 h 30 min`, `3 d`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${Number(seconds.toFixed(seconds < 10 ? 1 : 0))} s`;
  const units: [string, number][] = [
    ["d", 86_400],
    ["h", 3_600],
    ["min", 60],
    ["s", 1],
  ];
  const parts: string[] = [];
  let rest = Math.round(seconds);
  for (const [name, size] of units) {
    const whole = Math.floor(rest / size);
    if (whole > 0 && parts.length < 2) {
      parts.push(`${whole} ${name}`);
      rest -= whole * size;
    } else if (parts.length > 0) break;
  }
  return parts.join(" ");
}

/** `just now`, `4 min ago`, `in 20 s`. */
export function formatAgo(at: string | number, now: number): string {
  const seconds = (now - new Date(at).getTime()) / 1_000;
  if (Math.abs(seconds) < 3) return "just now";
  const size = Math.abs(seconds);
  const rounded =
    size < 60
      ? Math.round(size)
      : size < 3_600
        ? Math.floor(size / 60) * 60
        : size < 86_400
          ? Math.floor(size / 3_600) * 3_600
          : Math.floor(size / 86_400) * 86_400;
  return seconds > 0 ? `${formatSeconds(rounded)} ago` : `in ${formatSeconds(rounded)}`;
}

export const formatPercent = (share: number): string =>
  `${share === 1 || share === 0 ? share * 100 : (Math.floor(share * 1000) / 10).toFixed(1)} %`;

/** Groups the digits of a decimal in plain notation, keeping every one of them. */
export function formatDecimal(text: string): string {
  const [whole = "", fraction] = text.split(".");
  const groups: string[] = [];
  const first = whole.startsWith("-") ? 1 : 0;
  for (let end = whole.length; end > first; end -= 3) groups.unshift(whole.slice(Math.max(first, end - 3), end));
  const grouped = whole.slice(0, first) + groups.join("\u202f");
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

export const plural = (n: number, one: string, many = `${one}s`): string => `${formatCount(n)} ${n === 1 ? one : many}`;
