/** The filter builder's rows and the filter's JSON are two views of one thing. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { checkFilter } from "../../src/definitions/filter.ts";
import { roundedNumber } from "../../src/web/graphql/json-text.ts";
import { fromFilter, incomplete, OPERATORS, parseValue, toFilter } from "../../src/web/webhooks/filter-model.ts";

test("rows make a filter that the server takes, and come back from it as they were", () => {
  const scalar = fc.oneof(fc.integer().map(String), fc.boolean().map(String), fc.stringMatching(/^[a-z][a-z ]{0,8}[a-z]$/));
  const condition = fc
    .record({
      path: fc.constantFrom("payload.total", "payload.customer.email", "entity", "type", "scope.workflow"),
      operator: fc.constantFrom(...OPERATORS.map((each) => each.value).filter((value) => value !== "$exists")),
      value: scalar,
    })
    // What is compared by size is a number or a text.
    .map((each) => (/^\$[gl]te?$/.test(each.operator) && /^(true|false)$/.test(each.value) ? { ...each, value: "5" } : each))
    .map((each) => (each.operator === "$in" || each.operator === "$nin" ? { ...each, value: `${each.value}, 7` } : each));
  fc.assert(
    fc.property(fc.array(condition, { minLength: 2, maxLength: 4 }), fc.constantFrom("$and", "$or"), (conditions, join) => {
      const filter = toFilter({ join: join as "$and", conditions });
      expect(checkFilter(filter)).toEqual([]);
      expect(fromFilter(filter)).toEqual({ join, conditions });
    }),
  );
});

test("what rows cannot show is left to JSON", () => {
  expect(fromFilter(null)).toEqual({ join: "$and", conditions: [] });
  expect(fromFilter({ payload: { a: { $gt: 1, $lt: 9 } } })).toBeUndefined();
  expect(fromFilter({ $not: { entity: "order" } })).toBeUndefined();
  expect(fromFilter({ entity: "order" })).toEqual({ join: "$and", conditions: [{ path: "entity", operator: "$eq", value: "order" }] });
  expect(toFilter({ join: "$and", conditions: [{ path: "", operator: "$eq", value: "1" }] })).toBeNull();
});

test("values are what they look like; quotes make text of anything", () => {
  expect([parseValue("120"), parseValue("true"), parseValue("null"), parseValue("abc"), parseValue('"120"')]).toEqual([
    120,
    true,
    null,
    "abc",
    "120",
  ]);
});

test("a number that a browser would round is named, in rows too", () => {
  for (const kept of ["0", "-0", "1.50", "1e3", "0.1", "123456789012345680", "1e21", "5e-324", '"12345678901234567890"', '{"a":[1,2.25]}'])
    expect([kept, roundedNumber(kept)]).toEqual([kept, undefined]);
  for (const lost of ["12345678901234567890", "9223372036854775807", "9007199254740993", "-0.12345678901234567891", "1e400", "1e-400"])
    expect(roundedNumber(`{"a": [1, {"b": ${lost}}]}`)).toBe(lost);
  const row = { path: "payload.id", operator: "$eq", value: "9223372036854775807" } as const;
  expect(incomplete({ join: "$and", conditions: [row] })).toContain("9223372036854775807");
  expect(incomplete({ join: "$and", conditions: [{ ...row, operator: "$in", value: "1, 9007199254740993" }] })).toContain(
    "9007199254740993",
  );
  expect(incomplete({ join: "$and", conditions: [{ ...row, value: '"9223372036854775807"' }] })).toBeNull();
});
