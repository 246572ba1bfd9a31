import { statement } from "../../db/statement.ts";

/** The log's rows, and their places in the queue. */
export const writeRequests = statement({
  name: "write-requests",
  text: `WITH given AS (
           SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int8[], $4::uuid[], $5::uuid[], $6::uuid[], $7::uuid[], $8::int8[], $9::int8[],
             $10::dialect[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::bool[])
           AS g(id, organization_id, number, definition_id, event_id, workflow_rule_id, lane_id, lane_number, position,
             dialect, event_type, entity, entity_id, url, fields_set, free)
         ), requests AS (
           INSERT INTO webhook_request (id, organization_id, number, definition_id, event_id, workflow_rule_id, lane_id, lane_number, position,
             state, dialect, event_type, entity, entity_id, url, fields_set, notification_status, created_at, updated_at)
           SELECT id, organization_id, number, definition_id, event_id, workflow_rule_id, lane_id, lane_number, position,
             'PENDING', dialect, event_type, entity, entity_id, url, fields_set::text[],
             CASE WHEN dialect = 'DOFORMS' THEN 'NEW'::notification_status END, $17::timestamptz, $17::timestamptz
           FROM given
         )
         INSERT INTO lane_entry (organization_id, lane_id, position, request_id, due_at)
         SELECT organization_id, lane_id, position, id, CASE WHEN free THEN '-infinity'::timestamptz END FROM given`,
  row: {},
});

/** When their lanes may be claimed: now. */
export const makeDue = statement({
  name: "make-due",
  text: `INSERT INTO lane_due AS q (organization_id, lane_id, definition_id, due_at)
         SELECT u.organization_id, u.lane_id, u.definition_id, now()
         FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS u(organization_id, lane_id, definition_id)
         ON CONFLICT (organization_id, lane_id) DO UPDATE SET due_at = EXCLUDED.due_at WHERE q.due_at > EXCLUDED.due_at`,
  row: {},
});
