/** Dates in an organization's time zone, without a zone: `2015-11-02T16:03:41`. Pure. */
import { CrmcomError } from "./envelope.ts";

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(timeZone: string): Intl.DateTimeFormat {
  let format = formats.get(timeZone);
  if (!format) {
    const fields = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" } as const;
    format = new Intl.DateTimeFormat("en-CA", { ...fields, timeZone, hourCycle: "h23" });
    formats.set(timeZone, format);
  }
  return format;
}

export function localDateTime(moment: Date, timeZone: string): string {
  const parts = new Map(
    formatOf(timeZone)
      .formatToParts(moment)
      .map(({ type, value }) => [type, value]),
  );
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? "";
  return `${part("year")}-${part("month")}-${part("day")}T${part("hour")}:${part("minute")}:${part("second")}`;
}

/** The first moment of a local day: offsets change within a day at most once, so two corrections find it. */
function startOfDay(day: string, timeZone: string): Date {
  let guess = Date.parse(`${day}T00:00:00Z`);
  for (let i = 0; i < 3; i++) {
    const seen = Date.parse(`${localDateTime(new Date(guess), timeZone)}Z`);
    guess -= seen - Date.parse(`${day}T00:00:00Z`);
  }
  return new Date(guess);
}

/**
 * The calendar day of a date or date-time, as moments: from inclusive to exclusive.
 * @throws CrmcomError INVALID_VALUE
 */
export function dayRange(value: string | undefined, timeZone: string): { createdAfter?: Date; createdBefore?: Date } {
  if (value === undefined) return {};
  const day = /^(\d{4}-\d\d-\d\d)(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?$/.exec(value)?.[1];
  const start = day === undefined ? Number.NaN : Date.parse(`${day}T00:00:00Z`);
  if (
    day === undefined ||
    Number.isNaN(start) ||
    new Date(start).toISOString().slice(0, 10) !== day ||
    Number.isNaN(Date.parse(value.replace(" ", "T")))
  ) {
    throw new CrmcomError("INVALID_VALUE", "created_date must be a date such as 2015-11-02, or a date-time");
  }
  const next = new Date(start + 86_400_000).toISOString().slice(0, 10);
  return { createdAfter: startOfDay(day, timeZone), createdBefore: startOfDay(next, timeZone) };
}
