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

test("at 100 000 rows a frame's worth of updates costs a few walks over the rows", () => {
  let rows: LogRow[] = merge(
    [],
    Array.from({ length: MOST_ROWS }, (_, n) => row(n + 1)),
    all,
  ).rows;
  const updates = (frame: number) => Array.from({ length: 200 }, (_, n) => row(MOST_ROWS + frame * 200 + n - 50));
  const timed = (work: () => unknown) => {
    const started = performance.now();
    work();
    return performance.now() - started;
  };
  const median = (times: number[]) => times.sort((a, b) => a - b)[15] as number;
  const [merges, walks]: [number[], number[]] = [[], []];
  // In turns: both meet the same machine.
  for (let frame = 0; frame < 30; frame++) {
    merges.push(
      timed(() => {
        rows = merge(rows, updates(frame), all).rows;
      }),
    );
    walks.push(timed(() => new Map(rows.map((each) => [each.number, each]))));
  }
  expect(rows.length).toBe(MOST_ROWS);
  // Walking them for each update would be two hundred.
  expect(median(merges) / median(walks)).toBeLessThan(10);
});

test("rows over the bound go at the old end, and it says so", () => {
  const rows = [row(3), row(2), row(1)];
  const over = merge(rows, [row(5), row(2, "REJECTED")], all, Number.NEGATIVE_INFINITY, 3);
  expect([numbers(over.rows), over.cut]).toEqual([[5, 3, 2], true]);
  expect(merge(rows, [row(5)], all, Number.NEGATIVE_INFINITY, 4).cut).toBe(false);
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
