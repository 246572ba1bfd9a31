/** Events along their ids, and which of them a definition had something to do with. */
import { statement } from "../../db/statement.ts";

/** $1 organization · $2 after this id · $3 up to this id · $4 how many · $5 $6 accepted then, both ends included; one that was erased, or that the organization keeps no longer, is not `inside` */
export const walkEvents = statement({
  name: "walk-events",
  text: `SELECT v.id, v.type, v.entity, v.entity_id, v.changes, v.scope, v.actor, v.application_id, v.created_at, COALESCE(octet_length(v.payload), 0) AS bytes,
      v.created_at >= GREATEST($5::timestamptz, (SELECT now() - o.retention_days * interval '1 day' FROM organization o WHERE o.id = $1::uuid)) AND v.created_at <= $6::timestamptz AND v.erased_at IS NULL AS inside
    FROM event v WHERE v.organization_id = $1::uuid AND v.id > $2::uuid AND v.id <= $3::uuid ORDER BY v.id LIMIT $4::int`,
  row: {
    ...{
      id: "uuid",
      type: "text",
      entity: "text?",
      entity_id: "text?",
      changes: "text[]",
      scope: "jsonb?",
      actor: "text?",
      application_id: "uuid?",
    },
    ...{ created_at: "timestamptz", bytes: "int4", inside: "bool" },
  },
});

/**
 * Those that a definition has, or had, a request for, and those that were only a test. A request is made with its event, or
 * by a replay, which leaves a mark; so does who deletes one. $1 organization · $2 events · $3 definition · $4 $5 lowest and
 * highest id that requests made with them can have
 */
export const eventsHad = statement({
  name: "events-had",
  text: `SELECT e.id FROM unnest($2::uuid[]) AS e (id) CROSS JOIN LATERAL (
      SELECT 1 FROM webhook_request r WHERE r.organization_id = $1::uuid AND r.event_id = e.id AND r.id >= $4::uuid AND r.id <= $5::uuid
        AND (r.definition_id = $3::uuid OR r.is_test) LIMIT 1 OFFSET 0) r
    UNION
    SELECT m.event_id FROM recovered_event m
    WHERE m.organization_id = $1::uuid AND m.event_id = ANY($2::uuid[]) AND (m.definition_id = $3::uuid OR m.is_test)`,
  row: { id: "uuid" },
});
