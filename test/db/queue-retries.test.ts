/** What no notification tells of: a job that is tried again, and one that was given up to another kind. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { createQueue, type JobKind, type Queue } from "../../src/db/queue.ts";
import { CHORE_JOBS, warnOfOverdue } from "../../src/housekeeping.ts";
import type { Warnings } from "../../src/observe/warnings.ts";
import { type TestCore, testCore } from "../helpers/database.ts";

const payload = z.object({ n: z.number() });
const GIVEN_UP: JobKind<{ n: number }> = { name: "retries-given-up", payload };
const KIND: JobKind<{ n: number }> = { name: "retries", payload, givenUpTo: GIVEN_UP.name };
/** A look that nobody asked for comes after half a minute. */
const SOON = { timeout: 15_000, interval: 20 };

let t: TestCore;
let queue: Queue;
beforeAll(async () => {
  t = await testCore();
  queue = createQueue(t.url, t.core.log, { worker: false });
  await queue.start([GIVEN_UP, KIND]);
});
afterAll(async () => {
  await queue?.stop();
  await t?.close();
});

test("a job that fails is tried again at its moment, and what it gave up to has it right behind its last try", async () => {
  await t.asServer("UPDATE hookline_queue.queue SET retry_limit = 2, retry_delay = 1 WHERE name = 'retries'");
  const tries: number[] = [];
  const givenUp: unknown[] = [];
  await queue.work(KIND, async () => {
    tries.push(performance.now());
    throw new Error("not yet");
  });
  await queue.work(GIVEN_UP, async (job, _id, failure) => givenUp.push([job, failure]));
  await queue.send(t.core.db.pool, KIND, { n: 7 });
  await expect.poll(() => tries.length, SOON).toBe(3);
  await expect.poll(() => givenUp, SOON).toEqual([[{ n: 7 }, expect.objectContaining({ message: "not yet" })]]);
  // A second to two, then two to four.
  const [first = 0, second = 0, third = 0] = tries;
  expect(second - first).toBeGreaterThan(900);
  expect(third - second).toBeGreaterThan(1_900);
});

test("jobs that wait together are taken one behind the other, whether they were sent at once and whether one fails", async () => {
  const together: JobKind<{ n: number }> = { name: "together", payload };
  const before = createQueue(t.url, t.core.log, { worker: false });
  await before.start([together]);
  await t.core.db.transaction(async (client) => {
    for (let n = 0; n < 4; n++) await before.send(client, together, { n });
  });
  await before.stop();
  const taken: number[] = [];
  await queue.work(together, async ({ n }) => {
    taken.push(n);
    if (n === 1) throw new Error("not this one");
  });
  for (let n = 4; n < 8; n++) await queue.send(t.core.db.pool, together, { n });
  await expect.poll(() => [...new Set(taken)].sort(), SOON).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});

test("a kind with two places has both woken: what is quick does not wait for what is slow", async () => {
  const places: JobKind<{ n: number }> = { name: "places", payload };
  const before = createQueue(t.url, t.core.log, { worker: false });
  await before.start([places]);
  const slow = Promise.withResolvers<void>();
  const done: number[] = [];
  await queue.work(
    places,
    async ({ n }) => {
      if (n === 0) await slow.promise;
      done.push(n);
    },
    2,
  );
  await t.core.db.transaction(async (client) => {
    for (let n = 0; n < 6; n++) await before.send(client, places, { n });
  });
  await expect.poll(() => [...done].sort(), SOON).toEqual([1, 2, 3, 4, 5]);
  slow.resolve();
  await expect.poll(() => done.length, SOON).toBe(6);
  await before.stop();
});

test("minutes without a chore that ended well make a line, and one that has ended just now makes none", async () => {
  const lines: unknown[] = [];
  const warnings: Warnings = { warn: (...line) => void lines.push(line), flush: async () => undefined };
  await warnOfOverdue({ ...t.core, warnings }, queue);
  expect(lines).toEqual([["chores-overdue", "", { lastEnded: null }, expect.stringContaining("no chore has ended well")]]);
  const [chore] = CHORE_JOBS as [JobKind<unknown>];
  await queue.start([chore]);
  await queue.work(chore, async () => undefined);
  await queue.send(t.core.db.pool, chore, {});
  await expect.poll(() => queue.lastRuns(t.core.db.pool, [chore.name]), SOON).toHaveLength(1);
  await warnOfOverdue({ ...t.core, warnings }, queue);
  expect(lines).toHaveLength(1);
  // By the database's clock: one of ours may be wrong.
  await t.asServer(`UPDATE hookline_queue.job SET completed_on = now() - interval '6 minutes' WHERE name = '${chore.name}'`);
  await warnOfOverdue({ ...t.core, warnings }, queue);
  expect(lines).toHaveLength(2);
});
