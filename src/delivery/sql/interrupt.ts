import { statement } from "../../db/statement.ts";
import { rowsFrom } from "../../db/values.ts";

/** What the log says of a request that was cut off in the middle of an attempt. */
export const INTERRUPTED = {
  id: "uuid",
  organization_id: "uuid",
  definition_id: "uuid",
  attempt_count: "int4",
  manual: "bool",
  url: "text?",
  sending_at: "timestamptz?",
} as const;

/**
 * A request that its dead worker left as SENDING was perhaps sent: it gets an INTERRUPTED attempt, keeps its tries (a
 * kill never eats the retry budget) and is sent again under the same id. The entries are read by the queue's key, each
 * request by its own: nothing here depends on how much else is queued.
 */
export const interruptRequests = statement({
  name: "interrupt-requests",
  text: `WITH cut AS MATERIALIZED (
           SELECT r.organization_id, r.id, r.sending_at
           FROM ${rowsFrom("u", { organization_id: "$1::uuid[]", id: "$2::uuid[]" })}
           JOIN lane l ON l.organization_id = u.organization_id AND l.id = u.id
           CROSS JOIN LATERAL (
             (SELECT q.request_id FROM lane_entry q
              WHERE l.free AND q.organization_id = l.organization_id AND q.lane_id = l.id AND q.due_at IS NOT NULL
              ORDER BY q.due_at, q.position LIMIT $3::int8)
             UNION ALL
             (SELECT q.request_id FROM lane_entry q
              WHERE NOT l.free AND q.organization_id = l.organization_id AND q.lane_id = l.id AND q.position >= l.read_from
              ORDER BY q.position LIMIT $3::int8)
           ) e
           JOIN LATERAL (
             SELECT * FROM webhook_request r WHERE r.organization_id = u.organization_id AND r.id = e.request_id AND r.state = 'SENDING' OFFSET 0
           ) r ON true
         )
         UPDATE webhook_request r SET state = 'PENDING', attempt_count = r.attempt_count + 1, updated_at = now(), sending_at = NULL, next_attempt_at = NULL
         FROM cut WHERE r.organization_id = cut.organization_id AND r.id = cut.id
         RETURNING r.id, r.organization_id, r.definition_id, r.attempt_count, r.manual, r.url, cut.sending_at`,
  row: INTERRUPTED,
});

export const logInterrupted = statement({
  name: "log-interrupted",
  text: `INSERT INTO attempt (organization_id, request_id, number, outcome, manual, duration_ms, error_code, error_description, request_url, started_at)
         SELECT organization_id, request_id, number, 'INTERRUPTED', manual,
           GREATEST(0, round(extract(epoch FROM now() - started_at) * 1000)), 'INTERRUPTED', 'its worker died before the outcome was known', url, started_at
         FROM ${rowsFrom("a", { organization_id: "$1::uuid[]", request_id: "$2::uuid[]", number: "$3::int4[]", manual: "$4::bool[]", url: "$5::text[]", started_at: "$6::timestamptz[]" })}`,
  row: {},
});
