/**
 * What a settlement says, in a form that Postgres takes. Replies, headers, errors and scripts bring any text; text and jsonb
 * hold neither NUL nor half a surrogate pair, and one refused value would make its whole step fail, again and again. Pure.
 */
import type { AttemptRow, Settlement } from "./settlement.ts";

/** Characters of a text for people. Bodies have limits of their own where they are read. */
const MOST_WORDS = 4_000;
/** A target of 2 048 and a suffix of 1 024 characters fit. */
const MOST_URL = 8_192;

/** NUL and halves of surrogate pairs become U+FFFD; what stands beyond `most` characters is cut off. */
export function storableText(text: string, most = Number.POSITIVE_INFINITY): string {
  const cut = text.length > most ? text.slice(0, most) : text;
  const whole = cut.isWellFormed() ? cut : cut.toWellFormed();
  return whole.includes("\0") ? whole.replaceAll("\0", "\uFFFD") : whole;
}

const words = (text: string | null) => text && storableText(text, MOST_WORDS);
const url = (text: string | null) => text && storableText(text, MOST_URL);
const body = (text: string | null) => text && storableText(text);

const isStorable = (text: string) => text.isWellFormed() && !text.includes("\0");

/** As nearly all are: nothing is copied then. */
function isClean(given: Record<string, string | string[]>): boolean {
  for (const name in given) {
    const value = given[name] as string | string[];
    if (!isStorable(name) || !(typeof value === "string" ? isStorable(value) : value.every(isStorable))) return false;
  }
  return true;
}

function headers<V extends string | string[]>(given: Record<string, V> | null): Record<string, V> | null {
  if (given === null || isClean(given)) return given;
  const clean = (value: V) => (typeof value === "string" ? storableText(value) : value.map((one) => storableText(one))) as V;
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [storableText(name), clean(value)]));
}

const storableAttempt = (attempt: AttemptRow): AttemptRow => ({
  ...attempt,
  errorDescription: words(attempt.errorDescription),
  warning: words(attempt.warning),
  requestUrl: storableText(attempt.requestUrl, MOST_URL),
  requestHeaders: headers(attempt.requestHeaders),
  requestBody: body(attempt.requestBody),
  rendering: body(attempt.rendering),
  responseHeaders: headers(attempt.responseHeaders),
  responseBody: body(attempt.responseBody),
});

/** Every text of a settlement that may come from outside. */
export const storable = (settlement: Settlement): Settlement => ({
  ...settlement,
  attempt: settlement.attempt && storableAttempt(settlement.attempt),
  url: url(settlement.url),
  authenticationCode: words(settlement.authenticationCode),
  fieldsSet: settlement.fieldsSet.map((path) => storableText(path)),
  notificationMessage: words(settlement.notificationMessage),
  lastError: words(settlement.lastError),
});

/** Transactions that Postgres gave up for another's sake: nothing was written, try again at once. */
const RETRYABLE = new Set(["40P01", "40001", "55P03"]);

/** A statement that Postgres refuses for what it says: trying it again changes nothing. Classes 22 (data), 23 (integrity) and 42. */
export function isRefused(error: unknown): error is { code: string } {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && !RETRYABLE.has(code) && /^(22|23|42|54)/.test(code);
}

/**
 * The least that settles it, when Postgres refuses the whole: outcome, code, numbers and times are ours, every text is left
 * out. Nobody may have to call a receiver again for what its answer looks like.
 */
export function reduced(settlement: Settlement, code: string): Settlement {
  const why = `the log could not take this attempt in full (${code}); it was written without its texts`;
  const { attempt } = settlement;
  return {
    ...settlement,
    attempt: attempt && {
      ...attempt,
      errorDescription: attempt.errorCode === null ? null : why,
      warning: why,
      requestUrl: "",
      requestHeaders: null,
      requestBody: null,
      rendering: null,
      responseHeaders: null,
      responseBody: null,
      responseTruncated: attempt.statusCode !== null,
    },
    url: null,
    authenticationCode: null,
    fieldsSet: [],
    notificationMessage: null,
    lastError: attempt?.errorCode ? why : null,
  };
}
