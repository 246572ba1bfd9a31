/** Requests by their ids, and those of events. */
import { statement } from "../../db/statement.ts";
import { REQUEST_COLUMNS } from "../row.ts";

export const REQUEST_ROW = {
  id: "uuid",
  organizationId: "uuid",
  number: "int8",
  definitionId: "uuid",
  eventId: "uuid",
  workflowRuleId: "uuid?",
  laneId: "uuid?",
  laneNumber: "int8",
  position: "int8",
  state: "enum:webhook_request_state",
  attemptCount: "int4",
  nextAttemptAt: "timestamptz?",
  isTest: "bool",
  dialect: "enum:dialect",
  eventType: "text",
  entity: "text?",
  entityId: "text?",
  url: "text?",
  fieldsSet: "text[]",
  authenticationCode: "text?",
  errorCode: "text?",
  errorDescription: "text?",
  notificationStatus: "enum:notification_status?",
  notificationMessage: "text?",
  updatedById: "uuid?",
  updatedUnit: "text?",
  createdAt: "timestamptz",
  updatedAt: "timestamptz",
  settledAt: "timestamptz?",
} as const;

/** $1 organization · $2 ids · $3 $4 lowest and highest of them */
export const readRequestsById = statement({
  name: "read-requests-by-id",
  text: `SELECT ${REQUEST_COLUMNS} FROM webhook_request r
    WHERE r.organization_id = $1::uuid AND r.id = ANY($2::uuid[]) AND r.id >= $3::uuid AND r.id <= $4::uuid`,
  row: REQUEST_ROW,
});

/**
 * A page of each event. $1 organization · $2 events · $3 below this id · $4 above this id · $5 how many of each ·
 * $6 $7 lowest and highest id that their requests can have, but for those that a replay made later
 */
const ofEvents = (name: string, order: "ASC" | "DESC") =>
  statement({
    name,
    text: `SELECT r.* FROM unnest($2::uuid[]) AS e (id) CROSS JOIN LATERAL (
        SELECT * FROM (
          (SELECT ${REQUEST_COLUMNS} FROM webhook_request r
            WHERE r.organization_id = $1::uuid AND r.event_id = e.id AND r.id < $3::uuid AND r.id > $4::uuid
              AND r.id >= $6::uuid AND r.id <= $7::uuid
            ORDER BY r.id ${order} LIMIT $5::int)
          UNION ALL
          (SELECT r.* FROM recovered_event m CROSS JOIN LATERAL (
              SELECT ${REQUEST_COLUMNS} FROM webhook_request r WHERE r.organization_id = m.organization_id AND r.id = m.request_id OFFSET 0) r
            WHERE m.organization_id = $1::uuid AND m.event_id = e.id AND m.request_id > $7::uuid
              AND m.request_id < $3::uuid AND m.request_id > $4::uuid)
        ) r ORDER BY r.id ${order} LIMIT $5::int) r
      ORDER BY r.id ${order}`,
    row: REQUEST_ROW,
  });
export const readRequestsOfEventsNewestFirst = ofEvents("read-requests-of-events-newest-first", "DESC");
export const readRequestsOfEventsOldestFirst = ofEvents("read-requests-of-events-oldest-first", "ASC");

/** $1 organization · $2 event · $3 $4 lowest and highest id that its requests can have · $5 how many at most */
export const countRequestsOfEventUpTo = statement({
  name: "count-requests-of-event",
  text: `SELECT count(*) AS count FROM (
      (SELECT 1 FROM webhook_request r WHERE r.organization_id = $1::uuid AND r.event_id = $2::uuid
         AND r.id >= $3::uuid AND r.id <= $4::uuid LIMIT $5::int)
      UNION ALL
      (SELECT 1 FROM recovered_event m CROSS JOIN LATERAL (
           SELECT 1 FROM webhook_request r WHERE r.organization_id = m.organization_id AND r.id = m.request_id OFFSET 0) r
         WHERE m.organization_id = $1::uuid AND m.event_id = $2::uuid AND m.request_id > $4::uuid)) AS counted`,
  row: { count: "int8" },
});
