/** When a worker that died is replaced, and when that ends. */
import { describe, expect, test } from "vitest";
import { createDeaths } from "../../src/cluster/deaths.ts";

describe("deaths of workers", () => {
  test("each within a minute doubles the wait, the fifth ends it", () => {
    let now = 0;
    const deaths = createDeaths(() => now);
    expect([0, 1, 2, 3, 4].map(() => deaths.next())).toEqual([100, 200, 400, 800, undefined]);
    now = 59_999;
    expect(deaths.next()).toBeUndefined();
  });

  test("those of more than a minute ago are forgotten: one death every 15 seconds is lived with for ever", () => {
    let now = 0;
    const deaths = createDeaths(() => now);
    const waits = Array.from({ length: 40 }, () => {
      now += 15_001;
      return deaths.next();
    });
    expect(waits.slice(0, 4)).toEqual([100, 200, 400, 800]);
    expect(new Set(waits.slice(4))).toEqual(new Set([800]));
  });
});
