/** What is sent again, or fails, after its definition began to order by another thing. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { updateDefinition } from "../../src/definitions/definitions.ts";
import { resend } from "../../src/delivery/control.ts";
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
