import { statement } from "../../db/statement.ts";

/** Requests as they are now, as the live feed tells it. */
export const requestAsChange = statement({
  name: "request-as-change",
  text: `SELECT r.id, r.definition_id, r.state, r.attempt_count,
           (extract(epoch FROM r.next_attempt_at - now()) * 1000)::float8 AS wait_ms, r.error_code, r.error_description, r.url, r.notification_status
         FROM unnest($2::uuid[]) AS u(id)
         CROSS JOIN LATERAL (SELECT * FROM webhook_request r WHERE r.organization_id = $1::uuid AND r.id = u.id OFFSET 0) r ORDER BY r.id`,
  row: {
    id: "uuid",
    definition_id: "uuid",
    state: "enum:webhook_request_state",
    attempt_count: "int4",
    wait_ms: "float8?",
    error_code: "text?",
    error_description: "text?",
    url: "text?",
    notification_status: "enum:notification_status?",
  },
});
