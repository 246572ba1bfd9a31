/** What a lane's run is given, and whom it tells. */
import type { Clock } from "../clock.ts";
import type { Bodies } from "./bodies.ts";
import type { Committer } from "./committer.ts";
import type { Bytes } from "./fairness/bytes.ts";
import type { Places } from "./fairness/places.ts";
import type { LanePage } from "./lane-claim.ts";
import type { Plans } from "./plan.ts";
import type { Sender } from "./sender.ts";
import type { Settlement } from "./settlement.ts";

export interface RunParts<Run> {
  clock: Clock;
  retryScale: number;
  leaseMs: number;
  committer: Committer;
  plans: Plans;
  sender: Sender;
  places: Places;
  bytes: Bytes;
  bodies: Bodies;
  /** Undefined: there is no such lane any more. */
  read(run: Run): Promise<LanePage | undefined>;
  /** Nothing to do, or no place to do it: `run.hungry` tells. */
  idle(run: Run): void;
  /** Let go of the lane: it is no longer ours. @param dueMs known wait of its next request; 0: at once */
  left(run: Run, dueMs: number | null): void;
  /** An attempt was settled: for metrics, the log and turns. */
  settled(run: Run, settlement: Settlement): void;
}
