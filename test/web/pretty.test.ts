/** JSON as the dashboard shows it: every token as it was written, and the largest payload too. */
import { expect, test } from "vitest";
import { pretty } from "../../src/web/components/pretty.ts";

test("tokens stay as they are written; what is empty stays on its line", () => {
  const text = '{"a":[],"b": { } ,"c":[1e21,12345678901234567890,"{[\\"]}"],"d":{"e":[{}]}}';
  expect(pretty(text)).toBe(`{
  "a": [],
  "b": {},
  "c": [
    1e21,
    12345678901234567890,
    "{[\\"]}"
  ],
  "d": {
    "e": [
      {}
    ]
  }
}`);
  expect(pretty("{")).toBeUndefined();
});

test("a payload of 0.9 MB with 10 000 objects is made readable: it froze the tab for minutes", () => {
  const text = JSON.stringify(Array.from({ length: 10_000 }, (_, n) => ({ n, o: {}, a: [n, "x".repeat(60)] })));
  expect(text.length).toBeGreaterThan(900_000);
  expect(JSON.parse(pretty(text) ?? "")).toEqual(JSON.parse(text));
});

test("of brackets in brackets the text grows with their number, and not with its square", () => {
  const nested = (deep: number) => pretty("[".repeat(deep) + "]".repeat(deep))?.length ?? 0;
  expect(nested(100_000)).toBeLessThan(2 * 100_000 * 70);
});
