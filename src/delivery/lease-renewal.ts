/** Keeps the leases of lanes that are in the middle of a long send. */
import type { Core } from "../core.ts";
import { renewLeases } from "./lane-claim.ts";
import type { LaneRef } from "./lane-id.ts";
import type { LaneRun } from "./run.ts";

/** Part of a lease without a sign of life. */
const RENEW_AFTER = 0.3;

export interface Renewal {
  renew(): Promise<void>;
  /** It is held here no more. */
  forget(ref: LaneRef): void;
}

export function createRenewal({ clock, db }: Pick<Core, "clock" | "db">, runs: ReadonlyMap<LaneRef, LaneRun>, leaseMs: number): Renewal {
  const renewed = new Map<LaneRef, number>();
  return {
    async renew() {
      const now = clock.monotonic();
      const busy = [...runs.values()].filter(
        (run) => run.working && now - Math.max(run.lastActive, renewed.get(run.ref) ?? 0) > leaseMs * RENEW_AFTER,
      );
      if (busy.length === 0) return;
      const { kept, lost } = await renewLeases(
        db,
        busy.map((run) => run.lane),
        leaseMs,
      );
      for (const run of busy) {
        if (lost.has(run.ref)) run.lost();
        if (!kept.has(run.ref)) continue;
        renewed.set(run.ref, now);
        run.renewed(now);
      }
    },
    forget: (ref) => void renewed.delete(ref),
  };
}
