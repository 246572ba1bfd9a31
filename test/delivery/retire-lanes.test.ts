/** Lanes that nobody uses go, and numbers of a key never repeat or fall. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createDefinition } from "../../src/definitions/definitions.ts";
import { resend } from "../../src/delivery/control.ts";
import { pauseLane } from "../../src/delivery/lane-pause.ts";
import { retireLanes } from "../../src/delivery/retire-lanes.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { type TestEngine, testEngine } from "../helpers/engine.ts";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";

let t: TestCore;
let receiver: Receiver;
let engine: TestEngine;
let organizationId: string;
let definitionId: string;

beforeAll(async () => {
  t = await testCore({ retryScale: 0.001 });
  receiver = await startReceiver();
  engine = await testEngine(t.core, { leaseMs: 200 });
});
afterAll(async () => {
  await engine?.close();
  await receiver?.close();
  await t?.close();
});
beforeEach(async () => {
  const organization = await t.organization();
  organizationId = organization.id;
  receiver.respond(200);
  const input = { name: "Orders", targetUrl: `${receiver.url}/${organizationId}`, eventTypes: ["order.*"], ordering: "KEY" as const };
  definitionId = (await createDefinition(t.core, organization.admin, input, engine.engine)).definition.id;
});

const emit = (keys: readonly number[]) =>
  engine.engine.ingest.emit(
    organizationId,
    keys.map((key) => ({ type: "order.created", entity: "order", entityId: String(key), payload: "{}" })),
  );

async function count(text: string): Promise<number> {
  const { rows } = await t.core.db.pool.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${text}`, [organizationId]);
  return rows[0]?.n ?? -1;
}
const lanes = () => count("lane WHERE organization_id = $1");
const allIdle = () =>
  expect.poll(() => count("lane WHERE organization_id = $1 AND idle_since IS NULL"), { timeout: 30_000, interval: 50 }).toBe(0);

/** A day passes for the lanes of this definition, a minute for its floor. */
async function dayPasses(): Promise<void> {
  await t.core.db.pool.query(
    "UPDATE lane SET idle_since = now() - interval '25 hours' WHERE organization_id = $1 AND idle_since IS NOT NULL",
    [organizationId],
  );
}
async function minutePasses(): Promise<void> {
  await t.core.db.pool.query("UPDATE definition_counter SET lane_floor_at = now() - interval '61 s' WHERE definition_id = $1", [
    definitionId,
  ]);
}

test("an idle lane goes a minute after its floor rose, not before; one that is paused, blocked or young stays", async () => {
  await emit([1, 1, 1, 2, 3, 4]);
  await allIdle();
  const { rows } = await t.core.db.pool.query<{ id: string; key: string }>(
    "SELECT id, split_part(key, chr(31), 2) AS key FROM lane WHERE organization_id = $1",
    [organizationId],
  );
  const idOf = (key: number) => rows.find((row) => row.key === String(key))?.id as string;
  await pauseLane(t.core, organizationId, idOf(2));
  await t.core.db.pool.query("UPDATE lane SET blocked_request_id = id WHERE id = $1", [idOf(3)]);
  await dayPasses();
  await t.core.db.pool.query("UPDATE lane SET idle_since = now() - interval '23 hours' WHERE id = $1", [idOf(4)]);
  expect(await retireLanes(t.core)).toEqual({ raised: 1, lanes: 0 });
  expect(await retireLanes(t.core)).toEqual({ raised: 0, lanes: 0 });
  await minutePasses();
  expect(await retireLanes(t.core)).toEqual({ raised: 0, lanes: 1 });
  const left = await t.core.db.pool.query<{ id: string }>("SELECT id FROM lane WHERE organization_id = $1 ORDER BY id", [organizationId]);
  expect(left.rows.map((row) => row.id)).toEqual([idOf(2), idOf(3), idOf(4)].sort());
});

test("one of our statements that may not have seen the floor holds the lanes back; somebody else's does not", async () => {
  // The floor counts as old at once.
  const times = { idleMs: 24 * 3_600_000, floorStandsMs: 0 };
  await emit([1]);
  await allIdle();
  await dayPasses();
  const open = async (name?: string) => {
    const client = await t.core.db.pool.connect();
    if (name) await client.query(`SET application_name = '${name}'`);
    await client.query("SET idle_in_transaction_session_timeout = 0");
    // Its snapshot stays what it is: a statement that lasts.
    await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
    await client.query("SELECT 1 FROM lane LIMIT 1");
    return client;
  };
  const ours = await open();
  const foreign = await open("somebody else");
  try {
    expect(await retireLanes(t.core, undefined, times)).toEqual({ raised: 1, lanes: 0 });
    expect(await retireLanes(t.core, undefined, times)).toEqual({ raised: 0, lanes: 0 });
    await ours.query("COMMIT");
    await expect.poll(async () => (await retireLanes(t.core, undefined, times)).lanes, { timeout: 20_000 }).toBe(1);
  } finally {
    ours.release(true);
    foreign.release(true);
  }
});

test("a request whose lane has gone is sent again in a new one, above the floor", async () => {
  await emit([7]);
  await allIdle();
  await dayPasses();
  await retireLanes(t.core);
  await minutePasses();
  expect((await retireLanes(t.core)).lanes).toBe(1);
  const { rows } = await t.core.db.pool.query<{ id: string }>("SELECT id FROM webhook_request WHERE organization_id = $1", [
    organizationId,
  ]);
  await resend(t.core, organizationId, rows[0]?.id as string, { force: true });
  const arrived = () => receiver.calls.filter((call) => call.path === `/${organizationId}`).length;
  await expect.poll(arrived, { timeout: 20_000 }).toBe(2);
  await emit([7]);
  const numbers = await t.core.db.pool.query<{ lane_number: number }>(
    "SELECT lane_number FROM webhook_request WHERE organization_id = $1 ORDER BY id",
    [organizationId],
  );
  expect(numbers.rows.map((row) => row.lane_number)).toEqual([1, 2]);
});

test("numbers of a key never repeat or fall, whenever its lane goes, with events and retiring at once", { timeout: 120_000 }, async () => {
  let seed = 20_261;
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  let retired = 0;
  for (let round = 0; round < 25; round++) {
    await dayPasses();
    await minutePasses();
    const [first] = await Promise.all([
      retireLanes(t.core),
      retireLanes(await other()),
      ...Array.from({ length: 3 }, () => emit(Array.from({ length: 1 + random(6) }, () => random(12)))),
    ]);
    retired += first.lanes;
    await allIdle();
  }
  const { rows } = await t.core.db.pool.query<{ key: string; numbers: number[] }>(
    "SELECT entity_id AS key, array_agg(lane_number ORDER BY id) AS numbers FROM webhook_request WHERE organization_id = $1 GROUP BY entity_id",
    [organizationId],
  );
  expect(rows.length).toBe(12);
  for (const { key, numbers } of rows) {
    expect({ key, numbers }).toEqual({ key, numbers: [...new Set(numbers)].sort((a, b) => a - b) });
  }
  expect(retired).toBeGreaterThan(10);
  expect(await lanes()).toBeLessThanOrEqual(12);
});

let second: Awaited<ReturnType<TestCore["another"]>> | undefined;
async function other() {
  second ??= await t.another();
  return second;
}
