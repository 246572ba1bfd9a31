import { lookup } from "node:dns/promises";
import { expect, test } from "vitest";
import { RateLimitedError } from "../../src/errors.ts";
import { hashPassword, isOutdated, verifyPassword } from "../../src/passwords/hash.ts";

test("are kept as scrypt with a salt of their own, and the numbers it was made with", async () => {
  const [one, other] = await Promise.all([hashPassword("correct horse"), hashPassword("correct horse")]);
  expect(one).toMatch(/^scrypt\$N=32768,r=8,p=3\$/);
  expect(one).not.toBe(other);
  expect(await Promise.all([verifyPassword("correct horse", one), verifyPassword("correct horsf", one)])).toEqual([true, false]);
  expect(await verifyPassword("correct horse", null)).toBe(false);
  expect(isOutdated(one)).toBe(false);
});

test("B62 a hash of 0.1, without numbers, still opens, and is known as outdated", async () => {
  const first = "scrypt$c2FsdHNhbHRzYWx0c2FsdA$mAwOGxErCIYfRpU4ulu17OToLNdewnsIUyYm8Es-tqU";
  expect(isOutdated(first)).toBe(true);
  expect(await verifyPassword("analytical-engine", first)).toBe(true);
  expect(await verifyPassword("analytical-engina", first)).toBe(false);
});

test("B51 what is too much at once is refused, and names are looked up meanwhile", { timeout: 240_000 }, async () => {
  const tries = Promise.allSettled(Array.from({ length: 90 }, () => verifyPassword("wrong", null)));
  const began = performance.now();
  await lookup("localhost");
  expect(performance.now() - began).toBeLessThan(1_000);
  const outcomes = await tries;
  const refused = outcomes.filter((outcome) => outcome.status === "rejected");
  expect(refused).toHaveLength(90 - 2 - 64);
  for (const { reason } of refused) expect(reason).toBeInstanceOf(RateLimitedError);
});
