/** The round number that an axis ends with. */
import { expect, test } from "vitest";
import { ceiling } from "../../src/web/components/scale.ts";

test("an axis ends with a round number at or above the highest value", () => {
  expect([0, 1, 3, 4, 6, 41, 100, 101, 9_999].map(ceiling)).toEqual([1, 1, 4, 4, 10, 50, 100, 200, 10_000]);
});
