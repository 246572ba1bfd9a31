/** Lanes whose rows somebody keeps locked take nothing from the others: no connection, no lock, no place in the line. */
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";
import { type Delivery, openDelivery } from "./delivery-setup.ts";

let d: Delivery;
let receiver: Receiver;
/** Who locks: a session apart, as another process's is. */
let other: pg.Client;
beforeAll(async () => {
  d = await openDelivery();
  receiver = await startReceiver();
  other = new pg.Client({ connectionString: d.t.url });
  await other.connect();
});
afterAll(async () => {
  await other?.end();
  await d?.close();
  await receiver?.close();
});

const LANES = 60;

const settled = async (definitionId: string) =>
  (
    await other.query<{ n: number }>("SELECT count(*)::int AS n FROM webhook_request WHERE definition_id = $1 AND state = 'DELIVERED'", [
      definitionId,
    ])
  ).rows[0]?.n;

/** Sessions that wait for a lock at this moment. */
const waiting = async () =>
  (
    await other.query<{ n: number }>(
      "SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    )
  ).rows[0]?.n as number;

test("P6 sixty lanes that stay locked for seconds hold up no other lane, and are settled once they are free", {
  timeout: 30_000,
}, async () => {
  const noisy = await d.definition({ targetUrl: `${receiver.url}/noisy`, eventTypes: ["noisy.made"], ordering: "KEY" });
  const quiet = await d.definition({ targetUrl: `${receiver.url}/quiet`, eventTypes: ["quiet.made"], ordering: "KEY" });
  // Answered while the rows are locked: so that all of them have something to settle then.
  receiver.respond(({ path }) => ({ status: 200, delayMs: path.startsWith("/noisy") ? 400 : 0 }));
  await Promise.all(Array.from({ length: LANES }, (_, i) => d.emit("noisy.made", { entity: "order", entityId: String(i) })));
  await receiver.waitFor(LANES);
  await other.query("BEGIN");
  await other.query("SELECT l.id FROM lane l WHERE l.definition_id = $1 ORDER BY l.organization_id, l.id FOR UPDATE", [noisy]);
  let most = 0;
  try {
    const times: number[] = [];
    for (let i = 0; i < 40; i++) {
      await sleep(75);
      const began = performance.now();
      const eventId = await d.emit("quiet.made", { entity: "order", entityId: String(i) });
      await d.request(quiet, "DELIVERED", eventId);
      times.push(performance.now() - began);
      most = Math.max(most, await waiting());
    }
    expect(await settled(noisy)).toBe(0);
    // One stands in Postgres's line; three batches may meet a lock for a moment.
    expect(most).toBeLessThanOrEqual(4);
    expect(times.sort((a, b) => a - b)[Math.floor(times.length / 2)]).toBeLessThan(1_000);
  } finally {
    await other.query("COMMIT");
  }
  await expect.poll(() => settled(noisy), { timeout: 5_000 }).toBe(LANES);
  expect(receiver.calls.filter(({ path }) => path.startsWith("/noisy"))).toHaveLength(LANES);
});

test("P6 one lane that is locked again and again has its turn", { timeout: 30_000 }, async () => {
  const id = await d.definition({ targetUrl: `${receiver.url}/again`, eventTypes: ["again.made"] });
  receiver.respond(() => ({ status: 200, delayMs: 300 }));
  await d.emit("again.made");
  await expect.poll(() => receiver.calls.filter(({ path }) => path.startsWith("/again")).length).toBe(1);
  const lock = () => other.query(`BEGIN; SELECT l.id FROM lane l WHERE l.definition_id = '${id}' FOR UPDATE`);
  await lock();
  let over = false;
  const relocking = (async () => {
    while (!over) {
      await sleep(400);
      // Free for no longer than a message takes.
      await other.query(`COMMIT; BEGIN; SELECT l.id FROM lane l WHERE l.definition_id = '${id}' FOR UPDATE`);
    }
    await other.query("COMMIT");
  })();
  const look = new pg.Client({ connectionString: d.t.url });
  await look.connect();
  try {
    await expect
      .poll(
        async () =>
          (await look.query("SELECT state FROM webhook_request WHERE definition_id = $1", [id])).rows[0]?.state as string | undefined,
        { timeout: 15_000 },
      )
      .toBe("DELIVERED");
  } finally {
    over = true;
    await relocking;
    await look.end();
  }
});
