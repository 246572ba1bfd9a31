/** P12: retention at full rate. What is older than a day goes while events come; with a snapshot open, nothing waits. */
import type { Bench, Figure } from "../harness/bench.ts";
import { lineOf } from "../harness/bench.ts";
import { type LockWaits, watchLocks } from "../harness/network.ts";
import { pipelineRun } from "../harness/pipeline.ts";
import { makeDefinitions, type Platform, startPlatform } from "../harness/platform.ts";
import { waitUntil } from "../harness/process.ts";
import type { Check, Row } from "../harness/row.ts";
import { openSnapshot } from "../harness/snapshot.ts";
import { resetStatements, statementsOf } from "../harness/statements.ts";
import { ofRuns } from "../harness/stats.ts";
import { olderThan, seedSettled } from "../seed.ts";

/** A round of retention may be as far away as PATIENCE_MINUTES. */
const [TYPES, COUNT, OLD, SNAPSHOT_MINUTES, PATIENCE_MINUTES] = [100, 20_000, 400_000, 10, 12];
const RETENTION = { HOOKLINE_RETENTION_DAYS: "1" };

interface Installation {
  url: string;
  platform: Platform;
}

/** Old rows are there in both, so that tables are of one size; only one of them deletes. */
async function installed(bench: Bench, env: Record<string, string>): Promise<Installation> {
  const url = await bench.postgres.database();
  const first = await startPlatform(url);
  await makeDefinitions(first, { count: TYPES, targetUrl: bench.receiver.url });
  await first.stop();
  await seedSettled(url, { requests: bench.scaled(OLD), perSmall: 0, days: 10, daysAgo: 3 });
  await resetStatements(url);
  return { url, platform: await startPlatform(url, { env }) };
}

export const p12: Row = {
  name: "P12",
  title: "retention at full rate",
  long: true,
  async run(bench) {
    const keeps = await installed(bench, {});
    const deletes = await installed(bench, RETENTION);
    const count = bench.scaled(COUNT);
    const run = ({ platform }: Installation, i: number) =>
      pipelineRun(bench, platform, { count, types: TYPES, perCall: 1, offset: 1_000_000 * (i + 1) });
    const [without, beside]: [Figure[], Figure[]] = [[], []];
    const left: number[] = [await olderThan(deletes.url, 2)];
    for (const platform of [keeps, deletes]) await run(platform, -1);
    const patience = PATIENCE_MINUTES * 60_000 * bench.scale;
    const begun = async () => (await olderThan(deletes.url, 2)) < (left[0] as number);
    await waitUntil(begun, patience, "the first round of retention", 1_000).catch((error: Error) => bench.say(error.message));
    for (let i = 0; i < bench.runs; i++) {
      beside.push(await run(deletes, i));
      left.push(await olderThan(deletes.url, 2));
    }
    // Goes on until all is gone, or it is plain that it never will be.
    const gone = async () => (await olderThan(deletes.url, 2)) <= 0.05 * (left[0] as number);
    await waitUntil(gone, patience, "the end of retention", 1_000).catch((error: Error) => bench.say(error.message));
    left.push(await olderThan(deletes.url, 2));
    for (let i = 0; i < bench.runs; i++) without.push(await run(keeps, i));
    bench.say(lineOf("without retention", without));
    bench.say(lineOf("beside retention", beside));
    bench.say(`requests past their day after each run: ${left.join(" ")}`);
    const slowest = (await statementsOf(deletes.url)).reduce((a, b) => (a.maxMs >= b.maxMs ? a : b));
    await keeps.platform.stop();
    await deletes.platform.stop();

    const held = await installed(bench, {});
    await held.platform.stop();
    const snapshot = await openSnapshot(held.url);
    const platform = await startPlatform(held.url, { env: RETENTION });
    const locks: LockWaits = watchLocks(bench);
    const until = performance.now() + SNAPSHOT_MINUTES * 60_000 * bench.scale;
    const open: Figure[] = [];
    for (let i = 0; performance.now() < until || open.length === 0; i++) open.push(await run({ url: held.url, platform }, i));
    await locks.stop();
    await snapshot.close();
    await platform.stop();
    bench.say(lineOf(`with a snapshot open, ${open.length} runs`, open));
    const waiting = (100 * locks.waiting) / Math.max(1, locks.active);
    const rate = (figures: Figure[]) => `${Math.round(ofRuns(figures.map((f) => f.perSecond)).value)}/s`;
    const checks: Check[] = [
      {
        name: "rate beside retention ÷ without",
        ...ofRuns(beside.map((f, i) => f.perSecond / (without[i] as Figure).perSecond)),
        bar: 0.97,
        atLeast: true,
        detail: `${rate(beside)} against ${rate(without)}`,
      },
      {
        name: "requests past their day, at the end ÷ at first",
        value: (left.at(-1) as number) / (left[0] as number),
        bar: 0.05,
        atLeast: false,
        spread: 0,
        detail: `${left[0]} at first, ${left.at(-1)} at the end`,
      },
      {
        name: "the longest statement",
        value: slowest.maxMs,
        bar: 100,
        atLeast: false,
        spread: 0,
        unit: "ms",
        detail: slowest.text.slice(0, 90),
      },
      {
        name: "waits for a Lock, a snapshot open",
        value: waiting,
        bar: 5,
        atLeast: false,
        spread: 0,
        unit: "%",
        detail: `of active backends, 50 looks a second; ${rate(open)}`,
      },
    ];
    return checks;
  },
};
