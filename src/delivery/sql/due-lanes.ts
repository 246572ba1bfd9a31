import { statement } from "../../db/statement.ts";

/** Always one row at least, which says what time it is there; and, where $4 asks, when the next one is due: a parked one (infinity) never is. */
export const dueLanes = statement({
  name: "due-lanes",
  text: `SELECT now() AS now, CASE WHEN $4::bool THEN (SELECT min(n.due_at) FROM lane_due n WHERE n.due_at > now() AND n.due_at < 'infinity') END AS next,
           q.organization_id, q.lane_id, q.definition_id, q.due_at
         FROM (SELECT 1) AS one LEFT JOIN (
           SELECT organization_id, lane_id, definition_id, due_at FROM lane_due WHERE due_at >= $1::timestamptz AND due_at <= now()
             AND definition_id <> ALL($3::uuid[]) ORDER BY due_at LIMIT $2::int8
         ) q ON true ORDER BY q.due_at`,
  row: {
    now: "timestamptz",
    next: "timestamptz?",
    organization_id: "uuid?",
    lane_id: "uuid?",
    definition_id: "uuid?",
    due_at: "timestamptz?",
  },
});
