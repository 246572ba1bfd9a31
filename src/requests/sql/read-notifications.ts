/** doForms: the requests of a web service's definition, with what was sent. */
import { statement } from "../../db/statement.ts";

const COLUMNS = `r.id, r.organization_id AS "organizationId", r.notification_status AS status, r.notification_message AS message,
  r.created_at AS "createdAt", r.updated_at AS "updatedAt", r.event_type AS "eventType"`;
const ROW = {
  id: "uuid",
  organizationId: "uuid",
  status: "enum:notification_status",
  message: "text?",
  createdAt: "timestamptz",
  updatedAt: "timestamptz",
  eventType: "text",
} as const;

/** $1 organization · $2 definition · $3 request */
export const findNotificationById = statement({
  name: "find-notification",
  text: `SELECT ${COLUMNS}, e.payload
    FROM (SELECT * FROM webhook_request WHERE organization_id = $1::uuid AND id = $3::uuid OFFSET 0) r
    CROSS JOIN LATERAL (SELECT e.payload FROM event e WHERE e.organization_id = $1::uuid AND e.id = r.event_id OFFSET 0) e
    WHERE r.definition_id = $2::uuid AND r.notification_status IS NOT NULL`,
  row: { ...ROW, payload: "text" },
});

/** $1 organization · $2 definition · $3 status, null for all · $4 how many · $5 after so many. What they were sent is read apart: it may be large. */
export const listNotificationsNewestFirst = statement({
  name: "list-notifications",
  text: `SELECT ${COLUMNS}, r.event_id AS "eventId" FROM webhook_request r
    WHERE r.organization_id = $1::uuid AND r.definition_id = $2::uuid AND r.notification_status IS NOT NULL
      AND ($3::notification_status IS NULL OR r.notification_status = $3::notification_status)
    ORDER BY r.id DESC LIMIT $4::int OFFSET $5::int`,
  row: { ...ROW, eventId: "uuid" },
});
