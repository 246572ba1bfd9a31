/** Lanes held here that have nothing to do, or no place to do it: since when, and which of them are let go of. */
import type { Core } from "../core.ts";
import { releaseLanes } from "./lane-claim.ts";
import type { LaneRef } from "./lane-id.ts";
import type { LaneRun } from "./run.ts";

export interface IdleLanes {
  /** From now on, unless it was before. */
  add(ref: LaneRef): void;
  delete(ref: LaneRef): void;
  has(ref: LaneRef): boolean;
  readonly size: number;
  /** Lets go of those that had nothing to do for long enough. One round at a time. */
  release(): Promise<void>;
}

/** Part of a lease. An empty lane stays open so long: opening one for every single event would halve the rate. */
const IDLE = 0.7;
/** Empty lanes stay open up to so many: ten thousands of keys that had one event each would keep all others from being opened with their first. */
const MOST_IDLE = 12_000;
/** Lanes that one statement lets go of. */
const RELEASE_BATCH = 512;

export function createIdleLanes(
  { clock, db }: Pick<Core, "clock" | "db">,
  runs: ReadonlyMap<LaneRef, LaneRun>,
  leaseMs: number,
): IdleLanes {
  /** In the order in which they became idle. */
  const since = new Map<LaneRef, number>();
  let releasing = false;

  /** Of those that are hungry none is one too many: it has work. */
  function tooLong(): LaneRun[] {
    const now = clock.monotonic();
    let tooMany = since.size - MOST_IDLE;
    const old: LaneRun[] = [];
    for (const [ref, at] of since) {
      const run = runs.get(ref);
      if (run && (now - at > leaseMs * IDLE || (!run.hungry && tooMany-- > 0))) old.push(run);
    }
    return old;
  }

  async function giveBack(lanes: readonly LaneRun[]): Promise<void> {
    for (let at = 0; at < lanes.length; at += RELEASE_BATCH) {
      // Those that found something to do while others were let go of stay.
      const batch = lanes.slice(at, at + RELEASE_BATCH).filter((run) => since.has(run.ref) && !run.working);
      if (batch.length === 0) continue;
      const gone = await releaseLanes(
        db,
        batch.map((run) => ({ ...run.lane, lastNumber: run.lastNumber, revision: run.revision })),
      );
      for (const run of batch) {
        if (!since.delete(run.ref)) continue;
        if (gone.has(run.ref)) run.released();
        else run.news();
      }
    }
  }

  return {
    add(ref) {
      if (!since.has(ref)) since.set(ref, clock.monotonic());
    },
    delete: (ref) => void since.delete(ref),
    has: (ref) => since.has(ref),
    get size() {
      return since.size;
    },
    async release() {
      const old = tooLong();
      // It waits for a place for longer than its lease would last: without one, it waits as well.
      for (const run of old) if (run.hungry) run.leave();
      const empty = old.filter((run) => !run.hungry);
      if (empty.length === 0 || releasing) return;
      releasing = true;
      await giveBack(empty).finally(() => {
        releasing = false;
      });
    },
  };
}
