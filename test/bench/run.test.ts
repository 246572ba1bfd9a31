/** The command line of the bench: what it cannot do is said before anything is started. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { ROWS } from "../../bench/catalog.ts";
import { ROOT } from "../projects.ts";

const run = (...args: string[]) => promisify(execFile)(process.execPath, ["bench/run.ts", ...args], { cwd: ROOT });

test.each([
  [["P99"], "no such row: P99; there are P1 P2"],
  [["P1", "--scale", "2"], "--scale is above 0 and at most 1"],
  [["P1", "--scale", "much"], "--scale is above 0 and at most 1"],
  [["P1", "--runs", "0"], "--runs at least 1"],
])("%j is refused", async (args, message) => {
  await expect(run(...args)).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining(message) });
});

test("rows have names of their own, in the order of their numbers", () => {
  const names = ROWS.map((row) => row.name);
  expect(names).toEqual([...new Set(names)].sort((a, b) => Number(a.slice(1)) - Number(b.slice(1))));
  for (const { long, name } of ROWS) expect(long, name).toBe(["P4", "P6", "P9", "P12", "P14", "P18"].includes(name));
});
