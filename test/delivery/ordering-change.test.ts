/** What is sent again, or fails, after its definition began to order by another thing. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { updateDefinition } from "../../src/definitions/definitions.ts";
import { cancel, resend } from "../../src/delivery/control.ts";
import { pauseLane, resumeLane } from "../../src/delivery/lane-pause.ts";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";
import { type Delivery, openDelivery } from "./delivery-setup.ts";

let d: Delivery;
let receiver: Receiver;
beforeAll(async () => {
  d = await openDelivery();
  receiver = await startReceiver();
});
afterAll(async () => {
  await d?.close();
  await receiver?.close();
});

const change = (id: string, settings: object) => updateDefinition(d.t.core, d.t.admin, id, settings, d.engine.engine);
/** With its lane held: what is marked SENDING behind the one in flight would keep its place before those that come after it. */
async function whilePaused(lane: string | undefined, work: () => Promise<void>): Promise<void> {
  await pauseLane(d.t.core, d.t.organizationId, lane as string);
  await work();
  await resumeLane(d.t.core, d.t.organizationId, lane as string);
}
const laneOf = async (request: string) =>
  (await d.t.core.db.pool.query<{ lane_id: string }>("SELECT lane_id FROM webhook_request WHERE id = $1", [request])).rows[0]?.lane_id;

test("a resend goes to the lane of the present ordering, not beside it", async () => {
  receiver.respond({ status: 500 });
  const id = await d.definition({
    targetUrl: `${receiver.url}/a`,
    eventTypes: ["again.made"],
    ordering: "KEY",
    retrySchedule: [],
    onExhausted: "SKIP",
  });
  const old = await d.request(id, "REJECTED", await d.emit("again.made", { entity: "order", entityId: "1" }));
  const before = await laneOf(old);
  receiver.respond({ status: 200 });
  await change(id, { ordering: "DEFINITION" });
  const next = await d.request(id, "DELIVERED", await d.emit("again.made", { entity: "order", entityId: "2" }));
  expect(await laneOf(next)).not.toBe(before);
  await resend(d.t.core, d.t.organizationId, old);
  await expect
    .poll(async () => (await d.attempts(old)).map(({ outcome }) => outcome), { timeout: 10_000 })
    .toEqual(["REJECTED", "DELIVERED"]);
  expect(await laneOf(old)).toBe(await laneOf(next));
});

test("those that come from the lanes of before go out in the order in which they were accepted, before all that waits", async () => {
  const seen: number[] = [];
  receiver.respond({ status: 500 });
  const id = await d.definition({
    targetUrl: `${receiver.url}/r`,
    eventTypes: ["many.made"],
    ordering: "KEY",
    retrySchedule: [],
    onExhausted: "SKIP",
  });
  const old: string[] = [];
  for (let n = 1; n <= 8; n++) {
    const event = await d.emit("many.made", { entity: "order", entityId: String(n), payload: JSON.stringify({ n }) });
    old.push(await d.request(id, "REJECTED", event));
  }
  await change(id, { ordering: "DEFINITION" });
  const gate = Promise.withResolvers<void>();
  receiver.respond(async (call) => {
    const { n } = JSON.parse(call.body.toString()).data;
    if (seen.push(n) === 1) await gate.promise;
    return { status: 200 };
  });
  const later: string[] = [];
  for (const n of [9, 10, 11]) later.push(await d.emit("many.made", { entity: "order", entityId: "9", payload: JSON.stringify({ n }) }));
  await expect.poll(() => seen).toEqual([9]);
  const lane = await laneOf(await d.request(id, "SENDING", later[0]));
  // In any order, as two people may do it.
  await whilePaused(lane, async () => {
    for (const i of [3, 0, 7, 1, 2, 6, 4, 5]) await resend(d.t.core, d.t.organizationId, old[i] as string);
  });
  gate.resolve();
  await expect.poll(() => seen, { timeout: 10_000 }).toEqual([9, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11]);
  // They are of the new lane now, and come to their places again.
  await d.request(id, "DELIVERED");
  await expect
    .poll(
      async () =>
        (
          await d.t.core.db.pool.query(
            "SELECT FROM lane_entry e JOIN lane l ON l.organization_id = e.organization_id AND l.id = e.lane_id WHERE l.definition_id = $1",
            [id],
          )
        ).rowCount,
    )
    .toBe(0);
  const again = Promise.withResolvers<void>();
  seen.length = 0;
  receiver.respond(async (call) => {
    const { n } = JSON.parse(call.body.toString()).data;
    if (seen.push(n) === 1) await again.promise;
    return { status: 200 };
  });
  await d.emit("many.made", { payload: '{"n":12}' });
  await expect.poll(() => seen).toEqual([12]);
  await whilePaused(lane, async () => {
    for (const i of [2, 1]) await resend(d.t.core, d.t.organizationId, old[i] as string, { force: true });
  });
  await d.emit("many.made", { payload: '{"n":13}' });
  again.resolve();
  await expect.poll(() => seen, { timeout: 10_000 }).toEqual([12, 2, 3, 13]);
});

