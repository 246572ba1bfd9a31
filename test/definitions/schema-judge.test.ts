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
  [{ multipleOf: 3 }, "10", false],
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
