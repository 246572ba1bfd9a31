/** Deliveries that nobody waits for are settled together, whatever their lanes; what somebody waits for is settled at once. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";
import { type Delivery, openDelivery } from "./delivery-setup.ts";

let d: Delivery;
let receiver: Receiver;
beforeAll(async () => {
  d = await openDelivery();
  receiver = await startReceiver();
});
beforeEach(() => receiver.respond(200));
afterAll(async () => {
  await d?.close();
  await receiver?.close();
});

let serial = 0;
/** A definition with a lane for each key, and how its attempts came into the log. */
async function keyed() {
  const type = `together${++serial}.made`;
  const id = await d.definition({ targetUrl: receiver.url, eventTypes: [type], ordering: "KEY", retrySchedule: [1, 1] });
  const count = async (which: string) => {
    const { rows } = await d.t.core.db.pool.query<{ n: number; transactions: number }>(
      `SELECT count(*)::int AS n, count(DISTINCT a.xmin::text)::int AS transactions
         FROM attempt a JOIN webhook_request r ON r.organization_id = a.organization_id AND r.id = a.request_id WHERE r.definition_id = $1 AND ${which}`,
      [id],
    );
    return rows[0] as { n: number; transactions: number };
  };
  return { emit: (key: number) => d.emit(type, { entity: "order", entityId: String(key) }), count };
}

test("B100 events that come one by one, each to a lane of its own", { timeout: 20_000 }, async () => {
  const { emit, count } = await keyed();
  for (let key = 0; key < 60; key++) await emit(key);
  await expect.poll(async () => (await count("true")).n, { timeout: 10_000 }).toBe(60);
  expect((await count("true")).transactions).toBeLessThan(30);
});

test("B100 one lane goes on while what it delivered waits to be settled, and what fails is settled at once", {
  timeout: 20_000,
}, async () => {
  const { emit, count } = await keyed();
  for (let n = 0; n < 40; n++) await emit(1);
  await expect.poll(async () => (await count("true")).n, { timeout: 10_000 }).toBe(40);
  receiver.respond(503);
  await emit(2);
  await expect.poll(async () => (await count("true")).n, { timeout: 10_000 }).toBe(43);
  // Each of its tries was on disk before the next: none of them can be repeated by a kill.
  expect((await count("a.outcome <> 'DELIVERED'")).transactions).toBe(3);
});
