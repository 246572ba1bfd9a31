import { statement } from "../../db/statement.ts";
import { idBetween, rowsFrom } from "../../db/values.ts";

const SETTLEMENTS = rowsFrom("s", {
  organization_id: "$1::uuid[]",
  id: "$2::uuid[]",
  lane_id: "$3::uuid[]",
  position: "$4::int8[]",
  state: "$5::webhook_request_state[]",
  attempt_count: "$6::int4[]",
  tries: "$7::int4[]",
  wait_ms: "$8::float8[]",
  requeue_at: "$9::int8[]",
  keeps: "$10::bool[]",
  url: "$11::text[]",
  authentication_code: "$12::text[]",
  fields_set: "$13::text[]",
  error_code: "$14::text[]",
  error_description: "$15::text[]",
  notification_status: "$16::notification_status[]",
  notification_message: "$17::text[]",
  free: "$18::bool[]",
});

/** The requests, and their places in the queue: gone, or later. A free lane's entry always has a due time. */
export const settleRequests = statement({
  name: "settle-requests",
  text: `WITH s AS (
           SELECT * FROM ${SETTLEMENTS}
         ), requests AS (
           UPDATE webhook_request r SET state = s.state, attempt_count = s.attempt_count, tries = s.tries, manual = r.manual AND s.state = 'PENDING',
             rerender = r.rerender AND s.state = 'PENDING', sending_at = NULL,
             next_attempt_at = now() + s.wait_ms * interval '1 ms', position = COALESCE(s.requeue_at, r.position),
             failed = s.state IN ('REJECTED', 'SKIPPED'), url = COALESCE(s.url, r.url), authentication_code = s.authentication_code,
             fields_set = s.fields_set::text[], error_code = s.error_code, error_description = s.error_description,
             notification_status = CASE WHEN r.notification_status IN ('COMPLETED', 'FAILED') THEN r.notification_status
               ELSE COALESCE(s.notification_status, r.notification_status) END,
             notification_message = COALESCE(s.notification_message, r.notification_message), updated_at = now(),
             settled_at = CASE WHEN s.state IN ('DELIVERED', 'REJECTED', 'SKIPPED') THEN now() END
           FROM s WHERE r.organization_id = s.organization_id AND r.id = s.id AND ${idBetween("r.id", "$19", "$20")}
           RETURNING r.id
         ), gone AS (
           DELETE FROM lane_entry e USING s WHERE e.organization_id = s.organization_id AND e.lane_id = s.lane_id AND e.position = s.position
             AND s.state IN ('DELIVERED', 'REJECTED', 'SKIPPED') AND NOT s.keeps
         ), later AS (
           UPDATE lane_entry e SET due_at = COALESCE(now() + s.wait_ms * interval '1 ms', CASE WHEN s.free THEN '-infinity'::timestamptz END),
             position = COALESCE(s.requeue_at, e.position)
           FROM s WHERE e.organization_id = s.organization_id AND e.lane_id = s.lane_id AND e.position = s.position
             AND (s.state NOT IN ('DELIVERED', 'REJECTED', 'SKIPPED') OR s.keeps)
         )
         SELECT count(*) AS settled FROM requests`,
  row: { settled: "int8?" },
});
