import { expect, test } from "vitest";
import { lowestId, newestTime, newId, startAfter, systemClock, timeOf } from "../src/clock.ts";

test("ids are UUIDv7 and grow, also within a millisecond", () => {
  const ids = Array.from({ length: 20_000 }, () => newId());
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect([...ids].sort()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
});

test("ids never go back within a process: not when its clock does, not at a start after newer ids", () => {
  const now = Date.now();
  const ahead = newId({ ...systemClock, now: () => new Date(now + 2_000) });
  const behind = newId({ ...systemClock, now: () => new Date(now - 3_600_000) });
  expect(behind > ahead).toBe(true);
  startAfter(lowestId(new Date(now + 5_000)));
  const id = newId();
  expect(timeOf(id)).toBeGreaterThan(now + 5_000);
  expect(newestTime(systemClock)).toBeGreaterThanOrEqual(timeOf(id));
});
