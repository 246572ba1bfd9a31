/** The picture of DESIGN.md as one test: an event in, an ordered, signed, logged delivery out. */

import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDefinition } from "../src/definitions/definitions.ts";
import { decodeBody } from "../src/delivery/changes.ts";
import type { Ingest } from "../src/events/ingest.ts";
import { type TestCore, testCore } from "./helpers/database.ts";
import { type TestEngine, testEngine } from "./helpers/engine.ts";
import { type Receiver, startReceiver } from "./helpers/receiver.ts";

let t: TestCore;
let receiver: Receiver;
let engine: TestEngine;
let ingest: Ingest;

beforeAll(async () => {
  t = await testCore({ retryScale: 0.001 });
  receiver = await startReceiver();
  engine = await testEngine(t.core);
  ingest = engine.engine.ingest;
});

afterAll(async () => {
  await engine?.close();
  await receiver?.close();
  await t?.close();
});

async function settled(count: number): Promise<{ state: string; attempt_count: number; lane_number: number }[]> {
  for (const deadline = Date.now() + 15_000; ; ) {
    const { rows } = await t.core.db.pool.query("SELECT state, attempt_count, lane_number FROM webhook_request ORDER BY number");
    if (rows.filter((r) => r.state !== "PENDING" && r.state !== "SENDING" && r.state !== "WAITING").length >= count) return rows;
    if (Date.now() > deadline) throw new Error(`not settled: ${JSON.stringify(rows)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test("30 events arrive once each, in order, signed, though the receiver fails at first", async () => {
  const { signingSecret } = await createDefinition(
    t.core,
    t.admin,
    { name: "Orders", targetUrl: `${receiver.url}/orders`, eventTypes: ["order.*"] },
    engine.engine,
  );
  receiver.respond((_, i) => (i < 3 ? 500 : 200));
  const ids: string[] = [];
  for (let i = 0; i < 30; i++) {
    const { events } = await ingest.emit(t.organizationId, [
      { type: "order.created", entity: "order", entityId: String(i), payload: `{"n":${i}.0}` },
    ]);
    ids.push(events[0]?.id ?? "");
  }
  const rows = await settled(30);
  expect(rows.map((r) => r.state)).toEqual(Array.from({ length: 30 }, () => "DELIVERED"));
  expect(rows[0]?.attempt_count).toBe(4);
  expect(receiver.maxInFlight).toBe(1);
  const bodies = receiver.calls.map((call) => call.body.toString());
  expect(bodies.slice(3).map((body) => /"data":\{"n":(\d+)\.0\}/.exec(body)?.[1])).toEqual(ids.map((_, i) => String(i)));
  expect(new Set(bodies.slice(0, 4)).size).toBe(1);
  const webhook = new Webhook(signingSecret ?? "");
  for (const call of receiver.calls) {
    expect(() => webhook.verify(call.body.toString(), call.headers as Record<string, string>)).not.toThrow();
  }
  const attempts = await t.core.db.pool.query("SELECT count(*)::int AS n FROM attempt");
  expect(attempts.rows[0].n).toBe(33);
  await t.core.db.pool.query("SELECT sequence_feed($1)", [t.organizationId]);
  const feed = await t.core.db.pool.query<{ sequence: number; changes: number; body: string }>(
    "SELECT sequence, changes, body FROM feed_entry ORDER BY sequence",
  );
  let upto = 0;
  for (const row of feed.rows) {
    upto += row.changes;
    expect(row.sequence).toBe(upto);
  }
  const changes = feed.rows.flatMap((row) => decodeBody(row.body).changes);
  expect(changes.filter((change) => change.kind === "REQUEST" && change.state === "DELIVERED")).toHaveLength(30);
});
