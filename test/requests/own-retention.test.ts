import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { newId } from "../../src/clock.ts";
import { BadCursorError } from "../../src/errors.ts";
import { readEntries } from "../../src/live/entries.ts";
import { dropOldUsage } from "../../src/quotas/drop-old.ts";
import { createGate } from "../../src/quotas/gate.ts";
import { showUsage } from "../../src/quotas/usage.ts";
import { HIGHEST, LOWEST, lowestId, rangeAround } from "../../src/requests/id-range.ts";
import { partitionsOf, quoted } from "../../src/requests/partitions.ts";
import { deleteOld } from "../../src/requests/retention.ts";
import { deleteSettled, deleteUnneededEvents } from "../../src/requests/sql/delete-requests.ts";
import { eventsHad, walkEvents } from "../../src/requests/sql/missed-events.ts";
import { deleteOwnFeed, oldestEvent, oldestRequest } from "../../src/requests/sql/own-retention.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { addDefinition, addPast, addRequest, idAt, settle } from "../helpers/log.ts";

const DAY = 86_400_000;
const ago = (days: number) => new Date(Date.now() - days * DAY);

let t: TestCore;
let short: string;
let long: string;
const definitions = new Map<string, { id: string; laneId: string }>();

beforeAll(async () => {
  t = await testCore({ retentionDays: 10 });
  await addPast(t.core, 12);
  short = t.organizationId;
  long = (await t.organization("Long")).id;
  for (const id of [short, long]) definitions.set(id, await addDefinition(t.core, id));
});
beforeEach(() => keep(short, 1));
afterAll(() => t.close());

const keep = (id: string, days: number | null) =>
  t.core.db.pool.query("UPDATE organization SET retention_days = $2 WHERE id = $1", [id, days]);

const there = async (table: string, column: string, id: string): Promise<number> =>
  (await t.core.db.pool.query<{ count: number }>(`SELECT count(*) AS count FROM ${table} WHERE ${column} = $1`, [id])).rows[0]?.count ?? 0;

async function make(organizationId: string, state: "DELIVERED" | "REJECTED" | "WAITING", days: number) {
  const definition = definitions.get(organizationId) as { id: string; laneId: string };
  const request = await addRequest(t.core, organizationId, definition, { createdAt: ago(days) });
  await settle(t.core, organizationId, [{ request, state, attempt: { outcome: state === "DELIVERED" ? "DELIVERED" : "REJECTED" } }]);
  await t.core.db.pool.query("UPDATE webhook_request SET settled_at = created_at WHERE id = $1 AND settled_at IS NOT NULL", [request.id]);
  return request;
}

test("what one organization keeps for a day goes after a day, its unsettled requests and everybody else's rows stay", async () => {
  const kept = [
    await make(short, "WAITING", 3),
    await make(short, "DELIVERED", 0.5),
    await make(long, "DELIVERED", 3),
    await make(long, "WAITING", 3),
  ];
  const gone = [await make(short, "DELIVERED", 3), await make(short, "DELIVERED", 1.1), await make(short, "DELIVERED", 8)];
  const justSettled = await make(short, "DELIVERED", 3);
  await t.core.db.pool.query("UPDATE webhook_request SET settled_at = now() WHERE id = $1", [justSettled.id]);
  const held = await make(short, "REJECTED", 3);
  await t.core.db.pool.query("UPDATE lane SET blocked_request_id = $2 WHERE id = $1", [held.laneId, held.id]);
  expect(await deleteOld(t.core)).toMatchObject({ requests: 3, events: 3 });
  for (const [list, count] of [
    [gone, 0],
    [[...kept, justSettled, held], 1],
  ] as const) {
    for (const request of list) {
      expect(await there("webhook_request", "id", request.id)).toBe(count);
      expect(await there("attempt", "request_id", request.id)).toBe(count);
      expect(await there("event", "id", request.eventId)).toBe(count);
    }
  }
  // Marks go with their events.
  expect(await there("recovered_event", "organization_id", short)).toBe(0);
  expect(await deleteOld(t.core)).toMatchObject({ requests: 0, events: 0, feedEntries: 0 });
  await keep(short, null);
  expect(await deleteOld(t.core)).toMatchObject({ requests: 0, events: 0 });
});

