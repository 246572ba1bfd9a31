/** A retry that is due before its failure is written: the database was slow, or the wait is short. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { startReceiver } from "../helpers/receiver.ts";
import { openDelivery } from "./delivery-setup.ts";

test.each(["NONE", "DEFINITION"])("of a definition ordered %s it goes out once it is written", async (ordering) => {
  const d = await openDelivery();
  const receiver = await startReceiver();
  try {
    receiver.respond([{ status: 500, delayMs: 300 }, { status: 200 }]);
    await d.definition({ targetUrl: receiver.url, eventTypes: ["late.made"], ordering, retrySchedule: [6] });
    await d.emit("late.made");
    await receiver.waitFor(1);
    await d.t.core.db.asOwner(async (client) => {
      await client.query("BEGIN; LOCK TABLE attempt IN EXCLUSIVE MODE");
      const waiting = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
      await expect.poll(async () => (await d.t.asServer(waiting)).rowCount).toBeGreaterThan(0);
      // Much longer than the 6 ms until the retry.
      await sleep(300);
      await client.query("ROLLBACK");
    });
    // Long before a lane that has nothing to do is let go of.
    await receiver.waitFor(2, 3_000);
  } finally {
    await d.close();
    await receiver.close();
  }
});
