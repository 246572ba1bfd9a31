/** A partition that is being filled has statistics before autovacuum comes by, so that no session keeps a plan that was made for an empty one. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";
import { type Delivery, openDelivery } from "./delivery-setup.ts";

let d: Delivery;
let receiver: Receiver;
beforeAll(async () => {
  d = await openDelivery();
  receiver = await startReceiver();
});
afterAll(async () => {
  await d?.close();
  await receiver?.close();
});

const NOW = "p.parent = 'webhook_request' AND p.until > now() AND (p.since IS NULL OR p.since <= now())";

async function partition() {
  const { rows } =
    await d.t.asServer(`SELECT p.name, c.reltuples::int AS rows, c.relpages::int AS pages, pg_relation_size(c.oid) / 8192 AS real
    FROM hot_partition p JOIN pg_class c ON c.oid = p.oid WHERE ${NOW}`);
  return rows[0] as { name: string; rows: number; pages: number; real: string };
}

test("P1 the statistics of today's partition follow it while it grows", { timeout: 60_000 }, async () => {
  await d.definition({ targetUrl: receiver.url, eventTypes: ["grown.made"] });
  const { name } = await partition();
  await d.t.asServer(`ALTER TABLE "${name}" SET (autovacuum_enabled = false)`);
  expect((await partition()).rows).toBeLessThanOrEqual(0);
  const emit = (count: number) =>
    d.engine.engine.ingest.emit(
      d.t.organizationId,
      Array.from({ length: count }, () => ({ type: "grown.made", payload: "{}" })),
    );
  for (let i = 0; i < 10; i++) await emit(50);
  await expect.poll(async () => (await partition()).rows, { timeout: 5_000 }).toBeGreaterThan(50);
  const before = await partition();
  for (let i = 0; i < 30; i++) await emit(500);
  await expect.poll(async () => (await partition()).rows, { timeout: 5_000 }).toBeGreaterThan(before.rows * 2);
});
