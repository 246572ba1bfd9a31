/** Every number of the products' documents has a test that is named after it: contracts/*.md. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";

const folder = import.meta.dirname;

/** The numbers that titles of tests begin with or hold: `S23 S24 who registered it`. */
function numbersIn(prefix: string, letter: string): Set<number> {
  const texts = readdirSync(folder)
    .filter((name) => name.startsWith(prefix) && name.endsWith(".test.ts"))
    .map((name) => readFileSync(path.join(folder, name), "utf8"));
  const titles = texts.flatMap((text) => [...text.matchAll(/["`]([A-Z]\d+ [^"`\n]*)["`]/g)].map((match) => match[1] ?? ""));
  return new Set(titles.flatMap((title) => [...title.matchAll(new RegExp(`\\b${letter}(\\d+)\\b`, "g"))].map((match) => Number(match[1]))));
}

test.each([["superoffice", "S", 31]] as const)("%s has a test for every %s number up to %i", (prefix, letter, last) => {
  const found = numbersIn(prefix, letter);
  const missing = Array.from({ length: last }, (_, i) => i + 1).filter((number) => !found.has(number));
  expect(missing).toEqual([]);
});

test("a missing number is noticed", () => {
  expect(numbersIn("superoffice", "S").has(32)).toBe(false);
});
