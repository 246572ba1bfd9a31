import { expect, test } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { createRefusals, type Refusal } from "../../src/observe/refusals.ts";
import { collectLines } from "../helpers/lines.ts";

const shown = (told: readonly Refusal[]) => told.map(({ organizationId, quota, limit }) => [organizationId, quota, limit]);

test("the first of an organization and quota at once, then the last when the minute ends; after a minute without any, nothing", async () => {
  const { log } = collectLines();
  const refusals = createRefusals(systemClock, log, 150);
  const told: Refusal[] = [];
  refusals.refused("a", "definitions", 1);
  refusals.to(async (refusal) => told.push(refusal));
  refusals.refused("a", "eventsPerSecond", 5);
  refusals.refused("b", "eventsPerSecond", 6);
  refusals.refused("a", "definitions", 2);
  await expect.poll(() => told.length, { interval: 1 }).toBe(3);
  for (let i = 0; i < 500; i++) refusals.refused("a", "eventsPerSecond", 5);
  await expect.poll(() => told.length).toBe(4);
  expect(shown(told)).toEqual([
    ["a", "eventsPerSecond", 5],
    ["b", "eventsPerSecond", 6],
    ["a", "definitions", 2],
    ["a", "eventsPerSecond", 5],
  ]);
  // The last one is as old as it is, not as the telling.
  expect(told[3]?.agoMs).toBeGreaterThan(20);
  // After a minute without any, the next is a first one again.
  await new Promise((resolve) => setTimeout(resolve, 400));
  refusals.refused("b", "eventsPerSecond", 6);
  await expect.poll(() => told.length).toBe(5);
  await refusals.stop();
  expect(told).toHaveLength(5);
});

test("what could not be told is told later, and at the end", async () => {
  const { log, lines } = collectLines();
  const refusals = createRefusals(systemClock, log, 40);
  let away = true;
  const told: Refusal[] = [];
  refusals.to(async (refusal) => {
    if (away) throw new Error("the database is away");
    told.push(refusal);
  });
  refusals.refused("a", "storedBytes", 7);
  await expect.poll(() => lines.length).toBeGreaterThanOrEqual(2);
  expect(lines[0]).toMatchObject({ level: 40, organizationId: "a", quota: "storedBytes", err: "the database is away" });
  away = false;
  await expect.poll(() => told.length).toBe(1);
  refusals.refused("a", "storedBytes", 7);
  await refusals.stop();
  expect(told).toHaveLength(2);
  refusals.refused("a", "storedBytes", 7);
  await refusals.stop();
  expect(told).toHaveLength(2);
});
