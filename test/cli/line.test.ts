import { describe, expect, it } from "vitest";
import { createAttemptTeller, formatLine, type TailAttempt, type TailRequest } from "../../src/cli/line.ts";

const attempt = (number: number, over: Partial<TailAttempt> = {}): TailAttempt => ({
  number,
  outcome: "REJECTED",
  statusCode: 503,
  durationMs: 12,
  errorCode: "HTTP_STATUS",
  startedAt: "2026-11-01T12:03:04.120Z",
  ...over,
});

const request = (state: string, attempts: TailAttempt[], over: Partial<TailRequest> = {}): TailRequest => ({
  id: "r1",
  number: 1041,
  state,
  laneNumber: 12,
  nextAttemptAt: null,
  webhookDefinition: { code: "orders", ordering: "DEFINITION" },
  event: { type: "order.created", entity: "order", entityId: "18" },
  attempts: { edges: attempts.map((node) => ({ node })) },
  ...over,
});

const numbers = (lines: { attempt: TailAttempt }[]) => lines.map((line) => line.attempt.number);

describe("which attempts are new", () => {
  it("tells each once, whatever updates come between", () => {
    const tell = createAttemptTeller();
    const update = (state: string, attempts: TailAttempt[]) => tell({ cursor: "c", request: request(state, attempts) });
    expect(numbers(update("PENDING", []))).toEqual([]);
    expect(numbers(update("WAITING", [attempt(1)]))).toEqual([1]);
    expect(numbers(update("SENDING", [attempt(1)]))).toEqual([]);
    expect(numbers(update("WAITING", [attempt(1)]))).toEqual([]);
    expect(numbers(update("DELIVERED", [attempt(1), attempt(2)]))).toEqual([2]);
    expect(numbers(update("PENDING", [attempt(1), attempt(2)]))).toEqual([]);
  });

  it("tells all that one update stands for after a gap", () => {
    const tell = createAttemptTeller();
    tell({ cursor: "a", request: request("WAITING", [attempt(1)]) });
    expect(numbers(tell({ cursor: "b", request: request("DELIVERED", [attempt(1), attempt(2), attempt(3)]) }))).toEqual([2, 3]);
  });

  it("begins with the attempt that a request's first update is about", () => {
    expect(numbers(createAttemptTeller()({ cursor: "a", request: request("DELIVERED", [attempt(1), attempt(2)]) }))).toEqual([2]);
    // Queued again by hand: nothing was attempted just now.
    expect(numbers(createAttemptTeller()({ cursor: "a", request: request("PENDING", [attempt(1), attempt(2)]) }))).toEqual([]);
    // Its worker died: that is an attempt, though the request is PENDING.
    const cut = attempt(2, { outcome: "INTERRUPTED", statusCode: null, errorCode: "INTERRUPTED" });
    expect(numbers(createAttemptTeller()({ cursor: "a", request: request("PENDING", [attempt(1), cut]) }))).toEqual([2]);
  });

  it("keeps requests apart", () => {
    const tell = createAttemptTeller();
    tell({ cursor: "a", request: request("DELIVERED", [attempt(1)]) });
    expect(numbers(tell({ cursor: "b", request: request("DELIVERED", [attempt(1)], { id: "r2" }) }))).toEqual([1]);
  });
});

describe("a line", () => {
  const line = (over: Partial<TailRequest>, made: TailAttempt, newest = true) =>
    formatLine({ request: request("WAITING", [made], over), attempt: made, newest }).replace(/ {2,}/g, " | ");

  it("names lane, number, outcome and duration", () => {
    expect(line({ state: "DELIVERED" }, attempt(2, { outcome: "DELIVERED", statusCode: 200, errorCode: null }))).toBe(
      "12:03:04.120 | orders #12 | attempt 2 | DELIVERED 200 | 12 ms | order.created order/18 | request 1041",
    );
  });

  it("says when a waiting request is tried again, on the newest attempt only", () => {
    const waiting = { nextAttemptAt: "2026-11-01T12:03:09.000Z" };
    expect(line(waiting, attempt(1))).toMatch(/request 1041 \| again at 12:03:09\.000$/);
    expect(line(waiting, attempt(1), false)).not.toMatch(/again/);
  });

  it("shows the error code where there was no answer, the key of a lane by key, and a test as what it is", () => {
    expect(line({}, attempt(1, { outcome: "TIMED_OUT", statusCode: null, errorCode: "TIMEOUT" }))).toMatch(/TIMED_OUT TIMEOUT/);
    expect(line({ webhookDefinition: { code: "stock", ordering: "KEY" } }, attempt(1))).toMatch(/stock\/18 #12/);
    expect(line({ laneNumber: 0 }, attempt(1))).toMatch(/orders test/);
  });
});
