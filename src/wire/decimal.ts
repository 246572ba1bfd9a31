/** Number tokens as the decimals they are: `1.50`, `15e-1` and `1.5` are one. Pure, and linear in the token's length. */
import { isRawNumber } from "./json-exact.ts";

/** The value is 0.d1d2d3… × 10^exponent; no digits for zero. */
interface Decimal {
  negative: boolean;
  /** Without zeros at either end. */
  digits: string;
  exponent: bigint;
}

function decimalOf(token: string): Decimal {
  const negative = token.startsWith("-");
  const [mantissa = "", power = "0"] = (negative ? token.slice(1) : token).toLowerCase().split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  const all = whole + fraction;
  let from = 0;
  while (all[from] === "0") from++;
  let to = all.length;
  while (to > from && all[to - 1] === "0") to--;
  const exponent = BigInt(power) + BigInt(whole.length - from);
  return from === to ? { negative: false, digits: "", exponent: 0n } : { negative, digits: all.slice(from, to), exponent };
}

function compareDecimals(a: Decimal, b: Decimal): number {
  if (a.negative !== b.negative) return a.negative ? -1 : 1;
  const sign = a.negative ? -1 : 1;
  if (a.digits === "" || b.digits === "") return a.digits === b.digits ? 0 : a.digits === "" ? -sign : sign;
  if (a.exponent !== b.exponent) return a.exponent > b.exponent ? sign : -sign;
  return a.digits === b.digits ? 0 : a.digits > b.digits ? sign : -sign;
}

/** Characters of an exponent that is looked at, its sign and zeros among them. */
const MOST_POWER = 7;

/** Whether a token's exponent is beyond what anybody means, and would cost. */
export function isBeyond(token: string): boolean {
  return (token.toLowerCase().split("e")[1]?.length ?? 0) > MOST_POWER;
}

const TOKEN = Symbol("token");

/** A number that no double equals. */
export interface ExactNumber {
  readonly [TOKEN]: Decimal;
}

export function isExactNumber(value: unknown): value is ExactNumber {
  return typeof value === "object" && value !== null && TOKEN in value;
}

/** A text that two equal numbers share, and no two others. */
export function exactKey(value: ExactNumber): string {
  const { negative, digits, exponent } = value[TOKEN];
  return `${negative ? "-" : ""}${digits}e${exponent}`;
}

/** A parsed number as something to compare: a double where one has that very decimal value, else an exact number. */
export function comparable(value: unknown): unknown {
  if (!isRawNumber(value)) return value;
  const number = Number(value.rawJSON);
  const decimal = isBeyond(value.rawJSON) ? undefined : decimalOf(value.rawJSON);
  // Beyond every double and every bound: it equals nothing and is in no order.
  if (decimal === undefined) return undefined;
  if (Number.isFinite(number) && compareDecimals(decimal, decimalOf(String(number))) === 0) return number === 0 ? 0 : number;
  return Object.freeze(Object.assign(Object.create(null) as object, { [TOKEN]: decimal })) as ExactNumber;
}

const decimal = (value: number | ExactNumber) => (typeof value === "number" ? decimalOf(String(value)) : value[TOKEN]);

/** Negative, zero or positive, as for sorting. */
export function compareNumbers(a: number | ExactNumber, b: number | ExactNumber): number {
  return typeof a === "number" && typeof b === "number" ? a - b : compareDecimals(decimal(a), decimal(b));
}

/** Of a double: a whole number × 10^power. */
function scaled(value: number): { whole: bigint; power: number } {
  const { digits, exponent, negative } = decimalOf(String(value));
  return { whole: BigInt(digits) * (negative ? -1n : 1n), power: Number(exponent) - digits.length };
}

/**
 * By the decimals that the two doubles print as. Those have 17 digits and powers of ten from -324 to 308, so that no whole number here has
 * more than 660 digits.
 * @param multiple positive and finite
 */
export function isMultipleOf(multiple: number): (value: number) => boolean {
  const unit = scaled(multiple);
  return (value) => {
    if (Number.isSafeInteger(value) && Number.isSafeInteger(multiple)) return value % multiple === 0;
    const { whole, power } = scaled(value);
    const shift = power - unit.power;
    return shift < 0 ? whole % (unit.whole * 10n ** BigInt(-shift)) === 0n : (whole * 10n ** BigInt(shift)) % unit.whole === 0n;
  };
}
