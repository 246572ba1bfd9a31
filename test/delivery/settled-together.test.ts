/** Deliveries that nobody waits for are settled together, whatever their lanes; what somebody waits for is settled at once. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Caller } from "../../src/accounts/caller.ts";
import { createDefinition } from "../../src/definitions/definitions.ts";
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
});
afterAll(async () => {
  await engine?.close();
  await receiver?.close();
  await t?.close();
});
beforeEach(async () => {
  ({ id: organizationId, admin } = await t.organization());
  receiver.respond(200);
  const more = { ordering: "KEY" as const, retrySchedule: [1, 1] };
  const input = { name: "Orders", targetUrl: `${receiver.url}/${organizationId}`, eventTypes: ["order.*"], ...more };
  await createDefinition(t.core, admin, input, engine.engine);
});

const emit = (key: number) =>
  engine.engine.ingest.emit(organizationId, [{ type: "order.created", entity: "order", entityId: String(key), payload: "{}" }]);

async function attempts(): Promise<{ n: number; transactions: number }> {
  const { rows } = await t.core.db.pool.query<{ n: number; transactions: number }>(
    "SELECT count(*)::int AS n, count(DISTINCT xmin::text)::int AS transactions FROM attempt WHERE organization_id = $1",
    [organizationId],
  );
  return rows[0] as { n: number; transactions: number };
}

test("B100 events that come one by one, each to a lane of its own", { timeout: 20_000 }, async () => {
  for (let key = 0; key < 60; key++) await emit(key);
  await expect.poll(async () => (await attempts()).n, { timeout: 10_000 }).toBe(60);
  expect((await attempts()).transactions).toBeLessThan(30);
});

test("B100 one lane goes on while what it delivered waits to be settled, and what fails is settled at once", {
  timeout: 20_000,
}, async () => {
  for (let n = 0; n < 40; n++) await emit(1);
  await expect.poll(async () => (await attempts()).n, { timeout: 10_000 }).toBe(40);
  receiver.respond(503);
  await emit(2);
  await expect.poll(async () => (await attempts()).n, { timeout: 10_000 }).toBe(43);
  // Each of its tries was on disk before the next: none of them can be repeated by a kill.
  const { rows } = await t.core.db.pool.query<{ n: number }>(
    "SELECT count(DISTINCT xmin::text)::int AS n FROM attempt WHERE organization_id = $1 AND outcome <> 'DELIVERED'",
    [organizationId],
  );
  expect(rows[0]?.n).toBe(3);
});
