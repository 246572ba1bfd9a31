/** P2: 100 events a second, from the start of the post to arrival, against a bare durable insert and POST. */

import type { Histogram } from "../harness/histogram.ts";
import { bareLatency, type Latency, percentiles, platformLatency } from "../harness/latency.ts";
import { makeDefinitions, startPlatform } from "../harness/platform.ts";
import type { Row } from "../harness/row.ts";
import { ofRuns } from "../harness/stats.ts";

const [SAMPLES, TYPES, PER_SECOND] = [5_000, 20, 100];

export const p2: Row = {
  name: "P2",
  title: "latency at 100 events a second, open loop",
  long: false,
  async run(bench) {
    // 5 000 samples in all: a third in each run.
    const count = bench.scaled(Math.ceil(SAMPLES / bench.runs));
    const platform = await startPlatform(await bench.postgres.database());
    await makeDefinitions(platform, { count: TYPES, targetUrl: bench.receiver.url });
    await platformLatency(bench, platform, { count: 300, perSecond: PER_SECOND, types: TYPES, offset: 0 });
    const bare = await bench.baseline("bare");
    await bareLatency(bench, bare, 300, 0);
    const ours: Latency[] = [];
    const theirs: Histogram[] = [];
    for (let i = 0; i < bench.runs; i++) {
      theirs.push(await bareLatency(bench, bare, count, 1_000_000 * (i + 1)));
      ours.push(await platformLatency(bench, platform, { count, perSecond: PER_SECOND, types: TYPES, offset: 1_000_000 * (i + 1) }));
      bench.say(percentiles("start of post → arrival", (ours[i] as Latency).histogram));
      bench.say(percentiles("bare insert + POST", theirs[i] as Histogram));
    }
    await bare.stop();
    await platform.stop();
    const late = Math.max(...ours.map((latency) => latency.lateP99));
    const check = (name: string, q: number) => {
      const values = ours.map(({ histogram }) => histogram.percentile(q));
      const limits = theirs.map((histogram) => histogram.percentile(q));
      const [value, limit] = [ofRuns(values), ofRuns(limits)];
      return {
        name,
        ...ofRuns(values.map((ms, i) => ms / (limits[i] as number))),
        bar: 3,
        atLeast: false,
        detail: `${value.value.toFixed(1)} ms against ${limit.value.toFixed(1)} ms; calls began at most ${late.toFixed(1)} ms late at p99`,
      };
    };
    return [check("p50 ÷ bare insert + POST", 0.5), check("p99 ÷ bare insert + POST", 0.99)];
  },
};
