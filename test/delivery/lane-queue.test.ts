/** What a lane has in hand: nothing that comes later passes what is being marked. */
import { expect, test } from "vitest";
import { createBytes } from "../../src/delivery/fairness/bytes.ts";
import { LaneQueue } from "../../src/delivery/lane-queue.ts";
import type { QueuedRequest } from "../../src/delivery/queued.ts";

const OWNER = { organizationId: "0199aaaa-0000-7000-8000-000000000001", definitionId: "0199aaaa-0000-7000-8000-000000000002" };

function request(laneNumber: number): QueuedRequest {
  return {
    ...OWNER,
    ...{ id: `0199bbbb-0000-7000-8000-00000000000${laneNumber}`, laneId: "0199cccc-0000-8000-8000-000000000001", dialect: "STANDARD" },
    ...{ number: laneNumber, laneNumber, position: laneNumber, attemptCount: 0, tries: 0, manual: false, isTest: false, dueAt: null },
    ...{ createdAt: new Date(), sentBody: null, event: { payload: "{}", previous: null } as QueuedRequest["event"] },
  };
}

test("while one is being marked, ingest is promised nothing: what it would send at once would pass it", () => {
  const queue = new LaneQueue(false, OWNER, createBytes(), 0);
  expect(queue.clear).toBe(true);
  queue.accept([request(1)], 0, 0, 1, false);
  expect(queue.clear).toBe(false);
  const [first] = queue.mark(1);
  expect(queue.buffer).toEqual([]);
  expect(queue.clear).toBe(false);
  queue.written(new Set([first?.id as string]));
  expect(queue.clear).toBe(true);
  queue.accept([request(2)], 1, 1, 2, false);
  expect(queue.marked.map((entry) => entry.light.laneNumber)).toEqual([1, 2]);
});

test("what was not marked after all is read again, with all that stands behind it: none of those may pass it", () => {
  const queue = new LaneQueue(false, OWNER, createBytes(), 0);
  queue.accept([request(1), request(2), request(3), request(4)], 1, 0, 4, false);
  queue.mark(2);
  // Stopped between two statements of the commit, and going again: nothing else tells.
  queue.written(new Set());
  expect(queue.buffer).toEqual([]);
  expect(queue.more).toBe(true);
  expect(queue.marked.map((entry) => entry.light.laneNumber)).toEqual([1]);
});
