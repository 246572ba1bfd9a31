/** P1's single events over HOOKLINE_WORKERS=2 against 1, each side on cores of its own: shown where there are eight. */
import { execFileSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { type Bench, type Figure, lineOf } from "./bench.ts";
import { pipelineRun } from "./pipeline.ts";
import { makeDefinitions, startPlatform } from "./platform.ts";
import { treeOf } from "./process.ts";
import type { Check } from "./row.ts";
import { ofRuns } from "./stats.ts";

const [CORES, DEFINITIONS, BAR] = [8, 100, 1.6];
/** Cores of the platform; what is left is Postgres's, the load's and the receiver's. */
const PLATFORM = "0-2";
const OTHERS = `3-${CORES - 1}`;

/** With its children and all threads; those that come later inherit it. */
async function pin(pid: number, cores: string): Promise<void> {
  for (const each of await treeOf(pid)) execFileSync("taskset", ["--all-tasks", "--cpu-list", "--pid", cores, String(each.pid)]);
}

async function outcomeOf(bench: Bench, workers: number): Promise<{ figures: Figure[]; outOfOrder: number }> {
  const platform = await startPlatform(await bench.postgres.database(), { env: { HOOKLINE_WORKERS: String(workers) } });
  await makeDefinitions(platform, { count: DEFINITIONS, targetUrl: bench.receiver.url });
  await pin(platform.pid, PLATFORM);
  const run = (offset: number, count: number) => pipelineRun(bench, platform, { count, types: DEFINITIONS, perCall: 1, offset });
  await run(0, bench.scaled(4_000));
  const figures: Figure[] = [];
  let outOfOrder = 0;
  for (let i = 0; i < bench.runs; i++) {
    figures.push(await run(1_000_000 * (i + 1), bench.scaled(20_000)));
    outOfOrder += (await bench.receiver.received()).outOfOrder;
  }
  await platform.stop();
  bench.say(lineOf(`HOOKLINE_WORKERS=${workers}`, figures));
  return { figures, outOfOrder };
}

/** @param cores of this machine */
export async function workersAgainstOne(bench: Bench, cores = availableParallelism()): Promise<Check[]> {
  const name = "HOOKLINE_WORKERS=2 ÷ 1";
  const orderName = "calls out of order, HOOKLINE_WORKERS=2";
  if (cores < CORES) {
    const notShown = `${cores} cores, and ${CORES} are needed to give each side its own`;
    const shared = { value: Number.NaN, spread: 0, detail: "", notShown };
    return [
      { name, bar: BAR, atLeast: true, ...shared },
      { name: orderName, bar: 0, atLeast: false, ...shared },
    ];
  }
  await pin(bench.postgres.pid, OTHERS);
  await pin(bench.receiver.pid, OTHERS);
  const [one, two] = [await outcomeOf(bench, 1), await outcomeOf(bench, 2)];
  const rate = (figures: Figure[]) => Math.round(ofRuns(figures.map((figure) => figure.perSecond)).value);
  return [
    {
      name,
      ...ofRuns(two.figures.map((figure, i) => figure.perSecond / (one.figures[i] as Figure).perSecond)),
      bar: BAR,
      atLeast: true,
      detail: `${rate(two.figures)}/s against ${rate(one.figures)}/s`,
    },
    { name: orderName, value: two.outOfOrder, bar: 0, atLeast: false, spread: 0, detail: "one producer" },
  ];
}
