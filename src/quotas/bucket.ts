/**
 * A token bucket as one process sees it: it takes from what it believes is left, tells the shared one afterwards what it took,
 * and is told what is left of all. What was taken too much is a debt: it is paid before anything else is taken. Pure.
 */
import type { QuotaLeft } from "../errors.ts";

export interface Bucket {
  /** A second; a full bucket holds as many. */
  rate: number;
  level: number;
  /** When that was its level, in monotonic milliseconds. */
  at: number;
  /** Taken here and not told yet. */
  taken: number;
  /** Since when. */
  since: number;
}

/** A process that takes less than this part of a rate need not tell: as many processes as there may be stay below it together. */
const UNTOLD = 1 / 64;
/** Untold takings are forgotten after so long: the bucket has filled up since. */
const FORGET_MS = 1_000;

export const fullBucket = (rate: number, now: number): Bucket => ({ rate, level: rate, at: now, taken: 0, since: now });

/** What is left now; below 0: a debt. */
export const levelAt = ({ rate, level, at }: Readonly<Bucket>, now: number): number =>
  Math.min(rate, level + (Math.max(0, now - at) / 1_000) * rate);

function refill(bucket: Bucket, now: number): void {
  bucket.level = levelAt(bucket, now);
  bucket.at = now;
}

/** One that is set anew keeps its debts. */
export function setRate(bucket: Bucket, rate: number, now: number): void {
  if (bucket.rate === rate) return;
  refill(bucket, now);
  bucket.level = Math.min(bucket.level, rate);
  bucket.rate = rate;
}

/** What stands in its way; undefined: `count` may be taken. A call larger than a full bucket needs a full one, and leaves a debt. */
export function missing(bucket: Bucket, count: number, now: number): QuotaLeft | undefined {
  refill(bucket, now);
  const needed = Math.min(count, bucket.rate);
  if (bucket.level >= needed) return undefined;
  const resetSeconds = Math.max(1, Math.ceil((needed - bucket.level) / bucket.rate));
  return { limit: bucket.rate, remaining: Math.max(0, Math.floor(bucket.level)), resetSeconds };
}

export function take(bucket: Bucket, count: number, now: number): void {
  refill(bucket, now);
  if (bucket.taken === 0) bucket.since = now;
  bucket.level -= count;
  bucket.taken += count;
}

/** What is to be told now; 0: nothing, or not yet. */
export function toTell(bucket: Bucket, now: number): number {
  const seconds = Math.max(0, now - bucket.since) / 1_000;
  if (bucket.taken > bucket.rate * UNTOLD * Math.max(seconds, FORGET_MS / 1_000)) return bucket.taken;
  if (seconds * 1_000 >= FORGET_MS) bucket.taken = 0;
  return 0;
}

/** @param level what is left of all, after `told` of ours */
export function heard(bucket: Bucket, told: number, level: number, now: number): void {
  bucket.taken = Math.max(0, bucket.taken - told);
  bucket.since = now;
  bucket.level = Math.min(bucket.rate, level - bucket.taken);
  bucket.at = now;
}
