import fc from "fast-check";
import { expect, test } from "vitest";
import { type Bucket, fullBucket, heard, missing, setRate, take, toTell } from "../../src/quotas/bucket.ts";

test("a full bucket gives a second's worth at once, then as much as comes in", () => {
  const bucket = fullBucket(10, 0);
  expect(missing(bucket, 10, 0)).toBeUndefined();
  take(bucket, 10, 0);
  expect(missing(bucket, 1, 0)).toEqual({ limit: 10, remaining: 0, resetSeconds: 1 });
  expect(missing(bucket, 1, 99)).toBeDefined();
  expect(missing(bucket, 1, 100)).toBeUndefined();
});

test("a call larger than a full bucket is taken from a full one, and paid for afterwards", () => {
  const bucket = fullBucket(10, 0);
  expect(missing(bucket, 50, 0)).toBeUndefined();
  take(bucket, 50, 0);
  expect(missing(bucket, 1, 4_000)?.resetSeconds).toBe(1);
  expect(missing(bucket, 1, 4_100)).toBeUndefined();
  expect(missing(bucket, 50, 4_100)?.resetSeconds).toBe(1);
});

test("a rate that is lowered keeps its debts, one that is raised is not full at once", () => {
  const bucket = fullBucket(10, 0);
  take(bucket, 15, 0);
  setRate(bucket, 100, 0);
  expect(bucket.level).toBe(-5);
  const full = fullBucket(100, 0);
  setRate(full, 10, 0);
  expect(full.level).toBe(10);
});

test("who takes less than a 64th of the rate tells nobody; who takes more tells all", () => {
  const rare = fullBucket(6_400, 0);
  take(rare, 99, 0);
  expect(toTell(rare, 500)).toBe(0);
  expect(toTell(rare, 1_000)).toBe(0);
  expect(rare.taken).toBe(0);
  const busy = fullBucket(6_400, 0);
  take(busy, 101, 0);
  expect(toTell(busy, 100)).toBe(101);
  const slow = fullBucket(5, 0);
  take(slow, 1, 0);
  expect(toTell(slow, 0)).toBe(1);
});

/** The row that all share, as sql/tell-buckets.ts has it. */
function sharedRow(rate: number) {
  let level = rate;
  let at = 0;
  return (taken: number, now: number) => {
    level = Math.min(rate, level + ((now - at) / 1_000) * rate) - taken;
    at = now;
    return level;
  };
}

test("B57 whatever processes do, in t seconds they take at most rate × (t + processes), beside what they need not tell", () => {
  const step = fc.record({
    process: fc.integer({ min: 0, max: 3 }),
    after: fc.integer({ min: 0, max: 40 }),
    count: fc.integer({ min: 1, max: 8 }),
  });
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 40 }), fc.array(step, { maxLength: 400 }), (rate, steps) => {
      const tell = sharedRow(rate);
      const processes: Bucket[] = [0, 1, 2, 3].map(() => fullBucket(rate, 0));
      let [now, taken, told] = [0, 0, 0];
      for (const { process, after, count } of steps) {
        now += after;
        // As telling.ts does it, every 100 ms.
        for (; told + 100 <= now; told += 100)
          for (const bucket of processes) {
            const due = bucket.taken > 0 ? toTell(bucket, told) : 0;
            if (due > 0) heard(bucket, due, tell(due, told + 100), told + 100);
          }
        const bucket = processes[process] as Bucket;
        const wanted = Math.min(count, rate);
        if (missing(bucket, wanted, now)) continue;
        take(bucket, wanted, now);
        taken += wanted;
      }
      const seconds = now / 1_000;
      expect(taken).toBeLessThanOrEqual(rate * (seconds + processes.length) + (processes.length * rate * (seconds + 1)) / 64 + 1);
    }),
    { numRuns: 300 },
  );
});
