/** Roll-ups: what processes wrote becomes one row, and not a call is lost or counted twice, whoever folds. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { addDuration } from "../../src/delivery/durations.ts";
import { foldDeliveries } from "../../src/requests/fold.ts";
import { deliveryStatistics } from "../../src/requests/statistics.ts";
import { totalsOf } from "../../src/requests/totals.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { addDefinition } from "../helpers/log.ts";

let t: TestCore;
beforeAll(async () => {
  t = await testCore();
});
afterAll(() => t.close());

const MINUTE = 60_000;
const minutesAgo = (n: number) => new Date(Math.floor(Date.now() / MINUTE) * MINUTE - n * MINUTE);
const process = (n: number) => `01930000-0000-7000-8000-00000000000${n}`;

async function add(
  definitionId: string,
  minute: Date,
  by: string,
  delivered: number,
  rejected: number,
  organizationId = t.organizationId,
): Promise<void> {
  const durations: number[] = [];
  for (let i = 0; i < delivered; i++) addDuration(durations, 10);
  await t.core.db.pool.query(
    `INSERT INTO delivery_minute (organization_id, definition_id, minute, process, delivered, rejected, durations, last_attempt_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $3)`,
    [organizationId, definitionId, minute, by, delivered, rejected, durations],
  );
}

const rowsOf = async (definitionId: string) =>
  (
    await t.core.db.pool.query(
      "SELECT minute, delivered, rejected, durations FROM delivery_minute WHERE definition_id = $1 ORDER BY minute",
      [definitionId],
    )
  ).rows as { minute: Date; delivered: number; rejected: number; durations: number[] }[];

test("finished minutes of all processes become one row each; totals stay what they were; two that fold at once count nothing twice", async () => {
  const { id } = await addDefinition(t.core, t.organizationId);
  for (const n of [1, 2, 3]) for (const minute of [5, 4, 0]) await add(id, minutesAgo(minute), process(n), n, 1);
  const total = { totalCalls: 3 * (1 + 2 + 3) + 9, totalErrors: 9 };
  expect((await totalsOf(t.core.db, t.organizationId, [id])).get(id)).toMatchObject(total);
  const folded = await Promise.all([foldDeliveries(t.core), foldDeliveries(await t.another())]);
  expect(folded[0].minutes + folded[1].minutes).toBe(6);
  expect((await totalsOf(t.core.db, t.organizationId, [id])).get(id)).toMatchObject(total);
  const rows = await rowsOf(id);
  // Two finished minutes as one row each (two folders may make them in two turns), and the present one as it was.
  expect(rows.filter((row) => row.minute < minutesAgo(2)).map((row) => [row.delivered, row.rejected])).toEqual([
    [6, 3],
    [6, 3],
  ]);
  expect(rows.filter((row) => row.minute >= minutesAgo(2))).toHaveLength(3);
  expect(rows[0]?.durations.reduce((sum, n) => sum + n, 0)).toBe(6);
  expect(await foldDeliveries(t.core)).toEqual({ minutes: 0, tens: 0, hours: 0, deleted: 0 });
});

test("after two days minutes are hours, after 31 days they go; the totals keep both", async () => {
  const { id } = await addDefinition(t.core, t.organizationId, "Old");
  const hour = Math.floor((Date.now() - 50 * 3_600_000) / 3_600_000) * 3_600_000;
  for (const minute of [0, 7, 59]) await add(id, new Date(hour + minute * MINUTE), process(1), 2, 0);
  await add(id, new Date(Date.now() - 32 * 86_400_000), process(1), 5, 0);
  await foldDeliveries(t.core);
  await foldDeliveries(t.core);
  expect((await rowsOf(id)).map((row) => [row.minute.getTime(), row.delivered])).toEqual([[hour, 6]]);
  expect((await totalsOf(t.core.db, t.organizationId, [id])).get(id)).toMatchObject({ totalCalls: 11 });
});

test("after two hours ten minutes are one row, and nothing is lost", async () => {
  const { id } = await addDefinition(t.core, t.organizationId, "Busy");
  const since = Math.floor((Date.now() - 6 * 3_600_000) / 3_600_000) * 3_600_000;
  for (let minute = 0; minute < 60; minute++) await add(id, new Date(since + minute * MINUTE), process(1), 2, 1);
  await foldDeliveries(t.core);
  const rows = await rowsOf(id);
  expect(rows.map((row) => [(row.minute.getTime() - since) / MINUTE, row.delivered, row.rejected])).toEqual(
    [0, 10, 20, 30, 40, 50].map((minute) => [minute, 20, 10]),
  );
  expect(rows[0]?.durations.reduce((sum, n) => sum + n, 0)).toBe(20);
  expect((await totalsOf(t.core.db, t.organizationId, [id])).get(id)).toMatchObject({ totalCalls: 180, totalErrors: 60 });
  expect((await foldDeliveries(t.core)).tens).toBe(0);
});

test("B97 the overview is the same before and after folding, and reads a row a stretch, however many webhooks there are", async () => {
  const { organizationId } = (await t.organization()).admin;
  const ids: string[] = [];
  for (let i = 0; i < 20; i++) ids.push((await addDefinition(t.core, organizationId, `Of twenty ${i}`)).id);
  const put = (id: string, minute: Date, by: string, delivered: number, rejected: number) =>
    add(id, minute, by, delivered, rejected, organizationId);
  const hour = Math.floor((Date.now() - 50 * 3_600_000) / 3_600_000) * 3_600_000;
  for (const [i, id] of ids.entries()) {
    for (const minute of [1, 7, 200, 211]) await put(id, minutesAgo(minute), process((i + minute) % 3), i, 1);
    for (const minute of [0, 30]) await put(id, new Date(hour + minute * MINUTE), process(1), i, 2);
  }
  const now = new Date();
  const asked = { since: new Date(now.getTime() - 3 * 86_400_000), buckets: 1, now };
  const seen = async () => {
    const { definitions, ...rest } = await deliveryStatistics(t.core.db, organizationId, asked);
    return { ...rest, definitions: definitions.sort((a, b) => (a.definitionId < b.definitionId ? -1 : 1)) };
  };
  const before = await seen();
  expect(before).toMatchObject({ delivered: 190 * 6, rejected: 20 * (4 + 4) });
  expect(before.definitions).toHaveLength(20);
  await Promise.all([foldDeliveries(t.core), foldDeliveries(await t.another())]);
  await foldDeliveries(t.core);
  expect(await seen()).toEqual(before);
  // The minute that is not finished; one minute, two stretches of ten, one hour.
  const { rows } = await t.core.db.pool.query(
    `SELECT count(*) FILTER (WHERE definition_id = '00000000-0000-0000-0000-000000000000')::int AS whole FROM delivery_minute WHERE organization_id = $1`,
    [organizationId],
  );
  expect(rows[0].whole).toBeLessThanOrEqual(4);
});
