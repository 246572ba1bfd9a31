import { expect, test } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { observed } from "../../src/observe/chore.ts";
import { createMetrics } from "../../src/observe/metrics.ts";
import { createWarnings } from "../../src/observe/warnings.ts";
import { collectLines } from "../helpers/lines.ts";

test("a chore that fails makes one line with its name, whichever fails beside it; one that was called off makes none", async () => {
  const { log, lines } = collectLines();
  const warnings = createWarnings(log);
  const ended = new AbortController();
  const fail = (name: string) =>
    observed({ clock: systemClock, log, metrics: createMetrics(), warnings }, name, () => Promise.reject(new Error("no")), ended.signal);
  for (let i = 0; i < 3; i++) await expect(fail("retention")()).rejects.toThrow("no");
  await expect(fail("feed")()).rejects.toThrow("no");
  const line = (chore: string) => ({ level: 40, warning: "chore-failed", chore, msg: `the chore ${chore} failed, and is tried again` });
  await expect.poll(() => lines).toMatchObject([line("retention"), line("feed")]);
  ended.abort();
  await expect(fail("lanes")()).rejects.toThrow("no");
  await warnings.flush();
  expect(lines.slice(2)).toMatchObject([{ ...line("retention"), heldBack: 1 }]);
});
