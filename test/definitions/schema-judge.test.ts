/** How payloads are judged where JavaScript's doubles, and what every object has, would say something else. */
import { expect, test } from "vitest";
import { createJudge } from "../../src/definitions/schemas/compile.ts";

const judge = createJudge();
const fits = (schema: unknown, value: string) => judge({ schema: JSON.stringify(schema), values: [value] }).mistakes.length === 0;

test.each([
  [{ multipleOf: 0.01 }, "19.99", true],
  [{ multipleOf: 0.01 }, "4.35", true],
  [{ multipleOf: 0.01 }, "1000000.07", true],
  [{ multipleOf: 0.01 }, "0.015", false],
  [{ multipleOf: 0.01 }, "1234567.89", true],
  [{ multipleOf: 0.01 }, "-1234567.89", true],
  [{ multipleOf: 0.01 }, "90071992547409.91", true],
  [{ multipleOf: 0.01 }, "1e300", true],
  [{ multipleOf: 0.01 }, "0", true],
  [{ multipleOf: 0.01 }, '"no number"', true],
  [{ multipleOf: 1e-300 }, "1e308", true],
  [{ multipleOf: 3e-300 }, "1e308", false],
  [{ multipleOf: 5e-324 }, "1.7976931348623157e308", true],
  [{ multipleOf: 3e-320 }, "1.7976931348623157e308", false],
  [{ multipleOf: 1e308 }, "5e-324", false],
  [{ multipleOf: 1e22 }, "1e23", true],
  [{ multipleOf: 1 }, "1.000000001", false],
  [{ multipleOf: 1 }, "1000000000.0000001", false],
  [{ multipleOf: 1e6 }, "1000000.001", false],
  [{ multipleOf: 2.5 }, "7.5", true],
  [{ multipleOf: 2.5 }, "5.5", false],
  [{ multipleOf: 3 }, "10", false],
  [{ multipleOf: 3 }, "-9", true],
  [{ multipleOf: 0.01 }, "0.30000000000000004", true],
  [{ multipleOf: 0.01 }, "1234567.8900001", false],
  [{ multipleOf: 7 }, "1152921504606846976", false],
  [{ required: ["toString"] }, "{}", false],
  [{ required: ["toString"] }, '{"toString":1}', true],
  [{ required: ["__proto__"] }, "{}", false],
  [{ properties: { constructor: { type: "string" } } }, "{}", true],
  [{ properties: { constructor: { type: "string" } } }, '{"constructor":1}', false],
  [{ dependentRequired: { toString: ["x"] } }, "{}", true],
  [{ dependentRequired: { toString: ["x"] } }, '{"toString":1}', false],
  [{ additionalProperties: false, properties: { a: true } }, '{"a":1}', true],
  [{ additionalProperties: false, properties: { a: true } }, '{"constructor":1}', false],
])("%j judges %s: %s", (schema, value, expected) => expect(fits(schema, value)).toBe(expected));

test("a mistake names the multiple and the place", () => {
  const schema = JSON.stringify({ properties: { price: { multipleOf: 0.01, maximum: 2 } } });
  expect(judge({ schema, values: ['{"price":1.99}', '{"price":19.995}'] }).mistakes).toEqual([
    { value: 1, pointer: "/price", message: "must be <= 2" },
    { value: 1, pointer: "/price", message: "must be multiple of 0.01" },
  ]);
});

test.each(["0", "-0.01", '"0.01"', "1e-400", "null"])("multipleOf %s is no schema", (multiple) => {
  const { problem, mistakes } = judge({ schema: `{"multipleOf":${multiple}}`, values: ["1"] });
  expect(problem).toMatch(/^at \/multipleOf: must be (> 0|number)$/);
  expect(mistakes).toEqual([]);
});

test("a hundred thousand numbers of far exponents are judged at once", { timeout: 10_000 }, () => {
  const payload = `[${Array.from({ length: 100_000 }, (_, at) => `1.${at}e308`).join(",")}]`;
  expect(fits({ items: { multipleOf: 5e-324 } }, payload)).toBe(true);
});
