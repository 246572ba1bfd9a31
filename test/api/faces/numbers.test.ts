/** Every number of the contracts has a test that is named after it. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

/** What stands between the quotes after `test(`, `describe(` and in the rows of `test.each`: lines that name a number. */
function named(prefix: string): Set<string> {
  const root = join(import.meta.dirname, "../..");
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter(
    (file) => file.endsWith(".test.ts") && !file.endsWith("numbers.test.ts"),
  );
  const titles = files.flatMap(
    (file) =>
      readFileSync(join(root, file), "utf8").match(
        /(?:test|it|describe)(?:\.each[^"'`]*)?\(\s*["'`][^\n]*|\[\s*["'`][^\n]*|\)\(\s*["'`][^\n]*/g,
      ) ?? [],
  );
  return new Set(titles.flatMap((title) => title.match(new RegExp(`\\b${prefix}\\d+\\b`, "g")) ?? []));
}

test.each([
  ["R", 31, "RESULTS.com"],
  ["D", 20, "doForms"],
  ["T", 27, "Cotalker"],
] as const)("%s1 to %s%i, %s", (prefix, last) => {
  const found = named(prefix);
  const missing = Array.from({ length: last }, (_, i) => `${prefix}${i + 1}`).filter((number) => !found.has(number));
  expect(missing).toEqual([]);
});
