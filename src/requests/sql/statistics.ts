/** Roll-ups of deliveries: everything that counts reads these rows, never the attempts themselves. */
import { statement } from "../../db/statement.ts";

/** Whose rows count for the totals already. */
export const FOLDED = "00000000-0000-0000-0000-000000000000";

/** $1 organization · $2 since · a row per definition and minute (an hour, after two days) and process */
export const readMinutes = statement({
  name: "read-delivery-minutes",
  text: `SELECT m.definition_id AS "definitionId", m.minute, m.delivered, m.retried, m.rejected, m.durations FROM delivery_minute m
    WHERE m.organization_id = $1::uuid AND m.minute >= $2::timestamptz`,
  row: { definitionId: "uuid", minute: "timestamptz", delivered: "int4", retried: "int4", rejected: "int4", durations: "int4[]" },
});

/** Of one definition: as `readMinutes`; $3 definition */
export const readDefinitionMinutes = statement({
  name: "read-delivery-minutes-of-definition",
  text: `${readMinutes.text} AND m.definition_id = $3::uuid`,
  row: readMinutes.row,
});

/** How often a definition called, ever: what was folded, and what was not yet. For statements over `FROM_TOTALS`. */
export const TOTALS = `(c.total_calls + COALESCE(m.calls, 0))::int8 AS "totalCalls", (c.total_errors + COALESCE(m.errors, 0))::int8 AS "totalErrors",
      GREATEST(c.last_attempt_at, m.last_attempt_at) AS "lastAttemptAt"`;
export const FROM_TOTALS = `FROM definition_counter c
    LEFT JOIN LATERAL (
      SELECT sum(m.delivered::int8 + m.retried + m.rejected) AS calls, sum(m.retried::int8 + m.rejected) AS errors, max(m.last_attempt_at) AS last_attempt_at
      FROM delivery_minute m WHERE m.organization_id = c.organization_id AND m.definition_id = c.definition_id AND m.process <> '${FOLDED}'
        AND m.minute > now() - interval '31 days') m ON true`;

/** $1 organization · $2 definitions */
export const readTotals = statement({
  name: "read-totals",
  text: `SELECT c.definition_id AS "definitionId", ${TOTALS} ${FROM_TOTALS}
    WHERE c.organization_id = $1::uuid AND c.definition_id = ANY($2::uuid[])`,
  row: { definitionId: "uuid", totalCalls: "int8", totalErrors: "int8", lastAttemptAt: "timestamptz?" },
});
