/** Dates as this face writes them, to the second; `SO-TimeZone` moves them (S12). */

export type FormatDate = (date: Date) => string;

const utc: FormatDate = (date) => `${date.toISOString().slice(0, 19)}Z`;

/**
 * @param header `Asia/Kolkata` gives local time without a zone, `Asia/Kolkata, includeTZOffset` with its offset;
 *   an unknown zone is ignored
 */
export function dateFormat(header: string | undefined): FormatDate {
  const [zone = "", ...options] = (header ?? "").split(",").map((part) => part.trim());
  if (zone === "") return utc;
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat("en-US", {
      ...{ timeZone: zone, hourCycle: "h23", timeZoneName: "longOffset" },
      ...{ year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" },
    });
  } catch {
    return utc;
  }
  const withOffset = options.some((option) => option.toLowerCase() === "includetzoffset");
  return (date) => {
    const parts = Object.fromEntries(format.formatToParts(date).map(({ type, value }) => [type, value]));
    const local = `${parts["year"]?.padStart(4, "0")}-${parts["month"]}-${parts["day"]}T${parts["hour"]}:${parts["minute"]}:${parts["second"]}`;
    // "GMT+05:30"; "GMT" alone is UTC. Historic zones have seconds, which ISO 8601 has no place for.
    const offset = (parts["timeZoneName"] ?? "").slice(3, 9);
    return withOffset ? `${local}${offset === "" ? "+00:00" : offset}` : local;
  };
}

/** An HTTP date of a condition, in whole seconds since 1970; undefined when it is none. */
export function httpDate(header: string | undefined): number | undefined {
  const time = header === undefined ? Number.NaN : Date.parse(header);
  return Number.isNaN(time) ? undefined : Math.floor(time / 1000);
}
