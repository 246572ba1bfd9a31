/** What is blocked, by definition: from the index of lanes that are held up, never from the lanes as a whole. */
import { statement } from "../../db/statement.ts";

/** Blocked lanes of one definition that are counted; a lane that is paused as well is PAUSED, as delivery/lane-state.ts says. */
const BLOCKED = `SELECT l.organization_id, l.id, l.read_from FROM lane l
  WHERE l.organization_id = d.organization_id AND l.definition_id = d.id AND l.blocked_request_id IS NOT NULL AND l.paused_at IS NULL LIMIT`;

/**
 * Each definition with blocked lanes, those with most of them first.
 * $1 organization · $2 definitions; null: all · $3 lanes that are counted at most, of each
 */
export const countBlockedLanes = statement({
  name: "count-blocked-lanes",
  text: `SELECT d.id AS "definitionId", n.lanes FROM webhook_definition d
      JOIN organization o ON o.id = d.organization_id AND o.deliveries_paused_at IS NULL
      CROSS JOIN LATERAL (SELECT count(*)::int AS lanes FROM (${BLOCKED} $3::int) b) n
     WHERE d.organization_id = $1::uuid AND d.deleted_at IS NULL AND d.state = 'ACTIVE' AND ($2::uuid[] IS NULL OR d.id = ANY($2::uuid[]))
       AND n.lanes > 0
     ORDER BY n.lanes DESC, d.id`,
  row: { definitionId: "uuid", lanes: "int4" },
});

/**
 * What is queued in the blocked lanes of these definitions, their heads included.
 * $1 organization · $2 definitions · $3 lanes of each at most · $4 requests of each at most
 */
export const countBlockedRequests = statement({
  name: "count-blocked-requests",
  text: `SELECT d.id AS "definitionId", n.queued FROM webhook_definition d
      CROSS JOIN LATERAL (SELECT count(*)::int AS queued FROM (
        SELECT 1 FROM (${BLOCKED} $3::int) b
          JOIN lane_entry e ON e.organization_id = b.organization_id AND e.lane_id = b.id AND e.position >= b.read_from LIMIT $4::int) q) n
     WHERE d.organization_id = $1::uuid AND d.id = ANY($2::uuid[])`,
  row: { definitionId: "uuid", queued: "int4" },
});
