import { expect, test } from "vitest";
import { newId, systemClock } from "../src/clock.ts";

test("ids are UUIDv7 and grow, also within a millisecond", () => {
  const ids = Array.from({ length: 20_000 }, () => newId());
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect([...ids].sort()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
});

test("a clock that jumps back does not hold ids in the future", () => {
  const now = Date.now();
  newId({ ...systemClock, now: () => new Date(now + 3_600_000) });
  const id = newId({ ...systemClock, now: () => new Date(now) });
  expect(Number.parseInt(id.replace("-", "").slice(0, 12), 16)).toBe(now);
});
