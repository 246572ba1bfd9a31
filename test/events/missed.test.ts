/** Recovery of what a definition missed: real lanes, real jobs, a real receiver. */
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Core } from "../../src/core.ts";
import { createQueue, type Queue } from "../../src/db/queue.ts";
import { updateDefinition } from "../../src/definitions/definitions.ts";
import { activateDefinitions, stopDefinitions } from "../../src/definitions/state.ts";
import { remove } from "../../src/delivery/control.ts";
import { eraseEvents } from "../../src/delivery/lane-erase.ts";
import { sendTest } from "../../src/delivery/test-send.ts";
import { ENGINE_JOBS } from "../../src/engine.ts";
import { createRunMissed } from "../../src/events/missed.ts";
import { createReplay, planReplay, type ReplayInput, recoverMissed } from "../../src/events/recovery.ts";
import { readEvents } from "../../src/requests/event.ts";
import { countRequestsOfEvent, requestsOfEvent } from "../../src/requests/event-requests.ts";
import { cancelReplay, REPLAY_JOB, type ReplayRow, showReplays } from "../../src/requests/replay.ts";
import { resumeReplays, workReplays } from "../../src/requests/replay-run.ts";
import { deleteOld } from "../../src/requests/retention.ts";
import { type Delivery, openDelivery } from "../delivery/delivery-setup.ts";
import { addPast, idAt } from "../helpers/log.ts";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";

let d: Delivery;
let receiver: Receiver;
const queues: Queue[] = [];

beforeAll(async () => {
  d = await openDelivery();
  receiver = await startReceiver();
  await workReplays(d.t.core, d.engine.queue, createRunMissed(d.t.core, d.engine.engine.ingest));
});
beforeEach(() => {
  receiver.calls.splice(0);
});
afterAll(async () => {
  for (const queue of queues) await queue.stop();
  await d?.close();
  await receiver?.close();
});

let serial = 0;
const HOUR = 3_600_000;
const ago = (ms: number) => new Date(Date.now() - ms);

async function definition(more: Record<string, unknown> = {}): Promise<{ id: string; type: string; path: string }> {
  const n = ++serial;
  const [type, path] = [`missed${n}.made`, `/missed/${n}`];
  const id = await d.definition({ targetUrl: receiver.url + path, eventTypes: [`missed${n}.*`], retrySchedule: [], ...more });
  return { id, type, path };
}
const stop = (id: string) => stopDefinitions(d.t.core, d.t.admin, [id]);
const activate = (id: string) => activateDefinitions(d.t.core, d.t.admin, [id]);
const create = (id: string, more: Partial<ReplayInput> = {}) =>
  createReplay(d.t.core, d.engine.engine.jobs, d.t.admin, {
    kind: "MISSED",
    webhookDefinitionId: id,
    since: ago(HOUR),
    filter: {},
    ...more,
  });
const plan = (id: string, more: Partial<ReplayInput> = {}) =>
  planReplay(d.t.core, d.t.admin, { kind: "MISSED", webhookDefinitionId: id, since: ago(HOUR), filter: {}, ...more });

async function finished(id: string): Promise<ReplayRow> {
  for (const deadline = Date.now() + 20_000; ; await sleep(20)) {
    const [replay] = await showReplays(d.t.core, d.t.organizationId, [id]);
    if (replay && replay.state !== "RUNNING") return replay;
    if (Date.now() > deadline) throw new Error(JSON.stringify(replay));
  }
}

const got = (path: string) => receiver.calls.filter((call) => call.path === path).map((call) => call.json().data.n as number);
async function received(path: string, count: number): Promise<number[]> {
  await receiver.waitFor(() => got(path).length >= count);
  return got(path);
}
const emitAll = async (type: string, from: number, to: number) => {
  for (let n = from; n <= to; n++) await d.emit(type, { payload: JSON.stringify({ n }), entity: "thing", entityId: String(n % 3) });
};

