/**
 * What is wrong right now, over all organizations. A definition that takes `hookline.*` is left out everywhere: it would be told of itself.
 */
import { statement } from "../../db/statement.ts";
import { definitionOf } from "../../delivery/sql/definition-of.ts";
import { FIRST_NEW } from "../../delivery/sql/first-new.ts";

const WATCHED = `d.state = 'ACTIVE' AND d.deleted_at IS NULL AND NOT EXISTS (SELECT 1 FROM unnest(d.event_types) p WHERE p LIKE 'hookline.%')`;

/** $1 since. Attempts of each definition that had any. */
export const readRates = statement({
  name: "read-alert-rates",
  text: `SELECT d.organization_id, d.id AS definition_id, d.number, d.name, m.delivered, m.failed FROM webhook_definition d
      CROSS JOIN LATERAL (
        SELECT sum(m.delivered)::int8 AS delivered, sum(m.retried + m.rejected)::int8 AS failed
          FROM delivery_minute m WHERE m.organization_id = d.organization_id AND m.definition_id = d.id AND m.minute >= $1::timestamptz) m
     WHERE ${WATCHED} AND m.delivered IS NOT NULL`,
  row: { organization_id: "uuid", definition_id: "uuid", number: "int4", name: "text", delivered: "int8", failed: "int8" },
});

const LANE = `l.organization_id, l.id AS lane_id, l.key, l.definition_id, d.number, d.name`;
const LANE_ROW = { organization_id: "uuid", lane_id: "uuid", key: "text", definition_id: "uuid", number: "int4", name: "text" } as const;

/** $1 how many. Blocked lanes that were not told of, or were of another request. */
export const findBlocked = statement({
  name: "find-blocked-lanes",
  text: `SELECT ${LANE}, l.blocked_request_id AS request_id FROM webhook_definition d
      CROSS JOIN LATERAL (
        SELECT l.organization_id, l.id, l.key, l.definition_id, l.blocked_request_id FROM lane l
         WHERE l.organization_id = d.organization_id AND l.definition_id = d.id AND l.blocked_request_id IS NOT NULL AND (
           SELECT a.cause FROM alert a WHERE a.organization_id = l.organization_id AND a.kind = 'lane.blocked' AND a.subject_id = l.id
         ) IS DISTINCT FROM l.blocked_request_id::text
         LIMIT $1::int) l
     WHERE ${WATCHED}
     LIMIT $1::int`,
  row: { ...LANE_ROW, request_id: "uuid" },
});

/** $1, $2 after which lane · $3 how many lanes on. Up to which lane of those with work that is; none: to the last. */
export const laneAhead = statement({
  name: "lane-ahead",
  text: `SELECT organization_id, lane_id FROM lane_due WHERE (organization_id, lane_id) > ($1::uuid, $2::uuid)
     ORDER BY organization_id, lane_id OFFSET $3::int LIMIT 1`,
  row: { organization_id: "uuid", lane_id: "uuid" },
});

/**
 * $1 the lowest id of a request that is young enough · $2 how many · $3, $4 after which lane · $5, $6 up to which one. Lanes that go
 * on, with an older head that nobody resent, that were not told of.
 */
export const findLagging = statement({
  name: "find-lagging-lanes",
  text: `SELECT ${LANE}, h.request_id FROM (
        SELECT organization_id, lane_id, definition_id FROM lane_due
         WHERE (organization_id, lane_id) > ($3::uuid, $4::uuid) AND (organization_id, lane_id) <= ($5::uuid, $6::uuid) AND due_at < 'infinity'
         ORDER BY organization_id, lane_id OFFSET 0) q
      CROSS JOIN LATERAL (
        SELECT d.number, d.name FROM ${definitionOf("q.definition_id")} d JOIN organization o ON o.id = d.organization_id AND o.deliveries_paused_at IS NULL
         WHERE ${WATCHED} OFFSET 0) d
      CROSS JOIN LATERAL (
        SELECT l.organization_id, l.id, l.key, l.definition_id, l.read_from, l.settled_number FROM lane l
         WHERE l.organization_id = q.organization_id AND l.id = q.lane_id OFFSET 0) l
      CROSS JOIN LATERAL (
        SELECT e.request_id FROM lane_entry e WHERE e.organization_id = q.organization_id AND e.lane_id = q.lane_id
          AND e.position >= ${FIRST_NEW} ORDER BY e.position LIMIT 1) h
     WHERE h.request_id < $1::uuid AND NOT EXISTS (
       SELECT 1 FROM alert a WHERE a.organization_id = q.organization_id AND a.kind = 'lane.lagging' AND a.subject_id = q.lane_id)
     LIMIT $2::int`,
  row: { ...LANE_ROW, request_id: "uuid" },
});
