/**
 * A histogram in the manner of HdrHistogram: buckets grow with the value, so that any percentile from 1 µs to an hour is off
 * by less than 1 %, however many values there are. Coordinated omission is the load's affair (generator.ts): it never waits.
 */

/** Buckets per doubling of the value. */
const PER_DOUBLING = 128;

export interface Histogram {
  record(ms: number): void;
  /** @param q of 0 … 1 @returns milliseconds, NaN when nothing was recorded */
  percentile(q: number): number;
  count(): number;
  max(): number;
  /** The usual percentiles, milliseconds. */
  summary(): Record<"p50" | "p90" | "p99" | "p999" | "max", number>;
}

const bucketOf = (us: number) => Math.round(Math.log2(Math.max(1, us)) * PER_DOUBLING);
const msOf = (bucket: number) => 2 ** (bucket / PER_DOUBLING) / 1000;

export function createHistogram(values: Iterable<number> = []): Histogram {
  const counts: number[] = [];
  let total = 0;
  let highest = Number.NaN;
  const histogram: Histogram = {
    record(ms) {
      if (!Number.isFinite(ms)) throw new Error(`not a duration: ${ms}`);
      const bucket = bucketOf(ms * 1000);
      counts[bucket] = (counts[bucket] ?? 0) + 1;
      total += 1;
      highest = total === 1 ? ms : Math.max(highest, ms);
    },
    percentile(q) {
      const wanted = Math.max(1, Math.ceil(q * total));
      if (wanted >= total) return highest;
      let seen = 0;
      for (let bucket = 0; bucket < counts.length; bucket++) {
        seen += counts[bucket] ?? 0;
        if (seen >= wanted) return Math.min(msOf(bucket), highest);
      }
      return Number.NaN;
    },
    count: () => total,
    max: () => highest,
    summary: () => ({
      p50: histogram.percentile(0.5),
      p90: histogram.percentile(0.9),
      p99: histogram.percentile(0.99),
      p999: histogram.percentile(0.999),
      max: highest,
    }),
  };
  for (const value of values) histogram.record(value);
  return histogram;
}