test("who cancels what is being sent again in the lane of before takes it out of that lane", async () => {
  receiver.respond({ status: 500 });
  const id = await d.definition({
    targetUrl: `${receiver.url}/x`,
    eventTypes: ["cross.made"],
    ordering: "KEY",
    retrySchedule: [],
    onExhausted: "SKIP",
  });
  const request = await d.request(id, "REJECTED", await d.emit("cross.made", { entity: "order", entityId: "1" }));
  const lane = await laneOf(request);
  await change(id, { ordering: "DEFINITION", state: "STOPPED" });
  const { db } = d.t.core;
  const queued = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  // As a process of before this does it.
  const other = db.transaction(async (client) => {
    await client.query("SELECT FROM lane WHERE id = $1 FOR UPDATE", [lane]);
    await client.query("UPDATE webhook_request SET state = 'PENDING', settled_at = NULL, position = 1 WHERE id = $1", [request]);
    await client.query("INSERT INTO lane_entry (organization_id, lane_id, position, request_id) VALUES ($1, $2, 1, $3)", [
      d.t.organizationId,
      lane,
      request,
    ]);
    queued.resolve();
    await asked.promise;
  });
  await queued.promise;
  const cancelled = cancel(d.t.core, d.t.organizationId, request);
  await expect
    .poll(
      async () =>
        (await d.t.asServer("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%FOR UPDATE OF r%'")).rowCount,
      { timeout: 10_000 },
    )
    .toBe(1);
  asked.resolve();
  await other;
  await cancelled;
  expect((await db.pool.query("SELECT FROM lane_entry WHERE request_id = $1", [request])).rowCount).toBe(0);
});

test("a head that blocks its lane stays in it", async () => {
  receiver.respond({ status: 500 });
  const id = await d.definition({
    targetUrl: `${receiver.url}/b`,
    eventTypes: ["block.made"],
    ordering: "KEY",
    retrySchedule: [],
    onExhausted: "BLOCK",
  });
  const head = await d.request(id, "REJECTED", await d.emit("block.made", { entity: "order", entityId: "1" }));
  const before = await laneOf(head);
  await change(id, { ordering: "DEFINITION" });
  receiver.respond({ status: 200 });
  await resend(d.t.core, d.t.organizationId, head);
  await d.request(id, "DELIVERED");
  expect(await laneOf(head)).toBe(before);
});

test("a strict lane stays strict, whatever its definition orders by now: its head is not passed, and blocks it", async () => {
  const seen: string[] = [];
  let fails = true;
  receiver.respond((call) => {
    const n = JSON.parse(call.body.toString()).PrimaryKey;
    seen.push(`${n}${n === 1 && fails ? "!" : ""}`);
    return { status: n === 1 && fails ? 500 : 200 };
  });
  const settings = {
    dialect: "SUPEROFFICE",
    ordering: "DEFINITION",
    retrySchedule: [300, 300],
    onExhausted: "REQUEUE",
    maxConsecutiveErrors: null,
  };
  const id = await d.definition({ targetUrl: `${receiver.url}/c`, eventTypes: ["contact.changed"], ...settings });
  for (const n of [1, 2, 3]) await d.emit("contact.changed", { entity: "contact", entityId: String(n) });
  await expect.poll(() => seen.length, { timeout: 10_000 }).toBeGreaterThan(0);
  await change(id, { ordering: "NONE" });
  // It goes through its schedule, and begins anew, at the head.
  await expect.poll(() => seen.length, { timeout: 20_000 }).toBeGreaterThan(5);
  expect(new Set(seen)).toEqual(new Set(["1!"]));
  await change(id, { onExhausted: "BLOCK" });
  await expect
    .poll(
      async () =>
        (await d.t.core.db.pool.query("SELECT FROM lane WHERE definition_id = $1 AND blocked_request_id IS NOT NULL", [id])).rowCount,
      { timeout: 10_000 },
    )
    .toBe(1);
  fails = false;
  await resend(d.t.core, d.t.organizationId, await d.request(id, "REJECTED"));
  await expect.poll(() => seen.slice(-3), { timeout: 10_000 }).toEqual(["1", "2", "3"]);
});
