/** Lanes that are to be looked at again after a while: those that wait for a retry, and those that were passed over. */
import type { Owner } from "./fairness/shares.ts";
import type { ClaimedLane } from "./lane-claim.ts";
import type { LaneRef } from "./lane-id.ts";

/** A lane whose row was locked when we asked: ask again. */
const ASK_AGAIN_MS = 40;
const ASK_TIMES = 3;
/** Longer waits are left to the look at what is due, and so are more of them: a timer each would be memory without end. */
const LONGEST_MS = 3_600_000;
const TIMERS = 20_000;

export interface WakeLater {
  in(ref: LaneRef, owner: Owner, ms: number): void;
  /** A lane whose row somebody had locked (an ingest on its way) was passed over: once more, a little later. */
  unless(claimed: readonly ClaimedLane[], asked: ReadonlyMap<LaneRef, Owner>): void;
  stop(): void;
}

/** @param givenUp one was passed over again and again, or is one too many, and is nobody's but the look's at what is due */
export function createWakeLater(wake: (ref: LaneRef, owner: Owner) => void, givenUp: () => void): WakeLater {
  const timers = new Map<LaneRef, NodeJS.Timeout>();
  const times = new Map<LaneRef, number>();

  function later(ref: LaneRef, owner: Owner, ms: number): void {
    if (ms > LONGEST_MS) return;
    const known = timers.get(ref);
    if (known === undefined && timers.size >= TIMERS) {
      times.delete(ref);
      givenUp();
      return;
    }
    clearTimeout(known);
    const timer = setTimeout(() => {
      timers.delete(ref);
      wake(ref, owner);
    }, ms);
    timers.set(ref, timer);
  }

  return {
    in: later,
    unless(claimed, asked) {
      const got = new Set(claimed.map((lane) => lane.ref));
      for (const [ref, owner] of asked) {
        const before = times.get(ref) ?? 0;
        if (got.has(ref)) times.delete(ref);
        else if (before >= ASK_TIMES) {
          times.delete(ref);
          givenUp();
        } else if (!timers.has(ref)) {
          times.set(ref, before + 1);
          later(ref, owner, ASK_AGAIN_MS * (before + 1));
        }
      }
    },
    stop() {
      for (const timer of timers.values()) clearTimeout(timer);
    },
  };
}
