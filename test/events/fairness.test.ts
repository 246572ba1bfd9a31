/** Tenants ingest beside each other, whatever one of them brings or somebody keeps locked; what waits is bounded. */
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Caller } from "../../src/accounts/caller.ts";
import { createPayloadQuery } from "../../src/api/graphql/payload-query.ts";
import { createDefinition } from "../../src/definitions/definitions.ts";
import { OverloadedError, RateLimitedError, UnavailableError, ValidationError } from "../../src/errors.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { type TestEngine, testEngine } from "../helpers/engine.ts";

let t: TestCore;
let e: TestEngine;

beforeAll(async () => {
  t = await testCore({ ingestQueue: 400 });
  e = await testEngine(t.core, { worker: false });
});
afterAll(async () => {
  await e?.close();
  await t?.close();
});

async function definition(admin: Caller, name: string, settings: object = {}): Promise<string> {
  const input = { name, targetUrl: "https://receiver.example/", eventTypes: [name], ...settings };
  const parts = { sandbox: e.engine.sandbox, payloadQuery: createPayloadQuery() };
  return (await createDefinition(t.core, admin, input, parts)).definition.id;
}

/** Keeps the row of a definition's lane locked until it is let go. */
async function lockLane(definitionId: string): Promise<{ release(): Promise<void> }> {
  const client = new pg.Client({ connectionString: t.url });
  await client.connect();
  await client.query("BEGIN");
  const { rowCount } = await client.query("SELECT 1 FROM lane WHERE definition_id = $1 FOR UPDATE", [definitionId]);
  expect(rowCount).toBe(1);
  return {
    async release() {
      await client.query("ROLLBACK");
      await client.end();
    },
  };
}

const emit = (organizationId: string, type: string, count = 1) =>
  e.engine.ingest.emit(
    organizationId,
    Array.from({ length: count }, () => ({ type, payload: "{}" })),
  );

test("B28 a lane that somebody keeps locked delays its own calls only: other tenants, and other lanes of the same one, go on", async () => {
  const locked = await definition(t.admin, "locked");
  await definition(t.admin, "beside");
  const others = await Promise.all(Array.from({ length: 8 }, () => t.organization()));
  for (const other of others) {
    await definition(other.admin, "locked");
    await emit(other.id, "locked");
  }
  await emit(t.organizationId, "locked");
  const lock = await lockLane(locked);
  try {
    let ended = false;
    const waits = Promise.allSettled(Array.from({ length: 50 }, () => emit(t.organizationId, "locked"))).then((outcomes) => {
      ended = true;
      return outcomes;
    });
    // All of that while those that need the lane wait.
    let rounds = 0;
    for (; !ended; rounds++) {
      await Promise.all(others.map((other) => emit(other.id, "locked")));
      await emit(t.organizationId, "beside");
    }
    expect(rounds).toBeGreaterThan(1);
    for (const outcome of await waits) {
      expect(outcome).toMatchObject({ status: "rejected" });
      expect((outcome as PromiseRejectedResult).reason).toBeInstanceOf(UnavailableError);
    }
  } finally {
    await lock.release();
  }
  await emit(t.organizationId, "locked");
});

test("B28 order in a lane stays that of the calls, also when some had to wait for its lock", async () => {
  const id = await definition(t.admin, "ordered");
  await emit(t.organizationId, "ordered");
  const lock = await lockLane(id);
  const first = emit(t.organizationId, "ordered");
  await sleep(400);
  const second = emit(t.organizationId, "ordered");
  await sleep(100);
  await lock.release();
  const [a, b] = await Promise.all([first, second]);
  const { rows } = await t.core.db.pool.query<{ event_id: string }>(
    "SELECT event_id FROM webhook_request WHERE definition_id = $1 ORDER BY lane_number",
    [id],
  );
  expect(rows.slice(1).map((row) => row.event_id)).toEqual([a.events[0]?.id, b.events[0]?.id]);
});

