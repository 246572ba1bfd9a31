/** What a change of a definition means for its lanes, however many there are. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Caller } from "../../src/accounts/caller.ts";
import { createDefinition, deleteDefinition, updateDefinition } from "../../src/definitions/definitions.ts";
import { activateDefinitions, stopDefinitions } from "../../src/definitions/state.ts";
import { createDefinitionChores } from "../../src/delivery/lane-chores.ts";
import { ConflictError } from "../../src/errors.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { type TestEngine, testEngine } from "../helpers/engine.ts";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";

let t: TestCore;
let receiver: Receiver;
let engine: TestEngine;
let admin: Caller;
let organizationId: string;

beforeAll(async () => {
  t = await testCore({ retryScale: 0.001 });
  receiver = await startReceiver();
  engine = await testEngine(t.core);
  await engine.engine.feed.start();
});
afterAll(async () => {
  await engine?.close();
  await receiver?.close();
  await t?.close();
});
beforeEach(async () => {
  ({ id: organizationId, admin } = await t.organization());
  receiver.respond(200);
});

const KEYS = 1_500;
const events = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ type: "order.created", entity: "order", entityId: String(i), payload: `{"n":${i}}` }));

async function define(more: object = {}) {
  const input = {
    name: "Orders",
    targetUrl: `${receiver.url}/${organizationId}`,
    eventTypes: ["order.*"],
    ordering: "KEY" as const,
    ...more,
  };
  return (await createDefinition(t.core, admin, input, engine.engine)).definition;
}

async function count(text: string): Promise<number> {
  const { rows } = await t.core.db.pool.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${text}`, [organizationId]);
  return rows[0]?.n ?? -1;
}
const queued = () => count("lane_entry WHERE organization_id = $1");
const arrived = () => receiver.calls.filter((call) => call.path === `/${organizationId}`).length;

test("B26 stopping and activating cost no row a lane; what was queued goes on", { timeout: 90_000 }, async () => {
  const { id } = await define();
  await stopDefinitions(t.core, admin, [id]);
  await activateDefinitions(t.core, admin, [id]);
  receiver.respond(503);
  await engine.engine.ingest.emit(organizationId, events(KEYS));
  await expect.poll(arrived, { timeout: 30_000 }).toBeGreaterThan(0);
  // xmin is the transaction that wrote a row last: which lanes were written, by anyone.
  const lanes = async () =>
    (
      await t.core.db.pool.query<{ id: string; version: string }>(
        "SELECT id::text, xmin::text AS version FROM lane WHERE organization_id = $1 ORDER BY id",
        [organizationId],
      )
    ).rows;
  await stopDefinitions(t.core, admin, [id]);
  await expect.poll(() => count("lane WHERE organization_id = $1 AND leased_until > now()"), { timeout: 40_000 }).toBe(0);
  const [before, reached] = [await lanes(), arrived()];
  expect(before).toHaveLength(KEYS);
  await activateDefinitions(t.core, admin, [id]);
  await stopDefinitions(t.core, admin, [id]);
  const written = (await lanes()).filter((lane, i) => lane.version !== before[i]?.version).length;
  // A worker may take up some lanes in between; the commands themselves write none of them.
  expect(written).toBeLessThan(KEYS / 2);
  expect(arrived() - reached).toBeLessThan(KEYS / 2);
  receiver.respond(200);
  await activateDefinitions(t.core, admin, [id]);
  await expect.poll(queued, { timeout: 60_000 }).toBe(0);
  expect(await count("webhook_request WHERE organization_id = $1 AND state = 'DELIVERED'")).toBe(KEYS);
});

test("the live feed's last word of a request is the log's, however its definition is stopped and activated meanwhile", {
  timeout: 60_000,
}, async () => {
  const after = await engine.engine.feed.cursor(organizationId);
  const { id } = await define({ ordering: "NONE", retrySchedule: Array.from({ length: 20 }, () => 100) });
  const inState = (state: string) => count(`webhook_request WHERE organization_id = $1 AND state = '${state}'`);
  receiver.respond(503);
  await engine.engine.ingest.emit(organizationId, events(60));
  await expect.poll(() => inState("WAITING"), { timeout: 20_000 }).toBeGreaterThan(20);
  // In flight, and marked for sending behind them.
  receiver.hold();
  await expect.poll(() => inState("SENDING"), { timeout: 20_000 }).toBeGreaterThan(10);
  await stopDefinitions(t.core, admin, [id]);
  receiver.respond(503);
  receiver.release();
  const rest = () => count("lane WHERE organization_id = $1 AND leased_until > now()");
  await expect.poll(rest, { timeout: 40_000 }).toBe(0);
  // What waits is due at once when it is activated; stopped again, most of it is not tried.
  for (let i = 0; i < 3; i++) {
    await activateDefinitions(t.core, admin, [id]);
    await sleep(30);
    await stopDefinitions(t.core, admin, [id]);
  }
  const marks = () => count("definition_counter WHERE organization_id = $1 AND go_on_since IS NOT NULL");
  await expect.poll(async () => (await rest()) + (await marks()), { timeout: 40_000 }).toBe(0);
  const { rows } = await t.core.db.pool.query<{ id: string; state: string }>(
    "SELECT id, state FROM webhook_request WHERE organization_id = $1",
    [organizationId],
  );
  const stream = await engine.engine.feed.requests({ organizationId, filter: {}, after });
  const told = new Map<string, string>();
  const last = await engine.engine.feed.cursor(organizationId);
  for await (const { request, cursor } of stream) {
    told.set(request.id, request.state);
    if (cursor === last) break;
  }
  expect(rows.filter(({ id: request, state }) => told.get(request) !== state)).toEqual([]);
});

test("B26 going on ends where the definition is stopped meanwhile; activated again, all of it goes on", { timeout: 60_000 }, async () => {
  const { id } = await define({ retrySchedule: [600_000] });
  const inState = (state: string) => count(`webhook_request WHERE organization_id = $1 AND state = '${state}'`);
  receiver.respond(503);
  await engine.engine.ingest.emit(organizationId, events(50));
  await expect.poll(() => inState("WAITING"), { timeout: 20_000 }).toBe(50);
  await stopDefinitions(t.core, admin, [id]);
  // As left behind by an activation whose lanes were not all told yet.
  await t.core.db.pool.query("UPDATE definition_counter SET go_on_since = now() WHERE definition_id = $1", [id]);
  await createDefinitionChores(t.core).run();
  expect(await count("definition_counter WHERE organization_id = $1 AND go_on_since IS NOT NULL")).toBe(0);
  expect(await inState("WAITING")).toBe(50);
  receiver.respond(200);
  await activateDefinitions(t.core, admin, [id]);
  await expect.poll(() => inState("DELIVERED"), { timeout: 20_000 }).toBe(50);
});

test("B29 thousands of blocked lanes are set going in batches, each head tried anew", { timeout: 90_000 }, async () => {
  const { id } = await define({ onExhausted: "BLOCK", retrySchedule: [] });
  receiver.respond(500);
  await engine.engine.ingest.emit(organizationId, events(1_200));
  await expect.poll(() => count("lane WHERE organization_id = $1 AND blocked_request_id IS NOT NULL"), { timeout: 60_000 }).toBe(1_200);
  receiver.respond(200);
  await activateDefinitions(t.core, admin, [id]);
  await expect.poll(queued, { timeout: 60_000 }).toBe(0);
  expect(await count("webhook_request WHERE organization_id = $1 AND state = 'DELIVERED' AND attempt_count = 2")).toBe(1_200);
});

test("B31 what is queued of a deleted definition is cancelled, with a code, and holds nothing up", { timeout: 60_000 }, async () => {
  const { id } = await define();
  await stopDefinitions(t.core, admin, [id]);
  await activateDefinitions(t.core, admin, [id]);
  receiver.respond(503);
  await engine.engine.ingest.emit(organizationId, events(700));
  await deleteDefinition(t.core, admin, id);
  await expect.poll(queued, { timeout: 40_000 }).toBe(0);
  expect(await count("webhook_request WHERE organization_id = $1 AND state NOT IN ('CANCELLED', 'REJECTED', 'DELIVERED')")).toBe(0);
  expect(await count("webhook_request WHERE organization_id = $1 AND error_code = 'DEFINITION_DELETED'")).toBeGreaterThan(0);
  await expect.poll(() => count("lane_due WHERE organization_id = $1"), { timeout: 20_000 }).toBe(0);
});

test("B23 a dialect is not changed under requests that wait for it: the number of them is told", async () => {
  const { id } = await define({ ordering: "DEFINITION" });
  receiver.respond(503);
  await engine.engine.ingest.emit(organizationId, events(3));
  const refused = await updateDefinition(t.core, admin, id, { dialect: "COTALKER" }, engine.engine).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(ConflictError);
  expect((refused as ConflictError).message).toMatch(/^3 requests wait for the dialect STANDARD/);
  receiver.respond(200);
  await expect.poll(queued, { timeout: 20_000 }).toBe(0);
  expect((await updateDefinition(t.core, admin, id, { dialect: "COTALKER" }, engine.engine)).definition.dialect).toBe("COTALKER");
});

test("B23 an ordering that changes several times under requests that wait: all of them go out, each key in order", {
  timeout: 60_000,
}, async () => {
  const { id } = await define({ ordering: "KEY" });
  receiver.respond(503);
  const keyed = (first: number) =>
    [0, 1, 2].map((i) => ({ type: "order.created", entity: "order", entityId: "18", payload: `{"n":${first + i}}` }));
  let sent = 0;
  for (const ordering of ["DEFINITION", "KEY", "DEFINITION", "KEY"] as const) {
    await engine.engine.ingest.emit(organizationId, keyed(sent));
    sent += 3;
    await updateDefinition(t.core, admin, id, { ordering }, engine.engine);
  }
  await engine.engine.ingest.emit(organizationId, keyed(sent));
  receiver.respond(200);
  await expect.poll(queued, { timeout: 40_000 }).toBe(0);
  const order = receiver.calls
    .filter((call) => call.path === `/${organizationId}`)
    .map((call) => (JSON.parse(call.body.toString()) as { data: { n: number } }).data.n);
  const first = order.filter((n, i) => order.indexOf(n) === i);
  expect(first).toEqual(Array.from({ length: sent + 3 }, (_, n) => n));
});