describe("MISSED", () => {
  test("what came while it was stopped is sent once, in the order of the events, behind what is queued; a second run finds nothing", async () => {
    const { id, type, path } = await definition();
    await emitAll(type, 1, 2);
    await received(path, 2);
    await stop(id);
    await emitAll(type, 3, 120);
    expect(await plan(id)).toMatchObject({ total: 118, totalCapped: false, shares: [{ definitionId: id, total: 118 }] });
    await expect(create(id)).rejects.toMatchObject({ code: "DEFINITION_NOT_ACTIVE" });
    await activate(id);
    await emitAll(type, 121, 122);
    const replay = await create(id);
    expect(replay).toMatchObject({ kind: "MISSED", total: 118, failed: 0 });
    expect(await finished(replay.id)).toMatchObject({ total: 118, done: 118, failed: 0, state: "DONE", finishedAt: expect.any(Date) });
    const all = await received(path, 122);
    expect(all).toEqual([1, 2, 121, 122, ...Array.from({ length: 118 }, (_, i) => i + 3)]);
    expect(await plan(id)).toMatchObject({ total: 0, oldest: null, newest: null, shares: [] });
    expect(await finished((await create(id)).id)).toMatchObject({ total: 0, done: 0, state: "DONE" });
    const { rows } = await d.t.core.db.pool.query(
      "SELECT count(*)::int AS count, count(DISTINCT event_id)::int AS events, count(DISTINCT number)::int AS numbers FROM webhook_request WHERE definition_id = $1",
      [id],
    );
    expect(rows).toEqual([{ count: 122, events: 122, numbers: 122 }]);
  });

  test("made later: what it takes today counts, by its filter, its rules and the replay's own filter", async () => {
    const type = `later${++serial}.made`;
    for (let n = 0; n < 30; n++) await d.emit(type, { payload: JSON.stringify({ n }), entity: "thing", entityId: String(n % 3) });
    const { id, path } = await definition({ eventTypes: [type], filter: { payload: { n: { $gte: 10 } } } });
    expect(await plan(id)).toMatchObject({ total: 20 });
    expect(await plan(id, { filter: { entityId: "1" } })).toMatchObject({ total: 7 });
    expect(await plan(id, { filter: { eventType: "other.*" } })).toMatchObject({ total: 0 });
    expect(await plan(id, { until: ago(HOUR / 2) })).toMatchObject({ total: 0 });
    const some = await create(id, { filter: { entityId: "1" } });
    expect(await finished(some.id)).toMatchObject({ total: 7, done: 7 });
    expect((await received(path, 7)).sort((a, b) => a - b)).toEqual([10, 13, 16, 19, 22, 25, 28]);
    expect(await finished((await create(id)).id)).toMatchObject({ total: 13, done: 13 });
    await received(path, 20);
    await updateDefinition(d.t.core, d.t.admin, id, { filter: { payload: { n: { $lt: 3 } } } } as never, d.engine.engine);
    expect(await plan(id)).toMatchObject({ total: 3 });
  });

  test("order within lanes by key, also with what comes meanwhile", async () => {
    const type = `keyed${++serial}.made`;
    for (let n = 0; n < 90; n++) await d.emit(type, { payload: JSON.stringify({ n }), entity: "thing", entityId: String(n % 3) });
    const { id, path } = await definition({ eventTypes: [type], ordering: "KEY" });
    const replay = await create(id);
    for (let n = 90; n < 99; n++) await d.emit(type, { payload: JSON.stringify({ n }), entity: "thing", entityId: String(n % 3) });
    await finished(replay.id);
    const all = await received(path, 99);
    for (const key of [0, 1, 2]) {
      const old = all.filter((n) => n % 3 === key && n < 90);
      expect(old).toEqual([...old].sort((a, b) => a - b));
    }
    expect(new Set(all).size).toBe(99);
  });

  test("a request that was deleted, a test and its event, and another definition's requests are not missed", async () => {
    const { id, type, path } = await definition();
    const other = await definition({ eventTypes: [type] });
    const event = await d.emit(type, { payload: '{"n":1}' });
    await received(path, 1);
    const request = await d.request(id, "DELIVERED", event);
    await remove(d.t.core, d.t.organizationId, request);
    await sendTest(d.t.core, d.engine.engine, d.t.organizationId, other.id, { type, entity: null, entityId: null, payload: '{"n":2}' });
    const tested = await d.t.core.db.pool.query<{ id: string }>("SELECT id FROM webhook_request WHERE definition_id = $1 AND is_test", [
      other.id,
    ]);
    expect(await plan(id)).toMatchObject({ total: 0 });
    await remove(d.t.core, d.t.organizationId, tested.rows[0]?.id as string);
    expect(await plan(id)).toMatchObject({ total: 0 });
    expect(await finished((await create(id)).id)).toMatchObject({ total: 0, done: 0 });
  });

  test("two replays at once make one request of each event", async () => {
    const type = `twice${++serial}.made`;
    for (let n = 0; n < 120; n++) await d.emit(type, { payload: JSON.stringify({ n }) });
    const { id, path } = await definition({ eventTypes: [type] });
    const both = await Promise.all([create(id), create(id)]);
    const ended = await Promise.all(both.map((replay) => finished(replay.id)));
    expect(ended.reduce((sum, replay) => sum + replay.done, 0)).toBe(120);
    const all = await received(path, 120);
    expect(all).toEqual(Array.from({ length: 120 }, (_, n) => n));
  });

  test("an event that is erased while its replay is written is not sent", async () => {
    const type = `erased${++serial}.made`;
    const events: string[] = [];
    for (let n = 0; n < 3; n++) events.push(await d.emit(type, { payload: JSON.stringify({ n }) }));
    const { id, path } = await definition({ eventTypes: [type] });
    const { db } = d.t.core;
    // No transaction of ours: a replay waits for those before it looks.
    const operator = new pg.Client({ connectionString: d.t.url });
    await operator.connect();
    await operator.query("BEGIN");
    await operator.query("LOCK TABLE recovered_event IN SHARE MODE");
    const replay = await create(id);
    const waits = () => d.t.asServer("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%INTO recovered_event%'");
    await expect.poll(async () => (await waits()).rowCount, { timeout: 10_000 }).toBe(1);
    await db.transaction((client) => eraseEvents(client, d.t.organizationId, [events[1] as string]));
    await operator.query("COMMIT");
    await operator.end();
    expect(await finished(replay.id)).toMatchObject({ done: 2, state: "DONE" });
    expect(await received(path, 2)).toEqual([0, 2]);
  });

  test("an event shows its requests, also those that were made days later", async () => {
    await addPast(d.t.core, 3);
    const type = `old${++serial}.made`;
    const { id } = await definition({ eventTypes: [type] });
    const moment = ago(50 * HOUR);
    const eventId = idAt(moment);
    await d.t.core.db.pool.query(
      `INSERT INTO event (id, organization_id, type, payload, occurred_at, created_at) VALUES ($1, $2, $3, '{"n":1}', $4, $4)`,
      [eventId, d.t.organizationId, type, moment],
    );
    const replay = await create(id, { since: ago(72 * HOUR) });
    expect(await finished(replay.id)).toMatchObject({ done: 1 });
    const [event] = await readEvents(d.t.core.db, d.t.organizationId, [eventId]);
    const page = { limit: 5, fromBack: false, after: undefined, before: undefined };
    const { rows } = await requestsOfEvent(d.t.core.db, event as never, page);
    expect(rows.map((row) => row.definitionId)).toEqual([id]);
    expect(await countRequestsOfEvent(d.t.core.db, event as never)).toEqual({ count: 1, capped: false });
    await d.request(id, "DELIVERED", eventId);
    // The event stays as long as the request does, however old it is.
    const old: Core = { ...d.t.core, config: { ...d.t.core.config, retentionDays: 1 } };
    await deleteOld(old);
    expect(await readEvents(d.t.core.db, d.t.organizationId, [eventId])).toHaveLength(1);
    await remove(d.t.core, d.t.organizationId, rows[0]?.id as string);
    expect(await plan(id, { since: ago(72 * HOUR) })).toMatchObject({ total: 0 });
    await deleteOld(old);
    expect(await readEvents(d.t.core.db, d.t.organizationId, [eventId])).toHaveLength(0);
    const marks = await d.t.core.db.pool.query("SELECT 1 FROM recovered_event WHERE event_id = $1", [eventId]);
    expect(marks.rowCount).toBe(0);
  });

  test("a definition that is stopped meanwhile ends it as FAILED; what is left is found by the next", async () => {
    const type = `halted${++serial}.made`;
    for (let n = 0; n < 10; n++) await d.emit(type, { payload: JSON.stringify({ n }) });
    const { id, path } = await definition({ eventTypes: [type] });
    const replay = await create(id, { ratePerSecond: 2 });
    await received(path, 2);
    await stop(id);
    const failed = await finished(replay.id);
    expect(failed.state).toBe("FAILED");
    expect(failed.done).toBeLessThan(10);
    await activate(id);
    expect(await finished((await create(id)).id)).toMatchObject({ done: 10 - failed.done, state: "DONE" });
    expect(await received(path, 10)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test("at a rate, and cancelled by hand: what it had come to stays", async () => {
    const type = `slow${++serial}.made`;
    for (let n = 0; n < 40; n++) await d.emit(type, { payload: JSON.stringify({ n }) });
    const { id, path } = await definition({ eventTypes: [type] });
    const replay = await create(id, { ratePerSecond: 5 });
    await received(path, 10);
    const took = (receiver.calls.filter((call) => call.path === path)[9] as { time: Date }).time.getTime() - replay.createdAt.getTime();
    // The second batch of five comes a second after the first.
    expect(took).toBeGreaterThan(900);
    const cancelled = await cancelReplay(d.t.core, d.t.admin, replay.id);
    expect(cancelled).toMatchObject({ state: "CANCELLED", total: 40, finishedAt: expect.any(Date) });
    await expect(cancelReplay(d.t.core, d.t.admin, replay.id)).rejects.toMatchObject({ code: "NOT_RUNNING" });
    const { done } = (await showReplays(d.t.core, d.t.organizationId, [replay.id]))[0] as ReplayRow;
    expect(done).toBeLessThan(40);
    expect(await plan(id)).toMatchObject({ total: 40 - done });
  });

  test("activation recovers in its own transaction; one whose process died before it gave it a job goes on by the chore", async () => {
    const { id, type, path } = await definition();
    await stop(id);
    await emitAll(type, 1, 5);
    let recovery: Awaited<ReturnType<typeof recoverMissed>> | undefined;
    await activateDefinitions(d.t.core, d.t.admin, [id], async (client) => {
      recovery = await recoverMissed(d.t.core, d.engine.engine.jobs, client, d.t.admin, [id], ago(HOUR));
    });
    await resumeReplays(d.t.core, d.engine.engine.jobs, 0);
    expect(await finished(recovery?.replays[0]?.id as string)).toMatchObject({ total: 5, done: 5 });
    expect(await received(path, 5)).toEqual([1, 2, 3, 4, 5]);
  });

  test("a process that dies in the middle is followed by another, which repeats nothing", async () => {
    const type = `killed${++serial}.made`;
    for (let n = 0; n < 130; n++) await d.emit(type, { payload: JSON.stringify({ n }) });
    const { id, path } = await definition({ eventTypes: [type] });
    const replay = await create(id);
    // A second process beside the first, on the same jobs; the database goes away under it in each of its transactions.
    const other = await d.t.another();
    const dying: Core = { ...other, db: { ...other.db, transaction: () => Promise.reject(new Error("killed")) } };
    const queue = createQueue(other.db.url, other.log, { worker: true });
    queues.push(queue);
    await queue.start(ENGINE_JOBS);
    await workReplays(dying, queue, createRunMissed(dying, d.engine.engine.ingest));
    await resumeReplays(d.t.core, d.engine.engine.jobs, 0);
    expect(await finished(replay.id)).toMatchObject({ total: 130, done: 130, state: "DONE" });
    expect(await received(path, 130)).toEqual(Array.from({ length: 130 }, (_, n) => n));
    await queue.stop();
    queues.splice(queues.indexOf(queue), 1);
    expect(REPLAY_JOB.name).toBe("replay");
  });

  test("what fits no replay is refused at its place", async () => {
    const { id } = await definition();
    const issues = async (more: Partial<ReplayInput>) => {
      const error = await plan(id, more).then(
        () => undefined,
        (caught: { issues?: { path: string }[] }) => caught,
      );
      return error?.issues?.map((issue) => issue.path);
    };
    expect(await issues({ webhookDefinitionId: undefined as never })).toEqual(["webhookDefinitionId"]);
    expect(await issues({ until: ago(2 * HOUR) })).toEqual(["until"]);
    expect(await issues({ ratePerSecond: 0 })).toEqual(["ratePerSecond"]);
    expect(await issues({ filter: { url: "x", state: ["REJECTED"] } })).toEqual(["filter.url", "filter.state"]);
    expect(await issues({ kind: "REJECTED", filter: { state: ["DELIVERED"] } })).toEqual(["filter.state"]);
    const foreign = await d.t.organization();
    const theirs = { ...foreign.admin };
    await expect(
      planReplay(d.t.core, theirs, { kind: "MISSED", webhookDefinitionId: id, since: ago(HOUR), filter: {} }),
    ).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});
