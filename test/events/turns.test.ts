/** Work that keeps the event loop is done in turns. */
import { setImmediate as others } from "node:timers/promises";
import { expect, test } from "vitest";
import { Turns } from "../../src/events/turns.ts";

const clock = { monotonic: () => performance.now() };

/** Each step keeps the loop for a millisecond. */
function* steps(count: number): Generator<void, string, void> {
  for (let i = 0; i < count; i++) {
    for (const until = performance.now() + 1; performance.now() < until; );
    yield;
  }
  return "whole";
}

test("a walk that takes longer than a turn is not gone on with at once, and gives way where it is driven whole", async () => {
  expect(new Turns(clock).within(steps(2))).toBe("whole");
  expect(new Turns(clock).within(steps(60))).toBeUndefined();
  let turnsOfOthers = 0;
  let over = false;
  const counting = (async () => {
    for (; !over; turnsOfOthers++) await others();
  })();
  expect(await new Turns(clock).whole(steps(60))).toBe("whole");
  over = true;
  await counting;
  expect(turnsOfOthers).toBeGreaterThanOrEqual(3);
});