test("an event that outlives its request was not missed, also when the organization keeps more again", async () => {
  const [mine, other] = [await make(short, "DELIVERED", 4), await addDefinition(t.core, short, "Other")];
  const late = await addRequest(t.core, short, other, { createdAt: ago(4) });
  await t.core.db.pool.query("UPDATE webhook_request SET event_id = $2 WHERE id = $1", [late.id, mine.eventId]);
  await deleteOld(t.core);
  expect(await there("webhook_request", "id", mine.id)).toBe(0);
  expect(await there("event", "id", mine.eventId)).toBe(1);
  const inside = async () =>
    (await walkEvents.rows(t.core.db.pool, [short, LOWEST, HIGHEST, 500, new Date(0), new Date()])).find(({ id }) => id === mine.eventId)
      ?.inside;
  expect(await inside()).toBe(false);
  await keep(short, null);
  expect(await inside()).toBe(true);
  const had = await eventsHad.rows(t.core.db.pool, [short, [mine.eventId], mine.definitionId, ...rangeAround([mine.eventId])]);
  expect(had).toEqual([{ id: mine.eventId }]);
  await keep(short, 1);
  await t.core.db.pool.query("UPDATE webhook_request SET state = 'DELIVERED', settled_at = created_at WHERE id = $1", [late.id]);
  await t.core.db.pool.query("DELETE FROM lane_entry WHERE request_id = $1", [late.id]);
  await deleteOld(t.core);
  expect(await there("event", "id", mine.eventId)).toBe(0);
  expect(await there("recovered_event", "event_id", mine.eventId)).toBe(0);
});

test("a cursor that it overtook is BAD_CURSOR; later ones, and other organizations', go on", async () => {
  const [one, two] = [(await t.organization("One")).id, (await t.organization("Two")).id];
  await keep(one, 1);
  const body = `${new Date().toISOString().slice(0, 23)}000Z[]`;
  for (const id of [one, two])
    await t.core.db.pool.query(
      `INSERT INTO feed_entry (organization_id, sequence, changes, body, created_at)
       SELECT $1, i, 1, $2, now() - (6 - i) * interval '8 hours' FROM generate_series(1, 5) i`,
      [id, body],
    );
  // Numbered 40, 32, 24, 16 and 8 hours ago.
  expect(await deleteOld(t.core)).toMatchObject({ feedEntries: 3 });
  const read = (id: string, after: number) => readEntries(t.core, id, { after, through: 5 });
  await expect(read(one, 1)).rejects.toThrow(BadCursorError);
  await expect(read(one, 2)).rejects.toThrow(BadCursorError);
  await expect(read(one, 3)).resolves.toEqual([]);
  await expect(read(two, 0)).resolves.toEqual([]);
});

test("stored bytes are counted over the days that it keeps", async () => {
  await t.core.db.pool.query(
    `INSERT INTO stored_day (organization_id, day, bytes)
     SELECT o, (now() AT TIME ZONE 'UTC')::date - d, 1000 FROM unnest($1::uuid[]) o, generate_series(0, 4) d
     ON CONFLICT (organization_id, day) DO UPDATE SET bytes = 1000`,
    [[short, long]],
  );
  const gate = createGate(t.core, newId(), () => {});
  const stored = async (id: string) => (await showUsage(t.core, gate, newId(), id)).storedBytes;
  expect(await Promise.all([stored(short), stored(long)])).toEqual([2_000, 5_000]);
  await dropOldUsage(t.core);
  await keep(short, null);
  expect(await Promise.all([stored(short), stored(long)])).toEqual([2_000, 5_000]);
  gate.stop();
});

test("a value above the installation's, which shrank later, is the installation's", async () => {
  await keep(short, 2_000);
  const request = await make(short, "DELIVERED", 9);
  expect(await deleteOld(t.core)).toMatchObject({ requests: 0 });
  expect(await there("webhook_request", "id", request.id)).toBe(1);
});

