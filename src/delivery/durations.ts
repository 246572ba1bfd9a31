/**
 * How long attempts took, as a histogram: bucket i holds what took up to 2^(i·⅔) milliseconds, so that a percentile is
 * at most 1.6 × too high, from 1 ms to the longest timeout. Trailing zeros are left out. Pure.
 */
const PER_DOUBLING = 1.5;
const BUCKETS = 26;

/** @param ms of one attempt @returns its bucket, from 0 */
export function bucketOf(ms: number): number {
  return Math.min(BUCKETS - 1, Math.max(0, Math.ceil(Math.log2(Math.max(ms, 1)) * PER_DOUBLING)));
}

/** The upper bound of a bucket, in milliseconds. */
export const upperMs = (bucket: number): number => Math.round(2 ** (bucket / PER_DOUBLING));

export function addDuration(durations: number[], ms: number): void {
  const bucket = bucketOf(ms);
  while (durations.length <= bucket) durations.push(0);
  durations[bucket] = (durations[bucket] ?? 0) + 1;
}

/** @param part 0.5 for the median @returns milliseconds; null when nothing was measured */
export function percentile(durations: readonly number[], part: number): number | null {
  const total = durations.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  let seen = 0;
  for (const [bucket, count] of durations.entries()) {
    seen += count;
    if (seen >= total * part) return upperMs(bucket);
  }
  return upperMs(durations.length - 1);
}
