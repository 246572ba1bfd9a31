/** The log's rows: order, replacement and cost, without a browser. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { LogRow } from "../../src/web/log/documents.ts";
import { MOST_ROWS, merge, placeOf } from "../../src/web/log/rows.ts";

const row = (number: number, state: LogRow["state"] = "DELIVERED") => ({ id: `req_${number}`, number, state }) as LogRow;
const all = () => true;
const numbers = (rows: readonly LogRow[]) => rows.map((each) => each.number);

test("whatever comes in whatever order: newest first, each once, the latest word on each", () => {
  const update = fc.record({
    number: fc.integer({ min: 1, max: 60 }),
    state: fc.constantFrom("PENDING", "SENDING", "DELIVERED", "REJECTED"),
  });
  fc.assert(
    fc.property(fc.array(fc.array(update, { maxLength: 12 }), { maxLength: 12 }), (batches) => {
      let rows: LogRow[] = [];
      const expected = new Map<number, string>();
      for (const batch of batches) {
        ({ rows } = merge(
          rows,
          batch.map((each) => row(each.number, each.state as LogRow["state"])),
          (each) => each.state !== "REJECTED",
        ));
        for (const { number, state } of batch) {
          if (state === "REJECTED") expected.delete(number);
          else expected.set(number, state);
        }
      }
      expect(numbers(rows)).toEqual([...expected.keys()].sort((a, b) => b - a));
      for (const each of rows) expect(each.state).toBe(expected.get(each.number));
    }),
  );
});

test("a scrolled view learns by how much the rows above it grew", () => {
  const rows = [row(9), row(5)];
  expect(merge(rows, [row(11), row(10), row(7), row(1), row(9, "REJECTED")], all).above).toBe(2);
  expect(placeOf(rows, 9)).toBe(0);
  expect(placeOf(rows, 7)).toBe(1);
});

test("a frame's worth of updates costs what the rows are, not their square", () => {
  /** Median of 30 frames of 200 updates, into so many rows. */
  const cost = (count: number) => {
    const updatesOf = (frame: number) => Array.from({ length: 200 }, (_, n) => row(count + frame * 200 + n - 50));
    let rows: LogRow[] = merge(
      [],
      Array.from({ length: count }, (_, n) => row(n + 1)),
      all,
    ).rows;
    const times = Array.from({ length: 30 }, (_, frame) => {
      const updates = updatesOf(frame);
      const started = performance.now();
      rows = merge(rows, updates, all).rows;
      return performance.now() - started;
    });
    expect(rows.length).toBe(Math.min(MOST_ROWS, count + 29 * 200 + 149));
    return times.sort((x, y) => x - y)[15] as number;
  };
  const [few, many] = [cost(MOST_ROWS / 20), cost(MOST_ROWS)];
  // Twenty times the rows: 20 when linear, 400 when not.
  expect(many / few).toBeLessThan(100);
});

test("B90 what is not loaded is not shown: an update below the oldest loaded row makes no row while there are older pages", () => {
  const rows = [row(14_500), row(14_490), row(14_481)];
  const updates = [row(14_501), row(14_485), row(20), row(14_490, "REJECTED")];
  const { rows: merged, above } = merge(rows, updates, all, 14_481);
  expect(numbers(merged)).toEqual([14_501, 14_500, 14_490, 14_485, 14_481]);
  expect(above).toBe(1);
  expect(merged[2]?.state).toBe("REJECTED");
  // Without older pages everything is known, and what comes to belong is sorted in.
  expect(numbers(merge(rows, updates, all).rows)).toContain(20);
});

test("B90 whatever comes in whatever order, rows and floor have no gap between them", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 30 }), fc.integer({ min: 1, max: 40 }), (changed, oldest) => {
      const loaded = Array.from({ length: 61 - oldest }, (_, n) => row(60 - n));
      const { rows } = merge(
        loaded,
        changed.map((number) => row(number, "REJECTED")),
        all,
        oldest,
      );
      expect(numbers(rows)).toEqual(numbers(loaded));
    }),
  );
});
