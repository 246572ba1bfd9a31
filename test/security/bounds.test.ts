/** The bounds that SECURITY.md states are those of the code. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const text = (file: string) => readFileSync(path.join(root, file), "utf8");

const UNITS: Record<string, number> = { "": 1, ms: 1, s: 1_000, KiB: 2 ** 10, MiB: 2 ** 20, characters: 1 };

/** `10 s`, `1 MiB`, `100`: in milliseconds, bytes or as it is. */
function amountOf(bound: string): number {
  const match = /^(\d+)(?: (\w+))?$/.exec(bound);
  const unit = UNITS[match?.[2] ?? ""];
  if (!match || unit === undefined) throw new Error(`"${bound}" is no bound`);
  return Number(match[1]) * unit;
}

/** A constant's value by its source: whole numbers, products and powers. @param name `BATCH`, or `HTTP.headMs` of an object */
function constantOf(source: string, name: string): number {
  const [object, member] = name.split(".") as [string, string | undefined];
  const block = member === undefined ? source : source.slice(source.indexOf(`const ${object} = {`));
  const found =
    member === undefined ? new RegExp(`const ${object} = ([^;]+);`).exec(block) : new RegExp(`\\b${member}: ([^,]+),`).exec(block);
  const expression = (found?.[1] ?? "").replaceAll("_", "");
  if (!/^[\d*+ ]+$/.test(expression)) throw new Error(`${name} is no number: ${expression}`);
  return expression
    .split("+")
    .map((sum) =>
      sum
        .replaceAll("**", "^")
        .split("*")
        .map(factor)
        .reduce((a, b) => a * b, 1),
    )
    .reduce((a, b) => a + b, 0);
}

function factor(text: string): number {
  const [base = Number.NaN, exponent = 1] = text.split("^").map(Number);
  return base ** exponent;
}

const rows = [...text("SECURITY.md").matchAll(/^\| (.+) \| (.+) \| `(src\/[^`]+)` ([\w.]+) \|$/gm)].map(
  ([, what = "", bound = "", file = "", name = ""]) => ({ what, bound, file, name }),
);

describe("SECURITY.md", () => {
  test("states the bounds", () => expect(rows.length).toBeGreaterThan(30));

  test.each(rows)("$what: $bound", ({ bound, file, name }) => {
    expect(constantOf(text(file), name)).toBe(amountOf(bound));
  });

  test("a bound that is not the code's fails", () => {
    expect(constantOf("export const A = { b: 10 * 2 ** 10, } as const;", "A.b")).toBe(10_240);
    expect(constantOf("const B = 64 * 1024;", "B")).toBe(amountOf("64 KiB"));
    expect(() => constantOf("const C = other();", "C")).toThrow("C is no number");
  });
});
