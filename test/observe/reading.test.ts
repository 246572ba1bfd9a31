import { expect, test } from "vitest";
import { createReading } from "../../src/observe/reading.ts";

test("B40 many who ask share one reading, which is made anew at most every few seconds, and seldom when it is costly", async () => {
  let now = 0;
  let cost = 10;
  let made = 0;
  const reading = createReading(
    async () => {
      await Promise.resolve();
      now += cost;
      return ++made;
    },
    { monotonic: () => now, freshMs: 5_000 },
  );
  expect(await Promise.all(Array.from({ length: 50 }, () => reading.get()))).toEqual(Array(50).fill(1));
  now = 4_999;
  expect(await reading.get()).toBe(1);
  now = 5_000;
  cost = 1_000;
  expect(await reading.get()).toBe(2);
  // It took a second: twenty follow.
  now = 25_999;
  expect(await reading.get()).toBe(2);
  now = 26_000;
  expect(await reading.get()).toBe(3);
});

test("a slow one is not waited for when there is an earlier one; a failed one is no reading", async () => {
  let now = 0;
  let next = () => Promise.resolve(1);
  const failures: string[] = [];
  const reading = createReading(() => next(), {
    monotonic: () => now,
    freshMs: 10,
    patienceMs: 20,
    onFailure: (e) => failures.push(e.message),
  });
  expect(await reading.get()).toBe(1);
  now = 10;
  const slow = Promise.withResolvers<number>();
  next = () => slow.promise;
  expect(await reading.get()).toBe(1);
  slow.resolve(2);
  await expect.poll(() => reading.get()).toBe(2);
  now = 1_000;
  next = () => Promise.reject(new Error("away"));
  expect(await reading.get()).toBeUndefined();
  expect(failures).toEqual(["away"]);
});
