/** Events as the log shows them; their texts are read apart, since they may be large. */
import { statement } from "../../db/statement.ts";

const COLUMNS = `e.id, e.organization_id AS "organizationId", e.type, e.entity, e.entity_id AS "entityId", e.changes, e.scope, e.actor,
  e.source, e.application_id AS "applicationId", e.occurred_at AS "occurredAt", e.created_at AS "createdAt"`;
const ROW = {
  id: "uuid",
  organizationId: "uuid",
  type: "text",
  entity: "text?",
  entityId: "text?",
  changes: "text[]",
  scope: "jsonb?",
  actor: "text?",
  source: "text?",
  applicationId: "uuid?",
  occurredAt: "timestamptz",
  createdAt: "timestamptz",
} as const;

/** $1 organization · $2 ids · $3 $4 lowest and highest of them */
export const readEventsById = statement({
  name: "read-events-by-id",
  text: `SELECT ${COLUMNS} FROM event e
    WHERE e.organization_id = $1::uuid AND e.id = ANY($2::uuid[]) AND e.id >= $3::uuid AND e.id <= $4::uuid`,
  row: ROW,
});

/** $1 organization · $2 below this id · $3 above this id · $4 how many */
const list = (name: string, order: "ASC" | "DESC") =>
  statement({
    name,
    text: `SELECT ${COLUMNS} FROM event e
      WHERE e.organization_id = $1::uuid AND e.id < $2::uuid AND e.id > $3::uuid ORDER BY e.id ${order} LIMIT $4::int`,
    row: ROW,
  });
export const listEventsNewestFirst = list("list-events-newest-first", "DESC");
export const listEventsOldestFirst = list("list-events-oldest-first", "ASC");

/** $1 organization · $2 how many at most */
export const countEventsUpTo = statement({
  name: "count-events",
  text: "SELECT count(*) AS count FROM (SELECT 1 FROM event e WHERE e.organization_id = $1::uuid LIMIT $2::int) AS counted",
  row: { count: "int8" },
});

/** $1 organization · $2 ids · $3 $4 lowest and highest of them */
export const readEventTexts = statement({
  name: "read-event-texts",
  text: `SELECT e.id, e.payload, e.previous FROM event e
    WHERE e.organization_id = $1::uuid AND e.id = ANY($2::uuid[]) AND e.id >= $3::uuid AND e.id <= $4::uuid`,
  row: { id: "uuid", payload: "text", previous: "text?" },
});
