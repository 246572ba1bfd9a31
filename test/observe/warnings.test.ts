import { expect, test } from "vitest";
import { createWarnings } from "../../src/observe/warnings.ts";
import { collectLines } from "../helpers/lines.ts";

const shown = (lines: readonly Record<string, unknown>[]) => lines.map(({ warning, n, heldBack }) => [warning, n, heldBack]);

test("B40 at once the first time, then one line a minute for each kind and subject, with what was held back", async () => {
  const { log, lines } = collectLines();
  const warnings = createWarnings(log, 60);
  for (let n = 1; n <= 500; n++) warnings.warn("lane-blocked", "a", { n }, "blocked");
  warnings.warn("lane-blocked", "b", { n: 1 }, "blocked");
  warnings.warn("mail-failed", "a", { n: 1 }, "mail");
  await expect.poll(() => lines.length).toBeGreaterThanOrEqual(4);
  expect(shown(lines)).toEqual([
    ["lane-blocked", 1, undefined],
    ["lane-blocked", 1, undefined],
    ["mail-failed", 1, undefined],
    // The last one, and 498 between.
    ["lane-blocked", 500, 498],
  ]);
  // After a minute without any, the next is a first one again.
  await new Promise((resolve) => setTimeout(resolve, 200));
  warnings.warn("lane-blocked", "a", { n: 501 }, "blocked");
  await expect.poll(() => lines.length).toBe(5);
  expect(shown(lines).at(-1)).toEqual(["lane-blocked", 501, undefined]);
});

test("names are asked for only when there is a line, and a line is written without them when they cannot be had", async () => {
  const { log, lines } = collectLines();
  const warnings = createWarnings(log);
  let asked = 0;
  const told = async () => {
    asked += 1;
    throw new Error("the database is away");
  };
  for (let n = 0; n < 10; n++) warnings.warn("definition-stopped", "a", told, "stopped");
  await expect
    .poll(() => lines)
    .toMatchObject([{ level: 40, warning: "definition-stopped", unnamed: "the database is away", msg: "stopped" }]);
  expect(asked).toBe(1);
  await warnings.flush();
  expect(lines).toHaveLength(2);
  expect(lines[1]).toMatchObject({ heldBack: 8 });
});
