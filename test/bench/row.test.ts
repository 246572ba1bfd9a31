import { expect, test } from "vitest";
import { type Check, marginOf, verdictOf } from "../../bench/harness/row.ts";
import { median, ofRuns, slopeOf } from "../../bench/harness/stats.ts";

const check = (over: Partial<Check>): Check => ({ name: "x", value: 1, bar: 1, atLeast: true, spread: 0, detail: "", ...over });

test.each([
  ["met", { value: 1.2, bar: 1, spread: 0.1 }],
  ["missed", { value: 0.8, bar: 1, spread: 0.1 }],
  ["not shown", { value: 1.05, bar: 1, spread: 0.1 }],
  ["not shown", { value: 0.95, bar: 1, spread: 0.1 }],
  ["met", { value: 0.8, bar: 1, spread: 0.1, atLeast: false }],
  ["missed", { value: 1.2, bar: 1, spread: 0.1, atLeast: false }],
  ["met", { value: 1, bar: 1 }],
  ["met", { value: 1, bar: 1, atLeast: false }],
  ["not shown", { value: Number.NaN }],
  ["not shown", { value: 5, notShown: "two cores" }],
] as const)("%s: %j", (verdict, over) => {
  expect(verdictOf(check(over))).toBe(verdict);
});

test("a margin is above 1 on the good side of either kind of bar", () => {
  expect(marginOf(check({ value: 2, bar: 1 }))).toBe(2);
  expect(marginOf(check({ value: 0.5, bar: 1, atLeast: false }))).toBe(2);
});

test("a figure is the median of its runs, its spread their range", () => {
  expect(ofRuns([3, 1, 2])).toEqual({ value: 2, spread: 2 });
  expect(median([5])).toBe(5);
});

test("a slope is that of the line through the points", () => {
  expect(
    slopeOf([
      [0, 1],
      [1, 3],
      [2, 5],
    ]),
  ).toBeCloseTo(2);
  expect(slopeOf([[1, 1]])).toBeNaN();
});
