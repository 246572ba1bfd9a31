/** After an operator's move on a lane whose row is locked: its holder reads it anew, and whoever may claim it looks at it now. */
import type { PoolClient } from "../db/client.ts";

const TOUCH = `
  UPDATE lane SET revision = revision + 1, retry_at = NULL,
    idle_since = CASE WHEN lease_token IS NULL AND NOT EXISTS (SELECT 1 FROM lane_entry e WHERE e.organization_id = lane.organization_id AND e.lane_id = lane.id) THEN now() END,
    blocked_request_id = CASE WHEN blocked_request_id = $3 THEN NULL ELSE blocked_request_id END,
    blocked_reason = CASE WHEN blocked_request_id = $3 OR blocked_request_id IS NULL THEN NULL ELSE blocked_reason END
  WHERE organization_id = $1 AND id = $2`;

/** A lane that is paused or blocked, or empty, is not due; one that is held keeps the end of its lease. */
export const DUE = `
  INSERT INTO lane_due AS q (organization_id, lane_id, definition_id, due_at)
  SELECT l.organization_id, l.id, l.definition_id, GREATEST(l.leased_until, now()) FROM lane l
  WHERE l.organization_id = $1 AND l.id = ANY($2::uuid[]) AND l.paused_at IS NULL AND l.blocked_request_id IS NULL
    AND EXISTS (SELECT 1 FROM lane_entry e WHERE e.organization_id = l.organization_id AND e.lane_id = l.id)
  ORDER BY l.organization_id, l.id
  ON CONFLICT (organization_id, lane_id) DO UPDATE SET due_at = EXCLUDED.due_at`;

/** @param requestId the request that was moved: the lane is blocked by it no longer */
export async function touchLane(client: PoolClient, organizationId: string, laneId: string, requestId: string | null): Promise<void> {
  await client.query(TOUCH, [organizationId, laneId, requestId]);
  await client.query(DUE, [organizationId, [laneId]]);
}
