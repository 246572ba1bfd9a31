import { afterAll, beforeAll, expect, test } from "vitest";
import type { Core } from "../../src/core.ts";
import { createQueue, type Queue } from "../../src/db/queue.ts";
import { decodeBody } from "../../src/delivery/changes.ts";
import { resend } from "../../src/delivery/control.ts";
import { eraseEvents } from "../../src/delivery/lane-erase.ts";
import { MOST_WALKED } from "../../src/requests/ahead.ts";
import type { RequestFilter } from "../../src/requests/filter.ts";
import { planRejected } from "../../src/requests/plan-replay.ts";
import { cancelReplay, eligible, REPLAY_JOB, type ReplayRow, showReplays, startReplay } from "../../src/requests/replay.ts";
import { resumeReplays, workReplays } from "../../src/requests/replay-run.ts";
import type { RequestState } from "../../src/requests/row.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { addDefinition, addRequest, type LoggedRequest } from "../helpers/log.ts";

let t: TestCore;
/** Of processes that go on with replays, and of one that only starts them. */
const queues: Queue[] = [];
let jobs: Queue;
beforeAll(async () => {
  t = await testCore();
  jobs = await processOn(t.core, { works: false });
});
afterAll(async () => {
  for (const queue of queues) await queue.stop();
  await t.close();
});

async function processOn(core: Core, options = { works: true }): Promise<Queue> {
  const queue = createQueue(core.db.url, core.log, { worker: true });
  queues.push(queue);
  await queue.start([REPLAY_JOB]);
  // Of those that were missed: test/events/missed.test.ts.
  if (options.works) await workReplays(core, queue, () => Promise.resolve({ kind: "END", state: "FAILED" }));
  return queue;
}

async function ended(queue: Queue): Promise<void> {
  queues.splice(queues.indexOf(queue), 1);
  await queue.stop();
}

