/** Calendar dates as `YYYY-MM-DD` text: a goal's value belongs to a day, and no time zone may move it to another. */

const FORM = /^(\d{4})-(\d{2})-(\d{2})(?:[Tt](\d{2}):(\d{2})(?::(\d{2})(?:[.,]\d{1,9})?)?(?:[Zz]|[+-](\d{2})(?::?(\d{2}))?)?)?$/;

/**
 * An ISO 8601 date, or the date of a date-time as written (whatever its offset).
 * @returns `YYYY-MM-DD`; undefined when it is no date of the calendar
 */
export function parseDate(text: string): string | undefined {
  const match = FORM.exec(text);
  if (!match) return undefined;
  const [year, month, day, hour, minute, second, offsetHour, offsetMinute] = match.slice(1).map((part) => Number(part ?? 0)) as number[];
  const clockIsRight = hour! <= 23 && minute! <= 59 && second! <= 60 && offsetHour! <= 23 && offsetMinute! <= 59;
  const calendarIsRight = year! >= 1 && month! >= 1 && month! <= 12 && day! >= 1 && day! <= daysIn(year!, month!);
  return clockIsRight && calendarIsRight ? text.slice(0, 10) : undefined;
}

function daysIn(year: number, month: number): number {
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] as number;
}
