/**
 * Order as a property: whatever mix of ingest, failing and slow receivers, killed processes, operators, retention and restores, a
 * receiver gets each lane in order, at least once, one at a time. Nodes are engines with connections of their own in this process, where
 * a kill strikes at a chosen step; or processes, which SIGKILL ends.
 *
 * Seed and path are printed with a failure; run one again with `ORDERING_SEED=… ORDERING_PATH=…` and `-t` with the test's name;
 * `ORDERING_SHRINK=1` makes it as short as it gets, which takes minutes. By hand it runs longer: `ORDERING_RUNS=300`, and
 * `ORDERING_PROCESS_RUNS=100`.
 */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createSandbox, type Sandbox } from "../src/delivery/sandbox/sandbox.ts";
import { testCore } from "./helpers/database.ts";
import { type Receiver, startReceiver } from "./helpers/receiver.ts";
import { checkClaims } from "./ordering/claims.ts";
import { type Move, moves } from "./ordering/moves.ts";
import { createSite, type Site } from "./ordering/site.ts";
import { createWorld } from "./ordering/world.ts";

const seed = Number(process.env["ORDERING_SEED"] ?? Date.now() % 2_000_000_000);
const path = process.env["ORDERING_PATH"];
const RUNS = Number(process.env["ORDERING_RUNS"] ?? 8);
const PROCESS_RUNS = Number(process.env["ORDERING_PROCESS_RUNS"] ?? 1);
const SHRINK = process.env["ORDERING_SHRINK"] !== undefined;
const HOURS = 36_000_000;

let receiver: Receiver;
let sandbox: Sandbox;

beforeAll(async () => {
  receiver = await startReceiver();
  sandbox = createSandbox();
});

afterAll(async () => {
  await sandbox?.close();
  await receiver?.close();
});

async function checkHistories(histories: fc.Arbitrary<Move[]>, numRuns: number, processes: boolean): Promise<void> {
  const t = await testCore();
  const site: Site = await createSite({ core: t.core, url: t.url, sandbox, processes });
  try {
    await fc.assert(
      fc.asyncProperty(histories, fc.integer(), async (history, chance) => {
        const world = await createWorld({ t, site, receiver, chance });
        try {
          for (const move of history) await world.play(move);
          await world.settle();
          checkClaims(await world.evidence());
        } finally {
          await world.close();
        }
      }),
      { seed, numRuns, endOnFailure: !SHRINK, ...(path === undefined ? {} : { path }) },
    );
  } finally {
    await site.close();
    await t.close();
  }
  expect(seed).toBeTypeOf("number");
}

test("any history keeps every lane in order, at least once, one in flight", { timeout: HOURS }, () =>
  checkHistories(fc.array(moves, { minLength: 5, maxLength: 40 }), RUNS, false),
);

test("so does one of several processes, and one that goes on in the restored backup of a database", { timeout: HOURS }, () => {
  const restored = fc.option(fc.array(moves, { minLength: 3, maxLength: 15 }), { nil: undefined });
  const histories = fc
    .tuple(fc.array(moves, { minLength: 5, maxLength: 20 }), restored)
    .map(([before, after]): Move[] => (after ? [...before, { kind: "restore" }, ...after] : before));
  return checkHistories(histories, PROCESS_RUNS, true);
});
