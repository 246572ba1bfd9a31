/** Dates in an organization's time zone, without a zone: `2015-11-02T16:03:41`. Pure. */
import { CrmcomError } from "./errors.ts";

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

function partsOf(moment: Date, timeZone: string): (type: Intl.DateTimeFormatPartTypes) => string {
  const parts = formatOf(timeZone).formatToParts(moment);
  return (type) => parts.find((part) => part.type === type)?.value ?? "";
}

export function localDateTime(moment: Date, timeZone: string): string {
  const part = partsOf(moment, timeZone);
  return `${part("year")}-${part("month")}-${part("day")}T${part("hour")}:${part("minute")}:${part("second")}`;
}

/** The local time as if it were UTC, in seconds. */
function localSeconds(moment: Date, timeZone: string): number {
  const part = partsOf(moment, timeZone);
  const [year, month, day] = [Number(part("year")), Number(part("month")) - 1, Number(part("day"))];
  return Date.UTC(year, month, day, Number(part("hour")), Number(part("minute")), Number(part("second"))) / 1000;
}

/** No zone is further from UTC, in seconds. */
const FURTHEST = 15 * 3600;

/**
 * The first moment of a local day, found by halving: whether the local day has begun never turns back, also where clocks
 * jump over midnight or a whole day is left out.
 * @param day its midnight in UTC, in seconds
 */
function startOfDay(day: number, timeZone: string): Date {
  let [before, begun] = [day - FURTHEST, day + FURTHEST];
  while (begun - before > 1) {
    const middle = Math.floor((before + begun) / 2);
    if (localSeconds(new Date(middle * 1000), timeZone) >= day) begun = middle;
    else before = middle;
  }
  return new Date(begun * 1000);
}

const DATE = /^([1-9]\d{3}-\d\d-\d\d)(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/;
/** As far as dates can be stored. */
const LAST = Date.UTC(9999, 11, 31);

/**
 * The calendar day of a date or date-time, as moments: from inclusive to exclusive. A date-time that names its zone is
 * the day on which that moment falls here.
 * @throws CrmcomError INVALID_VALUE
 */
export function dayRange(value: string | undefined, timeZone: string): { createdAfter?: Date; createdBefore?: Date } {
  if (value === undefined) return {};
  const [, written, zone] = DATE.exec(value) ?? [];
  const moment = Date.parse(value.replace(" ", "T"));
  const midnight = Date.parse(`${written}T00:00:00Z`);
  // Date.parse takes 30 February for 2 March.
  if (
    written === undefined ||
    Number.isNaN(moment) ||
    Number.isNaN(midnight) ||
    new Date(midnight).toISOString().slice(0, 10) !== written
  ) {
    throw new CrmcomError("INVALID_VALUE", "created_date must be a date such as 2015-11-02, or a date-time");
  }
  const local = zone === undefined ? midnight : localSeconds(new Date(moment), timeZone) * 1000;
  const day = Math.min(Math.floor(local / 86_400_000) * 86_400, LAST / 1000);
  return { createdAfter: startOfDay(day, timeZone), createdBefore: startOfDay(day + 86_400, timeZone) };
}
