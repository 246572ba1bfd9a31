/** A retry whose claim the database cuts off, in a process that rests. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { startReceiver } from "../helpers/receiver.ts";
import { openDelivery } from "./delivery-setup.ts";

/** A process looks at what is due once in a tenth of it; after a look that found nothing it may rest for half. */
const LEASE_MS = 40_000;

test("a claim that fails is made up for by the next look, also when the last one promised rest", async () => {
  const d = await openDelivery({ retryScale: 1 }, { leaseMs: LEASE_MS });
  const receiver = await startReceiver();
  try {
    receiver.respond({ status: 500 });
    const id = await d.definition({ targetUrl: receiver.url, eventTypes: ["claim.made"], retrySchedule: [1] });
    await sleep(LEASE_MS * 0.1 + 500);
    await d.emit("claim.made");
    const request = await d.request(id, "WAITING");
    receiver.respond({ status: 200 });
    await d.t.core.db.asOwner(async (client) => {
      await client.query("BEGIN; LOCK TABLE lane IN ACCESS EXCLUSIVE MODE");
      const cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
      await expect.poll(async () => (await d.t.asServer(cut)).rowCount).toBe(1);
      await client.query("ROLLBACK");
    });
    await expect.poll(async () => (await d.attempts(request)).length, { timeout: LEASE_MS * 0.3 }).toBe(2);
  } finally {
    await d.close();
    await receiver.close();
  }
});
