import { afterAll, beforeAll, expect, test } from "vitest";
import { partitionsOf } from "../../src/requests/partitions.ts";
import { deleteOld } from "../../src/requests/retention.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { addDefinition, addPast, addRequest, type LoggedRequest, settle } from "../helpers/log.ts";

let t: TestCore;
beforeAll(async () => {
  t = await testCore({ retentionDays: 10 });
  await addPast(t.core, 15);
});
afterAll(() => t.close());

const DAY = 86_400_000;
const ago = (days: number) => new Date(Date.now() - days * DAY);

async function count(table: string, column: string, id: string): Promise<number> {
  const { rows } = await t.core.db.pool.query<{ count: number }>(`SELECT count(*) AS count FROM ${table} WHERE ${column} = $1`, [id]);
  return rows[0]?.count as number;
}

async function make(definition: { id: string; laneId: string }, state: "DELIVERED" | "WAITING", days: number): Promise<LoggedRequest> {
  const request = await addRequest(t.core, t.organizationId, definition, { createdAt: ago(days) });
  await settle(t.core, t.organizationId, [{ request, state, attempt: { outcome: "REJECTED" } }]);
  await t.core.db.pool.query("UPDATE webhook_request SET settled_at = created_at WHERE id = $1 AND settled_at IS NOT NULL", [request.id]);
  return request;
}

test("settled requests go with their attempts and events after the days of the config; nothing else does", async () => {
  const definition = await addDefinition(t.core, t.organizationId);
  const [old, young, waiting, blocking, resent] = [
    // Of one day, at whatever hour this runs: their partition stays for the one that waits.
    await make(definition, "DELIVERED", 12.1),
    await make(definition, "DELIVERED", 9),
    await make(definition, "WAITING", 12.1),
    await make(definition, "DELIVERED", 13.5),
    await make(definition, "DELIVERED", 14.5),
  ];
  await t.core.db.pool.query("UPDATE lane SET blocked_request_id = $2 WHERE id = $1", [definition.laneId, blocking.id]);
  await t.core.db.pool.query("UPDATE webhook_request SET state = 'PENDING', settled_at = NULL WHERE id = $1", [resent.id]);
  const before = (await partitionsOf(t.core, "webhook_request")).length;
  const deleted = await deleteOld(t.core);
  for (const [request, left] of [
    [old, 0],
    [young, 1],
    [waiting, 1],
    [blocking, 1],
    [resent, 1],
  ] as const) {
    expect(await count("webhook_request", "id", request.id)).toBe(left);
    expect(await count("attempt", "request_id", request.id)).toBe(left);
    expect(await count("event", "id", request.eventId)).toBe(left);
  }
  expect(deleted).toMatchObject({ requests: 1, events: 1 });
  expect((await partitionsOf(t.core, "webhook_request")).length).toBeLessThan(before);
  expect(await deleteOld(t.core)).toMatchObject({ requests: 0, events: 0, partitions: 0 });
});

test("idempotency keys go after a day", async () => {
  for (const [key, hours] of [
    ["old", 25],
    ["young", 23],
  ] as const) {
    await t.core.db.pool.query(
      "INSERT INTO idempotency_key (organization_id, key, body_hash, status, answer, created_at) VALUES ($1, $2, '', 202, '', $3)",
      [t.organizationId, key, ago(hours / 24)],
    );
  }
  expect(await deleteOld(t.core)).toMatchObject({ idempotencyKeys: 1 });
  expect(await count("idempotency_key", "key", "young")).toBe(1);
});

test("a partition that a detach left half way is finished by the next round; one that somebody reads goes later", async () => {
  await addPast(t.core, 20);
  const reader = await t.core.db.pool.connect();
  const [oldest] = await partitionsOf(t.core, "webhook_request");
  await reader.query("BEGIN");
  await reader.query(`SELECT 1 FROM webhook_request WHERE organization_id = $1 LIMIT 1`, [t.organizationId]);
  await deleteOld(t.core);
  expect((await partitionsOf(t.core, "webhook_request")).map((each) => each.name)).toContain(oldest?.name);
  await reader.query("COMMIT");
  reader.release();
  await deleteOld(t.core);
  expect((await partitionsOf(t.core, "webhook_request")).map((each) => each.name)).not.toContain(oldest?.name);
});
