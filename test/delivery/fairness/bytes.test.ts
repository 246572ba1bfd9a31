import { expect, test } from "vitest";
import { createBytes } from "../../../src/delivery/fairness/bytes.ts";

const MB = 2 ** 20;
const owner = { organizationId: "a", definitionId: "d" };

test("B21 what is kept ahead of its sending leaves most of the bytes to what is sent", () => {
  const bytes = createBytes(8 * MB);
  let kept = 0;
  while (bytes.keepAhead(owner, 1_024)) kept += 1_024;
  expect(kept).toBe(2 * MB);
  expect(bytes.may(owner, 1_024)).toBe(true);
});

test("who waits is told once something is given back, and not when it is forgotten", async () => {
  const bytes = createBytes(8 * MB);
  const told: string[] = [];
  bytes.take(owner, 3 * MB);
  bytes.wait("first", () => told.push("first"));
  bytes.wait("second", () => told.push("second"));
  bytes.forget("second");
  expect(bytes.may(owner, MB)).toBe(false);
  bytes.give(owner, MB);
  await Promise.resolve();
  expect(told).toEqual(["first"]);
  expect(bytes.used).toBe(2 * MB);
});
