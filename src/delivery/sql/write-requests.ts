import { statement } from "../../db/statement.ts";

/** The log's rows, their places in the queue, and when their lanes may be claimed. */
export const writeRequests = statement({
  name: "write-requests",
  text: `WITH given AS (
           SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int8[], $4::uuid[], $5::uuid[], $6::uuid[], $7::uuid[], $8::int8[], $9::int8[],
             $10::webhook_request_state[], $11::dialect[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::bool[])
           AS g(id, organization_id, number, definition_id, event_id, workflow_rule_id, lane_id, lane_number, position,
             state, dialect, event_type, entity, entity_id, url, fields_set, free)
         ), requests AS (
           INSERT INTO webhook_request (id, organization_id, number, definition_id, event_id, workflow_rule_id, lane_id, lane_number, position,
             state, dialect, event_type, entity, entity_id, url, fields_set, notification_status, sending_at, created_at, updated_at)
           SELECT id, organization_id, number, definition_id, event_id, workflow_rule_id, lane_id, lane_number, position,
             state, dialect, event_type, entity, entity_id, url, fields_set::text[],
             CASE WHEN dialect = 'DOFORMS' THEN 'NEW'::notification_status END, CASE WHEN state = 'SENDING' THEN now() END, $18::timestamptz, $18::timestamptz
           FROM given
         ), entries AS (
           INSERT INTO lane_entry (organization_id, lane_id, position, request_id, due_at)
           SELECT organization_id, lane_id, position, id, CASE WHEN free THEN '-infinity'::timestamptz END FROM given
         )
         INSERT INTO lane_due AS q (organization_id, lane_id, definition_id, due_at)
         SELECT u.organization_id, u.lane_id, u.definition_id, now()
         FROM unnest($19::uuid[], $20::uuid[], $21::uuid[]) AS u(organization_id, lane_id, definition_id)
         ON CONFLICT (organization_id, lane_id) DO UPDATE SET due_at = EXCLUDED.due_at WHERE q.due_at > EXCLUDED.due_at`,
  row: {},
});
