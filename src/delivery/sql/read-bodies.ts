import { statement } from "../../db/statement.ts";
import { rowsFrom } from "../../db/values.ts";
import { sentBody } from "./sent-body.ts";

/** Events of requests that are about to be sent, each once. */
export const readEventBodies = statement({
  name: "read-event-bodies",
  text: `SELECT v.organization_id, v.id, v.type, v.entity, v.entity_id, v.payload, v.previous, v.changes, v.scope, v.actor, v.caller_number, v.traceparent, v.tracestate,
           v.occurred_at, v.created_at AS accepted_at
         FROM ${rowsFrom("u", { organization_id: "$1::uuid[]", id: "$2::uuid[]" })}
         CROSS JOIN LATERAL (
           SELECT * FROM event v WHERE v.organization_id = u.organization_id AND v.id = u.id AND v.id >= $3::uuid AND v.id <= $4::uuid OFFSET 0
         ) v`,
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
    traceparent: "text?",
    tracestate: "text?",
    occurred_at: "timestamptz",
    accepted_at: "timestamptz",
  },
});

/** What an earlier attempt of each sent, and made beside the body: it is sent again as it was. Of those that were tried. */
export const readSentBodies = statement({
  name: "read-sent-bodies",
  text: `SELECT u.organization_id, u.id, s.body AS sent_body, s.rendering
         FROM ${rowsFrom("u", { organization_id: "$1::uuid[]", id: "$2::uuid[]", event_id: "$3::uuid[]" })}
         CROSS JOIN LATERAL (
           SELECT v.id, v.type, v.occurred_at, v.payload FROM event v WHERE v.organization_id = u.organization_id AND v.id = u.event_id OFFSET 0
         ) v
         JOIN LATERAL (
           SELECT ${sentBody("a", "v")} AS body, a.rendering FROM attempt a
           WHERE a.organization_id = u.organization_id AND a.request_id = u.id AND a.request_body IS NOT NULL
           ORDER BY a.number DESC LIMIT 1
         ) s ON true`,
  row: { organization_id: "uuid", id: "uuid", sent_body: "text?", rendering: "text?" },
});
