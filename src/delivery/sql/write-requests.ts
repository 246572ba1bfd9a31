import { statement } from "../../db/statement.ts";
import { rowsFrom } from "../../db/values.ts";

const REQUESTS = rowsFrom("g", {
  id: "$1::uuid[]",
  organization_id: "$2::uuid[]",
  number: "$3::int8[]",
  definition_id: "$4::uuid[]",
  event_id: "$5::uuid[]",
  workflow_rule_id: "$6::uuid[]",
  lane_id: "$7::uuid[]",
  lane_number: "$8::int8[]",
  position: "$9::int8[]",
  dialect: "$10::dialect[]",
  event_type: "$11::text[]",
  entity: "$12::text[]",
  entity_id: "$13::text[]",
  url: "$14::text[]",
  fields_set: "$15::text[]",
  free: "$16::bool[]",
});

/** The log's rows, and their places in the queue. */
export const writeRequests = statement({
  name: "write-requests",
  text: `WITH given AS (
           SELECT * FROM ${REQUESTS}
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
         FROM ${rowsFrom("u", { organization_id: "$1::uuid[]", lane_id: "$2::uuid[]", definition_id: "$3::uuid[]" })}
         ON CONFLICT (organization_id, lane_id) DO UPDATE SET due_at = EXCLUDED.due_at WHERE q.due_at > EXCLUDED.due_at`,
  row: {},
});
