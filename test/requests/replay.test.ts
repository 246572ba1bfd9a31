import { afterAll, beforeAll, expect, test } from "vitest";
import type { Core } from "../../src/core.ts";
import { decodeBody } from "../../src/delivery/changes.ts";
import { createReplayRunner, type ReplayRow, showReplays, startReplay } from "../../src/requests/replay.ts";
import type { RequestState } from "../../src/requests/row.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { addDefinition, addRequest, type LoggedRequest } from "../helpers/log.ts";

let t: TestCore;
beforeAll(async () => {
  t = await testCore();
});
afterAll(() => t.close());

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

async function replay(core: Core, filter: Parameters<typeof startReplay>[2]): Promise<ReplayRow> {
  const runner = createReplayRunner(core);
  runner.start();
  const { id } = await startReplay(core, t.admin, filter);
  const done = await finished(id);
  await runner.stop();
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
    expect(await startReplay(t.core, t.admin, filter)).toMatchObject({ total: 0, done: 0, state: "DONE" });
  }
});

test("what was rejected after it began is left alone", async () => {
  const { id, requests } = await fill(["REJECTED"]);
  const started = await startReplay(t.core, t.admin, { webhookDefinitionId: id });
  const [lane] = requests;
  const late = await addRequest(t.core, t.organizationId, { id, laneId: lane?.laneId as string }, { state: "REJECTED" });
  const runner = createReplayRunner(t.core);
  runner.start();
  expect(await finished(started.id)).toMatchObject({ total: 1, done: 1 });
  await runner.stop();
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
  const started = await startReplay(t.core, t.admin, { webhookDefinitionId: id });
  const first = createReplayRunner(dying);
  first.start();
  while (left >= 0) await new Promise((resolve) => setTimeout(resolve, 10));
  await first.stop();
  expect(await resent(id)).toHaveLength(37);

  const second = createReplayRunner(t.core);
  second.start();
  // The lease of the dead one has not passed yet: nobody touches it. Then it has.
  await t.core.db.pool.query("UPDATE replay SET updated_at = now() - interval '31 seconds' WHERE id = $1", [started.id]);
  expect(await finished(started.id)).toMatchObject({ total: 90, done: 90, state: "DONE" });
  await second.stop();
  expect(await resent(id)).toEqual(requests.map((r) => r.number));
});

test("a filter that cannot be read fails, and does not come back for ever", async () => {
  const { id } = await fill(["REJECTED"]);
  const { id: replayId } = await startReplay(t.core, t.admin, { webhookDefinitionId: id });
  await t.core.db.pool.query(`UPDATE replay SET filter = '{"state": ["NONSENSE"]}' WHERE id = $1`, [replayId]);
  const runner = createReplayRunner(t.core);
  runner.start();
  expect((await finished(replayId)).state).toBe("FAILED");
  await runner.stop();
});