test("B28 a huge call is one transaction in statements of bounded size, and a tenant beside it does not wait for it", async () => {
  const many = await t.organization();
  await Promise.all(Array.from({ length: 30 }, (_, i) => definition(many.admin, `many-${i}`, { eventTypes: ["many"] })));
  const other = await t.organization();
  await definition(other.admin, "few");
  await emit(other.id, "few");
  let ended = false;
  const huge = emit(many.id, "many", 300).then((result) => {
    ended = true;
    return result;
  });
  let beside = 0;
  for (; !ended && beside < 20; beside++) await emit(other.id, "few");
  expect(beside).toBe(20);
  const { events } = await huge;
  const { rows } = await t.core.db.pool.query(
    `SELECT count(*)::int AS requests, count(DISTINCT r.xmin::text)::int AS transactions, count(DISTINCT r.number)::int AS numbers,
       bool_and(r.number_in_lane = r.lane_number) AS ordered
     FROM (SELECT xmin, number, lane_number, row_number() OVER (PARTITION BY lane_id ORDER BY id) AS number_in_lane FROM webhook_request WHERE organization_id = $1) r`,
    [many.id],
  );
  expect(events).toHaveLength(300);
  expect(rows).toEqual([{ requests: 9_000, transactions: 1, numbers: 9_000, ordered: true }]);
  const lanes = await t.core.db.pool.query(
    `SELECT count(*)::int AS lanes, bool_and(EXISTS (SELECT 1 FROM lane_due d WHERE d.organization_id = l.organization_id AND d.lane_id = l.id)) AS due
     FROM lane l WHERE organization_id = $1`,
    [many.id],
  );
  expect(lanes.rows).toEqual([{ lanes: 30, due: true }]);
}, 60_000);

test("a call that would make more than 200 000 requests is refused with their number, and nothing of it is kept", async () => {
  const many = await t.organization();
  await Promise.all(Array.from({ length: 21 }, (_, i) => definition(many.admin, `wide-${i}`, { eventTypes: ["wide"] })));
  const before = await t.core.db.pool.query("SELECT count(*)::int AS events FROM event");
  const refused = await emit(many.id, "wide", 10_000).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(ValidationError);
  expect((refused as Error).message).toMatch(/210000 requests.*at most 200000/);
  expect((await t.core.db.pool.query("SELECT count(*)::int AS events FROM event")).rows).toEqual(before.rows);
}, 60_000);

test("what waits is bounded, of one organization and of all: beyond it 429 and 503, and what was accepted is there", async () => {
  const id = await definition(t.admin, "bounded");
  const other = await t.organization();
  await definition(other.admin, "bounded");
  const third = await t.organization();
  await emit(t.organizationId, "bounded");
  await emit(other.id, "bounded");
  // Its catalogue is known then: two calls that had to read it might not join one after the other.
  await emit(third.id, "anything");
  const lock = await lockLane(id);
  const otherLane = await t.core.db.pool.query<{ definition_id: string }>("SELECT definition_id FROM lane WHERE organization_id = $1", [
    other.id,
  ]);
  const otherLock = await lockLane(otherLane.rows[0]?.definition_id as string);
  const outcomes = Promise.allSettled([
    ...Array.from({ length: 250 }, () => emit(t.organizationId, "bounded")),
    ...Array.from({ length: 200 }, () => emit(other.id, "bounded")),
  ]);
  // All of them: each organization's wait for its own catalogue.
  await expect.poll(() => e.engine.ingest.stats.events, { interval: 1 }).toBeGreaterThanOrEqual(400);
  await expect(emit(t.organizationId, "bounded")).rejects.toBeInstanceOf(RateLimitedError);
  // Of whom nothing waits goes all the same.
  const one = emit(third.id, "anything");
  await expect(emit(third.id, "anything")).rejects.toBeInstanceOf(OverloadedError);
  await one;
  await lock.release();
  await otherLock.release();
  const done = await outcomes;
  const refused = done
    .filter((outcome) => outcome.status === "rejected")
    .map((outcome) => (outcome as PromiseRejectedResult).reason as Error);
  expect(refused.every((error) => error instanceof RateLimitedError)).toBe(true);
  expect(refused).toHaveLength(50);
  const { rows } = await t.core.db.pool.query<{ count: number }>(
    "SELECT count(*)::int AS count FROM webhook_request WHERE definition_id = $1",
    [id],
  );
  expect(rows[0]?.count).toBe(1 + 200);
  expect(e.engine.ingest.stats).toEqual({ events: 0, bytes: 0 });
});
