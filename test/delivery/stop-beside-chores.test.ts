/** A stop gives deliveries all of its time, whatever chores are at. */
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startApp } from "../../src/app.ts";
import type { JobKind } from "../../src/db/queue.ts";
import { CHORE_JOBS } from "../../src/housekeeping.ts";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";
import { type Delivery, openDelivery } from "./delivery-setup.ts";

let d: Delivery;
let receiver: Receiver;
beforeAll(async () => {
  d = await openDelivery({ shutdownGraceMs: 4_000 }, { worker: false });
  receiver = await startReceiver();
});
afterAll(async () => {
  await d?.close();
  await receiver?.close();
});

test("a stop amid a chore that waits for a lock begins no call that it must cut", { timeout: 60_000 }, async () => {
  const app = await startApp(d.t.core.config);
  const other = new pg.Client({ connectionString: d.t.url });
  await other.connect();
  try {
    receiver.respond({ status: 200, delayMs: 2_000 });
    const id = await d.definition({ targetUrl: receiver.url, eventTypes: ["stop.made"], ordering: "KEY" });
    await other.query("BEGIN; LOCK TABLE inbound_post IN ACCESS EXCLUSIVE MODE");
    const chore = CHORE_JOBS.find(({ name }) => name === "chore-inbound-posts") as JobKind<unknown>;
    await d.engine.queue.send(d.t.core.db.pool, chore, {});
    const waiting =
      "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query ~ 'inbound_post'";
    await expect.poll(async () => (await d.t.asServer(waiting)).rowCount, { timeout: 15_000 }).toBeGreaterThan(0);
    let n = 0;
    const emit = () => d.emit("stop.made", { entity: "thing", entityId: String(n++) });
    await emit();
    await receiver.waitFor(1);
    const stopped = app.stop();
    // Other processes go on accepting.
    const accepting = setInterval(() => void emit(), 100);
    await stopped.finally(() => clearInterval(accepting));
    const { rows } = await d.t.core.db.pool.query<{ state: string; count: number }>(
      "SELECT state, count(*) FROM webhook_request WHERE definition_id = $1 GROUP BY state ORDER BY state",
      [id],
    );
    const sent = receiver.calls.length;
    expect(rows).toEqual(
      [
        { state: "PENDING", count: n - sent },
        { state: "DELIVERED", count: sent },
      ].filter(({ count }) => count > 0),
    );
  } finally {
    await app.stop();
    await other.end();
  }
});