async function finished(id: string): Promise<ReplayRow> {
  for (const deadline = Date.now() + 15_000; ; ) {
    const [replay] = await showReplays(t.core, t.organizationId, [id]);
    if (replay && replay.state !== "RUNNING") return replay;
    if (Date.now() > deadline) throw new Error(JSON.stringify(replay));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function fill(states: RequestState[]): Promise<{ id: string; requests: LoggedRequest[] }> {
  const definition = await addDefinition(t.core, t.organizationId);
  const requests = [];
  for (const state of states) requests.push(await addRequest(t.core, t.organizationId, definition, { state }));
  return { id: definition.id, requests };
}

/** Those that were queued again, in the order in which that was committed. */
async function resent(definitionId: string): Promise<number[]> {
  const { pool } = t.core.db;
  await pool.query("SELECT sequence_feed($1)", [t.organizationId]);
  const feed = await pool.query<{ body: string }>("SELECT body FROM feed_entry WHERE organization_id = $1 ORDER BY sequence", [
    t.organizationId,
  ]);
  const ids = feed.rows
    .flatMap((row) => decodeBody(row.body).changes)
    .flatMap((change) =>
      change.kind === "REQUEST" && change.definitionId === definitionId && change.state === "PENDING" ? [change.requestId] : [],
    );
  const { rows } = await pool.query<{ id: string; number: number }>("SELECT id, number FROM webhook_request WHERE definition_id = $1", [
    definitionId,
  ]);
  const numbers = new Map(rows.map((row) => [row.id, row.number]));
  return ids.map((id) => numbers.get(id) as number);
}

async function replay(core: Core, filter: Parameters<typeof startReplay>[3]): Promise<ReplayRow> {
  const runner = await processOn(core);
  const { id } = await startReplay(core, jobs, t.admin, filter);
  const done = await finished(id);
  await ended(runner);
  return done;
}

test("without a state only what is REJECTED; with one, those settled states and no others", async () => {
  const states: RequestState[] = ["DELIVERED", "REJECTED", "SKIPPED", "CANCELLED", "WAITING", "REJECTED"];
  const first = await fill(states);
  const numbers = (...places: number[]) => places.map((i) => first.requests[i]?.number);
  expect(await replay(t.core, { webhookDefinitionId: first.id })).toMatchObject({ total: 2, done: 2, state: "DONE" });
  expect(await resent(first.id)).toEqual(numbers(1, 5));
  expect(await replay(t.core, { webhookDefinitionId: first.id, state: ["DELIVERED", "WAITING", "PENDING"] })).toMatchObject({
    total: 1,
    done: 1,
  });
  expect(await resent(first.id)).toEqual(numbers(1, 5, 0));
  expect(await replay(t.core, { webhookDefinitionId: first.id, lifeCycleState: ["REJECTED"] })).toMatchObject({ total: 2, done: 2 });
  expect(await resent(first.id)).toEqual(numbers(1, 5, 0, 2, 3));
  const { rows } = await t.core.db.pool.query("SELECT DISTINCT updated_by_id FROM webhook_request WHERE definition_id = $1 AND manual", [
    first.id,
  ]);
  expect(rows).toEqual([{ updated_by_id: t.admin.userId }]);
});

test("nothing to send is done at once; another organization's definition is nothing", async () => {
  const foreign = await t.organization();
  const theirs = await addDefinition(t.core, foreign.id);
  await addRequest(t.core, foreign.id, theirs, { state: "REJECTED" });
  for (const filter of [{ webhookDefinitionId: theirs.id }, { eventType: "nobody" }, { state: [] }, { number: 0 }]) {
    expect(await startReplay(t.core, jobs, t.admin, filter)).toMatchObject({ total: 0, done: 0, state: "DONE" });
  }
});

test("one that is slow by its rate keeps no place from the others", async () => {
  const slow = await fill(Array.from({ length: 8 }, () => "REJECTED"));
  const others = await fill(Array.from({ length: 5 }, () => "REJECTED"));
  const quick = await fill(Array.from({ length: 110 }, () => "REJECTED"));
  const runner = await processOn(t.core);
  const slowOnes = [];
  for (const { id } of others.requests) slowOnes.push(await startReplay(t.core, jobs, t.admin, { ids: [id] }, 1));
  const whole = await startReplay(t.core, jobs, t.admin, { webhookDefinitionId: slow.id }, 1);
  const { id } = await startReplay(t.core, jobs, t.admin, { webhookDefinitionId: quick.id });
  await finished(id);
  expect((await showReplays(t.core, t.organizationId, [whole.id]))[0]?.state).toBe("RUNNING");
  // It is as quick as its rate says, and no quicker.
  const began = performance.now();
  const rest = 8 - ((await showReplays(t.core, t.organizationId, [whole.id]))[0]?.done ?? 0);
  await finished(whole.id);
  expect(performance.now() - began).toBeGreaterThan((rest - 1.5) * 1_000);
  for (const each of slowOnes) await finished(each.id);
  await ended(runner);
});

test("what is cancelled sends nothing more, and its count is of what was sent", async () => {
  const { id, requests } = await fill(Array.from({ length: 40 }, () => "REJECTED"));
  const held = requests[3]?.id as string;
  const locked = Promise.withResolvers<void>();
  const cancelled = Promise.withResolvers<void>();
  const holding = t.core.db.transaction(async (client) => {
    await client.query("SELECT 1 FROM webhook_request WHERE id = $1 FOR UPDATE", [held]);
    locked.resolve();
    await cancelled.promise;
  });
  await locked.promise;
  const runner = await processOn(t.core);
  const started = await startReplay(t.core, jobs, t.admin, { webhookDefinitionId: id });
  await expect.poll(async () => (await showReplays(t.core, t.organizationId, [started.id]))[0]?.done, { timeout: 10_000 }).toBe(3);
  expect(await cancelReplay(t.core, t.admin, started.id)).toMatchObject({ state: "CANCELLED", done: 3 });
  cancelled.resolve();
  await holding;
  await ended(runner);
  expect(await resent(id)).toEqual(requests.slice(0, 3).map(({ number }) => number));
  expect((await showReplays(t.core, t.organizationId, [started.id]))[0]).toMatchObject({ total: 40, done: 3, failed: 0 });
});

test("what was rejected after it began is left alone", async () => {
  const { id, requests } = await fill(["REJECTED"]);
  const started = await startReplay(t.core, jobs, t.admin, { webhookDefinitionId: id });
  const [lane] = requests;
  const late = await addRequest(t.core, t.organizationId, { id, laneId: lane?.laneId as string }, { state: "REJECTED" });
  const runner = await processOn(t.core);
  expect(await finished(started.id)).toMatchObject({ total: 1, done: 1 });
  await ended(runner);
  expect(await resent(id)).not.toContain(late.number);
});

test("a process that dies in the middle is followed by another: each request is sent again once, in order", async () => {
  const { id, requests } = await fill(Array.from({ length: 90 }, () => "REJECTED"));
  const other = await t.another();
  let left = 37;
  // Its database goes away in the middle of a batch, as a kill would have it.
  const transaction: Core["db"]["transaction"] = (work) => {
    if (left-- <= 0) throw new Error("killed");
    return other.db.transaction(work);
  };
  const dying: Core = { ...other, db: { ...other.db, transaction } };
  const started = await startReplay(t.core, jobs, t.admin, { webhookDefinitionId: id });
  const first = await processOn(dying);
  while (left >= 0) await new Promise((resolve) => setTimeout(resolve, 10));
  await ended(first);
  expect(await resent(id)).toHaveLength(37);

  // What it had in hand is tried again, by whoever is there.
  const second = await processOn(t.core);
  expect(await finished(started.id)).toMatchObject({ total: 90, done: 90, state: "DONE" });
  await ended(second);
  expect(await resent(id)).toEqual(requests.map((r) => r.number));
});

test("a filter that cannot be read fails, and does not come back for ever", async () => {
  const { id } = await fill(["REJECTED"]);
  const { id: replayId } = await startReplay(t.core, jobs, t.admin, { webhookDefinitionId: id });
  await t.core.db.pool.query(`UPDATE replay SET filter = '{"state": ["NONSENSE"]}' WHERE id = $1`, [replayId]);
  const runner = await processOn(t.core);
  expect((await finished(replayId)).state).toBe("FAILED");
  await ended(runner);
});

test("one whose job is gone, as after a restore, gets another; one that goes on keeps its own", async () => {
  const { id, requests } = await fill(["REJECTED", "REJECTED"]);
  const { id: replayId } = await startReplay(t.core, jobs, t.admin, { webhookDefinitionId: id });
  await t.core.db.pool.query("DELETE FROM hookline_queue.job WHERE name = $1", [REPLAY_JOB.name]);
  expect(await resumeReplays(t.core, jobs)).toBe(0);
  const runner = await processOn(t.core);
  await t.core.db.pool.query("UPDATE replay SET updated_at = now() - interval '6 minutes' WHERE id = $1", [replayId]);
  expect(await resumeReplays(t.core, jobs)).toBe(1);
  // A second job finds that the first one was quicker.
  await resumeReplays(t.core, jobs, 0);
  expect(await finished(replayId)).toMatchObject({ total: 2, done: 2, state: "DONE" });
  await ended(runner);
  expect(await resent(id)).toEqual(requests.map((r) => r.number));
});

test("two go on beside each other, each a batch at a time, and end", async () => {
  const [first, second] = [await fill(Array.from({ length: 120 }, () => "REJECTED")), await fill(["REJECTED"])];
  const runner = await processOn(t.core);
  const started = await Promise.all([first, second].map(({ id }) => startReplay(t.core, jobs, t.admin, { webhookDefinitionId: id })));
  expect(await Promise.all(started.map(({ id }) => finished(id)))).toMatchObject([
    { total: 120, done: 120, state: "DONE" },
    { total: 1, done: 1, state: "DONE" },
  ]);
  await ended(runner);
  expect(await resent(first.id)).toEqual(first.requests.map((r) => r.number));
});

test("requests whose payload was erased are in no plan, and failed where a replay comes to them", async () => {
  const { id, requests } = await fill(["REJECTED", "REJECTED", "REJECTED"]);
  const erased = requests.slice(0, 2).map(({ eventId }) => eventId);
  await t.core.db.transaction((client) => eraseEvents(client, t.organizationId, erased));
  const plan = (filter: RequestFilter) => planRejected(t.core.db, t.organizationId, eligible(filter));
  const { rows } = await t.core.db.pool.query("SELECT created_at FROM webhook_request WHERE id = $1", [requests[2]?.id]);
  const { created_at: oldest } = rows[0];
  const shares = [{ definitionId: id, total: 1 }];
  expect(await plan({ webhookDefinitionId: id })).toEqual({ total: 1, totalCapped: false, oldest, newest: oldest, shares });
  expect(await plan({ ids: requests.slice(0, 2).map((request) => request.id) })).toEqual({
    ...{ total: 0, totalCapped: false, oldest: null, newest: null, shares: [] },
  });
  expect(await replay(t.core, { webhookDefinitionId: id })).toMatchObject({ total: 3, done: 1, failed: 2, state: "DONE" });
  expect(await resent(id)).toEqual([requests[2]?.number]);
});

test("one whose filter no index knows looks at a bounded number of requests at a time, and ends all the same", {
  timeout: 120_000,
}, async () => {
  const definition = await addDefinition(t.core, t.organizationId);
  const rows = MOST_WALKED + 5_000;
  await t.core.db.pool.query(
    `INSERT INTO webhook_request (id, organization_id, number, definition_id, event_id, lane_id, lane_number, position, state, failed, dialect,
       event_type, entity, entity_id, url, created_at, updated_at, settled_at)
     SELECT overlay(lowest_id(now() - interval '1 minute')::text placing lpad(n::text, 12, '0') from 25)::uuid, $1, n, $2, gen_random_uuid(), $3, n, n,
       'REJECTED', true, 'STANDARD', 'a.b', CASE WHEN n = $4 THEN 'rare' ELSE 'common' END, '1', 'http://x/', now(), now(), now()
     FROM generate_series(1, $4::int) n`,
    [t.organizationId, definition.id, definition.laneId, rows],
  );
  const runner = await processOn(t.core);
  const filter = { webhookDefinitionId: definition.id, entity: "rare" };
  const started = await startReplay(t.core, jobs, t.admin, filter);
  expect(started).toMatchObject({ total: 0, state: "RUNNING" });
  expect(await finished(started.id)).toMatchObject({ total: 1, done: 1, failed: 0, state: "DONE" });
  const nothing = await startReplay(t.core, jobs, t.admin, { ...filter, entity: "none" });
  expect(await finished(nothing.id)).toMatchObject({ total: 0, done: 0, state: "DONE" });
  await ended(runner);
  const { rows: left } = await t.core.db.pool.query("SELECT entity FROM webhook_request WHERE definition_id = $1 AND state = 'PENDING'", [
    definition.id,
  ]);
  expect(left).toEqual([{ entity: "rare" }]);
});

test("what was sent again and settled since a replay began is left alone, under the lane's lock too", async () => {
  const { requests } = await fill(["REJECTED", "DELIVERED"]);
  const again = (request: LoggedRequest, settledBy: Date) => resend(t.core, t.organizationId, request.id, { force: true, settledBy });
  for (const request of requests)
    await expect(again(request, new Date(Date.now() - 3_600_000))).rejects.toMatchObject({ code: "SETTLED_MEANWHILE" });
  for (const request of requests) await again(request, new Date(Date.now() + 3_600_000));
});
