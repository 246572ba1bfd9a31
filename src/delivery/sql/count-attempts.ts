import { statement } from "../../db/statement.ts";
import { rowsFrom } from "../../db/values.ts";

/**
 * Roll-ups: each process adds to rows of its own, so nobody waits for another's disk. Histograms are added in the statement's own
 * plan: the function `add_durations`, which Postgres does not take apart, costs ten times as much.
 */
export const addDeliveries = statement({
  name: "add-deliveries",
  text: `INSERT INTO delivery_minute AS m (organization_id, definition_id, minute, process, delivered, retried, rejected, durations, last_attempt_at)
         SELECT u.organization_id, u.definition_id, date_trunc('minute', now(), 'UTC'), $1::uuid, u.delivered, u.retried, u.rejected, u.durations::int4[], now()
         FROM ${rowsFrom("u", { organization_id: "$2::uuid[]", definition_id: "$3::uuid[]", delivered: "$4::int4[]", retried: "$5::int4[]", rejected: "$6::int4[]", durations: "$7::text[]" })}
         ON CONFLICT (organization_id, definition_id, minute, process) DO UPDATE SET delivered = m.delivered + EXCLUDED.delivered,
           retried = m.retried + EXCLUDED.retried, rejected = m.rejected + EXCLUDED.rejected,
           durations = ARRAY(SELECT COALESCE(d.a, 0) + COALESCE(d.b, 0) FROM (SELECT unnest(m.durations) AS a, unnest(EXCLUDED.durations) AS b) AS d), last_attempt_at = EXCLUDED.last_attempt_at`,
  row: {},
});

/** Errors in a row: a row is touched only where the number changes. @returns those that changed, as they are now */
export const countErrors = statement({
  name: "count-errors",
  text: `WITH u AS (
           SELECT * FROM ${rowsFrom("u", { definition_id: "$1::uuid[]", success: "$2::bool[]", fails: "$3::int4[]", last_error: "$4::text[]" })}
         ), locked AS (
           SELECT c.definition_id FROM u JOIN definition_counter c ON c.definition_id = u.definition_id
           WHERE u.fails > 0 OR (u.success AND c.consecutive_errors <> 0)
           ORDER BY c.definition_id FOR UPDATE OF c
         )
         UPDATE definition_counter c SET consecutive_errors = CASE WHEN u.success THEN u.fails ELSE c.consecutive_errors + u.fails END,
           last_error = COALESCE(u.last_error, c.last_error)
         FROM locked, u WHERE c.definition_id = locked.definition_id AND u.definition_id = c.definition_id
         RETURNING c.definition_id, c.consecutive_errors`,
  row: { definition_id: "uuid", consecutive_errors: "int4" },
});
