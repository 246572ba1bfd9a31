/** Definitions that their receivers stop. */
import type { PoolClient } from "../db/client.ts";

/** What else must be written when a definition is stopped by its receiver: in the same transaction. */
export type StopHook = (client: PoolClient, stopped: StoppedDefinition) => Promise<void>;

export interface StoppedDefinition {
  organizationId: string;
  definitionId: string;
  state: "STOPPED" | "TOO_MANY_ERRORS";
  reason: string;
  /** The request whose attempt did it. */
  requestId: string;
}

/** What a lane's step says about stopping. */
export interface StoppingStep {
  settlements: readonly { request: { id: string; definitionId: string; organizationId: string } }[];
  /** Failed attempts in a row that stop the definition; null: never. */
  stopAt: number | null;
  /** Its receiver said 410, and the dialect takes that for good. */
  gone: { state: StoppedDefinition["state"]; requestId: string } | null;
}

/**
 * Stops definitions whose receivers are gone or failed too often in a row, in the transaction that counted it: one row each,
 * however many lanes. None of those is claimed again until somebody activates the definition; what is queued is kept.
 * @returns the definitions that were stopped
 */
export async function stopDefinitions(
  client: PoolClient,
  steps: readonly StoppingStep[],
  errors: ReadonlyMap<string, number>,
  onStop: StopHook,
): Promise<Set<string>> {
  const stops = new Map<string, StoppedDefinition>();
  for (const step of steps) {
    const last = step.settlements.at(-1)?.request;
    if (!last) continue;
    const { definitionId, organizationId } = last;
    const inRow = errors.get(definitionId) ?? 0;
    if (step.gone) {
      stops.set(definitionId, {
        organizationId,
        definitionId,
        state: step.gone.state,
        reason: "the receiver answered 410 Gone",
        requestId: step.gone.requestId,
      });
    } else if (step.stopAt !== null && inRow >= step.stopAt) {
      stops.set(definitionId, {
        organizationId,
        definitionId,
        state: "TOO_MANY_ERRORS",
        reason: `${inRow} failed attempts in a row`,
        requestId: last.id,
      });
    }
  }
  const stopped = new Set<string>();
  // In the order in which everybody locks definitions.
  for (const stop of [...stops.values()].sort((a, b) => (a.definitionId < b.definitionId ? -1 : 1))) {
    const changed = await client.query(
      `UPDATE webhook_definition SET state = $3::webhook_definition_state, state_reason = $4, updated_at = now()
       WHERE organization_id = $1 AND id = $2 AND state = 'ACTIVE' AND deleted_at IS NULL`,
      [stop.organizationId, stop.definitionId, stop.state, stop.reason],
    );
    if (changed.rowCount === 0) continue;
    await onStop(client, stop);
    stopped.add(stop.definitionId);
  }
  return stopped;
}
