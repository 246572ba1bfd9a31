import { statement } from "../../db/statement.ts";
import { rowsFrom } from "../../db/values.ts";

/**
 * Locks the lanes in the order given, or makes them, and gives each so many numbers. A lane that comes into being starts
 * above its definition's floor. What is new in a free lane is due at once, whatever the others wait for.
 */
export const takeLaneNumbers = statement({
  name: "take-lane-numbers",
  text: `INSERT INTO lane AS l (organization_id, id, definition_id, key, epoch, free, settled_number, last_number, last_position, read_from)
         SELECT f.organization_id, f.id, f.definition_id, f.key, f.epoch, f.free, f.floor, f.floor + f.count, f.floor + f.count, f.floor
         FROM (
           SELECT u.*, (SELECT c.lane_floor FROM definition_counter c WHERE c.definition_id = u.definition_id) AS floor
           FROM ${rowsFrom("u", { organization_id: "$1::uuid[]", id: "$2::uuid[]", definition_id: "$3::uuid[]", key: "$4::text[]", epoch: "$5::int4[]", free: "$6::bool[]", count: "$7::int8[]" })}
         ) f
         ON CONFLICT (organization_id, id) DO UPDATE SET
           last_number = l.last_number + (EXCLUDED.last_number - EXCLUDED.settled_number),
           last_position = l.last_position + (EXCLUDED.last_number - EXCLUDED.settled_number),
           retry_at = CASE WHEN l.free THEN NULL ELSE l.retry_at END, idle_since = NULL
         RETURNING l.id, l.last_number, l.last_position, l.lease_token, COALESCE(l.leased_until > now(), false) AS leased,
           (l.paused_at IS NOT NULL OR l.blocked_request_id IS NOT NULL) AS held, COALESCE(l.retry_at > now(), false) AS waiting, l.revision`,
  row: {
    id: "uuid",
    last_number: "int8",
    last_position: "int8",
    lease_token: "uuid?",
    leased: "bool",
    held: "bool",
    waiting: "bool",
    revision: "int4",
  },
});
