import { statement } from "../../db/statement.ts";

/** Events of requests that are about to be sent, each once. */
export const readEventBodies = statement({
  name: "read-event-bodies",
  text: `SELECT v.organization_id, v.id, v.type, v.entity, v.entity_id, v.payload, v.previous, v.changes, v.scope, v.actor, v.caller_number,
           v.occurred_at, v.created_at AS accepted_at
         FROM unnest($1::uuid[], $2::uuid[]) AS u(organization_id, id)
         JOIN event v ON v.organization_id = u.organization_id AND v.id = u.id AND v.id >= $3::uuid AND v.id <= $4::uuid`,
  row: {
    organization_id: "uuid",
    id: "uuid",
    type: "text",
    entity: "text?",
    entity_id: "text?",
    payload: "text",
    previous: "text?",
    changes: "text[]",
    scope: "jsonb?",
    actor: "text?",
    caller_number: "int4?",
    occurred_at: "timestamptz",
    accepted_at: "timestamptz",
  },
});

/** What their first attempts sent: it is sent again as it was. */
export const readSentBodies = statement({
  name: "read-sent-bodies",
  text: `SELECT u.organization_id, u.id, (
           SELECT a.request_body FROM attempt a
           WHERE a.organization_id = u.organization_id AND a.request_id = u.id AND a.request_body IS NOT NULL ORDER BY a.number LIMIT 1
         ) AS sent_body
         FROM unnest($1::uuid[], $2::uuid[]) AS u(organization_id, id)`,
  row: { organization_id: "uuid", id: "uuid", sent_body: "text?" },
});
