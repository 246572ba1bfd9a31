/**
 * JSON without loss. A number token that a double does not give back as it was written (`1.0`, `12345678901234567890`,
 * `1e400`) becomes a raw number (`JSON.rawJSON`): an object that `JSON.stringify` writes out as that very token. Every other
 * value is what `JSON.parse` makes of it. Pure.
 */
import { randomBytes } from "node:crypto";
import { stringEnd } from "./json-text.ts";

/** A number as it was written. */
export interface RawNumber {
  readonly rawJSON: string;
}

// TypeScript's library does not know these two yet.
const native = JSON as unknown as { rawJSON(token: string): RawNumber; isRawJSON(value: unknown): boolean };

export function isRawNumber(value: unknown): value is RawNumber {
  return native.isRawJSON(value);
}

/** The number that a token stands for: a double that is written the same way, else the token itself. */
export function numberOf(token: string): number | RawNumber {
  const number = Number(token);
  return String(number) === token ? number : native.rawJSON(token);
}

/** JSON inside of a string, for a while: no text that anybody sends can hold it, for it never leaves the process. */
export const MARK = `${randomBytes(16).toString("hex")}#`;

/** Raw numbers that one text may have where people hand it in to be parsed; each costs a microsecond. */
export const MOST_RAW_NUMBERS = 50_000;

/** Too many raw numbers. */
export class RawNumbersError extends Error {}

type IsRaw = (token: string) => boolean;

/** A double would be written in another way. */
const isRewritten: IsRaw = (token) => String(Number(token)) !== token && isNumber(token);

/** A double may have another value: up to 15 digits without an exponent never do. */
export const isRounded: IsRaw = (token) => (token.length > 15 || /[eE]/.test(token)) && isRewritten(token);

/** The same text with its raw numbers as marked strings, which `unveil` turns back; the text itself when it has none. */
export function veil(text: string, most = Number.POSITIVE_INFINITY, isRaw = isRewritten, mark = MARK): string {
  let out = "";
  let kept = 0;
  let count = 0;
  for (let at = 0; at < text.length; ) {
    const unit = text.charCodeAt(at);
    if (unit === 0x22) {
      at = stringEnd(text, at);
      continue;
    }
    if (unit !== 0x2d && (unit < 0x30 || unit > 0x39)) {
      at++;
      continue;
    }
    const plain = plainEnd(text, at);
    if (plain > 0) {
      at = plain;
      continue;
    }
    const end = numberEnd(text, at);
    const token = text.slice(at, end);
    if (isRaw(token)) {
      count += 1;
      if (count > most)
        throw new RawNumbersError(`more than ${most} numbers such as 1.0 or 12345678901234567890; send them to POST /v1/events`);
      out += `${text.slice(kept, at)}"${mark}${token}"`;
      kept = end;
    }
    at = end;
  }
  return kept === 0 ? text : out + text.slice(kept);
}

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** What is no number stays as it is: the parser is to refuse it. */
const isNumber = (token: string) => NUMBER.test(token);

/** Where a number ends that every double gives back as it is: up to 15 digits, no sign, no leading zero. 0: it is none of these. */
function plainEnd(text: string, from: number): number {
  let at = from;
  let unit = text.charCodeAt(at);
  while (unit >= 0x30 && unit <= 0x39) unit = text.charCodeAt(++at);
  const length = at - from;
  if (length === 0 || length > 15 || (length > 1 && text.charCodeAt(from) === 0x30)) return 0;
  return unit === 0x2e || unit === 0x2b || unit === 0x2d || unit === 0x45 || unit === 0x65 ? 0 : at;
}

function numberEnd(text: string, from: number): number {
  let at = from + 1;
  for (; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    const inside = (unit >= 0x30 && unit <= 0x39) || unit === 0x2e || unit === 0x2b || unit === 0x2d || unit === 0x45 || unit === 0x65;
    if (!inside) break;
  }
  return at;
}

const isMarked = (value: unknown): value is string => typeof value === "string" && value.startsWith(MARK);

/** Marked strings become raw numbers again, in place; however deep they stand. */
export function unveil(value: unknown): unknown {
  const root = [value];
  const open: object[] = [root];
  const unveiled = (inner: unknown): unknown => {
    if (isMarked(inner)) return native.rawJSON(inner.slice(MARK.length));
    if (typeof inner === "object" && inner !== null) open.push(inner);
    return inner;
  };
  for (let container = open.pop(); container; container = open.pop()) {
    // Not by its keys: those of a long list cost more than all else.
    if (Array.isArray(container)) {
      for (let i = 0; i < container.length; i++) {
        const inner = unveiled(container[i]);
        if (inner !== container[i]) container[i] = inner;
      }
      continue;
    }
    for (const key of Object.keys(container)) {
      const inner = (container as Record<string, unknown>)[key];
      const raw = unveiled(inner);
      // "__proto__" is a key as any other.
      if (raw !== inner) Object.defineProperty(container, key, { value: raw, enumerable: true, writable: true, configurable: true });
    }
  }
  return root[0];
}

/**
 * As JSON.parse, without loss.
 * @param most raw numbers, where people hand the text in
 * @throws SyntaxError for what is no JSON; ask for its depth first (`deeperThan`) · RawNumbersError
 */
export function parseJson(text: string, most?: number): unknown {
  return parsed(text, isRewritten, most);
}

/** To compare with: the values are exact, the tokens need not be (`1.50` is 1.5). */
export function parseValues(text: string): unknown {
  return parsed(text, isRounded);
}

function parsed(text: string, isRaw: IsRaw, most?: number): unknown {
  const veiled = veil(text, most, isRaw);
  const value: unknown = JSON.parse(veiled);
  return veiled === text ? value : unveil(value);
}

/** Whether a JSON value holds a number anywhere. */
export function holdsNumber(value: unknown): boolean {
  if (typeof value === "number" || isRawNumber(value)) return true;
  return typeof value === "object" && value !== null && Object.values(value).some(holdsNumber);
}
