/** What a chore mends of lanes, with their rows locked by a statement before. */
import { statement } from "../../db/statement.ts";
import { rowsFrom } from "../../db/values.ts";

/** Entries whose request is not there. Whoever calls makes sure that no partition is outside its table meanwhile. */
export const deleteStrayEntries = statement({
  name: "delete-stray-entries",
  text: `DELETE FROM lane_entry e USING ${rowsFrom("u", { organization_id: "$1::uuid[]", lane_id: "$2::uuid[]", position: "$3::int8[]" })}
         WHERE e.organization_id = u.organization_id AND e.lane_id = u.lane_id AND e.position = u.position
           AND NOT EXISTS (SELECT 1 FROM webhook_request r WHERE r.organization_id = e.organization_id AND r.id = e.request_id OFFSET 0)
         RETURNING e.organization_id, e.lane_id, e.request_id`,
  row: { organization_id: "uuid", lane_id: "uuid", request_id: "uuid" },
});

/** Whoever may claim them looks at them again. @returns those that had no due time */
export const insertMissingDue = statement({
  name: "insert-missing-due",
  text: `INSERT INTO lane_due (organization_id, lane_id, definition_id, due_at)
         SELECT l.organization_id, l.id, l.definition_id, GREATEST(l.retry_at, now())
         FROM ${rowsFrom("u", { organization_id: "$1::uuid[]", id: "$2::uuid[]" })} JOIN lane l ON l.organization_id = u.organization_id AND l.id = u.id
         WHERE l.paused_at IS NULL AND l.blocked_request_id IS NULL AND (l.leased_until IS NULL OR l.leased_until <= now())
           AND EXISTS (SELECT 1 FROM lane_entry e WHERE e.organization_id = l.organization_id AND e.lane_id = l.id AND e.position >= l.read_from OFFSET 0)
         ORDER BY l.organization_id, l.id
         ON CONFLICT (organization_id, lane_id) DO NOTHING RETURNING organization_id, lane_id`,
  row: { organization_id: "uuid", lane_id: "uuid" },
});
