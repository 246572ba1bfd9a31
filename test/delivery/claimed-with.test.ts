/** A lane that nobody holds is claimed by the statement that writes its first requests, unless something speaks against it. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { updateDefinition } from "../../src/definitions/definitions.ts";
import { pauseAllDeliveries, resumeAllDeliveries } from "../../src/definitions/deliveries.ts";
import { activateDefinitions, stopDefinitions } from "../../src/definitions/state.ts";
import { pauseLane, resumeLane } from "../../src/delivery/lane-pause.ts";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";
import { type Delivery, openDelivery } from "./delivery-setup.ts";

let d: Delivery;
let receiver: Receiver;
beforeAll(async () => {
  // A lane that has nothing to do is let go of after 0.7 of it.
  d = await openDelivery({ retryScale: 0.1 }, { leaseMs: 1_500 });
  receiver = await startReceiver();
});
beforeEach(() => receiver.respond(200));
afterAll(async () => {
  receiver?.release();
  await d?.close();
  await receiver?.close();
});

let serial = 0;
/** A definition whose host is known here: it has delivered. */
async function known(more: Record<string, unknown> = {}) {
  const type = `born${++serial}.made`;
  const path = `/born/${serial}`;
  const input = { targetUrl: receiver.url + path, eventTypes: [type], retrySchedule: [], ordering: "KEY", ...more };
  const id = await d.definition(input);
  const emit = (n: number, entityId: string) => d.emit(type, { payload: JSON.stringify({ n }), entity: "thing", entityId });
  await d.request(id, "DELIVERED", await emit(0, "first"));
  const numbers = () => receiver.calls.filter((call) => call.path === path).map((call) => call.json().data.n as number);
  return { id, emit, numbers };
}

/** Right after the event was accepted: its request, and the lane's. */
async function asWritten(definitionId: string, eventId: string) {
  const { rows } = await d.t.core.db.pool.query<{ state: string; lane: string; leased: boolean; due: boolean }>(
    `SELECT r.state, l.id AS lane, l.lease_token IS NOT NULL AS leased, COALESCE(q.due_at <= now(), false) AS due
       FROM webhook_request r JOIN lane l ON l.organization_id = r.organization_id AND l.id = r.lane_id
       LEFT JOIN lane_due q ON q.organization_id = l.organization_id AND q.lane_id = l.id
      WHERE r.definition_id = $1 AND r.event_id = $2`,
    [definitionId, eventId],
  );
  return rows[0];
}
const released = (lane: string) =>
  expect.poll(async () => (await d.t.core.db.pool.query("SELECT 1 FROM lane WHERE id = $1 AND idle_since IS NOT NULL", [lane])).rowCount, {
    timeout: 10_000,
  });

test.each(["KEY", "NONE", "DEFINITION"])("a new lane, and one that was let go of, is ours with its first request: %s", async (ordering) => {
  const { id, emit, numbers } = await known({ ordering });
  const key = ordering === "KEY" ? "new" : "first";
  if (ordering !== "KEY") {
    const { rows } = await d.t.core.db.pool.query<{ id: string }>("SELECT id FROM lane WHERE definition_id = $1", [id]);
    await released(rows[0]?.id as string).toBe(1);
  }
  receiver.hold();
  const one = await emit(1, key);
  const first = await asWritten(id, one);
  expect(first).toMatchObject({ state: "SENDING", leased: true, due: false });
  // It is held now, and what comes behind goes its usual way.
  const two = await emit(2, key);
  receiver.release();
  receiver.respond(200);
  await d.request(id, "DELIVERED", two);
  expect(numbers()).toEqual([0, 1, 2]);
  await released(first?.lane as string).toBe(1);
  await d.request(id, "DELIVERED", await emit(3, key));
  expect(numbers()).toEqual([0, 1, 2, 3]);
});

test("many of a call for one new lane go out in order", async () => {
  const { id, numbers } = await known();
  const inputs = Array.from({ length: 40 }, (_, i) => ({
    type: `born${serial}.made`,
    payload: JSON.stringify({ n: i + 1 }),
    entity: "thing",
    entityId: "many",
  }));
  const { events } = await d.engine.engine.ingest.emit(d.t.organizationId, inputs);
  await d.request(id, "DELIVERED", events.at(-1)?.id);
  expect(numbers()).toEqual(Array.from({ length: 41 }, (_, i) => i));
});

test("not while the definition is stopped", async () => {
  const { id, emit, numbers } = await known();
  await stopDefinitions(d.t.core, d.t.admin, [id]);
  const event = await emit(1, "stopped");
  const found = await asWritten(id, event);
  if (found) expect(found).toMatchObject({ state: "PENDING", leased: false });
  await activateDefinitions(d.t.core, d.t.admin, [id]);
  await d.request(id, "DELIVERED", await emit(2, "stopped"));
  expect(numbers()).toEqual(found ? [0, 1, 2] : [0, 2]);
});

test("not while all deliveries are paused", async () => {
  const { id, emit, numbers } = await known();
  await pauseAllDeliveries(d.t.core, d.t.admin, "maintenance");
  const event = await emit(1, "paused");
  expect(await asWritten(id, event)).toMatchObject({ state: "PENDING", leased: false });
  expect(numbers()).toEqual([0]);
  await resumeAllDeliveries(d.t.core, d.t.admin);
  await d.request(id, "DELIVERED", event);
});

test("not while the lane is paused, or blocked by its head", async () => {
  const { id, emit, numbers } = await known({ onExhausted: "BLOCK" });
  const { lane } = (await asWritten(id, await emit(1, "held"))) as { lane: string };
  await released(lane).toBe(1);
  await pauseLane(d.t.core, d.t.organizationId, lane);
  const waits = await emit(2, "held");
  expect(await asWritten(id, waits)).toMatchObject({ state: "PENDING", leased: false });
  await resumeLane(d.t.core, d.t.organizationId, lane);
  await d.request(id, "DELIVERED", waits);
  await released(lane).toBe(1);
  receiver.respond(500);
  await d.request(id, "REJECTED", await emit(3, "held"));
  await expect
    .poll(async () => (await d.t.core.db.pool.query("SELECT 1 FROM lane WHERE id = $1 AND lease_token IS NULL", [lane])).rowCount)
    .toBe(1);
  expect(await asWritten(id, await emit(4, "held"))).toMatchObject({ state: "PENDING", leased: false });
  expect(numbers()).toEqual([0, 1, 2, 3]);
});

test("not before the lanes of an earlier ordering are empty", async () => {
  const { id, emit, numbers } = await known();
  receiver.hold();
  const earlier = await emit(1, "a");
  expect(await asWritten(id, earlier)).toMatchObject({ state: "SENDING", leased: true });
  await updateDefinition(d.t.core, d.t.admin, id, { ordering: "DEFINITION" }, d.engine.engine);
  const later = await emit(2, "a");
  expect(await asWritten(id, later)).toMatchObject({ state: "PENDING", leased: false });
  receiver.release();
  receiver.respond(200);
  await d.request(id, "DELIVERED", later);
  expect(numbers()).toEqual([0, 1, 2]);
});
