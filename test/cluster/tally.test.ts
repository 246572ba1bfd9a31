/** The metrics of several processes as one. */
import { describe, expect, test } from "vitest";
import { createTally } from "../../src/cluster/tally.ts";
import { createMetrics, type Metrics } from "../../src/observe/metrics.ts";

function busy(events: number, lanes: number): Metrics {
  const metrics = createMetrics();
  metrics.events(events);
  for (let i = 0; i < events; i++) metrics.attempt("STANDARD", "DELIVERED", 0.02);
  metrics.gauge("test_lanes", "Of this process.", () => lanes);
  metrics.gauge("test_backlog", "Of the database, which each reads.", () => 7, "max");
  return metrics;
}
const sumOf = (text: string, line: string) =>
  Number(
    text
      .split("\n")
      .find((each) => each.startsWith(`${line} `))
      ?.slice(line.length + 1),
  );

describe("metrics of several processes", () => {
  test("counters, histograms and gauges of processes add up; what all read of one thing counts once", async () => {
    const tally = createTally();
    tally.note(1, await busy(3, 10).counts());
    tally.note(2, await busy(4, 5).counts());
    const text = await tally.text(await busy(0, 0).counts());
    expect(sumOf(text, "hookline_events_total")).toBe(7);
    expect(sumOf(text, 'hookline_attempt_seconds_count{dialect="STANDARD",outcome="DELIVERED"}')).toBe(7);
    expect(sumOf(text, 'hookline_attempt_seconds_bucket{le="0.025",dialect="STANDARD",outcome="DELIVERED"}')).toBe(7);
    expect(sumOf(text, "test_lanes")).toBe(15);
    expect(sumOf(text, "test_backlog")).toBe(7);
  });

  test("what workers counted that are gone stays, and their gauges go", async () => {
    const tally = createTally();
    for (const [worker, events] of [
      [1, 3],
      [2, 4],
      [3, 5],
    ] as const)
      tally.note(worker, await busy(events, 10).counts());
    tally.retire(1);
    tally.retire(2);
    // One that died before anybody asked it.
    tally.retire(4);
    const text = await tally.text(await busy(0, 0).counts());
    expect(sumOf(text, "hookline_events_total")).toBe(12);
    expect(sumOf(text, 'hookline_attempt_seconds_count{dialect="STANDARD",outcome="DELIVERED"}')).toBe(12);
    expect(sumOf(text, "test_lanes")).toBe(10);
  });

  test("the text is the same form as that of a single process", async () => {
    const single = busy(2, 1);
    const tally = createTally();
    const names = (text: string) => text.split("\n").filter((line) => line.startsWith("# TYPE hookline"));
    expect(names(await tally.text(await single.counts()))).toEqual(names(await single.text()));
  });
});
