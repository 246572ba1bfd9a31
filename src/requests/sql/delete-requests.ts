/**
 * Statements over one partition, whose name stands in the text: they follow its key, so that each reads what it handles
 * and nothing else.
 */

/** Where a walk along (organization_id, id) stands. */
export interface Walked {
  /** Rows looked at. */
  walked: number;
  /** Of these: deleted, or (`countKept`) still needed. */
  count: number;
  organization: string | null;
  id: string | null;
}

/** It has a place in its lane, or blocks it. */
const QUEUED = `(EXISTS (SELECT 1 FROM lane l WHERE l.organization_id = r.organization_id AND l.id = r.lane_id AND l.blocked_request_id = r.id)
    OR EXISTS (SELECT 1 FROM lane_entry e WHERE e.organization_id = r.organization_id AND e.lane_id = r.lane_id
         AND e.position = r.position AND e.request_id = r.id))`;
const LAST = `(SELECT organization_id FROM walked ORDER BY organization_id DESC, id DESC LIMIT 1) AS organization,
  (SELECT id FROM walked ORDER BY organization_id DESC, id DESC LIMIT 1) AS id`;

/** Everybody's rows, or those of the organization $1 whose ids are below $5. */
export type Whose = "EVERYBODYS" | "OWN";
const AFTER: Record<Whose, string> = {
  EVERYBODYS: "(w.organization_id, w.id) > ($1::uuid, $2::uuid)",
  OWN: "w.organization_id = $1::uuid AND w.id > $2::uuid AND w.id < $5::uuid",
};
const WALKED = (partition: string, whose: Whose) => `walked AS MATERIALIZED (
    SELECT w.organization_id, w.id FROM ${partition} w WHERE ${AFTER[whose]}
     ORDER BY w.organization_id, w.id LIMIT $3::int)`;

/**
 * An event may outlive its request, and the organization may keep more again: so that no replay takes the event for one that the
 * definition missed. The marks go with the event.
 */
const MARKED = `marked AS (
    INSERT INTO recovered_event (organization_id, event_id, definition_id, is_test)
    SELECT DISTINCT ON (organization_id, event_id, definition_id) organization_id, event_id, definition_id, is_test FROM old
     ORDER BY organization_id, event_id, definition_id ON CONFLICT DO NOTHING
  ), `;
const UNMARKED = `unmarked AS (
    DELETE FROM recovered_event m USING old WHERE m.organization_id = old.organization_id AND m.event_id = old.id
  ), `;

/**
 * $1 $2 after this row · $3 how many rows · $4 settled before. What is queued stays whatever its state says, and so does
 * what somebody else holds: a resend that is under way wins, and one that comes later finds nothing.
 */
export const deleteSettled = (partition: string, whose: Whose = "EVERYBODYS"): string => `
  WITH ${WALKED(partition, whose)}, old AS (
    SELECT r.organization_id, r.id, r.event_id, r.definition_id, r.is_test FROM walked w JOIN ${partition} r ON r.organization_id = w.organization_id AND r.id = w.id
     WHERE r.settled_at < $4::timestamptz AND r.created_at < $4::timestamptz
       AND NOT ${QUEUED}
     FOR UPDATE OF r SKIP LOCKED
  ), ${whose === "OWN" ? MARKED : ""}attempts AS (
    DELETE FROM attempt a USING old WHERE a.organization_id = old.organization_id AND a.request_id = old.id
  ), gone AS (
    DELETE FROM ${partition} r USING old WHERE r.organization_id = old.organization_id AND r.id = old.id RETURNING 1
  )
  SELECT (SELECT count(*)::int FROM walked) AS walked, (SELECT count(*)::int FROM gone) AS count, ${LAST}`;

/** $1 $2 after this row · $3 how many rows · $4 settled before: how many were not. */
export const countKept = (partition: string): string => `
  WITH ${WALKED(partition, "EVERYBODYS")}
  SELECT (SELECT count(*)::int FROM walked) AS walked,
    (SELECT count(*)::int FROM walked w JOIN ${partition} r ON r.organization_id = w.organization_id AND r.id = w.id
      WHERE r.settled_at IS NULL OR r.settled_at >= $4::timestamptz OR r.created_at >= $4::timestamptz OR ${QUEUED}) AS count, ${LAST}`;

/** $1 $2 after this row · $3 how many rows · $4 created before. Events that no request needs any more. */
export const deleteUnneededEvents = (partition: string, whose: Whose = "EVERYBODYS"): string => `
  WITH ${WALKED(partition, whose)}, old AS (
    SELECT r.organization_id, r.id FROM walked w JOIN ${partition} r ON r.organization_id = w.organization_id AND r.id = w.id
     WHERE r.created_at < $4::timestamptz
       AND NOT EXISTS (SELECT 1 FROM webhook_request q WHERE q.organization_id = r.organization_id AND q.event_id = r.id)
     FOR UPDATE OF r SKIP LOCKED
  ), ${whose === "OWN" ? UNMARKED : ""}gone AS (
    DELETE FROM ${partition} r USING old WHERE r.organization_id = old.organization_id AND r.id = old.id RETURNING 1
  )
  SELECT (SELECT count(*)::int FROM walked) AS walked, (SELECT count(*)::int FROM gone) AS count, ${LAST}`;
