/** The baselines never change: every figure ever published is a ratio to them. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "../architecture/source.ts";
import { ROOT } from "../projects.ts";

const FOLDER = `${ROOT}/bench/frozen`;
/** Of the folder when it was frozen. Never edit this line for a change of a file there: see bench/frozen/README.md. */
const FROZEN = "681be745758d22e3247489d6d52c12348543fc91e640e06229c04bf5e4e72891";

const files = readdirSync(FOLDER, { recursive: true, encoding: "utf8" }).sort();

test("not a byte of bench/frozen differs from what was frozen", () => {
  const hash = createHash("sha256");
  for (const file of files)
    hash
      .update(`${file}\0`)
      .update(readFileSync(`${FOLDER}/${file}`))
      .update("\0");
  expect(hash.digest("hex"), "a baseline changed: write a new one beside it instead").toBe(FROZEN);
});

test("the baselines import nothing but packages and each other", () => {
  for (const file of files.filter((name) => name.endsWith(".ts"))) {
    const { imports } = parse(`bench/frozen/${file}`, readFileSync(`${FOLDER}/${file}`, "utf8"));
    const leaving = imports.filter(({ target }) => target !== undefined && !target.startsWith("bench/frozen/"));
    expect(leaving, file).toEqual([]);
  }
});
