/** Events as the log shows them; their texts are read apart, since they may be large. */
import { statement } from "../../db/statement.ts";

/** Their columns. */
export const EVENT_FIELDS = {
  id: "id",
  organizationId: "organization_id",
  type: "type",
  entity: "entity",
  entityId: "entity_id",
  changes: "changes",
  scope: "scope",
  actor: "actor",
  source: "source",
  applicationId: "application_id",
  traceparent: "traceparent",
  tracestate: "tracestate",
  occurredAt: "occurred_at",
  createdAt: "created_at",
} as const;
const COLUMNS = Object.entries(EVENT_FIELDS)
  .map(([field, column]) => `e.${column} AS "${field}"`)
  .join(", ");
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
  traceparent: "text?",
  tracestate: "text?",
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

/** $1 organization · $2 ids · $3 $4 lowest and highest of them */
export const readEventTexts = statement({
  name: "read-event-texts",
  text: `SELECT e.id, e.payload, e.previous FROM event e
    WHERE e.organization_id = $1::uuid AND e.id = ANY($2::uuid[]) AND e.id >= $3::uuid AND e.id <= $4::uuid`,
  row: { id: "uuid", payload: "text", previous: "text?" },
});

/** The same of their payloads alone. */
export const readEventPayloads = statement({
  name: "read-event-payloads",
  text: `SELECT e.id, e.payload FROM event e
    WHERE e.organization_id = $1::uuid AND e.id = ANY($2::uuid[]) AND e.id >= $3::uuid AND e.id <= $4::uuid`,
  row: { id: "uuid", payload: "text" },
});
