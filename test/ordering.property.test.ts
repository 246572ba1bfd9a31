/**
 * Order as a property: whatever mix of ingest, failing and slow receivers, killed processes and operators, a receiver
 * gets each lane in order, at least once, one at a time. Seed and path are printed with a failure; run one again with
 * `ORDERING_SEED=… ORDERING_PATH=…`.
 */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createPayloadQuery } from "../src/api/graphql/payload-query.ts";
import { createQueue, type Queue } from "../src/db/queue.ts";
import { createSandbox, type Sandbox } from "../src/delivery/sandbox/sandbox.ts";
import { createRunMissed } from "../src/events/missed.ts";
import { REPLAY_JOB } from "../src/requests/replay.ts";
import { workReplays } from "../src/requests/replay-run.ts";
import { type TestCore, testCore } from "./helpers/database.ts";
import { startNode, type TestNode } from "./helpers/node.ts";
import { type Receiver, startReceiver } from "./helpers/receiver.ts";
import { checkClaims } from "./ordering/claims.ts";
import { moves } from "./ordering/moves.ts";
import { createWorld } from "./ordering/world.ts";

const seed = Number(process.env["ORDERING_SEED"] ?? Date.now() % 2_000_000_000);
const path = process.env["ORDERING_PATH"];
const runs = Number(process.env["ORDERING_RUNS"] ?? 12);

let t: TestCore;
let receiver: Receiver;
let queue: Queue;
let sandbox: Sandbox;
/** Works replays, and outlives all histories. */
let recovery: TestNode;

beforeAll(async () => {
  t = await testCore();
  receiver = await startReceiver();
  queue = createQueue(t.url, t.core.log, { worker: true });
  await queue.start([REPLAY_JOB]);
  sandbox = createSandbox();
  recovery = startNode({ core: t.core, queue, sandbox }, "recovery", { worker: false });
  await workReplays(t.core, queue, createRunMissed(recovery.core, recovery.ingest));
});

afterAll(async () => {
  await recovery?.stop();
  await recovery?.close();
  await sandbox?.close();
  await queue?.stop();
  await receiver?.close();
  await t?.close();
});

test("any history keeps every lane in order, at least once, one in flight", { timeout: 600_000 }, async () => {
  const checks = { sandbox, payloadQuery: createPayloadQuery() };
  const nodeParts = { core: t.core, queue, sandbox };
  await fc.assert(
    fc.asyncProperty(fc.array(moves, { minLength: 5, maxLength: 40 }), fc.integer(), async (history, chance) => {
      const world = await createWorld({
        t,
        receiver,
        checks,
        jobs: queue,
        chance,
        start: (name, worker) => startNode(nodeParts, name, { leaseMs: 800, worker }),
      });
      try {
        for (const move of history) await world.play(move);
        await world.settle();
        checkClaims(await world.evidence());
      } finally {
        await world.close();
      }
    }),
    { seed, numRuns: runs, endOnFailure: path === undefined, ...(path === undefined ? {} : { path }) },
  );
  expect(seed).toBeTypeOf("number");
});
