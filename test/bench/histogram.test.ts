import fc from "fast-check";
import { expect, test } from "vitest";
import { createHistogram } from "../../bench/harness/histogram.ts";

test("every percentile is within 1 % of the value at that rank", () => {
  const ms = fc.double({ min: 0.001, max: 3_600_000, noNaN: true });
  fc.assert(
    fc.property(fc.array(ms, { minLength: 1, maxLength: 500 }), fc.double({ min: 0, max: 1, noNaN: true }), (values, q) => {
      const sorted = [...values].sort((a, b) => a - b);
      const exact = sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1] as number;
      const found = createHistogram(values).percentile(q);
      expect(Math.abs(found - exact) / exact).toBeLessThan(0.01);
    }),
  );
});

test("the greatest is exact, and an empty one knows nothing", () => {
  const histogram = createHistogram([3, 1, 2.345]);
  expect(histogram.count()).toBe(3);
  expect(histogram.max()).toBe(3);
  expect(histogram.percentile(1)).toBe(3);
  expect(createHistogram().percentile(0.5)).toBeNaN();
  expect(() => histogram.record(Number.NaN)).toThrow("not a duration");
});
