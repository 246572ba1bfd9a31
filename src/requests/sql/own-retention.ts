/** What goes sooner of organizations that keep less than the installation does. */
import { statement } from "../../db/statement.ts";

/** $1 the installation's days */
export const shorterRetentions = statement({
  name: "shorter-retentions",
  text: `SELECT o.id, o.retention_days AS days FROM organization o WHERE o.retention_days < $1::int ORDER BY o.id`,
  row: { id: "uuid", days: "int4" },
});

/** $1 organization · $2 below this id */
export const oldestRequest = statement({
  name: "oldest-request-below",
  text: `SELECT r.id FROM webhook_request r WHERE r.organization_id = $1::uuid AND r.id < $2::uuid ORDER BY r.organization_id, r.id LIMIT 1`,
  row: { id: "uuid" },
});

/** $1 organization · $2 below this id */
export const oldestEvent = statement({
  name: "oldest-event-below",
  text: `SELECT v.id FROM event v WHERE v.organization_id = $1::uuid AND v.id < $2::uuid ORDER BY v.organization_id, v.id LIMIT 1`,
  row: { id: "uuid" },
});

/** $1 organization · $2 numbered before · $3 how many. From the feed's beginning, as a cursor would read it. */
export const deleteOwnFeed = statement({
  name: "delete-own-feed",
  text: `WITH first AS MATERIALIZED (
      SELECT f.sequence, f.created_at FROM feed_entry f WHERE f.organization_id = $1::uuid ORDER BY f.sequence LIMIT $3::int
       FOR UPDATE SKIP LOCKED)
    DELETE FROM feed_entry f USING first
     WHERE f.organization_id = $1::uuid AND f.sequence = first.sequence AND f.created_at = first.created_at
       AND first.created_at < $2::timestamptz`,
  row: {},
});

/** What has ended. $1 organization · $2 not touched since · $3 how many */
const deleteOwnEnded = (name: string, table: "replay" | "erasure") =>
  statement({
    name,
    text: `DELETE FROM ${table} p WHERE p.organization_id = $1::uuid AND p.id = ANY(ARRAY(
      SELECT f.id FROM ${table} f WHERE f.organization_id = $1::uuid AND f.state <> 'RUNNING' AND f.updated_at < $2::timestamptz
       LIMIT $3::int FOR UPDATE SKIP LOCKED))`,
    row: {},
  });

export const deleteOwnReplays = deleteOwnEnded("delete-own-replays", "replay");
/** Their filters name whom they were about. */
export const deleteOwnErasures = deleteOwnEnded("delete-own-erasures", "erasure");
