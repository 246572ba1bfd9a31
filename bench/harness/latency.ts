/** Open-loop latency: from the start of the post to the arrival at the receiver, by one clock of the machine. */
import type { Baseline, Bench } from "./bench.ts";
import { createHistogram, type Histogram } from "./histogram.ts";
import type { Platform } from "./platform.ts";

export interface Latency {
  histogram: Histogram;
  /** How late calls began at p99, ms: what the load itself could not keep. */
  lateP99: number;
}

/** @throws when an event did not arrive: a percentile of those that did would say nothing */
async function histogramOf(bench: Bench, offset: number, starts: readonly number[]): Promise<Histogram> {
  await bench.receiver.has(starts.length, 60_000);
  const arrivals = await bench.receiver.arrivals();
  return createHistogram(
    starts.map((start, i) => {
      const at = arrivals.get(offset + i);
      if (at === undefined) throw new Error(`event ${offset + i} did not arrive`);
      return Math.max(0, at - start);
    }),
  );
}

export interface OpenLoop {
  count: number;
  perSecond: number;
  types: number;
  offset: number;
}

export async function platformLatency(bench: Bench, platform: Platform, loop: OpenLoop): Promise<Latency> {
  await bench.receiver.reset({ remember: true });
  const { starts, lateP99 } = await bench.load({ url: platform.url, token: platform.token, kind: "event", perCall: 1, ...loop });
  return { histogram: await histogramOf(bench, loop.offset, starts), lateP99 };
}

/** The bare call: a durable insert, then a POST, 100 a second. */
export async function bareLatency(bench: Bench, bare: Baseline, count: number, offset: number): Promise<Histogram> {
  await bench.receiver.reset({ remember: true });
  const { starts } = await bare.run({ count, width: 1, offset });
  return histogramOf(bench, offset, starts);
}

export function percentiles(name: string, histogram: Histogram): string {
  const { p50, p90, p99, p999, max } = histogram.summary();
  const figures = { p50, p90, p99, "p99.9": p999, max };
  const texts = Object.entries(figures).map(([key, ms]) => `${key} ${ms.toFixed(1)}`);
  return `${name.padEnd(34)} ${texts.join("  ")} ms  (${histogram.count()} samples)`;
}
