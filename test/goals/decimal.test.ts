import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareDecimals, parseDecimal } from "../../src/goals/decimal.ts";

/** A decimal as an integer and a scale: the exact reference. */
const exact = fc.record({
  digits: fc.bigInt({ min: -(10n ** 40n) + 1n, max: 10n ** 40n - 1n }),
  scale: fc.integer({ min: 0, max: 20 }),
});

function plain({ digits, scale }: { digits: bigint; scale: number }): string {
  const sign = digits < 0n ? "-" : "";
  const text = (digits < 0n ? -digits : digits).toString().padStart(scale + 1, "0");
  const after = scale === 0 ? "" : text.slice(-scale).replace(/0+$/, "");
  const whole = scale === 0 ? text : text.slice(0, -scale);
  const magnitude = `${whole}${after === "" ? "" : `.${after}`}`;
  return magnitude === "0" ? "0" : `${sign}${magnitude}`;
}

describe("parseDecimal", () => {
  test.each([
    ["0.01", "0.01"],
    ["500000", "500000"],
    ["-10", "-10"],
    ["1e21", "1000000000000000000000"],
    ["1E+3", "1000"],
    ["12.5e-3", "0.0125"],
    ["-0", "0"],
    ["-0.000", "0"],
    ["0e999999999999", "0"],
    ["007.50", "7.5"],
    ["0.12345678901234567890", "0.1234567890123456789"],
    ["1e39", `1${"0".repeat(39)}`],
    ["1e-20", `0.${"0".repeat(19)}1`],
    [`0.1${"0".repeat(60)}`, "0.1"],
    [`${"0".repeat(60)}1`, "1"],
  ])("%s is %s", (text, decimal) => expect(parseDecimal(text)).toBe(decimal));

  test.each(["", " ", "NaN", "Infinity", "-Infinity", "true", "0x10", "1,5", "1.", ".5", "+5", " 5", "5 ", "1e", "--1", "1.2.3", "１"])(
    "%j is none",
    (text) => expect(parseDecimal(text)).toBeUndefined(),
  );

  test.each(["1e40", "-1e40", "1e-21", `1${"0".repeat(40)}`, `0.${"0".repeat(20)}1`, "1e999999999", "1e-999999999"])(
    "%s has too many digits",
    (text) => expect(parseDecimal(text)).toBeUndefined(),
  );

  test("every decimal of 40 + 20 digits is kept exactly, whatever its notation", () => {
    fc.assert(
      fc.property(exact, fc.integer({ min: -30, max: 30 }), (number, shift) => {
        const text = plain(number);
        expect(parseDecimal(text)).toBe(text);
        // The same number, with the point moved by an exponent.
        const moved = `${number.digits}e${-number.scale}`;
        expect(parseDecimal(moved)).toBe(text);
        expect(parseDecimal(`${number.digits}${"0".repeat(Math.max(0, shift))}e${-number.scale - Math.max(0, shift)}`)).toBe(text);
      }),
    );
  });

  test("the canonical form is a fixed point, and any other text is refused or canonical", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."0123456789.eE+-") }), (text) => {
        const decimal = parseDecimal(text);
        if (decimal === undefined) return;
        expect(decimal).toMatch(/^(0|-?(0|[1-9]\d{0,39})(\.\d{0,19}[1-9])?)$/);
        expect(parseDecimal(decimal)).toBe(decimal);
        if (Math.abs(Number(text)) < 1e15) expect(Number(decimal)).toBeCloseTo(Number(text));
      }),
      { numRuns: 2000 },
    );
  });

  test("takes linear time: 250 000 zeros before a one", () => {
    const started = performance.now();
    expect(parseDecimal(`1${"0".repeat(250_000)}1`)).toBeUndefined();
    expect(performance.now() - started).toBeLessThan(500);
  });
});

test("compareDecimals orders as exact integers do", () => {
  fc.assert(
    fc.property(exact, exact, (a, b) => {
      const [x, y] = [a.digits * 10n ** BigInt(20 - a.scale), b.digits * 10n ** BigInt(20 - b.scale)];
      expect(compareDecimals(plain(a), plain(b))).toBe(x < y ? -1 : x > y ? 1 : 0);
    }),
  );
  expect(compareDecimals("0.10000000000000000001", "0.1")).toBe(1);
  expect(compareDecimals("-2", "-10")).toBe(1);
});
