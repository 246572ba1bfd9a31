/** Keys that have one event each: what their lanes hold is given back as soon as it is of no use to them. */
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createPlaces } from "../../../src/delivery/fairness/places.ts";
import { type Receiver, startReceiver } from "../../helpers/receiver.ts";
import { type Delivery, openDelivery } from "../delivery-setup.ts";

const places = createPlaces();
let d: Delivery;
let receiver: Receiver;
beforeAll(async () => {
  receiver = await startReceiver();
  // So long that no lane is let go of because its time is over.
  d = await openDelivery({}, { places, leaseMs: 60_000 });
});
afterAll(async () => {
  await d?.close();
  await receiver?.close();
});

test("B37 a lane that waits for nothing but its settlement leaves its place to others, and takes one for what comes meanwhile", async () => {
  const id = await d.definition({ targetUrl: `${receiver.url}/once`, eventTypes: ["once"], ordering: "KEY" });
  const first = await d.emit("once", { entity: "e", entityId: "1" });
  await d.request(id, "DELIVERED", first);
  const client = new pg.Client({ connectionString: d.t.url });
  await client.connect();
  // The settlement of the next one waits for the lane's row, which is locked before the answer.
  const answered = Promise.withResolvers<void>();
  receiver.respond(async () => {
    await answered.promise;
    return 200;
  });
  const calls = receiver.calls.length + 1;
  const second = await d.emit("once", { entity: "e", entityId: "1" });
  await receiver.waitFor(calls);
  expect(places.stats.used).toBe(1);
  await client.query("BEGIN");
  await client.query("SELECT FROM lane WHERE definition_id = $1 FOR UPDATE", [id]);
  answered.resolve();
  try {
    await expect.poll(() => places.stats.used).toBe(0);
    expect(await d.request(id, "SENDING", second)).toBeDefined();
  } finally {
    await client.query("ROLLBACK");
    await client.end();
  }
  const third = await d.emit("once", { entity: "e", entityId: "1" });
  await d.request(id, "DELIVERED", second);
  await d.request(id, "DELIVERED", third);
  expect(receiver.calls).toHaveLength(calls + 1);
  await expect.poll(() => places.stats).toEqual({ used: 0, waiting: 0 });
});

test("B37 of thousands of lanes that have become empty twelve thousand stay open, however long their lease", {
  timeout: 180_000,
}, async () => {
  await d.definition({ targetUrl: `${receiver.url}/many`, eventTypes: ["many"], ordering: "KEY" });
  const calls = receiver.calls.length;
  for (let at = 0; at < 13_000; at += 1_000) {
    const events = Array.from({ length: 1_000 }, (_, i) => ({ type: "many", payload: "{}", entity: "e", entityId: String(at + i) }));
    await d.engine.engine.ingest.emit(d.t.organizationId, events);
  }
  await receiver.waitFor(calls + 13_000, 90_000);
  await expect.poll(() => d.engine.engine.worker?.stats.held, { timeout: 30_000 }).toBeLessThanOrEqual(12_000);
  // A key whose lane was let go of has its next event delivered as any other.
  const again = await d.emit("many", { entity: "e", entityId: "0" });
  await receiver.waitFor(calls + 13_001);
  expect(again).toBeDefined();
});
