/** Partitions go as a whole: late rather than with something that is needed, and whatever was cut short is finished. */
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { detach, detachedPartitions, type HotTable, type Partition, partitionsOf } from "../../src/requests/partitions.ts";
import { deleteOld } from "../../src/requests/retention.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { addDefinition, addPast, addRequest, cutDetachShort, settle } from "../helpers/log.ts";

let t: TestCore;
let definition: { id: string; laneId: string };
beforeAll(async () => {
  t = await testCore({ retentionDays: 10 });
  await addPast(t.core, 30);
  definition = await addDefinition(t.core, t.organizationId);
});
afterAll(() => t.close());

const DAY = 86_400_000;
const ago = (days: number) => new Date(Date.now() - days * DAY);
const add = (days: number) => addRequest(t.core, t.organizationId, definition, { createdAt: ago(days) });
const names = async (parent: HotTable) => (await partitionsOf(t.core, parent)).map(({ name }) => name);
async function partitionOf(parent: HotTable, days: number): Promise<Partition> {
  const found = (await partitionsOf(t.core, parent)).find(({ since, until }) => since && since <= ago(days) && ago(days) < until);
  if (!found) throw new Error(`no partition of ${days} days ago`);
  return found;
}
async function count(table: string, id: string): Promise<number> {
  const { rows } = await t.core.db.pool.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${table} WHERE id = $1`, [id]);
  return rows[0]?.n ?? -1;
}

test("a partition with something queued, taken out by a round that died, is put back: nothing pending is dropped", async () => {
  const queued = await add(20);
  const settled = await add(20);
  await settle(t.core, t.organizationId, [{ request: settled, state: "DELIVERED" }]);
  await t.core.db.pool.query("UPDATE webhook_request SET settled_at = created_at WHERE id = $1", [settled.id]);
  const partition = await partitionOf("webhook_request", 20);
  expect(await detach(t.core, partition)).toBe(true);
  expect((await detachedPartitions(t.core)).map(({ name }) => name)).toEqual([partition.name]);
  expect(await count("webhook_request", queued.id)).toBe(0);
  await deleteOld(t.core);
  expect(await names("webhook_request")).toContain(partition.name);
  expect([await count("webhook_request", queued.id), await count("event", queued.eventId)]).toEqual([1, 1]);
  // What was settled in it went by rows.
  expect(await count("webhook_request", settled.id)).toBe(0);
});

test("one that must come back waits for whoever reads it, such as a dump", { timeout: 60_000 }, async () => {
  await addPast(t.core, 30);
  const queued = await add(21);
  const partition = await partitionOf("webhook_request", 21);
  expect(await detach(t.core, partition)).toBe(true);
  const dump = new pg.Client({ connectionString: t.url });
  await dump.connect();
  await dump.query(`BEGIN; LOCK TABLE "${partition.name}" IN ACCESS SHARE MODE`);
  const round = deleteOld(t.core);
  const waits = "SELECT count(*)::int AS n FROM pg_locks WHERE NOT granted AND relation = $1::regclass";
  await expect.poll(async () => (await t.core.db.pool.query<{ n: number }>(waits, [partition.name])).rows[0]?.n).toBe(1);
  await dump.end();
  await round;
  expect(await names("webhook_request")).toContain(partition.name);
  expect(await count("webhook_request", queued.id)).toBe(1);
});

test("a detach that was cut short half way is finished by the next round, and the partition is gone", { timeout: 60_000 }, async () => {
  await addPast(t.core, 40);
  const partition = await partitionOf("webhook_request", 35);
  await cutDetachShort(t.core, partition.name);
  expect((await partitionOf("webhook_request", 35)).detaching).toBe(true);
  await deleteOld(t.core);
  expect(await names("webhook_request")).not.toContain(partition.name);
  expect(await detachedPartitions(t.core)).toEqual([]);
});

test("the feed goes after three days, blocks of numbers with the partitions that held them", async () => {
  await addPast(t.core, 45);
  const number = async (request: { number: number }) =>
    (
      await t.core.db.pool.query("SELECT 1 FROM number_block WHERE organization_id = $1 AND from_number = $2", [
        t.organizationId,
        request.number,
      ])
    ).rowCount;
  const [old, young] = [await add(44), await add(2)];
  await settle(t.core, t.organizationId, [{ request: old, state: "DELIVERED" }]);
  await t.core.db.pool.query("UPDATE webhook_request SET settled_at = created_at WHERE id = $1", [old.id]);
  await deleteOld(t.core);
  // The oldest partition left holds what is queued since twenty days.
  expect([await count("webhook_request", old.id), await number(old), await number(young)]).toEqual([0, 0, 1]);
  for (const { until } of await partitionsOf(t.core, "feed_entry")) expect(until.getTime()).toBeGreaterThan(ago(3).getTime());
  expect((await partitionsOf(t.core, "feed_entry")).some(({ until }) => until < ago(1))).toBe(true);
});

test("what a process of an older build sends again in a closed partition is put back, and not dropped", { timeout: 60_000 }, async () => {
  await addPast(t.core, 50);
  const request = await add(47);
  await settle(t.core, t.organizationId, [{ request, state: "REJECTED" }]);
  await t.core.db.pool.query("UPDATE webhook_request SET settled_at = created_at WHERE id = $1", [request.id]);
  const partition = await partitionOf("webhook_request", 47);
  // It does not ask at the gate: its resend comes after the last look, and before the partition leaves.
  const resend = () => settle(t.core, t.organizationId, [{ request, state: "PENDING" }]);
  let resent = 0;
  const asOwner: typeof t.core.db.asOwner = (work) =>
    t.core.db.asOwner((client) => {
      const query = async (text: string) => {
        if (text.includes(`DETACH PARTITION "${partition.name}"`)) {
          await resend();
          resent += 1;
        }
        return client.query(text);
      };
      return work({ query } as typeof client);
    });
  const db = Object.create(t.core.db, { asOwner: { value: asOwner } }) as typeof t.core.db;
  await deleteOld({ ...t.core, db });
  expect(resent).toBe(1);
  expect(await names("webhook_request")).toContain(partition.name);
  expect([await count("webhook_request", request.id), await count("event", request.eventId)]).toEqual([1, 1]);
});

test("attempts and events stay while a partition of requests, which may come back, is half out", { timeout: 60_000 }, async () => {
  await addPast(t.core, 50);
  const request = await add(48);
  await settle(t.core, t.organizationId, [{ request, state: "WAITING", attempt: { outcome: "REJECTED" } }]);
  const partition = await partitionOf("webhook_request", 48);
  await cutDetachShort(t.core, partition.name);
  const left = async () => {
    const { rowCount: attempts } = await t.core.db.pool.query("SELECT 1 FROM attempt WHERE request_id = $1", [request.id]);
    return { requests: await count("webhook_request", request.id), events: await count("event", request.eventId), attempts };
  };
  const reader = new pg.Client({ connectionString: t.url });
  await reader.connect();
  try {
    await reader.query(`BEGIN; LOCK TABLE "${partition.name}" IN ACCESS SHARE MODE`);
    await deleteOld(t.core);
    expect((await partitionOf("webhook_request", 48)).detaching).toBe(true);
    expect(await left()).toEqual({ requests: 0, events: 1, attempts: 1 });
    // Also of whoever keeps less than the installation.
    await t.core.db.pool.query("UPDATE organization SET retention_days = 5 WHERE id = $1", [t.organizationId]);
    await deleteOld(t.core);
    expect(await left()).toEqual({ requests: 0, events: 1, attempts: 1 });
  } finally {
    await reader.end();
  }
  await deleteOld(t.core);
  expect(await left()).toEqual({ requests: 1, events: 1, attempts: 1 });
});
