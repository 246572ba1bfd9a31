/**
 * Comparing two JSON texts by value, without a double in between: identifiers of 17 digits and more stay apart. Each text is
 * read once, however deep it is nested; a key that is repeated in every pointer is paid for once a difference, up to a bound.
 */
import { isRawNumber, parseValues } from "./json-exact.ts";
import { eachMember, stringOf, valueEnd } from "./json-text.ts";

export interface Difference {
  /** RFC 6901; "" = the whole text. */
  pointer: string;
  /** JSON text; `null` where that side is absent, which is no difference to a null. */
  previous: string;
  next: string;
}

/** Characters of all pointers and values together: both sides of a change of a megabyte, and their names. */
export const MOST_CHARACTERS = 8 * 2 ** 20;

/** What differs is written with the whole path to it, so that a long name above many changes grows without end. */
export class DiffTooLargeError extends Error {
  constructor() {
    super(`what changed is larger than ${MOST_CHARACTERS / 2 ** 20} MiB with the paths to it`);
    this.name = "DiffTooLargeError";
  }
}

/** A value's place in its text; objects know their members', lists and scalars are whole. */
interface Span {
  from: number;
  to: number;
  members: Map<string, Span> | undefined;
}

function spanOf(text: string, from: number): Span {
  const members = new Map<string, Span>();
  const end = eachMember(text, from, (keySource, at) => {
    const span = spanOf(text, at);
    members.set(stringOf(keySource), span);
    return span.to;
  });
  return end === undefined ? { from, to: valueEnd(text, from), members: undefined } : { from, to: end, members };
}

const whole = (text: string): Span => spanOf(text, text.length - text.trimStart().length);

/**
 * Objects are entered; arrays and scalars are compared whole. In the order of the earlier text, then what is new.
 * @throws DiffTooLargeError
 */
export function differences(previous: string, next: string): Difference[] {
  const found: Difference[] = [];
  let left = MOST_CHARACTERS;
  const collect = (pointer: string, before: Span | undefined, after: Span | undefined): void => {
    if (before?.members && after?.members) {
      for (const key of new Set([...before.members.keys(), ...after.members.keys()])) {
        const name = key.replaceAll("~", "~0").replaceAll("/", "~1");
        collect(`${pointer}/${name}`, before.members.get(key), after.members.get(key));
      }
      return;
    }
    // An absent side reads as null, so that nothing is told of a key that came in as null.
    const sides = {
      previous: before ? previous.slice(before.from, before.to) : "null",
      next: after ? next.slice(after.from, after.to) : "null",
    };
    if (sameJson(sides.previous, sides.next)) return;
    left -= pointer.length + sides.previous.length + sides.next.length;
    if (left < 0) throw new DiffTooLargeError();
    found.push({ pointer, ...sides });
  };
  collect("", whole(previous), whole(next));
  return found;
}

/** Whether two JSON texts have the same value: key order, white space, escapes and `1.0` for `1` make no difference. */
export function sameJson(a: string, b: string): boolean {
  return a === b || sameValue(parseValues(a), parseValues(b));
}

function sameValue(a: unknown, b: unknown): boolean {
  if (isNumber(a)) return isNumber(b) && (a === b || decimal(tokenOf(a)) === decimal(tokenOf(b)));
  if (typeof a !== "object" || a === null) return a === b;
  if (typeof b !== "object" || b === null || isNumber(b)) return false;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((value, i) => sameValue(value, b[i]));
  if (Array.isArray(b)) return false;
  const entries = Object.entries(a);
  return (
    entries.length === Object.keys(b).length &&
    entries.every(([key, value]) => Object.hasOwn(b, key) && sameValue(value, (b as Record<string, unknown>)[key]))
  );
}

type Numeric = number | { rawJSON: string };
const isNumber = (value: unknown): value is Numeric => typeof value === "number" || isRawNumber(value);
const tokenOf = (value: Numeric): string => (typeof value === "number" ? String(value) : value.rawJSON);

/** One spelling for every way to write the same decimal: digits without outer zeros, and a power of ten. */
function decimal(token: string): string {
  const [mantissa = "", exponent = "0"] = token.toLowerCase().split("e");
  const [integer = "", fraction = ""] = mantissa.replace("-", "").split(".");
  const digits = integer + fraction;
  let from = 0;
  let to = digits.length;
  while (digits[from] === "0") from++;
  while (to > from && digits[to - 1] === "0") to--;
  if (from === to) return "0";
  const power = Number(exponent) - fraction.length + (digits.length - to);
  return `${token.startsWith("-") ? "-" : ""}${digits.slice(from, to)}e${power}`;
}
