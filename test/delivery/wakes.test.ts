/** Lanes that a process without a worker wakes by jobs: one definition's many hide nobody else's. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { newId } from "../../src/clock.ts";
import type { PoolClient } from "../../src/db/client.ts";
import { createQueue, type Queue } from "../../src/db/queue.ts";
import { createDueLanes } from "../../src/delivery/due.ts";
import { laneRef } from "../../src/delivery/lane-id.ts";
import { type TestCore, testCore } from "../helpers/database.ts";

let t: TestCore;
let queue: Queue;
beforeAll(async () => {
  t = await testCore();
  queue = createQueue(t.url, t.core.log, { worker: false });
  await queue.start([]);
});
afterAll(async () => {
  await queue?.stop();
  await t?.close();
});

const wakesOf = (definition: string, count: number) =>
  Array.from({ length: count }, () => ({ lane: laneRef(t.organizationId, newId()), definition }));

test("B20 wake-ups of a definition with thousands of lanes: another's lane, woken after them, is taken with the first", async () => {
  const client = t.core.db.pool as unknown as PoolClient;
  const [many, another] = [newId(), newId()];
  for (let i = 0; i < 3; i++) await queue.wakeLanes(client, wakesOf(many, 1_000));
  const last = wakesOf(another, 2);
  await queue.wakeLanes(client, last);
  const taken = await queue.takeWakes();
  // The first three are the first of each call, then this one.
  expect(taken.slice(0, 4).at(-1)).toEqual(last[0]);
  expect(taken.slice(0, 8).at(-1)).toEqual(last[1]);
  let rest = taken.length;
  for (let wakes = taken; wakes.length > 0; rest += wakes.length) wakes = await queue.takeWakes();
  expect(rest).toBe(3_002);
});

test("B20 the look at what is due leaves out definitions of which enough lanes are known", async () => {
  const [many, another] = [newId(), newId()];
  const dueOf = (definition: string, count: number) =>
    t.core.db.pool.query(
      `INSERT INTO lane_due (organization_id, lane_id, definition_id, due_at)
       SELECT $1, gen_random_uuid(), $2, now() - interval '1 minute' FROM generate_series(1, $3)`,
      [t.organizationId, definition, count],
    );
  await dueOf(many, 6_000);
  await dueOf(another, 1);
  const owners = async (except: readonly string[]) =>
    (await createDueLanes(t.core.db, () => 0, 0).look(except, false)).map(({ owner }) => owner.definitionId);
  expect(new Set(await owners([]))).toEqual(new Set([many]));
  expect(await owners([many])).toEqual([another]);
  await t.core.db.pool.query("DELETE FROM lane_due WHERE definition_id = ANY($1::uuid[])", [[many, another]]);
});

test("B100 a process that rests looks again when the next lane is due, and before when it is told to", async () => {
  const definition = newId();
  const put = (due: string) =>
    t.core.db.pool.query(
      `INSERT INTO lane_due (organization_id, lane_id, definition_id, due_at) VALUES ($1, $2, $2, now() + $3::interval)
       ON CONFLICT (organization_id, lane_id) DO UPDATE SET due_at = excluded.due_at`,
      [t.organizationId, definition, due],
    );
  let now = 0;
  const due = createDueLanes(t.core.db, () => now, 5_000);
  const found = async (resting: boolean) => (await due.look([], resting)).map(({ owner }) => owner.definitionId);
  await put("3 seconds");
  expect(await found(true)).toEqual([]);
  await put("-1 seconds");
  now = 2_500;
  expect(await found(true)).toEqual([]);
  now = 3_100;
  expect(await found(true)).toEqual([definition]);
  // Nothing that is due makes it rest longer than it may.
  await put("1 hour");
  expect(await found(true)).toEqual([]);
  await put("-1 seconds");
  now = 8_000;
  expect(await found(true)).toEqual([]);
  expect(await found(false)).toEqual([definition]);
  await put("1 hour");
  expect(await found(true)).toEqual([]);
  await put("-1 seconds");
  due.again();
  expect(await found(true)).toEqual([definition]);
  await put("1 hour");
  expect(await found(true)).toEqual([]);
  await put("-1 seconds");
  due.soon();
  expect(await found(true)).toEqual([definition]);
  await t.core.db.pool.query("DELETE FROM lane_due WHERE definition_id = $1", [definition]);
});

test("B100 lanes that are parked, of a stopped definition or a paused organization, hide none from a process that rests", async () => {
  const [parked, waiting] = [newId(), newId()];
  await t.core.db.pool.query(
    `INSERT INTO lane_due (organization_id, lane_id, definition_id, due_at)
     SELECT $1, u.id, u.id, u.due FROM unnest($2::uuid[], $3::timestamptz[]) AS u(id, due)`,
    [t.organizationId, [parked, waiting], ["infinity", "2026-01-01T00:00:00Z"]],
  );
  let now = 0;
  const due = createDueLanes(t.core.db, () => now, 5_000);
  const found = async () => (await due.look([], true)).map(({ owner }) => owner.definitionId);
  expect(await found()).toEqual([waiting]);
  await t.core.db.pool.query("UPDATE lane_due SET due_at = now() + interval '2 seconds' WHERE lane_id = $1", [waiting]);
  expect(await found()).toEqual([]);
  await t.core.db.pool.query("UPDATE lane_due SET due_at = now() - interval '1 second' WHERE lane_id = $1", [waiting]);
  now = 2_100;
  expect(await found()).toEqual([waiting]);
  await t.core.db.pool.query("DELETE FROM lane_due WHERE lane_id = $1", [waiting]);
  // It rests for as long as it may, and no longer.
  expect(await found()).toEqual([]);
  now = 8_000;
  expect(await found()).toEqual([]);
  await t.core.db.pool.query("DELETE FROM lane_due WHERE lane_id = $1", [parked]);
});
