/** Random interleavings of writers that meet on the same requests, and of sequencers: each change once, in commit order. */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Core } from "../../src/core.ts";
import { readEntries } from "../../src/live/entries.ts";
import { sequenceAll, sequenceFeed } from "../../src/live/sequencer.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { addDefinition, addRequests, settle } from "./writer.ts";

let t: TestCore;
let cores: Core[];
beforeAll(async () => {
  t = await testCore();
  cores = [t.core, await t.another(), await t.another()];
});
afterAll(() => t.close());

test("resends and settles meet on one request while two processes number: no gap, no repeat, in commit order", async () => {
  const plan = fc.array(fc.array(fc.record({ request: fc.nat(2), sleep: fc.nat(8) }), { minLength: 3, maxLength: 8 }), {
    minLength: 4,
    maxLength: 12,
  });
  await fc.assert(
    fc.asyncProperty(plan, async (writers) => {
      const { id } = await t.organization();
      const requests = await addRequests(t.core, id, await addDefinition(t.core, id), 3);
      let writing = true;
      const sequencers = [cores[1] as Core, cores[2] as Core].map(async (core) => {
        while (writing) await sequenceFeed(core, id);
      });
      await Promise.all(
        writers.map(async (moves, w) => {
          for (const { request, sleep } of moves) {
            await settle(
              cores[w % 3] as Core,
              id,
              [{ request: requests[request] as (typeof requests)[0], state: w % 2 === 0 ? "PENDING" : "DELIVERED" }],
              (client) => client.query("SELECT pg_sleep($1)", [sleep / 1000]),
            );
          }
        }),
      );
      writing = false;
      await Promise.all(sequencers);
      const { sequence } = await sequenceFeed(t.core, id);
      const entries = await readEntries(t.core, id, { after: 0, through: sequence });
      expect(entries.map((e) => e.sequence)).toEqual(Array.from({ length: 3 + writers.flat().length }, (_, i) => i + 1));
      for (const { id: subject } of requests) {
        // The count is taken under the row's lock: it is the order of the commits.
        const counts = entries.filter((e) => e.subjectId === subject).map((e) => e.attemptCount);
        expect(counts).toEqual(counts.map((_, i) => i));
      }
    }),
    { numRuns: 10 },
  );
}, 120_000);

test("more transactions than one statement takes are numbered in their order, whether somebody waits for it or the chore does it", async () => {
  for (const number of [(id: string) => sequenceFeed(t.core, id), () => sequenceAll(t.core)]) {
    const { id } = await t.organization();
    await addRequests(t.core, id, await addDefinition(t.core, id), 1);
    await sequenceFeed(t.core, id);
    // The one that is there, as of 1 200 more transactions.
    await t.core.db.pool.query(
      `INSERT INTO feed_unsequenced (organization_id, changes, body, created_at)
       SELECT organization_id, 1, substr(body, 28), clock_timestamp() FROM feed_entry, generate_series(1, 1200) WHERE organization_id = $1`,
      [id],
    );
    const { rows: waiting } = await t.core.db.pool.query("SELECT draw FROM feed_unsequenced WHERE organization_id = $1 ORDER BY draw", [
      id,
    ]);
    expect(waiting).toHaveLength(1_200);
    await number(id);
    const { rows } = await t.core.db.pool.query(
      `SELECT count(*)::int AS count, max(sequence)::int AS last, (SELECT sequence::int FROM feed_head WHERE organization_id = $1) AS head,
              (SELECT count(*)::int FROM feed_unsequenced WHERE organization_id = $1) AS waiting,
              bool_and(body >= before) AS ordered
         FROM (SELECT sequence, left(body, 27) AS body, lag(left(body, 27), 1, '') OVER (ORDER BY sequence) AS before
                 FROM feed_entry WHERE organization_id = $1) f`,
      [id],
    );
    expect(rows).toEqual([{ count: 1_201, last: 1_201, head: 1_201, waiting: 0, ordered: true }]);
  }
});

test("a foreign transaction and snapshot that stay open delay nothing; a writer that does not commit delays only itself", async () => {
  const { id } = await t.organization();
  const [request, slow] = await addRequests(t.core, id, await addDefinition(t.core, id), 2);
  const foreign = await t.core.db.pool.connect();
  const open = Promise.withResolvers<void>();
  const written = Promise.withResolvers<void>();
  try {
    await foreign.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
    await foreign.query("SELECT pg_current_xact_id(), (SELECT count(*) FROM feed_unsequenced)");
    const late = settle(t.core, id, [{ request: slow as NonNullable<typeof slow>, state: "DELIVERED" }], () => {
      written.resolve();
      return open.promise;
    });
    await written.promise;
    await settle(t.core, id, [{ request: request as NonNullable<typeof request>, state: "DELIVERED" }]);
    expect((await sequenceFeed(cores[1] as Core, id)).sequence).toBe(3);
    open.resolve();
    await late;
    expect((await sequenceFeed(cores[1] as Core, id)).sequence).toBe(4);
  } finally {
    open.resolve();
    await foreign.query("ROLLBACK");
    foreign.release();
  }
});

test("the chore numbers what nobody reads", async () => {
  for (let i = 0; i < 3; i++) {
    const { id } = await t.organization();
    await addRequests(t.core, id, await addDefinition(t.core, id), 2);
  }
  expect(await sequenceAll(t.core)).toBeGreaterThanOrEqual(3);
  expect((await t.core.db.pool.query("SELECT 1 FROM feed_unsequenced")).rowCount).toBe(0);
});

test("a look walks only what came since a few seconds ago; who commits later than that is found by the next look at all", async () => {
  const { id } = await t.organization();
  const definition = await addDefinition(t.core, id);
  let now = 1_000_000;
  const core = { ...t.core, clock: { ...t.core.clock, monotonic: () => now } };
  const head = async () => (await sequenceFeed(core, id)).sequence;
  const [first] = await addRequests(t.core, id, definition, 1);
  const change = () => settle(t.core, id, [{ request: first as NonNullable<typeof first>, state: "PENDING" }]);
  expect(await head()).toBe(1);
  for (let i = 2; i <= 4; i++) {
    now += 3_000;
    await change();
    expect(await head()).toBe(i);
  }
  // As of a transaction that took its place in line before all of these, and commits now.
  const late = "INSERT INTO feed_unsequenced (organization_id, draw, changes, body) VALUES ($1, 1, 1, $2)";
  const { rows } = await t.core.db.pool.query<{ body: string }>(
    "SELECT substr(body, 28) AS body FROM feed_entry WHERE organization_id = $1 ORDER BY sequence DESC LIMIT 1",
    [id],
  );
  await t.core.db.pool.query(late, [id, rows[0]?.body]);
  now += 1_000;
  expect(await head()).toBe(4);
  now += 1_000;
  expect(await head()).toBe(5);
  expect(await readEntries(t.core, id, { after: 0, through: 5 })).toHaveLength(5);
});
