/** B60: payloads go, rows stay; what has still to be sent is left out, or cancelled first. A killed process is followed by another. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createQueue, type Queue } from "../../src/db/queue.ts";
import { decodeBody } from "../../src/delivery/changes.ts";
import { remove, resend } from "../../src/delivery/control.ts";
import { eraseEvents } from "../../src/delivery/lane-erase.ts";
import { endLostTests } from "../../src/delivery/lost-tests.ts";
import { sendTest } from "../../src/delivery/test-send.ts";
import { sequenceFeed } from "../../src/live/sequencer.ts";
import { MOST_WALKED } from "../../src/requests/ahead.ts";
import {
  ERASE_EVENTS_JOB,
  ERASURE_JOB,
  type ErasureRow,
  erasePayloads,
  resumeErasures,
  showErasures,
  workErasures,
} from "../../src/requests/erase.ts";
import { attach, detach, type Partition, partitionsOf } from "../../src/requests/partitions.ts";
import { type Delivery, openDelivery } from "../delivery/delivery-setup.ts";
import { addDefinition, addPast, addRequest, settle } from "../helpers/log.ts";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";

let d: Delivery;
let receiver: Receiver;
const queues: Queue[] = [];
let jobs: Queue;

async function processOn(works: boolean): Promise<Queue> {
  const queue = createQueue(d.t.core.db.url, d.t.core.log, { worker: true });
  queues.push(queue);
  await queue.start([ERASURE_JOB, ERASE_EVENTS_JOB]);
  if (works) await workErasures(d.t.core, queue, async (id) => (await sequenceFeed(d.t.core, id)).complete);
  return queue;
}

beforeAll(async () => {
  d = await openDelivery({ retryScale: 0.001 });
  receiver = await startReceiver();
  jobs = await processOn(false);
});
beforeEach(() => receiver.respond({ status: 500, body: "no, CANARY-reply" }));
afterAll(async () => {
  for (const queue of queues) await queue.stop();
  await d?.close();
  await receiver?.close();
});

async function finished(id: string): Promise<ErasureRow> {
  for (const deadline = Date.now() + 20_000; ; ) {
    const [row] = await showErasures(d.t.core, d.t.organizationId, [id]);
    if (row?.state === "DONE") return row;
    if (Date.now() > deadline) throw new Error(JSON.stringify(row));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const payload = JSON.stringify({ name: `CANARY-payload ${"x".repeat(80)}` });
const emit = (type: string) => d.emit(type, { payload, previous: payload, entity: "person", entityId: "18" });

async function everything(): Promise<string> {
  const { pool } = d.t.core.db;
  await pool.query("SELECT sequence_feed($1)", [d.t.organizationId]);
  const texts: string[] = [];
  for (const table of [
    "event",
    "webhook_request",
    "attempt",
    "feed_entry",
    "definition_counter",
    "idempotency_key",
    "erasure",
    "audit_entry",
  ]) {
    const { rows } = await pool.query(`SELECT coalesce(string_agg(t::text, ''), '') AS text FROM ${table} t`);
    texts.push(rows[0].text);
  }
  return texts.join("\n");
}

test("B60 settled requests lose their texts, also in the feed and the definition; they cannot be sent again", async () => {
  const id = await d.definition({ targetUrl: `${receiver.url}/a`, eventTypes: ["erase.a"], retrySchedule: [1] });
  const request = await d.request(id, "REJECTED", await emit("erase.a"));
  expect(await everything()).toContain("CANARY-payload");
  const runner = await processOn(true);
  const { id: erasure, total } = await erasePayloads(d.t.core, jobs, d.t.admin, { webhookDefinitionId: id }, false);
  expect(total).toBe(1);
  expect(await finished(erasure)).toMatchObject({ total: 1, erased: 1, leftOut: 0 });
  const kept = await everything();
  expect(kept).not.toContain("CANARY");
  const [row] = (await d.t.core.db.pool.query("SELECT state, attempt_count, error_code FROM webhook_request WHERE id = $1", [request]))
    .rows;
  expect(row).toEqual({ state: "REJECTED", attempt_count: 2, error_code: "HTTP_STATUS" });
  expect((await d.attempts(request)).map((attempt) => [attempt.outcome, attempt.status_code, attempt.request_body])).toEqual([
    ["REJECTED", 500, null],
    ["REJECTED", 500, null],
  ]);
  await expect(resend(d.t.core, d.t.organizationId, request, { force: true })).rejects.toMatchObject({ code: "PAYLOAD_ERASED" });
  const feed = await d.t.core.db.pool.query("SELECT body FROM feed_entry WHERE organization_id = $1", [d.t.organizationId]);
  expect(feed.rows.flatMap(({ body }) => decodeBody(body).changes).length).toBeGreaterThan(1);
  await runner.stop();
  queues.splice(queues.indexOf(runner), 1);
});

test("a filter that no index knows looks at a bounded number of requests at a time, and finds what is behind them", {
  timeout: 120_000,
}, async () => {
  const id = await d.definition({ targetUrl: `${receiver.url}/far`, eventTypes: ["erase.far"], retrySchedule: [] });
  // Before the one that matches, as their ids say.
  await d.t.core.db.pool.query(
    `INSERT INTO webhook_request (id, organization_id, number, definition_id, event_id, lane_id, lane_number, position, state, failed, dialect,
       event_type, entity, entity_id, url, created_at, updated_at, settled_at)
     SELECT overlay(lowest_id(now() - interval '1 minute')::text placing lpad(n::text, 12, '0') from 25)::uuid, $1, -n, $2, gen_random_uuid(), gen_random_uuid(), n, n,
       'REJECTED', true, 'STANDARD', 'erase.far', 'common', '1', 'http://x/', now(), now(), now()
     FROM generate_series(1, $3::int) n`,
    [d.t.organizationId, id, MOST_WALKED + 10],
  );
  const request = await d.request(id, "REJECTED", await emit("erase.far"));
  const runner = await processOn(true);
  const begun = await erasePayloads(d.t.core, jobs, d.t.admin, { webhookDefinitionId: id, entity: "person" }, false);
  expect(begun).toMatchObject({ total: 0, state: "RUNNING" });
  expect(await finished(begun.id)).toMatchObject({ total: 1, erased: 1, leftOut: 0 });
  expect((await d.attempts(request)).map((attempt) => attempt.request_body)).toEqual([null]);
  const none = await erasePayloads(d.t.core, jobs, d.t.admin, { webhookDefinitionId: id, entity: "none" }, false);
  expect(await finished(none.id)).toMatchObject({ total: 0, erased: 0, leftOut: 0 });
  await d.t.core.db.pool.query("DELETE FROM webhook_request WHERE definition_id = $1 AND number < 0", [id]);
  await runner.stop();
  queues.splice(queues.indexOf(runner), 1);
});

test("B60 what is queued is left out, with every request of its event; or cancelled first", async () => {
  const settled = await d.definition({ targetUrl: `${receiver.url}/b`, eventTypes: ["erase.b"], retrySchedule: [] });
  const waiting = await d.definition({ targetUrl: `${receiver.url}/c`, eventTypes: ["erase.b"], retrySchedule: [604_800] });
  const event = await emit("erase.b");
  const done = await d.request(settled, "REJECTED", event);
  const queued = await d.request(waiting, "WAITING", event);
  const runner = await processOn(true);
  const first = await erasePayloads(d.t.core, jobs, d.t.admin, { ids: [done] }, false);
  expect(await finished(first.id)).toMatchObject({ total: 1, erased: 0, leftOut: 1 });
  const [kept] = (await d.t.core.db.pool.query("SELECT payload FROM event WHERE id = $1", [event])).rows;
  expect(kept.payload).toBe(payload);
  const second = await erasePayloads(d.t.core, jobs, d.t.admin, { ids: [done] }, true);
  expect(await finished(second.id)).toMatchObject({ total: 1, erased: 1, leftOut: 0 });
  const [cancelled] = (await d.t.core.db.pool.query("SELECT state FROM webhook_request WHERE id = $1", [queued])).rows;
  expect(cancelled.state).toBe("CANCELLED");
  expect(await everything()).not.toContain("CANARY");
  await runner.stop();
  queues.splice(queues.indexOf(runner), 1);
});

test("B60 one whose process died before its job was done is gone on with", async () => {
  const id = await d.definition({ targetUrl: `${receiver.url}/d`, eventTypes: ["erase.d"], retrySchedule: [] });
  await d.request(id, "REJECTED", await emit("erase.d"));
  const { id: erasure } = await erasePayloads(d.t.core, { send: async () => undefined }, d.t.admin, { webhookDefinitionId: id }, false);
  const runner = await processOn(true);
  expect(await resumeErasures(d.t.core, jobs, 60_000)).toBe(0);
  expect(await resumeErasures(d.t.core, jobs, -1_000)).toBe(1);
  expect(await finished(erasure)).toMatchObject({ erased: 1 });
  await runner.stop();
  queues.splice(queues.indexOf(runner), 1);
});

test("B60 a filter that speaks of events alone means those too that no request was made of, or none any more", async () => {
  const id = await d.definition({ targetUrl: `${receiver.url}/e`, eventTypes: ["erase.e"], retrySchedule: [] });
  const person = { entity: "person", entityId: "e-33", payload, previous: payload };
  const taken = await d.emit("erase.e", person);
  const gone = await d.emit("erase.e", person);
  const unwanted = await d.emit("erase.nobody", person);
  const others = await d.emit("erase.nobody", { ...person, entityId: "e-34" });
  const request = await d.request(id, "REJECTED", taken);
  await remove(d.t.core, d.t.organizationId, await d.request(id, "REJECTED", gone));
  const runner = await processOn(true);
  // By its request it is one event alone.
  await finished((await erasePayloads(d.t.core, jobs, d.t.admin, { entity: "person", entityId: "e-33", state: ["DELIVERED"] }, false)).id);
  const left = async () =>
    (
      await d.t.core.db.pool.query("SELECT id FROM event WHERE id = ANY($1) AND payload LIKE '%CANARY%' ORDER BY id", [
        [taken, gone, unwanted, others],
      ])
    ).rows.map((row) => row.id);
  expect(await left()).toEqual([taken, gone, unwanted, others]);
  const { id: erasure } = await erasePayloads(d.t.core, jobs, d.t.admin, { entity: "person", entityId: "e-33" }, false);
  expect(await finished(erasure)).toMatchObject({ total: 1, erased: 1, leftOut: 0 });
  expect(await left()).toEqual([others]);
  await expect(resend(d.t.core, d.t.organizationId, request)).rejects.toMatchObject({ code: "PAYLOAD_ERASED" });
  // No request at all.
  await finished(
    (await erasePayloads(d.t.core, jobs, d.t.admin, { entityId: "e-34", createdBefore: new Date(Date.now() + 60_000) }, false)).id,
  );
  expect(await left()).toEqual([]);
  await runner.stop();
  queues.splice(queues.indexOf(runner), 1);
});

test("B60 what nobody has read of the live feed is erased with the rest", async () => {
  const id = await d.definition({
    targetUrl: `${receiver.url}/f`,
    eventTypes: ["erase.f"],
    retrySchedule: [],
    transformation: "function transform(event) { throw new Error('no such person: ' + event.payload.name); }",
  });
  await d.request(id, "REJECTED", await emit("erase.f"));
  const waiting = await d.t.core.db.pool.query("SELECT FROM feed_unsequenced WHERE body LIKE '%CANARY%'");
  expect(waiting.rowCount).toBeGreaterThan(0);
  const runner = await processOn(true);
  await finished((await erasePayloads(d.t.core, jobs, d.t.admin, { webhookDefinitionId: id }, false)).id);
  expect(await everything()).not.toContain("CANARY");
  await runner.stop();
  queues.splice(queues.indexOf(runner), 1);
});

test("B60 who sends a request again while it is being erased hears that it was", async () => {
  const id = await d.definition({ targetUrl: `${receiver.url}/g`, eventTypes: ["erase.g"], retrySchedule: [] });
  const event = await emit("erase.g");
  const request = await d.request(id, "REJECTED", event);
  const erased = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const erasing = d.t.core.db.transaction(async (client) => {
    expect(await eraseEvents(client, d.t.organizationId, [event])).toEqual(new Set([event]));
    erased.resolve();
    await asked.promise;
  });
  await erased.promise;
  // It may be refused before the erasing one has heard of its own end.
  const refused = expect(resend(d.t.core, d.t.organizationId, request, { force: true })).rejects.toMatchObject({
    code: "PAYLOAD_ERASED",
  });
  const waits = () => d.t.asServer("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%FOR UPDATE OF r%'");
  await expect.poll(async () => (await waits()).rowCount, { timeout: 10_000 }).toBe(1);
  asked.resolve();
  await erasing;
  await refused;
});

test("a test whose process died is settled as interrupted, and can be erased", async () => {
  const hanging = await startReceiver();
  const release = Promise.withResolvers<void>();
  hanging.respond(async () => {
    await release.promise;
    return { status: 200 };
  });
  const id = await d.definition({ targetUrl: `${hanging.url}/h`, eventTypes: ["erase.h"], timeoutMs: 30_000 });
  const { engine } = d.engine;
  const sent = { type: "erase.h", entity: "person", entityId: "h", payload };
  const sending = sendTest(d.t.core, engine, d.t.organizationId, id, sent);
  await hanging.waitFor(1);
  const request = await d.request(id, "SENDING");
  expect(await endLostTests(d.t.core)).toBe(0);
  await d.t.core.db.pool.query("UPDATE sending_test SET gives_up_at = now() - interval '1 second'");
  expect(await endLostTests(d.t.core)).toBe(1);
  expect(await d.request(id, "REJECTED")).toBe(request);
  // It was not dead at all: what is written stands.
  release.resolve();
  await sending;
  expect((await d.attempts(request)).map(({ outcome, error_code }) => [outcome, error_code])).toEqual([["INTERRUPTED", "INTERRUPTED"]]);
  expect(await d.request(id, "REJECTED")).toBe(request);
  const runner = await processOn(true);
  const { id: erasure } = await erasePayloads(d.t.core, jobs, d.t.admin, { webhookDefinitionId: id }, false);
  expect(await finished(erasure)).toMatchObject({ total: 1, erased: 1, leftOut: 0 });
  await remove(d.t.core, d.t.organizationId, request);
  await runner.stop();
  queues.splice(queues.indexOf(runner), 1);
  await hanging.close();
});

test("B60 what stands in a partition that is outside its table is waited for: it is erased, or left out, once it is back", async () => {
  const { core, organizationId, admin } = d.t;
  await addPast(core, 12);
  const createdAt = new Date(Date.now() - 10 * 86_400_000);
  const definition = await addDefinition(core, organizationId);
  const settled = await addRequest(core, organizationId, definition, { createdAt, payload, entityId: "out-settled" });
  const queued = await addRequest(core, organizationId, definition, { createdAt, payload, entityId: "out-queued" });
  await settle(core, organizationId, [
    { request: settled, state: "REJECTED", attempt: { outcome: "REJECTED", requestBody: payload, responseBody: "no, CANARY-reply" } },
  ]);
  const partitions = await partitionsOf(core, "webhook_request");
  const partition = partitions.find(({ since, until }) => since && since <= createdAt && createdAt < until) as Partition;
  expect(await detach(core, partition)).toBe(true);
  const runner = await processOn(true);
  const byId = await erasePayloads(core, jobs, admin, { ids: [settled.id] }, false);
  const byEvent = await erasePayloads(core, jobs, admin, { entityId: "out-queued" }, false);
  const both = [byId.id, byEvent.id];
  const putOff = "SELECT 1 FROM erasure WHERE id = ANY($1) AND state = 'RUNNING' AND updated_at > created_at";
  await expect.poll(async () => (await core.db.pool.query(putOff, [both])).rowCount, { timeout: 10_000 }).toBe(2);
  expect(await attach(core, partition)).toBe(true);
  expect(await finished(byId.id)).toMatchObject({ erased: 1, leftOut: 0 });
  expect(await finished(byEvent.id)).toMatchObject({ erased: 0, leftOut: 1 });
  expect((await d.attempts(settled.id)).map(({ request_body, response_body }) => [request_body, response_body])).toEqual([[null, null]]);
  const { rows } = await core.db.pool.query("SELECT id, payload FROM event WHERE id = ANY($1)", [[settled.eventId, queued.eventId]]);
  expect(new Map(rows.map((row) => [row.id, row.payload]))).toEqual(
    new Map([
      [settled.eventId, "null"],
      [queued.eventId, payload],
    ]),
  );
  await runner.stop();
  queues.splice(queues.indexOf(runner), 1);
});

test("B60 is an administrator's", async () => {
  await expect(erasePayloads(d.t.core, jobs, await d.t.caller("MEMBER"), {}, false)).rejects.toMatchObject({ code: "FORBIDDEN" });
});
