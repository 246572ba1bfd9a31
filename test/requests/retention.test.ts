import { afterAll, beforeAll, expect, test } from "vitest";
import { deleteOld } from "../../src/requests/retention.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { addDefinition, addRequest, type LoggedRequest, settle } from "../helpers/log.ts";

let t: TestCore;
beforeAll(async () => {
  t = await testCore({ retentionDays: 10 });
});
afterAll(() => t.close());

const DAY = 86_400_000;
const ago = (days: number) => new Date(Date.now() - days * DAY);

async function count(table: string, column: string, id: string): Promise<number> {
  const { rows } = await t.core.db.pool.query<{ count: number }>(`SELECT count(*) AS count FROM ${table} WHERE ${column} = $1`, [id]);
  return rows[0]?.count as number;
}

/** As if it had been written then. UUIDs of that moment too: events are found by them. */
async function age(request: LoggedRequest, days: number): Promise<LoggedRequest> {
  const { lowestId } = await import("../../src/requests/retention.ts");
  const eventId = lowestId(ago(days)).replace(/.{12}$/, request.eventId.slice(-12));
  const then = ago(days);
  await t.core.db.pool.query("UPDATE event SET id = $2, created_at = $3 WHERE id = $1", [request.eventId, eventId, then]);
  await t.core.db.pool.query(
    "UPDATE webhook_request SET event_id = $2, created_at = $3, settled_at = CASE WHEN settled_at IS NOT NULL THEN $3::timestamptz END WHERE id = $1",
    [request.id, eventId, then],
  );
  return { ...request, eventId };
}

test("settled requests go with their attempts and events after the days of the config; nothing else does", async () => {
  const definition = await addDefinition(t.core, t.organizationId);
  const make = async (state: "DELIVERED" | "WAITING", days: number) => {
    const request = await addRequest(t.core, t.organizationId, definition);
    await settle(t.core, t.organizationId, [{ request, state, attempt: { outcome: "REJECTED" } }]);
    return age(request, days);
  };
  const [old, young, waiting, blocking] = [
    await make("DELIVERED", 11),
    await make("DELIVERED", 9),
    await make("WAITING", 11),
    await make("DELIVERED", 12),
  ];
  await t.core.db.pool.query("UPDATE lane SET blocked_request_id = $2 WHERE id = $1", [definition.laneId, blocking.id]);
  expect(await deleteOld(t.core)).toMatchObject({ requests: 1, events: 1 });
  for (const [request, left] of [
    [old, 0],
    [young, 1],
    [waiting, 1],
    [blocking, 1],
  ] as const) {
    expect(await count("webhook_request", "id", request.id)).toBe(left);
    expect(await count("attempt", "request_id", request.id)).toBe(left);
    expect(await count("event", "id", request.eventId)).toBe(left);
  }
  expect(await deleteOld(t.core)).toMatchObject({ requests: 0, events: 0 });
});

test("feed entries go after three days, the oldest first and without a hole; idempotency keys after a day", async () => {
  const { id } = await t.organization();
  const definition = await addDefinition(t.core, id);
  for (let i = 0; i < 6; i++) await addRequest(t.core, id, definition);
  // Written a little out of the order of their clocks, as two processes do.
  for (const [sequence, days] of [
    [1, 4],
    [2, 2.9],
    [3, 3.1],
    [4, 2.8],
    [5, 1],
    [6, 0],
  ]) {
    await t.core.db.pool.query("UPDATE feed_entry SET created_at = $3 WHERE organization_id = $1 AND sequence = $2", [
      id,
      sequence,
      ago(days as number),
    ]);
  }
  for (const [key, hours] of [
    ["old", 25],
    ["young", 23],
  ] as const) {
    await t.core.db.pool.query(
      "INSERT INTO idempotency_key (organization_id, key, body_hash, status, answer, created_at) VALUES ($1, $2, '', 202, '', $3)",
      [id, key, ago(hours / 24)],
    );
  }
  expect(await deleteOld(t.core)).toMatchObject({ feedEntries: 3, idempotencyKeys: 1 });
  const { rows } = await t.core.db.pool.query("SELECT sequence FROM feed_entry WHERE organization_id = $1 ORDER BY sequence", [id]);
  expect(rows.map((row) => row.sequence)).toEqual([4, 5, 6]);
  expect(await count("idempotency_key", "key", "young")).toBe(1);
});

test("more than fits one batch goes in several", async () => {
  const { id } = await t.organization();
  await t.core.db.pool.query(
    `INSERT INTO feed_entry (organization_id, sequence, kind, subject_id, topic_id, created_at)
     SELECT $1, i, 'REQUEST', gen_random_uuid(), gen_random_uuid(), now() - interval '4 days' FROM generate_series(1, 2500) i`,
    [id],
  );
  expect((await deleteOld(t.core)).feedEntries).toBe(2500);
});
