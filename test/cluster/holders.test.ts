/** Where a hint for a lane goes. */
import { describe, expect, test } from "vitest";
import { createHolders } from "../../src/cluster/holders.ts";

const route = (holders: ReturnType<typeof createHolders>, from: number, lanes: string[]) => {
  const { to, unknown } = holders.route(from, lanes);
  return { to: Object.fromEntries(to), unknown };
};

describe("holders of lanes", () => {
  test("a hint goes to the sibling that holds the lane; what none is known to hold is told to everybody", () => {
    const holders = createHolders();
    holders.note(1, ["a", "b"], []);
    holders.note(2, ["c"], []);
    expect(route(holders, 3, ["a", "b", "c", "d"])).toEqual({ to: { 1: ["a", "b"], 2: ["c"] }, unknown: ["d"] });
    // Who asks does not hold it, whatever it said before.
    expect(route(holders, 1, ["a", "c"])).toEqual({ to: { 2: ["c"] }, unknown: ["a"] });
  });

  test("a lane that went over is the new holder's, although the old one says only afterwards that it let go", () => {
    const holders = createHolders();
    holders.note(1, ["a"], []);
    holders.note(2, ["a"], []);
    holders.note(1, [], ["a"]);
    expect(route(holders, 3, ["a"])).toEqual({ to: { 2: ["a"] }, unknown: [] });
  });

  test("a worker that died holds nothing", () => {
    const holders = createHolders();
    holders.note(1, ["a", "b"], []);
    holders.note(2, ["c"], []);
    holders.forget(1);
    expect(route(holders, 3, ["a", "b", "c"])).toEqual({ to: { 2: ["c"] }, unknown: ["a", "b"] });
  });
});
