/**
 * The states of a lane, and the only function that names them. They are not stored: each follows from the lane's row
 * and its head, so that no two columns can disagree.
 *
 *   IDLE     nothing queued                      → ingest, resend: READY
 *   READY    work, and nobody holds the lease    → claim: LEASED
 *   LEASED   a worker holds it and sends         → delivered: next, or IDLE · failed: WAITING · exhausted: next (SKIP) or BLOCKED (BLOCK)
 *                                                 · lease passed: READY again (sweep)
 *   WAITING  until retry_at                      → time, retry now, skip: READY
 *   BLOCKED  its rejected head stands in the way → resend, skip, retry now, activate: READY
 *   PAUSED   by an operator, or its definition is not ACTIVE: what is queued is kept → resume, activate: READY
 */
export type LaneState = "IDLE" | "READY" | "LEASED" | "WAITING" | "BLOCKED" | "PAUSED";

export interface LaneRow {
  pausedAt: Date | null;
  stoppedAt: Date | null;
  blockedRequestId: string | null;
  leasedUntil: Date | null;
  retryAt: Date | null;
}

/** @param queued requests that are not settled; a lease on an empty lane (kept open for the next event) is IDLE */
export function laneState(lane: LaneRow, queued: number, now: Date): LaneState {
  if (lane.pausedAt || lane.stoppedAt) return "PAUSED";
  if (lane.blockedRequestId) return "BLOCKED";
  if (queued === 0) return "IDLE";
  if (lane.leasedUntil && lane.leasedUntil > now) return "LEASED";
  if (lane.retryAt && lane.retryAt > now) return "WAITING";
  return "READY";
}
