/** A process whose clock is wrong deletes nothing, and says that it cannot work. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Clock } from "../../src/clock.ts";
import { demandSameClock } from "../../src/db/clock-skew.ts";
import { createWritable } from "../../src/db/writable.ts";
import { ClockSkewError } from "../../src/errors.ts";
import { createHousekeeping } from "../../src/housekeeping.ts";
import { type TestCore, testCore } from "../helpers/database.ts";

let t: TestCore;
beforeAll(async () => {
  t = await testCore();
});
afterAll(() => t.close());

const off = (ms: number): Clock => ({ ...t.core.clock, now: () => new Date(Date.now() + ms), monotonic: () => performance.now() });

test.each([0, 50_000, -50_000])("%i ms are borne", async (ms) => {
  await demandSameClock(off(ms), t.core.db.pool);
  expect(await createWritable(t.core.db, off(ms)).now()).toBe(true);
});

test.each([70_000, -70_000, 25 * 3_600_000, 100 * 86_400_000])("%i ms are not: no chore is done, and it is not ready", async (ms) => {
  await expect(demandSameClock(off(ms), t.core.db.pool)).rejects.toBeInstanceOf(ClockSkewError);
  expect(await createWritable(t.core.db, off(ms)).now()).toBe(false);
  const chores = new Map<string, () => Promise<unknown>>();
  const queue = {
    work: async (kind: { name: string }, handler: () => Promise<unknown>) => void chores.set(kind.name, handler),
    schedule: async () => undefined,
    send: async () => undefined,
  };
  const housekeeping = createHousekeeping({ ...t.core, clock: off(ms) }, queue as never, {} as never);
  await housekeeping.start();
  for (const name of ["retention", "inbound-posts", "quotas", "sessions", "orphans"])
    await expect(chores.get(`chore-${name}`)?.(), name).rejects.toBeInstanceOf(ClockSkewError);
  await housekeeping.stop();
});
