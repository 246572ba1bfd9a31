import { expect, test } from "vitest";
import { type Clock, newId, systemClock } from "../src/clock.ts";

test("newId makes UUIDs of version 7 and variant 10, different ones", () => {
  const ids = Array.from({ length: 5_000 }, () => newId());
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(new Set(ids).size).toBe(ids.length);
});

test("newId sorts by the millisecond that the clock says", () => {
  const at = (time: string): Clock => ({ ...systemClock, now: () => new Date(time) });
  const milliseconds = Number.parseInt(newId(at("2026-11-21T20:40:00.001Z")).replace("-", "").slice(0, 12), 16);
  expect(milliseconds).toBe(Date.parse("2026-11-21T20:40:00.001Z"));
  expect(newId(at("2026-11-21T20:40:00.000Z")) < newId(at("2026-11-21T20:40:00.001Z"))).toBe(true);
});
