/** The metric of how near an organization is to its quotas. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { newId } from "../../src/clock.ts";
import { openQuotas } from "../../src/quotas/open.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { figureOf, parseMetrics } from "../helpers/metrics.ts";

let t: TestCore;
beforeAll(async () => {
  t = await testCore({
    quotas: { eventsPerSecond: 100, definitions: 100, queuedRequests: 1_000, storedBytes: 1e9, subscriptions: 100 },
  });
});
afterAll(() => t?.close());

const ratio = async (quota: string) => figureOf(parseMetrics(await t.core.metrics.text()), "hookline_quota_used_ratio", { quota });

test("it falls with time and with the queue, also of an organization that calls no more", async () => {
  let later = 0;
  const clock = { ...t.core.clock, monotonic: () => t.core.clock.monotonic() + later };
  const quotas = openQuotas({ ...t.core, clock }, newId());
  try {
    await quotas.admit(t.organizationId, { events: 100, bytes: 0, requests: 500 });
    expect(await ratio("eventsPerSecond")).toBeGreaterThan(0.5);
    // Its requests are not committed yet: no count sees them.
    expect(await ratio("queuedRequests")).toBe(0.5);
    quotas.ended(t.organizationId, 500, true);
    later = 2_000;
    expect(await ratio("eventsPerSecond")).toBe(0);
    // All of them were delivered meanwhile.
    later = 20_000;
    expect(await ratio("queuedRequests")).toBe(0);
  } finally {
    await quotas.stop();
  }
});
