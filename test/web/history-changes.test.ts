/** What the settings history makes of an audit entry. */
import { expect, test } from "vitest";
import { changesOf, droppedOf } from "../../src/web/webhooks/history-changes.ts";

test("B93 only settings that differ are named, each with both sides", () => {
  const before = { name: "A", number: 1, eventTypes: ["a", "b"], filter: null, timeoutMs: null, targetUrl: "https://a.example" };
  const after = { ...before, name: "B", number: 2, eventTypes: [], filter: { payload: { total: 1 } }, timeoutMs: 0 };
  expect(changesOf(before, after)).toEqual([
    { field: "Name", before: "A", after: "B" },
    { field: "Event types", before: "a, b", after: "none" },
    { field: "Filter", before: null, after: '{\n  "payload": {\n    "total": 1\n  }\n}' },
    { field: "Timeout ms", before: null, after: "0" },
  ]);
});

test("B93 headers are compared one by one, and what is hidden on both sides is no difference", () => {
  const before = { headers: { "X-Key": "***", "X-Old": "***" }, properties: null };
  const after = { headers: { "X-Key": "***", "X-New": "eu" }, properties: { region: "***" }, dropped: ["header X-Old"] };
  expect(changesOf(before, after)).toEqual([
    { field: "Headers: X-New", before: null, after: "eu" },
    { field: "Headers: X-Old", before: "***", after: null },
    { field: "Properties: region", before: null, after: "***" },
  ]);
  expect(droppedOf(after)).toEqual(["header X-Old"]);
});

test("B93 the dialect's own schedule is not set, whatever stands beside it", () => {
  const before = { retrySchedule: [], retryScheduleSet: false, maxConsecutiveErrors: null, maxConsecutiveErrorsSet: false };
  expect(changesOf(before, { ...before, retryScheduleSet: true })).toEqual([{ field: "Retry schedule", before: null, after: "none" }]);
  expect(changesOf(before, { ...before, maxConsecutiveErrorsSet: true })).toEqual([
    { field: "Max consecutive errors", before: null, after: "never" },
  ]);
  expect(changesOf(null, { name: "A" })).toEqual([{ field: "Name", before: null, after: "A" }]);
  expect(changesOf("odd", undefined)).toEqual([]);
});
