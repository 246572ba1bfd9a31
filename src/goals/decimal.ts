/**
 * Exact decimals as text. A value never passes through a double: 0.1 + 0.2 is not our business, 0.01 staying 0.01 is.
 * Canonical form: plain notation, no exponent, no leading or trailing zeros, no "-0".
 */

/** As many as numeric(60, 20) holds. */
export const MAX_DIGITS_BEFORE = 40;
export const MAX_DIGITS_AFTER = 20;

/** What people are told of a text that is none. */
export const NOT_A_DECIMAL = `must be a decimal number with at most ${MAX_DIGITS_BEFORE} digits before and ${MAX_DIGITS_AFTER} after the point`;

const FORM = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/**
 * Reads a JSON number's source text or a numeric string.
 * @returns the canonical form; undefined when it is no decimal or has more than 40 digits before or 20 after the point
 */
export function parseDecimal(text: string): string | undefined {
  const match = FORM.exec(text);
  if (!match) return undefined;
  const [, sign, whole = "", fraction = "", exponent = "0"] = match;
  const written = whole + fraction;
  const first = written.search(/[1-9]/);
  if (first < 0) return "0";
  // By hand: /0+$/ takes quadratic time on 200 000 zeros that are followed by a one.
  let last = written.length;
  while (written[last - 1] === "0") last--;
  const digits = written.slice(first, last);
  // Where the point stands, counted from the first significant digit. An exponent is bounded before anything is padded.
  const point = whole.length - first + Number(exponent);
  if (point > MAX_DIGITS_BEFORE || digits.length - point > MAX_DIGITS_AFTER) return undefined;
  const before = point > 0 ? digits.slice(0, point).padEnd(point, "0") : "0";
  const after = point >= 0 ? digits.slice(point) : "0".repeat(-point) + digits;
  return `${sign}${before}${after === "" ? "" : `.${after}`}`;
}

/**
 * Negative, 0 or positive, as `a - b` would be.
 * @param a @param b in canonical form
 */
export function compareDecimals(a: string, b: string): number {
  const difference = scaled(a) - scaled(b);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

function scaled(decimal: string): bigint {
  const [whole = "0", fraction = ""] = decimal.replace("-", "").split(".");
  const magnitude = BigInt(whole + fraction.padEnd(MAX_DIGITS_AFTER, "0"));
  return decimal.startsWith("-") ? -magnitude : magnitude;
}
