/**
 * What is wrong right now, over all organizations. A definition that takes `hookline.*` is left out everywhere: it would be told of itself.
 */
import { statement } from "../../db/statement.ts";
import { ZERO_ID } from "../../db/values.ts";

const WATCHED = `d.state = 'ACTIVE' AND d.deleted_at IS NULL AND NOT EXISTS (SELECT 1 FROM unnest(d.event_types) p WHERE p LIKE 'hookline.%')`;

/** $1 since. Attempts of each definition that had any. */
export const readRates = statement({
  name: "read-alert-rates",
  text: `SELECT m.organization_id, m.definition_id, d.number, d.name, m.delivered, m.failed FROM organization o
      CROSS JOIN LATERAL (
        SELECT m.organization_id, m.definition_id, sum(m.delivered)::int8 AS delivered, sum(m.retried + m.rejected)::int8 AS failed
          FROM delivery_minute m WHERE m.organization_id = o.id AND m.minute >= $1::timestamptz AND m.definition_id <> '${ZERO_ID}'
         GROUP BY 1, 2 OFFSET 0) m
      JOIN webhook_definition d ON d.organization_id = m.organization_id AND d.id = m.definition_id AND ${WATCHED}`,
  row: { organization_id: "uuid", definition_id: "uuid", number: "int4", name: "text", delivered: "int8", failed: "int8" },
});

const LANE = `l.organization_id, l.id AS lane_id, l.key, l.definition_id, d.number, d.name`;
const LANE_ROW = { organization_id: "uuid", lane_id: "uuid", key: "text", definition_id: "uuid", number: "int4", name: "text" } as const;

/** $1 how many. Blocked lanes that were not told of, or were of another request. */
export const findBlocked = statement({
  name: "find-blocked-lanes",
  text: `SELECT ${LANE}, l.blocked_request_id AS request_id FROM lane l
      JOIN webhook_definition d ON d.organization_id = l.organization_id AND d.id = l.definition_id AND ${WATCHED}
     WHERE l.blocked_request_id IS NOT NULL AND NOT EXISTS (
       SELECT 1 FROM alert a WHERE a.organization_id = l.organization_id AND a.kind = 'lane.blocked' AND a.subject_id = l.id
         AND a.cause = l.blocked_request_id::text)
     LIMIT $1::int`,
  row: { ...LANE_ROW, request_id: "uuid" },
});

/** $1 the lowest id of a request that is young enough · $2 how many. Lanes that go on, with an older head, that were not told of. */
export const findLagging = statement({
  name: "find-lagging-lanes",
  text: `SELECT ${LANE}, h.request_id FROM lane_due q
      JOIN webhook_definition d ON d.organization_id = q.organization_id AND d.id = q.definition_id AND ${WATCHED}
      JOIN lane l ON l.organization_id = q.organization_id AND l.id = q.lane_id
      JOIN organization o ON o.id = q.organization_id AND o.deliveries_paused_at IS NULL
      CROSS JOIN LATERAL (
        SELECT e.request_id FROM lane_entry e WHERE e.organization_id = q.organization_id AND e.lane_id = q.lane_id
          AND e.position >= l.read_from ORDER BY e.position LIMIT 1) h
     WHERE q.due_at < 'infinity' AND h.request_id < $1::uuid AND NOT EXISTS (
       SELECT 1 FROM alert a WHERE a.organization_id = q.organization_id AND a.kind = 'lane.lagging' AND a.subject_id = q.lane_id)
     LIMIT $2::int`,
  row: { ...LANE_ROW, request_id: "uuid" },
});