interface Node {
  "Node Type": string;
  "Relation Name"?: string;
  "Actual Loops": number;
  "Actual Rows": number;
  "Rows Removed by Filter"?: number;
  Plans?: Node[];
}

test("it reads as many rows as it may delete, and none of other organizations", async () => {
  const [few, many] = [(await t.organization("Few")).id, (await t.organization("Many")).id];
  const day = ago(5);
  const rows = async (organizationId: string, count: number) => {
    const { id, laneId } = await addDefinition(t.core, organizationId);
    const ids = Array.from({ length: count }, () => idAt(day));
    await t.core.db.pool.query(
      `INSERT INTO event (id, organization_id, type, payload, occurred_at, created_at) SELECT i, $1, 'a', '{}', $3, $3 FROM unnest($2::uuid[]) i`,
      [organizationId, ids, day],
    );
    await t.core.db.pool.query(
      `INSERT INTO webhook_request (id, organization_id, number, definition_id, event_id, lane_id, lane_number, position, state, dialect, event_type,
         created_at, updated_at, settled_at)
       SELECT i, $1, n, $3, i, $4, n, n, 'DELIVERED', 'STANDARD', 'a', $5, $5, $5 FROM unnest($2::uuid[]) WITH ORDINALITY u (i, n)`,
      [organizationId, ids, id, laneId, day],
    );
    await t.core.db.pool.query(
      `INSERT INTO feed_entry (organization_id, sequence, changes, body, created_at) SELECT $1, n, 1, '', now() FROM generate_series(1, $2::int) n`,
      [organizationId, count],
    );
  };
  await rows(few, 30);
  await rows(many, 20_000);
  await t.asServer("ANALYZE");
  const client = await t.core.db.pool.connect();
  const touched = async (text: string, values: unknown[], table: RegExp): Promise<number> => {
    await client.query("BEGIN");
    const { rows: plans } = await client.query<{ "QUERY PLAN": [{ Plan: Node }] }>(
      `EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ${text}`,
      values,
    );
    await client.query("ROLLBACK");
    const count = (node: Node): number =>
      (table.test(node["Relation Name"] ?? "") && node["Node Type"] !== "ModifyTable"
        ? node["Actual Loops"] * (node["Actual Rows"] + (node["Rows Removed by Filter"] ?? 0))
        : 0) + (node.Plans ?? []).reduce((sum, child) => sum + count(child), 0);
    return count(plans[0]?.["QUERY PLAN"][0].Plan as Node);
  };
  try {
    const below = lowestId(ago(1));
    for (const [parent, text] of [
      ["webhook_request", deleteSettled],
      ["event", deleteUnneededEvents],
    ] as const) {
      const partition = (await partitionsOf(t.core, parent)).find(({ since, until }) => (since ?? 0) <= day && until > day)?.name as string;
      const log = /^(webhook_request|event)_/;
      const own = text(quoted(partition), "OWN");
      const one = await touched(own, [few, LOWEST, 1_000, ago(1), below], log);
      expect(one, parent).toBeGreaterThanOrEqual(30);
      expect(one, parent).toBeLessThan(30 * 8);
      expect(await touched(own, [many, LOWEST, 1_000, ago(1), below], log), parent).toBeLessThan(1_000 * 8);
      expect(await touched(own, [few, HIGHEST, 1_000, ago(1), below], log), parent).toBe(0);
      // The check can fail.
      expect(await touched(`SELECT count(*) FROM ${quoted(partition)} WHERE created_at < $1`, [ago(1)], log)).toBeGreaterThan(10_000);
    }
    for (const one of [oldestRequest, oldestEvent])
      expect(await touched(one.text, [few, below], /^(webhook_request|event)_/), one.name).toBeLessThan(20);
    expect(await touched(deleteOwnFeed.text, [few, ago(1), 1_000], /^feed_entry/)).toBeLessThan(100);
    expect(await touched(deleteOwnFeed.text, [many, ago(1), 1_000], /^feed_entry/)).toBeLessThan(5_000);
  } finally {
    client.release();
  }
}, 60_000);
