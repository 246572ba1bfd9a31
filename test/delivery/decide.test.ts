/** What a lane's run does next, over every state that it may be in. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { decide, type LaneState, perCommitOf, roomOf, UNSETTLED, windowOf } from "../../src/delivery/decide.ts";

const state: fc.Arbitrary<LaneState> = fc
  .record({
    free: fc.boolean(),
    placed: fc.boolean(),
    busy: fc.boolean(),
    reserved: fc.nat({ max: 3 }),
    halted: fc.boolean(),
    gaveUp: fc.boolean(),
    leaseHolds: fc.boolean(),
    buffered: fc.nat({ max: 10 }),
    due: fc.nat({ max: 10 }),
    fitting: fc.nat({ max: 10 }),
    more: fc.boolean(),
    marked: fc.nat({ max: 10 }),
    ready: fc.boolean(),
    inFlight: fc.nat({ max: 10 }),
    done: fc.nat({ max: 70 }),
    places: fc.integer({ min: 1, max: 20 }),
    send: fc.double({ min: 0, max: 500, noNaN: true }),
    commit: fc.double({ min: 0, max: 500, noNaN: true }),
    retryKnown: fc.boolean(),
  })
  .map(({ places, send, commit, ...s }) => {
    const concurrency = s.free ? places : 1;
    const due = Math.min(s.due, s.buffered);
    const inFlight = s.placed ? Math.min(s.inFlight, concurrency) : 0;
    const marked = s.placed ? s.marked : 0;
    const pace = { send, commit };
    const window = windowOf(s.free, concurrency, pace);
    return {
      ...{ ...s, perCommit: perCommitOf(concurrency, pace) },
      ...{ concurrency, inFlight, marked, window, due, fitting: s.placed ? Math.min(s.fitting, due) : 0 },
      gaveUp: s.gaveUp && !s.free,
      retryKnown: s.retryKnown && s.free,
      room: roomOf(window, s.done, marked + inFlight + s.reserved),
    };
  });

const always = (claim: (s: LaneState) => void) => fc.assert(fc.property(state, claim), { numRuns: 5_000 });

test("a strict lane never sends while one is in flight, and nobody sends without lease, place or payload", () => {
  always((s) => {
    if (decide(s).kind !== "SEND") return;
    expect(s.inFlight).toBeLessThan(s.free ? s.concurrency : 1);
    expect(s).toMatchObject({ leaseHolds: true, placed: true, ready: true, halted: false, gaveUp: false });
  });
});

test("nothing is read, settled or let go of while a read or a commit is under way, or ingest was promised room", () => {
  always((s) => {
    if (s.busy || s.reserved > 0) expect(["SEND", "WAIT"]).toContain(decide(s).kind);
  });
});

test("no more is marked than there are room, bytes and a place for", () => {
  always((s) => {
    const move = decide(s);
    if (move.kind !== "COMMIT") return;
    expect(move.marks).toBeLessThanOrEqual(s.placed ? s.fitting : 0);
    expect(move.marks).toBeLessThanOrEqual(Math.max(0, s.room));
    if (move.marks > 0) expect(s.done + s.marked + s.inFlight + move.marks).toBeLessThanOrEqual(Math.max(UNSETTLED, s.concurrency));
  });
});

test("a lane is let go of only with nothing in flight, and idles only with nothing in hand", () => {
  always((s) => {
    const move = decide(s);
    if (move.kind === "END") expect(s.inFlight).toBe(0);
    if (move.kind === "END" && move.why !== "HALTED") expect(s.marked).toBe(0);
    if (move.kind !== "IDLE") return;
    expect([s.inFlight, s.marked, s.done]).toEqual([0, 0, 0]);
    if (s.placed) expect([s.due, s.more && s.buffered === 0]).toEqual([0, false]);
  });
});

test("it waits only for something that asks again: a call, a commit, a payload, bytes, ingest", () => {
  always((s) => {
    if (decide(s).kind !== "WAIT") return;
    const short = s.placed && s.due > 0 && s.fitting === 0;
    const payload = s.marked > 0;
    expect(s.busy || s.reserved > 0 || s.inFlight > 0 || payload || short).toBe(true);
  });
});

test("what a strict lane gave up is settled before the next is marked or sent", () => {
  always((s) => {
    if (!s.gaveUp || s.busy || s.reserved > 0 || s.halted || s.done === 0) return;
    expect(["COMMIT", "END"]).toContain(decide(s).kind);
  });
});

test("a window is one behind a slow receiver, and as much as two commits cost behind a fast one", () => {
  expect(windowOf(false, 1, { send: 1_000, commit: 10 })).toBe(1);
  expect(windowOf(false, 1, { send: 1, commit: 10 })).toBe(32);
  expect(windowOf(true, 10, { send: 1_000, commit: 10 })).toBe(10);
  expect(windowOf(true, 16, { send: 2, commit: 8 })).toBe(UNSETTLED);
});

test("a strict lane marks half a window at a time, and less where half would not last for three commits", () => {
  const marks = (room: number, perCommit: number) => {
    const hand = { buffered: 40, due: 40, fitting: 40, more: false, marked: 20, ready: false, inFlight: 1, done: 11 };
    const rest = { free: false, placed: true, busy: false, reserved: 0, halted: false, gaveUp: false, leaseHolds: true };
    const move = decide({ ...hand, ...rest, concurrency: 1, window: 32, perCommit, room, retryKnown: false });
    return move.kind === "COMMIT" ? move.marks : 0;
  };
  expect([marks(15, 2), marks(16, 2)]).toEqual([0, 16]);
  expect([marks(3, 30), marks(4, 30)]).toEqual([0, 4]);
});
