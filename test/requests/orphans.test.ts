/** What hangs on something that is not there is found, and queues are mended; what only seems so is left alone. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { newId } from "../../src/clock.ts";
import { findOrphans } from "../../src/requests/orphans.ts";
import { attach, detach, partitionsOf } from "../../src/requests/partitions.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { addDefinition, addPast, addRequest, settle } from "../helpers/log.ts";

let t: TestCore;
let definition: { id: string; laneId: string };
beforeAll(async () => {
  t = await testCore({ retentionDays: 10 });
  await addPast(t.core, 15);
});
afterAll(() => t.close());
beforeEach(async () => {
  for (const table of ["lane_due", "lane_entry", "attempt", "webhook_request", "event", "lane"])
    await t.core.db.pool.query(`DELETE FROM ${table}`);
  definition = await addDefinition(t.core, t.organizationId);
});

const DAY = 86_400_000;
const ago = (days: number) => new Date(Date.now() - days * DAY);
const none = { entries: 0, due: 0, lanes: 0, attempts: 0, requests: 0 };
const run = (text: string, values: unknown[]) => t.core.db.pool.query(text, values);
const add = (createdAt?: Date) => addRequest(t.core, t.organizationId, definition, createdAt ? { createdAt } : {});
async function makeDue(): Promise<void> {
  await run("INSERT INTO lane_due (organization_id, lane_id, definition_id, due_at) VALUES ($1, $2, $3, now())", [
    t.organizationId,
    definition.laneId,
    definition.id,
  ]);
}
async function count(table: string): Promise<number> {
  const { rows } = await t.core.db.pool.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${table}`);
  return rows[0]?.n ?? -1;
}

test("whole logs have none", async () => {
  for (const days of [0, 1, 5]) {
    const request = await add(ago(days));
    await settle(t.core, t.organizationId, [{ request, state: "DELIVERED", attempt: { outcome: "DELIVERED" } }]);
  }
  await add();
  await makeDue();
  expect(await findOrphans(t.core)).toEqual(none);
});

test("B25 a stray entry is deleted and its lane goes on: what it was blocked by is nothing now", async () => {
  const stray = await add();
  const waiting = await add();
  await run("UPDATE lane SET blocked_request_id = $1, blocked_reason = 'X' WHERE id = $2", [stray.id, definition.laneId]);
  await run("DELETE FROM webhook_request WHERE id = $1", [stray.id]);
  expect(await findOrphans(t.core)).toMatchObject({ entries: 1, requests: 0, attempts: 0 });
  const { rows } = await run("SELECT request_id FROM lane_entry", []);
  expect(rows).toEqual([{ request_id: waiting.id }]);
  const lane = await run("SELECT blocked_request_id FROM lane WHERE id = $1", [definition.laneId]);
  expect(lane.rows).toEqual([{ blocked_request_id: null }]);
  expect(await count("lane_due WHERE due_at <= now()")).toBe(1);
  expect(await findOrphans(t.core)).toEqual(none);
});

test("a lane with work that is never due becomes due; one that is paused, blocked, leased or deleted does not", async () => {
  const request = await add();
  for (const [set, unset] of [
    ["paused_at = now()", "paused_at = NULL"],
    [`blocked_request_id = '${request.id}'`, "blocked_request_id = NULL"],
    ["leased_until = now() + interval '1 minute'", "leased_until = NULL"],
  ]) {
    await run(`UPDATE lane SET ${set} WHERE id = $1`, [definition.laneId]);
    expect(await findOrphans(t.core)).toEqual(none);
    await run(`UPDATE lane SET ${unset} WHERE id = $1`, [definition.laneId]);
  }
  await run("UPDATE webhook_definition SET deleted_at = now() WHERE id = $1", [definition.id]);
  expect(await findOrphans(t.core)).toEqual(none);
  await run("UPDATE webhook_definition SET deleted_at = NULL WHERE id = $1", [definition.id]);
  expect(await findOrphans(t.core)).toEqual({ ...none, lanes: 1 });
  expect(await count("lane_due WHERE due_at <= now()")).toBe(1);
});

test("what is due without a lane goes", async () => {
  await run("INSERT INTO lane_due (organization_id, lane_id, definition_id, due_at) VALUES ($1, $2, $3, 'infinity')", [
    t.organizationId,
    newId(),
    definition.id,
  ]);
  expect(await findOrphans(t.core)).toEqual({ ...none, due: 1 });
  expect(await count("lane_due")).toBe(0);
});

test("attempts without requests and requests without events are counted and left, in any partition that retention keeps", async () => {
  for (const days of [0, 3, 9]) {
    const [lost, eventless] = [await add(ago(days)), await add(ago(days))];
    const attempt = { outcome: "DELIVERED" } as const;
    await settle(t.core, t.organizationId, [
      { request: lost, state: "DELIVERED", attempt },
      { request: eventless, state: "DELIVERED", attempt },
    ]);
    await run("DELETE FROM webhook_request WHERE id = $1", [lost.id]);
    await run("DELETE FROM event WHERE id = $1", [eventless.eventId]);
  }
  expect(await findOrphans(t.core)).toEqual({ ...none, attempts: 3, requests: 3 });
  expect([await count("attempt"), await count("webhook_request")]).toEqual([6, 3]);
});

test("while a partition is outside nothing is said and nothing is deleted: what is queued in it may come back", async () => {
  const queued = await add(ago(3));
  const partition = (await partitionsOf(t.core, "webhook_request")).find(({ since, until }) => since && since <= ago(3) && ago(3) < until);
  if (!partition) throw new Error("no partition of three days ago");
  expect(await detach(t.core, partition)).toBe(true);
  expect(await findOrphans(t.core)).toBeUndefined();
  expect(await count("lane_entry")).toBe(1);
  expect(await attach(t.core, partition)).toBe(true);
  await makeDue();
  expect(await findOrphans(t.core)).toEqual(none);
  expect((await run("SELECT request_id FROM lane_entry", [])).rows).toEqual([{ request_id: queued.id }]);
});

test("a lane that somebody holds is mended the next time", async () => {
  const stray = await add();
  await run("DELETE FROM webhook_request WHERE id = $1", [stray.id]);
  const holder = await t.core.db.pool.connect();
  await holder.query("BEGIN");
  await holder.query("SELECT 1 FROM lane WHERE id = $1 FOR UPDATE", [definition.laneId]);
  expect(await findOrphans(t.core)).toEqual(none);
  await holder.query("ROLLBACK");
  holder.release();
  expect(await findOrphans(t.core)).toMatchObject({ entries: 1 });
});
