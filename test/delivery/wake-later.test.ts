/** What a process remembers of lanes that wait. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createWakeLater } from "../../src/delivery/wake-later.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const owner = { organizationId: "o", definitionId: "d" };

test("twenty thousand lanes have a timer; of more the next look at what is due is told, and each that ends makes room", () => {
  const woken: string[] = [];
  let looks = 0;
  const later = createWakeLater(
    (ref) => woken.push(ref),
    () => {
      looks += 1;
    },
  );
  for (let i = 0; i < 25_000; i++) later.in(`lane-${i}`, owner, 10_000 + i);
  expect(vi.getTimerCount()).toBe(20_000);
  expect(looks).toBe(5_000);
  // One that has its timer is told its new time.
  later.in("lane-0", owner, 5_000);
  expect(vi.getTimerCount()).toBe(20_000);
  vi.advanceTimersByTime(5_000);
  expect(woken).toEqual(["lane-0"]);
  later.in("lane-24999", owner, 1_000);
  expect([vi.getTimerCount(), looks]).toEqual([20_000, 5_000]);
  later.stop();
  expect(vi.getTimerCount()).toBe(0);
});
