/**
 * How fast backlogs are worked off beside others. Turns and shares divide what somebody holds; fifty thousand lanes to a receiver
 * that refuses at once hold nothing for long, and take the processor from everybody all the same. So while the event loop is busy,
 * and somebody without a backlog is there, lanes of backlogs begin at a pace: the greatest at which the loop is free a part of its
 * time, and never less than what the others do together. Pure but for the clock.
 */
import { type EventLoopUtilization, performance } from "node:perf_hooks";

export interface Pace {
  /** Lanes of backlogs that may begin now. */
  left(): number;
  /** So many began. */
  began(count: number): void;
  /** Something of somebody without a backlog was done. */
  other(): void;
}

/** Part of its time for which the loop may be busy. */
const BUSY = 0.5;
/** Between two looks at the loop. */
const LOOK_MS = 100;
/** How long somebody counts as being there. */
const THERE_MS = 2_000;
/** Lanes a second that begin whatever comes. */
const LEAST = 50;
/** What may begin at once, in seconds of the pace. */
const BURST_S = 0.02;
/** Somebody comes: what has begun already goes on for a while, so that the pace begins low, and rises to where it may be. */
const FIRST = 0.25;
/** How the pace grows from look to look while the loop has time. */
const [FASTER, MORE] = [1.1, 10];

/** @param monotonic milliseconds @param loop as `performance.eventLoopUtilization` */
export function createPace(
  monotonic: () => number,
  loop: (since?: EventLoopUtilization) => EventLoopUtilization = performance.eventLoopUtilization,
): Pace {
  let looked = monotonic();
  let before = loop();
  /** Since the look: lanes of backlogs that began, and deliveries of others. */
  let [begun, others] = [0, 0];
  let there = Number.NEGATIVE_INFINITY;
  /** Lanes a second. */
  let pace = Number.POSITIVE_INFINITY;
  let allowed = 0;
  let filled = looked;

  function look(now: number): void {
    if (now - looked < LOOK_MS) return;
    const seconds = (now - looked) / 1_000;
    const { utilization } = loop(before);
    if (now - there > THERE_MS) pace = Number.POSITIVE_INFINITY;
    else if (utilization > BUSY) {
      const down = (BUSY / utilization) * (pace === Number.POSITIVE_INFINITY ? FIRST : 1);
      pace = Math.max(LEAST, others / seconds, Math.min(pace, begun / seconds) * down);
    } else pace = pace * FASTER + MORE;
    before = loop();
    looked = now;
    begun = 0;
    others = 0;
  }

  return {
    left() {
      const now = monotonic();
      look(now);
      if (pace === Number.POSITIVE_INFINITY) return pace;
      allowed = Math.min(allowed + (pace * (now - filled)) / 1_000, Math.max(1, pace * BURST_S));
      filled = now;
      return Math.floor(allowed);
    },
    began(count) {
      begun += count;
      allowed -= count;
    },
    other() {
      const now = monotonic();
      look(now);
      there = now;
      others += 1;
    },
  };
}
