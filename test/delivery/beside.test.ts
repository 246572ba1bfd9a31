/** When a further transaction begins. */
import { expect, test } from "vitest";
import { createBeside } from "../../src/delivery/beside.ts";

test("a lone one waits for nobody, and under load as many gather as the largest that runs took", () => {
  const beside = createBeside([1, 1, 16], 64, () => 0);
  expect(beside.worth(1)).toBe(true);
  const first = beside.begin(1);
  expect(beside.worth(1)).toBe(true);
  beside.begin(20);
  expect([beside.worth(19), beside.worth(20)]).toEqual([false, true]);
  first();
  expect([beside.running, beside.worth(19), beside.worth(20)]).toEqual([1, false, true]);
});

test("nobody waits for one that takes long", () => {
  let now = 0;
  const beside = createBeside([1, 2, 32], Number.POSITIVE_INFINITY, () => now);
  const end = beside.begin(200);
  expect(beside.worth(2)).toBe(false);
  now = 1_000;
  expect([beside.worth(1), beside.worth(2)]).toEqual([false, true]);
  end();
  expect(beside.worth(1)).toBe(true);
});
