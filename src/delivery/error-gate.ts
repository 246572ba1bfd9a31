/**
 * Definitions that their receivers' errors stop (superoffice: nine in a row): how many calls may be under way. With `stopAt`
 * failures known and a few calls still in flight, at most two more end after the one that stops it, whatever the concurrency.
 * What waits here is not sent; once the definition is known to have failed that often it goes back to its queue.
 */
import type { Clock } from "../clock.ts";
import type { Plan } from "./plan.ts";

/** Calls in flight that may end after the failure that stops the definition. */
const MOST_AFTER = 2;
/** Failures are settled within this time; one that still is not was given up with its lease, and counts no more. */
const SETTLED_MS = 2_000;

export interface ErrorGate {
  /** Waits for its turn. @returns false: the definition is about to be stopped, nothing may be sent */
  enter(plan: Plan): Promise<boolean>;
  /** @param failed null: nothing was called */
  leave(plan: Plan, failed: boolean | null): void;
}

interface Count {
  plan: Plan;
  /** In a row, as far as this process knows. */
  errors: number;
  /** Monotonic milliseconds of the first and the last of them. */
  firstAt: number;
  lastAt: number;
  inFlight: number;
  waiting: (() => void)[];
}

export function createErrorGate(clock: Pick<Clock, "monotonic">): ErrorGate {
  const counts = new Map<string, Count>();

  /** A plan that was loaded anew says how many were settled by then; one that says none was activated, or has had a success. */
  function learn(count: Count, plan: Plan): void {
    if (count.plan === plan) return;
    count.plan = plan;
    if (plan.consecutiveErrors > 0) count.errors = Math.max(count.errors, plan.consecutiveErrors);
    else if (clock.monotonic() - count.firstAt > SETTLED_MS / 2) count.errors = 0;
  }

  function countOf(plan: Plan): Count {
    const { id } = plan.definition;
    let count = counts.get(id);
    if (!count) {
      const now = clock.monotonic();
      count = { plan, errors: plan.consecutiveErrors, firstAt: now, lastAt: now, inFlight: 0, waiting: [] };
      counts.set(id, count);
    }
    learn(count, plan);
    return count;
  }

  return {
    async enter(plan) {
      const stopAt = plan.definition.policy.maxConsecutiveErrors;
      if (stopAt === null) return true;
      for (;;) {
        const count = countOf(plan);
        if (count.errors >= stopAt) {
          if (clock.monotonic() - count.lastAt < SETTLED_MS) return false;
          count.errors = stopAt - 1;
        }
        // The first may always go: a bound of one error would otherwise let nothing through.
        if (count.inFlight === 0 || count.errors + count.inFlight < stopAt + MOST_AFTER) {
          count.inFlight += 1;
          return true;
        }
        await new Promise<void>((resolve) => count.waiting.push(resolve));
      }
    },
    leave(plan, failed) {
      const count = plan.definition.policy.maxConsecutiveErrors === null ? undefined : counts.get(plan.definition.id);
      if (!count) return;
      count.inFlight = Math.max(0, count.inFlight - 1);
      if (failed === false) count.errors = 0;
      if (failed === true) {
        count.lastAt = clock.monotonic();
        if (count.errors === 0) count.firstAt = count.lastAt;
        count.errors += 1;
      }
      const waiting = count.waiting.splice(0);
      if (count.errors === 0 && count.inFlight === 0 && waiting.length === 0) counts.delete(plan.definition.id);
      for (const resolve of waiting) resolve();
    },
  };
}
