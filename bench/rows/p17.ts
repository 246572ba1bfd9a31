/** P17: what little load costs: CPU and latency at 100 events a second, memory over 100 000 events, and rest. */
import { type Bench, cpuOf, type Figure, lineOf } from "../harness/bench.ts";
import { createHistogram } from "../harness/histogram.ts";
import { bareLatency, percentiles, platformLatency } from "../harness/latency.ts";
import { pipelineRun } from "../harness/pipeline.ts";
import { makeDefinitions, type Platform, startPlatform } from "../harness/platform.ts";
import { memoryMb, sleep } from "../harness/process.ts";
import type { Check, Row } from "../harness/row.ts";
import { ofRuns, slopeOf } from "../harness/stats.ts";

const [TYPES, PER_SECOND] = [100, 100];
/** Seconds until idle lanes are released and autovacuum, which looks once a minute, has done twice with what the load left, and of rest that are measured: a whole minute has a round of the chores. */
const [SETTLING, REST] = [130, 60];

interface Memory {
  /** Of all processes without Postgres's buffers, megabytes, a sample each 5 000 events. */
  own: number[];
  server: number[];
  buffers: number[];
  /** Growth of `own` over 100 000 events, of the second half. */
  slope: number;
}

async function memoryOver(bench: Bench, platform: Platform, events: number): Promise<Memory> {
  const [own, server, buffers]: [number[], number[], number[]] = [[], [], []];
  const step = Math.max(1, Math.ceil(events / 20));
  for (let done = 0; done < events; done += step) {
    await pipelineRun(bench, platform, { count: step, types: TYPES, perCall: 20, offset: 10_000_000 + done });
    const [ours, postgres] = [await memoryMb(platform.pid), await memoryMb(bench.postgres.pid)];
    own.push(ours.own + ours.shared + postgres.own);
    server.push(ours.own + ours.shared);
    buffers.push(postgres.shared);
  }
  // The first half fills caches and the heap's first generations.
  const half = own.map((mb, i): [number, number] => [step * i, mb]).slice(own.length / 2);
  return { own, server, buffers, slope: slopeOf(half) * 100_000 };
}

export const p17: Row = {
  name: "P17",
  title: "low load",
  long: false,
  async run(bench) {
    const platform = await startPlatform(await bench.postgres.database());
    await makeDefinitions(platform, { count: TYPES, targetUrl: bench.receiver.url });
    const single: Figure[] = [];
    // 20 000 deliveries come before: a fresh table is no table of an installation.
    const full = (count: number, i: number) => pipelineRun(bench, platform, { count, types: TYPES, perCall: 1, offset: 1_000_000 * i });
    const count = bench.lasting(await full(bench.scaled(10_000), 0), 7_000);
    for (let i = 1; i <= bench.runs; i++) single.push(await full(count, i));
    bench.say(lineOf("single events at full load", single));

    const bare = await bench.baseline("bare");
    await bareLatency(bench, bare, 300, 0);
    const samples = bench.scaled(2_000);
    const low: Figure[] = [];
    const bareCalls: Figure[] = [];
    const p99: { ours: number; bare: number }[] = [];
    for (let i = 0; i < bench.runs; i++) {
      let limit = createHistogram();
      bareCalls.push(
        await bench.measured([bare.pid], samples, async () => {
          limit = await bareLatency(bench, bare, samples, 30_000_000 + i * 1_000_000);
        }),
      );
      let ours = limit;
      low.push(
        await bench.measured([platform.pid], samples, async () => {
          ours = (
            await platformLatency(bench, platform, {
              count: samples,
              perSecond: PER_SECOND,
              types: TYPES,
              offset: 40_000_000 + i * 1_000_000,
            })
          ).histogram;
        }),
      );
      bench.say(percentiles("start of post → arrival", ours));
      bench.say(percentiles("bare insert + POST", limit));
      p99.push({ ours: ours.percentile(0.99), bare: limit.percentile(0.99) });
    }
    bench.say(lineOf("100 events a second", low));
    bench.say(lineOf("100 bare inserts + POSTs a second", bareCalls));
    await bare.stop();

    const memory = await memoryOver(bench, platform, bench.scaled(100_000));
    const over = (samples: number[]) => samples.map(Math.round).join(" ");
    bench.say(
      `memory over the events: server ${over(memory.server)}; with Postgres ${over(memory.own)}; its buffers ${over(memory.buffers)} MB`,
    );
    await sleep(SETTLING * 1000);
    const rest = await bench.measured([platform.pid], 1, () => sleep(REST * 1000));
    await platform.stop();
    const share = (cpuOf(rest) / (REST * 1e6)) * 100;
    const micros = (figures: readonly Figure[]) => `${Math.round(ofRuns(figures.map(cpuOf)).value)} µs`;
    const checks: Check[] = [
      {
        name: "CPU at 100/s ÷ CPU at full load",
        ...ofRuns(low.map((f, i) => cpuOf(f) / cpuOf(single[i] as Figure))),
        bar: 2,
        atLeast: false,
        detail: `${micros(low)} against ${micros(single)}; a bare insert + POST at 100/s takes ${micros(bareCalls)}`,
      },
      {
        name: "p99 ÷ bare insert + POST",
        ...ofRuns(p99.map((each) => each.ours / each.bare)),
        bar: 3,
        atLeast: false,
        detail: `${ofRuns(p99.map((each) => each.ours)).value.toFixed(1)} ms against ${ofRuns(p99.map((each) => each.bare)).value.toFixed(1)} ms`,
      },
      {
        name: "memory's growth over 100 000 events",
        value: memory.slope,
        bar: 20,
        atLeast: false,
        spread: 0,
        unit: "MB",
        detail: `all processes, second half of the run; from ${Math.round(memory.own[0] ?? 0)} to ${Math.round(memory.own.at(-1) ?? 0)} MB, without Postgres's buffers (${Math.round(memory.buffers.at(-1) ?? 0)} MB)`,
      },
      {
        name: "CPU at rest",
        value: share,
        bar: 1,
        atLeast: false,
        spread: 0,
        unit: "% of a core",
        detail: `server ${((rest.serverMicros / (REST * 1e6)) * 100).toFixed(2)} %, Postgres ${((rest.postgresMicros / (REST * 1e6)) * 100).toFixed(2)} %, over ${REST} s`,
      },
    ];
    return checks;
  },
};
