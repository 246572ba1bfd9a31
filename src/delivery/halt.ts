/** Why a lane stops sending for now, and what an answer means for it. Pure. */
import type { LaneStep, Settlement } from "./settlement.ts";

export type Halt = { kind: "WAIT"; reason: string | null } | { kind: "BLOCK"; requestId: string; reason: string } | { kind: "LEAVE" };

/** @param halted what stops it already @param gone its receiver is gone for good */
export function haltOf(settlement: Settlement, free: boolean, gone: boolean, halted: Halt | null): Halt | null {
  const reason = settlement.attempt?.errorCode ?? null;
  if (settlement.blocks) return { kind: "BLOCK", requestId: settlement.request.id, reason: reason ?? "REJECTED" };
  if (settlement.waitMs !== null && !free) return { kind: "WAIT", reason };
  if (gone || settlement.state === "PENDING") return halted ?? { kind: "LEAVE" };
  return halted;
}

/** What the step that lets the lane go says of it. */
export const releaseOf = (halt: Halt | null): LaneStep["release"] => (halt?.kind === "LEAVE" ? { kind: "WAIT", reason: null } : halt);
