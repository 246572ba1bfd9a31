import { statement } from "../../db/statement.ts";
import { rowsFrom } from "../../db/values.ts";
import { newestLane } from "./newest-lane.ts";

/** So many attempts may all be INTERRUPTED ones: sender.ts gives a request up at as many. */
const MANY = 24;

/**
 * The next requests of each lane: a strict one from its first unsettled request, a free one by what is due. Each branch
 * walks one index; the request and its event are found by their keys, in the partition that the id names (OFFSET 0: one by one,
 * whatever the planner knows of a partition that is new). Of payloads it brings the sizes, which stand apart from them: read-bodies.ts reads those of requests that are about to be sent.
 */
export const readLanePages = statement({
  name: "read-lanes",
  text: `SELECT l.organization_id AS lane_organization, l.id AS entry_lane, l.last_number, l.revision,
           extract(epoch FROM GREATEST(e.due_at - now(), interval '0'))::float8 * 1000 AS due_in_ms,
           r.id, r.definition_id, r.dialect, r.number, r.lane_number, r.position, r.attempt_count, r.tries, r.manual, r.is_test, r.created_at, r.state,
           r.rerender,
           CASE WHEN r.attempt_count >= ${MANY} THEN (
             SELECT count(*) FROM attempt a WHERE a.organization_id = r.organization_id AND a.request_id = r.id
               AND a.number > r.attempt_count - ${MANY} AND a.outcome = 'INTERRUPTED'
           ) END AS interruptions,
           v.id AS event_id, octet_length(v.payload) + COALESCE(octet_length(v.previous), 0) + COALESCE(octet_length(v.scope::text), 0)
             + CASE WHEN cardinality(v.changes) > 0 THEN octet_length(array_to_string(v.changes, ',')) ELSE 0 END AS event_bytes
         FROM ${rowsFrom("w", { organization_id: "$1::uuid[]", lane_id: "$2::uuid[]" })}
         CROSS JOIN LATERAL (
           ${newestLane("w.organization_id", "w.lane_id")}
         ) l
         LEFT JOIN LATERAL (
           (SELECT q.request_id, q.position, NULLIF(q.due_at, '-infinity') AS due_at FROM lane_entry q
            WHERE l.free AND q.organization_id = l.organization_id AND q.lane_id = l.id AND q.due_at <= now() AND q.request_id <> ALL($3::uuid[])
            ORDER BY q.due_at, q.position LIMIT $4::int8)
           UNION ALL
           (SELECT q.request_id, q.position, q.due_at FROM lane_entry q
            WHERE NOT l.free AND q.organization_id = l.organization_id AND q.lane_id = l.id AND q.position >= l.read_from AND q.request_id <> ALL($3::uuid[])
            ORDER BY q.position LIMIT $4::int8)
         ) e ON true
         LEFT JOIN LATERAL (
           SELECT * FROM webhook_request r WHERE r.organization_id = l.organization_id AND r.id = e.request_id OFFSET 0
         ) r ON true
         LEFT JOIN LATERAL (
           SELECT v.id, v.payload, v.previous, v.scope, v.changes FROM event v
           WHERE v.organization_id = r.organization_id AND v.id = r.event_id OFFSET 0
         ) v ON true
         ORDER BY l.organization_id, l.id, e.position`,
  row: {
    lane_organization: "uuid",
    entry_lane: "uuid",
    last_number: "int8",
    revision: "int4",
    due_in_ms: "float8?",
    id: "uuid?",
    definition_id: "uuid?",
    dialect: "enum:dialect?",
    number: "int8?",
    lane_number: "int8?",
    position: "int8?",
    attempt_count: "int4?",
    tries: "int4?",
    manual: "bool?",
    is_test: "bool?",
    created_at: "timestamptz?",
    state: "enum:webhook_request_state?",
    rerender: "bool?",
    interruptions: "int8?",
    event_id: "uuid?",
    event_bytes: "int4?",
  },
});
